"""The replay of the cache policies: a small one, for what must hold of any."""

import re

import pytest

from app.scoring import Decay, Policy, Votes
from tests.benchmarks import ranking_scale
from tests.benchmarks.cache_replay import main
from tests.benchmarks.replay.lru import OnDemand
from tests.benchmarks.replay.simulate import FILESIZE_LIMIT, MIN_VOTES, clairvoyant, replay
from tests.benchmarks.replay.trace import Shape, Trace, make_trace
from tests.benchmarks.replay.traffic import SITES

DECAY = Decay(MIN_VOTES, FILESIZE_LIMIT)
SMALL = Shape(days=4, warm_up=1, daily=3000)


@pytest.fixture(scope="module")
def trace() -> Trace:
    """A few days of a small site."""
    return make_trace("fast", 1, SMALL, DECAY)


def test_a_trace_is_the_same_each_time(trace: Trace) -> None:
    """A benchmark that cannot be repeated proves nothing."""
    again = make_trace("fast", 1, SMALL, DECAY)
    assert [one.sequence for one in trace.intervals] == [one.sequence for one in again.intervals]
    assert trace.distinct_bytes == again.distinct_bytes


@pytest.mark.parametrize("name", SITES)
def test_every_site_has_what_a_mirror_sees(name: str) -> None:
    """Requests, fewer votes than those, sizes of all kinds, and heirs."""
    found = make_trace(name, 2, Shape(days=2, warm_up=1, daily=4000), DECAY)
    votes = sum(sum(one.votes.values()) for one in found.intervals)
    asked = sum(len(one.sequence) for one in found.intervals)
    assert 0 < votes <= asked
    assert 2000 < found.measured < asked
    assert min(found.world.sizes) >= 1000
    assert max(found.world.sizes) <= 3 << 30
    assert any(one.transfers for one in found.intervals)


def test_every_policy_keeps_to_what_it_can_do(trace: Trace) -> None:
    """Nobody has more hits than who knows what comes; all serve the same requests."""
    capacity = trace.distinct_bytes // 20
    policies: dict[str, Policy] = {"decay": DECAY, "votes": Votes(MIN_VOTES, FILESIZE_LIMIT)}
    found = [*replay(trace, policies, {5: capacity}).values(), OnDemand(trace, capacity).replay()]
    bound = clairvoyant(trace, capacity)
    assert [trace.measured] * 4 == [one.requests for one in (*found, bound)]
    for one in found[:2]:
        assert 0 < one.hot_hits <= one.hits <= bound.hits
        assert 0 < one.hit_bytes <= bound.hit_bytes * 1.05
        assert 0 < one.downloaded
    assert 3.0 == pytest.approx(bound.days)


def test_the_tables_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """For every capacity a line of each policy, and the ratios of the two."""
    small = ["--days", "2", "--warm-up", "1", "--daily", "1500", "--capacities", "1", "5"]
    assert 0 == main(["--sites", "campus", "CI", *small])
    said = capsys.readouterr().out
    names = re.findall(r"^ +[15] %  ([\w ]+\w) +[01]\.", said, re.MULTILINE)
    one_site = ["decay", "votes", "LRU on demand", "clairvoyant"] * 2
    assert one_site * 2 == names
    assert 3 == said.count("decay by votes")


def test_ranking_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    """Both policies, with places for some."""
    assert 0 == ranking_scale.main(["--files", "1000"])
    said = capsys.readouterr().out
    assert 2 == len(re.findall(r" [1-9]\d* places in ", said))
