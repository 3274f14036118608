"""Held files, hashed again: disks forget, and a client must not be the first to notice."""

import errno
import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.bounds import MinFree
from app.fetching import FetchFailedError, StoppedError, Wanted, wanted
from app.model import Tier
from app.names import FilePath, Sha256, companion_of
from app.pacing import Pace
from app.steps import Verify
from app.store import Store
from app.tiers import Folder, TierMissingError, open_folders

_BLOCK = 1 << 20

_UNREADABLE = frozenset({errno.EIO, errno.EUCLEAN, errno.EBADMSG})
"""What a disk answers that cannot give a file's bytes any more."""


class RottenError(Exception):
    """A held file was not what it should be, and is in service no more."""


@dataclass(frozen=True, slots=True)
class ScrubPolicy:
    """How often, and how fast."""

    # In so many seconds, everything.
    every: int
    # Bytes a second.
    bandwidth: int
    # Bytes that one run may read.
    run: int | None = None


class Scrub:
    """Hashes held files, and takes out of service what is rotten."""

    def __init__(
        self,
        store: Store,
        tiers: Sequence[Tier],
        policy: ScrubPolicy,
        stopping: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Use tiers whose folders exist; `stopping` says that a signal came."""
        self._store, self._policy, self._stopping, self._clock = store, policy, stopping, clock
        self._folders = open_folders(tiers, MinFree())
        self._pace = Pace(policy.bandwidth, stopping)

    def due(self) -> Iterator[Verify]:
        """Yield the files that are due, as far as one run goes, those that wait longest first.

        Raises:
            TierMissingError: A tier's disk is not there; its files are not lost by that.

        """
        ranks = {folder.tier.root: rank for rank, folder in self._folders.items()}
        left = self._policy.run
        for file in self._store.due(int(self._clock()), self._policy.every):
            if file.root not in ranks:
                continue
            self._need_disk(self._folders[ranks[file.root]])
            # One at least, however large.
            if left is not None:
                if left <= 0:
                    return
                left -= file.bytes
            yield Verify(file.path, ranks[file.root], file.bytes)

    def overdue(self) -> int:
        """Return how many files were not hashed in time."""
        roots = [folder.tier.root for folder in self._folders.values()]
        return self._store.count_overdue(int(self._clock()), self._policy.every, roots)

    def verify(self, step: Verify) -> None:
        """Hash a file and its core metadata; one that moved or went meanwhile is let be.

        Raises:
            RottenError: Either was wrong, and is gone.
            OSError: The file may not be read; nothing was changed.
            StoppedError: A signal came in between.

        """
        folder = self._folders[step.tier]
        try:
            file = wanted(self._store, step.path)
        except FetchFailedError:
            return
        if self._is_here(folder, step.path):
            self._verify_file(folder, file)
            self._verify_companion(folder, file)

    def _is_here(self, folder: Folder, path: FilePath) -> bool:
        """Whether the store says so: another job may have moved it since the plan."""
        return self._store.held_in(path) == folder.tier.root

    def _verify_file(self, folder: Folder, file: Wanted) -> None:
        place = folder.path(file.path)
        try:
            digest = self._digest_of(place)
        except FileNotFoundError:
            self._note_missing(folder, file.path)
            return
        except OSError as error:
            if error.errno not in _UNREADABLE:
                raise
            self._take_away(folder, file.path, f"cannot be read ({error.strerror})")
            return
        if digest != file.sha256:
            self._take_away(folder, file.path, "is not what the index lists")
        else:
            self._store.note_verified(file.path, folder.tier.root, int(self._clock()))

    def _note_missing(self, folder: Folder, path: FilePath) -> None:
        if not self._is_here(folder, path) or folder.path(path).exists():
            return
        self._need_disk(folder)
        self._store.release([path])
        raise RottenError(f"{folder.path(path)} is gone; `larder move` fetches it again")

    def _take_away(self, folder: Folder, path: FilePath, what: str) -> None:
        """Take a file out of service at once; the next move fetches what is wished for."""
        if not self._is_here(folder, path):
            return
        self._store.release([path])
        try:
            folder.take_away(path)
        except OSError as error:
            raise RottenError(
                f"{folder.path(path)} {what}, and could not be deleted ({error.strerror}): "
                "nginx still serves it; delete it by hand, or mend its disk"
            ) from error
        raise RottenError(
            f"{folder.path(path)} {what}; it was deleted, `larder move` fetches it again"
        )

    def _verify_companion(self, folder: Folder, file: Wanted) -> None:
        place = folder.path(companion_of(file.path))
        if file.metadata_sha256 is None or not place.exists():
            # One that is missing is found by each move's look at the disks.
            return
        try:
            right = self._digest_of(place) == file.metadata_sha256
        except OSError as error:
            if error.errno not in _UNREADABLE:
                raise
            right = False
        if right or not self._is_here(folder, file.path):
            return
        place.unlink(missing_ok=True)
        self._store.hold(file.path, folder.tier.root, folder.size(file.path))
        raise RottenError(f"{place} was rotten; it was deleted, `larder move` fetches it again")

    def _need_disk(self, folder: Folder) -> None:
        if not folder.marked:
            message = f"{folder.root} has no mark of a tier; its disk is not mounted, most likely"
            raise TierMissingError(message)

    def _digest_of(self, path: Path) -> Sha256:
        digest = hashlib.sha256()
        with path.open("rb", buffering=0) as stream:
            # What memory still has says nothing about the disk.
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            while block := stream.read(_BLOCK):
                if self._stopping():
                    raise StoppedError
                self._pace.take(len(block))
                digest.update(block)
        return Sha256(digest.hexdigest())
