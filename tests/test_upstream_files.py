"""Files come whole or from where they stopped, and never from elsewhere."""

from collections.abc import Iterator

import pytest

from app.names import FilePath
from app.upstream import (
    CutBodyError,
    NoSuchFile,
    Upstream,
    UpstreamUnavailable,
    UpstreamUntrusted,
)
from tests.fake_pypi import (
    CutBody,
    FakeFile,
    FakePypi,
    Hang,
    IgnoreRange,
    Redirect,
    Replaced,
    Status,
    WrongRange,
    make_wheel,
)
from tests.fake_pypi.asking import asking

MORE = 300_000


@pytest.fixture
def pypi() -> Iterator[FakePypi]:
    """Yield an index with a file of some length."""
    with FakePypi() as index:
        index.add(make_wheel("six", "1.0", padding=MORE))
        yield index


@pytest.fixture
def file(pypi: FakePypi) -> FakeFile:
    """Return the file."""
    return pypi.project("six").files[0]


@pytest.fixture
def url(pypi: FakePypi, file: FakeFile) -> str:
    """Return where it is."""
    return pypi.packages_url + file.path


@pytest.fixture
def upstream(pypi: FakePypi) -> Iterator[Upstream]:
    """Yield the door."""
    with asking(pypi) as door:
        yield door


def test_a_whole_file(pypi: FakePypi, upstream: Upstream, file: FakeFile, url: str) -> None:
    """A file comes as it is, with what its headers say."""
    with upstream.open_file(url) as body:
        chunks = list(body.chunks())
    assert file.content == b"".join(chunks)
    assert len(chunks) > 1
    assert (200, 0, len(file.content)) == (body.status, body.start, body.total)
    assert body.etag is not None
    assert "application/octet-stream" == body.content_type
    assert "GMT" in (body.last_modified or "")
    (request,) = pypi.requests
    assert "identity" == request.headers["accept-encoding"]
    assert "range" not in request.headers


def test_the_rest_of_a_file(pypi: FakePypi, upstream: Upstream, file: FakeFile, url: str) -> None:
    """From an offset on, only the rest comes."""
    with upstream.open_file(url, 1000) as body:
        rest = b"".join(body.chunks())
    assert file.content[1000:] == rest
    assert (206, 1000, len(file.content)) == (body.status, body.start, body.total)
    assert "bytes=1000-" == pypi.requests[0].headers["range"]


def test_a_changed_file_comes_whole(upstream: Upstream, file: FakeFile, url: str) -> None:
    """With the ETag of another content the whole comes, with its own the rest."""
    with upstream.open_file(url) as body:
        etag = body.etag
    with upstream.open_file(url, 1000, etag) as body:
        assert 1000 == body.start
    with upstream.open_file(url, 1000, '"other"') as body:
        assert 0 == body.start
        assert file.content == b"".join(body.chunks())


def test_a_weak_validator_is_not_sent(pypi: FakePypi, upstream: Upstream, url: str) -> None:
    """A weak ETag says nothing of bytes."""
    with upstream.open_file(url, 1000, 'W/"other"') as body:
        assert 1000 == body.start
    assert "if-range" not in pypi.requests[0].headers


def test_a_server_without_ranges(
    pypi: FakePypi, upstream: Upstream, file: FakeFile, url: str
) -> None:
    """A 200 in spite of Range starts from the beginning."""
    pypi.inject(IgnoreRange())
    with upstream.open_file(url, 1000) as body:
        assert (200, 0) == (body.status, body.start)
        assert file.content == b"".join(body.chunks())


@pytest.mark.parametrize(
    "content_range",
    [
        "bytes 1-4/5",
        "bytes 1000-1999/*x",
        "bytes 0-9/10",
        "bytes 1000-1500/2000",
        "items 1-2/3",
        "",
    ],
)
def test_a_wrong_range(pypi: FakePypi, upstream: Upstream, url: str, content_range: str) -> None:
    """A part that is not the rest from the offset is refused."""
    pypi.inject(WrongRange(content_range))
    with (
        pytest.raises(UpstreamUntrusted, match=f"{url} answers the range"),
        upstream.open_file(url, 1000),
    ):
        pass


def test_a_part_that_nobody_asked_for(pypi: FakePypi, upstream: Upstream, url: str) -> None:
    """A 206 to a plain request is refused, even if it is the whole."""
    pypi.inject(WrongRange("bytes 0-9/10"))
    with pytest.raises(UpstreamUntrusted), upstream.open_file(url):
        pass


def test_a_size_that_is_not_told(pypi: FakePypi, upstream: Upstream, url: str) -> None:
    """A part of a file whose size upstream does not know is good."""
    pypi.inject(WrongRange("bytes 1000-1999/*"))
    with upstream.open_file(url, 1000) as body:
        assert (1000, None) == (body.start, body.total)


