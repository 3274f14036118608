"""One tier on the disk: what lies there, and how much of its limit is in use."""

import errno
import os
import re
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.atomic import flush_folder
from app.model import Tier
from app.names import FilePath, InvalidNameError, companion_of, parse_file_path
from app.tiers.disk import Disk
from app.tiers.errors import TierFullError
from app.tiers.partial import PARTIAL, SOURCE, Content, Partial, partial_name

_OWN = ".larder"
_MARKER = "tier"
_REMOVED = ".gone"
# What says that a filesystem, or its policy, allows no second name for a file.
_NO_LINK = frozenset(
    {errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOSYS, errno.EOPNOTSUPP}
)
# The first level of `{ab}/{cd}/{rest}/{name}`.
_OURS = re.compile("[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class Found:
    """A file on a tier's disk: its path where it is one of ours, and its bytes."""

    path: FilePath | None
    name: str
    bytes: int
    mtime: int


@dataclass(frozen=True, slots=True)
class Leftover:
    """What a writer left on a tier's disk: its name (`partial_name`), and its bytes."""

    name: str
    bytes: int


class Folder:
    """One tier on the disk, and how much of its limit is in use."""

    def __init__(
        self, tier: Tier, disk: Disk, link: Callable[[Path, Path], None] = os.link
    ) -> None:
        """Use a folder that exists, on its disk; nothing is read or written yet."""
        self.tier = tier
        self.disk = disk
        self._link = link
        self.root = Path(tier.root)
        self._own = self.root / _OWN
        self._used = 0
        self._limit = tier.size_limit
        self._lock = threading.Lock()

    def path(self, path: FilePath) -> Path:
        """Return where the tier has a file."""
        return self.root / path

    def scan(self) -> Iterator[Found]:
        """Yield every visible file of the tier, companions included.

        Raises:
            OSError: A folder cannot be read; what is in it must not pass for lost.

        """
        for folder, folders, names in os.walk(self.root, onerror=self._unreadable):
            if Path(folder) == self.root and _OWN in folders:
                folders.remove(_OWN)
            for name in names:
                found = self._found(Path(folder) / name)
                if found is not None:
                    yield found

    def count(self, used: int, limit: int) -> None:
        """Set how many bytes are in use, and may be, as an inventory found them."""
        with self._lock:
            self._used, self._limit = used, limit

    @property
    def marked(self) -> bool:
        """Whether the tier's disk, and not the empty place of its mount, is here."""
        return self.marker.exists()

    @property
    def marker(self) -> Path:
        """What lies on the tier's disk for that."""
        return self._own / _MARKER

    def mark(self) -> None:
        """Note on the tier's disk that it is one; an unmounted disk is known by that."""
        if not self.marked:
            self._own.mkdir(exist_ok=True)
            self.marker.touch()

    def partial(self, path: FilePath, content: Content) -> Partial:
        """Return a file's partial file, with what an earlier try left in it."""
        self._own.mkdir(exist_ok=True)
        return Partial(self._own / partial_name(path), content)

    @contextmanager
    def reserved(self, partial: Partial) -> Iterator[None]:
        """Count a file's bytes as used before they are written.

        On an error those are given back that the partial file does not take.

        Raises:
            NoRoomError: The limit, or the disk, has no room for them.

        """
        before = partial.size
        need = max(0, partial.content.size - before)
        self._take(need, partial)
        try:
            yield
        except BaseException as error:
            if isinstance(error, OSError):
                # The disk's own, most likely full: it must not be kept so.
                partial.discard()
            with self._lock:
                self._used += partial.size - before - need
            raise
        finally:
            self.disk.settle(partial)

    def place(self, partial: Partial, path: FilePath) -> None:
        """Give a checked partial file its name."""
        target = self.path(path)
        changed = _make_folders(target.parent, self.root)
        partial.place(target)
        for folder in changed:
            flush_folder(folder)

    def share(self, other: "Folder", path: FilePath) -> bool:
        """Give a file of another tier a name here as well; False where that cannot be.

        On one filesystem that is all that a move needs: no byte is read, and the file
        is to be found under one name or the other at every moment.

        Raises:
            TierFullError: The limit has no room for it.

        """
        size = other.size(path)
        with self._lock:
            # A second name takes no room of the disk: the tier's own limit counts.
            if self._used + size > self.tier.size_limit:
                raise TierFullError(f"{size} bytes do not fit: {self.root} is full to its limit")
            self._used += size
            self._limit = max(self._limit, self._used)
        try:
            changed = _make_folders(self.path(path).parent, self.root)
            # The companion first: a file that is here is here with it.
            for name in (companion_of(path), path):
                if other.path(name).exists():
                    self.path(name).unlink(missing_ok=True)
                    self._link(other.path(name), self.path(name))
            for folder in changed:
                flush_folder(folder)
        except OSError as error:
            with self._lock:
                self._used -= size
            if error.errno not in _NO_LINK:
                raise
            self.path(companion_of(path)).unlink(missing_ok=True)
            return False
        return True

    def take_away(self, path: FilePath) -> int:
        """Remove a file that may not even be readable; return what that gave back.

        A name is gone at once, where deleting might wait for a failing disk.
        """
        self._own.mkdir(exist_ok=True)
        aside = self._own / (partial_name(path) + _REMOVED)
        size = self.path(path).lstat().st_size
        self.path(path).replace(aside)
        with self._lock:
            self._used -= size
        aside.unlink(missing_ok=True)
        return size + self.remove(path)

    def remove(self, path: FilePath) -> int:
        """Delete a file and its companion; return the bytes that this gave back."""
        freed = 0
        # The companion last: it is announced for the file, not the other way round.
        for target in (self.path(path), self.path(companion_of(path))):
            try:
                size = target.stat().st_size
                target.unlink()
                freed += size
            except FileNotFoundError:
                continue
        self._prune(self.path(path).parent)
        with self._lock:
            self._used -= freed
        return freed

    def size(self, path: FilePath) -> int:
        """Return the bytes of a file and its companion; 0 where neither is here."""
        return sum(
            target.stat().st_size
            for target in (self.path(path), self.path(companion_of(path)))
            if target.exists()
        )

    def leftovers(self) -> Iterator[Leftover]:
        """Yield the partial files; one that a writer finishes meanwhile is none.

        So are notes whose file is gone, and files that were to be deleted.
        """
        paths = self._own.iterdir() if self._own.exists() else []
        for path in sorted(path for path in paths if path != self.marker):
            if path.suffix == SOURCE and path.with_suffix(PARTIAL).exists():
                continue
            try:
                yield Leftover(path.name, path.stat().st_size)
            except FileNotFoundError:
                continue

    def discard(self, leftover: Leftover) -> None:
        """Delete a partial file."""
        path = self._own / leftover.name
        path.unlink(missing_ok=True)
        path.with_suffix(SOURCE).unlink(missing_ok=True)
        with self._lock:
            self._used -= leftover.bytes

    def _take(self, size: int, partial: Partial) -> None:
        with self._lock:
            if not size:
                return
            if self._used + size > self._limit:
                raise TierFullError(f"{size} bytes do not fit: {self.root} is full to its limit")
            # Somebody else may have filled the disk since it was looked at.
            self.disk.promise(partial, partial.owed)
            self._used += size

    def _unreadable(self, error: OSError) -> None:
        path = Path(error.filename)
        if path != self.root:
            top = path.relative_to(self.root).parts[0]
            # A folder may have been emptied, and so pruned, since it was listed; and
            # others may have theirs here, such as a filesystem's `lost+found`.
            if isinstance(error, FileNotFoundError) or not _OURS.fullmatch(top):
                return
        raise error

    def _found(self, path: Path) -> Found | None:
        try:
            found = path.lstat()
        except FileNotFoundError:
            return None
        name = path.relative_to(self.root).as_posix()
        mtime = int(found.st_mtime)
        try:
            # A link leads to what may change or go; and a pipe would be read for ever.
            ours = parse_file_path(name) if stat.S_ISREG(found.st_mode) else None
        except InvalidNameError:
            ours = None
        return Found(ours, name, found.st_size, mtime)

    def _prune(self, folder: Path) -> None:
        while folder != self.root:
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent


def _make_folders(folder: Path, root: Path) -> list[Path]:
    """Make a file's folders; return those to be flushed once the file is in its place.

    The innermost comes first: on a filesystem with a journal its flush takes the others
    with it, and one for each, before the file, would cost as much as the file.
    """
    changed = [folder]
    missing = []
    while not folder.exists() and folder != root:
        missing.append(folder)
        folder = folder.parent
        changed.append(folder)
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
    return changed
