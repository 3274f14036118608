"""The index's pages on disk: the only writer of what lies below `simple/`.

A project's pages are one folder, and the folder is exchanged as a whole: a reader
sees the HTML and the JSON of one generation.
"""

import math
import os
import shutil
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.atomic import (
    ExchangeUnsupportedError,
    exchange,
    flush_file,
    flush_filesystem,
    flush_folder,
)
from app.names import InvalidNameError, ProjectName, parse_project
from app.packing import pack
from app.shelf import LEGACY, PROJECT, SLOTS, Shelf, serial_folder

HTML = "index.html"
JSON = "index.v1.json"

# nginx makes an ETag of a file's size and its modification time in whole seconds, so
# two variants of one page, or two pages written in one second, could share one. Each
# variant gets a second of its own out of four, and a page that follows another gets
# the next four.
SECONDS = {HTML: 0, HTML + ".gz": 1, JSON: 2, JSON + ".gz": 3}

_MANY = 4
"""From so many projects on, one flush of the whole filesystem costs less than theirs.

Fewer do not make a client wait for what others have written meanwhile.
"""


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of one project, or of the root, in both formats."""

    html: Iterable[bytes]
    json: Iterable[bytes]
    serial: int | None = None
    # The project's legacy JSON, where it is kept from the start.
    legacy: bytes | None = None
    # The places of documents that lie beside the pages that are here, and stay.
    lasting: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Staged:
    """A project's pages, written where no reader looks."""

    name: ProjectName
    folder: Path
    # Whether its legacy JSON lies beside them.
    legacy: bool


class PageTree:
    """Writes and removes the pages below `{repo_path}/simple/`."""

    def __init__(self, repo_path: Path) -> None:
        """Make the folders if they are missing."""
        self._simple = repo_path / "simple"
        self._staging = repo_path / "run" / "staging"
        self._shelf = Shelf(repo_path)
        # Flushing it is part of every write; it closes with the object.
        self._descriptor = os.open(self._simple, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._descriptor)

    def has(self, name: ProjectName) -> bool:
        """Whether the project's pages are here."""
        folder = self._simple / name
        return (folder / JSON).exists() and (folder / HTML).exists()

    def names(self) -> Iterator[ProjectName]:
        """Yield the projects that have a folder; what is no project's name is left alone."""
        with os.scandir(self._simple) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False) and _is_name(entry.name):
                    yield ProjectName(entry.name)

    def has_provenance(self, name: ProjectName) -> bool:
        """Whether provenance of the project's files lies beside its pages."""
        return self._shelf.has_provenance(name)

    def write(self, name: ProjectName, pages: Pages) -> None:
        """Put a project's pages in place of what was there, all at once."""
        for error in self.publish([self.stage(name, pages)]):
            if error is not None:
                raise error

    def stage(self, name: ProjectName, pages: Pages) -> Staged:
        """Write a project's pages where no reader looks; `publish` or `discard` follows.

        Nobody else may stage the same project until then.
        """
        folder = os.path.join(self._staging, f"{os.getpid()}-{os.urandom(8).hex()}")  # noqa: PTH118  the paths of a million small files
        stamp = next_stamp(f"{self._simple}/{name}/{HTML}")
        os.mkdir(folder)  # noqa: PTH102
        staged = Staged(name, Path(folder), legacy=pages.legacy is not None)
        try:
            for filename, content in _variants(pages).items():
                _write(f"{folder}/{filename}", content, stamp + SECONDS[filename])
            if pages.legacy is not None:
                _write_legacy(folder, pages.legacy, pages.serial, stamp)
            self._shelf.carry_some(name, staged.folder, pages.lasting)
        except BaseException:
            self.discard(staged)
            raise
        return staged

    def stage_again(self, name: ProjectName, pages: Pages) -> Staged:
        """Stage pages of the serial that is here, with the documents that lie beside it."""
        staged = self.stage(name, pages)
        try:
            return replace(staged, legacy=self._shelf.carry(name, staged.folder))
        except BaseException:
            self.discard(staged)
            raise

    def publish(self, staged: Sequence[Staged]) -> list[OSError | None]:
        """Put staged pages in place, each project's all at once; return what failed.

        All are on the disk before the first is in place, and in place for good when
        this returns.
        """
        try:
            self._flush(staged)
            errors = [_error_of(self._put, project) for project in staged]
            os.fsync(self._descriptor)
        finally:
            for project in staged:
                self.discard(project)
        return [
            error or _error_of(self._link, project)
            for error, project in zip(errors, staged, strict=True)
        ]

    def discard(self, staged: Staged) -> None:
        """Delete what was staged and is not wanted, or what it has replaced."""
        shutil.rmtree(staged.folder, ignore_errors=True)

    def remove(self, name: ProjectName) -> None:
        """Take a project's pages away; nothing happens where there are none."""
        folder = self._staging / f"{os.getpid()}-{os.urandom(8).hex()}"
        try:
            (self._simple / name).rename(folder)
        except FileNotFoundError:
            return
        self._shelf.unlink(name)
        flush_folder(self._simple)
        shutil.rmtree(folder, ignore_errors=True)

    def stale(self, older_than: float) -> int:
        """Return how much there is to sweep."""
        return len(self._stale(older_than))

    def sweep(self, older_than: float) -> None:
        """Delete what killed writers left, untouched for so many seconds."""
        for path in self._stale(older_than):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def _stale(self, older_than: float) -> list[Path]:
        limit = time.time() - older_than
        return [path for path in self._staging.iterdir() if _modified(path) < limit]

    def _flush(self, staged: Sequence[Staged]) -> None:
        if len(staged) >= _MANY:
            flush_filesystem(self._descriptor)
            return
        for project in staged:
            for folder, _, filenames in os.walk(project.folder, topdown=False):
                for filename in filenames:
                    flush_file(Path(folder, filename))
                flush_folder(Path(folder))

    def _put(self, staged: Staged) -> None:
        self._swap(staged.folder, self._simple / staged.name)

    def _link(self, staged: Staged) -> None:
        if staged.legacy:
            self._shelf.link(staged.name)
        else:
            self._shelf.unlink(staged.name)

    def _swap(self, folder: Path, target: Path) -> None:
        try:
            folder.rename(target)
        except OSError:
            if not target.is_dir():
                raise
            try:
                exchange(folder, target)
            except ExchangeUnsupportedError:
                # NFS and some others: file by file, each whole.
                _replace_each(folder, target)
                flush_folder(target)