def test_nothing_is_left(upstream: Upstream, file: FakeFile, url: str) -> None:
    """From the end on, nothing comes, and that is no error."""
    size = len(file.content)
    with upstream.open_file(url, size) as body:
        assert (size, size) == (body.start, body.total)
        assert b"" == b"".join(body.chunks())


def test_a_shorter_file_comes_whole(upstream: Upstream, file: FakeFile, url: str) -> None:
    """From behind the end on, the whole comes."""
    with upstream.open_file(url, len(file.content) + 1) as body:
        assert 0 == body.start
        assert file.content == b"".join(body.chunks())


def test_a_server_that_satisfies_no_range(pypi: FakePypi, upstream: Upstream, url: str) -> None:
    """A 416 for the whole is no file."""
    pypi.inject(Status(416))
    with pytest.raises(UpstreamUntrusted, match="answers 416"), upstream.open_file(url, 1000):
        pass
    assert 2 == pypi.count(method="GET")


@pytest.mark.parametrize("start", [0, 1000])
def test_a_cut_file(pypi: FakePypi, upstream: Upstream, url: str, start: int) -> None:
    """A file that ends early is an error after its last byte."""
    pypi.inject(CutBody(5000))
    received: list[bytes] = []
    with upstream.open_file(url, start) as body, pytest.raises(CutBodyError):
        received.extend(body.chunks())
    assert 5000 == sum(map(len, received))


def test_silence(pypi: FakePypi, url: str) -> None:
    """A file that stops coming is given up, after what has come."""
    pypi.inject(Hang(5000))
    received: list[bytes] = []
    with (
        asking(pypi, timeout=0.2) as upstream,
        upstream.open_file(url) as body,
        pytest.raises(UpstreamUnavailable, match="fell silent"),
    ):
        received.extend(body.chunks())
    assert 5000 == sum(map(len, received))


def test_a_packed_archive_stays_packed(pypi: FakePypi, upstream: Upstream, url: str) -> None:
    """A server that calls an archive's own gzip an encoding changes nothing."""
    pypi.inject(Replaced(b"\x1f\x8b...", headers={"Content-Encoding": "gzip"}))
    with upstream.open_file(url) as body:
        assert b"\x1f\x8b..." == b"".join(body.chunks())


def test_redirects_to_other_hosts(pypi: FakePypi, file: FakeFile, url: str) -> None:
    """A file may be on another host: its content is what is checked."""
    with FakePypi() as store, asking(pypi, redirects_to=(store.url,)) as upstream:
        other = store.add_file("six", file.filename, file.content)
        pypi.inject(Redirect(store.packages_url + other.path + "?signature=secret"))
        with upstream.open_file(url, 1000) as body:
            assert file.content[1000:] == b"".join(body.chunks())
        store.inject(Status(503))
        with pytest.raises(UpstreamUnavailable) as caught, upstream.open_file(url):
            pass
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, NoSuchFile),
        (410, NoSuchFile),
        (403, UpstreamUntrusted),
        (503, UpstreamUnavailable),
        (429, UpstreamUnavailable),
    ],
)
def test_errors(
    pypi: FakePypi, upstream: Upstream, url: str, status: int, error: type[Exception]
) -> None:
    """Errors are told apart, for the file and for its size."""
    pypi.inject(Status(status))
    with pytest.raises(error, match=url), upstream.open_file(url):
        pass
    with pytest.raises(error, match=url):
        upstream.file_size(url)


def test_sizes(pypi: FakePypi, upstream: Upstream, file: FakeFile, url: str) -> None:
    """The size is asked for by HEAD alone."""
    assert len(file.content) == upstream.file_size(url)
    assert ["HEAD"] == [request.method for request in pypi.requests]


@pytest.mark.parametrize("status", [403, 405, 501])
def test_sizes_without_head(
    pypi: FakePypi, upstream: Upstream, file: FakeFile, url: str, status: int
) -> None:
    """Where there is no HEAD, the head of a GET has the size, too."""
    pypi.inject(Status(status), method="HEAD")
    assert len(file.content) == upstream.file_size(url)


def test_sizes_that_are_not_told(pypi: FakePypi, upstream: Upstream, url: str) -> None:
    """Without a length there is no size."""
    pypi.inject(Replaced(b"x", headers={"Transfer-Encoding": "chunked"}), method="HEAD")
    assert upstream.file_size(url) is None


def test_where_files_are(pypi: FakePypi) -> None:
    """A file is where it says, or else below each of the places, in their order."""
    hosts = ("https://files.example.org/packages/", "https://other.example.org/p")
    path = FilePath("ab/cd/" + "e" * 60 + "/six-1.0+x!y z~.tar.gz")
    tail = "ab/cd/" + "e" * 60 + "/six-1.0%2Bx%21y%20z~.tar.gz"
    with asking(pypi, packages_url=hosts) as upstream:
        assert upstream.url_of(path, None) == (
            f"https://files.example.org/packages/{tail}",
            f"https://other.example.org/p/{tail}",
        )
        assert ("https://example.org/x",) == upstream.url_of(path, "https://example.org/x")
