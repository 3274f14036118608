"""Tests of files, held and not held, through real nginx and gunicorn."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.names import FilePath
from app.store import Store
from tests.fake_pypi import FakeFile, FakePypi, Replaced, Status, make_sdist, make_wheel
from tests.fake_pypi.answers import Request
from tests.serving import Answer, Serving
from tests.web_fakes import WHEEL

pytestmark = pytest.mark.system

CONTENT = hashlib.shake_256(b"a wheel").digest(200_000)
JSON = "application/vnd.pypi.simple.v1+json"
PROXIED = {"X_Forwarded_For": "10.1.2.3"}
REDIRECTED = {"X_Forwarded_For": "192.0.2.3"}
TIERS = ("hot", "cold")


@pytest.fixture(scope="module")
def pypi() -> Iterator[FakePypi]:
    """Return an upstream."""
    with FakePypi() as running:
        yield running


@pytest.fixture(scope="module")
def wheel(pypi: FakePypi) -> FakeFile:
    """Return a file that upstream has, and the mirror has not."""
    name = "six-1.17.0-py3-none-any.whl"
    return pypi.add_file("six", name, CONTENT, version="1.17.0", metadata=b"Name: six\n")


@pytest.fixture(scope="module")
def mirror(
    pypi: FakePypi, wheel: FakeFile, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving]:
    """Return a mirror that proxies for 10.0.0.0/8, and knows the project."""
    modes = {"default": "302", "rules": [{"cidr": "10.0.0.0/8", "mode": "proxy"}]}
    folder = tmp_path_factory.mktemp("files")
    log = {"path": str(folder / "access.log")}
    upstream = {
        "pypi_url": pypi.pypi_url,
        "packages_url": pypi.packages_url,
        "redirect_url": f"{pypi.url}/elsewhere/packages/",
        "probe_interval": "1s",
    }
    changes = {"ip_modes": modes, "trusted_proxies": ["127.0.0.0/8"], "log": log}
    changes |= {"upstream": upstream}
    with Serving.of(folder, pypi, **changes) as running:
        assert wheel.filename in running.get("/pypi/simple/six/").body.decode()
        yield running


@pytest.fixture(autouse=True)
def _healed(pypi: FakePypi, mirror: Serving) -> Iterator[None]:
    """No fault of one test is another's."""
    yield
    pypi.heal()
    mirror.wait_until_good()


def _asked(pypi: FakePypi) -> list[Request]:
    """Return what upstream was asked, but for probes."""
    return [one for one in pypi.requests if "x-larder-probe" not in one.headers]


def _path(name: str) -> FilePath:
    digest = hashlib.sha256(name.encode()).hexdigest()
    return FilePath(f"{digest[:2]}/{digest[2:4]}/{digest[4:]}/{name}")


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("six-1.17.0-py3-none-any.whl", "application/zip"),
        ("six-1.17.0-py3-none-any.whl.metadata", "text/plain; charset=utf-8"),
        ("six-1.17.0.zip", "application/zip"),
        ("six-1.17.0.tar.gz", "application/gzip"),
        ("six-1.17.0.tar.bz2", "application/x-bzip2"),
        ("six-1.17.0.exe", "application/octet-stream"),
        ("six 1+local!~x-1.whl", "application/zip"),
    ],
)
def test_a_held_file_is_served_from_its_tier(
    mirror: Serving, tier: str, name: str, kind: str
) -> None:
    """With its type, no encoding, and for ever."""
    path = _path(tier + name)
    held = mirror.hold(tier, path, CONTENT)
    answer = mirror.get(f"/pypi/packages/{path.replace(' ', '%20')}", Accept_Encoding="gzip")
    assert (200, CONTENT) == (answer.status, answer.body)
    assert kind == answer.header("Content-Type")
    assert "" == answer.header("Content-Encoding")
    assert "public, max-age=31536000, immutable" == answer.header("Cache-Control")
    assert "*" == answer.header("Access-Control-Allow-Origin")
    assert "nosniff" == answer.header("X-Content-Type-Options")
    held.unlink()


def test_a_held_file_keeps_its_etag_when_it_moves(mirror: Serving) -> None:
    """A download that is resumed after a promotion goes on."""
    path = _path("moving.whl")
    url = f"/pypi/packages/{path}"
    cold = mirror.hold("cold", path, CONTENT)
    tag = mirror.get(url).header("ETag")
    mirror.hold("hot", path, CONTENT)
    cold.unlink()
    assert tag == mirror.get(url).header("ETag")
    answer = mirror.get(url, Range="bytes=1000-", If_Range=tag)
    assert (206, CONTENT[1000:]) == (answer.status, answer.body)
    assert 304 == mirror.get(url, If_None_Match=tag).status


