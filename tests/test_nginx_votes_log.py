"""Tests of votes that nginx writes to its spool, asking nobody (`votes.via: log`)."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.clients import network_of
from app.nginx import render
from app.spool import SpooledVote, parse_spool_line
from tests.fake_pypi import FakeFile, FakePypi
from tests.serving import Serving, wait_until
from tests.web_fakes import other_wheel

pytestmark = pytest.mark.system

CONTENT = b"wheel" * 1000


@pytest.fixture(scope="module")
def pypi() -> Iterator[FakePypi]:
    """Return an upstream."""
    with FakePypi() as running:
        yield running


@pytest.fixture(scope="module")
def mirror(pypi: FakePypi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Return a mirror that nginx alone takes the votes of."""
    changes = {
        "trusted_proxies": ["127.0.0.1"],
        "votes": {"via": "log"},
        "ip_modes": {"rules": [{"cidr": "10.0.0.0/8", "mode": "proxy"}]},
    }
    with Serving.of(tmp_path_factory.mktemp("log"), pypi, **changes) as running:
        yield running


@pytest.fixture
def file(mirror: Serving, pypi: FakePypi, request: pytest.FixtureRequest) -> FakeFile:
    """Return a file of its own for each test, known to the index and held."""
    number = sum(request.node.name.encode())
    project = f"p{number}"
    name = f"{project}-1.0-py3-none-any.whl"
    made = pypi.add_file(project, name, CONTENT + bytes([number % 256]))
    assert 200 == mirror.get(f"/pypi/simple/{project}/").status
    mirror.hold("hot", made.path, CONTENT)
    return made


def _download(mirror: Serving, path: str, address: str = "192.0.2.1", **headers: str) -> int:
    return mirror.get(f"/pypi/packages/{path}", X_Forwarded_For=address, **headers).status


def _spooled(mirror: Serving, path: str) -> list[SpooledVote]:
    """Return the spool's votes for a file, once all that came before are written."""
    end = other_wheel(len(mirror.spooled()) + 1)
    _download(mirror, end)
    votes: list[SpooledVote] = []

    def ended() -> bool:
        votes[:] = [vote for line in mirror.spooled() if (vote := parse_spool_line(line))]
        return any(vote.path == end for vote in votes)

    wait_until(ended)
    return [vote for vote in votes if vote.path == path]


def test_hits_and_misses_are_a_line_each(mirror: Serving, file: FakeFile) -> None:
    """Wherever the answer comes from: a tier, a redirect, upstream; and the app decides."""
    assert 200 == _download(mirror, file.path, "192.0.2.1")
    (mirror.config.repo_path / "hot" / file.path).unlink()
    assert 302 == _download(mirror, file.path, "198.51.100.1")
    assert 200 == _download(mirror, file.path, "10.1.1.1")
    addresses = ("192.0.2.1", "198.51.100.1", "10.1.1.1")
    expected = Counter(network_of(address) for address in addresses)
    assert expected == Counter(vote.network for vote in _spooled(mirror, file.path))


def test_a_repeat_is_not_written(mirror: Serving, file: FakeFile) -> None:
    """Not for a minute, from no address of the network, and in no encoding of the path."""
    for last in range(20):
        _download(mirror, file.path, f"192.0.2.{last}")
        _download(mirror, file.path.replace(".whl", "%2ewhl"), f"192.0.2.{last}")
        _download(mirror, file.path, f"::ffff:192.0.2.{last}")
    assert ["192.0.2.0/24"] == [vote.network for vote in _spooled(mirror, file.path)]
    assert not [line for line in mirror.errors() if "limiting requests" in line]


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("HEAD", {}),
        ("GET", {"Range": "bytes=100-200"}),
        ("GET", {"Range": "bytes=-100"}),
        ("GET", {"User_Agent": "bandersnatch/6.5 (cpython 3.11)"}),
        ("GET", {"User_Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://example.org)"}),
    ],
)
def test_what_is_no_vote_is_no_line(
    mirror: Serving, file: FakeFile, method: str, headers: dict[str, str]
) -> None:
    """Neither questions, nor later parts, nor machines; and it uses up no window."""
    path = f"/pypi/packages/{file.path}"
    answer = mirror.get(path, method, X_Forwarded_For="192.0.2.1", **headers)
    assert answer.status in (200, 206)
    assert [] == _spooled(mirror, file.path)
    assert 206 == _download(mirror, file.path, Range="bytes=0-")
    assert 1 == len(_spooled(mirror, file.path))


def test_core_metadata_is_no_line(mirror: Serving, file: FakeFile) -> None:
    """Resolvers ask for many more of them than they install."""
    mirror.hold("hot", f"{file.path}.metadata", b"Name: x\n")
    assert 200 == _download(mirror, f"{file.path}.metadata")
    assert [] == _spooled(mirror, f"{file.path}.metadata")


def test_the_spool_is_counted_while_the_app_runs(mirror: Serving, file: FakeFile) -> None:
    """Nobody has to wait for a job; and nginx asked the app for none of them."""
    _download(mirror, file.path, "192.0.2.1")
    _download(mirror, file.path, "198.51.100.1")
    wait_until(lambda: mirror.votes().count(file.path) == 2)
    assert 0 == mirror.counted("votes", "accepted") + mirror.counted("votes", "skipped")


def test_a_client_cannot_write_into_the_spool(mirror: Serving, file: FakeFile) -> None:
    """What it may choose is a path, of a few characters, and an address that is checked."""
    before = len(mirror.spooled())
    evil = '"},{"time":1,"network":"192.0.2.0/24","path":"x'
    mirror.raw(
        f"GET /pypi/packages/{file.path}?{evil.replace(' ', '')} HTTP/1.0\r\n"
        f"X-Forwarded-For: 192.0.2.1\r\nUser-Agent: {evil}\r\nReferer: {evil}\r\n\r\n".encode()
    )
    assert 400 == mirror.get(f"/pypi/packages/{file.path}%0a{{}}").status
    wait_until(lambda: len(mirror.spooled()) == before + 1)
    vote = parse_spool_line(mirror.spooled()[-1])
    assert vote is not None
    assert (file.path, "192.0.2.0/24") == (vote.path, vote.network)


@pytest.mark.parametrize("window", [1, 2, 7, 30, 59, 60, 61, 62, 63, 300, 86400])
def test_the_limit_is_never_longer_than_the_window(window: int, mirror: Serving) -> None:
    """A vote that the database would count must be in the spool."""
    cache = replace(mirror.config.cache, dedup_window=window)
    text = render(replace(mirror.config, cache=cache), mirror.runtime)
    rate = int(text.partition("rate=")[2].partition("r/m")[0])
    # ngx_http_limit_req_module.c: rate * 1000 / scale, in whole numbers.
    assert 1000 / (rate * 1000 // 60) <= window
