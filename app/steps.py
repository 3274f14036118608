"""The steps that plans are made of: data, each printing as one sentence.

The sentence is a step's line in a dry run, in the log, and when it fails.
"""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from app.names import FilePath, ProjectName

MOVES = ("fetch", "promote", "demote", "evict")
"""The verbs that change the holdings, as a wish's sentence counts them."""


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

    def __str__(self) -> str:
        """Return the sentence."""
        return f"update {self.project}{_at(self.serial)}"


@dataclass(frozen=True, slots=True)
class RevalidateProject(Step):
    """Ask upstream whether a project's page has changed."""

    verb: ClassVar[str] = "revalidate"
    project: ProjectName

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
class Evict(Step):
    """Delete a held file, because something better wants its room or nobody wants it."""

    verb: ClassVar[str] = "evict"
    parallel: ClassVar[bool] = False
    path: FilePath
    tier: int
    bytes: int

    def __str__(self) -> str:
        """Return the sentence."""
        return f"evict {_name(self.path)} from tier {self.tier}"


@dataclass(frozen=True, slots=True)
class Move(Step):
    """Carry a held file to another tier."""

    parallel: ClassVar[bool] = False
    path: FilePath
    source: int
    target: int
    bytes: int

    @property
    def verb(self) -> str:  # type: ignore[override]
        """Promote to a hotter tier, demote to a colder one."""
        return "promote" if self.target < self.source else "demote"

    def __str__(self) -> str:
        """Return the sentence."""
        return f"{self.verb} {_name(self.path)} from tier {self.source} to tier {self.target}"


@dataclass(frozen=True, slots=True)
class Fetch(Step):
    """Download a file, check it, and hold it."""

    verb: ClassVar[str] = "fetch"
    path: FilePath
    tier: int
    bytes: int

    def __str__(self) -> str:
        """Return the sentence."""
        return f"fetch {_name(self.path)} to tier {self.tier}"


@dataclass(frozen=True, slots=True)
class Adopt(Step):
    """Check a file on a tier's disk that is not as recorded; hold it or delete it."""

    verb: ClassVar[str] = "adopt"
    path: FilePath
    tier: int
    bytes: int

    def __str__(self) -> str:
        """Return the sentence."""
        return f"check and adopt {_name(self.path)} as it is on tier {self.tier}"


@dataclass(frozen=True, slots=True)
class Drop(Step):
    """Delete a second copy, or a companion without its file."""

    verb: ClassVar[str] = "drop"
    parallel: ClassVar[bool] = False
    path: FilePath
    tier: int
    bytes: int

    def __str__(self) -> str:
        """Return the sentence."""
        return f"delete {_name(self.path)} from tier {self.tier}, which should not have it"


@dataclass(frozen=True, slots=True)
class DropPartial(Step):
    """Delete a partial download that no wish goes on with on its tier."""

    verb: ClassVar[str] = "drop-partial"
    parallel: ClassVar[bool] = False
    name: str
    tier: int
    bytes: int

    def __str__(self) -> str:
        """Return the sentence."""
        return f"delete the partial download {self.name} from tier {self.tier}"


@dataclass(frozen=True, slots=True)
class FetchCompanion(Step):
    """Download the core metadata of a file that is here without it."""

    verb: ClassVar[str] = "fetch-metadata"
    path: FilePath
    tier: int

    def __str__(self) -> str:
        """Return the sentence."""
        return f"fetch the metadata of {_name(self.path)} to tier {self.tier}"


@dataclass(frozen=True, slots=True)
class Lose(Step):
    """Note that held files are not on the disk any more."""

    verb: ClassVar[str] = "lose"
    parallel: ClassVar[bool] = False
    paths: tuple[FilePath, ...]

    def __str__(self) -> str:
        """Return the sentence."""
        return f"note that {len(self.paths)} held files are gone from the disk"


@dataclass(frozen=True, slots=True)
class PutOff(Step):
    """Leave a step to a later run; carrying it out changes nothing."""

    verb: ClassVar[str] = "put-off"
    parallel: ClassVar[bool] = False
    step: Step
    reason: str

    def data(self) -> dict[str, Any]:
        """Return the step that is put off, and why."""
        return {"step": self.verb, "what": self.step.data(), "reason": self.reason}

    def __str__(self) -> str:
        """Return the sentence."""
        return f"put off: {self.step}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Verify(Step):
    """Hash a held file again."""

    verb: ClassVar[str] = "verify"
    parallel: ClassVar[bool] = False
    path: FilePath
    tier: int
    bytes: int

    def __str__(self) -> str:
        """Return the sentence."""
        return f"verify {_name(self.path)} on tier {self.tier}"


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
    steps: tuple[Step, ...] = ()

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
class ReadSpool(Step):
    """Count the votes that nginx wrote while the app was away."""

    verb: ClassVar[str] = "spool"
    parallel: ClassVar[bool] = False
    bytes: int

    def __str__(self) -> str:
        """Return the sentence."""
        return f"count the votes in {self.bytes} bytes of nginx's spool"


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
class KeepList(Step):
    """Note which list of upstream's the index is in step with."""

    verb: ClassVar[str] = "keep"
    parallel: ClassVar[bool] = False
    last: int | None
    etag: str | None = None
    last_modified: str | None = None
    # How far the changelog has been followed: a copy of the list may be older than that.
    followed: int | None = None

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


def _at(serial: int | None) -> str:
    return "" if serial is None else f" to serial {serial}"


def _name(path: FilePath) -> str:
    return path.rpartition("/")[2]
