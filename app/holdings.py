"""The files that are here: finding out which, and carrying out what changes them."""

from collections.abc import Callable, Sequence

from app import model
from app.fetching import Fetcher, StoppedError, Wanted, as_warning, hold_companion, wanted
from app.names import FilePath, companion_of
from app.steps import Adopt, Drop, DropPartial, Evict, Fetch, FetchCompanion, Lose, Move, Step
from app.store import Store, UnlistedError
from app.survey import Survey, survey
from app.tiers import Content, Folder, Leftover, WrongContentError, copy, digest_of, partial_name
from app.upstream import Upstream


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
        self._store, self._stopping = store, stopping
        self._fetcher = Fetcher(upstream, stopping)
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
                self._fetcher.fetch(self._folders[tier], self._wanted(path))
                self._hold(self._folders[tier], path)
            case FetchCompanion(path, tier):
                self._fetcher.fetch_companion(self._folders[tier], self._wanted(path))
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
        stat = source.path(step.path).stat()
        content = Content(file.sha256, stat.st_size, int(stat.st_mtime))
        partial = target.partial(step.path, content)
        partial.discard()
        with target.reserved(partial):
            try:
                if not copy(source.path(step.path), partial, self._stopping):
                    raise StoppedError
            except WrongContentError:
                self._refuse_rotten(source, file)
                raise
            target.place(partial, step.path)
        companion = source.path(companion_of(step.path))
        if companion.exists():
            with as_warning(step.path):
                hold_companion(target, file, companion.read_bytes())
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

    def _wanted(self, path: FilePath) -> Wanted:
        return wanted(self._store, path)
