"""A project's page comes whole, from any kind of index, or not at all."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.names import ProjectName
from app.upstream import (
    FetchedProject,
    NoSuchProject,
    Upstream,
    UpstreamUnavailable,
    UpstreamUntrusted,
    Validators,
)
from tests.fake_pypi import (
    FakePypi,
    Redirect,
    Replaced,
    StaleSerial,
    Status,
    make_sdist,
    make_wheel,
)
from tests.fake_pypi.asking import asking

SIX = ProjectName("six")
PAGE = "/simple/six/"
JSON_PAGE = "application/vnd.pypi.simple.v1+json"


def stock(pypi: FakePypi) -> None:
    """Put a project with a wheel and a yanked sdist on an index."""
    pypi.add(make_wheel("Six", "1.0", requires_python=">=3.8"))
    pypi.add(make_sdist("Six", "0.9"), yanked="broken")


@pytest.fixture
def pypi() -> Iterator[FakePypi]:
    """Yield an index of PyPI's kind with one project."""
    with FakePypi() as index:
        stock(index)
        yield index


@pytest.fixture
def upstream(pypi: FakePypi) -> Iterator[Upstream]:
    """Yield the door to it."""
    with asking(pypi) as door:
        yield door


def fetched(upstream: Upstream, known: Validators | None = None) -> FetchedProject:
    """Return the page, which must not be unmodified."""
    found = upstream.project(SIX, known)
    assert found is not None
    return found


def test_json_page(pypi: FakePypi, upstream: Upstream) -> None:
    """A JSON page is read as it is, in one request."""
    project = fetched(upstream).project
    listed = pypi.project("six")
    assert listed.serial == project.serial
    assert [file.path for file in listed.files] == [file.path for file in project.files]
    assert [None, None] == [file.origin for file in project.files]
    assert ("1.0", "0.9") == project.versions
    assert [False, "broken"] == [file.yanked for file in project.files]
    assert [PAGE] == [request.path for request in pypi.requests]


def test_what_is_sent(pypi: FakePypi, upstream: Upstream) -> None:
    """The request prefers JSON, takes gzip, names its sender, and ends in a slash."""
    upstream.project(SIX)
    (request,) = pypi.requests
    assert request.headers["accept"].startswith(JSON_PAGE + ", ")
    assert "text/html;q=0.01" in request.headers["accept"]
    assert "gzip" == request.headers["accept-encoding"]
    assert "larder/0 (test)" == request.headers["user-agent"]
    assert "cookie" not in request.headers


def test_not_modified(pypi: FakePypi, upstream: Upstream) -> None:
    """A page that is as known is None; a changed one is fetched."""
    known = fetched(upstream).validators
    assert known.etag
    assert upstream.project(SIX, known) is None
    pypi.touch("six")
    assert known != fetched(upstream, known).validators


@pytest.mark.parametrize("etag", ['"a\0b"', '"a\x1bb"', f'"{"x" * 5000}"', ""])
def test_a_validator_that_cannot_be_sent_back_is_none(
    pypi: FakePypi, upstream: Upstream, etag: str
) -> None:
    """No database need hold it, and no later request fails for it."""
    page = b'{"meta": {}, "name": "six", "files": []}'
    pypi.inject(Replaced(page, JSON_PAGE, headers={"ETag": etag}), at=PAGE)
    assert fetched(upstream).validators.etag is None


def test_not_modified_since() -> None:
    """Where there is no ETag, Last-Modified is used."""
    known = Validators(last_modified="Mon, 01 Jan 2024 00:00:00 GMT")
    with FakePypi(validators=False) as pypi, asking(pypi) as upstream:
        stock(pypi)
        assert Validators() == fetched(upstream, known).validators
        assert known.last_modified == pypi.requests[-1].headers["if-modified-since"]


def test_without_validators_nothing_is_conditional(pypi: FakePypi, upstream: Upstream) -> None:
    """Empty validators make a plain request, and a 304 to that is no answer."""
    assert upstream.project(SIX, Validators()) is not None
    assert "if-none-match" not in pypi.requests[-1].headers
    pypi.inject(Replaced(b"", status=304))
    with pytest.raises(UpstreamUntrusted, match="answers 304"):
        upstream.project(SIX, Validators())


@pytest.mark.parametrize("status", [404, 410])
def test_no_such_project(pypi: FakePypi, upstream: Upstream, status: int) -> None:
    """Only 404 and 410 say that there is no such project."""
    pypi.inject(Status(status))
    with pytest.raises(NoSuchProject, match=f"{pypi.url}{PAGE} is not there"):
        upstream.project(SIX)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_try_later(pypi: FakePypi, upstream: Upstream, status: int) -> None:
    """An overloaded or broken server is asked again later."""
    pypi.inject(Replaced(b"", status=status) if status == 599 else Status(status))
    with pytest.raises(UpstreamUnavailable, match=f"{PAGE} answers {status}"):
        upstream.project(SIX)


