"""The ranking: total, the same for the same facts, and at rest once it is carried out."""

from collections.abc import Iterable
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.model import Candidate, Tier
from app.planning import Wished, assign
from app.scoring import MIB, Decay, Policy, Votes, ranking

DECAY = Decay(min_vote_count=2, filesize_limit=1 << 40)
VOTES = Votes(min_vote_count=2, filesize_limit=1 << 40)
POLICIES = st.sampled_from([DECAY, VOTES, replace(DECAY, held_bonus=1.0, hot_bonus=3.0)])
EVERYTHING = 1 << 60

CANDIDATES = st.lists(
    st.builds(
        Candidate,
        file=st.integers(1, 1 << 40),
        order=st.integers(0, (1 << 60) - 1) | st.integers(0, 2),
        size=st.integers(0, 8).map(lambda number: number * MIB // 2),
        votes=st.integers(0, 5),
        heat=st.integers(0, 8).map(lambda number: number / 4),
        inherited=st.booleans(),
        held=st.sampled_from([None, 0, 1, 2]),
    ),
    unique_by=lambda one: one.file,
    max_size=30,
)
TIERS = st.lists(st.integers(0, 8), min_size=1, max_size=3).map(
    lambda limits: [Tier(rank, f"/{rank}", limit * MIB) for rank, limit in enumerate(limits)]
)


def ranked(candidates: Iterable[Candidate], policy: Policy, rank: int = 0) -> list[int]:
    """Return the numbers of the files in the order in which a tier takes them."""
    return [one.file for one in ranking(candidates, policy).fill(rank, EVERYTHING)]


def wish(candidates: Iterable[Candidate], policy: Policy, tiers: list[Tier]) -> dict[int, Wished]:
    """Return who gets a place where."""
    return dict(assign(ranking(candidates, policy), tiers, {}))


def test_files_without_votes_rank_last_and_where_they_are() -> None:
    """Where nothing tells them apart, no file leaves its tier for another's."""
    hot = Candidate(2, 2, 2 * MIB, 0, 0.0, held=0)
    cold = Candidate(1, 1, MIB, 0, 0.0, held=1)
    warm = Candidate(3, 3, 3 * MIB, 2, 0.1)
    assert [3, 2, 1] == ranked([cold, hot, warm], DECAY)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (Candidate(9, 9, 9, 9, 0.0), Candidate(1, 1, 1, 8, 9.0, held=0)),
        (Candidate(9, 9, 9, 5, 0.0, held=0), Candidate(1, 1, 1, 5, 9.0, held=1)),
        (Candidate(9, 9, 9, 5, 0.0, held=7), Candidate(1, 1, 1, 5, 9.0)),
        (Candidate(9, 9, 1, 5, 0.0), Candidate(1, 1, 2, 5, 9.0)),
        (Candidate(9, 1, 1, 5, 0.0), Candidate(1, 2, 1, 5, 9.0)),
        (Candidate(1, 1, 1, 5, 0.0), Candidate(2, 1, 1, 5, 9.0)),
    ],
    ids=["score", "hotter place", "any place", "size", "order", "file"],
)
def test_what_decides_between_two_files(better: Candidate, worse: Candidate) -> None:
    """Score, then the hotter place, the smaller size, the order of paths, the number."""
    assert [better.file, worse.file] == ranked([worse, better], VOTES)


def test_a_file_that_is_here_has_its_bonus_on_its_tier_and_on_colder_ones() -> None:
    """On a hotter one it stands as if it were not here."""
    newcomer = Candidate(1, 1, MIB, 3, 1.1)
    resident = Candidate(2, 2, MIB, 3, 1.0, held=1)
    assert [1, 2] == ranked([newcomer, resident], DECAY, 0)
    assert [2, 1] == ranked([newcomer, resident], DECAY, 1)


@pytest.mark.parametrize("worth", [-1.0, -0.0, float("nan")])
def test_a_score_that_is_no_positive_number_is_nothing(worth: float) -> None:
    """Bytes sort as numbers only from 0 on."""
    odd = Candidate(1, 1, 1, 2, worth, held=1)
    nothing = Candidate(2, 0, 1, 2, 0.0, held=1)
    assert [2, 1] == ranked([odd, nothing], DECAY)


