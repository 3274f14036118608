"""Copying a held file to another filesystem, hashed where it arrives."""

import errno
import hashlib
import os
import shutil
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from app.names import Sha256
from app.tiers.errors import NoRoomError
from app.tiers.partial import Partial, write_all

_BLOCK = 1 << 18

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def copy(source: Path, partial: Partial, stopping: Callable[[], bool]) -> bool:
    """Copy a held file into a partial one and check it there.

    Return False, with nothing placed, when `stopping` said so in between.

    Raises:
        WrongContentError: The source is rotten, or the copy went wrong.
        NoRoomError: The disk is full.

    """
    partial.discard()
    try:
        digest = _copy(source, partial, stopping)
    except OSError as error:
        partial.discard()
        if error.errno in _FULL:
            raise NoRoomError(f"cannot write {partial.path}: {error.strerror}") from error
        raise
    if digest is None:
        partial.discard()
        return False
    partial.confirm(digest)
    return True


def _copy(source: Path, partial: Partial, stopping: Callable[[], bool]) -> Sha256 | None:
    """Copy, and return the digest of what arrived, read back while more is copied."""
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(_BLOCK))
    with (
        source.open("rb", buffering=0) as reader,
        partial.path.open("w+b", buffering=0) as writer,
        ThreadPoolExecutor(1) as behind,
    ):
        here = writer.fileno()

        def read_back(start: int, count: int) -> None:
            done = 0
            while done < count:
                found = os.preadv(here, [buffer[: count - done]], start + done)
                digest.update(buffer[:found])
                done += found

        # sendfile(2) from file to file goes through a pipe of 64 KiB, and takes longer.
        block = memoryview(bytearray(_BLOCK))
        written, pending = 0, list[Future[None]]()
        while count := reader.readinto(block):
            if stopping():
                return None
            write_all(writer, block[:count])
            pending.append(behind.submit(read_back, written, count))
            written += count
        shutil.copystat(source, partial.path)
        # The disk and the digest are slow alike: while one is waited for, the other goes on.
        os.fsync(here)
        for one in pending:
            one.result()
    return Sha256(digest.hexdigest())
