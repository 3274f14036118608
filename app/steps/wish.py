"""The steps of `score` and of those that tidy up after everybody."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from app.names import FilePath
from app.steps.step import Step

MOVES = ("fetch", "promote", "demote", "evict")
"""The verbs that change the holdings, as a wish's sentence counts them."""


@dataclass(frozen=True, slots=True)
class ReadSpool(Step):
    """Count the votes that nginx wrote while the app was away."""

    verb: ClassVar[str] = "spool"
    parallel: ClassVar[bool] = False
    bytes: int

    def __str__(self) -> str:
        """Return the sentence."""
        return f"count the votes in {self.bytes} bytes of nginx's spool"


@dataclass(frozen=True, slots=True)
class ReadTraffic(Step):
    """Add up what nginx has answered."""

    verb: ClassVar[str] = "traffic"
    parallel: ClassVar[bool] = False
    bytes: int

    def __str__(self) -> str:
        """Return the sentence."""
        return f"add up the answers in {self.bytes} bytes of nginx's traffic spool"


@dataclass(frozen=True, slots=True)
class SettleVotes(Step):
    """Count the votes that workers of the app took and did not write before they ended."""

    verb: ClassVar[str] = "settle"
    parallel: ClassVar[bool] = False
    workers: int
    lost: int

    def __str__(self) -> str:
        """Return the sentence."""
        return f"settle {self.workers} workers of the app that have ended: {self.lost} votes lost"


@dataclass(frozen=True, slots=True)
class HandOn(Step):
    """Let new releases take over votes from the ones before them."""

    verb: ClassVar[str] = "hand-on"
    parallel: ClassVar[bool] = False
    files: int

    def __str__(self) -> str:
        """Return the sentence."""
        if not self.files:
            return "note which files are new; none follows one that is wanted"
        return f"let {self.files} new files take over votes from the release before"


@dataclass(frozen=True, slots=True)
class AskSize(Step):
    """Ask the file host for a size that the index does not tell."""

    verb: ClassVar[str] = "size"
    path: FilePath

    def __str__(self) -> str:
        """Return the sentence."""
        return f"ask for the size of {_name(self.path)}"


@dataclass(frozen=True, slots=True)
class StoreWish(Step):
    """Put down what should be here."""

    verb: ClassVar[str] = "wish"
    parallel: ClassVar[bool] = False
    # The wish as of the plan, and what it leads to; None where nobody has asked.
    files: int | None = None
    steps: Sequence[Step] = ()

    def data(self) -> dict[str, Any]:
        """Return the wish and the steps that it leads to."""
        steps = [step.data() for step in self.steps]
        return {"step": self.verb, "files": self.files, "steps": steps}

    def __str__(self) -> str:
        """Return the sentence."""
        if self.files is None:
            return "decide which files should be here"
        counts = Counter(step.verb for step in self.steps)
        leads = ", ".join(f"{counts[verb]} to {verb}" for verb in MOVES if counts[verb])
        return f"wish for {self.files} files: {leads or 'no change'}"


@dataclass(frozen=True, slots=True)
class Clean(Step):
    """Delete what has expired, of one kind."""

    verb: ClassVar[str] = "clean"
    parallel: ClassVar[bool] = False
    kind: str
    count: int

    def __str__(self) -> str:
        """Return the sentence."""
        return f"delete {self.count} {self.kind}"


def _name(path: FilePath) -> str:
    return path.rpartition("/")[2]
