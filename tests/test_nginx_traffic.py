"""Tests of what real nginx writes about its answers: the traffic's spool and the access log."""

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from app.intakes import TrafficIntake
from app.names import FilePath
from app.spooling import Spool
from app.store import Store
from app.traffic import Amount, Answer, Kind
from tests.fake_pypi import FakeFile, FakePypi, Status
from tests.fake_pypi.answers import Answer as FakeAnswer
from tests.fake_pypi.faults import Fault
from tests.serving import Serving, wait_until

pytestmark = pytest.mark.system

CONTENT = hashlib.shake_256(b"a wheel").digest(50_000)
LARGE = 40 << 20
REDIRECTED = {"X_Forwarded_For": "192.0.2.3"}
PROXIED = {"X_Forwarded_For": "10.1.2.3"}


class Talking(Fault):
    """An upstream that says what only the application may say."""

    def change(self, answer: FakeAnswer) -> FakeAnswer:
        """Add headers."""
        return answer.with_headers(X_Larder_Reason="evil", X_Larder_Size="9")


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
def serving(
    pypi: FakePypi, wheel: FakeFile, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving]:
    """Return a mirror with an access log, that proxies for some and knows the project."""
    folder = tmp_path_factory.mktemp("traffic")
    changes = {
        "trusted_proxies": ["127.0.0.1"],
        "ip_modes": {"rules": [{"cidr": "10.0.0.0/8", "mode": "proxy"}]},
        "log": {"path": str(folder / "access.log")},
    }
    with Serving.of(folder, pypi, **changes) as running:
        assert wheel.filename in running.get("/pypi/simple/six/").body.decode()
        yield running


@pytest.fixture
def mirror(serving: Serving, pypi: FakePypi) -> Serving:
    """Return the mirror, with nothing in its logs."""
    pypi.heal()
    serving.stop_nginx()
    for path in (serving.runtime.traffic_spool, log_of(serving)):
        path.unlink(missing_ok=True)
    serving.start_nginx()
    return serving


def log_of(mirror: Serving) -> Path:
    """Return the access log."""
    assert mirror.config.log.path is not None
    return mirror.config.log.path


def logged(mirror: Serving) -> list[dict[str, object]]:
    """Return the access log, written to its end, but for what is not about files."""
    mirror.stop_nginx()
    lines = [json.loads(line) for line in log_of(mirror).read_text().splitlines()]
    # Each of nginx's workers writes its own when it likes.
    lines.sort(key=lambda line: str(line["cache"]))
    return [line for line in lines if "/packages/" in line["request_uri"]]


def served(mirror: Serving, tmp_path: Path) -> dict[Kind, Amount]:
    """Return what was served since nginx was started, as the database has it."""
    mirror.stop_nginx()
    store = Store.open(f"sqlite:///{tmp_path}/traffic.db")
    try:
        Spool(mirror.runtime.traffic_spool, TrafficIntake(store), tmp_path / "no.pid").read()
        return store.traffic_ever()
    finally:
        store.close()


