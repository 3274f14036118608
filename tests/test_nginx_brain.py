"""Tests of several places of files, through real nginx and gunicorn: each way to fail."""

import hashlib
import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.fake_pypi import (
    CutBody,
    Drop,
    FakeFile,
    FakePypi,
    Hang,
    IgnoreRange,
    Redirect,
    Replaced,
    Slow,
    Status,
    WrongRange,
)
from tests.fake_pypi.faults import Fault
from tests.mirrors import free_port
from tests.serving import Answer, Serving, wait_until

pytestmark = pytest.mark.system

PROXIED = {"X_Forwarded_For": "10.1.2.3"}
REDIRECTED = {"X_Forwarded_For": "192.0.2.3"}
SIZE = 300_000


@pytest.fixture
def first(fake_pypi: FakePypi) -> FakePypi:
    """Return the place of files that the configuration names first, and the index."""
    return fake_pypi


@pytest.fixture
def second() -> Iterator[FakePypi]:
    """Return the next one."""
    with FakePypi() as running:
        yield running


@pytest.fixture
def wheel(first: FakePypi, second: FakePypi) -> FakeFile:
    """Return a file that both have, and the mirror has not."""
    name, content = "six-1.0-py3-none-any.whl", hashlib.shake_256(b"six").digest(SIZE)
    second.add_file("six", name, content)
    return first.add_file("six", name, content, metadata=b"Name: six\n")


@pytest.fixture
def places(first: FakePypi, second: FakePypi) -> tuple[FakePypi, FakePypi]:
    """Return both, in order."""
    return first, second


Places = tuple[FakePypi, FakePypi]
Start = Callable[..., Serving]


@pytest.fixture
def start(tmp_path: Path, first: FakePypi, second: FakePypi) -> Iterator[Start]:
    """Return what starts a mirror of both; `upstream` keys may differ."""
    running: list[Serving] = []

    def begin(port: int | None = None, **upstream: object) -> Serving:
        places = [first.packages_url, second.packages_url]
        source = {
            "pypi_url": first.pypi_url,
            "packages_url": places,
            "redirect_url": places,
            "probe_interval": "1h",
        }
        modes = {"default": "302", "rules": [{"cidr": "10.0.0.0/8", "mode": "proxy"}]}
        mirror = Serving.of(
            tmp_path,
            first,
            upstream=source | upstream,
            ip_modes=modes,
            trusted_proxies=["127.0.0.1"],
            timeouts={"upstream": "2s"},
            listen=f"127.0.0.1:{port or free_port()}",
        )
        running.append(mirror)
        return mirror.__enter__()

    yield begin
    for mirror in running:
        mirror.__exit__()


def _failures(mirror: Serving, place: str, kind: str) -> float:
    wanted = f'larder_target_failures_total{{kind="{kind}",target="{place}"}} '
    lines = mirror.ask_metrics("/metrics").body.decode().splitlines()
    return sum(float(line.removeprefix(wanted)) for line in lines if line.startswith(wanted))


def _is_up(mirror: Serving, place: str) -> float:
    wanted = f'larder_target_up{{target="{place}"}} '
    lines = mirror.ask_metrics("/metrics").body.decode().splitlines()
    return next(float(line.removeprefix(wanted)) for line in lines if line.startswith(wanted))


def _others(wheel: FakeFile, places: tuple[FakePypi, ...], number: int) -> list[str]:
    """Return URLs of more files that the places have."""
    urls = []
    for index in range(number):
        name = f"six-1.{index + 1}-py3-none-any.whl"
        content = wheel.content + name.encode()
        paths = {place.add_file("six", name, content).path for place in places}
        urls += [f"/pypi/packages/{path}" for path in paths]
    return urls


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Status(403), "403"),
        (Status(429), "429"),
        (Status(500), "5xx"),
        (Status(502), "5xx"),
        (Status(503), "5xx"),
        (Status(504), "5xx"),
        (Status(508), "loop"),
        (Drop(), "connection"),
        (Hang(), "timeout"),
    ],
    ids=str,
)
def test_a_place_that_fails_is_passed_over(
    start: Start, places: Places, wheel: FakeFile, fault: Fault, kind: str
) -> None:
    """The client that meets the failure gets its file from the next; soon nobody meets it."""
    first, second = places
    mirror = start()
    urls = _others(wheel, (first, second), 6)
    first.inject(fault, at="/packages/*")
    with ThreadPoolExecutor(3) as clients:
        answers = list(clients.map(lambda url: mirror.get(url, **PROXIED), urls[:3]))
    assert [200] * 3 == [answer.status for answer in answers]
    assert all(answer.body.startswith(wheel.content) for answer in answers)
    expected_kind = "timeout" if fault == Status(504) else kind
    assert _failures(mirror, first.packages_url, expected_kind) >= 1
    wait_until(lambda: _is_up(mirror, first.packages_url) == 0)
    first.forget_requests()
    for url in urls[3:]:
        assert 200 == mirror.get(url, **PROXIED).status
        answer = mirror.get(url, **REDIRECTED)
        assert (302, second.packages_url) == (
            answer.status,
            answer.header("Location")[: len(second.packages_url)],
        )
    assert () == first.requests


