"""A made-up PyPI: projects with releases, releases with files."""

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from heapq import heappop, heappush
from math import log
from random import Random

from tests.benchmarks.replay import facts

DAY = 86400
_HISTORY = 400 * DAY
"""How far before the trace releases go back."""
_MEDIAN_CADENCE, _CADENCE_SPREAD, _MOST_OFTEN = 8, 1.1, 300
_HUGE_SHARE, _HUGE = 0.0005, (300 << 20, 2500 << 20)
_LARGEST = 3 << 30
"""Projects with files larger than any in the data, as machine learning has them."""
_GLIBC = ("manylinux_2_17", "manylinux_2_28")

Client = tuple[str, str]
"""Python and platform."""

PLATFORMS = {
    "linux": re.compile(r"manylinux\w*x86_64"),
    "arm": re.compile(r"manylinux\w*aarch64"),
    "musl": re.compile(r"musllinux\w*x86_64"),
    "windows": re.compile(r"win_amd64"),
    "mac": re.compile(r"macosx\w*(arm64|universal2)"),
}


class Line(IntEnum):
    """The series of releases that a project has at the same time."""

    STABLE = 0
    OLD = 1
    PRE = 2


_VERSION = {Line.STABLE: "2.{}", Line.OLD: "1.{}", Line.PRE: "3.0.dev{}"}


@dataclass(slots=True)
class Project:
    """One project; times are seconds from the start of the trace, history negative."""

    number: int
    slots: facts.Files
    # When each line's releases come out.
    times: Mapping[Line, list[int]]
    # An old release that many never leave.
    favourite: int
    # From this release on, the wheels for Linux ask for a newer glibc.
    new_glibc: int
    files: dict[tuple[Line, int, int], int] = field(default_factory=dict)
    choices: dict[Client, int | None] = field(default_factory=dict)

    def latest(self, line: Line, time: float) -> int:
        """Return the last release before a time, or the first of all."""
        return max(0, bisect_right(self.times[line], time) - 1)

    def choice(self, client: Client) -> int | None:
        """Return which file of a release a client takes: as pip, the most specific."""
        if client not in self.choices:
            ranked = [
                (rank, slot)
                for slot, (tag, _) in enumerate(self.slots)
                if (rank := _suits(tag, client)) is not None
            ]
            self.choices[client] = min(ranked)[1] if ranked else None
        return self.choices[client]


class World:
    """All projects and files, made when they are first asked for."""

    def __init__(self, seed: int, days: int, cadence: float) -> None:
        self._seed = seed
        self._end = days * DAY
        # How much more often than usual releases come out.
        self._cadence = cadence
        self._projects: dict[int, Project] = {}
        self._upcoming: list[tuple[int, int]] = []
        self.sizes = array("Q")
        self.orders = array("Q")
        self._names: list[str] = []

    def project(self, number: int) -> Project:
        """Return the project of a rank."""
        if number not in self._projects:
            self._projects[number] = self._make(number)
        return self._projects[number]

    def file(self, project: Project, line: Line, release: int, slot: int) -> int:
        """Return the number of a file."""
        key = line, release, slot
        number = project.files.get(key)
        if number is None:
            number = project.files[key] = len(self.sizes)
            random = Random(f"{self._seed} {project.number} {key}")
            tag, size = project.slots[slot]
            # Projects grow, slowly.
            size = round(size * random.lognormvariate(0.001 * release, 0.02))
            self.sizes.append(min(_LARGEST, max(1000, size)))
            self.orders.append(random.getrandbits(60))
            self._names.append(_name(project, line, release, tag))
        return number

    def name(self, file: int) -> str:
        """Return a file's name."""
        return self._names[file]

    def released(self, before: int) -> Iterator[tuple[Project, dict[Line, int]]]:
        """Yield the projects with releases since the last call, with the first of each line."""
        found: dict[int, dict[Line, int]] = {}
        while self._upcoming and self._upcoming[0][0] <= before:
            time, number = heappop(self._upcoming)
            first = found.setdefault(number, {})
            for line, times in self._projects[number].times.items():
                release = bisect_left(times, time)
                if release < len(times) and times[release] == time:
                    first.setdefault(line, release)
        for number, first in found.items():
            yield self._projects[number], first

    def _make(self, number: int) -> Project:
        random = Random(f"{self._seed} {number}")
        known = facts.releases()
        sized = number < len(known)
        slots = known[number] if sized else random.choice(known[len(known) // 3 :])
        if not sized and random.random() < _HUGE_SHARE:
            tag, _ = slots[0]
            slots = ((tag, random.randint(*_HUGE)),)
        often = random.lognormvariate(log(_MEDIAN_CADENCE), _CADENCE_SPREAD)
        if sized and random.random() < 0.1:
            often = random.choice(facts.cadences())
        often = min(_MOST_OFTEN, often * self._cadence)
        times = {Line.STABLE: self._times(random, often)}
        if random.random() < 0.08:
            times[Line.OLD] = self._times(random, often / 2)
        if random.random() < 0.1:
            times[Line.PRE] = self._times(random, often)
        count = len(times[Line.STABLE])
        favourite = random.randrange(count)
        glibc = random.randrange(count) if random.random() < 0.3 else count
        project = Project(number, slots, times, favourite, glibc)
        for line in times.values():
            for time in line:
                if time > 0:
                    heappush(self._upcoming, (time, number))
        return project

    def _times(self, random: Random, often: float) -> list[int]:
        """Return the times of releases, so many a year; the first is in the past."""
        pause = 365 * DAY / often
        times = [-_HISTORY - round(random.expovariate(1 / pause))]
        while times[-1] < self._end:
            times.append(times[-1] + 60 + round(random.expovariate(1 / pause)))
        return times[:-1]


def _name(project: Project, line: Line, release: int, tag: str) -> str:
    stem = f"p{project.number}-{_VERSION[line].format(release)}"
    if tag == "sdist":
        return f"{stem}.tar.gz"
    if line is Line.STABLE and release >= project.new_glibc:
        tag = tag.replace(*_GLIBC)
    return f"{stem}-{tag}.whl"


@cache
def _suits(tag: str, client: Client) -> int | None:
    """Return how well a file suits a client, the less the better, or None."""
    if tag == "sdist":
        return 5
    pythons, abi, platforms = tag.split("-")
    python, platform = client
    words = pythons.split(".")
    if platforms == "any":
        return 4 if python in words or "py3" in words else None
    if not any(PLATFORMS[platform].fullmatch(one) for one in platforms.split(".")):
        return None
    if pythons == abi == python:
        return 1
    if abi == "abi3" and int(words[0][3:] or 0) <= int(python[3:]):
        return 2
    return 3 if "py3" in words else None
