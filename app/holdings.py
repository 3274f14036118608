"""The files that are here: finding out which, and carrying out what changes them."""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from app import model
from app.bounds import MinFree
from app.fetching import (
    Fetcher,
    FetchFailedError,
    StoppedError,
    Wanted,
    as_warning,
    hold_companion,
    wanted,
)
from app.names import FilePath, companion_of
from app.steps import (
    Adopt,
    Drop,
    DropPartial,
    Evict,
    Fetch,
    FetchCompanion,
    Lose,
    Move,
    PutOff,
    Step,
)
from app.store import Store, UnlistedError
from app.survey import Survey, survey
from app.tiers import (
    Content,
    Disk,
    Folder,
    Leftover,
    TierFullError,
    WrongContentError,
    copy,
    digest_of,
    open_folders,
    partial_name,
)
from app.upstream import Upstream

logger = logging.getLogger("larder")

_NONE_FREE = MinFree()


class PutOffError(Exception):
    """A step is left to a later run, as the plan says."""

    def __init__(self, step: Step, reason: str) -> None:
        """Remember which, and why."""
        super().__init__(reason)
        self.step, self.reason = step, reason


class Holdings:
    """The held files of all tiers, hottest first."""

    def __init__(
        self,
        store: Store,
        upstream: Upstream,
        tiers: Sequence[model.Tier],
        stopping: Callable[[], bool] = lambda: False,
        min_free: MinFree = _NONE_FREE,
    ) -> None:
        """Use tiers whose folders exist; `stopping` says that a signal came."""
        self._store, self._stopping = store, stopping
        self._fetcher = Fetcher(upstream, stopping)
        self._tiers, self._min_free = tiers, min_free
        self._folders = open_folders(tiers, min_free)

    def survey(self) -> Survey:
        """Compare disks and store; nothing is changed but the folders' counts."""
        tiers = {tier.rank: self._folders[tier.rank] for tier in self._tiers}
        dropped = self._dropped()
        self._folders = tiers | dropped
        return survey(self._store, tiers, dropped.values())

    def _dropped(self) -> dict[int, Folder]:
        """Return the folders of tiers that the configuration has no more, and that have files.

        Their ranks follow those of the tiers. One that cannot be read is not among them:
        its files are lost.
        """
        here = {tier.root for tier in self._tiers}
        roots = [root for root in sorted(self._store.tier_roots()) if root not in here]
        dropped = [model.Tier(len(self._tiers) + n, root, 0) for n, root in enumerate(roots)]
        return open_folders(filter(_readable, dropped), self._min_free)

    def execute(self, step: Step) -> None:
        """Carry out one step.

        Raises:
            FetchFailedError, UpstreamError, NoRoomError, WrongContentError, OSError:
                It failed; nothing half-done can be seen, and the next plan has it again.
            PutOffError: Not now.
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
            case Fetch():
                self._fetch(step)
            case FetchCompanion(path, tier):
                self._need(self._folders[tier], path)
                self._fetcher.fetch_companion(self._folders[tier], self._wanted(path))
                self._hold(self._folders[tier], path)
            case PutOff(what, reason):
                raise PutOffError(what, reason)
            case DropPartial(name, tier, size):
                self._folders[tier].discard(Leftover(name, size))
            case _:
                message = f"{step!r} is no step of this job"
                raise TypeError(message)

    def withdraw(self) -> None:
        """Delete every file that no page lists any more, from all tiers.

        Not only from the one that the record names: a move that was killed may have left
        a second copy, and nginx looks on all of them.

        Raises:
            OSError: One could not be deleted; the others are gone.

        """
        gone, problems = list[FilePath](), list[OSError]()
        for path in list(self._store.unlisted()):
            try:
                for folder in self._folders.values():
                    folder.remove(path)
                gone.append(path)
            except OSError as error:
                problems.append(error)
        self._store.release(gone)
        if problems:
            raise problems[0]

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
        # The next plan says on which tier.
        pinned = {partial_name(pin.path) for pin in self._store.pins() if pin.path not in held}
        return [
            (folder, leftover)
            for rank, folder in self._folders.items()
            for leftover in folder.leftovers()
            if (rank, leftover.name) not in wanted and leftover.name not in pinned
        ]

    def _evict(self, path: FilePath, tier: int) -> None:
        # The disk first: a kill in between leaves a record that the next run finds. A file
        # without one would be nobody's, where no page lists it any more. Who is told
        # meanwhile that it is here, nginx answers as for any file that is not.
        self._folders[tier].remove(path)
        self._store.release([path])

    def _need(self, folder: Folder, path: FilePath) -> None:
        if not folder.path(path).exists():
            message = f"{folder.path(path)} is not here any more"
            raise FetchFailedError(message)

    def _adopt(self, path: FilePath, tier: int) -> None:
        folder = self._folders[tier]
        self._refuse_rotten(folder, self._wanted(path))
        self._hold(folder, path)

    def _refuse_rotten(self, folder: Folder, file: Wanted) -> None:
        """Delete a file that is not what the index lists, so that it is fetched again.

        Raises:
            WrongContentError: It was one.

        """
        if digest_of(folder.path(file.path)) != file.sha256:
            self._evict(file.path, folder.tier.rank)
            message = f"{folder.path(file.path)} was not what the index lists; deleted it"
            raise WrongContentError(message)

    def _move(self, step: Move) -> None:
        source, target = self._folders[step.source], self._folders[step.target]
        file = self._wanted(step.path)
        if target.share(source, step.path):
            self._hold(target, step.path, verified=False)
        else:
            self._copy(file, source, target)
            self._hold(target, step.path)
        source.remove(step.path)

    def _fetch(self, step: Fetch) -> None:
        folder = self._folders[step.tier]
        try:
            self._fetcher.fetch(folder, self._wanted(step.path))
        except TierFullError as error:
            # Core metadata has taken the room, whose size nobody tells before: the next
            # plan knows it. Nothing is wrong with the file, nor with upstream.
            raise PutOffError(step, str(error)) from error
        self._hold(folder, step.path)

    def _copy(self, file: Wanted, source: Folder, target: Folder) -> None:
        """Bring a file to another filesystem, checked where it arrives."""
        stat = source.path(file.path).stat()
        content = Content(file.sha256, stat.st_size, int(stat.st_mtime))
        partial = target.partial(file.path, content)
        partial.discard()
        with target.reserved(partial):
            try:
                if not copy(source.path(file.path), partial, self._stopping):
                    raise StoppedError
            except WrongContentError:
                self._refuse_rotten(source, file)
                raise
            target.place(partial, file.path)
        companion = source.path(companion_of(file.path))
        if companion.exists():
            with as_warning(file.path):
                hold_companion(target, file, companion.read_bytes())

    def _hold(self, folder: Folder, path: FilePath, *, verified: bool = True) -> None:
        """Note that a file is here; one that the index has dropped meanwhile goes again."""
        folder.mark()
        try:
            now = int(time.time()) if verified else None
            self._store.hold(path, folder.tier.root, folder.size(path), now)
        except UnlistedError:
            # Without a record nobody would ever evict it.
            folder.remove(path)
            raise

    def _wanted(self, path: FilePath) -> Wanted:
        return wanted(self._store, path)


def _readable(tier: model.Tier) -> bool:
    try:
        return Folder(tier, Disk(Path(tier.root), MinFree())).marked
    except OSError:
        return False