@pytest.mark.parametrize("status", [204, 206, 300, 400, 401, 403, 406, 451])
def test_answers_that_are_no_page(pypi: FakePypi, upstream: Upstream, status: int) -> None:
    """Any other status is not to be believed, least of all as "no such project"."""
    pypi.inject(Status(status))
    with pytest.raises(UpstreamUntrusted, match=f"answers {status}"):
        upstream.project(SIX)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{", JSON_PAGE),
        (b'{"meta":{"api-version":"2.0"},"name":"six","files":[]}', JSON_PAGE),
        (b'{"meta":{"api-version":"1.0"},"name":"seven","files":[]}', JSON_PAGE),
        (b'{"meta":{},"name":"six","files":[]}', "application/vnd.pypi.simple.v2+json"),
        (b"\x89PNG", "image/png"),
        (b"six", "text/plain"),
    ],
)
def test_pages_that_cannot_be_believed(
    pypi: FakePypi, upstream: Upstream, body: bytes, content_type: str
) -> None:
    """What is not this project's page is refused, with the URL in the message."""
    pypi.inject(Replaced(body, content_type))
    with pytest.raises(UpstreamUntrusted, match=f"{pypi.url}{PAGE} "):
        upstream.project(SIX)


def test_what_is_quoted_commands_no_terminal(pypi: FakePypi, upstream: Upstream) -> None:
    """A header may hold control characters; logs and `status` quote it."""
    for fault in (Replaced(b"x", "text/\x1b[31mred"), Redirect("http://\x1b[31m.example.org/")):
        pypi.inject(fault, at=PAGE)
        with pytest.raises(UpstreamUntrusted) as caught:
            upstream.project(SIX)
        assert str(caught.value).isprintable()


def test_json_of_a_static_server(pypi: FakePypi, upstream: Upstream) -> None:
    """JSON that a server names after the file's ending is a page, too."""
    pypi.inject(Replaced(b'{"meta":{},"name":"six","files":[]}', "application/json; charset=x"))
    assert () == fetched(upstream).project.files


@pytest.mark.parametrize(("header", "serial"), [("17", 17), ("x", None), ("²", None), (None, None)])
def test_the_headers_serial(
    pypi: FakePypi, upstream: Upstream, header: str | None, serial: int | None
) -> None:
    """The header's serial counts where the body has none."""
    sent = {} if header is None else {"X-PyPI-Last-Serial": header}
    body = b'{"meta":{},"name":"six","files":[]}'
    pypi.inject(Replaced(body, JSON_PAGE, headers=sent))
    assert serial == fetched(upstream).project.serial


def test_the_bodys_serial_comes_first(pypi: FakePypi, upstream: Upstream) -> None:
    """A header that disagrees with the body is passed over."""
    pypi.inject(StaleSerial(1))
    assert pypi.project("six").serial == fetched(upstream).project.serial


def test_one_bad_file_does_not_cost_the_page(pypi: FakePypi, upstream: Upstream) -> None:
    """A hostile file is left out, and named; the others stay."""
    pypi.add_file("six", "../../etc/passwd", b"x")
    project = fetched(upstream).project
    assert 2 == len(project.files)
    assert 1 == len(project.refused)


def test_files_elsewhere_keep_their_url() -> None:
    """A file that is not below /packages/ has a path of ours and its own URL."""
    with FakePypi(simple_path="/root/pypi/+simple/") as pypi:
        file = pypi.add(make_wheel("six", "1.0"), url="/root/pypi/+f/abc/six-1.0-py3-none-any.whl")
        with asking(pypi) as upstream:
            (found,) = fetched(upstream).project.files
            assert file.hashes["sha256"][4:] in found.path
            assert pypi.url + "/root/pypi/+f/abc/six-1.0-py3-none-any.whl" == found.origin
            (url,) = upstream.url_of(found.path, found.origin)
            with upstream.open_file(url) as body:
                assert file.content == b"".join(body.chunks())


def test_redirects_within_the_host(pypi: FakePypi, upstream: Upstream) -> None:
    """A page that is elsewhere on the host is followed, and links count from there."""
    pypi.add_project("other")
    pypi.inject(Redirect("/simple/six/"), at="/simple/other/")
    with pytest.raises(UpstreamUntrusted, match="six"):
        upstream.project(ProjectName("other"))
    pypi.inject(Redirect("/simple/SIX/", 301), at=PAGE, times=1)
    assert 2 == len(fetched(upstream).project.files)


def test_validators_compare_by_value() -> None:
    """Validators are data."""
    assert Validators("a") == replace(Validators(), etag="a")
