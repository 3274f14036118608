"""A mirror's disks under a trace: what each policy would have answered, and moved."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from app.model import Candidate, Tier
from app.planning import assign
from app.scoring import Policy, ranking
from tests.benchmarks.replay.trace import INTERVAL, Interval, Trace
from tests.benchmarks.replay.world import DAY

GB = 10**9
VOTE_WINDOW = 7 * DAY
MIN_VOTES = 2
FILESIZE_LIMIT = 4 << 30
HOT_SHARE = 10
"""One part in so many of the capacity is the hottest tier's."""


@dataclass(slots=True)
class Figures:
    """What came of it, over the measured days."""

    days: float = 0.0
    requests: int = 0
    asked_bytes: int = 0
    hits: int = 0
    hit_bytes: int = 0
    hot_hits: int = 0
    downloaded: int = 0
    moved: int = 0
    # Files, not bytes; a promotion or a demotion each.
    moves: int = 0
    hot_written: int = 0

    @property
    def by_request(self) -> float:
        """The share of the requests that were answered from here."""
        return self.hits / max(1, self.requests)

    @property
    def by_bytes(self) -> float:
        """The share of the bytes that were answered from here."""
        return self.hit_bytes / max(1, self.asked_bytes)

    @property
    def hot_share(self) -> float:
        """The share of the hits that the hottest tier answered."""
        return self.hot_hits / max(1, self.hits)

    @property
    def written(self) -> int:
        """Bytes written to any tier, downloads included."""
        return self.downloaded + self.moved

    def a_day(self, count: float) -> float:
        """Return a count of the whole time as that of one day, in thousand millions."""
        return count / GB / max(1e-9, self.days)


class Knowledge:
    """What the database knows at each run."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._stored: dict[int, float] = {}
        self._votes: Counter[int] = Counter()
        self._ever: Counter[int] = Counter()
        self._inherited: set[int] = set()
        self._window: deque[Mapping[int, int]] = deque()
        # Every file that somebody voted for, or that inherited.
        self.wanted: list[Candidate] = []

    def add(self, interval: Interval) -> None:
        """Count an interval's votes, and forget those that are too old."""
        for file, weight in interval.weights.items():
            self._stored[file] = self._stored.get(file, 0.0) + weight
        for transfer in interval.transfers:
            given = self._stored[transfer.source] * transfer.share
            self._stored[transfer.source] -= given
            self._stored[transfer.target] = self._stored.get(transfer.target, 0.0) + given
            self._inherited.add(transfer.target)
        self._votes.update(interval.votes)
        self._ever.update(interval.votes)
        self._window.append(interval.votes)
        if len(self._window) > VOTE_WINDOW // INTERVAL:
            self._votes.subtract(self._window.popleft())
        files = dict.fromkeys((*self._ever, *self._inherited))
        self.wanted = [self.candidate(file, interval.now, None) for file in files]

    def candidate(self, file: int, now: int, held: int | None) -> Candidate:
        """Return a file as scoring sees it."""
        world = self._trace.world
        heat = self._trace.scale.heat(self._stored.get(file, 0.0), now)
        size, order = world.sizes[file], world.orders[file]
        votes, ever, inherited = self._votes[file], self._ever[file], file in self._inherited
        return Candidate(file, order, size, votes, heat, inherited, ever, held)


class Mirror:
    """Two tiers that a policy fills at every run."""

    def __init__(self, trace: Trace, policy: Policy, capacity: int) -> None:
        hot = capacity // HOT_SHARE
        self._trace, self._policy = trace, policy
        self._tiers = (Tier(0, "/hot", hot), Tier(1, "/cold", capacity - hot))
        self._held: dict[int, int] = {}
        self.figures = Figures()

    def serve(self, interval: Interval) -> None:
        """Answer an interval's requests from what is held."""
        _serve(self._trace, interval, self._held, self.figures)

    def run(self, knowledge: Knowledge, now: int, *, measured: bool) -> None:
        """Decide anew, and move the files."""
        wish = {
            file: wished.rank
            for file, wished in assign(
                ranking(self._candidates(knowledge, now), self._policy), self._tiers, {}
            )
        }
        if measured:
            self._count(wish)
        self._held = wish

    def _candidates(self, knowledge: Knowledge, now: int) -> Iterator[Candidate]:
        held, known = self._held, set()
        for one in knowledge.wanted:
            known.add(one.file)
            place = held.get(one.file)
            if place is None:
                yield one
            else:
                yield replace(one, held=place)
        for file, rank in held.items():
            if file not in known:
                yield knowledge.candidate(file, now, rank)

    def _count(self, wish: Mapping[int, int]) -> None:
        figures, sizes = self.figures, self._trace.world.sizes
        for file, rank in wish.items():
            was = self._held.get(file)
            if was == rank:
                continue
            if was is None:
                figures.downloaded += sizes[file]
            else:
                figures.moved += sizes[file]
                figures.moves += 1
            if rank == 0:
                figures.hot_written += sizes[file]


def _serve(trace: Trace, interval: Interval, held: Mapping[int, int], figures: Figures) -> None:
    sizes = trace.world.sizes
    figures.days += INTERVAL / DAY
    for file, count in interval.requests.items():
        figures.requests += count
        figures.asked_bytes += count * sizes[file]
        rank = held.get(file)
        if rank is not None:
            figures.hits += count
            figures.hit_bytes += count * sizes[file]
            figures.hot_hits += count if rank == 0 else 0


def replay(
    trace: Trace, policies: Mapping[str, Policy], capacities: Mapping[float, int]
) -> dict[tuple[str, float], Figures]:
    """Return what becomes of each policy with each capacity."""
    knowledge = Knowledge(trace)
    mirrors = {
        (name, share): Mirror(trace, policy, capacity)
        for name, policy in policies.items()
        for share, capacity in capacities.items()
    }
    for number, interval in enumerate(trace.intervals):
        measured = number >= trace.warm_up
        knowledge.add(interval)
        for mirror in mirrors.values():
            if measured:
                mirror.serve(interval)
            mirror.run(knowledge, interval.now, measured=measured)
    return {key: mirror.figures for key, mirror in mirrors.items()}


def clairvoyant(trace: Trace, capacity: int) -> Figures:
    """Return a bound: who knew each interval's requests could hardly do better.

    By requests and by bytes the best choices differ; each has its own here. What would
    be downloaded for it is not counted.
    """
    figures = Figures()
    sizes = trace.world.sizes
    for interval in trace.intervals[trace.warm_up :]:
        figures.requests += len(interval.sequence)
        figures.days += INTERVAL / DAY
        asked = interval.requests
        figures.asked_bytes += sum(sizes[file] * count for file, count in asked.items())
        dense = sorted(asked, key=lambda file: -asked[file] / sizes[file])
        figures.hits += sum(asked[file] for file in _first_fit(dense, sizes, capacity))
        often = sorted(asked, key=lambda file: (-asked[file], -sizes[file]))
        hit = _first_fit(often, sizes, capacity)
        figures.hit_bytes += sum(asked[file] * sizes[file] for file in hit)
    return figures


def _first_fit(files: Iterable[int], sizes: Sequence[int], room: int) -> Iterator[int]:
    for file in files:
        if sizes[file] <= room:
            room -= sizes[file]
            yield file
