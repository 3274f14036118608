"""Candidates in the order of their worth, a few dozen bytes each.

Two million candidates are ranked at once. As objects they would take a gigabyte; here
each is one row of packed bytes, whose parts are the order's keys from the first to the
last, so that comparing two rows as bytes compares the candidates.
"""

import struct
from collections.abc import Iterable, Iterator

from app.model import Candidate, Ranked
from app.scoring.policies import Policy

# Big-endian, so that bytes sort as the numbers do: score (never negative), how hot its
# place is, then size, order and file upside down: the less, the better. The room that
# it needs decides nothing.
_ROW = struct.Struct(">dBQQQQ")
_SCORE = struct.Struct(">d")
_PLACE = _SCORE.size
"""The offset of the byte that says how hot a place is."""
_HOTTEST = 255
_NOT_HELD = 0
_FLIP = (1 << 64) - 1


class Ranking:
    """The eligible files, to be given to the tiers, hottest first."""

    def __init__(self, candidates: Iterable[Candidate], policy: Policy) -> None:
        self._policy = policy
        eligible, score, pack = policy.eligible, policy.score, _ROW.pack
        # Worst first, so that the best is taken off the end.
        self._rows = [
            pack(
                # Anything but a positive number, -0.0 and NaN included, is worth nothing.
                worth if (worth := score(one)) > 0 else 0.0,
                _NOT_HELD if one.held is None else _HOTTEST - one.held,
                one.size ^ _FLIP,
                one.order ^ _FLIP,
                one.file ^ _FLIP,
                one.room,
            )
            for one in candidates
            if eligible(one)
        ]

    def __len__(self) -> int:
        """Return how many files have no place yet."""
        return len(self._rows)

    def fill(self, rank: int, room: int) -> Iterator[Ranked]:
        """Yield, best first, the files that get a place on a tier with so much room.

        A file that does not fit takes nothing from a later, smaller one. What is not
        yielded stays, for the next tier, which is asked when this one is done.

        The order is total: score, then the hotter place that a file has, then the
        smaller file, then its order, then its number. A file that is on this tier or a
        hotter one has the policy's bonus. It follows that filling the tiers again with
        everything in its place changes nothing: whoever got a place stands no lower
        now, and whoever did not stands no higher.
        """
        rows, passed = self._rows, []
        self._favour(rank)
        rows.sort()
        least = min(map(_room, rows), default=0)
        while rows and room >= least:
            row = rows.pop()
            one = _ranked(row)
            if one.room <= room:
                room -= one.room
                yield one
            else:
                passed.append(row)
        passed.reverse()
        rows += passed
        self._forget()

    def _favour(self, rank: int) -> None:
        """Put the bonus on the scores of those that are here, their own score behind."""
        bonus = self._policy.bonus(rank)
        if bonus == 1:
            return
        here = _HOTTEST - rank
        for number, row in enumerate(self._rows):
            if row[_PLACE] >= here:
                (score,) = _SCORE.unpack_from(row)
                favoured = _SCORE.pack(score * bonus) + row[_PLACE:] + row[:_PLACE]
                self._rows[number] = favoured

    def _forget(self) -> None:
        """Give everybody's own score back: dividing by the bonus would not be exact."""
        for number, row in enumerate(self._rows):
            if len(row) > _ROW.size:
                self._rows[number] = row[_ROW.size :] + row[_PLACE : _ROW.size]


def ranking(candidates: Iterable[Candidate], policy: Policy) -> Ranking:
    """Return the eligible ones of the candidates, ready to be given to the tiers."""
    return Ranking(candidates, policy)


def _ranked(row: bytes) -> Ranked:
    score, place, size, _, file, room = _ROW.unpack_from(row)
    held = None if place == _NOT_HELD else _HOTTEST - place
    return Ranked(score, file ^ _FLIP, size ^ _FLIP, room, held)


def _room(row: bytes) -> int:
    return int.from_bytes(row[_ROW.size - 8 : _ROW.size])
