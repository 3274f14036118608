"""The sender's tree, read project by project into a ledger and a folder of copies.

Pages are copied under their project's lock, so that each is of one generation. Held files
are only named: they never change, and are checked when the bundle is written.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import orjson

from app import pages
from app.bundle.ledger import Ledger
from app.bundle.load import BundleError, Entry, parse_path
from app.locks import NameLocks
from app.model import File, Project, Source
from app.names import FilePath, ProjectName, companion_of
from app.pages import PageError
from app.rerender import render
from app.shelf import LEGACY
from app.store import Held, KnownFile, Store, TrackedProject
from app.tree import HTML, JSON, PageTree

_MANY = 2000
"""Held files that the store is asked about at once."""

_BLOCK = 1 << 18


class GatheringError(Exception):
    """The tree is not as the store knows it: a job has to mend that first."""


@dataclass(frozen=True, slots=True)
class Sender:
    """The mirror that a bundle is made of."""

    repo_path: Path
    store: Store
    tree: PageTree
    locks: NameLocks
    # The tiers' folders, each with its rank.
    ranks: Mapping[str, int]
    # Seconds to wait for whoever writes a project's pages.
    patience: float


class Gatherer:
    """Reads a mirror's tree."""

    def __init__(
        self, sender: Sender, ledger: Ledger, copies: Path | None, stopping: Callable[[], bool]
    ) -> None:
        """Put copies into a folder; without one, only count."""
        self._sender, self._ledger, self._copies = sender, ledger, copies
        self._simple = sender.repo_path / "simple"
        self._stopping = stopping

    def gather(self) -> bool:
        """Read everything; False where a signal came in between.

        Raises:
            GatheringError: The tree is not as the store knows it.

        """
        held = self._sender.store.holdings()
        while part := list(islice(held, _MANY)):
            if self._stopping():
                return False
            self._hold(part)
        for name in sorted(self._sender.tree.names()):
            if self._stopping():
                return False
            with self._sender.locks.hold(name, self._sender.patience):
                self._project(name)
        self._root()
        return True

    def root_serial(self) -> int | None:
        """Return the serial of the list of projects."""
        try:
            text = (self._sender.repo_path / "run" / "root" / "last").readlink().name
        except OSError:
            return None
        serial = text.removeprefix("serial-")
        return int(serial) if serial.isdigit() else None

    def _hold(self, held: list[Held]) -> None:
        known = {file.path: file for file in self._sender.store.files([one.path for one in held])}
        for one in held:
            if (file := known.get(one.path)) is not None and file.sha256 is not None:
                self._file(one, file)

    def _file(self, held: Held, file: KnownFile) -> None:
        rank, place = self._sender.ranks.get(held.root, 0), Path(held.root, held.path)
        self._name(f"packages/{held.path}", place, file.sha256 or "", rank)
        companion = Path(held.root, companion_of(held.path))
        if file.metadata_sha256 is not None and companion.exists():
            path = f"packages/{companion_of(held.path)}"
            self._name(path, companion, file.metadata_sha256, rank)

    def _name(self, path: str, place: Path, sha256: str, rank: int) -> None:
        try:
            found = place.stat()
        except OSError as error:
            raise GatheringError(f"{place} is not here; `larder move` mends that") from error
        entry = _entry(path, found.st_size, sha256, int(found.st_mtime))
        self._ledger.add(entry._replace(tier=rank), place)

    def _project(self, name: ProjectName) -> None:
        """Copy a project's pages; those of a static index apart, where they differ."""
        known = self._sender.store.tracked_project(name)
        if known is None or known.checked_at is None or known.hidden is not None:
            return
        sources = self._sender.store.sources(name)
        project = self._read(name, sources)
        mtime = int((self._simple / name / HTML).stat().st_mtime)
        shown = replace(project, files=tuple(self._held_of(project)))
        apart = shown != project or not shown.files
        top = "tree/simple" if apart else "simple"
        if shown.files:
            self._ledger.show(name, project.serial)
        if shown.files and apart:
            rendered = render(shown)
            self._put(f"simple/{name}/{HTML}", rendered.html, mtime, static=True)
            self._put(f"simple/{name}/{JSON}", rendered.json, mtime, static=True)
        self._folder(name, top)
        facts = self._facts(known, sources) | {"top": top}
        body = orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)
        self._put(f"facts/{name}.json", [body], mtime)

    def _read(self, name: ProjectName, sources: Mapping[FilePath, Source]) -> Project:
        try:
            return pages.parse_own((self._simple / name / JSON).read_bytes(), name, sources)
        except (PageError, OSError) as error:
            message = f"the page of {name}: {error}; `larder sync-index` mends that"
            raise GatheringError(message) from error

    def _held_of(self, project: Project) -> Iterator[File]:
        """Yield the files that are held, announcing what the bundle has."""
        for file in project.files:
            if self._ledger.has(f"packages/{file.path}"):
                companion = self._ledger.has(f"packages/{companion_of(file.path)}")
                yield file if companion else replace(file, core_metadata=None)

    def _facts(
        self, known: TrackedProject, sources: Mapping[FilePath, Source]
    ) -> dict[str, object]:
        """Return what the store knows of a project, but for what each run changes."""
        files = sorted(self._sender.store.files(list(sources)), key=lambda file: file.path)
        link = self._simple / known.name / LEGACY
        return {
            "name": known.name,
            "serial": known.serial,
            "status": known.status,
            "rendered": known.rendered,
            "review_at": known.review_at,
            "legacy": link.readlink().name if link.is_symlink() else None,
            "files": [
                {
                    "path": file.path,
                    "sha256": file.sha256,
                    "size": file.size,
                    "origin": file.origin,
                    "metadata_sha256": file.metadata_sha256,
                    "upload_time": file.upload_time,
                    "provenance": sources[file.path].provenance,
                }
                for file in files
                if file.project == known.name
            ],
        }

    def _folder(self, name: ProjectName, top: str) -> None:
        for folder, _, filenames in os.walk(self._simple / name):
            for filename in filenames:
                place = Path(folder, filename)
                if not place.is_symlink():
                    self._copy(f"{top}/{place.relative_to(self._simple)}", place)

    def _root(self) -> None:
        """Copy the list of projects, and make one of those of which something is held."""
        mtime, serial = 0, self.root_serial()
        for path in sorted(self._simple.glob("index.*")):
            if path.is_file():
                self._copy(f"tree/simple/{path.name}", path)
                mtime = int(path.stat().st_mtime) if path.name == HTML else mtime
        html = pages.render_root_html(self._ledger.shown(), serial)
        json = pages.render_root_json(self._ledger.shown(), serial)
        self._put(f"simple/{HTML}", html, mtime, static=True)
        self._put(f"simple/{JSON}", json, mtime, static=True)

    def _copy(self, path: str, place: Path) -> None:
        with place.open("rb") as stream:
            mtime = int(os.fstat(stream.fileno()).st_mtime)
            self._put(path, iter(lambda: stream.read(_BLOCK), b""), mtime)

    def _put(self, path: str, chunks: Iterable[bytes], mtime: int, *, static: bool = False) -> None:
        """Write a copy, if copies are wanted, and enter it."""
        digest, size = hashlib.sha256(), 0
        target = self._copies / path if self._copies else Path(os.devnull)
        if self._copies:
            target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as stream:
            for chunk in chunks:
                size += stream.write(chunk)
                digest.update(chunk)
        if self._copies:
            os.utime(target, (mtime, mtime))
        self._ledger.add(_entry(path, size, digest.hexdigest(), mtime)._replace(static=static))


def _entry(path: str, size: int, sha256: str, mtime: int) -> Entry:
    try:
        return Entry(parse_path(path), size, sha256, mtime, True, False, False, 0)  # noqa: FBT003
    except BundleError as error:
        raise GatheringError(f"{path!r} cannot go into a bundle") from error