def test_a_place_that_is_back_is_used_again(
    start: Start, first: FakePypi, second: FakePypi, wheel: FakeFile
) -> None:
    """A probe closes the breaker, for redirects as for what is passed through."""
    first.inject(Status(503), at="/packages/*")
    mirror = start(probe_interval="1s")
    url = f"/pypi/packages/{wheel.path}"
    assert second.packages_url + wheel.path == mirror.get(url, **REDIRECTED).header("Location")
    first.heal()
    wait_until(lambda: _is_up(mirror, first.packages_url) > 0)
    assert first.packages_url + wheel.path == mirror.get(url, **REDIRECTED).header("Location")


def test_no_redirect_leads_to_a_bad_place(
    start: Start, first: FakePypi, second: FakePypi, wheel: FakeFile
) -> None:
    """Where no redirect_url is good, the file is passed through."""
    first.inject(Status(403), at="/elsewhere/*")
    mirror = start(
        redirect_url=f"{first.url}/elsewhere/packages/", packages_url=second.packages_url
    )
    url = f"/pypi/packages/{wheel.path}"
    assert 200 == mirror.get("/pypi/simple/six/").status
    assert mirror.get(url, **REDIRECTED).status == 302
    # Of the folder itself 403 says nothing; of a file it does. The restarted app asks anew.
    mirror.stop_app()
    first.inject(Status(503), at="/elsewhere/*")
    (mirror.runtime.run_dir / "targets.json").unlink()
    mirror.start_app()
    wait_until(lambda: mirror.get(url, **REDIRECTED).status == 200)


def test_where_every_place_refuses_the_client_is_told_to_wait(
    start: Start, first: FakePypi, second: FakePypi, wheel: FakeFile
) -> None:
    """503 with Retry-After, which pip and uv obey; no redirect to whom nobody trusts."""
    for place in (first, second):
        place.inject(Status(429, retry_after=60), at="/packages/*")
    mirror = start()
    for headers in (PROXIED, REDIRECTED):
        answer = mirror.get(f"/pypi/packages/{wheel.path}", **headers)
        assert 503 == answer.status
        assert 30 <= int(answer.header("Retry-After")) <= 61


def test_where_nobody_answers_this_machine_may_be_cut_off(
    start: Start, first: FakePypi, second: FakePypi, wheel: FakeFile
) -> None:
    """Then the client is redirected: it may have a network."""
    mirror = start(probe_interval="1s")
    first.stop()
    second.stop()
    places = (first.packages_url, second.packages_url)
    wait_until(lambda: not any(_is_up(mirror, place) for place in places))
    for headers in (PROXIED, REDIRECTED):
        answer = mirror.get(f"/pypi/packages/{wheel.path}", **headers)
        assert (302, first.packages_url + wheel.path) == (answer.status, answer.header("Location"))


def test_a_file_that_only_the_second_has(start: Start, second: FakePypi) -> None:
    """A partial mirror is none the worse for what it lacks; what nobody has is 404."""
    file = second.add_file("six", "six-9.0.tar.gz", b"x" * 10)
    mirror = start()
    answer = mirror.get(f"/pypi/packages/{file.path}", **PROXIED)
    assert (200, b"x" * 10) == (answer.status, answer.body)
    absent = file.path.replace("six-9.0", "six-9.1")
    assert 404 == mirror.get(f"/pypi/packages/{absent}", **PROXIED).status
    assert 404 == mirror.get(f"/pypi/packages/{absent}", "HEAD", **PROXIED).status


