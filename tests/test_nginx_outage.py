"""Tests of what clients see when the application is dead, hung, or starts again."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.model import PageFormat
from app.spool import parse_spool_line
from tests.fake_pypi import FakeFile, FakePypi, Hang
from tests.serving import ROOT, Serving, wait_until
from tests.web_fakes import WHEEL

pytestmark = pytest.mark.system

CONTENT = b"wheel" * 20_000
JSON = PageFormat.JSON.value
PROXIED = {"X_Forwarded_For": "10.1.2.3"}

QUICK = 0.5
"""Seconds: far above the vote's 20 ms on a machine that runs other tests, and far below
any time-out that a client would notice as such."""


@pytest.fixture
def pypi() -> Iterator[FakePypi]:
    """Return an upstream."""
    with FakePypi() as running:
        yield running


@pytest.fixture
def held(pypi: FakePypi) -> FakeFile:
    """Return a file that the mirror will hold."""
    return pypi.add_file("held", "held-1.0-py3-none-any.whl", CONTENT)


@pytest.fixture
def other(pypi: FakePypi) -> FakeFile:
    """Return a file that the mirror will not hold."""
    return pypi.add_file("held", "held-2.0-py3-none-any.whl", CONTENT + b"2")


@pytest.fixture
def mirror(
    pypi: FakePypi, held: FakeFile, other: FakeFile, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving]:
    """Return a mirror that proxies for all, whose breaker tries again after a second."""
    changes = {"ip_modes": {"default": "proxy"}, "trusted_proxies": ["127.0.0.1"]}
    serving = Serving.of(tmp_path_factory.mktemp("outage"), pypi, **changes)
    serving.edits = {"fail_timeout=10s": "fail_timeout=1s"}
    with serving as running:
        assert 200 == running.get("/pypi/simple/held/").status
        running.hold("hot", held.path, CONTENT)
        assert CONTENT + b"2" == running.get(f"/pypi/packages/{other.path}").body
        yield running


def _everything_is_served(mirror: Serving, held: FakeFile, other: FakeFile, rounds: int) -> None:
    """Check what a client sees while the application is away."""
    for number in range(rounds):
        network = f"192.0.{number}.1"
        answer = mirror.get(f"/pypi/packages/{held.path}", X_Forwarded_For=network)
        assert (200, CONTENT) == (answer.status, answer.body)
        # A held file never waits for longer than its vote may take.
        assert answer.seconds < QUICK
        answer = mirror.get("/pypi/simple/held/", Accept=JSON)
        assert (200, JSON) == (answer.status, answer.header("Content-Type"))
        assert answer.seconds < QUICK
        answer = mirror.get(f"/pypi/packages/{other.path}", X_Forwarded_For=network)
        assert 302 == answer.status
        expected = mirror.config.upstream.redirect_url[0] + other.path
        assert expected == answer.header("Location")


def _recovers(mirror: Serving, pypi: FakePypi, other: FakeFile) -> None:
    """Check that the application is asked again, by itself."""
    wait_until(lambda: mirror.get(f"/pypi/packages/{other.path}", **PROXIED).status == 200)
    pypi.add_file("later", "later-1.0.tar.gz", b"x")
    assert 200 == mirror.get("/pypi/simple/later/").status


def _spooled(mirror: Serving) -> list[tuple[str, str]]:
    """Return path and network of the spool's votes, sorted, without those of preparations."""
    votes = [parse_spool_line(line) for line in mirror.spooled()]
    assert None not in votes
    pairs = [(vote.path, str(vote.network)) for vote in votes if vote]
    return sorted((path, network) for path, network in pairs if network != "127.0.0.0/24")


