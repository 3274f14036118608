"""Why a file is where it is, and what another configuration would come to."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.bounds import Keep
from app.model import Candidate, Tier
from app.names import FilePath
from app.planning import assign
from app.scoring import Policy, ranking
from app.store import Store
from app.survey import Survey
from app.wishing import Wishing

_DAY = 86_400


class UnknownFileError(Exception):
    """No page lists such a file."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides about one file."""

    path: FilePath
    # Within `cache.vote_window`.
    votes: int
    # Decayed votes, and how many a day keep them at that.
    heat: float
    votes_a_day: float
    inherited: bool
    # Bytes; None where nobody tells.
    size: int | None
    score: float
    # What it counts for where it is decided about: more, where it is there already.
    score_with_bonus: float
    # Its place among the files that may be here, in the order in which tiers take them;
    # None where it may not be.
    place: int | None
    candidates: int
    # The ranks of the tiers where it should be, and where it is.
    wished: int | None
    held: int | None
    why: str


@dataclass(frozen=True, slots=True)
class _Contest:
    """The order in which files are taken to a tier, as `app.scoring.Ranking` has it."""

    policy: Policy
    rank: int

    def key(self, one: Candidate) -> tuple[float, ...]:
        """Return what is the greater, the sooner a file is taken."""
        here = one.held is not None and one.held <= self.rank
        score = self.policy.score(one) * (self.policy.bonus(self.rank) if here else 1)
        held = -math.inf if one.held is None else -one.held
        return score, held, -one.size, -one.order, -one.file


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the cache would hold, and how much of what was asked for that answers."""

    size_limit: int
    files: int
    bytes: int
    # Of the votes within `cache.vote_window`, and of the bytes that they stand for.
    request_hit_ratio: float
    byte_hit_ratio: float


@dataclass(frozen=True, slots=True)
class Foresight:
    """Answers questions about the wish; changes nothing."""

    store: Store
    wishing: Wishing
    half_life: int

    def explain(self, path: FilePath, survey: Survey, now: int) -> Standing:
        """Return what decides about a file.

        Raises:
            UnknownFileError: No page lists it, or without a SHA-256.

        """
        target = self.wishing.candidate(path, survey, now)
        if target is None:
            raise UnknownFileError(f"no page lists {path} with a SHA-256 and a size")
        policy = self.wishing.policy
        wish = dict(self.wishing.wish(survey, now))
        wished = wish[target.file].rank if target.file in wish else None
        # Whoever gets no place has lost the last contest, that for the coldest tier.
        contest = _Contest(policy, len(self.wishing.tiers) - 1 if wished is None else wished)
        own, count, better = contest.key(target), 0, 0
        for candidate in self.wishing.candidates(survey, now):
            if policy.eligible(candidate):
                count += 1
                placed = wish.get(candidate.file)
                hotter = placed is not None and placed.rank < contest.rank
                better += hotter or contest.key(candidate) > own
        eligible = policy.eligible(target)
        return Standing(
            path=path,
            votes=target.votes,
            heat=target.heat,
            votes_a_day=target.heat * math.log(2) * _DAY / self.half_life,
            inherited=target.inherited,
            size=target.size,
            score=policy.score(target),
            score_with_bonus=own[0],
            place=better + 1 if eligible else None,
            candidates=count,
            wished=wished,
            held=target.held,
            why=self._why(target, path, eligible=eligible, wished=wished),
        )

    def _why(self, target: Candidate, path: FilePath, *, eligible: bool, wished: int | None) -> str:
        if self.store.is_pinned(path):
            return f"it is pinned; {_where(target, wished)}"
        if self.wishing.keep is Keep.PINNED:
            return "packages.keep is pinned, and it is not"
        if self.wishing.keep is Keep.ALL and wished is None:
            return "packages.keep is all: it has what room more popular files leave"
        return _why(target, eligible=eligible, wished=wished)

    def forecast(self, size_limit: int, policy: Policy, survey: Survey, now: int) -> Forecast:
        """Return what a cache of so many bytes would come to, by the votes seen.

        Several tiers share them as they share what they have now. It is as though the
        disks had the room.
        """
        tiers = scaled(self.wishing.tiers, size_limit)
        wishing = replace(self.wishing, tiers=tiers, policy=policy)
        contenders = ranking(wishing.candidates(survey, now), policy)
        wish = {file for file, _ in assign(contenders, tiers, {})}
        files = held = hits = hit_bytes = votes = vote_bytes = 0
        for one in wishing.candidates(survey, now):
            votes += one.votes
            vote_bytes += one.votes * one.size
            if one.file in wish:
                files += 1
                held += one.room
                hits += one.votes
                hit_bytes += one.votes * one.size
        return Forecast(
            size_limit, files, held, hits / max(votes, 1), hit_bytes / max(vote_bytes, 1)
        )


def scaled(tiers: Sequence[Tier], size_limit: int) -> list[Tier]:
    """Return tiers that share another number of bytes in the same proportions."""
    total = sum(tier.size_limit for tier in tiers)
    return [replace(tier, size_limit=tier.size_limit * size_limit // total) for tier in tiers]


def _where(target: Candidate, wished: int | None) -> str:
    if wished is None:
        return "no tier has room for it"
    if target.held == wished:
        return f"it is on tier {wished}"
    return f"the next `larder move` brings it to tier {wished}"


def _why(target: Candidate, *, eligible: bool, wished: int | None) -> str:
    if not eligible:
        return "it is larger than cache.filesize_limit, or has not votes enough to be fetched"
    if wished is None:
        return "the tiers are full of files that are worth more"
    if target.held is None:
        return f"it is among the best that fit on tier {wished}; the next `larder move` fetches it"
    if target.held == wished:
        return f"it is among the best that fit on tier {wished}, and it is there"
    return f"it is among the best that fit on tier {wished}; the next `larder move` moves it there"
