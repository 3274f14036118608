"""The steps that change the holdings, or check them."""

from dataclasses import dataclass
from typing import Any, ClassVar

from app.names import FilePath
from app.steps.step import Step


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


def _name(path: FilePath) -> str:
    return path.rpartition("/")[2]
