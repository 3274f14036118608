"""Tests of passing files through the application, without nginx."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from falcon.testing import Result, TestClient
from hypothesis import given
from hypothesis import strategies as st

from app.upstream import Upstream
from app.web.application import create_app
from app.web.decisions import Sources
from app.web.files import REDIRECT_HEADER, WAIT_HEADER
from app.web.ranges import Wanted, parse_range
from tests.fake_pypi import FakeFile, FakePypi, IgnoreRange, Status
from tests.fake_pypi.asking import asking
from tests.web_fakes import WHEEL, Mirror

CONTENT = bytes(range(256)) * 1000
LAST = len(CONTENT) - 1


@pytest.fixture
def host(fake_pypi: FakePypi) -> Iterator[Upstream]:
    """Return the door to an upstream."""
    with asking(fake_pypi) as upstream:
        yield upstream


@pytest.fixture
def wheel(fake_pypi: FakePypi) -> FakeFile:
    """Return a file that upstream has."""
    name = "six-1.17.0-py3-none-any.whl"
    return fake_pypi.add_file("six", name, CONTENT, metadata=b"Name: six\n")


@pytest.fixture
def mirror(tmp_path: Path, fake_pypi: FakePypi, host: Upstream) -> Mirror:
    """Return parts whose upstream is behind an HTTP proxy."""
    sources = Sources(
        (fake_pypi.packages_url,), (fake_pypi.packages_url,), through_app=True, hosts=frozenset()
    )
    return Mirror(tmp_path / "simple", host, sources=sources)


def _get(mirror: Mirror, path: str, method: str = "GET", **headers: str) -> Result:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    app = TestClient(create_app(mirror.parts()))
    return app.simulate_request(method, f"/streams/{path}", headers=named)


def test_a_file_passes_whole(mirror: Mirror, wheel: FakeFile) -> None:
    """Its bytes, size and validators are upstream's."""
    answer = _get(mirror, wheel.path)
    assert 200 == answer.status_code
    assert CONTENT == answer.content
    assert str(len(CONTENT)) == answer.headers["Content-Length"]
    assert "bytes" == answer.headers["Accept-Ranges"]
    assert answer.headers["ETag"].startswith('"')


def test_its_metadata_passes(mirror: Mirror, wheel: FakeFile) -> None:
    """`.metadata` is a file like any other here."""
    assert b"Name: six\n" == _get(mirror, wheel.path + ".metadata").content


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-", 0, LAST),
        ("bytes=100-199", 100, 199),
        ("bytes=1000-", 1000, LAST),
        ("bytes=1000-99999999", 1000, LAST),
        (f"bytes={LAST}-", LAST, LAST),
        ("bytes=-100", LAST - 99, LAST),
        ("bytes=-99999999", 0, LAST),
    ],
)
def test_a_range_passes(
    mirror: Mirror, wheel: FakeFile, header: str, first: int, last: int
) -> None:
    """First, middle, open and suffix ranges have their bytes and say which they are."""
    answer = _get(mirror, wheel.path, Range=header)
    assert 206 == answer.status_code
    assert f"bytes {first}-{last}/{len(CONTENT)}" == answer.headers["Content-Range"]
    assert CONTENT[first : last + 1] == answer.content
    assert str(last - first + 1) == answer.headers["Content-Length"]


@pytest.mark.parametrize("header", [f"bytes={LAST + 1}-", "bytes=99999999-", "bytes=-0"])
def test_a_range_beyond_the_end_is_416(mirror: Mirror, wheel: FakeFile, header: str) -> None:
    """The answer says how long the file is."""
    answer = _get(mirror, wheel.path, Range=header)
    assert 416 == answer.status_code
    assert f"bytes */{len(CONTENT)}" == answer.headers["Content-Range"]


@pytest.mark.parametrize("header", ["bytes=0-1,5-6", "bytes=5-2", "lines=1-2", "bytes=x-"])
def test_other_ranges_get_the_whole(mirror: Mirror, wheel: FakeFile, header: str) -> None:
    """A server may ignore what it does not do."""
    answer = _get(mirror, wheel.path, Range=header)
    assert (200, CONTENT) == (answer.status_code, answer.content)


