"""Real figures of PyPI's that the traces are made from; `data/README.md` says whence."""

import csv
import gzip
from bisect import bisect_left
from functools import cache
from itertools import groupby
from math import exp, log
from pathlib import Path

_DATA = Path(__file__).parent / "data"
_TAIL_SLOPE = 2.3
"""How steeply popularity falls beyond the last known rank, as the last thousands do."""

Files = tuple[tuple[str, int], ...]
"""Tag and size of the files of one release."""


@cache
def releases() -> list[Files]:
    """Return one release each of many projects, the most downloaded project first."""
    with gzip.open(_DATA / "projects.csv.gz", "rt") as stream:
        rows = list(csv.reader(stream))[1:]
    # Projects are told apart by their downloads.
    return [
        tuple((tag, int(size)) for _, tag, size in group)
        for _, group in groupby(rows, key=lambda row: row[0])
    ]


@cache
def cadences() -> list[int]:
    """Return how many releases well-known projects have in a year."""
    with (_DATA / "releases.csv").open() as stream:
        return sorted(int(row["releases_last_year"]) for row in csv.DictReader(stream))


@cache
def _curve() -> tuple[list[int], list[float]]:
    with (_DATA / "popularity.csv").open() as stream:
        rows = [
            (int(row["rank"]), log(int(row["downloads_30d"]))) for row in csv.DictReader(stream)
        ]
    return [rank for rank, _ in rows], [downloads for _, downloads in rows]


def downloads(rank: int) -> float:
    """Return the downloads of the project of a rank, also of one beyond the known."""
    ranks, logs = _curve()
    if rank >= ranks[-1]:
        return exp(logs[-1] - _TAIL_SLOPE * log(rank / ranks[-1]))
    right = bisect_left(ranks, rank)
    if ranks[right] == rank:
        return exp(logs[right])
    low, high = log(ranks[right - 1]), log(ranks[right])
    part = (log(rank) - low) / (high - low)
    return exp(logs[right - 1] * (1 - part) + logs[right] * part)