def test_a_captive_portal_is_no_place_of_files(
    start: Start, first: FakePypi, second: FakePypi, wheel: FakeFile
) -> None:
    """It answers everything with 200 and a page: the probe of a file finds it out."""
    mirror = start(probe_interval="1s")
    assert 200 == mirror.get("/pypi/simple/six/").status
    assert 302 == mirror.get(f"/pypi/packages/{wheel.path}", **REDIRECTED).status
    first.inject(Replaced(b"<html>Please log in", "text/html"), at="/packages/*")
    wait_until(lambda: _is_up(mirror, first.packages_url) == 0)
    assert _failures(mirror, first.packages_url, "page") >= 1
    answer = mirror.get(f"/pypi/packages/{wheel.path}", **REDIRECTED)
    assert second.packages_url + wheel.path == answer.header("Location")
    assert wheel.content == mirror.get(f"/pypi/packages/{wheel.path}", **PROXIED).body


def test_a_redirect_of_upstreams_is_followed(
    start: Start, first: FakePypi, second: FakePypi, wheel: FakeFile
) -> None:
    """By this machine, for those whom it proxies for: whole, a part, and HEAD."""
    first.inject(Redirect(second.packages_url + wheel.path), at="/packages/*")
    mirror = start()
    url = f"/pypi/packages/{wheel.path}"
    assert wheel.content == mirror.get(url, **PROXIED).body
    answer = mirror.get(url, Range="bytes=-9", **PROXIED)
    assert (206, wheel.content[-9:]) == (answer.status, answer.body)
    assert str(SIZE) == mirror.get(url, "HEAD", **PROXIED).header("Content-Length")


@pytest.mark.parametrize("where", ["inside", "loop"])
def test_a_redirect_to_where_nobody_should_go_is_not_followed(
    start: Start, first: FakePypi, wheel: FakeFile, where: str
) -> None:
    """Into the internal network, or for ever: the next place gives the file."""
    mirror = start()
    with FakePypi() as inside:
        secret = inside.add_file("secret", "secret-1.0.tar.gz", b"secret")
        urls = {"inside": inside.packages_url + secret.path, "loop": f"/packages/{wheel.path}"}
        first.inject(Redirect(urls[where]), at="/packages/*")
        answer = mirror.get(f"/pypi/packages/{wheel.path}", **PROXIED)
        assert () == inside.requests
    assert (200, wheel.content) == (answer.status, answer.body)


@pytest.mark.parametrize("through", ["path", "redirect"])
def test_a_redirect_to_ourselves_is_never_given(
    start: Start, places: Places, wheel: FakeFile, through: str
) -> None:
    """A redirect_url that is this mirror, by whatever name or way, is found out by a probe."""
    first, second = places
    port = free_port()
    own = f"http://localhost:{port}/pypi/packages/"
    if through == "redirect":
        first.inject(Redirect(own), at="/round/*")
        own = f"{first.url}/round/packages/"
    mirror = start(port, redirect_url=[own, second.packages_url])
    # At its start it asked before nginx was there to answer.
    mirror.stop_app()
    (mirror.runtime.run_dir / "targets.json").unlink()
    mirror.start_app()
    kind = "loop" if through == "path" else "broken"
    wait_until(lambda: _failures(mirror, own, kind) > 0)
    wait_until(lambda: _is_up(mirror, second.packages_url) > 0)
    answer = mirror.get(f"/pypi/packages/{wheel.path}", **REDIRECTED)
    assert (302, second.packages_url + wheel.path) == (answer.status, answer.header("Location"))


def test_a_request_that_comes_back_is_stopped(start: Start, first: FakePypi) -> None:
    """Passed through by another mirror, it has our mark in Via."""
    mirror = start()
    (mark,) = {request.headers["via"] for request in first.requests if "via" in request.headers}
    for via in (mark, f"1.1 proxy.example.org, {mark}, 1.1 other", mark.upper()):
        assert 508 == mirror.get("/pypi/simple/six/", Via=via).status
    assert 404 == mirror.get("/pypi/nothing", Via="1.1 larder-0000000000000000").status


