"""The decay policy's formula, and what follows from it."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.model import Candidate
from app.names import FilePath, parse_file_path
from app.scoring import HOUR, MIB, DecayPolicy, eligible, popularity, ranking, score

POLICY = DecayPolicy(min_vote_count=2, filesize_limit=1 << 30)
NOW = 1_700_000_000


def path(number: int) -> FilePath:
    """Return a path of our own for each number."""
    return parse_file_path(f"aa/bb/{number:060x}/file-{number}.whl")


def test_a_vote_halves_every_72_hours() -> None:
    """A vote of now counts 1, one of three days ago a half, one of six a quarter."""
    votes = [(path(1), NOW), (path(1), NOW - 72 * HOUR), (path(1), NOW - 144 * HOUR)]
    found = popularity(votes, NOW, POLICY.half_life)[path(1)]
    assert found.votes == 3
    assert found.heat == pytest.approx(1.75)


def test_a_vote_from_the_future_counts_as_one_of_now() -> None:
    """A clock that went back must not make a file immortal."""
    found = popularity([(path(1), NOW + 10**9)], NOW, POLICY.half_life)[path(1)]
    assert found.heat == 1.0


def test_a_file_of_one_mib_is_worth_twice_its_votes() -> None:
    """The formula is heat times 1 plus 1 MiB by size."""
    assert score(Candidate(path(1), MIB, 3, 3.0), POLICY) == 6.0


def test_what_is_here_stays_unless_something_is_clearly_better() -> None:
    """Held counts 1.25, on the hottest tier another 1.25."""
    cold = score(Candidate(path(1), MIB, 1, 1.0, held=1), POLICY)
    hot = score(Candidate(path(1), MIB, 1, 1.0, held=0), POLICY)
    assert (2.0 * 1.25, 2.0 * 1.25 * 1.25) == (cold, hot)


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        (Candidate(path(1), 10, 1, 1.0), False),
        (Candidate(path(1), 10, 2, 1.5), True),
        (Candidate(path(1), 10, 0, 0.1, held=1), True),
        (Candidate(path(1), 10, 2, 0.05), False),
        (Candidate(path(1), 10, 0, 0.0, held=1), True),
        (Candidate(path(1), 2 << 30, 9, 9.0), False),
        (Candidate(path(1), 2 << 30, 9, 9.0, held=0), False),
    ],
)
def test_who_may_be_wished_for(candidate: Candidate, expected: bool) -> None:  # noqa: FBT001
    """Newcomers need votes and warmth, residents nothing, and all must be small enough."""
    assert eligible(candidate, POLICY) is expected


def test_files_without_votes_rank_last_and_where_they_are() -> None:
    """Where nothing tells them apart, no file leaves its tier for another's."""
    hot = Candidate(path(2), 2 * MIB, 0, 0.0, held=0)
    cold = Candidate(path(1), MIB, 0, 0.0, held=1)
    warm = Candidate(path(3), 3 * MIB, 2, 0.1)
    assert [warm, hot, cold] == [one for _, one in ranking([cold, hot, warm], POLICY)]


@given(
    st.lists(
        st.builds(
            Candidate,
            st.integers(1, 20).map(path),
            st.integers(0, 5 * MIB),
            st.integers(2, 5),
            st.floats(0.1, 9),
            st.sampled_from([None, 0, 1]),
        ),
        unique_by=lambda one: one.path,
    ),
    st.randoms(),
)
def test_the_ranking_is_a_total_order(candidates: list[Candidate], random: Random) -> None:
    """Whatever order the facts come in, the ranking is one."""
    expected = ranking(candidates, POLICY)
    random.shuffle(candidates)
    assert expected == ranking(candidates, POLICY)
