"""Tests of the decision about files that are not held, without nginx."""

from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest
from falcon.testing import Result, TestClient

from app.clients import NetworkTable
from app.config.settings import Mode
from app.names import Filename, path_from_digest
from app.web.application import create_app
from app.web.decisions import Sources
from app.web.files import CLIENT_HEADER, REDIRECT_HEADER, UNHELD_HEADER, UPSTREAM_HEADER
from tests.fake_pypi import FakePypi
from tests.fake_pypi.asking import asking
from tests.web_fakes import ELSEWHERE, PACKAGES, WHEEL, Mirror

PROXIED = "10.0.0.1"
REDIRECTED = "192.0.2.1"


@pytest.fixture
def mirror(tmp_path: Path, fake_pypi: FakePypi) -> Mirror:
    """Return parts that proxy for 10.0.0.0/8 and redirect everybody else."""
    modes = NetworkTable(Mode.REDIRECT, [(ip_network("10.0.0.0/8"), Mode.PROXY)])
    with asking(fake_pypi) as host:
        return Mirror(tmp_path / "simple", host, modes=modes)


def _ask(mirror: Mirror, path: str, client: str, method: str = "GET") -> Result:
    app = TestClient(create_app(mirror.parts()))
    return app.simulate_request(method, f"/packages/{path}", headers={CLIENT_HEADER: client})


@pytest.mark.parametrize("path", [WHEEL, WHEEL + ".metadata"])
def test_a_client_is_redirected_for_now(mirror: Mirror, path: str) -> None:
    """Never for ever: tomorrow the file may be held; and `.metadata` alike."""
    answer = _ask(mirror, path, REDIRECTED)
    assert 302 == answer.status_code
    assert ELSEWHERE + path == answer.headers["Location"]
    assert "no-store" == answer.headers["Cache-Control"]
    assert 1 == mirror.counted("decisions", "redirect")


@pytest.mark.parametrize("path", [WHEEL, WHEEL + ".metadata"])
def test_a_client_of_a_proxied_network_gets_it_through_nginx(mirror: Mirror, path: str) -> None:
    """It is told where it is, and nothing of the answer's own type."""
    answer = _ask(mirror, path, PROXIED)
    assert "@upstream" == answer.headers["X-Accel-Redirect"]
    assert PACKAGES + path == answer.headers[UPSTREAM_HEADER]
    assert "Content-Type" not in answer.headers
    assert 1 == mirror.counted("decisions", "proxy")


def test_without_an_address_the_default_holds(mirror: Mirror) -> None:
    """A missing header is no network."""
    assert 302 == _ask(mirror, WHEEL, "").status_code


@pytest.mark.parametrize(
    ("path", "url"),
    [
        (WHEEL, "https://files.example.org/x/six.whl?sig=1"),
        (WHEEL + ".metadata", "https://files.example.org/x/six.whl.metadata?sig=1"),
    ],
)
def test_a_file_of_another_place_is_fetched_there(mirror: Mirror, path: str, url: str) -> None:
    """An index may keep its files where no `/packages/` path leads."""
    mirror.store.known[WHEEL] = "https://files.example.org/x/six.whl?sig=1"
    assert url == _ask(mirror, path, REDIRECTED).headers["Location"]
    assert url == _ask(mirror, path, PROXIED).headers[UPSTREAM_HEADER]


def test_a_url_of_a_page_is_made_fit_for_a_header(mirror: Mirror) -> None:
    """Spaces and other alphabets are encoded, what is encoded stays."""
    mirror.store.known[WHEEL] = "https://files.example.org/a b/café%20x.whl?a=1&b=%2f"
    expected = "https://files.example.org/a%20b/caf%C3%A9%20x.whl?a=1&b=%2f"
    assert expected == _ask(mirror, WHEEL, REDIRECTED).headers["Location"]
    assert expected == _ask(mirror, WHEEL, PROXIED).headers[UPSTREAM_HEADER]


def test_a_host_that_nobody_configured_is_not_asked_by_us(mirror: Mirror) -> None:
    """A page can make this machine fetch from its own network, else."""
    mirror.store.known[WHEEL] = "http://169.254.169.254/latest/six.whl"
    answer = _ask(mirror, WHEEL, PROXIED)
    assert 302 == answer.status_code
    assert "http://169.254.169.254/latest/six.whl" == answer.headers["Location"]


