"""A bundle into a mirror: what the store is to know, the files, the pages, and deletions last.

Files become known before they are placed, and are placed before a page lists them; the
state is noted at the end. A run that was killed is done again: files that are here are
passed over, and all else is done twice without harm.
"""

import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Any, BinaryIO, Final

from app.atomic import flush_folder, replacing
from app.bundle.load import Bundle, BundleError, Entry, check
from app.fetching import StoppedError, hold_companion, wanted
from app.index import Index
from app.model import File, Project
from app.names import (
    COMPANION,
    FilePath,
    InvalidNameError,
    ProjectName,
    Sha256,
    companion_of,
    parse_file_path,
    parse_filename,
    parse_project,
    parse_sha256,
)
from app.shelf import LEGACY, PROJECT, Shelf
from app.store import Filtered, Settled, Store, UnlistedError
from app.tiers import Content, Folder, NoRoomError
from app.tree import PageTree, Staged

FACTS, FILES, PAGES, DELETIONS = "facts", "files", "pages", "deletions"
"""The parts of a bundle, in the order in which they are taken."""

_PART_OF: Final = {"facts": FACTS, "packages": FILES, "simple": PAGES, "tree": PAGES}
_BATCH = 200
_LARGEST = 256 << 20
"""Bytes of what is read into memory: the facts of a project, or a file's core metadata."""
_PAGE_DEPTH = 2


@dataclass(frozen=True, slots=True)
class Receiver:
    """The mirror that takes a bundle."""

    repo_path: Path
    store: Store
    tree: PageTree
    index: Index
    # By rank, with their counts of used bytes.
    folders: Callable[[], dict[int, Folder]]
    # Seconds to wait for whoever writes a project's pages.
    patience: float
    stopping: Callable[[], bool]


class LoadedState:
    """Which bundle was loaded last, with its manifest."""

    def __init__(self, repo_path: Path) -> None:
        """Read it."""
        self._folder = repo_path / "run" / "loaded"
        self.identity: str | None = None
        self.loading: str | None = None
        try:
            found = json.loads((self._folder / "state.json").read_text())
            self.identity, self.loading = found["identity"], found["loading"]
        except FileNotFoundError:
            pass

    def begin(self, identity: str) -> None:
        """Note that a bundle is being loaded."""
        self._write(self.identity, identity)

    def end(self, bundle: Bundle) -> None:
        """Note that it is here."""
        with replacing(self._folder / "manifest.jsonl", self._folder) as stream:
            shutil.copyfileobj(bundle.manifest(), stream)
        self._write(bundle.identity, None)

    def paths(self) -> Iterator[str]:
        """Yield the paths of the state that is here."""
        try:
            with (self._folder / "manifest.jsonl").open("rb") as stream:
                for line in stream:
                    entry = json.loads(line)
                    if not entry.get("gone"):
                        yield entry["path"]
        except FileNotFoundError:
            return

    def _write(self, identity: str | None, loading: str | None) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with replacing(self._folder / "state.json", self._folder) as stream:
            stream.write(json.dumps({"identity": identity, "loading": loading}).encode())


def refuse_wrong_base(bundle: Bundle, state: LoadedState, projects: int) -> None:
    """Refuse a bundle that is not for the state that is here.

    Raises:
        BundleError: It follows another, or the mirror has projects of its own.

    """
    if state.loading not in (None, bundle.identity):
        raise BundleError(f"the load of {state.loading} was interrupted; load that one first")
    if bundle.base is not None and state.identity not in (bundle.base, bundle.identity):
        here = state.identity or "none"
        raise BundleError(f"the bundle follows {bundle.base}, and what was loaded last is {here}")
    if state.identity is None and state.loading is None and projects:
        raise BundleError(f"this mirror has {projects} projects that no bundle has brought")