_RANGES = [
    ("bytes=0-9", CONTENT[:10]),
    ("bytes=100-199", CONTENT[100:200]),
    ("bytes=-100", CONTENT[-100:]),
    ("bytes=199999-", CONTENT[-1:]),
]


@pytest.mark.parametrize(("wanted", "body"), _RANGES)
def test_a_range_of_a_held_file_is_served(mirror: Serving, wanted: str, body: bytes) -> None:
    """From the disk: first, middle, suffix, last."""
    path = _path("range.whl")
    mirror.hold("hot", path, CONTENT)
    answer = mirror.get(f"/pypi/packages/{path}", Range=wanted)
    assert (206, body) == (answer.status, answer.body)
    assert answer.header("Content-Range").endswith("/200000")
    assert 416 == mirror.get(f"/pypi/packages/{path}", Range="bytes=200000-").status


@pytest.mark.parametrize(("wanted", "body"), _RANGES)
def test_a_range_passes_through(mirror: Serving, wheel: FakeFile, wanted: str, body: bytes) -> None:
    """From upstream, alike."""
    path = f"/pypi/packages/{wheel.path}"
    answer = mirror.get(path, Range=wanted, **PROXIED)
    assert (206, body) == (answer.status, answer.body)
    assert answer.header("Content-Range").endswith("/200000")
    assert 416 == mirror.get(path, Range="bytes=200000-", **PROXIED).status


@pytest.mark.parametrize(("method", "wanted"), [("HEAD", ""), ("GET", "bytes=-9")])
def test_head_and_small_ranges_are_never_redirected(
    mirror: Serving, wheel: FakeFile, method: str, wanted: str
) -> None:
    """A resolver that reads a wheel's metadata so breaks at a redirect."""
    headers = {"Range": wanted} if wanted else {}
    answer = mirror.get(f"/pypi/packages/{wheel.path}", method, **headers, **REDIRECTED)
    expected = (206, CONTENT[-9:]) if wanted else (200, b"")
    assert expected == (answer.status, answer.body)


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-9999999"}])
def test_a_file_that_is_not_held_is_redirected(
    mirror: Serving, wheel: FakeFile, headers: dict[str, str]
) -> None:
    """For now, to the configured place, whatever Host says."""
    path = f"/pypi/packages/{wheel.path}"
    answer = mirror.get(path, **headers, **REDIRECTED, Host="evil.example.org")
    assert 302 == answer.status
    expected = mirror.config.upstream.redirect_url[0] + wheel.path
    assert expected == answer.header("Location")
    assert "no-store" == answer.header("Cache-Control")
    assert "*" == answer.header("Access-Control-Allow-Origin")


def test_a_file_that_is_not_held_passes_through(
    mirror: Serving, pypi: FakePypi, wheel: FakeFile
) -> None:
    """Upstream gets the mirror's name and nothing of the client's; the client no cookie."""
    pypi.forget_requests()
    answer = mirror.get(
        f"/pypi/packages/{wheel.path}",
        Cookie="secret=1",
        Authorization="Basic c2VjcmV0",
        Referer="http://secret.example.org/",
        User_Agent="secret/1",
        X_Larder_Upstream="http://192.0.2.1/secret",
        X_Larder_Client="192.0.2.1",
        **PROXIED,
    )
    assert (200, CONTENT) == (answer.status, answer.body)
    assert "public, max-age=31536000, immutable" == answer.header("Cache-Control")
    assert "*" == answer.header("Access-Control-Allow-Origin")
    assert "" == answer.header("X-Larder-Upstream")
    (request,) = _asked(pypi)
    assert "secret" not in str(request.headers)
    assert "10.1.2.3" not in str(request.headers)
    assert mirror.config.sync.user_agent == request.headers["user-agent"]
    assert "identity" == request.headers["accept-encoding"]


def test_head_passes_through(mirror: Serving, pypi: FakePypi, wheel: FakeFile) -> None:
    """It is what pip asks first, where there is no core metadata."""
    path = f"/pypi/packages/{wheel.path}"
    pypi.forget_requests()
    answer = mirror.get(path, "HEAD", **PROXIED)
    assert (200, b"") == (answer.status, answer.body)
    assert str(len(CONTENT)) == answer.header("Content-Length")
    assert ["HEAD"] == [request.method for request in _asked(pypi)]


