"""The steps of `bundle` and `load`: each stands for many files, of which there may be millions."""

from dataclasses import dataclass
from typing import ClassVar

from app.steps.step import Step


@dataclass(frozen=True, slots=True)
class WriteBundle(Step):
    """Write a bundle."""

    verb: ClassVar[str] = "bundle"
    parallel: ClassVar[bool] = False
    asks: ClassVar[bool] = False
    target: str
    # What it brings and takes away; None where nobody has counted.
    files: int | None = None
    bytes: int | None = None
    gone: int | None = None

    def __str__(self) -> str:
        """Return the sentence."""
        if self.files is None:
            return f"write {self.target}"
        what = f"{self.files} files, {self.bytes} bytes, {self.gone} deletions"
        return f"write {self.target}: {what}"


@dataclass(frozen=True, slots=True)
class LoadPart(Step):
    """Take in one part of a bundle, or take away what is gone."""

    verb: ClassVar[str] = "load"
    parallel: ClassVar[bool] = False
    asks: ClassVar[bool] = False
    part: str
    files: int
    bytes: int

    def __str__(self) -> str:
        """Return the sentence."""
        if self.part == "deletions":
            return f"delete {self.files} files"
        return f"load {self.files} files of {self.part}, {self.bytes} bytes"
