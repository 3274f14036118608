"""What filters decide, each decision with the rule that made it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.model import File


class Scope(StrEnum):
    """What a verdict is about."""

    PROJECT = "project"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Verdict:
    """In, or out; by which key of the configuration, and why, in one sentence."""

    shown: bool
    rule: str
    reason: str
    # When it may be another though nothing but the time has changed; None: never.
    until: int | None = None


IN = Verdict(shown=True, rule="", reason="no filter keeps it out")
"""The verdict of no rule at all."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What upstream's legacy JSON says of a project."""

    classifiers: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """A file and its verdict."""

    file: File
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Judgement:
    """What becomes of a project."""

    project: Verdict
    files: Sequence[Judged]
    # The next moment at which some of it may change by itself.
    until: int | None
    # Its files are never held.
    metadata_only: bool

    @property
    def shown(self) -> list[File]:
        """The files that the index lists."""
        return [one.file for one in self.files if self.project.shown and one.verdict.shown]

    @property
    def hides(self) -> bool:
        """Whether anything is left out."""
        return not self.project.shown or any(not one.verdict.shown for one in self.files)