def test_a_hostile_upstream_steers_nothing(
    mirror: Serving, pypi: FakePypi, wheel: FakeFile
) -> None:
    """Its headers cannot reach an internal location, set a cookie, or pin the host."""
    headers = {
        "X-Accel-Redirect": "@held",
        "X-Accel-Limit-Rate": "1",
        "X-Accel-Buffering": "no",
        "X-Accel-Charset": "x",
        "X-Larder-Upstream": "http://192.0.2.1/",
        "X-Larder-Redirect": "http://192.0.2.1/",
        "X-Larder-Unheld": "@page_html",
        "X-Larder-Place": "http://192.0.2.1/",
        "X-Larder-Wait": "9",
        "Set-Cookie": "a=b",
        "Strict-Transport-Security": "max-age=1",
        "Content-Encoding": "gzip",
        "Cache-Control": "no-store",
    }
    kind = "application/octet-stream"
    pypi.inject(Replaced(CONTENT, kind, headers=headers), at=f"/packages/{wheel.path}")
    answer = mirror.get(f"/pypi/packages/{wheel.path}", **PROXIED)
    assert (200, CONTENT) == (answer.status, answer.body)
    for name in headers.keys() - {"Cache-Control"}:
        assert "" == answer.header(name), name
    assert "public, max-age=31536000, immutable" == answer.header("Cache-Control")
    assert kind == answer.header("Content-Type")
    assert answer.seconds < 2


@pytest.fixture
def fresh(pypi: FakePypi, request: pytest.FixtureRequest) -> FakeFile:
    """Return a file that nobody has asked for, so nobody shares a download of it."""
    name = f"six-1.17.0-{abs(hash(request.node.name))}-py3-none-any.whl"
    return pypi.add_file("fresh", name, CONTENT + name.encode())


@pytest.mark.parametrize("status", [301, 302, 307, 500, 502, 503])
def test_an_upstream_that_cannot_give_it_now_is_left_to_the_client(
    mirror: Serving, pypi: FakePypi, fresh: FakeFile, status: int
) -> None:
    """A clean redirect; never a half answer, or another host's redirect."""
    pypi.inject(
        Replaced(b"", status=status, headers={"Location": "https://other.example.org/x"}),
        at=f"/packages/{fresh.path}",
    )
    answer = mirror.get(f"/pypi/packages/{fresh.path}", **PROXIED)
    assert 302 == answer.status
    assert mirror.config.upstream.redirect_url[0] + fresh.path == answer.header("Location")


def test_an_upstream_that_refuses_connections_too(
    mirror: Serving, pypi: FakePypi, fresh: FakeFile
) -> None:
    """The client may have a way that this machine has not."""
    pypi.stop()
    try:
        assert 302 == mirror.get(f"/pypi/packages/{fresh.path}", **PROXIED).status
    finally:
        pypi.start()


def test_what_upstream_does_not_have_is_404(mirror: Serving) -> None:
    """In proxy mode the answer is upstream's; otherwise the client finds out itself."""
    assert 404 == mirror.get(f"/pypi/packages/{WHEEL}", **PROXIED).status
    answer = mirror.get(f"/pypi/packages/{WHEEL}", **REDIRECTED)
    assert mirror.config.upstream.redirect_url[0] + WHEEL == answer.header("Location")


@pytest.mark.parametrize("raw", ["a%20b-1%2Blocal%21.whl", "a%20b-1+local!.whl"])
def test_a_name_is_the_same_in_any_encoding(mirror: Serving, raw: str) -> None:
    """Held and not held, `+` and `%2B`, with the same last component."""
    path = _path("a b-1+local!.whl")
    url = "/pypi/packages/" + path.replace("a b-1+local!.whl", raw)
    answer = mirror.get(url, **REDIRECTED)
    assert 302 == answer.status
    assert answer.header("Location").endswith("/a%20b-1%2Blocal%21.whl")
    held = mirror.hold("hot", path, CONTENT)
    assert CONTENT == mirror.get(url).body
    held.unlink()


@pytest.fixture
def lost(mirror: Serving, wheel: FakeFile) -> Iterator[FakeFile]:
    """Return a file that the database says is held, and the disk does not have."""
    store = Store.open(mirror.config.database)
    path = FilePath(wheel.path)
    store.hold(path, str(mirror.config.repo_path / "hot"), 1)
    yield wheel
    store.release([path])
    store.close()


def test_a_file_that_should_be_held_and_is_not_comes_by_the_clients_mode(
    mirror: Serving, lost: FakeFile
) -> None:
    """The database says that it is here, nginx looks once more, and never twice."""
    path = f"/pypi/packages/{lost.path}"
    before = mirror.counted("decisions", "held")
    answer = mirror.get(path, **PROXIED)
    assert (200, CONTENT) == (answer.status, answer.body)
    answer = mirror.get(path, **REDIRECTED)
    expected = mirror.config.upstream.redirect_url[0] + lost.path
    assert (302, expected) == (answer.status, answer.header("Location"))
    assert mirror.counted("decisions", "held") == before + 2


