"""Tests of legacy JSON and provenance in the application, without nginx."""

from pathlib import Path

import pytest
from falcon.testing import TestClient

from app.documents import Unkept
from app.locks import LockTimeoutError
from app.upstream import NoSuchFile, NoSuchProject, UpstreamUnavailable, UpstreamUntrusted
from app.web.application import create_app
from tests.fake_pypi import FakePypi
from tests.fake_pypi.asking import asking
from tests.web_fakes import Mirror

PROVENANCE = "/provenance/six/1.0/six-1.0.tar.gz"


@pytest.fixture
def mirror(tmp_path: Path, fake_pypi: FakePypi) -> Mirror:
    """Return an application's parts, with no project yet."""
    with asking(fake_pypi) as host:
        return Mirror(tmp_path / "simple", host)


@pytest.fixture
def client(mirror: Mirror) -> TestClient:
    """Return a client of the application."""
    return TestClient(create_app(mirror.parts()))


@pytest.mark.parametrize("path", ["/legacy/six", "/legacy/six/1.0"])
def test_a_kept_document_is_left_to_nginx(client: TestClient, path: str) -> None:
    """The application names its place, below the project's folder."""
    answer = client.simulate_get(path)
    assert "@legacy" == answer.headers["X-Accel-Redirect"]
    assert "serial-1" == answer.headers["X-Larder-Folder"]
    assert "project.json" == answer.headers["X-Larder-Document"]
    assert "Content-Type" not in answer.headers


def test_what_is_not_kept_is_sent_as_it_is(mirror: Mirror, client: TestClient) -> None:
    """With the serial, where it has one."""
    for serial in (7, None):
        mirror.documents.answer = Unkept(b'{"info":{}}', serial)
        answer = client.simulate_get("/legacy/six/1.0")
        assert (200, b'{"info":{}}') == (answer.status_code, answer.content)
        assert "application/json" == answer.headers["Content-Type"]
        assert (serial and str(serial)) == answer.headers.get("X-PyPI-Last-Serial")


def test_what_upstream_has_not_is_remembered(mirror: Mirror, client: TestClient) -> None:
    """For a minute; another document of the project is another question."""
    mirror.documents.error = NoSuchProject("six", "is not there")
    for path in ("/legacy/six", "/legacy/six/1.0"):
        for _ in range(3):
            assert 404 == client.simulate_get(path).status_code
    assert ["six", "six/1.0"] == mirror.documents.asked
    mirror.clock.now += 61
    client.simulate_get("/legacy/six")
    assert 3 == len(mirror.documents.asked)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NoSuchFile("x", "is not there"), 404),
        (UpstreamUnavailable("x", "answers 503"), 503),
        (LockTimeoutError("six"), 503),
        (UpstreamUntrusted("x", "is no JSON"), 502),
    ],
)
def test_each_error_has_its_status(
    mirror: Mirror, client: TestClient, error: Exception, status: int
) -> None:
    """The same for both kinds of documents."""
    mirror.documents.error = error
    for path in ("/legacy/six", PROVENANCE):
        assert status == client.simulate_get(path).status_code


def test_a_project_that_upstream_has_not_has_no_documents(
    mirror: Mirror, client: TestClient
) -> None:
    """The page comes first."""
    mirror.index.errors["six"] = NoSuchProject("six", "is not there")
    for path in ("/legacy/six", "/legacy/six/1.0", PROVENANCE):
        assert 404 == client.simulate_get(path).status_code
    assert [] == mirror.documents.asked


@pytest.mark.parametrize(
    "path",
    ["/legacy/-six", "/legacy/six/.hidden", "/provenance/six/1.0/.x", "/provenance/%C3%A9/1/x"],
)
def test_what_is_no_name_is_404(mirror: Mirror, client: TestClient, path: str) -> None:
    """And never a path."""
    assert 404 == client.simulate_get(path).status_code
    assert [] == mirror.documents.asked


def test_provenance_is_left_to_nginx_or_to_upstream(mirror: Mirror, client: TestClient) -> None:
    """The latter where its host is none of ours."""
    assert "@provenance" == client.simulate_get(PROVENANCE).headers["X-Accel-Redirect"]
    mirror.documents.answer = Unkept(b"https://elsewhere.example.org/\r\nX: y", None)
    answer = client.simulate_get(PROVENANCE)
    assert 302 == answer.status_code
    assert "https://elsewhere.example.org/%0D%0AX:%20y" == answer.headers["Location"]
