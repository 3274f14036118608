"""The policies: what makes a file worth its disk, as formulas.

docs/scoring.md has the reasons. A policy knows one file at a time and no clock:
everything that it needs of time and of others is in the candidate.
"""

from dataclasses import dataclass
from typing import Protocol

from app.model import Candidate

HOUR = 3600
MIB = 1 << 20
GIB = 1 << 30


class Policy(Protocol):
    """Which files may be wished for, and what each is worth."""

    def eligible(self, candidate: Candidate) -> bool:
        """Whether a file may be wished for at all."""

    def score(self, candidate: Candidate) -> float:
        """Return what a file is worth, wherever it is: not negative, higher is better."""

    def bonus(self, rank: int) -> float:
        """Return by how much a file's score counts for more where it already is.

        It is what a file on this tier, or on a hotter one, gains against those that
        would have to be brought here.
        """


@dataclass(frozen=True, slots=True)
class Decay:
    """The policy `decay`: votes that fade; sizes in bytes, durations in seconds."""

    min_vote_count: int
    filesize_limit: int
    # The time in which a vote loses half its weight.
    half_life: int = 168 * HOUR
    # A request that is answered counts as much as so many bytes that are: a file of
    # this size is worth twice its heat, and one that is no larger is worth a download
    # at its first vote.
    small_file: int = MIB
    # What a file gains by being here, and by being on the hottest tier: without it,
    # two files of like score would change places at every run.
    held_bonus: float = 1.25
    hot_bonus: float = 3.0
    # Colder files are not worth a download, not even to an empty place.
    coldest: float = 0.05
    # The share of its predecessor's heat that a new release takes over.
    inherit: float = 0.8

    def eligible(self, candidate: Candidate) -> bool:
        """Whether a file may be wished for at all.

        Votes and heat are asked of files that are not here yet. One that is here costs
        nothing where nobody else wants its room, and may be wanted again.
        """
        if candidate.size > self.filesize_limit:
            return False
        if candidate.held is not None:
            return True
        needed = 1 if candidate.size <= self.small_file else self.min_vote_count
        voted = max(candidate.votes, candidate.ever) >= needed
        wanted = candidate.inherited or voted
        return wanted and candidate.heat > self.coldest

    def score(self, candidate: Candidate) -> float:
        """Return heat, and more of it for a small file."""
        return candidate.heat * (1 + self.small_file / max(candidate.size, 1))

    def bonus(self, rank: int) -> float:
        """Return the bonus of being here, and another on the hottest tier."""
        return self.held_bonus * self.hot_bonus if rank == 0 else self.held_bonus


@dataclass(frozen=True, slots=True)
class Votes:
    """The policy `votes`: the predecessor's formula, to the letter."""

    min_vote_count: int
    filesize_limit: int

    def eligible(self, candidate: Candidate) -> bool:
        """Whether a file may be wished for: it is here, or has votes enough."""
        if candidate.size > self.filesize_limit:
            return False
        return candidate.held is not None or candidate.votes >= self.min_vote_count

    def score(self, candidate: Candidate) -> float:
        """Return the votes; above 2 GiB, votes by size."""
        return candidate.votes / (max(candidate.size, 2 * GIB) + 1) * MIB

    def bonus(self, rank: int) -> float:  # noqa: ARG002  the same on every tier
        """Return 1: being here counts for nothing but to break a tie."""
        return 1.0
