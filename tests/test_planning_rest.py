"""A plan that was carried out leaves nothing to do, whatever core metadata takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from app.model import Candidate, Tier, room_for
from app.names import FilePath
from app.planning import Facts, Placed, Wished, assign, fit, plan_moves
from app.scoring import Decay, Policy, Votes, ranking
from app.steps import Evict, Fetch, Move, Step
from tests.test_planning_moves import path

KIB = 1 << 10
TIERS = (Tier(0, "/hot", 300 * KIB), Tier(1, "/cold", 1000 * KIB))


@dataclass(frozen=True)
class Known:
    """A file, and what nobody tells before it is here: its companion's bytes."""

    candidate: Candidate
    companion: int

    @property
    def bytes(self) -> int:
        """What both take on the disk."""
        return self.candidate.size + self.companion


@st.composite
def known(draw: st.DrawFn) -> list[Known]:
    """Give files of which some have core metadata, of at most the bytes planned with."""
    files = []
    for number in range(1, draw(st.integers(1, 25)) + 1):
        size, announced = draw(st.integers(1, 200 * KIB)), draw(st.booleans())
        spare = room_for(size, announced=announced) - size
        heat = draw(st.floats(0.1, 100))
        votes = draw(st.integers(1, 9))
        candidate = Candidate(number, number, size, votes, heat, announced=announced)
        files.append(Known(candidate, draw(st.integers(0, spare))))
    return files


def decide(
    files: Sequence[Known], holdings: Mapping[FilePath, Placed], policy: Policy
) -> list[Step]:
    """Return what `score` and then `move` would do."""
    candidates, sizes = [], {}
    for file in files:
        placed = holdings.get(path(file.candidate.file))
        held, held_bytes = (placed.rank, placed.bytes) if placed else (None, None)
        candidates.append(replace(file.candidate, held=held, held_bytes=held_bytes))
        sizes[path(file.candidate.file)] = placed.bytes if placed else file.candidate.room
    wish: dict[FilePath, Wished] = {
        path(number): wished for number, wished in assign(ranking(candidates, policy), TIERS, {})
    }
    wish = fit(wish, sizes, TIERS, {})
    return plan_moves(Facts(wish, holdings, sizes, TIERS, {}, spare=holdings.keys() - wish.keys()))


def carry_out(
    steps: Sequence[Step], files: Sequence[Known], holdings: Mapping[FilePath, Placed]
) -> dict[FilePath, Placed]:
    """Return what is here afterwards; no tier is over its limit after any step."""
    sizes = {path(file.candidate.file): file.bytes for file in files}
    after = dict(holdings)
    for step in steps:
        match step:
            case Evict(gone):
                del after[gone]
            case Fetch(came, rank):
                after[came] = Placed(rank, sizes[came])
            case Move(moved, _, rank):
                after[moved] = Placed(rank, sizes[moved])
        for tier in TIERS:
            used = sum(one.bytes for one in after.values() if one.rank == tier.rank)
            assert used <= tier.size_limit
    return after


@settings(max_examples=300, deadline=None)
@given(known(), st.sampled_from([Decay(1, 1 << 40), Votes(1, 1 << 40)]), st.data())
def test_a_second_run_finds_nothing_to_do(
    files: list[Known], policy: Policy, data: st.DataObject
) -> None:
    """Nobody moves for the difference between the bytes planned with and those that came."""
    holdings: dict[FilePath, Placed] = {}
    for _ in range(3):
        steps = decide(files, holdings, policy)
        holdings = carry_out(steps, files, holdings)
        assert [] == decide(files, holdings, policy)
        # Then others are wanted, and it is so again.
        files = [
            replace(file, candidate=replace(file.candidate, heat=data.draw(st.floats(0.1, 100))))
            for file in files
        ]


def test_what_is_announced_gets_room() -> None:
    """A quarter of a small file, 16 KiB beside a large one, and nothing where nothing is."""
    rooms = [room_for(size, announced=True) - size for size in (1000, 64 * KIB, 1 << 30)]
    assert [250, 16 * KIB, 16 * KIB] == rooms
    assert 1000 == room_for(1000, announced=False)