def test_a_companion_that_is_not_held_with_its_file_comes_from_upstream(
    mirror: Serving, lost: FakeFile
) -> None:
    """The file alone is on the disk."""
    held = mirror.hold("hot", FilePath(lost.path), CONTENT)
    answer = mirror.get(f"/pypi/packages/{lost.path}.metadata", **PROXIED)
    assert (200, b"Name: six\n") == (answer.status, answer.body)
    held.unlink()


def test_a_lost_file_and_an_upstream_that_is_away_is_a_redirect(
    mirror: Serving, pypi: FakePypi, lost: FakeFile
) -> None:
    """Where neither the disk nor upstream has it, the client may."""
    pypi.inject(Status(503), at="/packages/*")
    answer = mirror.get(f"/pypi/packages/{lost.path}", **PROXIED)
    expected = mirror.config.upstream.redirect_url[0] + lost.path
    assert (302, expected) == (answer.status, answer.header("Location"))


def test_a_failed_proxying_leads_to_where_the_file_really_is(
    mirror: Serving, pypi: FakePypi
) -> None:
    """An index as devpi keeps files where no `/packages/` path leads."""
    url = f"{pypi.url}/root/+f/other-1.0.tar.gz"
    listed = pypi.add_file("other", "other-1.0.tar.gz", b"x", url=url)
    page = json.loads(mirror.get("/pypi/simple/other/", Accept=JSON).body)
    path = "/pypi/packages/" + page["files"][0]["url"].removeprefix("../../packages/")
    pypi.inject(Replaced(listed.content, status=200), at="/root/*")
    assert b"x" == mirror.get(path, **PROXIED).body
    pypi.inject(Status(503), at="/root/*")
    for headers in (PROXIED, REDIRECTED):
        for method in ("GET", "HEAD"):
            answer = mirror.get(path, method, **headers)
            assert (302, url) == (answer.status, answer.header("Location"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_is_not_403(mirror: Serving) -> None:
    """A redirect goes on, a 403 stops uv."""
    path = _path("closed.whl")
    held = mirror.hold("hot", path, CONTENT)
    held.chmod(0)
    assert 302 == mirror.get(f"/pypi/packages/{path}", **REDIRECTED).status


def test_the_log_says_which_tier_answered(mirror: Serving) -> None:
    """One JSON object a line; strange clients cannot break it."""
    mirror.hold("cold", WHEEL, CONTENT)
    mirror.get(f"/pypi/packages/{WHEEL}", User_Agent='a"b\\c\x7f', **REDIRECTED)
    mirror.get("/pypi/simple/six/", Referer="http://example.org/\xff", **PROXIED)
    mirror.raw(b"\x16\x03\x01nonsense\r\n\r\n", end=True)
    (mirror.config.repo_path / "cold" / WHEEL).unlink()
    assert mirror.config.log.path is not None
    lines = _logged(mirror, mirror.config.log.path)
    held = next(line for line in lines if line["user_agent"] == 'a"b\\c\x7f')
    assert "1" == held["tier"]
    assert "192.0.2.3" == held["remote_addr"]
    assert f"/pypi/packages/{WHEEL}" == held["request_uri"]
    assert (200, len(CONTENT), "GET") == (held["status"], held["bytes"], held["method"])
    page = next(line for line in lines if str(line["referer"]).startswith("http://example.org/"))
    assert ("", "10.1.2.3") == (page["tier"], page["remote_addr"])
    assert "400" in {str(line["status"]) for line in lines}


def test_an_sdist_and_a_wheel_of_an_index_pass_byte_for_byte(
    mirror: Serving, pypi: FakePypi
) -> None:
    """Real files, as clients will check them: by their hashes."""
    for built in (make_sdist("real", "1.0"), make_wheel("real", "1.0")):
        file = pypi.add(built)
        assert built.content == mirror.get(f"/pypi/packages/{file.path}", **PROXIED).body


def test_head_and_503_do_not_mix(mirror: Serving, pypi: FakePypi, wheel: FakeFile) -> None:
    """A HEAD that upstream fails is a redirect as well."""
    pypi.inject(Status(503), at=f"/packages/{wheel.path}", method="HEAD")
    answer: Answer = mirror.get(f"/pypi/packages/{wheel.path}", "HEAD", **PROXIED)
    assert 302 == answer.status


def _logged(mirror: Serving, path: Path) -> list[dict[str, object]]:
    # The log is buffered: a clean end writes it.
    mirror.stop_nginx()
    lines = [json.loads(line) for line in path.read_text(errors="replace").splitlines()]
    mirror.start_nginx()
    return lines
