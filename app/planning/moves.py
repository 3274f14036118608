"""Facts and wishes to steps. Nothing here touches a disk, a socket or a clock."""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.bounds import MoveBudget
from app.model import Tier
from app.names import FilePath
from app.planning.purse import Purse
from app.planning.wish import Wished
from app.steps import Evict, Fetch, FetchCompanion, Lose, Move, PutOff, Step

COMPANION_ROOM = 64 << 10
"""Bytes that a tier must have left for core metadata to be asked for. Nobody tells its
size before; few have more, and a full tier must not plan what fails at every run."""

OVER_BUDGET = "cache.move_budget is used up"
NO_ROOM = "it waits for room that what was put off would make"
"""Why a step is put off."""

_BATCH = 32
"""So many fetches run side by side before evictions for more of them are made: a run that
is stopped has evicted little for nothing."""

_NO_LIMIT = MoveBudget()


@dataclass(frozen=True, slots=True)
class Placed:
    """A file that is here: the rank of its tier, and its bytes there."""

    rank: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What `plan_moves` decides from."""

    wish: Mapping[FilePath, Wished]
    # On a rank that no tier has: files of a tier that the configuration has dropped.
    holdings: Mapping[FilePath, Placed]
    # The bytes that the files will take which are wished for and not here.
    sizes: Mapping[FilePath, int]
    tiers: Sequence[Tier]
    # Bytes on each tier that belong to no holding, or that its disk does not have.
    taken: Mapping[int, int]
    # The bytes of files not here that lie on the wished tier from an earlier try.
    partials: Mapping[FilePath, int] = field(default_factory=dict)
    # Files that are here without their core metadata.
    incomplete: Collection[FilePath] = ()
    # Files that are here, that nobody wishes for, and that may stay until a step needs
    # their room. The others that nobody wishes for go first of all.
    spare: Collection[FilePath] = ()
    budget: MoveBudget = _NO_LIMIT
    # Whether what is spare is to be here all the same, on whatever tier: it gives way to a
    # colder one that has room.
    keep_spare: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps, the bytes that each tier has left after them, and what may still be spent."""

    steps: list[Step]
    room: Mapping[int, int]
    purse: Purse


def plan_moves(facts: Facts) -> list[Step]:
    """Return the steps from the holdings to the wish, in an order that never overfills.

    What must go goes first, then files change tiers, then come the fetches, each right
    after the evictions that make its room; so every prefix of the plan respects every
    tier's limit, and nothing is evicted for what does not come. Of two files that wait
    for each other's place, the lesser is evicted and fetched again. Missing core
    metadata comes last, where there is room left.
    """
    return plan_with_room(facts).steps


def plan_with_room(facts: Facts) -> Plan:
    """Return the steps of `plan_moves`, and what they leave."""
    planner = _Planner(facts)
    steps = planner.steps()
    if any(isinstance(step, PutOff) for step in steps) and not any(map(_leads_on, steps)):
        # Nothing moves, because what stands in the way was put off: let that go.
        budget = replace(facts.budget, demote=None)
        planner = _Planner(replace(facts, budget=budget))
        steps = planner.steps()
    return Plan(steps, planner.room, planner.purse)


def _leads_on(step: Step) -> bool:
    return isinstance(step, Evict | Move | Fetch)


