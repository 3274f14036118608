"""What the fake offers: projects, their files, and the serials of their changes."""

import hashlib
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict, Unpack

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

_FIRST_SERIAL = 1_000_000
_FIRST_DAY = datetime(2024, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)


class Details(TypedDict, total=False):
    """What a file may be given beside its name and content."""

    version: str
    requires_python: str | None
    yanked: bool | str
    metadata: bytes | None
    upload_time: str | None
    hashes: Mapping[str, str]
    size: int
    url: str | None
    extra: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FakeFile:
    """One file, as listed and as served."""

    filename: str
    content: bytes
    version: str = ""
    requires_python: str | None = None
    yanked: bool | str = False
    # The `.metadata` companion (PEP 658).
    metadata: bytes | None = None
    upload_time: str | None = None
    # As listed: by default those of the content.
    hashes: Mapping[str, str] = field(default_factory=dict)
    size: int = -1
    # As linked, where that is not the path below /packages/. A path (`/root/+f/…`) is
    # answered too.
    url: str | None = None
    # Keys added to the entry of the JSON page; `...` takes a key away.
    extra: Mapping[str, Any] = field(default_factory=dict)
    path: str = ""


@dataclass(frozen=True, slots=True)
class FakeProject:
    """One project at one serial."""

    name: str
    serial: int = 0
    files: tuple[FakeFile, ...] = ()
    # Beside those that have files.
    more_versions: tuple[str, ...] = ()
    status: str | None = None
    reason: str | None = None
    # More of legacy JSON's `info`.
    info: Mapping[str, object] = field(default_factory=dict)

    @property
    def versions(self) -> tuple[str, ...]:
        """Every version, in the order of their first files."""
        return tuple(dict.fromkeys([*(file.version for file in self.files), *self.more_versions]))


class Catalogue:
    """The projects; every change is one step of one serial."""

    def __init__(self) -> None:
        """Begin empty."""
        self._lock = threading.RLock()
        self._projects: dict[str, FakeProject] = {}
        self._frozen: dict[str, FakeProject] = {}
        self._announced: dict[str, int | None] = {}
        # Names that were deleted, and the serial of that.
        self._removed: dict[str, int] = {}
        self.serial = _FIRST_SERIAL
        # What is answered below /packages/ and at other paths of files.
        self.files: dict[str, FakeFile] = {}

    def project(self, name: str) -> FakeProject:
        """Return a project as it is now; KeyError where there is none."""
        return self._projects[canonicalize_name(name)]

    def served(self, name: str) -> FakeProject | None:
        """Return a project as its pages show it; the name is normalised."""
        return self._frozen.get(name) or self._projects.get(name)

    def put_project(
        self, name: str, versions: Iterable[str], status: str | None, reason: str | None
    ) -> FakeProject:
        """Make a project, or set versions and status of one."""
        with self._lock:
            key = canonicalize_name(name)
            old = self._projects.get(key, FakeProject(name))
            versions = tuple(versions)
            return self._put(
                key, replace(old, more_versions=versions, status=status, reason=reason)
            )

    def put_file(
        self, project: str, filename: str, content: bytes, **details: Unpack[Details]
    ) -> FakeFile:
        """Add a file, or put it in the place of one with its name."""
        with self._lock:
            key = canonicalize_name(project)
            file = _complete(FakeFile(filename, content, **details), self.serial)
            old = self._projects.get(key, FakeProject(project))
            others = tuple(one for one in old.files if one.filename != filename)
            self.files[f"/packages/{file.path}"] = file
            if file.url is not None and file.url.startswith("/"):
                self.files[file.url] = file
            self._put(key, replace(old, files=(*others, file)))
            return file

    def change_files(self, project: str, files: Iterable[FakeFile]) -> None:
        """Set the files that a project lists; what is answered stays."""
        with self._lock:
            old = self.project(project)
            self._put(canonicalize_name(project), replace(old, files=tuple(files)))

    def describe(self, name: str, info: Mapping[str, object]) -> None:
        """Set what legacy JSON says of a project."""
        with self._lock:
            key = canonicalize_name(name)
            self._put(key, replace(self.project(name), info=info))

    def remove_project(self, name: str) -> None:
        """Delete a project; the list and the pages no longer have it."""
        with self._lock:
            self.serial += 1
            del self._projects[canonicalize_name(name)]
            self._removed[canonicalize_name(name)] = self.serial

    def freeze(self, name: str) -> None:
        """Keep a project's pages as they are now."""
        self._frozen[canonicalize_name(name)] = self.project(name)

    def thaw(self, name: str) -> None:
        """Show a project's pages as they should be."""
        self._frozen.pop(canonicalize_name(name), None)

    def announce(self, name: str, serial: int | None) -> None:
        """Let the list say this serial for a name, or not have it."""
        with self._lock:
            self._announced[name] = serial

    def listed(self, *, quarantined: bool) -> Iterator[tuple[str, int]]:
        """Return display names and serials, as the list has them."""
        with self._lock:
            projects = list(self._projects.values())
            announced = dict(self._announced)
        for project in projects:
            if project.status == "quarantined" and not quarantined:
                continue
            serial = announced.pop(project.name, project.serial)
            if serial is not None:
                yield project.name, serial
        yield from ((name, serial) for name, serial in announced.items() if serial is not None)

    def changes(self) -> Iterator[tuple[str, str, int]]:
        """Return name, action and serial of each project's last change, and of deletions."""
        with self._lock:
            removed = dict(self._removed)
        yield from ((name, "remove project", serial) for name, serial in removed.items())
        yield from ((name, "change", serial) for name, serial in self.listed(quarantined=True))

    def _put(self, key: str, project: FakeProject) -> FakeProject:
        """Store a project under the next serial."""
        self.serial += 1
        stored = replace(project, serial=self.serial)
        self._projects[key] = stored
        return stored


def _complete(file: FakeFile, serial: int) -> FakeFile:
    """Fill in what follows from the content and the name."""
    digest = hashlib.blake2b(file.content, digest_size=32).hexdigest()
    return replace(
        file,
        version=file.version or _version_of(file.filename),
        hashes=file.hashes or {"sha256": hashlib.sha256(file.content).hexdigest()},
        size=file.size if file.size >= 0 else len(file.content),
        upload_time=file.upload_time or _upload_time(serial),
        path=file.path or f"{digest[:2]}/{digest[2:4]}/{digest[4:]}/{file.filename}",
    )


def _version_of(filename: str) -> str:
    """Return the version that a file name holds, or "0"."""
    try:
        if filename.endswith(".whl"):
            return str(parse_wheel_filename(filename)[1])
        return str(parse_sdist_filename(filename)[1])
    except (InvalidSdistFilename, InvalidWheelFilename):
        return "0"


def _upload_time(serial: int) -> str:
    """Return a time of PyPI's form, later for a later serial."""
    moment = _FIRST_DAY + timedelta(minutes=serial - _FIRST_SERIAL)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
