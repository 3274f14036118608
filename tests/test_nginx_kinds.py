"""Tests of mirrors of other kinds: TLS, no prefix, IPv6, upstream behind a proxy or TLS."""

import http.client
import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from tests.fake_pypi import FakeFile, FakePypi
from tests.mirrors import free_port
from tests.serving import Serving, ask
from tests.web_fakes import WHEEL

pytestmark = pytest.mark.system

CONTENT = bytes(range(256)) * 4000


@pytest.fixture
def wheel(fake_pypi: FakePypi) -> FakeFile:
    """Return a file that upstream has."""
    name = "six-1.17.0-py3-none-any.whl"
    return fake_pypi.add_file("six", name, CONTENT, metadata=b"Name: six\n")


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """Return a certificate for 127.0.0.1 that only its own file vouches for, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl makes the certificate, and is not installed")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    # nginx compares names alone, so the address is given as one as well.
    names = "subjectAltName=DNS:127.0.0.1,IP:127.0.0.1"
    command += ["-nodes", "-subj", "/CN=test", "-addext", names, "-keyout", str(key)]
    subprocess.run([*command, "-out", str(cert)], check=True, capture_output=True)
    return cert, key


def test_a_mirror_without_a_prefix(tmp_path: Path, fake_pypi: FakePypi, wheel: FakeFile) -> None:
    """Everything is where `/pypi` was, and nothing else has come to light."""
    with Serving.of(tmp_path, fake_pypi, prefix="") as mirror:
        assert wheel.filename in mirror.get("/simple/six/").body.decode()
        assert "/simple/six/" == mirror.get("/simple//Six").header("Location")
        assert "/simple/" == mirror.get("/simple").header("Location")
        assert 302 == mirror.get(f"/packages/{wheel.path}").status
        assert b"/simple/ NAME" in mirror.get("/").body
        for path in ("/six/json", "/pypi/six/json", "/six/1.17.0/json"):
            assert "application/json" == mirror.get(path).header("Content-Type")
        for path in ("/.larder/vote", f"/votes/{WHEEL}", "/metrics", "/run/nginx.conf"):
            assert 404 == mirror.get(path).status


def test_a_mirror_on_every_address(tmp_path: Path, fake_pypi: FakePypi, wheel: FakeFile) -> None:
    """`:8080` is IPv4 and, where the machine has it, IPv6; a client's network is its own."""
    port = free_port()
    with Serving.of(tmp_path, fake_pypi, listen=f":{port}") as mirror:
        assert 302 == mirror.get(f"/pypi/packages/{wheel.path}").status
        if not mirror.runtime.ipv6:
            pytest.skip("this machine has no IPv6")
        connection = http.client.HTTPConnection("::1", port, timeout=10)
        connection.request("GET", "/pypi/simple/six/")
        assert 200 == connection.getresponse().status
        connection.close()


def test_a_mirror_with_tls(
    tmp_path: Path, fake_pypi: FakePypi, certificate: tuple[Path, Path]
) -> None:
    """HTTP/2 is offered, old versions are not, and plain HTTP is refused."""
    cert, key = certificate
    serving = Serving.of(tmp_path, fake_pypi, tls={"cert": str(cert), "key": str(key)})
    serving.start_app()
    try:
        serving.start_nginx()
        context = ssl.create_default_context(cafile=str(cert))
        context.set_alpn_protocols(["h2", "http/1.1"])
        address = ("127.0.0.1", serving.config.listen.port)
        with (
            socket.create_connection(address, 10) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
        ):
            assert "h2" == secure.selected_alpn_protocol()
            assert secure.version() in {"TLSv1.2", "TLSv1.3"}
        context.set_alpn_protocols(["http/1.1"])
        connection = http.client.HTTPSConnection(*address, context=context, timeout=10)
        connection.request("GET", "/pypi/simple/")
        assert 200 == connection.getresponse().status
        connection.close()
        assert 400 == serving.get("/pypi/simple/").status
    finally:
        serving.stop_nginx()
        serving.stop_app()


def test_a_mirror_behind_an_http_proxy(
    tmp_path: Path, fake_pypi: FakePypi, wheel: FakeFile
) -> None:
    """Pages and files go through it; the application passes files on, with their ranges."""
    with _forwarding() as (port, forwarded):
        source = {
            "pypi_url": fake_pypi.pypi_url,
            "packages_url": fake_pypi.packages_url,
            "proxy": f"http://127.0.0.1:{port}",
        }
        changes = {"upstream": source, "ip_modes": {"default": "proxy"}}
        with Serving.of(tmp_path, fake_pypi, **changes) as mirror:
            assert wheel.filename in mirror.get("/pypi/simple/six/").body.decode()
            path = f"/pypi/packages/{wheel.path}"
            answer = mirror.get(path)
            assert (200, CONTENT) == (answer.status, answer.body)
            assert str(len(CONTENT)) == answer.header("Content-Length")
            assert "public, max-age=31536000, immutable" == answer.header("Cache-Control")
            answer = mirror.get(path, Range="bytes=-100")
            assert (206, CONTENT[-100:]) == (answer.status, answer.body)
            assert str(len(CONTENT)) == mirror.get(path, "HEAD").header("Content-Length")
            assert b"Name: six\n" == mirror.get(f"{path}.metadata").body
            assert 404 == mirror.get(f"/pypi/packages/{WHEEL}").status
            assert 416 == mirror.get(path, Range=f"bytes={len(CONTENT)}-").status
            streams = [mirror.counted("decisions", way) for way in ("stream", "shared")]
            assert [3, 2] == streams
            fake_pypi.stop()
            assert 302 == mirror.get(f"/pypi/packages/{WHEEL}").status
    assert any(wheel.path in url for url in forwarded)


