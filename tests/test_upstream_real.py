"""The real upstream is as the simulated one: a few small projects, read only."""

import hashlib
from collections.abc import Iterator

import pytest

from app.names import ProjectName, parse_project
from app.pages.places import PackagePlaces
from app.upstream import (
    NoSuchProject,
    Upstream,
    UpstreamPolicy,
    UpstreamUnavailable,
    UpstreamUntrusted,
)

pytestmark = [pytest.mark.network, pytest.mark.slow]

PACKAGES_URL = "https://files.pythonhosted.org/packages/"


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    """Yield the door to PyPI, or skip where it is out of reach."""
    door = Upstream(
        UpstreamPolicy(
            pypi_url="https://pypi.org",
            places=PackagePlaces((PACKAGES_URL,), explicit=False),
            packages_url=(PACKAGES_URL,),
            proxy=None,
            user_agent="larder/0 (test)",
            retry=1,
            timeout=20,
            max_page_size=10 << 20,
            connections=2,
        )
    )
    try:
        door.project(ProjectName("iniconfig"))
    except (UpstreamUnavailable, UpstreamUntrusted) as error:
        pytest.skip(f"upstream is out of reach: {error}")
    yield door
    door.close()


@pytest.mark.parametrize("name", ["six", "idna", "iniconfig"])
def test_projects(upstream: Upstream, name: str) -> None:
    """A page has everything that clients look at, whatever format it came in."""
    fetched = upstream.project(parse_project(name))
    assert fetched is not None
    project = fetched.project
    assert () == project.refused
    assert project.files
    assert project.versions
    assert project.serial
    for file in project.files:
        assert file.origin is None
        assert file.sha256
        assert file.size
        assert file.upload_time


def test_no_such_project(upstream: Upstream) -> None:
    """A project that cannot exist does not."""
    with pytest.raises(NoSuchProject):
        upstream.project(ProjectName("x" * 200))


def test_a_file_in_two_parts(upstream: Upstream) -> None:
    """A download can be resumed, and is what the page says."""
    fetched = upstream.project(ProjectName("iniconfig"))
    assert fetched is not None
    file = fetched.project.files[-1]
    (url,) = upstream.url_of(file.path, file.origin)
    with upstream.open_file(url) as body:
        content = b"".join(body.chunks())
    with upstream.open_file(url, 1000, body.etag) as body:
        assert 1000 == body.start
        rest = b"".join(body.chunks())
    assert content[1000:] == rest
    assert file.sha256 == hashlib.sha256(content).hexdigest()
    assert len(content) == file.size == upstream.file_size(url)
