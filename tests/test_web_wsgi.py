"""Tests of the application's composition root under real gunicorn."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from app.assembly import open_spool
from app.config import Config
from app.lost_votes import numbers_in
from app.store import Store
from app.web.environment import CONFIG_VARIABLE
from app.web.wsgi import behind_proxy, get_app
from tests.fake_pypi import FakePypi
from tests.serving import Serving, wait_until

pytestmark = pytest.mark.system


def test_gunicorn_ends_in_time_and_writes_the_last_votes(
    tmp_path: Path, fake_pypi: FakePypi
) -> None:
    """SIGTERM is quick, and what came in just before is in the database."""
    file = fake_pypi.add_file("six", "six-1.0.tar.gz", b"x")
    serving = Serving.of(tmp_path, fake_pypi, trusted_proxies=["127.0.0.1"])
    serving.edits = {"_timeout 20ms": "_timeout 5s"}
    with serving as mirror:
        mirror.get("/pypi/simple/six/")
        for number in range(20):
            address = f"192.0.{number}.1"
            mirror.get(f"/pypi/packages/{file.path}", X_Forwarded_For=address)
        began = time.monotonic()
        mirror.stop_app(signal.SIGTERM)
        assert time.monotonic() - began < 5
        assert 20 == len(mirror.votes()) + len(mirror.spooled())


def test_what_a_kill_takes_is_counted(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """Votes that could not be written when the app was killed are told as lost."""
    file = fake_pypi.add_file("six", "six-1.0.tar.gz", b"x")
    serving = Serving.of(tmp_path, fake_pypi, trusted_proxies=["127.0.0.1"])
    serving.edits = {"_timeout 20ms": "_timeout 5s"}
    with serving as mirror:
        mirror.get("/pypi/simple/six/")
        with _locked(mirror.config):
            for number in range(7):
                mirror.get(f"/pypi/packages/{file.path}", X_Forwarded_For=f"192.0.{number}.1")
            mirror.signal_app(signal.SIGKILL)
            mirror.stop_app(signal.SIGKILL)
        assert [] == mirror.votes()
        expected = 7 - len(mirror.spooled())
        assert expected == _status(mirror)["lost_votes"]
        mirror.start_app()
        wait_until(lambda: mirror.counted_lost() == expected)
        assert expected == _status(mirror)["lost_votes"]
        # Settled: what the app that runs now has is one file.
        wait_until(lambda: len(list((mirror.runtime.run_dir / "votes").glob("*.votes"))) == 1)


@pytest.mark.parametrize("keep", [False, True])
def test_networks_are_in_the_database_only_where_they_shall_be(
    tmp_path: Path, fake_pypi: FakePypi, *, keep: bool
) -> None:
    """Neither those that the app was told nor those of the spool; and `clean` obeys, too."""
    file = fake_pypi.add_file("six", "six-1.0.tar.gz", b"x")
    votes = {"keep_networks": keep}
    changes = {"trusted_proxies": ["127.0.0.1"], "votes": votes}
    serving = Serving.of(tmp_path, fake_pypi, **changes)
    serving.edits = {"_timeout 20ms": "_timeout 5s"}
    with serving as mirror:
        mirror.get("/pypi/simple/six/")
        mirror.get(f"/pypi/packages/{file.path}", X_Forwarded_For="203.0.113.7")
        mirror.stop_app()
        mirror.get(f"/pypi/packages/{file.path}", X_Forwarded_For="198.51.100.7")
        wait_until(lambda: len(mirror.spooled()) > 0)
    store = Store.open(mirror.config.database)
    open_spool(mirror.config, store).read()
    assert 2 == len(mirror.votes())
    expected = {"203.0.113.0/24", "198.51.100.0/24"} if keep else set()
    assert expected == {name for _, name in store.networks()}
    store.close()
    repo = mirror.config.repo_path
    files = [path.read_bytes() for path in repo.glob("larder.db*")]
    assert keep == any(b"203.0.113" in content for content in files)
    if keep:
        mirror.path.write_text(mirror.path.read_text().replace("keep_networks: true", ""))
        subprocess.run([sys.executable, "-m", "jobs.clean", "-c", mirror.path], check=True)
        assert [] == list(Store.open(mirror.config.database).networks())


def test_four_workers_and_the_spool_count_a_vote_once(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """However many of them are told of it, and in whichever way."""
    file = fake_pypi.add_file("six", "six-1.0.tar.gz", b"x")
    with Serving.of(tmp_path, fake_pypi, app={"workers": 4}) as mirror:
        mirror.get("/pypi/simple/six/")
        networks = [f"192.0.{number}.0/24" for number in range(20)]

        def ask(network: str) -> None:
            """Ask as nginx does, but for its cache; and write what it would write."""
            entry = {"time": time.time(), "network": network, "path": file.path}
            with mirror.runtime.spool.open("ab") as stream:
                stream.write(json.dumps(entry, separators=(",", ":")).encode() + b"\n")
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(mirror.runtime.app_socket))
                client.sendall(
                    f"GET /votes/{file.path} HTTP/1.0\r\n"
                    f"X-Larder-Network: {network}\r\n\r\n".encode()
                )
                assert b"204" in client.recv(1000)

        def taken() -> list[int]:
            """Return how many votes each worker was told of."""
            ledgers = (mirror.runtime.run_dir / "votes").glob("*.votes")
            return [numbers_in(path.read_bytes()).taken for path in ledgers]

        def shared() -> bool:
            """Ask once more; return whether more than one worker has got something by now."""
            list(clients.map(ask, networks * 20))
            return len(taken()) == 4 and sum(map(bool, taken())) > 1

        with ThreadPoolExecutor(16) as clients:
            wait_until(shared, 60)
        outcomes = ("accepted", "skipped")
        wait_until(lambda: sum(mirror.counted("votes", one) for one in outcomes) == sum(taken()))
        spool = open_spool(mirror.config, Store.open(mirror.config.database))
        wait_until(lambda: spool.pending() == 0)
        assert [file.path] * 20 == mirror.votes()


def test_a_worker_that_is_killed_is_replaced(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """Requests wait on the master's socket meanwhile."""
    with Serving.of(tmp_path, fake_pypi) as mirror:
        assert mirror.app is not None
        children = Path(f"/proc/{mirror.app.pid}/task/{mirror.app.pid}/children")
        (worker,) = children.read_text().split()
        os.kill(int(worker), signal.SIGKILL)
        wait_until(lambda: children.read_text().split() not in ([], [worker]))
        assert 200 == mirror.get("/pypi/simple/").status


