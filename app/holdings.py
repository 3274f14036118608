"""The files that are here: finding out which, and carrying out what changes them."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from app import model
from app.names import (
    FilePath,
    Sha256,
    companion_of,
)
from app.steps import Adopt, Drop, DropPartial, Evict, Fetch, FetchCompanion, Lose, Move, Step
from app.store import KnownFile, Store, UnlistedError
from app.survey import Survey, survey
from app.tiers import (
    Content,
    Folder,
    Leftover,
    NoRoomError,
    Partial,
    WrongContentError,
    copy,
    digest_of,
    partial_name,
)
from app.upstream import Upstream, UpstreamError

logger = logging.getLogger("larder")

_TRIES = 3
"""How often a download that breaks off is resumed within one step."""


class FetchFailedError(Exception):
    """A file could not be had from anywhere."""


class StoppedError(Exception):
    """A signal asked for the end; what was done so far stays for the next run."""


class Holdings:
    """The held files of all tiers, hottest first."""

    def __init__(
        self,
        store: Store,
        upstream: Upstream,
        tiers: Sequence[model.Tier],
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """Use tiers whose folders exist; `stopping` says that a signal came."""
        self._store, self._upstream, self._stopping = store, upstream, stopping
        self._folders = {tier.rank: Folder(tier) for tier in tiers}

    def survey(self) -> Survey:
        """Compare disks and store; nothing is changed but the folders' counts."""
        return survey(self._store, self._folders)

    def execute(self, step: Step) -> None:
        """Carry out one step.

        Raises:
            FetchFailedError, UpstreamError, NoRoomError, WrongContentError, OSError:
                It failed; nothing half-done can be seen, and the next plan has it again.
            StoppedError: A signal came in between.

        """
        match step:
            case Evict(path, tier):
                self._evict(path, tier)
            case Drop(path, tier):
                self._folders[tier].remove(path)
            case Lose(paths):
                self._store.release(paths)
            case Adopt(path, tier):
                self._adopt(path, tier)
            case Move():
                self._move(step)
            case Fetch(path, tier):
                self._fetch(path, tier)
            case FetchCompanion(path, tier):
                self._fetch_companion(self._folders[tier], self._wanted(path))
                self._hold(self._folders[tier], path)
            case DropPartial(name, tier, size):
                self._folders[tier].discard(Leftover(name, size))
            case _:
                message = f"{step!r} is no step of this job"
                raise TypeError(message)

    def withdraw(self) -> int:
        """Delete every held file that no page lists any more, in all tiers; count them."""
        ranks = {folder.tier.root: rank for rank, folder in self._folders.items()}
        gone = self._store.withdrawn()
        for held in gone:
            if held.root in ranks:
                self._evict(held.path, ranks[held.root])
        return len(gone)

    def sweepable(self) -> int:
        """Return how many partial files no wish goes on with."""
        return len(self._unwanted())

    def sweep(self) -> None:
        """Delete the partial files that no wish goes on with; nothing may write to them."""
        for folder, leftover in self._unwanted():
            folder.discard(leftover)

    def _unwanted(self) -> list[tuple[Folder, Leftover]]:
        held = {one.path for one in self._store.holdings()}
        wish = self._store.wish()
        wanted = {
            (rank, partial_name(path)) for path, (rank, _) in wish.items() if path not in held
        }
        return [
            (folder, leftover)
            for rank, folder in self._folders.items()
            for leftover in folder.leftovers()
            if (rank, leftover.name) not in wanted
        ]

    def _evict(self, path: FilePath, tier: int) -> None:
        # The store first: whoever asks it where the file is must not be sent to
        # nothing. A kill in between leaves a file that the next survey adopts again.
        self._store.release([path])
        self._folders[tier].remove(path)

    def _adopt(self, path: FilePath, tier: int) -> None:
        folder, wanted = self._folders[tier], self._wanted(path)
        self._refuse_rotten(folder, wanted)
        self._hold(folder, path)

    def _refuse_rotten(self, folder: Folder, wanted: "_Wanted") -> None:
        """Delete a file that is not what the index lists, so that it is fetched again.

        Raises:
            WrongContentError: It was one.

        """
        if digest_of(folder.path(wanted.path)) != wanted.sha256:
            self._evict(wanted.path, folder.tier.rank)
            message = f"{folder.path(wanted.path)} was not what the index lists; deleted it"
            raise WrongContentError(message)

    def _move(self, step: Move) -> None:
        source, target = self._folders[step.source], self._folders[step.target]
        wanted = self._wanted(step.path)
        stat = source.path(step.path).stat()
        content = Content(wanted.sha256, stat.st_size, int(stat.st_mtime))
        partial = target.partial(step.path, content)
        partial.discard()
        with target.reserved(partial):
            try:
                if not copy(source.path(step.path), partial, self._stopping):
                    raise StoppedError
            except WrongContentError:
                self._refuse_rotten(source, wanted)
                raise
            target.place(partial, step.path)
        companion = source.path(companion_of(step.path))
        if companion.exists():
            self._hold_companion(target, wanted, companion.read_bytes())
        self._hold(target, step.path)
        source.remove(step.path)

    def _hold(self, folder: Folder, path: FilePath) -> None:
        """Note that a file is here; one that the index has dropped meanwhile goes again."""
        folder.mark()
        try:
            self._store.hold(path, folder.tier.root, folder.size(path))
        except UnlistedError:
            # Without a record nobody would ever evict it.
            folder.remove(path)
            raise

    def _fetch(self, path: FilePath, tier: int) -> None:
        folder, wanted = self._folders[tier], self._wanted(path)
        if wanted.size is None:
            message = f"nobody tells the size of {path}"
            raise FetchFailedError(message)
        content = Content(wanted.sha256, wanted.size, wanted.mtime)
        partial = folder.partial(path, content)
        with folder.reserved(partial):
            self._download(wanted, partial)
            folder.place(partial, path)
        try:
            self._fetch_companion(folder, wanted)
        except (UpstreamError, WrongContentError, NoRoomError) as error:
            # Without it nginx sends clients upstream; the next run tries again.
            logger.warning("no core metadata for %s: %s", path, error)
        self._hold(folder, path)

    def _download(self, wanted: "_Wanted", partial: Partial) -> None:
        """Fetch from the first place that has the right bytes."""
        problems: list[Exception] = []
        for url in self._upstream.url_of(wanted.path, wanted.origin):
            try:
                self._download_from(url, partial)
            except (UpstreamError, WrongContentError) as error:
                problems.append(error)
            else:
                return
        raise problems[-1]

    def _download_from(self, url: str, partial: Partial) -> None:
        """Fetch and check a file, going on where a broken connection stopped."""
        for attempt in range(_TRIES):
            try:
                with self._upstream.open_file(url, partial.size) as body:
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

    def _fetch_companion(self, folder: Folder, wanted: "_Wanted") -> None:
        """Fetch the core metadata beside, from the first place that has it."""
        if wanted.metadata_sha256 is None:
            return
        problems: list[Exception] = []
        for url in self._upstream.url_of(wanted.path, wanted.origin):
            try:
                self._hold_companion(folder, wanted, self._upstream.core_metadata(url))
            except (UpstreamError, WrongContentError) as error:
                problems.append(error)
            else:
                return
        raise problems[-1]

    def _hold_companion(self, folder: Folder, wanted: "_Wanted", body: bytes) -> None:
        if wanted.metadata_sha256 is None:
            return
        path = companion_of(wanted.path)
        partial = folder.partial(path, Content(wanted.metadata_sha256, len(body), wanted.mtime))
        partial.discard()
        with folder.reserved(partial):
            partial.write([body], 0)
            partial.check()
            folder.place(partial, path)

    def _wanted(self, path: FilePath) -> "_Wanted":
        file = self._store.file(path)
        if file is None or file.sha256 is None:
            message = f"the index lists {path} no more, or without a SHA-256"
            raise FetchFailedError(message)
        return _Wanted(
            path, file.sha256, file.size, file.origin, file.metadata_sha256, _mtime(file)
        )


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A file of the index that can be held: it has a digest."""

    path: FilePath
    sha256: Sha256
    size: int | None
    origin: str | None
    metadata_sha256: Sha256 | None
    mtime: int | None


def _mtime(file: KnownFile) -> int | None:
    """Return the upload time as seconds: the same on every mirror, and after a move."""
    moment = model.utc(file.upload_time) if file.upload_time else None
    return int(moment.timestamp()) if moment else None
