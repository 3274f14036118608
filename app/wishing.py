"""From votes and the index to the wish, and from the wish to steps."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.bounds import MoveBudget
from app.model import Candidate, Tier
from app.names import FilePath
from app.planning import Facts, Wished, assign, fit, follow_roots, plan_moves
from app.scoring import DecayPolicy, Popularity, popularity, ranking
from app.steps import DropPartial, Step
from app.store import KnownFile, Store
from app.survey import Survey
from app.tiers import partial_name

_TIERS = "wish_tiers"
"""The setting that tells for which tiers the wish was made: their folders, by rank."""


@dataclass(frozen=True, slots=True)
class Wishing:
    """Decides which files should be here."""

    store: Store
    policy: DecayPolicy
    tiers: Sequence[Tier]
    # Votes older than this many seconds do not count.
    vote_window: int
    budget: MoveBudget

    def popularity(self, now: int) -> dict[FilePath, Popularity]:
        """Return how popular each file is that was voted for."""
        votes = self.store.votes(now - self.vote_window)
        return popularity(votes, now, self.policy.half_life)

    def wanted(self, popular: Mapping[FilePath, Popularity]) -> list[FilePath]:
        """Return the files that have votes enough to be fetched."""
        enough = self.policy.min_vote_count
        return sorted(path for path, found in popular.items() if found.votes >= enough)

    def wish(
        self, popular: Mapping[FilePath, Popularity], survey: Survey
    ) -> dict[FilePath, Wished]:
        """Return what should be here, best first onto the hottest tier with room."""
        known = self.store.files(sorted({*popular, *survey.holdings}))
        candidates = [
            candidate
            for file in known
            if (candidate := _candidate(file, popular, survey)) is not None
        ]
        return assign(ranking(candidates, self.policy), self.tiers, survey.taken)

    def put_down(self, wish: Mapping[FilePath, Wished]) -> None:
        """Keep a wish for `move`, and the tiers that its ranks speak of."""
        rows = {path: (wished.rank, wished.score) for path, wished in wish.items()}
        self.store.replace_wish(rows)
        self.store.keep(_TIERS, json.dumps([tier.root for tier in self.tiers]).encode())

    def stored(self) -> dict[FilePath, Wished]:
        """Return the wish that was put down last, by the tiers as they are now."""
        rows = self.store.wish().items()
        wish = {path: Wished(rank, score) for path, (rank, score) in rows}
        now = [tier.root for tier in self.tiers]
        known = self.store.setting(_TIERS)
        return follow_roots(wish, json.loads(known) if known else now, now)

    def steps(self, wish: Mapping[FilePath, Wished], survey: Survey) -> list[Step]:
        """Return what leads from the holdings to a wish, as far as that fits the tiers."""
        absent = [path for path in wish if path not in survey.holdings]
        sizes = {file.path: file.size for file in self.store.files(absent) if file.size is not None}
        possible = {
            path: wished
            for path, wished in wish.items()
            if path in survey.holdings or path in sizes
        }
        room = sizes | {path: placed.bytes for path, placed in survey.holdings.items()}
        possible = fit(possible, room, self.tiers, survey.taken)
        partials, drops = _sort_leftovers(sizes, possible, survey)
        facts = Facts(
            possible,
            survey.holdings,
            sizes,
            self.tiers,
            survey.taken,
            partials,
            survey.incomplete,
            self._spare(possible, survey),
            self.budget,
        )
        return [*drops, *plan_moves(facts)]

    def _spare(self, wish: Mapping[FilePath, Wished], survey: Survey) -> set[FilePath]:
        """Return the held files that nobody wishes for, and that nothing forbids."""
        unwished = [path for path in survey.holdings if path not in wish]
        return {
            file.path
            for file in self.store.files(unwished)
            if file.sha256 and (file.size or 0) <= self.policy.filesize_limit
        }


def _sort_leftovers(
    absent: Iterable[FilePath], wish: Mapping[FilePath, Wished], survey: Survey
) -> tuple[dict[FilePath, int], list[Step]]:
    """Return the bytes of partial files that a fetch goes on with, and drop the others."""
    fetched = {(wish[path].rank, partial_name(path)): path for path in absent if path in wish}
    partials: dict[FilePath, int] = {}
    drops: list[Step] = []
    for rank, leftovers in survey.leftovers.items():
        for left in leftovers:
            path = fetched.get((rank, left.name))
            if path is None:
                drops.append(DropPartial(left.name, rank, left.bytes))
            else:
                partials[path] = left.bytes
    return partials, drops


def _candidate(
    file: KnownFile, popular: Mapping[FilePath, Popularity], survey: Survey
) -> Candidate | None:
    """Return a file as scoring sees it; None where it cannot be held."""
    placed = survey.holdings.get(file.path)
    held, held_bytes = (placed.rank, placed.bytes) if placed else (None, None)
    size = held_bytes if file.size is None else file.size
    if size is None or file.sha256 is None:
        return None
    found = popular.get(file.path, Popularity())
    return Candidate(file.path, size, found.votes, found.heat, held, held_bytes)
