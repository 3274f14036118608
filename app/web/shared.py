"""One download upstream for all who want a file at the same time.

A thread writes it to a file of the run directory, and whoever asks reads behind it, in
any worker. The folder's lock is held for the moment in which it is found out who begins.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fcntl import LOCK_EX, flock
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

from app.upstream import UpstreamError
from app.web.opening import NowhereError, Opener, Tried
from app.web.shared_state import Progress, read, write

logger = logging.getLogger(__name__)

ROOM = 1 << 30
"""Bytes that all shared downloads may take; nginx passes the rest through, each for itself."""

KEEP = 10.0
"""Seconds that a finished one stays for those who come a little later."""

CHUNK = 1 << 16
"""Bytes that a reader holds: many read at once."""

TRIES = 3
"""How often a download that breaks off goes on from where it was."""

_POLL = 0.01


class SharedDownloads:
    """Begins downloads, and finds those that are under way."""

    def __init__(self, folder: Path, opener: Opener, room: int = ROOM) -> None:
        """Use a folder of the run directory."""
        self._folder, self._opener, self._room = folder, opener, room

    def sweep(self) -> None:
        """Delete what nobody comes for any more; whoever still reads it has it open."""
        try:
            with self._alone():
                self._sweep()
        except OSError as error:
            logger.warning("%s", error)

    def join(self, text: str) -> "Reader":
        """Return a reader of a file, beginning its download where nobody has.

        Raises:
            OSError: The disk does not allow it.

        """
        name = blake2b(text.encode(), digest_size=16).hexdigest()
        part, state = self._folder / f"{name}.part", self._folder / f"{name}.json"
        with self._alone():
            self._sweep()
            progress = read(state)
            if progress is None or not (progress.alive or _served(progress)):
                part.unlink(missing_ok=True)
                write(state, Progress(os.getpid()))
                stream = part.open("xb", buffering=0)
                download = _Download(self._opener, text, _Place(stream, state, self._free))
                thread = threading.Thread(target=self._run, args=(download,), daemon=True)
                thread.start()
            return Reader(part.open("rb", buffering=0), state)

    def _run(self, download: "_Download") -> None:
        download.run()
        time.sleep(KEEP)
        self.sweep()

    def _free(self) -> int:
        """Return how many bytes all downloads together may still take."""
        states = (read(path) for path in self._folder.glob("*.json"))
        return self._room - sum(state.total or 0 for state in states if state)

    def _sweep(self) -> None:
        for state in self._folder.glob("*.json"):
            progress = read(state)
            if progress is None or not (progress.alive or _served(progress)):
                state.with_suffix(".part").unlink(missing_ok=True)
                state.unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            flock(descriptor, LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _served(progress: Progress) -> bool:
    """Whether a download that has ended is still of use."""
    good = progress.total is not None and not (progress.nowhere or progress.unfit)
    return good and progress.ended is not None and abs(time.time() - progress.ended) < KEEP


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a download goes."""

    stream: BinaryIO
    state: Path
    free: Callable[[], int]


class _Download:
    """The one who fetches."""

    def __init__(self, opener: Opener, text: str, place: _Place) -> None:
        self._opener, self._text = opener, text
        self._stream, self._state, self._free = place.stream, place.state, place.free
        self._progress = Progress(os.getpid())
        self._size = 0

    def run(self) -> None:
        """Fetch to the end, and say how it went."""
        tried = Tried()
        try:
            with self._stream:
                for _ in range(TRIES):
                    if self._fetch(tried):
                        break
        except NowhereError:
            absent = tried.absent and not tried.failed
            self._progress = replace(self._progress, nowhere=True, absent=absent)
        except OSError as error:
            logger.warning("a shared download cannot be written: %s", error)
            self._progress = replace(self._progress, unfit=True)
        except Exception:
            logger.exception("a shared download failed")
            self._progress = replace(self._progress, unfit=True)
        self._end()

    def _fetch(self, tried: Tried) -> bool:
        """Fetch from where it is; return whether there is nothing more to do."""
        with self._opener.open(self._text, tried, self._size, self._progress.etag) as body:
            if body.start != self._size or body.total != (self._progress.total or body.total):
                # Another file, or one without ranges: its rest is not to be had.
                return True
            if self._progress.total is None and not self._begun(body.total):
                return True
            if self._size == 0:
                self._progress = replace(
                    self._progress,
                    total=body.total,
                    etag=body.etag,
                    content_type=body.content_type,
                    last_modified=body.last_modified,
                )
                write(self._state, self._progress)
            try:
                for chunk in body.chunks():
                    self._stream.write(chunk)
                    self._size += len(chunk)
            except UpstreamError as error:
                logger.warning("%s", error)
                return self._progress.etag is None
        return True

    def _begun(self, total: int | None) -> bool:
        if total is None or total > self._free():
            self._progress = replace(self._progress, unfit=True)
            return False
        return True

    def _end(self) -> None:
        try:
            write(self._state, replace(self._progress, ended=time.time()))
        except OSError:
            # Those who read find out that nothing more comes when this process ends.
            self._state.unlink(missing_ok=True)


class Reader:
    """One who reads behind a download."""

    def __init__(self, stream: BinaryIO, state: Path) -> None:
        """Read from the beginning."""
        self._stream, self._state = stream, state

    def answer(self) -> Progress:
        """Wait for upstream's answer, and return it; `total` is None where there is none."""
        while True:
            progress = read(self._state)
            if progress is None or progress.total is not None or not progress.alive:
                return progress or Progress(0, unfit=True)
            time.sleep(_POLL)

    def chunks(self, total: int) -> Iterator[bytes]:
        """Yield the bytes as they come; fewer than `total` where the download broke off."""
        left, ended = total, False
        while left:
            if chunk := self._stream.read(CHUNK):
                left -= len(chunk)
                yield chunk
            elif ended:
                return
            else:
                time.sleep(_POLL)
                # What was written before it ended is read once more.
                ended = self._ended()

    def close(self) -> None:
        """Let the file go."""
        self._stream.close()

    def _ended(self) -> bool:
        progress = read(self._state)
        return progress is None or not progress.alive
