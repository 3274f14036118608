"""What larder is about, as frozen data.

The terms are those of PEP 503 (simple index), PEP 592 (yanked), PEP 629 (version),
PEP 658 and 714 (core metadata), PEP 691 (JSON), PEP 700 (sizes and upload times),
PEP 740 (provenance) and PEP 792 (project status), read in that order.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

from app.names import Filename, FilePath, ProjectName, Sha256


@dataclass(frozen=True, slots=True)
class File:
    """One file of a project, as a page of the simple index lists it."""

    # PEP 503: "the text of the anchor tag MUST match the final path component (the
    # filename) of the URL".
    filename: Filename
    # Where larder offers it, below /packages/.
    path: FilePath
    # PEP 691: "hashes: A dictionary mapping a hash name to a hex encoded digest".
    # Empty where upstream gave none that clients accept.
    hashes: Mapping[str, str] = field(default_factory=dict)
    # Where upstream has it, when that is not `packages_url` + `path`.
    origin: str | None = None
    # PEP 700: "size: ... an integer which is the file size in bytes".
    size: int | None = None
    # PEP 700: "a ISO 8601 formatted date"; kept byte for byte.
    upload_time: str | None = None
    # PEP 345's version specifier, as text; None where the key is absent.
    requires_python: str | None = None
    # PEP 592: a reason, or True for "yanked, no reason given".
    yanked: bool | str = False
    # PEP 714: None: not announced; empty: announced without a hash; else hash name
    # to digest of the `.metadata` companion.
    core_metadata: Mapping[str, str] | None = None
    # PEP 691: "gpg-sig: an optional key that acts a boolean"; None where absent.
    gpg_sig: bool | None = None
    # PEP 740: the URL of the file's provenance; upstream's, until `app.pages.provenance`
    # has put our own in its place.
    provenance: str | None = None
    # Any other key of upstream's that is only data (PEP 691 allows them), passed on.
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sha256(self) -> Sha256 | None:
        """The SHA-256 digest, where upstream gave one: only such a file can be held."""
        digest = self.hashes.get("sha256")
        return Sha256(digest) if digest else None


@dataclass(frozen=True, slots=True)
class Source:
    """What the store knows of a file that our own page of its project does not say."""

    sha256: str | None
    # As in `File`.
    origin: str | None
    # Upstream's URL, not our own.
    provenance: str | None


@dataclass(frozen=True, slots=True)
class Project:
    """One project's page of the simple index."""

    name: ProjectName
    files: tuple[File, ...] = ()
    # PEP 700: every version, also those without files. None where upstream has no
    # such key and nothing to derive it from.
    versions: tuple[str, ...] | None = None
    # PyPI's `_last-serial`, of the page itself, not of the list it was announced in.
    serial: int | None = None
    # PEP 792: "status": active, archived, quarantined, deprecated; and a reason.
    status: str | None = None
    status_reason: str | None = None
    # Any other top-level key that is only data, and any other key of `meta`.
    extra: Mapping[str, Any] = field(default_factory=dict)
    extra_meta: Mapping[str, Any] = field(default_factory=dict)
    # Files that upstream listed and that were left out, with the reason: a wrong
    # name or URL in one file must not cost the page its others.
    refused: tuple[str, ...] = field(default=(), compare=False)


class Change(NamedTuple):
    """What upstream's changelog says last of a project."""

    serial: int
    # Whether it says that the project was deleted.
    removed: bool = False


class PageFormat(StrEnum):
    """The content types of the simple API (PEP 691), by short name."""

    JSON = "application/vnd.pypi.simple.v1+json"
    V1_HTML = "application/vnd.pypi.simple.v1+html"
    HTML = "text/html"


@dataclass(frozen=True, slots=True)
class Tier:
    """One place for held files, hottest first in the configuration."""

    rank: int
    root: str
    # Bytes that the files held here may take, companions and partial files included.
    size_limit: int


class VoteSource(IntEnum):
    """How a vote came in; the numbers stand in the database."""

    LIVE = 0
    SPOOL = 1
    IMPORTED = 2


@dataclass(frozen=True, slots=True)
class Vote:
    """One network's wish for one file: a download, at most one in a window."""

    path: FilePath
    # A keyed hash of the client's network (/24, /48), never the address.
    network: int
    # Seconds since the epoch.
    time: int
    source: VoteSource = VoteSource.LIVE
    # The network itself, only where `votes.keep_networks` has it kept.
    client: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may be wished for: what scoring and planning need to know of it."""

    # The store's number of it: of millions of files, paths would not fit into memory.
    file: int
    # The first 60 bits of its path (`app.names.path_order`): decides between files that
    # are alike in all else, whatever numbers a store gave them.
    order: int
    # Of the file alone, held or not: what it is judged by.
    size: int
    # Those within `cache.vote_window`.
    votes: int
    # Decayed votes, as of the run, what it inherited included.
    heat: float
    # A release whose heat came from its predecessor: it needs no votes of its own.
    inherited: bool = False
    # Votes, and those that have expired.
    ever: int = 0
    # The rank of the tier that holds it; None where it is not held.
    held: int | None = None
    # What it takes there, its companion included.
    held_bytes: int | None = None

    @property
    def room(self) -> int:
        """The bytes that a place for it must have."""
        return self.size if self.held_bytes is None else self.held_bytes


class Ranked(NamedTuple):
    """A candidate in its place of the ranking."""

    # What it is worth to the tier in question, best first.
    score: float
    file: int
    size: int
    # The bytes that a place for it must have.
    room: int
    # The rank of the tier that holds it; None where it is not held.
    held: int | None


def utc(timestamp: str) -> datetime | None:
    """Return PyPI's upload time as a date with a zone, or None where it is not one."""
    try:
        parsed = datetime.fromisoformat(timestamp)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else None