def test_a_range_goes_with_its_etag(mirror: Mirror, wheel: FakeFile) -> None:
    """A client resumes with If-Range: another file's rest would be fatal."""
    etag = _get(mirror, wheel.path).headers["ETag"]
    for first in (0, 10):
        wanted = f"bytes={first}-19"
        answer = _get(mirror, wheel.path, Range=wanted, If_Range=etag)
        assert (206, CONTENT[first:20]) == (answer.status_code, answer.content)
        for other in ('"other"', "Mon, 01 Jan 2024 00:00:00 GMT", f"W/{etag}"):
            answer = _get(mirror, wheel.path, Range=wanted, If_Range=other)
            assert (200, CONTENT) == (answer.status_code, answer.content)


def test_an_upstream_without_ranges_gives_the_whole(
    mirror: Mirror, wheel: FakeFile, fake_pypi: FakePypi
) -> None:
    """A 200 in spite of Range stays one: a 206 from the wrong offset is fatal."""
    fake_pypi.inject(IgnoreRange())
    for header in ("bytes=100-199", "bytes=-5"):
        answer = _get(mirror, wheel.path, Range=header)
        assert (200, CONTENT) == (answer.status_code, answer.content)


def test_head_tells_the_size(mirror: Mirror, wheel: FakeFile, fake_pypi: FakePypi) -> None:
    """Without a byte of the file being fetched."""
    answer = _get(mirror, wheel.path, "HEAD")
    assert 200 == answer.status_code
    assert str(len(CONTENT)) == answer.headers["Content-Length"]
    assert 0 == fake_pypi.count(method="GET")


def test_what_upstream_does_not_have_is_404(mirror: Mirror) -> None:
    """As plain text, not as a file."""
    answer = _get(mirror, WHEEL)
    assert 404 == answer.status_code
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_an_upstream_that_is_off_is_left(
    mirror: Mirror, wheel: FakeFile, fake_pypi: FakePypi
) -> None:
    """Then the client is sent on; nothing of the file has gone out."""
    fake_pypi.inject(Status(503))
    answer = _get(mirror, wheel.path)
    assert "@sent_on" == answer.headers["X-Accel-Redirect"]
    assert fake_pypi.packages_url + wheel.path == answer.headers[REDIRECT_HEADER]
    for _ in range(3):
        answer = _get(mirror, wheel.path)
    assert "@nowhere" == answer.headers["X-Accel-Redirect"]
    assert "11" == answer.headers[WAIT_HEADER]


def test_every_place_is_given_back(mirror: Mirror, wheel: FakeFile) -> None:
    """After a whole file, a range, an error and an answer that nobody read.

    Who finds none is sent on.
    """
    parts = mirror.parts()
    app = TestClient(create_app(parts))
    for headers in ({}, {"Range": "bytes=0-9"}, {"Range": "bytes=99999999-"}):
        app.simulate_get(f"/streams/{wheel.path}", headers=headers)
    app.simulate_get(f"/streams/{WHEEL}")
    app.simulate_head(f"/streams/{wheel.path}")
    with parts.stream_places.one():
        assert 204 == app.simulate_get(f"/streams/{wheel.path}").status_code
    assert 200 == app.simulate_get(f"/streams/{wheel.path}").status_code


@given(st.text() | st.from_regex(r"bytes=\d{0,20}-\d{0,20}", fullmatch=True))
def test_no_range_breaks_the_parser(header: str) -> None:
    """Whatever a client sends, the answer is a range or the whole."""
    parse_range(header)


@given(
    st.builds(
        Wanted,
        st.integers(0, 50),
        st.none() | st.integers(0, 50),
        st.none() | st.integers(0, 50),
    ),
    st.integers(0, 40),
)
def test_a_range_lies_within_the_file(wanted: Wanted, total: int) -> None:
    """Its first byte is not after its last, and its last is in the file."""
    span = wanted.within(total)
    if span is not None:
        assert 0 <= span[0] <= span[1] < total
