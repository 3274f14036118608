"""The tiers' folders: the only writer of held files.

A file becomes visible by a rename, after its bytes are checked and flushed. Partial
files live in `{tier}/.larder/`, because a tier may be a mount of its own and a rename
needs one filesystem; nginx's locations admit nothing but `{ab}/{cd}/{rest}/{name}`.
"""

import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.atomic import flush_folder
from app.model import Tier
from app.names import FilePath, InvalidNameError, Sha256, companion_of, parse_file_path

_PARTIAL = ".larder"
_BLOCK = 1 << 20


class NoRoomError(Exception):
    """The tier's limit, or the disk, has no room for the file."""


class WrongContentError(Exception):
    """The bytes are not those that the index promises."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file on a tier's disk: its path where it is one of ours, and its bytes."""

    path: FilePath | None
    name: str
    bytes: int
    mtime: int


@dataclass(frozen=True, slots=True)
class Content:
    """What a file must be."""

    sha256: Sha256
    size: int
    # Seconds since the epoch; with the size it makes the ETag that nginx gives.
    mtime: int | None


class Folder:
    """One tier on the disk, and how much of its limit is in use."""

    def __init__(self, tier: Tier) -> None:
        """Use a folder that exists; nothing is read or written yet."""
        self.tier = tier
        self._root = Path(tier.root)
        self._partial = self._root / _PARTIAL
        self._used = 0
        self._lock = threading.Lock()

    def path(self, path: FilePath) -> Path:
        """Return where the tier has a file."""
        return self._root / path

    def scan(self) -> Iterator[Found]:
        """Yield every visible file of the tier, companions included."""
        for folder, folders, names in os.walk(self._root):
            if Path(folder) == self._root and _PARTIAL in folders:
                folders.remove(_PARTIAL)
            for name in names:
                found = self._found(Path(folder) / name)
                if found is not None:
                    yield found

    def count(self, used: int) -> None:
        """Set how many bytes are in use, as an inventory found them."""
        with self._lock:
            self._used = used

    @property
    def room(self) -> int:
        """The bytes that the tier's limit leaves."""
        with self._lock:
            return self.tier.size_limit - self._used

    def partial(self, path: FilePath, content: Content) -> "Partial":
        """Return a file's partial file, with what an earlier try left in it."""
        self._partial.mkdir(exist_ok=True)
        return Partial(self._partial / _partial_name(path), content)

    @contextmanager
    def reserved(self, partial: "Partial") -> Iterator[None]:
        """Count a file's bytes as used before they are written.

        On an error those are given back that the partial file does not take.

        Raises:
            NoRoomError: The limit has no room for them.

        """
        before = partial.size
        need = max(0, partial.content.size - before)
        self._take(need)
        try:
            yield
        except BaseException:
            with self._lock:
                self._used += partial.size - before - need
            raise

    def place(self, partial: "Partial", path: FilePath) -> None:
        """Give a checked partial file its name."""
        target = self.path(path)
        _make_folders(target.parent, self._root)
        partial.path.replace(target)
        flush_folder(target.parent)

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

    def unwanted(self, wanted: Collection[FilePath]) -> list[Path]:
        """Return the partial files that belong to none of the files named."""
        kept = {_partial_name(path) for path in wanted}
        return [path for path in self._partial.glob("*") if path.name not in kept]

    def partial_bytes(self) -> int:
        """Return what the partial files take."""
        return sum(path.stat().st_size for path in self._partial.glob("*"))

    def _take(self, size: int) -> None:
        with self._lock:
            if self._used + size > self.tier.size_limit:
                message = f"{size} bytes do not fit: {self._root} is full to its limit"
                raise NoRoomError(message)
            self._used += size

    def _found(self, path: Path) -> Found | None:
        try:
            stat = path.lstat()
        except FileNotFoundError:
            return None
        name = path.relative_to(self._root).as_posix()
        try:
            return Found(parse_file_path(name), name, stat.st_size, int(stat.st_mtime))
        except InvalidNameError:
            return Found(None, name, stat.st_size, int(stat.st_mtime))

    def _prune(self, folder: Path) -> None:
        while folder != self._root:
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent


class Partial:
    """A file in the making: appended to, checked, and then placed by its folder."""

    def __init__(self, path: Path, content: Content) -> None:
        """Use a partial file that may have bytes of an earlier try."""
        self.path = path
        self.content = content

    @property
    def size(self) -> int:
        """The bytes that are there already."""
        return self.path.stat().st_size if self.path.exists() else 0

    def write(self, chunks: Iterable[bytes], start: int) -> None:
        """Write chunks from an offset on, and drop what an earlier try had behind it.

        Raises:
            WrongContentError: There are more bytes than the index promises; the file
                is deleted.
            NoRoomError: The disk is full.

        """
        with self.path.open("r+b" if self.path.exists() else "w+b") as stream:
            stream.truncate(start)
            stream.seek(start)
            for chunk in chunks:
                self._refuse_longer(stream.tell() + len(chunk))
                try:
                    stream.write(chunk)
                except OSError as error:
                    raise _no_room(error, self.path) from error

    def check(self) -> None:
        """Check size and digest, set the modification time, and flush.

        Raises:
            WrongContentError: The content is another; the file is deleted.

        """
        with self.path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            if digest != self.content.sha256:
                self.discard()
                message = f"its SHA-256 is {digest}, the index says {self.content.sha256}"
                raise WrongContentError(message)
            if self.content.mtime is not None:
                os.utime(stream.fileno(), (self.content.mtime, self.content.mtime))
            os.fsync(stream.fileno())

    def discard(self) -> None:
        """Delete the partial file."""
        self.path.unlink(missing_ok=True)

    def _refuse_longer(self, size: int) -> None:
        if size > self.content.size:
            self.discard()
            message = f"it is longer than the {self.content.size} bytes that the index says"
            raise WrongContentError(message)


def copy(source: Path, partial: Partial, stopping: Callable[[], bool]) -> bool:
    """Copy a held file into a partial one and check it there.

    Return False, with nothing placed, when `stopping` said so in between.

    Raises:
        WrongContentError: The source is rotten, or the copy went wrong.
        NoRoomError: The disk is full.

    """
    with source.open("rb") as stream:
        blocks = iter(lambda: b"" if stopping() else stream.read(_BLOCK), b"")
        partial.write(blocks, 0)
    if stopping():
        partial.discard()
        return False
    partial.check()
    shutil.copystat(source, partial.path)
    return True


def digest_of(path: Path) -> Sha256:
    """Return the SHA-256 of a file on the disk."""
    with path.open("rb") as stream:
        return Sha256(hashlib.file_digest(stream, "sha256").hexdigest())


def _partial_name(path: FilePath) -> str:
    return hashlib.blake2b(path.encode(), digest_size=16).hexdigest() + ".part"


def _make_folders(folder: Path, root: Path) -> None:
    """Make a file's folders, flushing each new entry into its parent."""
    missing = []
    while not folder.exists() and folder != root:
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        flush_folder(path.parent)


def _no_room(error: OSError, path: Path) -> Exception:
    message = f"cannot write {path}: {error.strerror}"
    return NoRoomError(message)
