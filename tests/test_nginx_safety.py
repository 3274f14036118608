"""Tests of what no client may get at, through real nginx and gunicorn."""

import http.client
import os
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fake_pypi import FakePypi, make_wheel
from tests.serving import Serving, wait_until
from tests.web_fakes import WHEEL

pytestmark = pytest.mark.system

_FOLDERS = WHEEL.rpartition("/")[0]
_PIECES = (
    *("/", "//", ".", "..", "%2e", "%2F", "%00", "%0a", "%5c", ";", "~", "simple", "packages"),
    *("six", "run", "larder.db", _FOLDERS, "six.whl", "@held", ".larder", "vote"),
)


@pytest.fixture(scope="module")
def pypi() -> Iterator[FakePypi]:
    """Return an upstream."""
    with FakePypi() as running:
        running.add(make_wheel("six", "1.17.0"))
        yield running


@pytest.fixture(scope="module")
def mirror(pypi: FakePypi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Return a mirror that proxies for everybody."""
    folder = tmp_path_factory.mktemp("safety")
    with Serving.of(folder, pypi, ip_modes={"default": "proxy"}) as running:
        assert 200 == running.get("/pypi/simple/six/").status
        (folder / "secret.whl").write_text("secret")
        yield running


def _request(target: str, version: str = "1.1", *headers: str) -> bytes:
    lines = [f"GET {target} HTTP/{version}", "Host: mirror", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def _status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    "target",
    [
        "/pypi/simple/../simple/six/",
        "/pypi/simple/%2e%2e/simple/six/",
        "/pypi/simple/./six/",
        "/pypi/simple/..",
        "/pypi/simple/six%2F",
        "/pypi/simple%2fsix/",
        "/pypi/simple/six/..%2f..%2flarder.db",
        "/pypi/simple/six%00/",
        "/pypi/simple/six%0d%0aX:%20y/",
        "/pypi/simple/six%5c/",
        "/pypi/simple/six/#x",
        "/pypi/simple/caf%c3%a9/",
        "/pypi/simple/%20/",
        "/pypi/simple/-/",
        "/pypi/simple/_six/",
        "/pypi/simple/six/index.html",
        "/pypi/simple/six/index.v1.json.gz",
        "/pypi/run/nginx.conf",
        "/pypi/larder.db",
        "/simple/six/",
        "/pypi/hot/x",
        f"/pypi/packages/{_FOLDERS}/../../../../run/nginx.conf",
        f"/pypi/packages/{_FOLDERS}/%2e%2e/x.whl",
        f"/pypi/packages/{_FOLDERS.replace('/', '%2F')}/six.whl",
        f"/pypi/packages/{_FOLDERS}/six%2fsix.whl",
        f"/pypi/packages/{_FOLDERS}/six%00.whl",
        f"/pypi/packages/{_FOLDERS}/six%0d%0aX:%20y.whl",
        f"/pypi/packages/{_FOLDERS}/.hidden",
        f"/pypi/packages/{_FOLDERS}/{'%c3%a9' * 114}.whl",
        f"/pypi/packages/{_FOLDERS}/",
        f"/pypi/packages//{WHEEL}",
        f"/pypi/packages/{WHEEL}/",
        f"/pypi/packages/{WHEEL.upper()}",
        f"/pypi/packages/{_FOLDERS}/{'x' * 231}.whl",
        "/pypi/packages/ab/cd/ef/six.whl",
        "/pypi/packages/../secret.whl",
        "/pypi/packages/secret.whl",
        "/.larder/vote",
        "//.larder/vote",
        "/.larder%2fvote",
        "/@upstream",
        "/@held",
        "/@page_html",
        "/metrics",
        "/healthz",
        "/pypi/metrics",
        "/votes/x",
        f"/votes/{WHEEL}",
        f"/packages/{WHEEL}",
        f"/streams/{WHEEL}",
        "/names/Six",
    ],
)
@pytest.mark.parametrize("form", ["{}", "http://mirror{}"])
def test_it_is_not_there_and_nobody_is_asked(
    mirror: Serving, pypi: FakePypi, target: str, form: str
) -> None:
    """400 or 404, nothing written, nothing sent upstream; in absolute form as well."""
    pypi.forget_requests()
    before = sorted(mirror.config.repo_path.rglob("*"))
    for version in ("1.0", "1.1"):
        answer = mirror.raw(_request(form.format(target), version))
        assert _status(answer) in (400, 404), answer
        assert b"X: y" not in answer
        assert b"secret" not in answer
    assert () == pypi.requests
    assert before == sorted(mirror.config.repo_path.rglob("*"))


@pytest.mark.parametrize("name", ["caf%e9", "caf%c2%85", "%e2%80%aelhw", "%c2%a0", "%ed%a0%80"])
def test_a_name_that_cannot_be_seen_is_no_name(mirror: Serving, pypi: FakePypi, name: str) -> None:
    """What is no UTF-8, controls a terminal, or turns the reading round."""
    pypi.forget_requests()
    assert 404 == mirror.get(f"/pypi/packages/{_FOLDERS}/{name}.whl").status
    assert () == pypi.requests


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /pypi/simple/six\x00/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /pypi/simple/six /x/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /pypi/simple/six\x7f/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /pypi/simple/six/ HTTP/1.1\r\n\r\n",
        b"GET /pypi/simple/" + b"x" * 9000 + b"/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /pypi/simple/six/ HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 9000 + b"\r\n\r\n",
        b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_is_no_request_is_refused(mirror: Serving, request_: bytes) -> None:
    """With a 4xx, or by closing; never with a page."""
    answer = mirror.raw(request_, end=True)
    assert answer == b"" or 400 <= _status(answer) < 500


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
@pytest.mark.parametrize("path", ["/pypi/simple/six/", f"/pypi/packages/{WHEEL}", "/", "/x"])
def test_only_get_and_head_are_answered(mirror: Serving, method: str, path: str) -> None:
    """405 says which are."""
    answer = mirror.get(path, method)
    assert (405, "GET, HEAD") == (answer.status, answer.header("Allow"))


def test_a_body_is_of_no_use(mirror: Serving) -> None:
    """A large one is refused before it is read."""
    head = _request("/pypi/simple/six/", "1.1", "Content-Length: 100000")
    assert 413 == _status(mirror.raw(head, end=True))


def test_headers_of_ours_mean_nothing_from_outside(mirror: Serving, pypi: FakePypi) -> None:
    """Only nginx sets them."""
    pypi.forget_requests()
    names = ("X-Larder-Upstream", "X-Larder-Client", "X-Larder-Network", "X-Accel-Redirect")
    headers = dict.fromkeys(names, "http://192.0.2.1/secret")
    assert 404 == mirror.get(f"/pypi/packages/{WHEEL}", **headers).status
    assert [f"/packages/{WHEEL}"] == [request.path for request in pypi.requests]
    assert 200 == mirror.get("/pypi/simple/six/", Accept="text/*", **headers).status


def test_one_network_cannot_take_all_connections(pypi: FakePypi, tmp_path: Path) -> None:
    """Its slow readers are let in up to a limit; pages, and other networks, go on."""
    serving = Serving.of(tmp_path, pypi, trusted_proxies=["127.0.0.1"])
    content = os.urandom(8_000_000)
    with serving as mirror, ExitStack() as readers:
        assert 200 == mirror.get("/pypi/simple/six/").status
        text = (mirror.runtime.run_dir / "nginx.conf").read_text()
        (limit,) = {line.split()[-1] for line in text.splitlines() if " limit_conn clients" in line}
        mirror.edits = {f"limit_conn clients {limit}": "limit_conn clients 3;"}
        mirror.stop_nginx()
        mirror.start_nginx()
        mirror.hold("hot", WHEEL, content)
        for last in range(3):
            slow = readers.enter_context(socket.create_connection(("127.0.0.1", _port(mirror))))
            network = f"X-Forwarded-For: 192.0.2.{last}"
            slow.sendall(_request(f"/pypi/packages/{WHEEL}", "1.1", network))
            assert slow.recv(12) == b"HTTP/1.1 200"
        held = f"/pypi/packages/{WHEEL}"
        assert 503 == mirror.get(held, X_Forwarded_For="192.0.2.9").status
        assert 200 == mirror.get("/pypi/simple/six/", X_Forwarded_For="192.0.2.9").status
        assert content == mirror.get(held, X_Forwarded_For="192.0.3.1").body


def test_a_slow_client_is_let_go(pypi: FakePypi, tmp_path: Path) -> None:
    """One that takes for ever to ask, and one that takes nothing of its answer."""
    timeouts = {"read": "1s", "write": "1s", "upstream": "5s"}
    with Serving.of(tmp_path, pypi, timeouts=timeouts) as mirror:
        with socket.create_connection(("127.0.0.1", _port(mirror)), 20) as client:
            client.sendall(b"GET /pypi/simple/six/ HTTP/1.1\r\nHost: x\r\nX: ")
            with suppress(ConnectionError):
                # A byte now and then, so it is never silent for long.
                while not select.select([client], [], [], 0.1)[0]:
                    client.sendall(b"x")
                assert client.recv(100) in (b"", b"HTTP/1.1 408")
        # More than the buffers of both sockets.
        mirror.hold("hot", WHEEL, bytes(30_000_000))
        with socket.create_connection(("127.0.0.1", _port(mirror)), 20) as client:
            client.sendall(_request(f"/pypi/packages/{WHEEL}"))
            wait_until(lambda: _open_in_nginx(mirror, client.getsockname()[1]))
            wait_until(lambda: not _open_in_nginx(mirror, client.getsockname()[1]))


def _open_in_nginx(mirror: Serving, port: int) -> bool:
    """Whether nginx has a connection to a client's port (proc(5), /proc/net/tcp)."""
    established, ends = "01", (f":{_port(mirror):04X}", f":{port:04X}")
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any((row[1][8:], row[2][8:], row[3]) == (*ends, established) for row in rows)


def _port(mirror: Serving) -> int:
    return mirror.config.listen.port


def test_metrics_have_a_listener_of_their_own(mirror: Serving) -> None:
    """Which has nothing else."""
    assert mirror.counted("index_asks", "found") >= 1
    assert b"ok\n" == mirror.ask_metrics("/healthz").body
    for path in ("/", "/pypi/simple/six/", f"/votes/{WHEEL}", "/names/x"):
        assert 404 == mirror.ask_metrics(path).status


def test_a_flood_of_unknown_paths_leaves_nothing(mirror: Serving) -> None:
    """Each is another vote for nothing: no row, no file, and next to no memory."""
    folder = _FOLDERS.rpartition("/")[0]

    def flood(first: int, last: int) -> None:
        port = mirror.config.listen.port
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as client:
            for number in range(first, last):
                if number % 900 == 0:
                    # nginx ends a connection after a thousand requests.
                    client.close()
                client.request("HEAD", f"/pypi/packages/{folder}/{number:060x}/six.whl")
                assert client.getresponse().read() == b""
                client.request("GET", f"/pypi/packages/{folder}/{number:060x}/six.whl")
                assert client.getresponse().read() is not None

    flood(0, 500)
    before, files = _memory(mirror), _files(mirror)
    flood(500, 2500)
    # A vote that waits for its transaction has 200 bytes; twice so many come to 1 MB.
    assert _memory(mirror) - before < 4 << 20
    # On a busy machine some come too late, and go to the spool.
    wait_until(lambda: mirror.counted("votes", "skipped") + len(mirror.spooled()) >= 2000)
    assert [] == mirror.votes()
    assert files == _files(mirror)


def _files(mirror: Serving) -> list[Path]:
    """Return all that is there, but for what `up` itself writes."""
    run = mirror.runtime.run_dir
    return sorted(path for path in mirror.config.repo_path.rglob("*") if run not in path.parents)


def _memory(mirror: Serving) -> int:
    """Return what the application's worker has in memory, in bytes."""
    assert mirror.app is not None
    master = mirror.app.pid
    (worker,) = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    pages = int(Path(f"/proc/{worker}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(_PIECES), max_size=12))
def test_no_path_gets_out(mirror: Serving, pieces: list[str]) -> None:
    """Whatever is put together, the answer is a page, a redirect, or nothing."""
    answer = mirror.raw(_request("/pypi/" + "".join(pieces)))
    assert _status(answer) in (200, 301, 302, 400, 404)
    if _status(answer) == 200:
        assert b"larder, a mirror" in answer or b"pypi:repository-version" in answer
    assert b"SQLite format" not in answer
    assert b"worker_processes" not in answer
