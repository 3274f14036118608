"""Tests of how the workers of the application know where files are to be had."""

from pathlib import Path

import pytest

from app.targets import Failure, Kind
from app.web.lately import Lately
from app.web.metrics import Metrics
from app.web.ranges import is_small
from app.web.targets import Targets
from tests.serving import wait_until
from tests.web_fakes import Clock

ONE, OTHER = "https://one.example.org/packages/", "https://two.example.org/packages/"
LIMITED, DOWN = Failure(Kind.LIMITED, 60), Failure(Kind.SERVER_ERROR)


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still."""
    return Clock()


@pytest.fixture
def targets(tmp_path: Path, clock: Clock) -> Targets:
    """Return two places that are good."""
    return _worker(tmp_path, clock, probe=True)


def _worker(folder: Path, clock: Clock, *, probe: bool = False) -> Targets:
    targets = Targets(folder, (ONE, OTHER, ONE), 10, clock)
    if probe:
        targets.probed(ONE, None)
        targets.probed(OTHER, None)
    return targets


def test_the_first_good_one_counts(targets: Targets) -> None:
    """In the order of the configuration."""
    assert ONE == targets.first_good((ONE, OTHER))
    targets.probed(ONE, DOWN)
    assert OTHER == targets.first_good((ONE, OTHER))
    assert [OTHER, ONE] == targets.ordered((ONE, OTHER))
    targets.probed(OTHER, DOWN)
    assert targets.first_good((ONE, OTHER)) is None
    assert targets.first_usable((ONE, OTHER)) is None


def test_what_nobody_has_probed_may_be_tried_by_this_machine(tmp_path: Path, clock: Clock) -> None:
    """A client is not sent there."""
    targets = _worker(tmp_path, clock)
    assert targets.first_good((ONE, OTHER)) is None
    assert ONE == targets.first_usable((ONE, OTHER))


def test_one_failure_of_a_request_is_none_of_the_place(targets: Targets) -> None:
    """Three are, where they are half of what was sent there."""
    for _ in range(5):
        targets.sent(ONE)
    targets.failed(ONE, DOWN)
    targets.failed(ONE, DOWN)
    assert targets.good(ONE)
    targets.failed(ONE, DOWN)
    assert not targets.good(ONE)


def test_failures_among_many_good_answers_are_none_of_the_place(targets: Targets) -> None:
    """A busy mirror has some of them at any time."""
    for _ in range(100):
        targets.sent(ONE)
    for _ in range(10):
        targets.failed(ONE, DOWN)
    assert targets.good(ONE)


def test_a_429_is_obeyed_at_once(targets: Targets, clock: Clock) -> None:
    """And for as long as it says."""
    targets.failed(ONE, LIMITED)
    assert not targets.good(ONE)
    assert [] == targets.due()
    clock.now += 59
    assert [OTHER] == targets.due()
    clock.now += 1
    assert [ONE, OTHER] == targets.due()


def test_all_workers_know_what_one_has_learnt(
    targets: Targets, tmp_path: Path, clock: Clock
) -> None:
    """By the file that they share; so does one that starts later."""
    other = _worker(tmp_path, clock)
    wait_until(lambda: other.good(ONE))
    targets.failed(ONE, LIMITED)
    wait_until(lambda: not other.good(ONE))
    assert not _worker(tmp_path, clock).good(ONE)


def test_a_file_that_is_broken_is_no_state(targets: Targets, tmp_path: Path, clock: Clock) -> None:
    """Of another version, say: everything is probed anew."""
    assert targets.fresh()
    (tmp_path / "targets.json").write_text('{"https://one.example.org/packages/": 3}')
    other = _worker(tmp_path, clock)
    assert [ONE, OTHER] == other.due()


def test_a_disk_that_is_gone_stops_nobody(tmp_path: Path, clock: Clock) -> None:
    """Then each worker goes by what it learns itself."""
    targets = _worker(tmp_path / "gone", clock, probe=True)
    assert targets.good(ONE)
    targets.failed(ONE, LIMITED)
    assert not targets.good(ONE)


def test_a_clock_that_is_set_back_stops_no_probe(targets: Targets, clock: Clock) -> None:
    """All are due at once."""
    clock.now -= 3600
    assert [ONE, OTHER] == targets.due()


def test_silence_everywhere_may_be_ones_own(targets: Targets) -> None:
    """An answer of any kind says that the network is there."""
    targets.probed(ONE, Failure(Kind.TIMEOUT))
    targets.probed(OTHER, Failure(Kind.CONNECTION))
    assert targets.all_silent()


def test_failures_and_states_are_told(targets: Targets) -> None:
    """For Prometheus: by place and kind; strange places are not counted."""
    metrics = Metrics(targets)
    targets.counter = metrics
    targets.failed(ONE, LIMITED)
    targets.failed("https://strange.example.org/", DOWN)
    said = metrics.exposition().decode()
    assert f'larder_target_failures_total{{kind="429",target="{ONE}"}} 1.0' in said
    assert f'larder_target_up{{target="{ONE}"}} 0.0' in said
    assert f'larder_target_up{{target="{OTHER}"}} 1.0' in said
    assert "strange" not in said


@pytest.mark.parametrize(
    ("header", "total", "small"),
    [
        ("bytes=-16384", None, True),
        ("bytes=0-1023", None, True),
        ("bytes=0-1024", None, False),
        ("bytes=-1025", None, False),
        ("bytes=0-", None, False),
        ("bytes=0-", 1000, True),
        ("bytes=1000-", 3000, False),
        ("bytes=0-9,20-29,-5", None, True),
        ("bytes=0-600,601-1200", None, False),
        ("bytes=" + ",".join(["0-0"] * 17), None, False),
        ("bytes=5-2", None, False),
        ("lines=1-2", None, False),
        ("", None, False),
        (None, None, False),
    ],
)
def test_a_range_is_small_where_all_of_it_is(
    header: str | None,
    total: int | None,
    small: bool,  # noqa: FBT001
) -> None:
    """The sum of its parts; what is open counts where the size is known."""
    if header == "bytes=-16384":
        assert is_small(header, 1 << 20, total)
    else:
        assert small == is_small(header, 1024, total)


def test_what_was_asked_for_lately_is_forgotten(clock: Clock) -> None:
    """After a while, and beyond a number."""
    lately = Lately(10, 2, clock)
    assert [False, True, False, False, False] == [lately.asked(path) for path in "aabca"]
    clock.now += 11
    assert not lately.asked("a")
