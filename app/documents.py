"""What lies beside the pages and is fetched when somebody asks for it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson
from packaging.version import InvalidVersion
from packaging.version import Version as Pep440

from app.index import Outcome
from app.legacy import check, serial_of
from app.locks import NameLocks
from app.names import (
    Filename,
    FilePath,
    InvalidNameError,
    ProjectName,
    Version,
    parse_filename,
    parse_version,
)
from app.pages.provenance import release_of
from app.shelf import PROJECT, Shelf, provenance, release
from app.store import Store
from app.upstream import (
    Legacy,
    NoSuchFile,
    NoSuchProject,
    Upstream,
    UpstreamUnavailable,
    UpstreamUntrusted,
)

MAX_RELEASES = 200
"""How many releases' legacy JSON is kept with one project. Each is some 10 kB, with its
description; only Dependabot and Poetry ask, and for what is in somebody's lock."""


PROVENANCE = "application/vnd.pypi.integrity.v1+json"
"""The content type of PyPI's integrity API."""

_MAX_PROVENANCE = 4 << 20
"""PyPI's have 10 to 50 kB."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Legacy JSON that is on the disk: where it is, and in the folder of which serial."""

    folder: str
    document: str


@dataclass(frozen=True, slots=True)
class Unkept:
    """Legacy JSON that is passed on, and not kept."""

    body: bytes
    serial: int | None


@dataclass(frozen=True, slots=True)
class DocumentParts:
    """What documents come from and go to."""

    store: Store
    upstream: Upstream
    shelf: Shelf
    locks: NameLocks
    # Brings a project's page in step.
    bring: Callable[[ProjectName], Outcome]


