"""Tests of how a place of files stands, by what is told of it: no clock, no network."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.targets import (
    LONGEST_RETRY_AFTER,
    MOST_DOUBLINGS,
    Failure,
    Health,
    Kind,
    on_trial,
    opened,
    probed,
)

INTERVAL = 10.0
DOWN = Failure(Kind.SERVER_ERROR)


def test_a_place_that_nobody_has_probed_is_not_good() -> None:
    """A client is sent only where a recent probe was good."""
    assert not Health().good(100, INTERVAL)
    assert probed(Health(), None, 100, INTERVAL).good(100, INTERVAL)


def test_a_probe_of_long_ago_is_none() -> None:
    """Should nobody probe any more, nobody is sent there."""
    health = probed(Health(), None, 100, INTERVAL)
    assert health.good(140, INTERVAL)
    assert not health.good(141, INTERVAL)


@pytest.mark.parametrize("kind", Kind)
def test_each_kind_of_failure_opens_the_breaker(kind: Kind) -> None:
    """And only a good probe closes it."""
    health = opened(probed(Health(), None, 100, INTERVAL), Failure(kind), 101, INTERVAL)
    assert not health.good(101, INTERVAL)
    assert 111 == health.due
    assert probed(health, None, 111, INTERVAL).good(111, INTERVAL)


def test_a_place_that_came_back_is_on_trial() -> None:
    """Half-open: one failure more and it is out for twice as long; else it is forgiven."""
    out = opened(Health(), DOWN, 100, INTERVAL)
    back = probed(out, None, 110, INTERVAL)
    assert on_trial(back, 110)
    again = opened(back, DOWN, 111, INTERVAL)
    assert 111 + 2 * INTERVAL == again.due
    well = probed(back, None, 140, INTERVAL)
    assert not on_trial(well, 140)
    assert 141 + INTERVAL == opened(well, DOWN, 141, INTERVAL).due


def test_the_pause_has_an_end() -> None:
    """A place that was out for long is found again within minutes."""
    health, now = Health(), 100.0
    for _ in range(20):
        health = probed(health, DOWN, now, INTERVAL)
        now = health.due
    assert MOST_DOUBLINGS * INTERVAL == health.pause


@pytest.mark.parametrize(("asked", "pause"), [(60, 60), (1, INTERVAL), (1e9, LONGEST_RETRY_AFTER)])
def test_a_429_is_obeyed_within_reason(asked: float, pause: float) -> None:
    """Its Retry-After is the pause, but for what is too short or too long."""
    health = opened(Health(), Failure(Kind.LIMITED, asked), 100, INTERVAL)
    assert 100 + pause == health.due


def test_a_straggler_does_not_lengthen_the_pause() -> None:
    """Requests that were sent before the breaker opened fail after it."""
    out = opened(Health(), DOWN, 100, INTERVAL)
    assert out == opened(out, DOWN, 105, INTERVAL)


@given(st.lists(st.tuples(st.sampled_from([None, DOWN]), st.booleans(), st.floats(0, 100))))
def test_a_place_is_never_out_for_ever(events: list[tuple[Failure | None, bool, float]]) -> None:
    """Whatever happens, a probe is due within the longest pause, and can bring it back."""
    health, now = Health(), 1.0
    for failure, by_probe, later in events:
        now += later
        if by_probe:
            health = probed(health, failure, now, INTERVAL)
        elif failure:
            health = opened(health, failure, now, INTERVAL)
        assert health.due <= now + MOST_DOUBLINGS * INTERVAL
    assert probed(health, None, now, INTERVAL).good(now, INTERVAL)