@pytest.mark.parametrize("trusted", [True, False])
def test_an_upstream_with_tls_is_verified(
    tmp_path: Path,
    fake_pypi: FakePypi,
    certificate: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    trusted: bool,  # noqa: FBT001
) -> None:
    """A certificate that nobody vouches for gives no byte: the client decides for itself."""
    if trusted:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
    with _secure(certificate) as port:
        source = {
            "pypi_url": fake_pypi.pypi_url,
            "packages_url": f"https://127.0.0.1:{port}/packages/",
        }
        changes = {"upstream": source, "ip_modes": {"default": "proxy"}}
        serving = Serving.of(tmp_path, fake_pypi, **changes)
        with serving as mirror:
            answer = mirror.get(f"/pypi/packages/{WHEEL}")
            if trusted:
                assert (200, b"secure") == (answer.status, answer.body)
            else:
                assert 302 == answer.status
                said = mirror.ask_metrics("/metrics").body.decode()
                assert 'larder_target_failures_total{kind="connection"' in said


def test_a_networks_mode_is_that_of_its_longest_prefix(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """Of IPv4 and of IPv6, in whatever order the rules stand."""
    rules = {
        "10.0.0.0/8": "proxy",
        "10.1.0.0/16": "302",
        "10.1.2.0/24": "proxy",
        "2001:db8:1::/48": "302",
        "2001:db8::/32": "proxy",
    }
    expected = {
        "10.9.9.9": 200,
        "10.1.9.9": 302,
        "10.1.2.9": 200,
        "::ffff:10.1.9.9": 302,
        "192.0.2.1": 302,
        "2001:db8:1::7": 302,
        "2001:db8:2::7": 200,
        "2001:db9::7": 302,
    }
    file = fake_pypi.add_file("six", "six-1.0-py3-none-any.whl", CONTENT)
    modes = {"rules": [{"cidr": cidr, "mode": mode} for cidr, mode in rules.items()]}
    changes = {"ip_modes": modes, "trusted_proxies": ["127.0.0.1"]}
    with Serving.of(tmp_path, fake_pypi, **changes) as mirror:
        path = f"/pypi/packages/{file.path}"
        found = {client: mirror.get(path, X_Forwarded_For=client).status for client in expected}
    assert expected == found


def test_the_log_may_be_apaches(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """`combined` is what every tool for logs reads."""
    log = tmp_path / "access.log"
    changes = {"log": {"path": str(log), "format": "combined"}}
    with Serving.of(tmp_path, fake_pypi, **changes) as mirror:
        mirror.get("/pypi/x", User_Agent='a"b', Referer="http://example.org/")
    lines = [line for line in log.read_text().splitlines() if "/pypi/x" in line]
    pattern = (
        r'127\.0\.0\.1 - - \[[^]]+\] "GET /pypi/x HTTP/1\.1" 404 \d+'
        r' "http://example\.org/" "a\\x22b"'
    )
    assert [True] == [re.fullmatch(pattern, line) is not None for line in lines]


class _Forward(BaseHTTPRequestHandler):
    """An HTTP proxy that goes where it is told, and remembers."""

    forwarded: ClassVar[list[str]]

    def do_GET(self) -> None:
        """Forward what came in absolute form (RFC 9112, section 3.2.2)."""
        self.forwarded.append(self.path)
        _, _, host, path = self.path.split("/", 3)
        name, _, port = host.partition(":")
        assert name == "127.0.0.1"
        headers = {key: value for key, value in self.headers.items() if key != "Host"}
        try:
            answer = ask(int(port), f"/{path}", self.command, headers)
        except OSError:
            self.send_error(502)
            return
        self.send_response(answer.status)
        for key, value in answer.headers.items():
            if key not in {"connection", "transfer-encoding", "date", "server"}:
                self.send_header(key, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def do_HEAD(self) -> None:
        """Forward it, too."""
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Secure(BaseHTTPRequestHandler):
    """A file host with one file."""

    def do_GET(self) -> None:
        """Answer with the file."""
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"secure")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def _serving(server: ThreadingHTTPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def _forwarding() -> Iterator[tuple[int, list[str]]]:
    class Handler(_Forward):
        forwarded: ClassVar[list[str]] = []

    with _serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        yield port, Handler.forwarded


@contextmanager
def _secure(certificate: tuple[Path, Path]) -> Iterator[int]:
    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Say nothing: a client that does not trust us hangs up."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server = Server(("127.0.0.1", 0), _Secure)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with _serving(server) as port:
        yield port
