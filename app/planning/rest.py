"""The files that nobody voted for, where every file is to be here: there may be millions."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeAlias, overload

from app.model import room_for
from app.names import FilePath
from app.planning.purse import Purse
from app.steps import Fetch, Step

_PART = 5000
"""Steps made at a time: their paths are looked up together."""

Unheld: TypeAlias = tuple[int, FilePath, int, bool]
"""A file that is not here: number, path, size, and whether it has core metadata."""

Paths: TypeAlias = Callable[[Sequence[int]], Iterable[tuple[int, FilePath]]]
"""Looks up files' paths by their numbers; of one that is forgotten there is none."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Which of them get a place: 17 bytes each."""

    files: "array[int]" = field(default_factory=lambda: array("q"))
    ranks: "array[int]" = field(default_factory=lambda: array("b"))
    sizes: "array[int]" = field(default_factory=lambda: array("q"))


def place_rest(
    unheld: Iterable[Unheld],
    room: Mapping[int, int],
    purse: Purse,
    begun: Callable[[FilePath], tuple[int, int] | None],
) -> Rest:
    """Give the files, one after the other, to the hottest tier with room left for each.

    `begun` tells on which tier an earlier run has begun to fetch a file, and the bytes that
    are there.
    Nothing is taken from a file that is here.
    """
    rest, left = Rest(), dict(sorted(room.items()))
    for number, path, size, announced in unheld:
        need = room_for(size, announced=announced)
        rank = _place(need, left, begun(path))
        if rank is None:
            continue
        if not purse.pays("fetch", need):
            break
        rest.files.append(number)
        rest.ranks.append(rank)
        rest.sizes.append(need)
    return rest


def _place(need: int, left: MutableMapping[int, int], begun: tuple[int, int] | None) -> int | None:
    if begun:
        rank, there = begun
        lack = max(0, need - there)
        if left.get(rank, -1) >= lack:
            left[rank] -= lack
            return rank
    for rank, free in left.items():
        if free >= need:
            left[rank] = free - need
            return rank
    return None


class RestSteps(Sequence[Step]):
    """Some steps, and then the fetches of the rest, made when they are asked for."""

    def __init__(self, first: Sequence[Step], rest: Rest, paths: Paths) -> None:
        """Make none yet."""
        self._first, self._rest, self._paths = first, rest, paths

    def __len__(self) -> int:
        """Return how many."""
        return len(self._first) + len(self._rest.files)

    @overload
    def __getitem__(self, index: int) -> Step: ...

    @overload
    def __getitem__(self, index: slice) -> list[Step]: ...

    def __getitem__(self, index: int | slice) -> Step | list[Step]:
        """Return a step, or several.

        Raises:
            LookupError: There is none; its file may have been forgotten.

        """
        places = range(len(self))[index]
        if isinstance(places, range):
            return [self[one] for one in places]
        here = places - len(self._first)
        if here < 0:
            return self._first[places]
        return next(self._fetches(here, here + 1), None) or self._missing(places)

    def __iter__(self) -> Iterator[Step]:
        """Yield the steps; those of files that were forgotten meanwhile are left out."""
        count = len(self._rest.files)
        parts = (self._fetches(start, start + _PART) for start in range(0, count, _PART))
        return chain(self._first, chain.from_iterable(parts))

    def _fetches(self, start: int, end: int) -> Iterator[Step]:
        numbers = self._rest.files[start:end].tolist()
        paths = dict(self._paths(numbers))
        for place, number in enumerate(numbers, start):
            if number in paths:
                yield Fetch(paths[number], self._rest.ranks[place], self._rest.sizes[place])

    def _missing(self, place: int) -> Step:
        message = f"the file of step {place} is not known any more"
        raise LookupError(message)