def test_a_dead_application_fails_nothing(
    mirror: Serving, pypi: FakePypi, held: FakeFile, other: FakeFile
) -> None:
    """Held files and known pages as ever; misses redirected; votes kept in the spool."""
    mirror.stop_app(signal.SIGTERM)
    _everything_is_served(mirror, held, other, 5)
    expected = sorted(
        (path, f"192.0.{number}.0/24") for number in range(5) for path in (held.path, other.path)
    )
    # A line is written once its answer is out, by whichever worker.
    wait_until(lambda: expected == _spooled(mirror))
    answer = mirror.get("/pypi/simple/unseen/")
    assert 503 == answer.status
    assert "text/plain" == answer.header("Content-Type")
    assert "10" == answer.header("Retry-After")
    assert 503 == mirror.get("/pypi/simple/Held/").status
    mirror.start_app()
    _recovers(mirror, pypi, other)


def test_a_hung_application_fails_nothing(
    mirror: Serving, pypi: FakePypi, held: FakeFile, other: FakeFile
) -> None:
    """It takes connections and answers none: the breaker makes that one short wait."""
    mirror.signal_app(signal.SIGSTOP)
    try:
        _everything_is_served(mirror, held, other, 5)
        wait_until(lambda: 10 == len(_spooled(mirror)))
        assert {held.path, other.path} == {path for path, _ in _spooled(mirror)}
    finally:
        mirror.signal_app(signal.SIGCONT)
    _recovers(mirror, pypi, other)