def test_several_workers_count_together(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """Whichever of them is asked, the answer is the sum."""
    with Serving.of(tmp_path, fake_pypi, app={"workers": 2}) as mirror:
        for _ in range(40):
            assert 404 == mirror.get("/pypi/simple/nobody/").status
        for _ in range(10):
            counts = [mirror.counted("index_asks", one) for one in ("absent", "remembered")]
            assert 40 == sum(counts)


def test_no_second_socket_is_opened(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """A socket for commands would be a second way in."""
    with Serving.of(tmp_path, fake_pypi) as mirror:
        sockets = {path.name for path in mirror.config.repo_path.rglob("*") if path.is_socket()}
        assert {"app.sock", "fallback.sock"} == sockets
        home = Path.home() / ".gunicorn"
        assert not home.exists() or not list(home.glob("*.ctl"))


def test_a_database_that_is_locked_fails_no_download(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """Decisions go on without it, votes wait for it."""
    file = fake_pypi.add_file("six", "six-1.0.tar.gz", b"x")
    with Serving.of(tmp_path, fake_pypi) as mirror:
        mirror.get("/pypi/simple/six/")
        with _locked(mirror.config):
            answer = mirror.get(f"/pypi/packages/{file.path}")
            assert 302 == answer.status
            assert answer.seconds < 2
        wait_until(lambda: len(mirror.votes()) + len(mirror.spooled()) == 1)


def test_an_http_proxy_is_known_from_configuration_or_environment(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nginx goes through neither."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    assert not behind_proxy(config)
    assert behind_proxy(replace(config, upstream=replace(config.upstream, proxy="http://p/")))
    monkeypatch.setenv("http_proxy", "http://proxy.example.org:3128")
    assert behind_proxy(config)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert not behind_proxy(config)


def test_the_application_is_made_from_the_environment(
    config_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One variable names the YAML file."""
    monkeypatch.setenv(CONFIG_VARIABLE, str(config_path))
    assert callable(get_app())
    assert config.repo_path.exists()


def _status(mirror: Serving) -> dict[str, int]:
    command = [sys.executable, "-m", "jobs.status", "--json", "-c", str(mirror.path)]
    found: dict[str, int] = json.loads(subprocess.check_output(command))
    return found


@contextmanager
def _locked(config: Config) -> Iterator[None]:
    """Hold the database's lock, from another process."""
    database = config.database.removeprefix("sqlite:///")
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, database], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert b"locked\n" == holder.stdout.readline()
        yield
        holder.communicate(b"\n")


_HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.readline()
connection.execute("ROLLBACK")
"""
