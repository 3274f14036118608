"""The steps of `sync-index`."""

from dataclasses import dataclass
from typing import ClassVar

from app.names import ProjectName
from app.steps.step import Step


@dataclass(frozen=True, slots=True)
class AddProject(Step):
    """Write the first pages of a project."""

    verb: ClassVar[str] = "add"
    project: ProjectName
    serial: int | None = None

    def __str__(self) -> str:
        """Return the sentence."""
        return f"add {self.project}{_at(self.serial)}"


@dataclass(frozen=True, slots=True)
class UpdateProject(Step):
    """Write a project's pages anew, because the serial says that they changed."""

    verb: ClassVar[str] = "update"
    project: ProjectName
    serial: int | None = None
    # Whether upstream's list names it, as far as is known: then a 404 is doubtful.
    listed: bool = True

    def __str__(self) -> str:
        """Return the sentence."""
        return f"update {self.project}{_at(self.serial)}"


@dataclass(frozen=True, slots=True)
class RevalidateProject(Step):
    """Ask upstream whether a project's page has changed."""

    verb: ClassVar[str] = "revalidate"
    project: ProjectName
    # As in `UpdateProject`.
    listed: bool = True

    def __str__(self) -> str:
        """Return the sentence."""
        return f"revalidate {self.project}"


@dataclass(frozen=True, slots=True)
class RenderProject(Step):
    """Write a project's pages anew from what is here, because they would look different."""

    verb: ClassVar[str] = "render"
    # Only where what is here does not suffice.
    asks: ClassVar[bool] = False
    project: ProjectName

    def __str__(self) -> str:
        """Return the sentence."""
        return f"render {self.project} anew"


@dataclass(frozen=True, slots=True)
class ChangeProject(Step):
    """What rendering a project anew would change: for a dry run, which carries out nothing."""

    verb: ClassVar[str] = "change"
    project: ProjectName
    # The files that would come and go; whole projects have a reason in place of them.
    come: tuple[str, ...] = ()
    go: tuple[str, ...] = ()
    why: str = ""

    def __str__(self) -> str:
        """Return the sentence."""
        parts = [f"+{name}" for name in self.come] + [f"-{name}" for name in self.go]
        files = f": {', '.join(parts)}" if parts else ""
        return f"render {self.project} anew{files}{f' ({self.why})' if self.why else ''}"


@dataclass(frozen=True, slots=True)
class CompleteProject(Step):
    """Fetch the legacy JSON that a project's pages lack."""

    verb: ClassVar[str] = "complete"
    project: ProjectName

    def __str__(self) -> str:
        """Return the sentence."""
        return f"complete {self.project} with its legacy JSON"


@dataclass(frozen=True, slots=True)
class AskUpstream(Step):
    """Ask upstream for its list: the last step of a plan that was made without it."""

    verb: ClassVar[str] = "ask"
    parallel: ClassVar[bool] = False

    def __str__(self) -> str:
        """Return the sentence."""
        return "ask upstream for its list of projects"


@dataclass(frozen=True, slots=True)
class RemoveGone(Step):
    """Take away the projects whose pages upstream turned out to have no more."""

    verb: ClassVar[str] = "remove"
    parallel: ClassVar[bool] = False

    def __str__(self) -> str:
        """Return the sentence."""
        return "remove the projects that upstream has no more"


@dataclass(frozen=True, slots=True)
class Withdraw(Step):
    """Delete every held file that no page lists any more."""

    verb: ClassVar[str] = "withdraw"
    parallel: ClassVar[bool] = False

    def __str__(self) -> str:
        """Return the sentence."""
        return "delete held files that no page lists any more"


@dataclass(frozen=True, slots=True)
class DenyFiles(Step):
    """Refuse known-bad files before anything else is done."""

    verb: ClassVar[str] = "deny"
    parallel: ClassVar[bool] = False
    asks: ClassVar[bool] = False
    digests: int

    def __str__(self) -> str:
        """Return the sentence."""
        return f"refuse the files that have one of {self.digests} denied digests, and no others"


@dataclass(frozen=True, slots=True)
class KeepList(Step):
    """Note which list of upstream's the index is in step with."""

    verb: ClassVar[str] = "keep"
    parallel: ClassVar[bool] = False
    last: int | None
    etag: str | None = None
    last_modified: str | None = None
    # How far the changelog has been followed: a copy of the list may be older than that.
    followed: int | None = None
    # For which projects that is so: another choice, or other filters, ask for all of it again.
    scope: str = ""

    @property
    def known(self) -> int | None:
        """The last serial that the index is in step with, whichever way it was told."""
        told = [serial for serial in (self.last, self.followed) if serial is not None]
        return max(told, default=None)

    def __str__(self) -> str:
        """Return the sentence."""
        return f"note that upstream's list{_at(self.known)} is done"


@dataclass(frozen=True, slots=True)
class WriteRoot(Step):
    """Write the list of projects."""

    verb: ClassVar[str] = "root"
    parallel: ClassVar[bool] = False

    def __str__(self) -> str:
        """Return the sentence."""
        return "write the list of projects"


def _at(serial: int | None) -> str:
    return "" if serial is None else f" to serial {serial}"
