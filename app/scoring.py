"""Votes and sizes to scores: how much each file is worth its disk.

The policy is `decay` (docs/scoring.md has the formula and its reasons): a vote's
weight halves every 72 hours, small files are worth more than their bytes, and what is
here stays unless something is clearly better.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from app.model import Candidate
from app.names import FilePath

HOUR = 3600
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class DecayPolicy:
    """The parameters of the decay policy; sizes in bytes, durations in seconds."""

    min_vote_count: int
    filesize_limit: int
    # The time in which a vote loses half its weight.
    half_life: float = 72 * HOUR
    # A file of this size is worth twice what its votes say.
    small: float = MIB
    # What a file gains by being here, and by being on the hottest tier: without it,
    # two files of like score would change places at every run.
    held_bonus: float = 1.25
    hot_bonus: float = 1.25
    # Colder files are not worth a download, not even to an empty place.
    coldest: float = 0.05


@dataclass(frozen=True, slots=True)
class Popularity:
    """How often a file was voted for, and how recently."""

    votes: int = 0
    heat: float = 0.0


def popularity(
    votes: Iterable[tuple[FilePath, int]], now: int, half_life: float
) -> dict[FilePath, Popularity]:
    """Sum up each file's votes, decayed to the time of the run.

    A vote from the future (a clock that went back) counts as one of now.
    """
    counts: dict[FilePath, int] = {}
    heats: dict[FilePath, float] = {}
    for path, time in votes:
        weight: float = 2.0 ** (-max(0, now - time) / half_life)
        counts[path] = counts.get(path, 0) + 1
        heats[path] = heats.get(path, 0.0) + weight
    return {path: Popularity(count, heats[path]) for path, count in counts.items()}


def eligible(candidate: Candidate, policy: DecayPolicy) -> bool:
    """Whether a file may be wished for at all.

    Votes and heat are asked of files that are not here yet. One that is here costs
    nothing where nobody else wants its room, and may be wanted again.
    """
    if candidate.size > policy.filesize_limit:
        return False
    wanted = candidate.votes >= policy.min_vote_count and candidate.heat > policy.coldest
    return wanted or candidate.held is not None


def score(candidate: Candidate, policy: DecayPolicy) -> float:
    """Return what a file is worth; higher is better."""
    value = candidate.heat * (1 + policy.small / max(candidate.size, 1))
    if candidate.held is not None:
        value *= policy.held_bonus
    if candidate.held == 0:
        value *= policy.hot_bonus
    return value


def ranking(candidates: Iterable[Candidate], policy: DecayPolicy) -> list[tuple[float, Candidate]]:
    """Return the eligible files with their scores, best first.

    The order is total (score, then the hotter place that it has, then the smaller,
    then the path), so that the same facts give the same plan whatever order they come
    in, and files without votes stay where they are.
    """
    scored = [(score(one, policy), one) for one in candidates if eligible(one, policy)]
    return sorted(scored, key=lambda pair: (-pair[0], *_tie_break(pair[1])))


def _tie_break(candidate: Candidate) -> tuple[float, int, FilePath]:
    rank = math.inf if candidate.held is None else candidate.held
    return rank, candidate.size, candidate.path