def path_of(name: str) -> FilePath:
    """Return a path that no index knows."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    return FilePath(f"{digest[:2]}/{digest[2:4]}/{digest[4:]}/{name}")


def test_every_answer_is_counted_by_tier_way_and_reason(
    mirror: Serving, wheel: FakeFile, tmp_path: Path
) -> None:
    """With the bytes of the body that were sent; pages, and what is no file, are not."""
    held, unknown = path_of("held.whl"), path_of("unknown.whl")
    cold = str(mirror.hold("cold", held, CONTENT)).removesuffix(f"/{held}")
    hot = str(mirror.hold("hot", path_of("hot.whl"), b"x")).removesuffix(f"/{path_of('hot.whl')}")
    for path, headers in (
        (held, REDIRECTED),
        (held, {"Range": "bytes=0-99"}),
        (held, {"Range": "bytes=99999-"}),
        (path_of("hot.whl"), REDIRECTED),
        (wheel.path, REDIRECTED),
        (wheel.path, PROXIED),
        (unknown, REDIRECTED),
        (unknown, PROXIED),
        ("nonsense", REDIRECTED),
    ):
        mirror.get(f"/pypi/packages/{path}", **headers)
    mirror.get(f"/pypi/packages/{held}", "HEAD")
    mirror.get("/pypi/simple/six/")
    mirror.get("/nonsense")
    found = served(mirror, tmp_path)
    assert Amount(3, len(CONTENT) + 100) == found[Kind(Answer.HELD, cold, "hit")]
    assert Amount(1, 1) == found[Kind(Answer.HELD, hot, "hit")]
    away = found[Kind(Answer.REDIRECT, "", "not-held")]
    assert (1, len(CONTENT)) == (away.requests, away.elsewhere)
    assert Amount(1, len(CONTENT)) == found[Kind(Answer.PROXY, "", "not-held")]
    assert (1, 0) == found[Kind(Answer.REDIRECT, "", "unknown")][::2]
    errors = {kind.reason: one.requests for kind, one in found.items() if kind.answer == "error"}
    assert {"416": 1, "404": 2} == errors
    assert 10 == sum(amount.requests for amount in found.values())


def test_who_failed_is_told(mirror: Serving, wheel: FakeFile, pypi: FakePypi) -> None:
    """Upstream, or the application; both in the access log and in the spool."""
    pypi.inject(Status(503), at=f"/packages/{wheel.path}")
    assert 302 == mirror.get(f"/pypi/packages/{wheel.path}", **PROXIED).status
    mirror.stop_app()
    assert 302 == mirror.get(f"/pypi/packages/{wheel.path}", **PROXIED).status
    mirror.start_app()
    lines = logged(mirror)
    assert ["app-away", "proxy-failed"] == [line["cache"] for line in lines]
    spooled = mirror.runtime.traffic_spool.read_text().splitlines()
    assert {"proxy-failed", "app-away"} == {json.loads(line)["cache"] for line in spooled}


def test_metadata_is_counted(mirror: Serving, wheel: FakeFile, tmp_path: Path) -> None:
    """First it is fetched; then it is here, though its file is not."""
    for _ in range(2):
        answer = mirror.get(f"/pypi/packages/{wheel.path}.metadata", **REDIRECTED)
        assert (200, b"Name: six\n") == (answer.status, answer.body)
    found = served(mirror, tmp_path)
    expected = {
        Kind(Answer.HELD, "", "fetched"): Amount(1, 10),
        Kind(Answer.HELD, "", "hit"): Amount(1, 10),
    }
    assert expected == found


def test_a_client_that_goes_away_has_what_it_got(mirror: Serving, tmp_path: Path) -> None:
    """Not what the file has: of forty megabytes, a few are in buffers."""
    path = path_of("large.whl")
    target = mirror.hold("hot", path, b"")
    with target.open("wb") as stream:
        stream.truncate(LARGE)
    with socket.create_connection(("127.0.0.1", mirror.config.listen.port), 10) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(f"GET /pypi/packages/{path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        assert client.recv(1000)
    (amount,) = served(mirror, tmp_path).values()
    assert 1 == amount.requests
    assert 0 < amount.bytes < LARGE


def test_upstream_cannot_say_why(mirror: Serving, wheel: FakeFile, pypi: FakePypi) -> None:
    """Its headers would be labels of ours."""
    pypi.inject(Talking(), at=f"/packages/{wheel.path}")
    mirror.get(f"/pypi/packages/{wheel.path}", **PROXIED)
    (line,) = logged(mirror)
    assert "not-held" == line["cache"]
    assert "evil" not in mirror.runtime.traffic_spool.read_text()


def test_the_application_says_why_to_nobody_else(mirror: Serving, wheel: FakeFile) -> None:
    """Its words are for the log."""
    answer = mirror.get(f"/pypi/packages/{wheel.path}", **REDIRECTED)
    assert [] == [name for name in answer.headers if name.startswith("x-larder")]


def test_the_log_has_the_reason_and_upstreams_time(mirror: Serving, wheel: FakeFile) -> None:
    """In milliseconds, a JSON number; null where nobody was asked."""
    held = path_of("timed.whl")
    mirror.hold("hot", held, CONTENT)
    mirror.get(f"/pypi/packages/{held}", **PROXIED)
    mirror.get(f"/pypi/packages/{wheel.path}", **PROXIED)
    mirror.get("/pypi/simple/six/", **PROXIED)
    first, second = logged(mirror)
    assert ("hit", "0", None) == (first["cache"], first["tier"], first["upstream_ms"])
    assert ("not-held", "") == (second["cache"], second["tier"])
    assert isinstance(second["upstream_ms"], int)
    lines = [json.loads(line) for line in log_of(mirror).read_text().splitlines()]
    page = next(line for line in lines if line["request_uri"] == "/pypi/simple/six/")
    assert ("", None) == (page["cache"], page["upstream_ms"])


def test_every_time_of_nginxs_is_a_number(mirror: Serving) -> None:
    """The map's patterns, as nginx reads them: a list of times, the last of which counts."""
    maps = (mirror.runtime.run_dir / "nginx.conf").read_text()
    block = re.search(r"map \$upstream_response_time \$upstream_ms \{(.*?)\}\n", maps, re.DOTALL)
    assert block
    rules = re.findall(r'"~([^"]+)" (\S+);', block[1].replace("\\\\", "\\"))
    for written, expected in {
        "0.000": "0",
        "0.007": "7",
        "0.070": "70",
        "0.700": "700",
        "7.001": "7001",
        "10.000": "10000",
        "0.001, 0.020 : 0.300": "300",
        "-": "null",
        "0.004, -": "null",
    }.items():
        assert expected == first_match(rules, written)