def _is_name(text: str) -> bool:
    try:
        return parse_project(text) == text
    except InvalidNameError:
        return False


def _modified(path: Path) -> float:
    """Return when a folder was last written to; never, where its writer is done with it."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return math.inf


def _variants(pages: Pages) -> Mapping[str, bytes]:
    html, json = b"".join(pages.html), b"".join(pages.json)
    return {
        HTML: html,
        HTML + ".gz": pack(html),
        JSON: json,
        JSON + ".gz": pack(json),
    }


def _write_legacy(folder: str, legacy: bytes, serial: int | None, stamp: int) -> None:
    """Lay a project's legacy JSON beside its pages; see `app.shelf` for the places."""
    name = serial_folder(serial)
    inner = f"{folder}/{name}"
    os.mkdir(inner)  # noqa: PTH102  see `PageTree.stage`
    _write(f"{inner}/{PROJECT}", legacy, stamp)
    _write(f"{inner}/{PROJECT}.gz", pack(legacy), stamp + 1)
    os.symlink(name, f"{folder}/{LEGACY}")  # noqa: PTH211


def _error_of(act: Callable[[Staged], None], staged: Staged) -> OSError | None:
    """Return what went wrong with one of several, of which the others go on."""
    try:
        act(staged)
    except OSError as error:
        return error
    return None


def _replace_each(folder: Path, target: Path) -> None:
    """Put the new files in place of the old ones; what lay beside those goes first."""
    for path in target.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.is_symlink():
            path.unlink()
    for path in folder.iterdir():
        path.replace(target / path.name)


def next_stamp(previous: str | Path) -> int:
    """Return a modification time, a multiple of four, later than the page before."""
    now = int(time.time()) // SLOTS * SLOTS - SLOTS
    try:
        return max(now, int(os.stat(previous).st_mtime) // SLOTS * SLOTS + SLOTS)  # noqa: PTH116
    except FileNotFoundError:
        return now


def _write(path: str, content: bytes, mtime: int) -> None:
    # See `PageTree.stage`: a file object costs as much as the file.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        _write_all(descriptor, content)
        os.utime(descriptor, (mtime, mtime))
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, content: bytes) -> None:
    """Write all of it: one call may take a part."""
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]
