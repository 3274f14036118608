"""The connections: patience, suspicion, and who gets to see what."""

import os
import threading
import time
from collections.abc import Iterator

import pytest

from app.names import ProjectName
from app.upstream import (
    Upstream,
    UpstreamError,
    UpstreamUnavailable,
    UpstreamUntrusted,
)
from tests.fake_pypi import (
    CutBody,
    Drop,
    FakePypi,
    Redirect,
    Replaced,
    Status,
    make_wheel,
)
from tests.fake_pypi.asking import asking

SIX = ProjectName("six")
PAGE = "/simple/six/"


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no proxy of the environment come between the tests and their servers."""
    for name in os.environ:
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def pypi() -> Iterator[FakePypi]:
    """Yield an index with one project."""
    with FakePypi() as index:
        index.add(make_wheel("six", "1.0"))
        yield index


def test_repeats(pypi: FakePypi) -> None:
    """What may pass is asked again, as often as the policy says."""
    pypi.inject(Status(503), times=2)
    with asking(pypi, retry=2) as upstream:
        assert upstream.project(SIX) is not None
    assert 3 == pypi.count(PAGE)


@pytest.mark.parametrize("fault", [Status(502), Drop(), CutBody(5)])
def test_repeats_end(pypi: FakePypi, fault: Status | Drop | CutBody) -> None:
    """After the last try the failure stays."""
    pypi.inject(fault)
    with asking(pypi, retry=1) as upstream, pytest.raises(UpstreamError):
        upstream.project(SIX)
    assert 2 == pypi.count(PAGE)


@pytest.mark.parametrize("status", [400, 403, 404])
def test_what_will_not_pass_is_not_repeated(pypi: FakePypi, status: int) -> None:
    """A clear answer is taken at once."""
    pypi.inject(Status(status))
    with asking(pypi, retry=3) as upstream, pytest.raises(UpstreamError):
        upstream.project(SIX)
    assert 1 == pypi.count(PAGE)


def test_retry_after_is_obeyed(pypi: FakePypi) -> None:
    """A server that names a time is not asked before it."""
    pypi.inject(Status(429, retry_after=1), times=1)
    with asking(pypi, retry=1) as upstream:
        began = time.monotonic()
        assert upstream.project(SIX) is not None
    assert time.monotonic() - began >= 1


@pytest.mark.parametrize("wait", ["3600", "soon"])
def test_retry_after_has_its_bounds(pypi: FakePypi, wait: str) -> None:
    """Nobody sleeps for an hour, or for a time that is none."""
    pypi.inject(Replaced(b"", status=429, headers={"Retry-After": wait}))
    began = time.monotonic()
    with (
        asking(pypi, retry=1) as upstream,
        pytest.raises(UpstreamUnavailable, match="answers 429"),
    ):
        upstream.project(SIX)
    assert time.monotonic() - began < 5


def test_refused_connections(pypi: FakePypi) -> None:
    """A server that is not there is a sentence, and is found again when it is back."""
    with asking(pypi) as upstream:
        upstream.project(SIX)
        pypi.stop()
        with pytest.raises(UpstreamUnavailable, match=r"cannot be reached: Connection refused$"):
            upstream.project(SIX)
        pypi.start()
        assert upstream.project(SIX) is not None


def test_connections_are_kept(pypi: FakePypi) -> None:
    """One connection serves one thread, errors and unmodified pages included."""
    with asking(pypi) as upstream:
        found = upstream.project(SIX)
        assert found is not None
        assert upstream.project(SIX, found.validators) is None
        with pytest.raises(UpstreamError):
            upstream.project(ProjectName("seven"))
        upstream.project(SIX)
    assert 1 == len({request.port for request in pypi.requests})


def test_threads(pypi: FakePypi) -> None:
    """Many threads can ask at once."""
    failures = []

    def ask(upstream: Upstream) -> None:
        try:
            for _ in range(20):
                upstream.project(SIX)
        except UpstreamError as error:
            failures.append(error)

    with asking(pypi) as upstream:
        threads = [threading.Thread(target=ask, args=(upstream,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [] == failures
    assert 160 == pypi.count(PAGE)


def test_cookies_are_not_kept(pypi: FakePypi) -> None:
    """A server cannot leave a mark for the next request."""
    pypi.inject(Replaced(b"", status=404, headers={"Set-Cookie": "a=b; Path=/"}), times=1)
    with asking(pypi) as upstream:
        with pytest.raises(UpstreamError):
            upstream.project(SIX)
        upstream.project(SIX)
    assert "cookie" not in pypi.requests[-1].headers


@pytest.mark.parametrize(
    "location",
    [
        "https://login.example.org/",
        "//login.example.org/simple/six/",
        "ftp://127.0.0.1/",
        "http://[::1",
    ],
)
def test_redirects_to_other_hosts(pypi: FakePypi, location: str) -> None:
    """A page that is on another host is not the index's."""
    pypi.inject(Redirect(location))
    with asking(pypi) as upstream, pytest.raises(UpstreamUntrusted, match="redirects to"):
        upstream.project(SIX)