class _Walk:
    """The manifest's entries, each with its bytes where the bundle brings them."""

    def __init__(self, bundle: Bundle) -> None:
        self._pairs = self._walk(bundle)
        self.head = next(self._pairs, None)

    @staticmethod
    def _walk(bundle: Bundle) -> Iterator[tuple[Entry, Iterator[bytes]]]:
        contents = bundle.contents()
        for entry in bundle.entries():
            yield entry, next(contents)[1] if entry.here else iter(())

    def part(self, part: str) -> Iterator[tuple[Entry, Iterator[bytes]]]:
        """Yield the entries of a part; the one that follows is read when it is asked for."""
        while self.head and _PART_OF[self.head[0].path.partition("/")[0]] == part:
            found, self.head = self.head, None
            yield found
            if self.head is None:
                self.head = next(self._pairs, None)

    def next(self) -> tuple[Entry, Iterator[bytes]] | None:
        """Return the entry that follows the present one, whose bytes were read."""
        if self.head is None:
            self.head = next(self._pairs, None)
        return self.head


class Taking:
    """One bundle on its way into a mirror."""

    def __init__(self, receiver: Receiver, bundle: Bundle, state: LoadedState) -> None:
        """Use a bundle that was checked."""
        self._to, self._bundle, self._state = receiver, bundle, state
        self._store, self._tree = receiver.store, receiver.tree
        self._simple = receiver.repo_path / "simple"
        self._staging = receiver.repo_path / "run" / "staging"
        self._walk: _Walk | None = None
        # On the disk, and gone with the connection.
        self._settled = sqlite3.connect("")
        self._settled.execute("CREATE TABLE settled (name TEXT, facts TEXT)")
        self._folders: dict[int, Folder] = {}

    def counts(self) -> dict[str, tuple[int, int]]:
        """Return how many files each part brings, and their bytes."""
        found = dict.fromkeys((FACTS, FILES, PAGES), (0, 0))
        for entry in self._bundle.entries():
            if entry.here:
                part = _PART_OF[entry.path.partition("/")[0]]
                files, size = found[part]
                found[part] = files + 1, size + entry.size
        return found | {DELETIONS: (sum(1 for _ in self._gone()), 0)}

    def take(self, part: str) -> None:
        """Take in one part, after those before it.

        Raises:
            BundleError: The bundle is not as it was when it was checked.
            NoRoomError, OSError: It cannot be written.
            StoppedError: A signal came in between.

        """
        if part == DELETIONS:
            self._delete()
            self._state.end(self._bundle)
            self._settled.close()
            return
        if self._walk is None:
            self._state.begin(self._bundle.identity)
            self._folders = self._to.folders()
            self._walk = _Walk(self._bundle)
        try:
            {FACTS: self._take_facts, FILES: self._take_files, PAGES: self._take_pages}[part](
                self._walk
            )
        except InvalidNameError as error:
            raise BundleError(str(error)) from error

    def _take_facts(self, walk: _Walk) -> None:
        found = (self._facts(*pair) for pair in walk.part(FACTS) if pair[0].here)
        while batch := list(islice(found, _BATCH)):
            self._go_on()
            self._store.record_all([(project, False) for project in batch])

    def _facts(self, entry: Entry, stream: Iterator[bytes]) -> Project:
        try:
            facts = json.loads(_small(entry, stream))
            name = parse_project(facts["name"])
            if entry.path != f"facts/{name}.json":
                raise BundleError(f"{entry.path!r} tells of {name}")
            files = tuple(_file(file) for file in facts["files"])
            self._settled.execute(
                "INSERT INTO settled VALUES (?, ?)",
                (name, json.dumps({key: facts[key] for key in _SETTLED})),
            )
            return Project(name, files, serial=facts["serial"], status=facts["status"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BundleError(f"{entry.path!r} is not what a bundle has there") from error

    def _take_files(self, walk: _Walk) -> None:
        for entry, stream in walk.part(FILES):
            self._go_on()
            if entry.here and not entry.path.endswith(COMPANION):
                self._take_file(entry, stream, walk)

    def _take_file(self, entry: Entry, stream: Iterator[bytes], walk: _Walk) -> None:
        path = parse_file_path(entry.path.removeprefix("packages/"))
        root = self._store.held_in(path)
        if root is not None and _has(Path(root, path), entry.size):
            return
        file = wanted(self._store, path)
        if file.sha256 != entry.sha256:
            raise BundleError(f"{entry.path!r} is another file than the facts say")
        content = Content(Sha256(entry.sha256), entry.size, entry.mtime)
        with ExitStack() as stack:
            folder, partial = self._reserve(stack, entry, path, content)
            partial.write(stream, 0)
            partial.check()
            following = walk.next()
            if following and following[0].path == companion_of(FilePath(entry.path)):
                companion, body = following
                if companion.here:
                    hold_companion(folder, file, _small(companion, body))
            folder.place(partial, path)
        folder.mark()
        try:
            self._store.hold(path, folder.tier.root, folder.size(path), int(time.time()))
        except UnlistedError:
            folder.remove(path)
            raise

    def _reserve(
        self, stack: ExitStack, entry: Entry, path: FilePath, content: Content
    ) -> tuple[Folder, Any]:
        """Return the tier that takes a file: the sender's, else the hottest with room."""
        ranks = sorted(self._folders, key=lambda rank: (rank != entry.tier, rank))
        problem: Exception = NoRoomError("there is no tier")
        for rank in ranks:
            folder = self._folders[rank]
            partial = folder.partial(path, content)
            partial.discard()
            try:
                stack.enter_context(folder.reserved(partial))
            except NoRoomError as error:
                problem = error
                continue
            return folder, partial
        raise problem

    def _take_pages(self, walk: _Walk) -> None:
        pairs = (pair for pair in walk.part(PAGES) if not pair[0].static)
        for (top, name), group in groupby(pairs, key=_project_of):
            self._go_on()
            if name:
                self._take_project(top, parse_project(name), group)
            else:
                self._take_root(group)
        self._settle()

    def _take_project(
        self, top: str, name: ProjectName, group: Iterable[tuple[Entry, Iterator[bytes]]]
    ) -> None:
        """Build a project's folder anew, of what comes and of what stays, and exchange it."""
        folder = self._staging / f"{os.getpid()}-{os.urandom(8).hex()}"
        folder.mkdir(parents=True)
        changed, staying = False, list[Entry]()
        try:
            for entry, stream in group:
                changed |= entry.here or entry.gone
                if entry.here:
                    place = folder / entry.path.removeprefix(f"{top}/{name}/")
                    self._put(place, entry, stream)
                elif not entry.gone:
                    staying.append(entry)
            for entry in staying if changed else ():
                place = Path(entry.path.removeprefix(f"{top}/{name}/"))
                self._put(folder / place, entry, _blocks(self._simple / name / place))
            if any(folder.iterdir()):
                legacy = _link_legacy(folder)
                with self._to.index.locks.hold(name, self._to.patience):
                    for error in self._tree.publish([Staged(name, folder, legacy)]):
                        if error is not None:
                            raise error
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _put(self, target: Path, entry: Entry, stream: Iterator[bytes]) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as out:
            check(_teed(stream, out), entry.sha256, entry.path)
        os.utime(target, (entry.mtime, entry.mtime))

    def _take_root(self, group: Iterable[tuple[Entry, Iterator[bytes]]]) -> None:
        """Put the list of projects in place; it has no mark, so that `sync-index` looks at it."""
        for entry, stream in group:
            if entry.here:
                name = parse_filename(entry.path.rpartition("/")[2])
                with replacing(self._simple / name, self._staging, entry.mtime) as out:
                    check(_teed(stream, out), entry.sha256, entry.path)
        (self._to.repo_path / "run" / "root.mark").unlink(missing_ok=True)
        Shelf(self._to.repo_path).note_root(self._bundle.root_serial)

    def _settle(self) -> None:
        """Note of each project whose facts came that it is in step."""
        rows = self._settled.execute("SELECT name, facts FROM settled")
        now = int(time.time())
        while batch := rows.fetchmany(_BATCH):
            self._store.settle_all(
                [(name, _settled(json.loads(facts), now)) for name, facts in batch]
            )

    def _gone(self) -> Iterator[str]:
        """Yield what is to be deleted: of a whole bundle, what was loaded and is not in it."""
        if self._bundle.base is not None:
            yield from (entry.path for entry in self._bundle.entries() if entry.gone)
            return
        new = (entry.path for entry in self._bundle.entries())
        head = next(new, None)
        for path in self._state.paths():
            while head is not None and head < path:
                head = next(new, None)
            if path != head:
                yield path

    def _delete(self) -> None:
        roots = {folder.tier.root: folder for folder in self._folders.values()}
        for path in self._gone():
            self._go_on()
            top, _, rest = path.partition("/")
            if top == "facts":
                self._to.index.remove(parse_project(rest.removesuffix(".json")))
            elif top == "packages" and not rest.endswith(COMPANION):
                file = parse_file_path(rest)
                if (folder := roots.get(self._store.held_in(file) or "")) is not None:
                    folder.remove(file)
                    self._store.release([file])
        flush_folder(self._simple)

    def _go_on(self) -> None:
        if self._to.stopping():
            raise StoppedError


_SETTLED = ("serial", "rendered", "review_at", "legacy")


def _settled(facts: dict[str, Any], now: int) -> Settled:
    return Settled(
        facts["serial"],
        None,
        None,
        now,
        rendered=facts["rendered"],
        legacy=facts["legacy"] is not None,
        filtered=Filtered(review_at=facts["review_at"]),
    )


def _file(facts: dict[str, Any]) -> File:
    """Return a file as far as the store is to know it."""
    path = parse_file_path(facts["path"])
    digest, companion = facts["sha256"], facts["metadata_sha256"]
    return File(
        parse_filename(path.rpartition("/")[2]),
        path,
        {"sha256": parse_sha256(digest)} if digest else {},
        origin=facts["origin"],
        size=facts["size"],
        upload_time=facts["upload_time"],
        core_metadata={"sha256": parse_sha256(companion)} if companion else None,
        provenance=facts["provenance"],
    )


def _project_of(pair: tuple[Entry, object]) -> tuple[str, str]:
    """Return what a page's path begins with, and its project; none for the list of them."""
    path = pair[0].path
    top = "tree/simple" if path.startswith("tree/") else "simple"
    name, slash, _ = path.removeprefix(f"{top}/").partition("/")
    return top, name if slash else ""


def _link_legacy(folder: Path) -> bool:
    """Make the link to the folder of the serial, where there is one (`app.shelf`)."""
    found: Sequence[Path] = sorted(folder.glob("serial-*"))
    for path in found[:1]:
        (folder / LEGACY).symlink_to(path.name)
    return (folder / LEGACY / PROJECT).is_file()


def _small(entry: Entry, stream: Iterator[bytes]) -> bytes:
    if entry.size > _LARGEST:
        raise BundleError(f"{entry.path!r} has {entry.size} bytes, which is too much")
    body = b"".join(stream)
    check(iter([body]), entry.sha256, entry.path)
    return body


def _teed(stream: Iterable[bytes], out: BinaryIO) -> Iterator[bytes]:
    for chunk in stream:
        out.write(chunk)
        yield chunk


def _blocks(place: Path) -> Iterator[bytes]:
    with place.open("rb") as stream:
        yield from iter(lambda: stream.read(1 << 18), b"")


def _has(place: Path, size: int) -> bool:
    return place.is_file() and place.stat().st_size == size
