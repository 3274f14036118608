"""What was voted for long ago: tallied, then forgotten, a little at a time."""

from collections import Counter
from collections.abc import Iterable, Sequence

from peewee import EXCLUDED, Tuple, fn

from app.store.connection import chunks
from app.store.popularity import PopularityQueries
from app.store.statements import SLICE, Row
from app.store.tables import Heat, Tally, Window

_HOUR = 3600

_NEGLIGIBLE = 0.001
"""Votes: a file without votes in the window and with less heat is forgotten."""


class ExpiryQueries(PopularityQueries):
    """Queries that delete votes."""

    def count_expired(self, before: int) -> int:
        """Return how many votes `expire_votes` would delete."""
        hour = before // _HOUR
        with self._reading():
            tallied = Tally.select(fn.COALESCE(fn.SUM(Tally.votes), 0)).where(Tally.hour < hour)
            late = Window.select(fn.COUNT(1)).where(_expired(hour))
            return int(self._only(tallied)) + int(self._only(late))

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
        self.expire_windows(windows_before)
        if before > windows_before:
            self._tally_early(before // _HOUR)
        while part := self._expire_tallies(before // _HOUR):
            expired += part
        self._forget_cold(now)
        return expired

    def expire_windows(self, before: int) -> None:
        """Delete the dedup windows that started before a time, and so whose they were.

        Their votes are in the tallies from then on.
        """
        after: Row | None = ()
        while after is not None:
            with self._writing():
                rows, after = self._statements.cut_windows(self._sql, before, after)
                self._tally(rows)

    def _tally_early(self, hour: int) -> None:
        """Tally votes that are to expire before their windows, which stay."""
        key = (Window.file, Window.network, Window.time)
        rows: Sequence[Row] = [()]
        while rows:
            with self._writing():
                query = Window.select(*key, Window.source).where(_expired(hour)).limit(SLICE)
                rows = list(self._rows(query))
                self._tally((time, file, source) for file, _, time, source in rows)
                for part in chunks(rows):
                    told = Window.update(source=None)
                    self._run(told.where(Tuple(*key).in_([Tuple(*row[:3]) for row in part])))

    def _tally(self, rows: Iterable[Row]) -> None:
        """Add votes to their hours: each is time, file and source."""
        counts = Counter(
            (time // _HOUR, file, source) for time, file, source in rows if source is not None
        )
        fields = [Tally.hour, Tally.file, Tally.source, Tally.votes]
        for part in chunks([(*key, counts[key]) for key in sorted(counts)]):
            self._run(
                Tally.insert_many(part, fields=fields).on_conflict(
                    conflict_target=[Tally.hour, Tally.file, Tally.source],
                    update={Tally.votes: Tally.votes + EXCLUDED.votes},
                )
            )

    def _expire_tallies(self, hour: int) -> int:
        with self._writing():
            key = (Tally.hour, Tally.file, Tally.source)
            query = Tally.select(*key, Tally.votes).where(Tally.hour < hour)
            rows = list(self._rows(query.order_by(*key).limit(SLICE)))
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
                some = Heat.select(Heat.file).where(Heat.votes <= 0, cold).limit(SLICE)
                deleted = self._run(Heat.delete().where(Heat.file.in_(some)))


def _expired(hour: int) -> object:
    """Match votes of the hours before one that no tally has."""
    return (Window.time < hour * _HOUR) & ~Window.source.is_null()
