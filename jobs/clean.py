"""Entry point of `larder clean`."""

import logging
import sys
import time
from collections.abc import Sequence

from app.bounds import Keep
from app.locks import FileLock, LockedError
from app.steps import Clean, Step
from app.traffic import HOUR
from jobs.harness import Job, main
from jobs.move import MoveFiles

logger = logging.getLogger("larder")

_LATEST = 24 * 3600
"""Seconds for which a vote that opened a window is remembered: as long as a vote may lie
in nginx's spool and still be told from a repeated one."""

_TRAFFIC_KEPT = 366 * 24 * 3600
"""Seconds for which it is known what was served in which hour: a year, and its leap day."""

_FOR_EVER = 1 << 62

_STALE = 24 * 3600
"""Seconds after which a writer's staging folder cannot belong to a living one."""


class CleanUp(Job):
    """Delete what has expired: votes, records of files that are gone, partial files."""

    name = "clean"

    def plan(self) -> Sequence[Step]:
        """Return what there is to delete, by kind."""
        store = self.parts.store
        files, projects = store.forgettable()
        votes = store.count_expired(self._vote_limit())
        counts = {
            "expired votes": votes,
            # They go with the votes; in a mirror's first week, or when nobody comes any
            # more, there are none of those.
            "networks' windows that are over": (
                0 if votes else store.count_windows(self._window_limit())
            ),
            "networks that voted": store.count_networks(self._network_limit()),
            "hours of traffic": store.count_old_traffic(self._traffic_limit()),
            "records of files that are gone": files + projects,
            "core metadata of files that are gone": self.parts.core_metadata.count_dropped(),
            "stale partial files": self._sweepable() + self.parts.tree.stale(_STALE),
        }
        return [Clean(kind, count) for kind, count in counts.items() if count]

    def execute(self, step: Step) -> None:
        """Delete one kind of what has expired."""
        match step:
            case Clean("expired votes"):
                now = int(time.time())
                self.parts.store.expire_votes(self._vote_limit(), self._window_limit(), now)
            case Clean("networks' windows that are over"):
                self.parts.store.expire_windows(self._window_limit())
            case Clean("networks that voted"):
                self.parts.store.forget_networks(self._network_limit())
            case Clean("hours of traffic"):
                self.parts.store.forget_traffic(self._traffic_limit())
            case Clean("records of files that are gone"):
                self.parts.store.forget_gone()
            case Clean("core metadata of files that are gone"):
                self.parts.core_metadata.forget_dropped()
            case Clean("stale partial files"):
                self._sweep_tiers()
                self.parts.tree.sweep(_STALE)
            case _:
                message = f"{step!r} is no step of this job"
                raise TypeError(message)

    def _sweepable(self) -> int:
        """Return how many partial downloads no wish goes on with.

        With `packages.keep: all` any may be gone on with; those that are not, `move` deletes.
        """
        return 0 if self.parts.config.keep is Keep.ALL else self.parts.holdings.sweepable()

    def _sweep_tiers(self) -> None:
        """Delete partial downloads, but for those that a running `move` may write to."""
        if not self._sweepable():
            return
        try:
            with FileLock(self.parts.run.job_lock(MoveFiles.name)):
                self.parts.holdings.sweep()
        except LockedError:
            logger.info("left partial downloads to the `move` that is running")

    def _traffic_limit(self) -> int:
        return (int(time.time()) - _TRAFFIC_KEPT) // HOUR

    def _network_limit(self) -> int:
        """Return the time before which no network is kept; none at all where none shall be."""
        return self._vote_limit() if self.parts.config.votes.keep_networks else _FOR_EVER

    def _window_limit(self) -> int:
        return int(time.time()) - max(self.parts.config.cache.dedup_window, _LATEST)

    def _vote_limit(self) -> int:
        return int(time.time()) - self.parts.config.cache.vote_window


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the job from the command line; return its exit code."""
    return main(CleanUp, arguments)


if __name__ == "__main__":
    sys.exit(run())
