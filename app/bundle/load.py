"""Check a bundle of larder, and lay it out as a folder that any web server can serve.

    python3 load.py BUNDLE FOLDER --key KEY.pub

BUNDLE is a folder, a tar, or the first part of a split one (`.000`). This file needs
Python 3.9 and its standard library alone. Nothing changes in FOLDER before all of the
bundle is checked; when it was interrupted, the same command again finishes it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import weakref
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FORMAT = 1
"""The version of the format; a reader of one refuses those above it."""

HEADER, SIGNATURE, MANIFEST, PROGRAM = "bundle.json", "bundle.sig", "manifest.jsonl", "load.py"

_BLOCK = 1 << 18
_LONGEST_HEADER = 1 << 16
_LONGEST_LINE = 1 << 13
_SECTOR = 512
_STATE = ".larder-bundle.json"
_PARTIAL = ".larder-partial"
# What the paths of a bundle begin with, in the order in which they come.
_TOPS = frozenset({"facts", "packages", "simple", "tree"})
_DIGEST = re.compile("[0-9a-f]{64}")
_LONGEST_PATH, _LONGEST_NAME, _DEEPEST = 1024, 255, 8
_LONGEST_NUMBER = 15


class BundleError(Exception):
    """The bundle, or what it is for, is not what it must be; nothing was changed."""


class Entry(NamedTuple):
    """A line of the manifest: a file of the sender's, or one that is gone there."""

    path: str
    size: int
    sha256: str
    mtime: int
    # Whether the bundle brings it; else the base has it.
    here: bool
    # Whether it is to be deleted.
    gone: bool
    # Whether it serves the bundle as a static index, and is no part of the sender's tree.
    static: bool
    # The rank of the tier that it lay on.
    tier: int

    def line(self) -> bytes:
        """Return what the identity of a state is made of."""
        return f"{self.sha256} {self.size} {self.mtime} {self.path}\n".encode()


class Bundle:
    """A bundle, whose header and manifest are checked when this is made."""

    def __init__(self, place: Path, trust: Callable[[bytes, bytes | None], None]) -> None:
        """Read header and manifest; `trust` refuses a wrong signature.

        Raises:
            BundleError: They are not what they must be.

        """
        self.place = place
        self._whole = place.is_dir()
        if not self._whole and not place.is_file():
            raise BundleError(f"there is no bundle at {place}")
        with self._reader() as reader:
            raw = b"".join(reader.member(HEADER, None, _LONGEST_HEADER))
            header = _header(raw)
            signature = None
            if header["signed"]:
                signature = b"".join(reader.member(SIGNATURE, None, _LONGEST_HEADER))
            trust(raw, signature)
            self.raw, self.identity, self.base = raw, str(header["identity"]), header["base"]
            self.root_serial = header["root_serial"]
            self._signed = bool(header["signed"])
            self._program = (header["program"]["size"], header["program"]["sha256"])
            self._manifest = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as this
            weakref.finalize(self, self._manifest.close)
            size, digest = header["manifest"]["size"], header["manifest"]["sha256"]
            copy(reader.member(MANIFEST, size), self._manifest, digest, MANIFEST)
        self._check_identity()

    def entries(self) -> Iterator[Entry]:
        """Yield the lines of the manifest, sorted by path."""
        position, previous = 0, ""
        while True:
            self._manifest.seek(position)
            line = self._manifest.readline(_LONGEST_LINE)
            position += len(line)
            if not line:
                return
            entry = _entry(line)
            if entry.path <= previous:
                raise BundleError(f"the manifest lists {entry.path!r} twice, or out of order")
            previous = entry.path
            yield entry

    def contents(self) -> Iterator[tuple[Entry, Iterator[bytes]]]:
        """Yield what the bundle brings, each with its bytes; what is not read is passed over."""
        with self._reader() as reader:
            for _ in reader.member(HEADER, len(self.raw)):
                pass
            if self._signed:
                reader.skip(SIGNATURE, None)
            reader.skip(MANIFEST, os.fstat(self._manifest.fileno()).st_size)
            size, digest = self._program
            check(reader.member(PROGRAM, size), digest, PROGRAM)
            for entry in self.entries():
                if entry.here:
                    stream = reader.member(entry.path, entry.size)
                    yield entry, stream
                    for _ in stream:
                        pass
            reader.end()

    def check(self, asked: Callable[[], bool] = lambda: False) -> None:
        """Read all that the bundle brings, and compare it with the manifest.

        Raises:
            BundleError: Something is not as the manifest says.

        """
        for entry, stream in self.contents():
            if asked():
                return
            check(stream, entry.sha256, entry.path)

    def manifest(self) -> IO[bytes]:
        """Return the manifest, as it was checked."""
        self._manifest.seek(0)
        return self._manifest

    @contextmanager
    def _reader(self) -> Iterator[_Folder | _Tar]:
        if self._whole:
            yield _Folder(self.place)
            return
        with Pieces(self.place) as stream:
            yield _Tar(stream)

    def _check_identity(self) -> None:
        digest = hashlib.sha256()
        for entry in self.entries():
            if entry.gone and self.base is None:
                raise BundleError("the manifest deletes files, and says no base")
            if not entry.gone:
                digest.update(entry.line())
                if self.base is None and not entry.here:
                    raise BundleError(f"{entry.path!r} is missing, and there is no base")
        if digest.hexdigest() != self.identity:
            raise BundleError("the manifest is not of the identity that the header says")