def test_a_busy_application_fails_nothing(
    mirror: Serving, pypi: FakePypi, held: FakeFile, other: FakeFile
) -> None:
    """Asked for more than its processor can answer, it comes too late: that is as if it hung."""
    flood = [sys.executable, "-m", "tests.benchmarks.flood", str(mirror.runtime.app_socket)]
    with subprocess.Popen(flood, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as asking:
        assert asking.stdout is not None
        assert b"ready\n" == asking.stdout.readline()
        for number in range(20):
            network = {"X_Forwarded_For": f"192.0.{number}.1"}
            answer = mirror.get(f"/pypi/packages/{held.path}", **network)
            assert (200, CONTENT) == (answer.status, answer.body)
            answer = mirror.get("/pypi/simple/held/", Accept=JSON)
            assert (200, JSON) == (answer.status, answer.header("Content-Type"))
            # The application has decided, or nginx for it.
            answer = mirror.get(f"/pypi/packages/{other.path}", **network)
            assert answer.status == 302 or (200, other.content) == (answer.status, answer.body)
        asking.communicate()
    _recovers(mirror, pypi, other)
    paths = [path for path, _ in _spooled(mirror)]
    # Each in one of the two, and where it came late in both: the database counts it once.
    wait_until(lambda: mirror.votes().count(held.path) + paths.count(held.path) >= 20)
    assert 0 == mirror.counted_lost()


def test_an_upstream_that_hangs_holds_up_no_vote_and_no_decision(
    pypi: FakePypi, held: FakeFile, other: FakeFile, tmp_path: Path
) -> None:
    """However many new projects are asked for; who is proxied for stays so."""
    changes = {
        "ip_modes": {"default": "proxy"},
        "trusted_proxies": ["127.0.0.1"],
        "timeouts": {"upstream": "2s"},
    }
    serving = Serving.of(tmp_path, pypi, **changes)
    # A busy machine is not what is tested.
    serving.edits = {"_timeout 20ms": "_timeout 1s"}
    pypi.inject(Hang(), at="/simple/slow*")
    with serving as mirror, ThreadPoolExecutor(80) as clients:
        assert 200 == mirror.get("/pypi/simple/held/").status
        mirror.hold("hot", held.path, CONTENT)
        slow = [clients.submit(mirror.get, f"/pypi/simple/slow{i}/") for i in range(80)]
        wait_until(lambda: any(answer.done() for answer in slow))
        for number in range(10):
            client = f"192.0.{number}.1"
            answer = mirror.get(f"/pypi/packages/{other.path}", X_Forwarded_For=client)
            assert (200, CONTENT + b"2") == (answer.status, answer.body)
            assert answer.seconds < 1
            answer = mirror.get(f"/pypi/packages/{held.path}", X_Forwarded_For=client)
            assert (200, CONTENT) == (answer.status, answer.body)
            assert answer.seconds < 1
        assert 20 <= sum(not answer.done() for answer in slow)
        answers = [answer.result() for answer in slow]
        assert {503} == {answer.status for answer in answers}
        assert all(answer.header("Retry-After") for answer in answers)
        assert [] == mirror.spooled()
        wait_until(lambda: len(mirror.votes()) == 20)


def test_a_vote_is_in_the_spool_once(mirror: Serving, held: FakeFile) -> None:
    """However often the network asks for the file: the spool grows by networks, not by hits."""
    mirror.stop_app()
    for last in range(5):
        mirror.get(f"/pypi/packages/{held.path}", X_Forwarded_For=f"192.0.2.{last}")
    mirror.get(f"/pypi/packages/{held.path}", X_Forwarded_For="192.0.3.1")
    wait_until(lambda: [(held.path, f"192.0.{n}.0/24") for n in (2, 3)] == _spooled(mirror))


def test_the_spool_can_be_set_aside(mirror: Serving, held: FakeFile) -> None:
    """After a rename and USR1, nginx goes on in a new file."""
    mirror.stop_app()
    mirror.get(f"/pypi/packages/{held.path}", X_Forwarded_For="192.0.2.1")
    wait_until(lambda: [(held.path, "192.0.2.0/24")] == _spooled(mirror))
    aside = mirror.runtime.spool.rename(mirror.runtime.spool.with_suffix(".aside"))
    assert mirror.nginx is not None
    mirror.nginx.send_signal(signal.SIGUSR1)
    wait_until(mirror.runtime.spool.exists)
    # A worker may still write to the old one: each network votes once.
    networks = iter(range(256))

    def votes() -> bool:
        client = f"198.51.{next(networks)}.1"
        assert 200 == mirror.get(f"/pypi/packages/{held.path}", X_Forwarded_For=client).status
        return _spooled(mirror) != []

    wait_until(votes)
    assert 1 <= len(aside.read_text().splitlines())


def test_an_application_killed_again_and_again_fails_nothing(
    mirror: Serving, held: FakeFile
) -> None:
    """A worker's death, its master's, and a start beside a stale socket."""
    for _ in range(3):
        mirror.signal_app(signal.SIGKILL)
        mirror.stop_app(signal.SIGKILL)
        for number in range(3):
            answer = mirror.get(f"/pypi/packages/{held.path}", X_Forwarded_For=f"10.{number}.1.1")
            assert (200, CONTENT) == (answer.status, answer.body)
            assert answer.seconds < QUICK
        mirror.start_app()
        wait_until(lambda: mirror.get("/pypi/simple/Held/").status == 301)


def test_nginx_starts_again_after_a_kill(mirror: Serving, held: FakeFile, other: FakeFile) -> None:
    """Its socket is left behind, and its workers must not be."""
    mirror.stop_nginx(signal.SIGKILL)
    mirror.start_nginx()
    assert CONTENT == mirror.get(f"/pypi/packages/{held.path}").body
    mirror.stop_app()
    _everything_is_served(mirror, held, other, 1)


def test_the_last_votes_are_written_when_the_application_ends(
    mirror: Serving, held: FakeFile
) -> None:
    """A clean end loses nothing."""
    mirror.get(f"/pypi/packages/{held.path}", X_Forwarded_For="198.51.100.1")
    mirror.stop_app()
    # On a busy machine the vote may have come too late, and gone to the spool.
    assert held.path in {*mirror.votes(), *(path for path, _ in _spooled(mirror))}


def test_the_error_log_has_no_fault_of_the_configuration(
    mirror: Serving, held: FakeFile, other: FakeFile
) -> None:
    """That the application is away is told; no variable is unset, no redirect goes round."""
    mirror.stop_app()
    _everything_is_served(mirror, held, other, 1)
    mirror.get(f"/pypi/packages/{WHEEL}")
    log = "\n".join(mirror.errors())
    assert "connect() to unix:" in log
    assert not [word for word in ("uninitialized", "cycle", "[alert]", "[emerg]") if word in log]
