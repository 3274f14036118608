"""Who asks for what, and when: four kinds of sites."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from math import cos, pi
from random import Random
from types import MappingProxyType
from typing import Final

from tests.benchmarks.replay import facts
from tests.benchmarks.replay.world import DAY, Client, Line, Project, World

HOUR = 3600
Request = tuple[int, int, int]
"""Time, file, network."""


@dataclass(frozen=True, slots=True)
class Site:
    """A kind of site: its clients and their habits."""

    networks: int
    # Shares of the requests: of pipelines, which fetch a fixed set again and again, and
    # of bots, which walk everything once.
    pipelines: float
    bots: float
    # Shares of the clients: who take the latest release, and who one of long ago.
    fresh: float
    pinned: float
    # Seconds until those who take the latest release have noticed it.
    adoption: float
    # How much more often than usual releases come out.
    cadence: float
    # How far popularity differs from that of the whole world: a log-normal's sigma.
    taste: float
    # How much of the day's traffic the hours of the night lack.
    night: float
    weekend: float
    # Weights of platforms and of Pythons.
    platforms: Mapping[str, int] = field(
        default_factory=lambda: {"linux": 8, "arm": 1, "musl": 1, "windows": 3, "mac": 3}
    )
    pythons: Sequence[int] = (1, 2, 4, 5, 3)


SITES: Final[Mapping[str, Site]] = MappingProxyType(
    {
        "campus": Site(
            400, 0.2, 0.005, 0.60, 0.25, 1.5 * DAY, 1, 1.2, 0.9, 0.5,
            {"linux": 6, "windows": 6, "mac": 5, "arm": 1},
        ),
        "CI": Site(
            40, 0.85, 0.003, 0.65, 0.25, 0.2 * DAY, 1, 1.0, 0.5, 0.4,
            {"linux": 16, "musl": 2, "arm": 2},
        ),
        "public": Site(20_000, 0.3, 0.01, 0.55, 0.30, 2 * DAY, 1, 0.7, 0.4, 0.8),
        "fast": Site(4_000, 0.3, 0.005, 0.80, 0.12, 0.3 * DAY, 4, 0.8, 0.5, 0.7),
    }
)  # fmt: skip
"""The sites of the benchmark, by name."""

_PYTHONS = ("cp39", "cp310", "cp311", "cp312", "cp313")
_PROJECTS = 40_000
_FRESHLY = 0.05 * DAY
_LONG_AGO = 90 * DAY
_PIPELINES_A_NETWORK = 6
_TRENDS_A_DAY, _TREND_DAYS = 3, 4
"""So many projects a day are in the news, and for so long."""


@dataclass(frozen=True, slots=True)
class _Pipeline:
    """A job that fetches the same projects again and again."""

    network: int
    client: Client
    # Each with the time that it is pinned at, or None where it takes the latest.
    projects: Sequence[tuple[int, float | None]]


class Traffic:
    """The requests to one site, hour by hour."""

    def __init__(self, site: Site, world: World, seed: int, daily: int) -> None:
        self._site, self._world, self._daily = site, world, daily
        self._random = random = Random(f"traffic {seed}")
        self._clients = [(python, platform) for python in _PYTHONS for platform in site.platforms]
        weights = [
            one * share for one in site.pythons for share in site.platforms.values()
        ]  # fmt: skip
        self._client_weights = list(accumulate(weights))
        popularity = [
            facts.downloads(rank) * random.lognormvariate(0, site.taste)
            for rank in range(1, _PROJECTS + 1)
        ]
        self._weights = list(accumulate(popularity))
        self._network_weights = list(accumulate(1 / n**0.7 for n in range(1, site.networks + 1)))
        pipelines = max(20, min(400, site.networks * _PIPELINES_A_NETWORK))
        self._pipelines = [self._pipeline() for _ in range(pipelines)]
        self._pipeline_weights = list(accumulate(1 / n**0.8 for n in range(1, pipelines + 1)))
        self._mean_set = sum(len(one.projects) for one in self._pipelines) / pipelines
        self._trends: list[tuple[int, int]] = []
        self._walk = self._walking()

    def hour(self, start: int) -> list[Request]:
        """Return the requests of an hour, in order of time."""
        count = round(self._daily / 24 * self._intensity(start))
        walked = round(count * self._site.bots)
        automatic = count * self._site.pipelines
        runs = self._poisson(automatic / self._mean_set)
        found = [(start + self._random.randrange(HOUR), *next(self._walk)) for _ in range(walked)]
        for pipeline in self._random.choices(
            self._pipelines, cum_weights=self._pipeline_weights, k=runs
        ):
            found += self._run(pipeline, start + self._random.randrange(HOUR))
        found += self._people(start, round(count - walked - automatic))
        found.sort()
        return found

    def _intensity(self, start: int) -> float:
        """Return the hour's share of an average one."""
        day, hour = divmod(start // HOUR, 24)
        site = self._site
        daily = 1 - site.night * cos((hour - 2) / 24 * 2 * pi)
        week = site.weekend if day % 7 in (5, 6) else 1.0
        return daily * week * 7 / (5 + 2 * site.weekend)

    def _people(self, start: int, count: int) -> Iterator[Request]:
        random, site = self._random, self._site
        if start % DAY == 0:
            day = start // DAY
            self._trends = [one for one in self._trends if one[1] > day]
            popular = random.choices(range(_PROJECTS), k=_TRENDS_A_DAY)
            self._trends += [(project, day + _TREND_DAYS) for project in popular]
        trend = [project for project, _ in self._trends]
        projects = random.choices(range(_PROJECTS), cum_weights=self._weights, k=count)
        clients = random.choices(self._clients, cum_weights=self._client_weights, k=count)
        networks = random.choices(
            range(site.networks), cum_weights=self._network_weights, k=count
        )  # fmt: skip
        for number, client, network in zip(projects, clients, networks, strict=True):
            wanted = random.choice(trend) if random.random() < 0.01 else number
            time = start + random.randrange(HOUR)
            file = self._file(self._world.project(wanted), client, time)
            if file is not None:
                yield time, file, network

    def _file(self, project: Project, client: Client, time: float) -> int | None:
        """Return the file of the release that a client asks for."""
        slot = project.choice(client)
        if slot is None:
            return None
        random, site = self._random, self._site
        chance = random.random()
        line, release = Line.STABLE, project.favourite
        if chance < site.fresh:
            release = project.latest(line, time - random.expovariate(1 / site.adoption))
        elif chance < site.fresh + site.pinned:
            release = project.latest(line, time - random.expovariate(1 / _LONG_AGO))
        elif Line.OLD in project.times:
            line = Line.OLD
            release = project.latest(line, time - random.expovariate(1 / site.adoption))
        elif Line.PRE in project.times and random.random() < 0.3:
            line = Line.PRE
            release = project.latest(line, time - random.expovariate(1 / _FRESHLY))
        return self._world.file(project, line, release, slot)

    def _pipeline(self) -> _Pipeline:
        random, site = self._random, self._site
        count = min(120, 5 + round(random.lognormvariate(3, 0.7)))
        numbers = set(random.choices(range(_PROJECTS), cum_weights=self._weights, k=count))
        locked = random.random() < 0.5
        at = -random.expovariate(1 / _LONG_AGO)
        projects = [
            (one, at if locked or random.random() < site.pinned else None)
            for one in sorted(numbers)
        ]
        (client,) = random.choices(self._clients, cum_weights=self._client_weights)
        (network,) = random.choices(range(site.networks), cum_weights=self._network_weights)
        return _Pipeline(network, client, projects)

    def _run(self, pipeline: _Pipeline, time: int) -> Iterator[Request]:
        random = self._random
        for number, pinned in pipeline.projects:
            project = self._world.project(number)
            slot = project.choice(pipeline.client)
            if slot is not None:
                release = project.latest(Line.STABLE, time if pinned is None else pinned)
                file = self._world.file(project, Line.STABLE, release, slot)
                yield time + random.randrange(60), file, pipeline.network

    def _walking(self) -> Iterator[tuple[int, int]]:
        """Yield what bots ask for: every file of one project after the other, once."""
        network = self._site.networks
        while True:
            network += 1
            for number in self._random.sample(range(_PROJECTS), _PROJECTS):
                project = self._world.project(number)
                release = project.latest(Line.STABLE, 0)
                for slot in range(len(project.slots)):
                    yield self._world.file(project, Line.STABLE, release, slot), network

    def _poisson(self, mean: float) -> int:
        """Return a number of events; for large means a normal distribution will do."""
        return max(0, round(self._random.gauss(mean, mean**0.5)))
