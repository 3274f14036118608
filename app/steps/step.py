"""What every step is: data that prints as one sentence."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, idempotent: doing it twice is doing it once."""

    verb: ClassVar[str]
    # Whether it may run beside its neighbours; the others run alone, in order.
    parallel: ClassVar[bool] = True
    # Whether it asks upstream: such a step is not tried any more once upstream is away.
    asks: ClassVar[bool] = True

    def data(self) -> dict[str, Any]:
        """Return the step as plain data, for `--json`."""
        return {"step": self.verb, **asdict(self)}
