"""A gathered state as a bundle: a folder, a tar, or a tar in parts.

It is written beside its place, each byte checked on its way, and renamed when it is whole.
Nothing in it tells when or where it was made: the same tree gives the same bytes.
"""

import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from app.atomic import flush_file, flush_folder
from app.bundle import load
from app.bundle.gathering import GatheringError
from app.bundle.keys import Signer
from app.bundle.ledger import Ledger
from app.bundle.load import FORMAT, HEADER, MANIFEST, PROGRAM, SIGNATURE, Entry

_BLOCK = 1 << 18
_SECTOR = 512
# The times of what has none of its own: the first that a zip can tell, too.
_THEN = 315_532_800


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be written, and where."""

    target: Path
    # The identity of the state that it follows; None: it is whole.
    base: str | None = None
    # The bytes of a part of a tar; None: it has one.
    split: int | None = None
    signer: Signer | None = None

    @property
    def whole(self) -> bool:
        """Whether it is a folder."""
        return self.target.suffix != ".tar"

    @property
    def first(self) -> Path:
        """What is there when the bundle is."""
        return self.target if self.split is None else Path(f"{self.target}.000")


class Draft:
    """The folder that a bundle is made in, beside its place; what a killed run left goes."""

    def __init__(self, target: Path) -> None:
        """Make it, with its ledger."""
        self.root = target.parent / f".{target.name}.partial"
        if self.root.exists():
            shutil.rmtree(self.root)
        self.copies = self.root / "copies"
        self.copies.mkdir(parents=True)
        self.ledger = Ledger(self.root / "ledger.db")

    def discard(self) -> None:
        """Delete it."""
        self.ledger.close()
        shutil.rmtree(self.root, ignore_errors=True)


class _Out(Protocol):
    """Where a bundle's files go, in their order."""

    def put(self, path: str, size: int, mtime: int, chunks: Iterator[bytes]) -> None:
        """Write one."""

    def finish(self) -> None:
        """Flush all, and give it its name."""


def write(
    draft: Draft, order: Order, root_serial: int | None, stopping: Callable[[], bool]
) -> bool:
    """Write a bundle; False where a signal came in between.

    Raises:
        GatheringError: A held file is not what the store says.
        OSError: It cannot be written.

    """
    manifest = draft.root / MANIFEST
    identity = _write_manifest(draft.ledger, manifest)
    program = Path(load.__file__).read_bytes()
    header = _header(order, identity, manifest, program, root_serial)
    out: _Out = _Folder(draft, order) if order.whole else _Tar(draft, order)
    out.put(HEADER, len(header), _THEN, iter([header]))
    if order.signer:
        signature = order.signer.sign(header)
        out.put(SIGNATURE, len(signature), _THEN, iter([signature]))
    with manifest.open("rb") as stream:
        out.put(MANIFEST, manifest.stat().st_size, _THEN, _blocks(stream))
    out.put(PROGRAM, len(program), _THEN, iter([program]))
    for entry, source in draft.ledger.lines():
        if stopping():
            return False
        if entry.here:
            _put(out, entry, source or draft.copies / entry.path)
    out.finish()
    return True


def _write_manifest(ledger: Ledger, place: Path) -> str:
    """Write the manifest; return the identity of the state that it lists."""
    digest = hashlib.sha256()
    with place.open("wb") as stream:
        for entry, _ in ledger.lines():
            if not entry.gone:
                digest.update(entry.line())
            stream.write(json.dumps(_listed(entry), separators=(",", ":")).encode() + b"\n")
    return digest.hexdigest()


def _listed(entry: Entry) -> dict[str, object]:
    if entry.gone:
        return {"path": entry.path, "gone": True}
    found: dict[str, object] = {
        "path": entry.path,
        "size": entry.size,
        "sha256": entry.sha256,
        "mtime": entry.mtime,
    }
    found |= {key: True for key in ("here", "static") if getattr(entry, key)}
    return found | ({"tier": entry.tier} if entry.tier else {})


def _header(
    order: Order, identity: str, manifest: Path, program: bytes, root_serial: int | None
) -> bytes:
    with manifest.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    header = {
        "format": FORMAT,
        "identity": identity,
        "base": order.base,
        "root_serial": root_serial,
        "signed": order.signer is not None,
        "manifest": {"size": manifest.stat().st_size, "sha256": digest},
        "program": {"size": len(program), "sha256": hashlib.sha256(program).hexdigest()},
    }
    return json.dumps(header, indent=1).encode() + b"\n"


def _put(out: _Out, entry: Entry, source: Path) -> None:
    with source.open("rb", buffering=0) as stream:
        out.put(entry.path, entry.size, entry.mtime, _checked(stream, entry, source))


def _checked(stream: BinaryIO, entry: Entry, source: Path) -> Iterator[bytes]:
    digest, size = hashlib.sha256(), 0
    for chunk in _blocks(stream):
        digest.update(chunk)
        size += len(chunk)
        if size > entry.size:
            break
        yield chunk
    if size != entry.size or digest.hexdigest() != entry.sha256:
        raise GatheringError(f"{source} is not what the store says; `larder verify` mends that")


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: stream.read(_BLOCK), b"")


class _Folder:
    """A bundle that is a folder."""

    def __init__(self, draft: Draft, order: Order) -> None:
        self._draft, self._target = draft, order.target
        self._root = draft.root / "folder"

    def put(self, path: str, size: int, mtime: int, chunks: Iterator[bytes]) -> None:
        """Write a file."""
        del size
        place = self._root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("xb") as stream:
            for chunk in chunks:
                stream.write(chunk)
            stream.flush()
            os.utime(stream.fileno(), (mtime, mtime))

    def finish(self) -> None:
        """Flush all of it, and give the folder its name."""
        for folder, _, filenames in os.walk(self._root, topdown=False):
            for filename in filenames:
                flush_file(Path(folder, filename))
            flush_folder(Path(folder))
        self._root.rename(self._target)
        flush_folder(self._target.parent)


class _Tar:
    """A bundle that is a tar (POSIX pax), in one file or in parts."""

    def __init__(self, draft: Draft, order: Order) -> None:
        self._order = order
        self._parts: list[tuple[Path, Path]] = []
        self._folder = draft.root
        self._stream: BinaryIO | None = None
        self._room = 0

    def put(self, path: str, size: int, mtime: int, chunks: Iterator[bytes]) -> None:
        """Append a file."""
        info = tarfile.TarInfo(path)
        info.size, info.mtime = size, mtime
        self._write(info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict"))
        for chunk in chunks:
            self._write(chunk)
        self._write(bytes(-size % _SECTOR))

    def finish(self) -> None:
        """Flush all parts, and give them their names, the first one last."""
        self._write(bytes(2 * _SECTOR))
        if self._stream:
            self._stream.close()
        for part, _ in self._parts:
            flush_file(part)
        for part, target in reversed(self._parts):
            part.rename(target)
        flush_folder(self._order.target.parent)

    def _write(self, chunk: bytes) -> None:
        rest = memoryview(chunk)
        while rest:
            if self._stream is None or not self._room:
                self._begin()
            piece = rest[: self._room]
            if self._stream:
                self._stream.write(piece)
            self._room -= len(piece)
            rest = rest[len(piece) :]

    def _begin(self) -> None:
        if self._stream:
            self._stream.close()
        number, order = len(self._parts), self._order
        part = self._folder / f"part-{number:03}"
        split = order.split is not None
        self._parts.append((part, Path(f"{order.target}.{number:03}" if split else order.target)))
        self._stream = part.open("xb")
        self._room = order.split or 1 << 62
