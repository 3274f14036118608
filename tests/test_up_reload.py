"""Tests of `larder up` that goes on with new certificates and a new app, real clients aboard."""

import http.client
import signal
import socket
import ssl
import subprocess
import threading
from collections import Counter
from pathlib import Path

import pytest
import requests

from app.config import load
from jobs.reloading import Watched
from tests.certificates import self_sign
from tests.fake_pypi import FakePypi, make_wheel
from tests.mirrors import write_config
from tests.running import Up, larder_up
from tests.serving import wait_until

pytestmark = pytest.mark.slow

_CHILDREN = ("nginx", "gunicorn")

SIZE = 8_000_000
"""More than all buffers between nginx and a client that does not read hold."""


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _shaken(
    port: int, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> tuple[str | None, str | None]:
    """Return what a client that knows one version of TLS agrees upon."""
    context = _context()
    context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", port), 10) as plain,
        context.wrap_socket(plain) as client,
    ):
        return client.version(), client.selected_alpn_protocol()


def _serial(port: int) -> int:
    """Return the number of the certificate that a new client is shown."""
    text = ssl.get_server_certificate(("127.0.0.1", port))
    told = subprocess.run(
        ["openssl", "x509", "-noout", "-serial"],
        input=text,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(told.stdout.partition("=")[2], 16)


def _hold(up: Up, fake_pypi: FakePypi) -> tuple[str, bytes]:
    """Put a large file onto the mirror; return its path there and its content."""
    file = fake_pypi.add(make_wheel("large", "1.0", padding=SIZE))
    target = up.config.cache.tiers[0].path / file.path
    target.parent.mkdir(parents=True)
    target.write_bytes(file.content)
    return f"{up.config.prefix}/packages/{file.path}", file.content


def test_a_new_certificate_is_served_and_an_old_connection_ends_well(
    tmp_path: Path, fake_pypi: FakePypi
) -> None:
    """Without a restart; a half-written pair changes nothing; HSTS is on every answer."""
    cert, key = self_sign(tmp_path, 41)
    tls = {"cert": str(cert), "key": str(key), "hsts": "1h"}
    with larder_up(write_config(tmp_path, fake_pypi, tls=tls)) as up:
        port = up.config.listen.port
        path, content = _hold(up, fake_pypi)
        assert 41 == _serial(port)
        assert ("TLSv1.3", "h2") == _shaken(port)
        assert ("TLSv1.2", "h2") == _shaken(port, ssl.TLSVersion.TLSv1_2)
        old = http.client.HTTPSConnection("127.0.0.1", port, timeout=30, context=_context())
        old.request("GET", path)
        answer = old.getresponse()
        assert "max-age=3600" == answer.headers["Strict-Transport-Security"]
        beginning = answer.read(1000)
        right = cert.read_text()
        cert.write_text("no certificate\n")
        assert 41 == _serial(port)
        cert.write_text(right)
        self_sign(tmp_path, 42)
        wait_until(lambda: _serial(port) == 42)
        assert content == beginning + answer.read()
        old.close()
        for where in ("/", "/x", f"{up.config.prefix}/simple/", "/pypi/simple/Large/"):
            new = http.client.HTTPSConnection("127.0.0.1", port, timeout=30, context=_context())
            new.request("GET", where)
            assert "max-age=3600" == new.getresponse().headers["Strict-Transport-Security"], where
            new.close()


def test_nginx_and_the_app_begin_anew_and_no_request_is_dropped(
    config_path: Path, fake_pypi: FakePypi
) -> None:
    """By SIGHUP, again and again, with clients that ask for files, pages and decisions."""
    other = fake_pypi.add(make_wheel("other", "1.0"))
    with larder_up(config_path) as up:
        path, content = _hold(up, fake_pypi)
        assert 200 == up.get("/simple/other/").status_code
        over, seen = threading.Event(), Counter[object]()
        asked = {
            f"/packages/{other.path}": 302,
            "/simple/other/": 200,
            "/simple/Other/": 301,
            path.removeprefix(up.config.prefix): 200,
        }

        def ask() -> None:
            while not over.is_set():
                for where, status in asked.items():
                    try:
                        answer = up.get(where)
                    except requests.RequestException as error:
                        seen[repr(error)] += 1
                        continue
                    right = status != 200 or "whl" not in where or answer.content == content
                    seen[(answer.status_code == status and right) or (where, answer)] += 1

        clients = [threading.Thread(target=ask) for _ in range(6)]
        for client in clients:
            client.start()
        for _ in range(4):
            _begin_anew(up)
        over.set()
        for client in clients:
            client.join()
        assert {True} == set(seen)


def _begin_anew(up: Up) -> None:
    """Send SIGHUP and wait until all workers are new."""
    old = {pid for name in _CHILDREN for pid in up.processes(name)[1:]}
    up.process.send_signal(signal.SIGHUP)

    def are_new() -> bool:
        now = [set(up.processes(name)[1:]) for name in _CHILDREN]
        return all(workers and not workers & old for workers in now)

    wait_until(are_new)


def test_a_pair_of_files_that_changes_is_one_change(tmp_path: Path) -> None:
    """Once it has stopped changing; a file that goes away and comes back is another."""
    pair = [tmp_path / "cert", tmp_path / "key"]
    watched = Watched(pair)
    assert not watched.changed()
    pair[0].write_text("1")
    assert not watched.changed()
    pair[1].write_text("1")
    assert [False, True, False] == [watched.changed() for _ in range(3)]


def test_without_a_certificate_nothing_is_watched(config_path: Path) -> None:
    """And HSTS alone is a mistake."""
    assert load(config_path).tls is None
    assert not Watched([]).changed()