def test_the_mark_is_added_to_what_came(start: Start, first: FakePypi, wheel: FakeFile) -> None:
    """So that a mirror behind a mirror knows its own request."""
    mirror = start()
    first.forget_requests()
    mirror.get(f"/pypi/packages/{wheel.path}", Via="1.1 other", **PROXIED)
    (request,) = first.requests
    assert request.headers["via"].startswith("1.1 other, 1.1 larder-")


def test_while_the_app_is_away_nginx_redirects_to_what_was_good(
    start: Start, first: FakePypi, second: FakePypi, wheel: FakeFile
) -> None:
    """By the marks that the probes have left."""
    first.inject(Status(503), at="/packages/*")
    mirror = start(probe_interval="1s")
    mark = mirror.runtime.run_dir / "targets" / "1.good"
    wait_until(mark.exists)
    mirror.stop_app()
    url = f"/pypi/packages/{wheel.path}"
    assert second.packages_url + wheel.path == mirror.get(url, **REDIRECTED).header("Location")
    mark.unlink()
    # Nobody knows of a good one: then it is the first, as ever.
    assert first.packages_url + wheel.path == mirror.get(url, **REDIRECTED).header("Location")


def test_many_at_once_cost_two_downloads(start: Start, first: FakePypi, wheel: FakeFile) -> None:
    """The first goes through nginx alone, all others behind one download of the app's."""
    mirror = start()
    first.forget_requests()
    first.inject(Slow(chunk=10_000, pause=0.02), at="/packages/*")
    url = f"/pypi/packages/{wheel.path}"
    with ThreadPoolExecutor(30) as clients:
        answers = list(clients.map(lambda _: mirror.get(url, **PROXIED), range(30)))
    assert {200} == {answer.status for answer in answers}
    assert {wheel.content} == {answer.body for answer in answers}
    assert {str(SIZE)} == {answer.header("Content-Length") for answer in answers}
    assert 1 == len({answer.header("ETag") for answer in answers})
    assert 2 == first.count(f"/packages/{wheel.path}", "GET")


