"""The step that has files stay."""

from dataclasses import dataclass
from typing import ClassVar

from app.names import FilePath
from app.steps.step import Step


@dataclass(frozen=True, slots=True)
class PinFiles(Step):
    """Have files here whatever their votes, from now on."""

    verb: ClassVar[str] = "pin"
    parallel: ClassVar[bool] = False
    asks: ClassVar[bool] = False
    paths: tuple[FilePath, ...]
    reason: str

    def __str__(self) -> str:
        """Return the sentence."""
        return f"pin {len(self.paths)} file{'s' * (len(self.paths) != 1)}"
