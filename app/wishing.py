"""From votes and the index to the wish, and from the wish to steps."""

import json
import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.bounds import Keep, MoveBudget
from app.filters import Filters, Judge
from app.model import Candidate, Tier, room_for
from app.names import FilePath, path_order
from app.planning import (
    PINNED,
    Facts,
    Placed,
    RestSteps,
    Unheld,
    Wished,
    assign,
    fit,
    follow_roots,
    place_rest,
    plan_moves,
    plan_with_room,
)
from app.scoring import Policy, ranking
from app.steps import DropPartial, Lose, Step
from app.store import Popular, Store
from app.survey import Survey
from app.tiers import partial_name

_TIERS = "wish_tiers"
"""The setting that tells for which tiers the wish was made: their folders, by rank."""


logger = logging.getLogger("larder")

_NO_FILTERS = Judge(Filters())


class Pinning:
    """The policy of pins: every one is wished for, best where it is."""

    def eligible(self, candidate: Candidate) -> bool:  # noqa: ARG002  whatever its size and votes
        """Say that it may be wished for."""
        return True

    def score(self, candidate: Candidate) -> float:  # noqa: ARG002  before all others
        """Return more than votes can come to."""
        return PINNED

    def bonus(self, rank: int) -> float:  # noqa: ARG002  the same on every tier
        """Return 1: being here counts for nothing but to break a tie."""
        return 1.0


