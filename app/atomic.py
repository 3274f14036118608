"""Changes to the disk that a reader, or a power cut, sees whole or not at all."""

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # linux/fs.h
_LIBC = ctypes.CDLL(None, use_errno=True)


class ExchangeUnsupportedError(OSError):
    """The filesystem cannot exchange two names in one step."""


def flush_folder(path: Path) -> None:
    """Flush a folder's entries to the disk: a rename is safe only after that."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_file(path: Path) -> None:
    """Flush a file's content to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_filesystem(descriptor: int) -> None:
    """Flush all that was written to the filesystem of an open file (syncfs(2)).

    One journal commit for many files, where each `fsync` costs one. Since Linux 5.8 it
    also tells of what could not be written since the descriptor was opened.

    Raises:
        OSError: Something could not be written.

    """
    if _LIBC.syncfs(descriptor) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


@contextmanager
def replacing(target: Path, staging: Path, mtime: int | None = None) -> Iterator[BinaryIO]:
    """Write a file beside, flush it, and give it its name when the block ends well.

    `staging` is a folder on the same filesystem; when the block raises, nothing has
    changed and the partial file is gone. `mtime` is seconds since the epoch; now where
    it is None.
    """
    partial = staging / f"{os.getpid()}-{target.name}.{os.urandom(4).hex()}"
    try:
        with partial.open("xb") as stream:
            yield stream
            stream.flush()
            if mtime is not None:
                os.utime(stream.fileno(), (mtime, mtime))
            os.fsync(stream.fileno())
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    flush_folder(target.parent)


def exchange(first: Path, second: Path) -> None:
    """Exchange two names in one step (renameat2(2), RENAME_EXCHANGE).

    Raises:
        ExchangeUnsupportedError: The filesystem, or the kernel, cannot.
        OSError: A name does not exist, or may not be changed.

    """
    result = _LIBC.renameat2(
        _AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE
    )
    if result == 0:
        return
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS):
        raise ExchangeUnsupportedError(code, os.strerror(code), str(first))
    raise OSError(code, os.strerror(code), str(first), None, str(second))
