"""Downloads: a file, and its core metadata beside it, from wherever upstream has them."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from app import model
from app.names import FilePath, Sha256, companion_of
from app.store import KnownFile, Store
from app.tiers import Content, Folder, NoRoomError, Partial, WrongContentError
from app.upstream import Upstream, UpstreamError, shown

logger = logging.getLogger("larder")

_TRIES = 3
"""How often a download that breaks off is resumed within one step."""


class FetchFailedError(Exception):
    """A file could not be had from anywhere."""


class StoppedError(Exception):
    """A signal asked for the end; what was done so far stays for the next run."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file of the index that can be held: it has a digest."""

    path: FilePath
    sha256: Sha256
    size: int | None
    origin: str | None
    metadata_sha256: Sha256 | None
    mtime: int | None


def wanted(store: Store, path: FilePath) -> Wanted:
    """Return what a file must be.

    Raises:
        FetchFailedError: No page lists it, or none tells its digest.

    """
    file = store.file(path)
    if file is None or file.sha256 is None:
        message = f"the index lists {path} no more, or without a SHA-256"
        raise FetchFailedError(message)
    return Wanted(path, file.sha256, file.size, file.origin, file.metadata_sha256, _mtime(file))


class Fetcher:
    """Brings files to a tier's folder, checked; the record is the caller's."""

    def __init__(self, upstream: Upstream, stopping: Callable[[], bool]) -> None:
        """Use a door to upstream; `stopping` says that a signal came."""
        self._upstream, self._stopping = upstream, stopping
        self._counting = threading.Lock()
        # How often each place gave wrong bytes since the start.
        self._wrong: Counter[str] = Counter()

    def fetch(self, folder: Folder, file: Wanted) -> None:
        """Download a file with its core metadata; without that it is here all the same.

        Raises:
            FetchFailedError, UpstreamError, NoRoomError, WrongContentError, OSError:
                It could not be had.
            StoppedError: A signal came in between.

        """
        if file.size is None:
            message = f"nobody tells the size of {file.path}"
            raise FetchFailedError(message)
        partial = folder.partial(file.path, Content(file.sha256, file.size, file.mtime))
        with folder.reserved(partial):
            self._download(file, partial)
            folder.place(partial, file.path)
        with as_warning(file.path):
            self.fetch_companion(folder, file)

    def fetch_companion(self, folder: Folder, file: Wanted) -> None:
        """Fetch the core metadata beside, from the first place that has it."""
        if file.metadata_sha256 is None:
            return
        problems: list[Exception] = []
        for url in self._urls(file):
            try:
                hold_companion(folder, file, self._upstream.core_metadata(url))
            except (UpstreamError, WrongContentError) as error:
                problems.append(error)
            else:
                return
        raise problems[-1]

    def _download(self, file: Wanted, partial: Partial) -> None:
        """Fetch from the first place that has the right bytes."""
        problems: list[Exception] = []
        for url in self._urls(file):
            try:
                self._download_from(url, partial)
            except WrongContentError as error:
                self._blame(_place(url, file.path), error)
                problems.append(error)
            except UpstreamError as error:
                problems.append(error)
            else:
                return
        raise problems[-1]

    def _urls(self, file: Wanted) -> list[str]:
        """Return where a file may be had; places that gave wrong bytes come last."""
        urls = self._upstream.url_of(file.path, file.origin)
        with self._counting:
            return sorted(urls, key=lambda url: self._wrong[_place(url, file.path)] > 0)

    def _blame(self, place: str, error: WrongContentError) -> None:
        with self._counting:
            self._wrong[place] += 1
            count = self._wrong[place]
        logger.warning(
            "wrong bytes from %s, %d in this run; it is asked last: %s", place, count, error
        )

    def _download_from(self, url: str, partial: Partial) -> None:
        """Fetch and check a file; what was there of it may be wrong, and is fetched then.

        Another place, or a power cut, may have left bytes that this place is not to be
        blamed for.
        """
        inherited = partial.size > 0
        try:
            self._resume(url, partial)
        except WrongContentError:
            if not inherited:
                raise
            partial.discard()
            self._resume(url, partial)

    def _resume(self, url: str, partial: Partial) -> None:
        """Fetch and check a file, going on where a broken connection stopped."""
        for attempt in range(_TRIES):
            try:
                with self._upstream.open_file(url, partial.size, partial.source(url)) as body:
                    if partial.source(url) != body.etag or not body.start:
                        partial.note_source(url, body.etag)
                    partial.write(self._until_stopped(body.chunks()), body.start)
            except UpstreamError:
                if attempt == _TRIES - 1:
                    raise
            else:
                break
        partial.check()

    def _until_stopped(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            if self._stopping():
                raise StoppedError
            yield chunk


def hold_companion(folder: Folder, file: Wanted, body: bytes) -> None:
    """Put core metadata beside its file, if it is what the index announces.

    Raises:
        NoRoomError, WrongContentError, OSError: It is not, or cannot be written.

    """
    if file.metadata_sha256 is None:
        return
    path = companion_of(file.path)
    partial = folder.partial(path, Content(file.metadata_sha256, len(body), file.mtime))
    partial.discard()
    with folder.reserved(partial):
        partial.write([body], 0)
        partial.check()
        folder.place(partial, path)


def _place(url: str, path: FilePath) -> str:
    """Return what serves many files: a file host, as far as it is to be told from others.

    >>> _place("https://example.org/packages/aa/bb/cc/six.whl", "aa/bb/cc/six.whl")
    'https://example.org/packages/'
    """
    host = shown(url)
    base, _, _ = host.rpartition(path.partition("/")[0] + "/" + path.split("/")[1] + "/")
    return base or host.rpartition("/")[0] + "/"


@contextmanager
def as_warning(path: FilePath) -> Iterator[None]:
    """Go on without core metadata: it is served from elsewhere, the next run tries again."""
    try:
        yield
    except (UpstreamError, WrongContentError, NoRoomError) as error:
        logger.warning("no core metadata for %s: %s", path, error)


def _mtime(file: KnownFile) -> int | None:
    """Return the upload time as seconds: the same on every mirror, and after a move."""
    moment = model.utc(file.upload_time) if file.upload_time else None
    return int(moment.timestamp()) if moment else None
