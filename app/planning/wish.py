"""The wish: which files should be here, and on which tier."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from app.model import Ranked, Tier

PINNED: Final = 1e300
"""What a pin is worth: more than any votes."""


@dataclass(frozen=True, slots=True)
class Wished:
    """A file that should be here: on which tier, and what it is worth."""

    rank: int
    score: float

    @property
    def pinned(self) -> bool:
        """Whether somebody pinned it: then it is never evicted."""
        return self.score >= PINNED


class Contenders(Protocol):
    """Files that want a place (`app.scoring.Ranking`)."""

    def fill(self, rank: int, room: int) -> Iterator[Ranked]:
        """Yield, best first, the files that get a place on a tier with so much room."""


def assign(
    contenders: Contenders, tiers: Sequence[Tier], taken: Mapping[int, int]
) -> Iterator[tuple[int, Wished]]:
    """Yield each file that gets a place, by number: the hottest tier with room for it.

    The hottest tier takes the best that fit, the next takes the best of the others, and
    so on; where a file's worth is the same on all of them, that is the same as giving
    one file after the other, best first, to the hottest tier that has room for it.

    `taken` is what no plan may count on: bytes of files on a tier that larder does
    not know. A file that fits nowhere gets no place, and takes nothing from a later,
    smaller one.
    """
    for tier in sorted(tiers, key=lambda tier: tier.rank):
        room = tier.size_limit - taken.get(tier.rank, 0)
        for one in contenders.fill(tier.rank, room):
            yield one.file, Wished(tier.rank, one.score)
