"""From votes and the index to the wish, and from the wish to steps."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.model import Candidate, Tier
from app.names import FilePath, path_order
from app.planning import Facts, Wished, assign, plan_moves
from app.scoring import Policy, Popularity, popularity, ranking
from app.steps import DropPartial, Step
from app.store import KnownFile, Store
from app.survey import Survey
from app.tiers import partial_name


@dataclass(frozen=True, slots=True)
class Wishing:
    """Decides which files should be here."""

    store: Store
    policy: Policy
    tiers: Sequence[Tier]
    # Votes older than this many seconds do not count.
    vote_window: int
    half_life: int

    def popularity(self, now: int) -> dict[FilePath, Popularity]:
        """Return how popular each file is that was voted for."""
        votes = self.store.votes(now - self.vote_window)
        return popularity(votes, now, self.half_life)

    def wanted(self, popular: Mapping[FilePath, Popularity]) -> list[FilePath]:
        """Return the files that have votes enough to be fetched."""
        enough = self.policy.min_vote_count
        return sorted(path for path, found in popular.items() if found.votes >= enough)

    def wish(
        self, popular: Mapping[FilePath, Popularity], survey: Survey
    ) -> dict[FilePath, Wished]:
        """Return what should be here, best first onto the hottest tier with room."""
        known = list(self.store.files(sorted({*popular, *survey.holdings})))
        candidates = (
            candidate
            for number, file in enumerate(known)
            if (candidate := _candidate(number, file, popular, survey)) is not None
        )
        placed = assign(ranking(candidates, self.policy), self.tiers, survey.taken)
        return {known[number].path: wished for number, wished in placed}

    def steps(self, wish: Mapping[FilePath, Wished], survey: Survey) -> list[Step]:
        """Return what leads from the holdings to a wish."""
        absent = [path for path in wish if path not in survey.holdings]
        sizes = {file.path: file.size for file in self.store.files(absent) if file.size is not None}
        possible = {
            path: wished
            for path, wished in wish.items()
            if path in survey.holdings or path in sizes
        }
        partials, drops = _sort_leftovers(sizes, wish, survey)
        facts = Facts(
            possible,
            survey.holdings,
            sizes,
            self.tiers,
            survey.taken,
            partials,
            survey.incomplete,
        )
        return [*drops, *plan_moves(facts)]


def _sort_leftovers(
    absent: Iterable[FilePath], wish: Mapping[FilePath, Wished], survey: Survey
) -> tuple[dict[FilePath, int], list[Step]]:
    """Return the bytes of partial files that a fetch goes on with, and drop the others."""
    fetched = {(wish[path].rank, partial_name(path)): path for path in absent}
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
    number: int, file: KnownFile, popular: Mapping[FilePath, Popularity], survey: Survey
) -> Candidate | None:
    """Return a file as scoring sees it; None where it cannot be held."""
    placed = survey.holdings.get(file.path)
    held, held_bytes = (placed.rank, placed.bytes) if placed else (None, None)
    size = held_bytes if file.size is None else file.size
    if size is None or file.sha256 is None:
        return None
    found = popular.get(file.path, Popularity())
    order = path_order(file.path)
    return Candidate(number, order, size, found.votes, found.heat, held=held, held_bytes=held_bytes)
