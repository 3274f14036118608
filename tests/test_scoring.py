"""The policies' formulas, and what follows from them."""

import pytest

from app.model import Candidate
from app.scoring import GIB, MIB, Decay, Policy, Votes

DECAY = Decay(min_vote_count=2, filesize_limit=4 * GIB)
VOTES = Votes(min_vote_count=2, filesize_limit=4 * GIB)


def candidate(size: int = MIB, votes: int = 2, heat: float = 2.0, **more: int | bool) -> Candidate:
    """Return a candidate of which only what matters is said."""
    return Candidate(1, 1, size, votes, heat, **more)  # type: ignore[arg-type]


def test_a_file_of_one_mib_is_worth_twice_its_heat() -> None:
    """The formula of `decay` is heat times 1 plus 1 MiB by size."""
    assert 6.0 == DECAY.score(candidate(MIB, heat=3.0))
    assert 3.0 == pytest.approx(DECAY.score(candidate(GIB, heat=3.0)), rel=0.001)


def test_what_is_here_stays_unless_something_is_clearly_better() -> None:
    """Held counts 1.25, on the hottest tier three times that."""
    assert (3.75, 1.25, 1.25) == tuple(map(DECAY.bonus, range(3)))


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (candidate(MIB, votes=1, heat=1.0), True),
        (candidate(MIB, votes=1, heat=0.05), False),
        (candidate(MIB, votes=0, heat=1.0), False),
        (candidate(MIB + 1, votes=1, heat=1.0), False),
        (candidate(MIB + 1, votes=2, heat=1.5), True),
        (candidate(votes=0, heat=0.1, held=1), True),
        (candidate(votes=2, heat=0.05), False),
        (candidate(votes=0, heat=0.0, held=1), True),
        (candidate(votes=0, heat=0.1, inherited=True), True),
        (candidate(votes=0, heat=0.05, inherited=True), False),
        (candidate(4 * GIB + 1, votes=9, heat=9.0), False),
        (candidate(4 * GIB + 1, votes=9, heat=9.0, held=0), False),
    ],
)
def test_who_may_be_wished_for(file: Candidate, expected: bool) -> None:  # noqa: FBT001
    """Newcomers need votes (small ones one) or a predecessor, and warmth; residents nothing."""
    assert expected == DECAY.eligible(file)


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (candidate(votes=1), False),
        (candidate(votes=2, heat=0.0), True),
        (candidate(votes=0, held=1), True),
        (candidate(votes=0, heat=9.0, inherited=True), False),
        (candidate(4 * GIB, votes=2), True),
        (candidate(4 * GIB + 1, votes=9, held=0), False),
    ],
)
def test_whom_the_predecessor_wishes_for(file: Candidate, expected: bool) -> None:  # noqa: FBT001
    """`min_vote_count` is for files that are not here; `filesize_limit` for all."""
    assert expected == VOTES.eligible(file)


def test_the_predecessors_score() -> None:
    """It is votes / (max(size, 2 GiB) + 1) * 1048576, to the letter."""
    for size in (0, 10, 2 * GIB, 2 * GIB + 1, 3 * GIB):
        for votes in (0, 1, 7, 123456):
            expected = votes / (max(size, 2 * 1024**3) + 1) * 1048576
            assert expected == VOTES.score(candidate(size, votes))


@pytest.mark.parametrize("policy", [DECAY, VOTES])
def test_a_file_of_no_bytes_has_a_score(policy: Policy) -> None:
    """An empty file is no error."""
    assert policy.score(candidate(0)) > 0


def test_votes_that_have_expired_open_the_door_too() -> None:
    """Who is wanted once a fortnight is no stranger; how much it is worth, heat says."""
    assert DECAY.eligible(candidate(GIB, votes=1, heat=1.0, ever=2))
    assert not DECAY.eligible(candidate(GIB, votes=1, heat=1.0, ever=1))
    assert not DECAY.eligible(candidate(votes=0, heat=0.01, ever=9))