def check(stream: Iterator[bytes], sha256: str, path: str) -> None:
    """Refuse bytes that have another digest."""
    digest = hashlib.sha256()
    for chunk in stream:
        digest.update(chunk)
    if digest.hexdigest() != sha256:
        raise BundleError(f"{path!r} is not what the manifest says")


def copy(stream: Iterator[bytes], target: IO[bytes], sha256: str, path: str) -> None:
    """Write bytes, and refuse those that have another digest."""

    def written() -> Iterator[bytes]:
        for chunk in stream:
            target.write(chunk)
            yield chunk

    check(written(), sha256, path)
    target.flush()


def parse_path(text: object) -> str:
    """Return a path of the manifest, if it stays within the tree that it is for."""
    parts = text.split("/") if isinstance(text, str) else []
    wrong = (
        not isinstance(text, str)
        or not text.isprintable()
        or len(text.encode(errors="replace")) > _LONGEST_PATH
        or not 1 < len(parts) <= _DEEPEST
        or parts[0] not in _TOPS
        or (parts[0] == "tree" and parts[1] != "simple")
        or any(len(part.encode(errors="replace")) > _LONGEST_NAME for part in parts)
        or any(not part or part.startswith(".") or "\\" in part for part in parts)
    )
    if wrong:
        raise BundleError(f"the manifest lists {str(text)[:200]!r}, which is no path of a bundle")
    return str(text)


