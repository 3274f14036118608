"""A body is read whole and within bounds, or not at all."""

import gzip
import time
from collections.abc import Iterator

import pytest

from app.names import ProjectName
from app.upstream import (
    CutBodyError,
    UpstreamUnavailable,
    UpstreamUntrusted,
)
from tests.fake_pypi import (
    Chunked,
    CutBody,
    CutChunks,
    FakePypi,
    GzipBomb,
    Hang,
    Replaced,
    Slow,
    make_wheel,
)
from tests.fake_pypi.asking import asking

SIX = ProjectName("six")
PAGE = "/simple/six/"


@pytest.fixture
def pypi() -> Iterator[FakePypi]:
    """Yield an index with one project."""
    with FakePypi() as index:
        index.add(make_wheel("six", "1.0"))
        yield index


def test_a_cut_body_is_no_page(pypi: FakePypi) -> None:
    """A short body is an error, with and without gzip, never a short page."""
    pypi.inject(CutBody(100))
    with asking(pypi) as upstream, pytest.raises(CutBodyError, match=f"{PAGE} broke off"):
        upstream.project(SIX)


def test_chunks(pypi: FakePypi) -> None:
    """A body in chunks needs its last one."""
    pypi.inject(Chunked(), times=1)
    with asking(pypi) as upstream:
        assert upstream.project(SIX) is not None
        pypi.inject(CutChunks())
        with pytest.raises(CutBodyError):
            upstream.project(SIX)


def test_a_cut_body_is_asked_for_again(pypi: FakePypi) -> None:
    """One connection that breaks off costs nothing but a repetition."""
    pypi.inject(CutBody(100), times=1)
    with asking(pypi, retry=1) as upstream:
        assert upstream.project(SIX) is not None


def test_a_gzip_that_ends_early(pypi: FakePypi) -> None:
    """A body may have the announced length and yet not be whole."""
    packed = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xabV"
    pypi.inject(Replaced(packed, "text/html", headers={"Content-Encoding": "gzip"}))
    with asking(pypi) as upstream, pytest.raises(CutBodyError, match="gzip"):
        upstream.project(SIX)


@pytest.mark.parametrize(
    ("encoding", "message"), [("gzip", "is not the gzip"), ("br", "came packed as 'br'")]
)
def test_encodings(pypi: FakePypi, encoding: str, message: str) -> None:
    """Only what was asked for is unpacked."""
    pypi.inject(Replaced(b"<html>", headers={"Content-Encoding": encoding}))
    with asking(pypi) as upstream, pytest.raises(UpstreamUntrusted, match=message):
        upstream.project(SIX)


def test_a_bomb(pypi: FakePypi) -> None:
    """A body that unpacks to more than a page may have is given up early."""
    pypi.inject(GzipBomb(1 << 30))
    began = time.monotonic()
    with asking(pypi) as upstream, pytest.raises(UpstreamUntrusted, match="more than 1048576"):
        upstream.project(SIX)
    assert time.monotonic() - began < 5


def test_a_page_that_packs_well(pypi: FakePypi) -> None:
    """A page of the allowed size may be small on the wire."""
    body = gzip.compress(b'{"files":[]}'.ljust(1 << 20))
    pypi.inject(Replaced(body, "application/json", headers={"Content-Encoding": "gzip"}))
    with asking(pypi) as upstream:
        assert upstream.project(SIX) is not None


def test_an_error_without_an_end(pypi: FakePypi) -> None:
    """An error page that never ends does not hide the error."""
    pypi.inject(Replaced(b"", status=500, headers={"Content-Length": "100"}))
    with (
        asking(pypi, timeout=0.2) as upstream,
        pytest.raises(UpstreamUnavailable, match="answers 500"),
    ):
        upstream.project(SIX)


def test_a_large_page(pypi: FakePypi) -> None:
    """A page of more than the allowed size is refused, one of the size is not."""
    body = b"<html>".ljust(2000)
    pypi.inject(Replaced(body), at=PAGE)
    with asking(pypi, max_page_size=1999) as upstream, pytest.raises(UpstreamUntrusted):
        upstream.project(SIX)
    with asking(pypi, max_page_size=2000) as upstream:
        pypi.inject(Replaced(b'{"files":[]}'.ljust(2000), "application/json"), at=PAGE)
        assert upstream.project(SIX) is not None


@pytest.mark.parametrize("after", [None, 20])
def test_silence(pypi: FakePypi, after: int | None) -> None:
    """A server that falls silent, before or in the middle, is given up."""
    pypi.inject(Hang(after))
    began = time.monotonic()
    with asking(pypi, timeout=0.2) as upstream, pytest.raises(UpstreamUnavailable):
        upstream.project(SIX)
    assert time.monotonic() - began < 3


def test_dribbling(pypi: FakePypi) -> None:
    """A page that never ends, yet is never silent, is given up, too."""
    pypi.inject(Slow(chunk=1, pause=0.02), at=PAGE)
    began = time.monotonic()
    with (
        asking(pypi, timeout=0.1) as upstream,
        pytest.raises(UpstreamUnavailable, match="took more than"),
    ):
        upstream.project(SIX)
    assert time.monotonic() - began < 4
