"""What was served, by the hour: kept for a year, and its sums for ever."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from peewee import EXCLUDED, fn

from app.store.connection import Connection, chunks
from app.store.tables import Traffic
from app.traffic import Amount, Answer, Kind

_EVER = -1
"""The hour of the rows that have the sums: whoever wants those reads some ten rows."""

_KEY = (Traffic.hour, Traffic.answer, Traffic.tier, Traffic.reason)
_AMOUNTS = (Traffic.requests, Traffic.bytes, Traffic.elsewhere)


class TrafficQueries(Connection):
    """Queries about requests and bytes."""

    def add_traffic(
        self, sums: Mapping[tuple[int, Kind], Amount], mark: int, position: int
    ) -> None:
        """Add what was served, and note in the same transaction how far its spool is read.

        It is added to its hour, and to what was served ever.
        """
        rows: dict[tuple[int | str, ...], Counter[int]] = defaultdict(Counter)
        for (hour, kind), amount in sums.items():
            for when in (hour, _EVER):
                rows[when, *kind].update(dict(enumerate(amount)))
        with self._writing():
            self._put(f"spool:{mark}", str(position).encode())
            parted = [(*key, *(one[number] for number in range(3))) for key, one in rows.items()]
            for part in chunks(parted):
                self._run(
                    Traffic.insert_many(part, fields=[*_KEY, *_AMOUNTS]).on_conflict(
                        conflict_target=list(_KEY),
                        update={field: field + getattr(EXCLUDED, field.name) for field in _AMOUNTS},
                    )
                )

    def traffic(self, since: int, before: int) -> dict[Kind, Amount]:
        """Return what was served from an hour to another, that one excluded."""
        return self._traffic(Traffic.hour >= max(0, since), Traffic.hour < before)

    def traffic_ever(self) -> dict[Kind, Amount]:
        """Return what was served since the database was made."""
        return self._traffic(Traffic.hour == _EVER)

    def count_old_traffic(self, before: int) -> int:
        """Return how many hours `forget_traffic` would delete."""
        with self._reading():
            hours = fn.COUNT(Traffic.hour.distinct())
            return int(self._only(Traffic.select(hours).where(_old(before))))

    def forget_traffic(self, before: int) -> None:
        """Delete the hours before one; what was served ever stays."""
        with self._writing():
            self._run(Traffic.delete().where(_old(before)))

    def _traffic(self, *conditions: object) -> dict[Kind, Amount]:
        with self._reading():
            names = (Traffic.answer, Traffic.tier, Traffic.reason)
            query = Traffic.select(*names, *(fn.SUM(field) for field in _AMOUNTS))
            rows: Iterable[tuple[Any, ...]] = self._rows(query.where(*conditions).group_by(*names))
            return {
                Kind(Answer(answer), tier, reason): Amount(*map(int, amounts))
                for answer, tier, reason, *amounts in rows
            }


def _old(before: int) -> Any:
    """Match the hours before one, and not the sums."""
    return Traffic.hour.between(0, before - 1)
