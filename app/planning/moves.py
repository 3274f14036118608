"""Facts and wishes to steps. Nothing here touches a disk, a socket or a clock."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from app.model import Tier
from app.names import FilePath
from app.planning.wish import Wished
from app.steps import Evict, Fetch, FetchCompanion, Move, Step

COMPANION_ROOM = 64 << 10
"""Bytes that a tier must have left for core metadata to be asked for. Nobody tells its
size before; few have more, and a full tier must not plan what fails at every run."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A file that is here: the rank of its tier, and its bytes there."""

    rank: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What `plan_moves` decides from."""

    wish: Mapping[FilePath, Wished]
    holdings: Mapping[FilePath, Placed]
    # The bytes of the files that are wished for and not here.
    sizes: Mapping[FilePath, int]
    tiers: Sequence[Tier]
    # Bytes on each tier that belong to no holding, or that its disk does not have.
    taken: Mapping[int, int]
    # The bytes of files not here that lie on the wished tier from an earlier try.
    partials: Mapping[FilePath, int] = field(default_factory=dict)
    # Files that are here without their core metadata.
    incomplete: Collection[FilePath] = ()


def plan_moves(facts: Facts) -> list[Step]:
    """Return the steps from the holdings to the wish, in an order that never overfills.

    Evictions first, then moves, then fetches, each only where the steps before it
    have made the room that it needs; so every prefix of the plan respects every
    tier's limit. Of two files that wait for each other's place, the lesser is evicted
    and fetched again. Missing core metadata comes last, where there is room left.
    """
    return _Planner(facts).steps()


class _Planner:
    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._room = {t.rank: t.size_limit - facts.taken.get(t.rank, 0) for t in facts.tiers}
        for placed in facts.holdings.values():
            self._room[placed.rank] -= placed.bytes
        for path, left in facts.partials.items():
            self._room[facts.wish[path].rank] -= left
        self._steps: list[Step] = []
        self._fetches = {path for path in facts.wish if path not in facts.holdings}
        self._sizes = dict(facts.sizes)

    def steps(self) -> list[Step]:
        wish, holdings = self._facts.wish, self._facts.holdings
        for path in sorted(path for path in holdings if path not in wish):
            self._evict(path)
        moves = self._best_first(
            path for path in holdings if path in wish and wish[path].rank != holdings[path].rank
        )
        while moves:
            waiting = [path for path in moves if not self._move(path)]
            if len(waiting) == len(moves):
                lesser = waiting.pop()
                self._evict(lesser)
                self._sizes[lesser] = holdings[lesser].bytes
                self._fetches.add(lesser)
            moves = waiting
        for path in self._best_first(self._fetches):
            self._fetch(path)
        for path in sorted(self._facts.incomplete):
            self._complete(path)
        return self._steps

    def _best_first(self, paths: Iterable[FilePath]) -> list[FilePath]:
        wish = self._facts.wish
        return sorted(paths, key=lambda path: (-wish[path].score, path))

    def _evict(self, path: FilePath) -> None:
        placed = self._facts.holdings[path]
        self._room[placed.rank] += placed.bytes
        self._steps.append(Evict(path, placed.rank, placed.bytes))

    def _move(self, path: FilePath) -> bool:
        placed, target = self._facts.holdings[path], self._facts.wish[path].rank
        if self._room[target] < placed.bytes:
            return False
        self._room[target] -= placed.bytes
        self._room[placed.rank] += placed.bytes
        self._steps.append(Move(path, placed.rank, target, placed.bytes))
        return True

    def _fetch(self, path: FilePath) -> None:
        rank, size = self._facts.wish[path].rank, self._sizes[path]
        need = max(0, size - self._facts.partials.get(path, 0))
        # The wish may be older than the limits, or than a file put there by hand.
        if self._room[rank] >= need:
            self._room[rank] -= need
            self._steps.append(Fetch(path, rank, size))

    def _complete(self, path: FilePath) -> None:
        wished = self._facts.wish.get(path)
        # One that is evicted goes without, and one that is fetched again brings it.
        if wished and path not in self._fetches and self._room[wished.rank] >= COMPANION_ROOM:
            self._room[wished.rank] -= COMPANION_ROOM
            self._steps.append(FetchCompanion(path, wished.rank))