class _Gate(Fault):
    """A body whose second half waits until it is let go."""

    def __init__(self) -> None:
        self.opened = threading.Event()

    def pieces(self, head: bytes, body: bytes, stopping: threading.Event) -> Iterator[bytes]:
        """Write half, wait, write the rest."""
        yield head + body[: len(body) // 2]
        while not self.opened.wait(0.05) and not stopping.is_set():
            pass
        yield body[len(body) // 2 :]


def test_everybody_gets_bytes_before_the_whole_is_here(
    start: Start, first: FakePypi, wheel: FakeFile
) -> None:
    """Also who shares a download."""
    mirror = start()
    gate = _Gate()
    first.inject(gate, at="/packages/*")
    connections = []
    for _ in range(4):
        connection = http.client.HTTPConnection("127.0.0.1", mirror.config.listen.port, timeout=20)
        connection.request("GET", f"/pypi/packages/{wheel.path}", headers=_dashed(PROXIED))
        connections.append(connection)
    responses = [connection.getresponse() for connection in connections]
    begun = [response.read(60_000) for response in responses]
    assert [wheel.content[:60_000]] * 4 == begun
    assert not gate.opened.is_set()
    gate.opened.set()
    for response, start_of in zip(responses, begun, strict=True):
        assert wheel.content == start_of + response.read()
    for connection in connections:
        connection.close()


def _dashed(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def _shared(mirror: Serving, wheel: FakeFile, times: int = 4) -> list[Answer]:
    """Ask so often that all but the first share; return the answers of those who do."""
    url = f"/pypi/packages/{wheel.path}"
    return [mirror.get(url, **PROXIED) for _ in range(times)][1:]


def test_a_shared_download_that_breaks_off_goes_on(
    start: Start, first: FakePypi, wheel: FakeFile
) -> None:
    """From where it was, by Range: no client notices."""
    mirror = start()
    assert 200 == mirror.get(f"/pypi/packages/{wheel.path}", **PROXIED).status
    first.inject(CutBody(100_000), at="/packages/*", times=1)
    for answer in _shared(mirror, wheel):
        assert (200, wheel.content) == (answer.status, answer.body)


@pytest.mark.parametrize(
    "fault", [Replaced(b"<html>", "text/html"), Status(403), Drop(), Redirect("/packages/x")]
)
def test_a_shared_download_comes_from_whoever_gives_it(
    start: Start, first: FakePypi, wheel: FakeFile, fault: Fault
) -> None:
    """A page for people is no wheel."""
    mirror = start()
    assert 200 == mirror.get(f"/pypi/packages/{wheel.path}", **PROXIED).status
    first.inject(fault, at="/packages/*")
    for answer in _shared(mirror, wheel):
        assert (200, wheel.content) == (answer.status, answer.body)


def test_a_file_of_another_length_than_its_page_says_is_refused(
    start: Start, first: FakePypi, wheel: FakeFile
) -> None:
    """Before a byte of it goes out."""
    mirror = start()
    assert wheel.filename in mirror.get("/pypi/simple/six/").body.decode()
    assert 200 == mirror.get(f"/pypi/packages/{wheel.path}", **PROXIED).status
    first.inject(Replaced(b"short", "application/octet-stream"), at="/packages/*")
    for answer in _shared(mirror, wheel):
        assert (200, wheel.content) == (answer.status, answer.body)


@pytest.mark.parametrize("fault", [IgnoreRange(), WrongRange()])
def test_a_wrong_answer_to_a_range(
    start: Start, first: FakePypi, second: FakePypi, wheel: FakeFile, fault: Fault
) -> None:
    """A 200 is passed on as it is; of a wrong 206 the app, if it asks, takes nothing."""
    mirror = start()
    first.inject(fault, at="/packages/*")
    if isinstance(fault, WrongRange):
        # nginx fails, so the app asks.
        first.inject(Redirect(f"{second.packages_url}{wheel.path}"), at="/packages/*", times=1)
    answer = mirror.get(f"/pypi/packages/{wheel.path}", Range="bytes=100-199", **PROXIED)
    if answer.status == 206:
        assert wheel.content[100:200] == answer.body
    else:
        assert (200, wheel.content) == (answer.status, answer.body)


def test_a_slow_first_byte_is_waited_for(start: Start, first: FakePypi, wheel: FakeFile) -> None:
    """Within `timeouts.upstream`."""
    mirror = start()
    first.inject(Slow(delay=1), at="/packages/*")
    answer = mirror.get(f"/pypi/packages/{wheel.path}", **PROXIED)
    assert (200, wheel.content) == (answer.status, answer.body)


def test_a_body_that_is_cut_is_never_passed_for_whole(
    start: Start, first: FakePypi, wheel: FakeFile
) -> None:
    """The client sees that it is short, and can resume."""
    mirror = start()
    first.inject(CutBody(100_000), at="/packages/*")
    with pytest.raises(http.client.IncompleteRead):
        mirror.get(f"/pypi/packages/{wheel.path}", **PROXIED)


def test_shared_downloads_leave_nothing_behind(
    start: Start, first: FakePypi, wheel: FakeFile
) -> None:
    """Some seconds after the last reader; and a client that goes away holds nothing."""
    mirror = start()
    assert _shared(mirror, wheel)
    folder = mirror.runtime.run_dir / "shared"
    assert list(folder.glob("*.part"))
    first.inject(Slow(chunk=1000, pause=0.01), at="/packages/*")
    with socket.create_connection(("127.0.0.1", mirror.config.listen.port)) as client:
        client.sendall(f"GET /pypi/packages/{wheel.path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    wait_until(lambda: not list(folder.glob("*.part")), 30)


def test_core_metadata_comes_from_a_good_place(
    start: Start, first: FakePypi, second: FakePypi, wheel: FakeFile
) -> None:
    """Fetched once and kept, and not from the place that is out."""
    second.add_file("six", wheel.filename, wheel.content, metadata=b"Name: six\n")
    mirror = start()
    assert 200 == mirror.get("/pypi/simple/six/").status
    first.inject(Status(429), at="/packages/*")
    assert 200 == mirror.get(f"/pypi/packages/{wheel.path}", **PROXIED).status
    first.forget_requests()
    for _ in range(3):
        answer = mirror.get(f"/pypi/packages/{wheel.path}.metadata", **REDIRECTED)
        assert (200, b"Name: six\n") == (answer.status, answer.body)
    assert () == first.requests
    assert 1 == second.count("*.metadata")
