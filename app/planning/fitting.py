"""A wish that is older than the tiers: made to fit them as they are now."""

from collections.abc import Mapping, Sequence

from app.model import Tier
from app.names import FilePath
from app.planning.wish import Wished


def fit(
    wish: Mapping[FilePath, Wished],
    sizes: Mapping[FilePath, int],
    tiers: Sequence[Tier],
    taken: Mapping[int, int],
) -> dict[FilePath, Wished]:
    """Return the wish, less what the tiers have no room for any more.

    What a tier cannot hold goes to the next colder one, the least valuable first, and
    from the coldest nowhere. A wish that fits stays as it is.
    """
    on_rank: dict[int, list[FilePath]] = {tier.rank: [] for tier in tiers}
    for path, wished in wish.items():
        if wished.rank in on_rank:
            on_rank[wished.rank].append(path)
    fitted: dict[FilePath, Wished] = {}
    spilled: list[FilePath] = []
    for tier in sorted(tiers, key=lambda one: one.rank):
        wanted = [*on_rank[tier.rank], *spilled]
        room = tier.size_limit - taken.get(tier.rank, 0) - sum(sizes[path] for path in wanted)
        spilled = []
        if room < 0:
            wanted.sort(key=lambda path: (-wish[path].score, path))
        while room < 0 and wanted:
            room += sizes[wanted[-1]]
            spilled.append(wanted.pop())
        fitted.update((path, Wished(tier.rank, wish[path].score)) for path in wanted)
    return fitted


def follow_roots(
    wish: Mapping[FilePath, Wished], then: Sequence[str], now: Sequence[str]
) -> dict[FilePath, Wished]:
    """Return a wish by the tiers' present ranks, where it was made for others.

    Tiers are known by their folders. What was wished for on one that is gone goes to the
    next colder one that is left, or else to the coldest.
    """
    ranks = {
        rank: next((now.index(root) for root in then[rank:] if root in now), len(now) - 1)
        for rank in range(len(then))
    }
    return {
        path: Wished(ranks.get(wished.rank, len(now) - 1), wished.score)
        for path, wished in wish.items()
    }