class _Planner:
    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self.room = {t.rank: t.size_limit - facts.taken.get(t.rank, 0) for t in facts.tiers}
        ranks = set(self.room)
        self._dropped = {p for p, placed in facts.holdings.items() if placed.rank not in ranks}
        for path, placed in facts.holdings.items():
            if path not in self._dropped:
                self.room[placed.rank] -= placed.bytes
        for path, left in facts.partials.items():
            self.room[facts.wish[path].rank] -= left
        self._spare = _Spare(facts, ranks)
        self.purse = Purse(facts.budget)
        self._steps: list[Step] = []
        self._put_off: list[Step] = []
        self._fetches = {path for path in facts.wish if path not in facts.holdings}
        self._moved: set[FilePath] = set()
        # Parted from their place by a swap: they come back whatever the budget.
        self._parted: set[FilePath] = set()
        # Spare ones that made room for others.
        self._gave_way: set[FilePath] = set()

    def steps(self) -> list[Step]:
        wish, holdings = self._facts.wish, self._facts.holdings
        for path in sorted(holdings.keys() - wish.keys() - self._dropped):
            if path not in self._facts.spare:
                self._steps.append(self._evict(path))
        for rank in sorted(self.room):
            # A limit was lowered, or somebody else fills the disk.
            self._steps += self._make_room(rank, min(0, self._spare.total(rank) + self.room[rank]))
        self._move_all()
        lost = sorted(path for path in self._dropped if path not in wish)
        self._steps += [Lose(tuple(lost))] if lost else []
        self._fetch_all()
        for path in sorted(self._facts.incomplete):
            self._complete(path)
        return [*self._steps, *self._put_off]

    def _best_first(self, paths: Iterable[FilePath]) -> list[FilePath]:
        wish = self._facts.wish
        return sorted(paths, key=lambda path: (-wish[path].score, path))

    def _evict(self, path: FilePath) -> Evict:
        placed = self._facts.holdings[path]
        self.room[placed.rank] += placed.bytes
        return Evict(path, placed.rank, placed.bytes)

    def _make_room(self, rank: int, need: int) -> list[Step]:
        """Evict spare files until so many bytes are free; the caller knows that they will be."""
        made: list[Step] = []
        while self.room[rank] < need:
            made.append(self._give_way(self._spare.take(rank, need - self.room[rank])))
        return made

    def _give_way(self, path: FilePath) -> Step:
        """Make room by a spare file: on a colder tier it stays, where it is to be kept."""
        self._gave_way.add(path)
        placed = self._facts.holdings[path]
        colder = (
            rank
            for rank in sorted(self.room)
            if rank > placed.rank and self.room[rank] >= placed.bytes
        )
        rank = next(colder, None) if self._facts.keep_spare else None
        if rank is None or not self.purse.pays("demote", placed.bytes):
            return self._evict(path)
        self.room[placed.rank] += placed.bytes
        self.room[rank] -= placed.bytes
        return Move(path, placed.rank, rank, placed.bytes)

    def _has_room(self, rank: int, need: int) -> bool:
        return self.room[rank] + self._spare.total(rank) >= need

    # Files that change tiers.

    def _move_all(self) -> None:
        wish, holdings = self._facts.wish, self._facts.holdings
        waiting: list[FilePath] = []
        for path in self._best_first(holdings.keys() & wish.keys()):
            if wish[path].rank == holdings[path].rank:
                continue
            step = self._as_move(path)
            if self.purse.pays(step.verb, step.bytes):
                waiting.append(path)
            else:
                self._put_off.append(PutOff(step, OVER_BUDGET))
        while waiting:
            left = [path for path in waiting if not self._move(path)]
            if len(left) == len(waiting):
                left = self._part(left)
            waiting = left

    def _as_move(self, path: FilePath) -> Move:
        placed = self._facts.holdings[path]
        return Move(path, placed.rank, self._facts.wish[path].rank, placed.bytes)

    def _move(self, path: FilePath) -> bool:
        step = self._as_move(path)
        if not self._has_room(step.target, step.bytes):
            return False
        self._steps += self._make_room(step.target, step.bytes)
        self.room[step.target] -= step.bytes
        if path not in self._dropped:
            self.room[step.source] += step.bytes
        self._steps.append(step)
        self._moved.add(path)
        return True

    def _part(self, waiting: list[FilePath]) -> list[FilePath]:
        """Evict the lesser ones in the best one's way, to fetch them again; or put it off."""
        best, *others = waiting
        step = self._as_move(best)
        holdings = self._facts.holdings
        # One that is pinned could not be fetched again behind an air gap.
        in_way = [
            path
            for path in others
            if holdings[path].rank == step.target and not self._facts.wish[path].pinned
        ]
        lack = step.bytes - self.room[step.target] - self._spare.total(step.target)
        parted: list[FilePath] = []
        while lack > 0 and in_way:
            parted.append(in_way.pop())
            lack -= holdings[parted[-1]].bytes
        if lack > 0:
            self._put_off.append(PutOff(step, NO_ROOM))
            return others
        self._steps += [self._evict(path) for path in parted]
        self._parted.update(parted)
        return [path for path in waiting if path not in self._parted]

    # Files that come.

    def _fetch_all(self) -> None:
        evictions: list[Step] = []
        fetches: list[Step] = []
        for path in self._best_first(self._fetches | self._parted):
            step = self._as_fetch(path)
            need = max(0, step.bytes - self._facts.partials.get(path, 0))
            # The wish may be older than the limits, or than a file put there by hand.
            if not self._has_room(step.tier, need):
                self._put_off += [PutOff(step, NO_ROOM)] if self._put_off else []
            elif path not in self._parted and not self.purse.pays(step.verb, need):
                self._put_off.append(PutOff(step, OVER_BUDGET))
            else:
                if evictions and len(fetches) >= _BATCH:
                    self._steps += [*evictions, *fetches]
                    evictions, fetches = [], []
                evictions += self._make_room(step.tier, need)
                self.room[step.tier] -= need
                fetches.append(step)
        self._steps += [*evictions, *fetches]

    def _as_fetch(self, path: FilePath) -> Fetch:
        size = self._facts.sizes.get(path)
        if size is None or path in self._parted:
            size = self._facts.holdings[path].bytes
        return Fetch(path, self._facts.wish[path].rank, size)

    def _complete(self, path: FilePath) -> None:
        placed, wished = self._facts.holdings.get(path), self._facts.wish.get(path)
        # One that is evicted goes without, and one that is fetched again brings it.
        if not placed or path in self._fetches or path in self._parted:
            return
        kept = self._facts.keep_spare and path in self._facts.spare and path not in self._gave_way
        if not wished and not kept:
            return
        # Where it will be by then: it stays where its move was put off.
        rank = wished.rank if wished and path in self._moved else placed.rank
        if self.room.get(rank, 0) >= COMPANION_ROOM:
            self.room[rank] -= COMPANION_ROOM
            self._steps.append(FetchCompanion(path, rank))


class _Spare:
    """Files that nobody wishes for, and that stay as long as nothing needs their room."""

    def __init__(self, facts: Facts, ranks: Collection[int]) -> None:
        self._sizes: dict[int, list[tuple[int, FilePath]]] = {rank: [] for rank in ranks}
        for path in facts.spare:
            placed = facts.holdings.get(path)
            if placed and placed.rank in ranks and path not in facts.wish:
                self._sizes[placed.rank].append((placed.bytes, path))
        # Once: there may be millions of them, where everything is kept.
        for sizes in self._sizes.values():
            sizes.sort()
        self._totals = {rank: sum(size for size, _ in sizes) for rank, sizes in self._sizes.items()}

    def total(self, rank: int) -> int:
        """Return the bytes of them all on a tier."""
        return self._totals[rank]

    def take(self, rank: int, lack: int) -> FilePath:
        """Return the smallest that makes up for what is lacking, or else the largest."""
        sizes = self._sizes[rank]
        size, path = sizes.pop(min(bisect_left(sizes, (lack, "")), len(sizes) - 1))
        self._totals[rank] -= size
        return path