def have_open(process: "subprocess.Popen[bytes] | None", path: Path) -> bool:
    """Whether one of a session's processes has a file open."""
    assert process is not None
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if str(link.readlink()) == str(path) and os.getsid(int(link.parts[2])) == process.pid:
                return True
    return False


def first_match(rules: list[tuple[str, str]], text: str) -> str:
    """Return what the first rule that fits makes of a text."""
    for pattern, value in rules:
        if found := re.search(pattern.replace("(?<", "(?P<"), text):
            return re.sub(r"\$(\w+)", lambda name: found[name[1]], value)
    return "null"


def test_logs_are_rotated_under_load_without_a_loss(mirror: Serving, tmp_path: Path) -> None:
    """After a rename and USR1 all lines are in one of the two; the old one grows no more."""
    held = path_of("rotated.whl")
    mirror.hold("hot", held, b"x")
    done, count = threading.Event(), [0, 0]

    def ask(number: int) -> None:
        while not done.is_set():
            assert 200 == mirror.get(f"/pypi/packages/{held}").status
            count[number] += 1

    clients = [threading.Thread(target=ask, args=(number,)) for number in range(2)]
    for client in clients:
        client.start()
    log = log_of(mirror)
    wait_until(lambda: min(count) > 50)
    old = log.rename(log.with_suffix(".1"))
    assert mirror.nginx is not None
    mirror.nginx.send_signal(signal.SIGUSR1)
    wait_until(lambda: not have_open(mirror.nginx, old))
    settled = old.read_bytes()
    before = min(count)
    wait_until(lambda: min(count) > before + 50)
    done.set()
    for client in clients:
        client.join()
    mirror.stop_nginx()
    assert settled == old.read_bytes()
    lines = [*old.read_text().splitlines(), *log.read_text().splitlines()]
    assert sum(count) == sum(held in json.loads(line)["request_uri"] for line in lines)
    (amount,) = served(mirror, tmp_path).values()
    assert sum(count) == amount.requests
