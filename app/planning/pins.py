"""Room for pinned files: where they go, and what makes way for them."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from app.model import Tier
from app.names import FilePath
from app.planning.fitting import fit
from app.planning.moves import Facts, Placed, plan_moves
from app.planning.wish import Wished
from app.steps import Step


@dataclass(frozen=True, slots=True)
class PinFacts:
    """What `plan_pins` decides from."""

    # The bytes that files will take which are to be pinned and are not here.
    sizes: Mapping[FilePath, int]
    # What is pinned already, here or not.
    pinned: Collection[FilePath]
    wish: Mapping[FilePath, Wished]
    holdings: Mapping[FilePath, Placed]
    tiers: Sequence[Tier]
    # Bytes on each tier that belong to no holding, or that its disk does not have.
    taken: Mapping[int, int]


def plan_pins(facts: PinFacts) -> tuple[list[Step], list[FilePath]]:
    """Return the steps that bring files here, and the files that no tier has room for.

    They go to the coldest tier: whether they are wanted on a hotter one, votes will say.
    What nobody wishes for makes way first, then what is worth least; nothing pinned does.
    """
    # Those of a tier that the configuration has dropped are `move`'s to carry over.
    ranks = {tier.rank for tier in facts.tiers}
    here = {path: one for path, one in facts.holdings.items() if one.rank in ranks}
    facts = replace(facts, holdings=here)
    kept = _as_it_is(facts)
    places, homeless = _places(facts, kept)
    wish = kept | places
    room = {path: placed.bytes for path, placed in facts.holdings.items()} | dict(facts.sizes)
    wish = fit(wish, room, facts.tiers, facts.taken)
    steps = plan_moves(
        Facts(
            wish,
            facts.holdings,
            facts.sizes,
            facts.tiers,
            facts.taken,
            spare=facts.holdings.keys() - wish.keys(),
        )
    )
    return steps, homeless


def _as_it_is(facts: PinFacts) -> dict[FilePath, Wished]:
    """Return a wish for what is wanted of the holdings, where it is: nothing else moves."""
    kept: dict[FilePath, Wished] = {}
    for path, placed in facts.holdings.items():
        if path in facts.pinned:
            kept[path] = Wished(placed.rank, math.inf)
        elif path in facts.wish:
            kept[path] = replace(facts.wish[path], rank=placed.rank)
    return kept


def _places(
    facts: PinFacts, kept: Mapping[FilePath, Wished]
) -> tuple[dict[FilePath, Wished], list[FilePath]]:
    room = {tier.rank: tier.size_limit - facts.taken.get(tier.rank, 0) for tier in facts.tiers}
    for path, wished in kept.items():
        if wished.score == math.inf:
            room[wished.rank] -= facts.holdings[path].bytes
    coldest_first = sorted(room, reverse=True)
    places: dict[FilePath, Wished] = {}
    homeless: list[FilePath] = []
    for path, size in _largest_first(facts.sizes):
        rank = next((rank for rank in coldest_first if room[rank] >= size), None)
        if rank is None:
            homeless.append(path)
        else:
            room[rank] -= size
            places[path] = Wished(rank, math.inf)
    return places, homeless


def _largest_first(sizes: Mapping[FilePath, int]) -> Iterable[tuple[FilePath, int]]:
    return sorted(sizes.items(), key=lambda one: (-one[1], one[0]))