@pytest.mark.parametrize("location", [PAGE, ""])
def test_redirects_in_circles(pypi: FakePypi, location: str) -> None:
    """A redirect that leads nowhere ends."""
    pypi.inject(Redirect(location))
    with asking(pypi) as upstream, pytest.raises(UpstreamUntrusted, match="answers 302"):
        upstream.project(SIX)
    assert 6 == pypi.count(PAGE)


def test_a_proxy_of_the_policy(pypi: FakePypi, monkeypatch: pytest.MonkeyPatch) -> None:
    """The policy's proxy carries everything, whatever the environment says."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "index.invalid")
    page = "http://index.invalid/simple/six/"
    pypi.inject(Replaced(b'{"files":[]}', "application/json"), at=page)
    pypi.inject(Redirect("http://index.invalid/moved"), at="http://index.invalid/file")
    pypi.inject(Replaced(b"file"), at="http://index.invalid/moved")
    with asking(pypi, pypi_url="http://index.invalid", proxy=pypi.url) as upstream:
        assert upstream.project(SIX) is not None
        with upstream.open_file("http://index.invalid/file") as body:
            assert b"file" == b"".join(body.chunks())


def test_a_proxy_of_the_environment(pypi: FakePypi, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a proxy of its own the policy leaves it to the environment."""
    monkeypatch.setenv("http_proxy", pypi.url)
    page = "http://index.invalid/simple/six/"
    pypi.inject(Replaced(b'{"files":[]}', "application/json"), at=page)
    with asking(pypi, pypi_url="http://index.invalid/simple/") as upstream:
        assert upstream.project(SIX) is not None


def test_credentials_stay_on_their_host(pypi: FakePypi) -> None:
    """The index's user and password go to its host alone, and into no message."""
    url = pypi.url.replace("//", "//me:s%40cret@")
    with FakePypi() as other, asking(pypi, pypi_url=url) as upstream:
        file = other.add(make_wheel("six", "1.0"))
        pypi.inject(Redirect("/simple/six/?again"), at=PAGE, times=1)
        found = upstream.project(SIX)
        with upstream.open_file(other.packages_url + file.path):
            pass
        pypi.inject(Status(500))
        with pytest.raises(UpstreamError) as caught:
            upstream.project(SIX)
    assert found is not None
    assert found.project.files[0].origin is None
    assert all("authorization" in request.headers for request in pypi.requests)
    assert not any("authorization" in request.headers for request in other.requests)
    assert "cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["ftp://example.org/x", "http://[::1", "http://", "x", "http://ä..b/"]
)
def test_urls_that_are_none(pypi: FakePypi, url: str) -> None:
    """An URL that nobody can ask is an error of ours, not of the library's."""
    with asking(pypi) as upstream, pytest.raises(UpstreamError), upstream.open_file(url):
        pass


def test_repeats_wait_longer_each_time(pypi: FakePypi) -> None:
    """Between repetitions there is time, or they would only add to the load."""
    pypi.inject(Status(503))
    began = time.monotonic()
    with asking(pypi, retry=2) as upstream, pytest.raises(UpstreamUnavailable):
        upstream.project(SIX)
    assert time.monotonic() - began >= 0.4