@dataclass(frozen=True, slots=True)
class Wishing:
    """Decides which files should be here."""

    store: Store
    policy: Policy
    tiers: Sequence[Tier]
    budget: MoveBudget
    # A larger file is never held, whatever the policy; but for a pin.
    filesize_limit: int
    # Filters say whose files are never held; what they hide, no page lists.
    judge: Judge = _NO_FILTERS
    keep: Keep = Keep.POPULAR

    def candidates(self, survey: Survey, now: int) -> Iterator[Candidate]:
        """Yield what somebody voted for, and what is here though nobody does any more.

        What is pinned needs no votes, and is not among them. Nor is what nobody voted for,
        where all files are kept: there are too many, and they take what room is left.
        """
        if self.keep is Keep.PINNED:
            return
        unpopular, pinned = dict(survey.holdings), set(self._pins())
        for popular in self.store.popular(now):
            placed = unpopular.pop(popular.path, None)
            if popular.path in pinned:
                continue
            if (candidate := _candidate(popular, placed)) is not None:
                yield candidate
        if self.keep is Keep.ALL:
            return
        for path in pinned:
            unpopular.pop(path, None)
        for popular in self.store.unpopular(list(unpopular)):
            if (candidate := _candidate(popular, unpopular[popular.path])) is not None:
                yield candidate

    def candidate(self, path: FilePath, survey: Survey, now: int) -> Candidate | None:
        """Return one file as scoring sees it; None where it cannot be held."""
        popular = self.store.popularity(path, now) or next(self.store.unpopular([path]), None)
        return popular and _candidate(popular, survey.holdings.get(path))

    def wish(self, survey: Survey, now: int) -> Iterator[tuple[int, Wished]]:
        """Yield what should be here, by number: the best on the hottest tier with room.

        Pins come first.
        """
        rooms: dict[int, int] = {}
        pins = ranking(self._pinned(survey, rooms), Pinning())
        taken = Counter(survey.taken)
        for file, wished in assign(pins, self.tiers, survey.taken):
            taken[wished.rank] += rooms.pop(file)
            yield file, wished
        if rooms:
            logger.warning("%d pinned files have no room on any tier", len(rooms))
        contenders = ranking(self.candidates(survey, now), self.policy)
        yield from assign(contenders, self.tiers, taken)

    def _pins(self) -> Iterator[FilePath]:
        """Yield what is pinned, and that no filter keeps away."""
        for pinned in self.store.pins():
            if not self.judge.never_held(pinned.path.rpartition("/")[2]):
                yield pinned.path

    def _pinned(self, survey: Survey, rooms: dict[int, int]) -> Iterator[Candidate]:
        """Yield the pins; note the room that each takes."""
        for known in self.store.unpopular(list(self._pins())):
            if (candidate := _candidate(known, survey.holdings.get(known.path))) is not None:
                rooms[candidate.file] = candidate.room
                yield candidate

    def put_down(self, rows: Sequence[tuple[int, int, float]]) -> None:
        """Keep a wish for `move`, by number, rank and score, and the tiers that it is of."""
        self.store.replace_wish(rows)
        self.store.keep(_TIERS, json.dumps([tier.root for tier in self.tiers]).encode())

    def stored(self) -> dict[FilePath, Wished]:
        """Return the wish that was put down last, by the tiers as they are now.

        What was pinned since is in it, on the hottest tier: `steps` makes it fit.
        """
        rows = self.store.wish().items() if self.keep is not Keep.PINNED else ()
        wish = {
            path: Wished(rank, score)
            for path, (rank, score) in rows
            if not self.judge.never_held(path.rpartition("/")[2])
        }
        now = [tier.root for tier in self.tiers]
        known = self.store.setting(_TIERS)
        followed = follow_roots(wish, json.loads(known) if known else now, now)
        return {path: one for path, one in followed.items() if not one.pinned} | {
            known.path: Wished(followed[known.path].rank if known.path in followed else 0, PINNED)
            for known in self.store.unpopular(list(self._pins()))
        }

    def steps(self, wish: Mapping[FilePath, Wished], survey: Survey) -> Sequence[Step]:
        """Return what leads from the holdings to a wish, as far as that fits the tiers."""
        if self.keep is Keep.ALL:
            wish = {**self._stranded(wish, survey), **wish}
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
        fitted = fit(possible, room, self.tiers, survey.taken)
        possible = fitted | _kept(possible.keys() - fitted.keys(), wish, survey, self.tiers)
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
            keep_spare=self.keep is Keep.ALL,
        )
        if self.keep is Keep.ALL:
            rows = self._unheld(set(absent), survey)
            return self._steps_of_all(facts, drops, rows)
        return [*drops, *plan_moves(facts)]

    def _stranded(self, wish: Mapping[FilePath, Wished], survey: Survey) -> dict[FilePath, Wished]:
        """Return what is here, on a tier that is none any more, as wished for on the coldest."""
        ranks = range(len(self.tiers))
        held = survey.holdings.items()
        paths = [path for path, one in held if one.rank not in ranks and path not in wish]
        coldest = Wished(len(self.tiers) - 1, 0.0)
        return {known.path: coldest for known in self.store.unpopular(paths)}

    def _steps_of_all(
        self, facts: Facts, drops: Sequence[DropPartial], unheld: Iterable[Unheld]
    ) -> Sequence[Step]:
        """Return the steps of the wish, and then the fetches of all other files.

        A partial file that nobody wishes for may be one of theirs, to go on with.
        """
        plan = plan_with_room(facts)
        room = Counter(plan.room)
        left = {drop.name: drop for drop in drops}
        for drop in drops:
            room[drop.tier] -= drop.bytes

        def begun(path: FilePath) -> tuple[int, int] | None:
            drop = left.pop(partial_name(path), None) if left else None
            return (drop.tier, drop.bytes) if drop else None

        rest = place_rest(unheld, room, plan.purse, begun)
        dropped = [drop for drop in drops if drop.name in left]
        return RestSteps([*dropped, *plan.steps], rest, self._paths)

    def _unheld(self, wished: Collection[FilePath], survey: Survey) -> Iterator[Unheld]:
        """Yield the files that are not on the disks, whatever the store says, nor wished for."""
        for row in self.store.unheld(self.filesize_limit):
            if row[1] not in wished and row[1] not in survey.holdings:
                yield row
        lost = [path for one in survey.repairs if isinstance(one, Lose) for path in one.paths]
        for known in self.store.unpopular([path for path in lost if path not in wished]):
            if known.size is not None and known.size <= self.filesize_limit:
                yield known.file, known.path, known.size, known.announced

    def _paths(self, files: Sequence[int]) -> Iterator[tuple[int, FilePath]]:
        for number, path in self.store.paths(files):
            if not self.judge.never_held(path.rpartition("/")[2]):
                yield number, path

    def _spare(self, wish: Mapping[FilePath, Wished], survey: Survey) -> set[FilePath]:
        """Return the held files that nobody wishes for, and that nothing forbids."""
        unwished = [path for path in survey.holdings if path not in wish]
        return {
            file.path
            for file in self.store.files(unwished)
            if file.sha256 and (file.size or 0) <= self.filesize_limit
            if not self.judge.metadata_only(file.project)
        }


def _kept(
    paths: Collection[FilePath],
    wish: Mapping[FilePath, Wished],
    survey: Survey,
    tiers: Sequence[Tier],
) -> dict[FilePath, Wished]:
    """Return the pins that are here and fit no more: they stay where they are."""
    held = {path: survey.holdings[path].rank for path in paths if path in survey.holdings}
    return {
        path: Wished(rank, wish[path].score)
        for path, rank in held.items()
        if wish[path].pinned and rank < len(tiers)
    }


def _sort_leftovers(
    absent: Iterable[FilePath], wish: Mapping[FilePath, Wished], survey: Survey
) -> tuple[dict[FilePath, int], list[DropPartial]]:
    """Return the bytes of partial files that a fetch goes on with, and drop the others."""
    fetched = {(wish[path].rank, partial_name(path)): path for path in absent if path in wish}
    partials: dict[FilePath, int] = {}
    drops: list[DropPartial] = []
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
