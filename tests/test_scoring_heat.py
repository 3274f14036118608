"""Votes that fade: what is stored, and what it means later."""

from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.scoring import HOUR, HeatScale

HALF_LIFE = 72 * HOUR
NOW = 1_700_000_000
SCALE = HeatScale(NOW - 30 * 24 * HOUR, HALF_LIFE)


def test_a_vote_halves_every_72_hours() -> None:
    """A vote of now counts 1, one of three days ago a half, one of six a quarter."""
    votes = (NOW, NOW - 72 * HOUR, NOW - 144 * HOUR)
    assert [1.0, 0.5, 0.25] == pytest.approx(
        [SCALE.heat(SCALE.weight(time, NOW), NOW) for time in votes]
    )


def test_a_vote_from_the_future_counts_as_one_of_now() -> None:
    """A clock that went back must not make a file immortal."""
    assert SCALE.weight(NOW, NOW) == SCALE.weight(NOW + 10**9, NOW)


@given(st.lists(st.integers(NOW - 90 * 24 * HOUR, NOW + HOUR)), st.integers(0, 10**7))
def test_the_sum_of_weights_is_the_heat_of_any_later_time(times: list[int], later: int) -> None:
    """What was added vote by vote, at their times, is what summing up now would give."""
    stored = sum(SCALE.weight(time, NOW) for time in times)
    expected = sum(2.0 ** ((min(time, NOW) - NOW - later) / HALF_LIFE) for time in times)
    assert expected == pytest.approx(SCALE.heat(stored, NOW + later))


@given(st.floats(0, 1e9), st.integers(0, 600 * HALF_LIFE))
def test_rebasing_changes_no_heat(heat: float, age: int) -> None:
    """A new reference and the factor leave all heat as it is."""
    stored = SCALE.stored(heat, SCALE.reference + age)
    rebased, factor = SCALE.rebased(SCALE.reference + age)
    assert heat == pytest.approx(rebased.heat(stored * factor, SCALE.reference + age))


def test_a_reference_is_stale_long_before_floats_end() -> None:
    """With the default half-life it is more than four years."""
    assert not SCALE.is_stale(SCALE.reference + 4 * 365 * 24 * HOUR)
    assert SCALE.is_stale(SCALE.reference + 5 * 365 * 24 * HOUR)


@given(st.integers(-(10**12), 10**12))
def test_no_clock_breaks_the_arithmetic(now: int) -> None:
    """A wrong clock makes heat wrong, not an exception, an infinity or a NaN."""
    weight = SCALE.weight(now, now)
    assert isfinite(weight * 1e12)
    assert isfinite(SCALE.rebased(max(now, SCALE.reference))[1])
