"""Tests of where upstream's redirects lead, and of what probes find: on real sockets."""

import socket
from collections.abc import Iterator

import pytest

from app.targets import Failure, Kind
from app.upstream import UpstreamUntrusted
from app.upstream.guard import is_internal
from tests.fake_pypi import (
    Drop,
    FakeFile,
    FakePypi,
    Hang,
    Redirect,
    Replaced,
    Status,
)
from tests.fake_pypi.asking import asking
from tests.mirrors import free_port


@pytest.fixture
def inside() -> Iterator[FakePypi]:
    """Return a server of an internal network, at a port that nobody configured."""
    with FakePypi() as running:
        yield running


@pytest.fixture
def file(fake_pypi: FakePypi) -> FakeFile:
    """Return a file that upstream has."""
    return fake_pypi.add_file("six", "six-1.0.tar.gz", b"x" * 1000)


def test_a_redirect_into_the_internal_network_is_not_followed(
    fake_pypi: FakePypi, inside: FakePypi, file: FakeFile
) -> None:
    """Not by an address, not by a name; nothing is asked there."""
    secret = inside.add_file("secret", "secret-1.0.tar.gz", b"secret")
    with asking(fake_pypi) as upstream:
        for host in ("127.0.0.1", "localhost", "127.1", "2130706433", "[::ffff:127.0.0.1]"):
            url = f"http://{host}:{inside.port}/packages/{secret.path}"
            fake_pypi.inject(Redirect(url), at=f"/packages/{file.path}")
            with (
                pytest.raises(UpstreamUntrusted),
                upstream.open_file(fake_pypi.packages_url + file.path),
            ):
                pass
    assert () == inside.requests


def test_what_is_configured_is_followed(
    fake_pypi: FakePypi, inside: FakePypi, file: FakeFile
) -> None:
    """An object store of one's own."""
    stored = inside.add_file("six", "six-1.0.tar.gz", b"stored")
    fake_pypi.inject(Redirect(inside.packages_url + stored.path), at=f"/packages/{file.path}")
    with (
        asking(fake_pypi, redirects_to=(inside.packages_url,)) as upstream,
        upstream.open_file(fake_pypi.packages_url + file.path) as body,
    ):
        assert b"stored" == b"".join(body.chunks())


@pytest.mark.parametrize("scheme", ["ftp", "file", "gopher"])
def test_only_http_is_followed(fake_pypi: FakePypi, file: FakeFile, scheme: str) -> None:
    """Whatever else a client library may know."""
    fake_pypi.inject(Redirect(f"{scheme}://example.org/etc/passwd"), at=f"/packages/{file.path}")
    with (
        asking(fake_pypi) as upstream,
        pytest.raises(UpstreamUntrusted),
        upstream.open_file(fake_pypi.packages_url + file.path),
    ):
        pass


@pytest.mark.parametrize(
    ("address", "internal"),
    [
        ("10.1.2.3", True),
        ("169.254.169.254", True),
        ("100.64.0.1", True),
        ("0.0.0.0", True),  # noqa: S104
        ("224.0.0.1", True),
        ("::1", True),
        ("fe80::1%eth0", True),
        ("fd00::1", True),
        ("::ffff:10.0.0.1", True),
        ("2002:a00:1::1", True),
        ("151.101.0.223", False),
        ("2a04:4e42::223", False),
    ],
)
def test_internal_addresses_are_known(address: str, internal: bool) -> None:  # noqa: FBT001
    """In every form that leads to them."""
    assert internal == is_internal(address)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Status(403), Kind.FORBIDDEN),
        (Status(429), Kind.LIMITED),
        (Status(500), Kind.SERVER_ERROR),
        (Status(503), Kind.SERVER_ERROR),
        (Status(504), Kind.TIMEOUT),
        (Status(508), Kind.LOOP),
        (Drop(), Kind.CONNECTION),
        (Hang(), Kind.TIMEOUT),
        (Replaced(b"<html>log in", "text/html"), Kind.PAGE),
        (Redirect("/packages/again"), Kind.REDIRECT),
        (Redirect("http://169.254.169.254/"), Kind.BROKEN),
        (Status(404), None),
        (Status(405), None),
    ],
)
def test_a_probe_says_what_is_wrong(
    fake_pypi: FakePypi, file: FakeFile, fault: Status, kind: Kind | None
) -> None:
    """Each failure by its kind."""
    fake_pypi.inject(fault)
    with asking(fake_pypi, timeout=0.3) as upstream:
        found = upstream.probe(fake_pypi.packages_url + file.path, is_file=True)
    assert kind == (found.kind if found else None)


def test_a_probe_of_a_good_place_finds_nothing(fake_pypi: FakePypi, file: FakeFile) -> None:
    """With a file and without; no byte of it is fetched, and it says that it is a probe."""
    with asking(fake_pypi, via="larder-x") as upstream:
        assert upstream.probe(fake_pypi.packages_url + file.path, is_file=True) is None
        assert upstream.probe(fake_pypi.packages_url, is_file=False) is None
        fake_pypi.inject(Status(403), at="/packages/")
        assert upstream.probe(fake_pypi.packages_url, is_file=False) is None
    assert {"HEAD"} == {request.method for request in fake_pypi.requests}
    assert {"1"} == {request.headers["x-larder-probe"] for request in fake_pypi.requests}
    assert {"1.1 larder-x"} == {request.headers["via"] for request in fake_pypi.requests}


def test_a_probe_keeps_what_a_429_asks_for(fake_pypi: FakePypi) -> None:
    """In seconds."""
    fake_pypi.inject(Status(429, retry_after=7))
    with asking(fake_pypi) as upstream:
        expected = Failure(Kind.LIMITED, 7.0)
        assert expected == upstream.probe(fake_pypi.packages_url, is_file=False)


def test_a_refused_connection_is_found(fake_pypi: FakePypi) -> None:
    """Nobody listens there; nor is a name known that is none."""
    with asking(fake_pypi) as upstream:
        for host in (f"127.0.0.1:{free_port()}", "nowhere.invalid"):
            found = upstream.probe(f"http://{host}/packages/", is_file=False)
            assert Failure(Kind.CONNECTION) == found


def test_a_full_backlog_is_a_timeout(fake_pypi: FakePypi) -> None:
    """A server that takes the connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent, asking(fake_pypi, timeout=0.3) as door:
        port = silent.getsockname()[1]
        found = door.probe(f"http://127.0.0.1:{port}/", is_file=False)
    assert Failure(Kind.TIMEOUT) == found
