"""From votes and the index to the wish, and from the wish to steps."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.bounds import MoveBudget
from app.filters import Filters, Judge
from app.model import Candidate, Tier, room_for
from app.names import FilePath, path_order
from app.planning import Facts, Placed, Wished, assign, fit, follow_roots, plan_moves
from app.scoring import Policy, ranking
from app.steps import DropPartial, Step
from app.store import Popular, Store
from app.survey import Survey
from app.tiers import partial_name

_TIERS = "wish_tiers"
"""The setting that tells for which tiers the wish was made: their folders, by rank."""


_NO_FILTERS = Judge(Filters())


@dataclass(frozen=True, slots=True)
class Wishing:
    """Decides which files should be here."""

    store: Store
    policy: Policy
    tiers: Sequence[Tier]
    budget: MoveBudget
    # A larger file is never held, whatever the policy.
    filesize_limit: int
    # Filters say whose files are never held; what they hide, no page lists.
    judge: Judge = _NO_FILTERS

    def candidates(self, survey: Survey, now: int) -> Iterator[Candidate]:
        """Yield what somebody voted for, and what is here though nobody does any more."""
        unpopular = dict(survey.holdings)
        for popular in self.store.popular(now):
            placed = unpopular.pop(popular.path, None)
            if (candidate := _candidate(popular, placed)) is not None:
                yield candidate
        for popular in self.store.unpopular(list(unpopular)):
            if (candidate := _candidate(popular, unpopular[popular.path])) is not None:
                yield candidate

    def candidate(self, path: FilePath, survey: Survey, now: int) -> Candidate | None:
        """Return one file as scoring sees it; None where it cannot be held."""
        popular = self.store.popularity(path, now) or next(self.store.unpopular([path]), None)
        return popular and _candidate(popular, survey.holdings.get(path))

    def wish(self, survey: Survey, now: int) -> Iterator[tuple[int, Wished]]:
        """Yield what should be here, by number: the best on the hottest tier with room."""
        contenders = ranking(self.candidates(survey, now), self.policy)
        return assign(contenders, self.tiers, survey.taken)

    def put_down(self, rows: Sequence[tuple[int, int, float]]) -> None:
        """Keep a wish for `move`, by number, rank and score, and the tiers that it is of."""
        self.store.replace_wish(rows)
        self.store.keep(_TIERS, json.dumps([tier.root for tier in self.tiers]).encode())

    def stored(self) -> dict[FilePath, Wished]:
        """Return the wish that was put down last, by the tiers as they are now."""
        rows = self.store.wish().items()
        wish = {
            path: Wished(rank, score)
            for path, (rank, score) in rows
            if not self.judge.never_held(path.rpartition("/")[2])
        }
        now = [tier.root for tier in self.tiers]
        known = self.store.setting(_TIERS)
        return follow_roots(wish, json.loads(known) if known else now, now)

    def steps(self, wish: Mapping[FilePath, Wished], survey: Survey) -> list[Step]:
        """Return what leads from the holdings to a wish, as far as that fits the tiers."""
        absent = [path for path in wish if path not in survey.holdings]
        sizes = {
            file.path: room_for(file.size, announced=file.metadata_sha256 is not None)
            for file in self.store.files(absent)
            if file.size is not None
        }
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
            if file.sha256 and (file.size or 0) <= self.filesize_limit
            if not self.judge.metadata_only(file.project)
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


def _candidate(popular: Popular, placed: Placed | None) -> Candidate | None:
    """Return a file as scoring sees it; None where nobody knows its size."""
    held, held_bytes = (placed.rank, placed.bytes) if placed else (None, None)
    size = held_bytes if popular.size is None else popular.size
    if size is None:
        return None
    return Candidate(
        file=popular.file,
        order=path_order(popular.path),
        size=size,
        votes=popular.votes,
        heat=popular.heat,
        inherited=popular.inherited,
        ever=popular.ever,
        held=held,
        held_bytes=held_bytes,
        announced=popular.announced,
    )
