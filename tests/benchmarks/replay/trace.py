"""A trace: the requests of every interval between two runs, and what counts as votes."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from app.scoring import Decay, HeatScale, Released, Transfer, inherit
from tests.benchmarks.replay.traffic import HOUR, SITES, Request, Traffic
from tests.benchmarks.replay.world import DAY, Line, Project, World

INTERVAL = 6 * HOUR
DEDUP_WINDOW = 300


@dataclass(frozen=True, slots=True)
class Shape:
    """How long a trace is, and how busy."""

    days: int = 35
    warm_up: int = 5
    # Requests a day.
    daily: int = 82_000


@dataclass(frozen=True, slots=True)
class Interval:
    """What happened between two runs."""

    # When the run at its end takes place.
    now: int
    # Every request's file, in order of time, and how often each file was asked for.
    sequence: "array[int]"
    requests: Mapping[int, int]
    votes: Mapping[int, int]
    # What the votes add to each file's stored heat.
    weights: Mapping[int, float]
    # What new releases take over, in order.
    transfers: list[Transfer]


@dataclass(frozen=True, slots=True)
class Trace:
    """The requests to one site."""

    name: str
    world: World
    scale: HeatScale
    intervals: list[Interval]
    # How many of the intervals are not measured.
    warm_up: int
    # Of all files that were asked for.
    distinct_bytes: int

    @property
    def measured(self) -> int:
        """How many requests are measured."""
        return sum(len(interval.sequence) for interval in self.intervals[self.warm_up :])


class _Ballot:
    """Votes: one network, one file, at most one in a window that is not extended."""

    def __init__(self) -> None:
        self._opened: dict[tuple[int, int], int] = {}

    def count(self, requests: Iterable[Request]) -> Iterator[tuple[int, int]]:
        """Yield time and file of every request that is a vote."""
        opened = self._opened
        time = 0
        for time, file, network in requests:
            if time - opened.get((file, network), -DEDUP_WINDOW) >= DEDUP_WINDOW:
                opened[file, network] = time
                yield time, file
        self._opened = {key: start for key, start in opened.items() if time - start < DEDUP_WINDOW}


def make_trace(name: str, seed: int, shape: Shape, policy: Decay) -> Trace:
    """Return the trace of a kind of site."""
    site = SITES[name]
    world = World(seed, shape.days, site.cadence)
    traffic = Traffic(site, world, seed, shape.daily)
    scale = HeatScale(0, policy.half_life)
    ballot = _Ballot()
    heat: dict[int, float] = defaultdict(float)
    intervals = []
    for start in range(0, shape.days * DAY, INTERVAL):
        requests = [
            request
            for hour in range(start, start + INTERVAL, HOUR)
            for request in traffic.hour(hour)
        ]
        # A pipeline's run may go on in the next hour.
        requests.sort()
        votes: Counter[int] = Counter()
        weights: dict[int, float] = {}
        for time, file in ballot.count(requests):
            votes[file] += 1
            weights[file] = weights.get(file, 0.0) + scale.weight(time, time)
        for file, weight in weights.items():
            heat[file] += weight
        now = start + INTERVAL
        least = scale.stored(policy.coldest, now)
        transfers = _take_over(world, heat, now, policy, least)
        sequence = array("I", (file for _, file, _ in requests))
        intervals.append(Interval(now, sequence, Counter(sequence), votes, weights, transfers))
    asked = {file for interval in intervals for file in interval.requests}
    distinct = sum(world.sizes[file] for file in asked)
    warm_up = shape.warm_up * DAY // INTERVAL
    return Trace(name, world, scale, intervals, warm_up, distinct)


def _take_over(
    world: World, heat: dict[int, float], now: int, policy: Decay, least: float
) -> list[Transfer]:
    """Hand heat down to the releases since the last run; return what went where."""
    found: list[Transfer] = []
    for project, first in world.released(now):
        # Most projects are cold; what they hand down would make nobody a candidate.
        if all(heat.get(file, 0.0) < least for file in project.files.values()):
            continue
        transfers = inherit(_released(world, project, heat, first, now), policy.inherit)
        for transfer in transfers:
            given = heat[transfer.source] * transfer.share
            heat[transfer.source] -= given
            heat[transfer.target] += given
        found += transfers
    return found


def _released(
    world: World, project: Project, heat: Mapping[int, float], first: Mapping[Line, int], now: int
) -> Iterator[Released]:
    """Yield the files of the new releases and of those right before them.

    Those before cannot hand anything down, so leaving them out changes nothing.
    """
    for line, new in first.items():
        for release in range(max(0, new - 1), project.latest(line, now) + 1):
            for slot in range(len(project.slots)):
                file = world.file(project, line, release, slot)
                yield Released(file, world.name(file), heat.get(file, 0.0), new=release >= new)
