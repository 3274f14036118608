"""Votes: taken in, each once in its window."""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from peewee import SQL, Select, ValuesList, fn

from app import model
from app.names import FilePath
from app.store.connection import chunks
from app.store.popularity import PopularityQueries
from app.store.tables import File, Setting, Window

_Pair = tuple[int, int]


class _Row(NamedTuple):
    """A vote as the tables have it, in the order in which votes are counted."""

    time: int
    file: int
    network: int
    source: int

    @property
    def pair(self) -> _Pair:
        return self.file, self.network


class VoteQueries(PopularityQueries):
    """Queries about who wanted what, and when."""

    def add_votes(self, votes: Sequence[model.Vote], window: int) -> int:
        """Count the votes that open a window, in one transaction; return how many did.

        A window belongs to one file and network. It starts with the vote that is
        counted, lasts `window` seconds, and is not extended by those it swallows.
        A vote that comes late is held against the windows of its own time; one from
        the future (a clock that went back) counts as one of now.
        Votes for files that no page lists are dropped.
        """
        with self._writing():
            return self._add(votes, window)

    def add_spooled(
        self, votes: Sequence[model.Vote], window: int, inode: int, position: int
    ) -> int:
        """Count votes of the spool, and note in the same transaction how far it is read."""
        with self._writing():
            self._put(f"spool:{inode}", str(position).encode())
            return self._add(votes, window)

    def spool_position(self, inode: int) -> int:
        """Return how far a spool file is read, in bytes."""
        with self._reading():
            query = Setting.select(Setting.value).where(Setting.key == f"spool:{inode}")
            row = next(self._rows(query), None)
            return int(bytes(row[0])) if row else 0

    def forget_spool(self, inode: int) -> None:
        """Forget a spool file that is deleted: its number will be used again."""
        with self._writing():
            self._run(Setting.delete().where(Setting.key == f"spool:{inode}"))

    def votes(self, since: int) -> Iterator[tuple[FilePath, int]]:
        """Yield the path and time of the counted votes of late, since a time."""
        with self._reading():
            query = Window.select(File.path, Window.time).join(File, on=(File.id == Window.file))
            yield from self._stream(query.where(Window.time >= since).order_by(Window.time))

    def _add(self, votes: Sequence[model.Vote], window: int) -> int:
        numbers, now = self._numbers({vote.path for vote in votes}), int(time.time())
        ordered = sorted(
            _Row(min(vote.time, now), numbers[vote.path], vote.network, vote.source)
            for vote in votes
            if vote.path in numbers
        )
        counted = [row for part in _rounds(ordered) for row in self._open_windows(part, window)]
        if counted:
            self._warm(counted, now)
        return len(counted)

    def _numbers(self, paths: set[FilePath]) -> dict[FilePath, int]:
        numbers: dict[FilePath, int] = {}
        for part in chunks(sorted(paths)):
            query = File.select(File.path, File.id).where(File.path.in_(part), File.listed == 1)
            numbers.update(self._rows(query))
        return numbers

    def _open_windows(self, rows: Sequence[_Row], window: int) -> Iterator[_Row]:
        """Open a window for each vote that has none around it; yield those votes.

        Around, not before: the spool's votes come later than younger ones of the app.
        """
        for part in chunks(rows):
            votes = ValuesList(part).cte("votes", columns=[*_Row._fields])
            vote = votes.c
            around = Window.select(SQL("1")).where(
                Window.file == vote.file,
                Window.network == vote.network,
                Window.time > vote.time - window,
                Window.time < vote.time + window,
            )
            columns = [vote.file, vote.network, vote.time, vote.source]
            alone = Select([votes], columns).where(~fn.EXISTS(around)).with_cte(votes)
            fields = [Window.file, Window.network, Window.time, Window.source]
            opened = Window.insert_from(alone, fields)
            found = set(self._rows(opened.returning(Window.file, Window.network)))
            yield from (row for row in part if row.pair in found)

    def _warm(self, rows: Iterable[_Row], now: int) -> None:
        scale = self._scale()
        heats: dict[int, tuple[float, int]] = {}
        for row in rows:
            heat, votes = heats.get(row.file, (0.0, 0))
            heats[row.file] = heat + scale.weight(row.time, now), votes + 1
        self._add_heat([(file, *heats[file], heats[file][1]) for file in sorted(heats)])


def _rounds(votes: list[_Row]) -> Iterator[list[_Row]]:
    """Part the votes so that each round has a file and network once, in order of time.

    One statement decides about each window against the state before it; two votes of
    one window must therefore not be in one statement.
    """
    rounds: list[list[_Row]] = []
    seen: dict[_Pair, int] = {}
    for vote in votes:
        number = seen.get(vote.pair, 0)
        seen[vote.pair] = number + 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(vote)
    yield from rounds
