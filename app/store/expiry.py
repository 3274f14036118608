"""What was voted for long ago: forgotten, a little at a time."""

from collections import Counter

from peewee import Tuple, fn

from app.store.popularity import PopularityQueries
from app.store.tables import Heat, Tally, Window
from app.store.votes import HOUR

_SLICE = 10_000
"""Rows deleted in one transaction: no writer waits for longer than some tenth of a second."""

_NEGLIGIBLE = 0.001
"""Votes: a file without votes in the window and with less heat is forgotten."""


class ExpiryQueries(PopularityQueries):
    """Queries that delete votes."""

    def count_expired(self, before: int) -> int:
        """Return how many votes `expire_votes` would delete."""
        with self._reading():
            votes = fn.COALESCE(fn.SUM(Tally.votes), 0)
            return int(self._only(Tally.select(votes).where(Tally.hour < before // HOUR)))

    def count_windows(self, before: int) -> int:
        """Return how many dedup windows `expire_windows` would delete."""
        with self._reading():
            return int(self._only(Window.select(fn.COUNT(1)).where(Window.time < before)))

    def expire_votes(self, before: int, windows_before: int, now: int) -> int:
        """Delete the votes of hours that ended before a time; return how many that were.

        With them go the dedup windows that started before another time, and files
        that nobody wants any more. Each transaction is short, so no writer has to wait.
        """
        expired = 0
        while part := self._expire_tallies(before // HOUR):
            expired += part
        self.expire_windows(windows_before)
        self._forget_cold(now)
        return expired

    def expire_windows(self, before: int) -> None:
        """Delete the dedup windows that started before a time, and so whose they were."""
        key = Tuple(Window.file, Window.network, Window.time)
        bounds = Window.select(Window.file, Window.network, Window.time).order_by(
            Window.file, Window.network, Window.time
        )
        start: tuple[int, ...] = (0, -(1 << 63), 0)
        while start:
            with self._writing():
                after = bounds.where(key > Tuple(*start)).offset(_SLICE).limit(1)
                end = next(self._rows(after), ())
                old = Window.delete().where(Window.time < before, key > Tuple(*start))
                self._run(old.where(key <= Tuple(*end)) if end else old)
            start = end

    def _expire_tallies(self, hour: int) -> int:
        with self._writing():
            key = (Tally.hour, Tally.file, Tally.source)
            query = Tally.select(*key, Tally.votes).where(Tally.hour < hour)
            rows = list(self._rows(query.order_by(*key).limit(_SLICE)))
            if not rows:
                return 0
            votes: Counter[int] = Counter()
            for _, file, _, count in rows:
                votes[file] += count
            self._add_heat([(file, 0.0, -votes[file], 0) for file in sorted(votes)])
            self._run(Tally.delete().where(Tuple(*key) <= Tuple(*rows[-1][:3])))
            return votes.total()

    def _forget_cold(self, now: int) -> None:
        deleted = 1
        while deleted:
            with self._writing():
                cold = Heat.heat < self._scale().stored(_NEGLIGIBLE, now)
                some = Heat.select(Heat.file).where(Heat.votes <= 0, cold).limit(_SLICE)
                deleted = self._run(Heat.delete().where(Heat.file.in_(some)))