def test_a_file_that_has_just_come_is_sent_from_here(mirror: Mirror) -> None:
    """It moved while nginx was looking: the application knows where it is now."""
    mirror.store.known[WHEEL] = None
    mirror.store.held[WHEEL] = "/srv/hot"
    mirror.store.described.add(WHEEL)
    for path in (WHEEL, WHEEL + ".metadata"):
        assert "@held" == _ask(mirror, path, REDIRECTED).headers["X-Accel-Redirect"]


@pytest.mark.parametrize(("client", "unheld"), [(PROXIED, "@upstream"), (REDIRECTED, "@redirect")])
def test_a_file_that_should_be_held_comes_with_another_way(
    mirror: Mirror, client: str, unheld: str
) -> None:
    """Should it not be on the disk, the client's mode counts as ever."""
    mirror.store.known[WHEEL] = "https://files.example.org/x/six.whl"
    mirror.store.held[WHEEL] = "/srv/hot"
    headers = _ask(mirror, WHEEL, client).headers
    assert ("@held", unheld) == (headers["X-Accel-Redirect"], headers[UNHELD_HEADER])
    for header in (UPSTREAM_HEADER, REDIRECT_HEADER):
        assert "https://files.example.org/x/six.whl" == headers[header]


@pytest.mark.parametrize("listed", [True, False])
def test_a_companion_that_is_never_held_is_not_looked_for(
    mirror: Mirror,
    listed: bool,  # noqa: FBT001
) -> None:
    """The index lists no digest of it, or not even the file: it is upstream's to give."""
    mirror.store.held[WHEEL] = "/srv/hot"
    if listed:
        mirror.store.known[WHEEL] = None
    answer = _ask(mirror, WHEEL + ".metadata", PROXIED)
    assert "@upstream" == answer.headers["X-Accel-Redirect"]
    assert 302 == _ask(mirror, WHEEL + ".metadata", REDIRECTED).status_code


@pytest.mark.parametrize("through_app", [True, False])
def test_a_proxied_client_can_still_be_redirected(
    mirror: Mirror,
    through_app: bool,  # noqa: FBT001
) -> None:
    """Upstream may fail this machine alone; the URL is the client's, not this machine's."""
    mirror.sources = replace(mirror.sources, through_app=through_app)
    answer = _ask(mirror, WHEEL, PROXIED)
    assert ELSEWHERE + WHEEL == answer.headers[REDIRECT_HEADER]
    mirror.store.known[WHEEL] = "https://files.example.org/x/six.whl"
    answer = _ask(mirror, WHEEL, PROXIED)
    assert "https://files.example.org/x/six.whl" == answer.headers[REDIRECT_HEADER]


def test_without_the_database_the_mode_still_counts(mirror: Mirror) -> None:
    """A locked database fails no download."""
    mirror.store.broken = True
    assert ELSEWHERE + WHEEL == _ask(mirror, WHEEL, REDIRECTED).headers["Location"]
    assert PACKAGES + WHEEL == _ask(mirror, WHEEL, PROXIED).headers[UPSTREAM_HEADER]


def test_behind_an_http_proxy_the_application_passes_it(mirror: Mirror) -> None:
    """There is no way through one for nginx."""
    mirror.sources = Sources((PACKAGES,), (ELSEWHERE,), through_app=True, hosts=frozenset())
    answer = _ask(mirror, WHEEL, PROXIED, "HEAD")
    assert "@stream" == answer.headers["X-Accel-Redirect"]
    assert 302 == _ask(mirror, WHEEL, REDIRECTED).status_code


def test_a_name_is_quoted_in_a_url(mirror: Mirror) -> None:
    """A space and a plus are what they are, in the header and for an object store."""
    path = path_from_digest("ab" * 32, Filename("a b-1+local!.whl"))
    quoted = path.replace("a b-1+local!.whl", "a%20b-1%2Blocal%21.whl")
    answer = _ask(mirror, path.replace(" ", "%20").replace("+", "%2B"), REDIRECTED)
    assert ELSEWHERE + quoted == answer.headers["Location"]


@pytest.mark.parametrize(
    "path",
    [
        WHEEL.replace("six", ".six"),
        WHEEL.replace("ab/", "zz/", 1),
        WHEEL + "%0d%0aX: y",
        "ab/cd/ef/six.whl",
        WHEEL + "x" * 300,
    ],
)
def test_a_path_that_is_none_is_404(mirror: Mirror, path: str) -> None:
    """Nobody upstream is asked for it."""
    answer = _ask(mirror, path, PROXIED)
    assert 404 == answer.status_code
    assert "X-Accel-Redirect" not in answer.headers