class Documents:
    """Fetches what is asked for; the project's page is here already."""

    def __init__(self, parts: DocumentParts, hosts: Collection[str], patience: float) -> None:
        """Put the parts together; `hosts` are those (`host[:port]`) that may be asked."""
        self._store, self._upstream = parts.store, parts.upstream
        self._shelf, self._locks = parts.shelf, parts.locks
        self._bring, self._hosts, self._patience = parts.bring, hosts, patience

    def legacy(self, name: ProjectName) -> Kept | Unkept:
        """Return a project's legacy JSON, of the serial that its page has.

        Raises:
            NoSuchProject: Upstream has none.
            UpstreamError: Upstream cannot be asked, cannot be believed, or has another
                serial than its own page.
            LockTimeoutError: Another's fetch takes too long.

        """
        return self._in_step(name, None, PROJECT)

    def release(self, name: ProjectName, version: Version) -> Kept | Unkept:
        """Return the legacy JSON of one release; raises as `legacy` does.

        Any spelling of a version will do, but only the page's own is kept: there are
        endless ones.
        """
        listed = self._listed(name)
        if listed is None:
            return self._passed(name, version)
        own = _own_spelling(version, listed)
        if own is None:
            raise NoSuchProject(f"{name} {version}", "is not among the project's versions")
        try:
            return self._in_step(name, own, release(parse_version(own)))
        except InvalidNameError:
            # A version of before PEP 440 that is no file's name.
            return self._passed(name, own)

    def provenance(self, name: ProjectName, version: Version, filename: Filename) -> str | None:
        """Fetch and keep a file's provenance (PEP 740).

        Return None once it is kept, or upstream's URL, where it is on a host that the
        configuration does not name: the client may ask there, this machine does not.

        Raises:
            NoSuchFile: The page announces none, or upstream has none.
            UpstreamError: Upstream cannot be asked, or answers something else.
            LockTimeoutError: Another's fetch takes too long.

        """
        url = self._store.provenance(name, filename)
        if url is None or release_of(url, filename) != version:
            raise NoSuchFile(f"{name} {version}", f"announces no provenance of {filename}")
        if urlsplit(url).netloc.lower() not in self._hosts:
            return url
        self._keep_provenance(name, url, provenance(version, filename))
        return None

    def keep_beside(self, path: FilePath) -> None:
        """Keep the provenance of a file that was fetched, where its page announces any.

        Raises:
            NoSuchFile, UpstreamError, LockTimeoutError: As `provenance` does.

        """
        file = self._store.file(path)
        if file is None:
            return
        filename = parse_filename(path.rpartition("/")[2])
        url = self._store.provenance(file.project, filename)
        if url is not None and urlsplit(url).netloc.lower() in self._hosts:
            place = provenance(release_of(url, filename), filename)
            self._keep_provenance(file.project, url, place)

    def _keep_provenance(self, name: ProjectName, url: str, place: str) -> None:
        with self._locks.hold(name, self._patience):
            if self._shelf.find(name, place) is None:
                body = self._upstream.document(url, PROVENANCE, _MAX_PROVENANCE)
                self._shelf.put(name, place, _json_object(url, body))

    def _in_step(self, name: ProjectName, version: str | None, document: str) -> Kept | Unkept:
        """Return what is kept, or fetch it; pages that lag are brought in step first."""
        answer = self._of_the_page(name, version, document)
        if answer is None:
            self._bring(name)
            answer = self._of_the_page(name, version, document)
        if answer is None:
            what = "is newer than upstream's page, which is a stale copy"
            raise UpstreamUnavailable(f"the legacy JSON of {name}", what)
        return answer

    def _of_the_page(
        self, name: ProjectName, version: str | None, document: str
    ) -> Kept | Unkept | None:
        """Return what is kept, or fetch it; None where the page lags behind it."""
        with self._locks.hold(name, self._patience):
            if folder := self._shelf.legacy(name, document):
                return Kept(folder, document)
            found, serial = self._fetched(name, version), self._serial(name)
            if _is_newer(serial_of(found), serial):
                return None
            check(name, found, serial)
            return self._kept(name, document, found, serial)

    def _kept(
        self, name: ProjectName, document: str, found: Legacy, serial: int | None
    ) -> Kept | Unkept:
        if document != PROJECT and self._shelf.releases(name) >= MAX_RELEASES:
            return Unkept(found.body, serial)
        return Kept(self._shelf.put_legacy(name, serial, document, found.body), document)

    def _passed(self, name: ProjectName, version: str) -> Unkept:
        found = self._fetched(name, version)
        check(name, found, self._serial(name))
        return Unkept(found.body, serial_of(found))

    def _fetched(self, name: ProjectName, version: str | None) -> Legacy:
        found = self._upstream.legacy(name, version, insist=True)
        if found is None:
            raise NoSuchProject(
                f"the legacy JSON of {name} {version or ''}".rstrip(), "is not there"
            )
        return found

    def _serial(self, name: ProjectName) -> int | None:
        known = self._store.tracked_project(name)
        return known.serial if known else None

    def _listed(self, name: ProjectName) -> list[str] | None:
        """Return the versions that the page lists (PEP 700), or None where it lists none."""
        path = self._shelf.find(name, "index.v1.json")
        page = orjson.loads(path.read_bytes()) if path else {}
        return page.get("versions")


def _json_object(url: str, body: bytes) -> bytes:
    """Return what is a JSON object, as it is."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UpstreamUntrusted(url, "is no JSON") from error
    if not isinstance(found, dict):
        raise UpstreamUntrusted(url, "is no provenance object")
    return body


def _own_spelling(version: Version, listed: list[str]) -> str | None:
    """Return the version as the page spells it, or None where it is not there."""
    if version in listed:
        return version
    wanted = _parsed(version)
    if wanted is None:
        return None
    return next((one for one in listed if _parsed(one) == wanted), None)


def _parsed(version: str) -> Pep440 | None:
    try:
        return Pep440(version)
    except InvalidVersion:
        return None


def _is_newer(found: int | None, here: int | None) -> bool:
    return found is not None and here is not None and found > here