def _entry(line: bytes) -> Entry:
    try:
        found = json.loads(line)
        path, gone = parse_path(found["path"]), found.get("gone") is True
        if gone:
            return Entry(path, 0, "", 0, False, True, False, 0)  # noqa: FBT003
        entry = Entry(
            path, _number(found["size"]), _digest(found["sha256"]), _number(found["mtime"]),
            found.get("here") is True, gone, found.get("static") is True,
            _number(found.get("tier", 0)),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BundleError(f"the manifest has a line that is none: {line[:80]!r}") from error
    return entry


def _header(raw: bytes) -> dict[str, Any]:
    try:
        header: dict[str, Any] = json.loads(raw)
        if header["format"] != FORMAT:
            raise BundleError(f"the bundle is of format {header['format']}, not {FORMAT}")
        _digest(header["identity"])
        if header["base"] is not None:
            _digest(header["base"])
        if header["root_serial"] is not None:
            _number(header["root_serial"])
        for part in (header["manifest"], header["program"]):
            _number(part["size"])
            _digest(part["sha256"])
        _flag(header["signed"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BundleError(f"{HEADER} is not that of a bundle") from error
    return header


def _digest(value: object) -> str:
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise TypeError
    return value


def _flag(value: object) -> None:
    if not isinstance(value, bool):
        raise TypeError


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 53:
        raise TypeError
    return value


class _Folder:
    """A bundle that is a folder; no link is followed."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def member(self, path: str, size: int | None, most: int = 0) -> Iterator[bytes]:
        """Yield a file's bytes: so many, or at most so many."""
        try:
            descriptor = self._open(path)
        except OSError as error:
            raise BundleError(f"{path!r} cannot be read: {error.strerror}") from error
        with os.fdopen(descriptor, "rb", buffering=0) as stream:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise BundleError(f"{path!r} is no plain file")
            if (found.st_size > most) if size is None else (found.st_size != size):
                raise BundleError(f"{path!r} has {found.st_size} bytes, and not what is said")
            yield from _exactly(stream, found.st_size if size is None else size, path)

    def skip(self, path: str, size: int | None) -> None:
        """Pass over a file."""

    def end(self) -> None:
        """Say that nothing follows: a folder may have files besides."""

    def _open(self, path: str) -> int:
        *folders, name = path.split("/")
        plain = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for folder in folders:
                inner = os.open(folder, plain | os.O_DIRECTORY, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            # A pipe must not be waited for.
            return os.open(name, plain | os.O_NONBLOCK, dir_fd=descriptor)
        finally:
            os.close(descriptor)


class _Tar:
    """A bundle that is a tar: plain files alone, in the manifest's order."""

    def __init__(self, stream: Pieces) -> None:
        self._stream = stream

    def member(self, path: str, size: int | None, most: int = 0) -> Iterator[bytes]:
        """Yield the next file's bytes, which must be this one's."""
        found = self._next(path)
        if (size is None and found > most) or size not in (None, found):
            raise BundleError(f"{path!r} has {found} bytes, and not what is said")
        yield from _exactly(self._stream, found, path)
        self._stream.read(-found % _SECTOR)

    def skip(self, path: str, size: int | None) -> None:
        """Pass over the next file, which must be this one."""
        for _ in self.member(path, size, _LONGEST_HEADER):
            pass

    def end(self) -> None:
        """Refuse what follows the last file."""
        if self._stream.read(_SECTOR).strip(b"\0"):
            raise BundleError("the tar has a file that the manifest does not list")

    def _next(self, path: str) -> int:
        name, size, info = None, None, self._info(path)
        if info.type == tarfile.XHDTYPE:
            if info.size > _LONGEST_HEADER:
                raise BundleError(f"the tar has a header of {info.size} bytes before {path!r}")
            raw = b"".join(_exactly(self._stream, info.size, path))
            self._stream.read(-info.size % _SECTOR)
            name, size = _extended(raw, path)
            info = self._info(path)
        if info.type != tarfile.REGTYPE:
            raise BundleError(f"the tar has a link, a folder or a device in place of {path!r}")
        if (name or info.name) != path:
            raise BundleError(f"the tar has {(name or info.name)[:200]!r} in place of {path!r}")
        return info.size if size is None else size

    def _info(self, path: str) -> tarfile.TarInfo:
        block = self._stream.read(_SECTOR)
        try:
            return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise BundleError(f"the tar ends, or is damaged, before {path!r}") from error


def _extended(raw: bytes, path: str) -> tuple[str | None, int | None]:
    """Return path and size of an extended header (POSIX pax); nothing else is written there."""
    found: dict[bytes, bytes] = {}
    while raw:
        length, _, _ = raw.partition(b" ")
        if not length.isdigit() or not 0 < int(length) <= len(raw):
            raise BundleError(f"the tar has a damaged header before {path!r}")
        key, _, value = raw[len(length) + 1 : int(length) - 1].partition(b"=")
        found[key] = value
        raw = raw[int(length) :]
    size = found.pop(b"size", None)
    name = found.pop(b"path", None)
    if found or (size is not None and not (size.isdigit() and len(size) <= _LONGEST_NUMBER)):
        raise BundleError(f"the tar has an unknown header before {path!r}")
    decoded = None if name is None else name.decode(errors="replace")
    return decoded, None if size is None else int(size)


def _exactly(stream: IO[bytes] | Pieces, size: int, path: str) -> Iterator[bytes]:
    while size:
        chunk = stream.read(min(size, _BLOCK))
        if not chunk:
            raise BundleError(f"{path!r} is cut short")
        size -= len(chunk)
        yield chunk


class Pieces:
    """A file, or the parts of a split one, `.000` and those that follow, as one stream."""

    def __init__(self, first: Path) -> None:
        """Find the parts; none is opened yet."""
        self._left = [first]
        if first.suffix == ".000":
            others = (first.with_suffix(f".{number:03}") for number in range(1, 1000))
            for other in others:
                if not other.is_file():
                    break
                self._left.append(other)
        self._stream: IO[bytes] | None = None

    def __enter__(self) -> Pieces:  # noqa: PYI034  Python before 3.11 has no `Self`
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream:
            self._stream.close()

    def read(self, size: int) -> bytes:
        """Return so many bytes; fewer where the last part ends."""
        found = b""
        while len(found) < size:
            if self._stream is None:
                if not self._left:
                    return found
                self._stream = self._left.pop(0).open("rb")
            chunk = self._stream.read(size - len(found))
            if not chunk:
                self._stream.close()
                self._stream = None
            found += chunk
        return found


def check_signature(header: bytes, signature: bytes | None, key: Path) -> bool:
    """Refuse a header that the key's owner has not signed (Ed25519, RFC 8032).

    Return False where this machine has nothing that could check it.
    """
    if signature is None:
        raise BundleError("the bundle is not signed, and a key was given")
    pem = key.read_bytes()
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415  it may be missing
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
            Ed25519PublicKey,
        )
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
            load_pem_public_key,
        )
    except ImportError:
        return _check_by_openssl(header, signature, key)
    try:
        public = load_pem_public_key(pem)
    except ValueError as error:
        raise BundleError(f"{key} is no public key") from error
    if not isinstance(public, Ed25519PublicKey):
        raise BundleError(f"{key} is no Ed25519 key")
    try:
        public.verify(signature, header)
    except InvalidSignature as error:
        raise BundleError(f"the bundle is not signed with {key}") from error
    return True


def _check_by_openssl(header: bytes, signature: bytes, key: Path) -> bool:
    program = shutil.which("openssl")
    if program is None:
        return False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "header").write_bytes(header)
        (folder / "signature").write_bytes(signature)
        command = [program, "pkeyutl", "-verify", "-pubin", "-inkey", str(key), "-rawin"]
        command += ["-in", str(folder / "header"), "-sigfile", str(folder / "signature")]
        done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise BundleError(f"openssl does not find the bundle signed with {key}")
    return True


class _Plain:
    """A folder that a bundle is laid out in."""

    def __init__(self, root: Path) -> None:
        self._root, self._state = root, root / _STATE

    def apply(self, bundle: Bundle) -> None:
        """Bring the folder to the bundle's state: files first, pages next, deletions last."""
        state = self._read()
        if state["loading"] not in (None, bundle.identity):
            raise BundleError(f"{state['loading']} was interrupted here; lay that one out first")
        if bundle.base is not None and state["identity"] not in (bundle.base, bundle.identity):
            raise BundleError(f"the bundle follows {bundle.base}, and {self._root} has another")
        if bundle.base is None and state["identity"] not in (None, bundle.identity):
            raise BundleError(f"a whole bundle goes into an empty folder, not into {self._root}")
        if not self._state.exists() and self._root.exists() and any(self._root.iterdir()):
            raise BundleError(f"{self._root} is not empty, and no bundle was laid out in it")
        bundle.check()
        self._root.mkdir(parents=True, exist_ok=True)
        self._write_state({"identity": state["identity"], "loading": bundle.identity})
        for entry, stream in bundle.contents():
            if not entry.path.startswith(("facts/", "tree/")):
                self._put(entry, stream)
        for entry in bundle.entries():
            if entry.gone and not entry.path.startswith(("facts/", "tree/")):
                self._delete(entry.path)
        self._write_state({"identity": bundle.identity})

    def _read(self) -> dict[str, str | None]:
        try:
            state = json.loads(self._state.read_text())
        except FileNotFoundError:
            return {"identity": None, "loading": None}
        return {"identity": state["identity"], "loading": state.get("loading")}

    def _write_state(self, state: dict[str, str | None]) -> None:
        partial = self._root / _PARTIAL
        partial.write_text(json.dumps(state))
        partial.replace(self._state)

    def _put(self, entry: Entry, stream: Iterator[bytes]) -> None:
        target, partial = self._inside(entry.path), self._root / _PARTIAL
        target.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as out:
            copy(stream, out, entry.sha256, entry.path)
            os.utime(out.fileno(), (entry.mtime, entry.mtime))
            os.fsync(out.fileno())
        partial.replace(target)

    def _delete(self, path: str) -> None:
        target = self._inside(path)
        target.unlink(missing_ok=True)
        with suppress(OSError):
            for folder in target.parents:
                if folder == self._root:
                    break
                folder.rmdir()

    def _inside(self, path: str) -> Path:
        target = self._root.joinpath(*parse_path(path).split("/"))
        folder = target.parent
        while folder != self._root:
            if folder.is_symlink():
                raise BundleError(f"{folder} is a link")
            folder = folder.parent
        return target


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; return 0, 1 where the disk fails, 2 for usage, 3 if refused."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().split("\n", maxsplit=1)[0])
    parser.add_argument("bundle", type=Path, help="a folder, a tar, or its first part (.000)")
    parser.add_argument("folder", type=Path, help="where to lay it out")
    parser.add_argument("--key", type=Path, help="the sender's public key")
    parser.add_argument("--unsigned", action="store_true", help="check the hashes alone")
    options = parser.parse_args(arguments)
    if (options.key is None) != options.unsigned:
        parser.error("give --key FILE, or --unsigned")

    def trust(header: bytes, signature: bytes | None) -> None:
        if not options.unsigned and not check_signature(header, signature, options.key):
            what = "here is neither Python's cryptography nor openssl to check the signature"
            raise BundleError(f"{what}; --unsigned checks the hashes alone")

    try:
        _Plain(options.folder).apply(Bundle(options.bundle, trust))
    except BundleError as error:
        print(f"refused: {error}", file=sys.stderr)  # noqa: T201
        return 3
    except OSError as error:
        print(f"failed: {error}", file=sys.stderr)  # noqa: T201
        return 1
    what = "the hashes alone were checked" if options.unsigned else "signature and hashes are right"
    print(f"done; {what}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