def test_a_file_that_fits_nowhere_takes_nothing_from_a_smaller_one() -> None:
    """First fit passes over the file that is too large."""
    large = Candidate(1, 1, 500 * MIB, 9, 9.0)
    small = Candidate(2, 2, 50 * MIB, 2, 1.0)
    tiers = [Tier(0, "/hot", 100 * MIB), Tier(1, "/cold", 300 * MIB)]
    assert {2: 0} == {
        number: wished.rank for number, wished in wish([large, small], VOTES, tiers).items()
    }


def test_files_of_others_on_a_tier_take_their_room() -> None:
    """Bytes that belong to no holding are not given away."""
    tiers = [Tier(0, "/hot", 100), Tier(1, "/cold", 300)]
    found = dict(assign(ranking([Candidate(1, 1, 50, 2, 1.0)], VOTES), tiers, {0: 60}))
    assert [1] == [wished.rank for wished in found.values()]


def test_what_a_file_takes_here_is_the_room_it_needs() -> None:
    """Held, its companion counts."""
    held = Candidate(1, 1, 50, 2, 1.0, held=0, held_bytes=101)
    tiers = [Tier(0, "/hot", 100), Tier(1, "/cold", 300)]
    assert [1] == [wished.rank for wished in wish([held], VOTES, tiers).values()]


def by_hand(candidates: list[Candidate], policy: Policy, tiers: list[Tier]) -> dict[int, Wished]:
    """Do the same with objects and a tuple of keys."""
    found: dict[int, Wished] = {}
    rest = [one for one in candidates if policy.eligible(one)]
    for tier in tiers:
        room = tier.size_limit
        places = {one.file: 99 if one.held is None else one.held for one in rest}
        scores = {
            one.file: policy.score(one)
            * (policy.bonus(tier.rank) if places[one.file] <= tier.rank else 1)
            for one in rest
        }
        rest.sort(
            key=lambda one: (-scores[one.file], places[one.file], one.size, one.order, one.file)
        )
        for one in rest:
            if one.room <= room:
                room -= one.room
                found[one.file] = Wished(tier.rank, scores[one.file])
        rest = [one for one in rest if one.file not in found]
    return found


@given(CANDIDATES, POLICIES, TIERS, st.randoms())
def test_the_same_facts_give_the_same_wish_in_any_order(
    candidates: list[Candidate], policy: Policy, tiers: list[Tier], random: Random
) -> None:
    """Packed rows decide as the sentence about the order says, however the facts come."""
    expected = by_hand(candidates, policy, tiers)
    random.shuffle(candidates)
    assert expected == wish(candidates, policy, tiers)


@given(CANDIDATES, TIERS)
def test_without_a_bonus_it_is_the_first_fit_of_one_list(
    candidates: list[Candidate], tiers: list[Tier]
) -> None:
    """The predecessor's pass: one file after the other, to the hottest tier with room."""
    room = {tier.rank: tier.size_limit for tier in tiers}
    expected = {}
    for one in ranking(candidates, VOTES).fill(0, EVERYTHING):
        rank = next((rank for rank in sorted(room) if room[rank] >= one.room), None)
        if rank is not None:
            room[rank] -= one.room
            expected[one.file] = Wished(rank, one.score)
    assert expected == wish(candidates, VOTES, tiers)


@given(CANDIDATES, POLICIES, TIERS)
def test_a_wish_that_is_carried_out_is_at_rest(
    candidates: list[Candidate], policy: Policy, tiers: list[Tier]
) -> None:
    """Without new votes no file moves, not even in the second run."""
    first = wish(candidates, policy, tiers)
    done = [
        replace(one, held=first[one.file].rank if one.file in first else None) for one in candidates
    ]
    second = wish(done, policy, tiers)
    ranks = {number: wished.rank for number, wished in first.items()}
    assert ranks == {number: wished.rank for number, wished in second.items()}
