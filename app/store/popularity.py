"""How wanted files are: heat and votes, kept up to date with each vote.

Whoever scores reads one row a file, not fifty million votes.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from peewee import EXCLUDED, fn

from app.model import VoteSource
from app.names import FilePath
from app.scoring import HeatScale
from app.store.connection import Connection, chunks
from app.store.tables import File, Heat, Project, Setting, Tally, Window

_SCALE = "heat"
"""The setting that has the scale."""

_PAGE = 20_000
"""Rows read at a time: neither memory nor a reader's transaction grows with the table."""

_ANNOUNCED = ~File.metadata_sha256.is_null()

_Row = tuple[int, str, int | None, int, int, float, int, int]


class Popular(NamedTuple):
    """A file that somebody voted for."""

    file: int
    path: FilePath
    size: int | None
    votes: int
    # Those, and the ones that have expired.
    ever: int
    heat: float
    inherited: bool
    # Whether the index announces core metadata for it.
    announced: bool


class PopularityQueries(Connection):
    """Queries about heat and tallies."""

    def keep_heat(self, half_life: int, now: int) -> None:
        """Go by a half-life from now on; what was counted so far counts as it does now."""
        with self._writing():
            scale = self._scale()
            if scale.half_life != half_life or scale.is_stale(now):
                rebased, factor = scale.rebased(now)
                self._run(Heat.update(heat=Heat.heat * factor))
                self._put(_SCALE, scale_value(HeatScale(rebased.reference, half_life)))

    def popular(self, now: int) -> Iterator[Popular]:
        """Yield every listed file that can be held and that somebody wants, by number."""
        with self._reading():
            scale, last = self._scale(), 0
            while rows := self._popular(Heat.file > last):
                yield from (_popular(row, scale, now) for row in rows)
                last = rows[-1][0]

    def unpopular(self, paths: Sequence[FilePath]) -> Iterator[Popular]:
        """Yield those of the files that can be held, as files that nobody wants."""
        with self._reading():
            for part in chunks(paths):
                query = File.select(File.id, File.path, File.size, _ANNOUNCED)
                known = query.where(File.path.in_(part), *holdable())
                for file, path, size, announced in self._rows(known):
                    yield Popular(
                        file, path, size, 0, 0, 0.0, inherited=False, announced=bool(announced)
                    )

    def popularity(self, path: FilePath, now: int) -> Popular | None:
        """Return how wanted one file is; None where nobody voted for it."""
        with self._reading():
            rows = self._popular(File.path == path)
            return _popular(rows[0], self._scale(), now) if rows else None

    def counted(self) -> int:
        """Return how many votes have been counted and have not expired."""
        return sum(self.counted_by_source().values())

    def counted_by_source(self) -> dict[VoteSource, int]:
        """Return how many they are of each source."""
        counts: Counter[VoteSource] = Counter()
        with self._reading():
            old = Tally.select(Tally.source, fn.SUM(Tally.votes)).group_by(Tally.source)
            late = Window.select(Window.source, fn.COUNT(1)).group_by(Window.source)
            for source, votes in (*self._rows(old), *self._rows(late)):
                if source is not None:
                    counts[VoteSource(source)] += int(votes)
        return dict(counts)

    def _scale(self) -> HeatScale:
        row = self._only(Setting.select(Setting.value).where(Setting.key == _SCALE))
        return HeatScale(**json.loads(bytes(row)))

    def _popular(self, condition: object) -> Sequence[_Row]:
        columns = (Heat.votes, Heat.ever, Heat.heat, Heat.inherited)
        query = Heat.select(Heat.file, File.path, File.size, *columns, _ANNOUNCED)
        query = query.join(File, on=(File.id == Heat.file))
        held = query.where(condition, *holdable())
        return list(self._rows(held.order_by(Heat.file).limit(_PAGE)))

    def _add_heat(self, rows: Sequence[tuple[int, float, int, int]]) -> None:
        """Add to the heat, the votes, and the votes ever, of files by number."""
        for part in chunks(rows):
            self._run(
                Heat.insert_many(
                    [(*row, 0) for row in part],
                    fields=[Heat.file, Heat.heat, Heat.votes, Heat.ever, Heat.inherited],
                ).on_conflict(
                    conflict_target=[Heat.file],
                    update={
                        Heat.heat: Heat.heat + EXCLUDED.heat,
                        Heat.votes: Heat.votes + EXCLUDED.votes,
                        Heat.ever: Heat.ever + EXCLUDED.ever,
                    },
                )
            )


def scale_value(scale: HeatScale) -> bytes:
    """Return a scale as the setting has it."""
    return json.dumps(asdict(scale)).encode()


def holdable() -> tuple[Any, ...]:
    """Match files that may be held."""
    redirected = Project.select(Project.id).where(Project.metadata_only == 1)
    return File.listed == 1, ~File.sha256.is_null(), File.project.not_in(redirected)


def _popular(row: _Row, scale: HeatScale, now: int) -> Popular:
    file, path, size, votes, ever, heat, inherited, announced = row
    heat = scale.heat(heat, now)
    return Popular(file, FilePath(path), size, votes, ever, heat, bool(inherited), bool(announced))
