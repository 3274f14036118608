"""Tests of the application's part in core metadata, without nginx."""

from pathlib import Path

import pytest
from falcon.testing import TestClient

from app.companions import WrongMetadataError
from app.store import StoreError
from app.web.application import create_app
from tests.fake_pypi import FakePypi
from tests.fake_pypi.asking import asking
from tests.web_fakes import WHEEL, Mirror


@pytest.fixture
def mirror(tmp_path: Path, fake_pypi: FakePypi) -> Mirror:
    """Return an application's parts."""
    with asking(fake_pypi) as host:
        return Mirror(tmp_path / "simple", host)


def location(mirror: Mirror) -> str:
    """Return where nginx is sent."""
    client = TestClient(create_app(mirror.parts()))
    answer = client.simulate_get(f"/metadata/{WHEEL}.metadata")
    assert 204 == answer.status_code
    assert "Content-Type" not in answer.headers
    return answer.headers["X-Accel-Redirect"]


@pytest.mark.parametrize(("kept", "expected"), [(True, "@metadata"), (False, "@file")])
def test_nginx_is_told_where_it_is(mirror: Mirror, kept: bool, expected: str) -> None:  # noqa: FBT001
    """In its folder; or as for any file that is not held."""
    mirror.keeping.kept = kept
    assert expected == location(mirror)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (WrongMetadataError("its SHA-256 is another"), "@wrong_metadata"),
        (StoreError("database is locked"), "@file"),
        (OSError(28, "No space left on device"), "@file"),
    ],
)
def test_an_error_says_whether_upstream_may_be_asked(
    mirror: Mirror, error: Exception, expected: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Only wrong bytes are worse than none; each is logged."""
    mirror.keeping.error = error
    assert expected == location(mirror)
    assert str(error) in caplog.text
