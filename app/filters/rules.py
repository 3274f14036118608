"""The rules as frozen data, as the configuration has them; `app.filters.judge` applies them.

Units: sizes are bytes, durations seconds, moments seconds since the epoch. What is None or
empty filters nothing. Its `repr` has all of it, and nothing that differs between two processes.
"""

from dataclasses import dataclass, field
from hashlib import sha256

from app.filters.texts import FilePattern, Rule, TextPattern


@dataclass(frozen=True, slots=True)
class MetadataRules:
    """What a project says of itself: allowed is what has one of a list, denied likewise."""

    allow_classifiers: tuple[TextPattern, ...] = ()
    deny_classifiers: tuple[TextPattern, ...] = ()
    allow_licences: tuple[TextPattern, ...] = ()
    deny_licences: tuple[TextPattern, ...] = ()
    allow_keywords: tuple[TextPattern, ...] = ()
    deny_keywords: tuple[TextPattern, ...] = ()


@dataclass(frozen=True, slots=True)
class ProjectRules:
    """Which projects there are."""

    # With any, no other project. Those with specifiers let only such releases through.
    allow: tuple[Rule, ...] = ()
    # What the files of requirements and locks name: more of `allow`.
    required: tuple[Rule, ...] = ()
    # Whether there are such files: if they name nothing, nothing is allowed.
    listed: bool = False
    # Stronger than `allow`. Those with specifiers take only such releases away.
    deny: tuple[Rule, ...] = ()
    # Listed, and their files are never held.
    metadata_only: tuple[Rule, ...] = ()
    # Of all files that upstream lists, and of its versions.
    max_size: int | None = None
    max_releases: int | None = None
    metadata: MetadataRules = field(default_factory=MetadataRules)


@dataclass(frozen=True, slots=True)
class Waiver:
    """An exception to `min_age`: somebody answers for it, until a day."""

    what: Rule
    owner: str
    until: int


@dataclass(frozen=True, slots=True)
class Ages:
    """When a file must have been uploaded, by upstream's upload time."""

    max_age: int | None = None
    min_age: int | None = None
    # Nothing that was uploaded after it, and no exceptions.
    freeze: int | None = None
    waivers: tuple[Waiver, ...] = ()


@dataclass(frozen=True, slots=True)
class ReleaseRules:
    """Which releases of a project there are."""

    prereleases: bool = True
    # Whose pre-releases are there all the same.
    prereleases_of: tuple[Rule, ...] = ()
    yanked: bool = True
    # Only so many, by version, of those that all else lets through.
    newest: int | None = None
    ages: Ages = field(default_factory=Ages)


@dataclass(frozen=True, slots=True)
class FileRules:
    """Which files of a release there are."""

    # `wheel`, `sdist`, `other`.
    kinds: tuple[str, ...] = ()
    # Of wheels alone, as their tags say: `3.12`, `3.13t`, `pypy3.10`.
    pythons: tuple[str, ...] = ()
    abis: tuple[str, ...] = ()
    # `linux-x86_64`, `musllinux-aarch64`, `macos-arm64`, `windows-amd64`.
    platforms: tuple[str, ...] = ()
    max_size: int | None = None
    allow: tuple[FilePattern, ...] = ()
    deny: tuple[FilePattern, ...] = ()
    deny_sha256: frozenset[str] = field(default=frozenset(), repr=False)


@dataclass(frozen=True, slots=True)
class Filters:
    """All of them."""

    projects: ProjectRules = field(default_factory=ProjectRules)
    releases: ReleaseRules = field(default_factory=ReleaseRules)
    files: FileRules = field(default_factory=FileRules)

    @property
    def empty(self) -> bool:
        """Whether they filter nothing at all."""
        return self == Filters()

    @property
    def digest(self) -> str:
        """What tells these filters from others; empty where they filter nothing."""
        if self.empty:
            return ""
        hashes = ",".join(sorted(self.files.deny_sha256))
        return sha256(f"{self!r} {hashes}".encode()).hexdigest()[:16]
