"""The legacy JSON adds what a page of HTML lacks, where there is any."""

import pytest

from app.names import ProjectName
from app.upstream import (
    FetchedProject,
    Upstream,
    UpstreamUnavailable,
    UpstreamUntrusted,
    Validators,
)
from tests.fake_pypi import (
    FakePypi,
    Redirect,
    Replaced,
    Status,
    make_sdist,
    make_wheel,
)
from tests.fake_pypi.asking import asking

SIX = ProjectName("six")


def stock(pypi: FakePypi) -> None:
    """Put a project with a wheel and a yanked sdist on an index."""
    pypi.add(make_wheel("Six", "1.0", requires_python=">=3.8"))
    pypi.add(make_sdist("Six", "0.9"), yanked="broken")


def fetched(upstream: Upstream, known: Validators | None = None) -> FetchedProject:
    """Return the page, which must not be unmodified."""
    found = upstream.project(SIX, known)
    assert found is not None
    return found


@pytest.mark.parametrize("relative", [False, True])
def test_html_with_legacy_json_says_as_much_as_json(relative: bool) -> None:  # noqa: FBT001
    """What a page of HTML lacks is taken from the legacy JSON."""
    with (
        FakePypi() as one,
        FakePypi(kind="html", links="relative" if relative else "absolute") as other,
    ):
        stock(one)
        stock(other)
        with asking(one) as door, asking(other) as html_door:
            expected, actual = fetched(door).project, fetched(html_door).project
    by_name = {file.filename: file for file in expected.files}
    for file in actual.files:
        wanted = by_name[file.filename]
        assert wanted.size == file.size
        assert wanted.upload_time == file.upload_time
        assert wanted.core_metadata == file.core_metadata
        assert wanted.yanked == file.yanked
        assert wanted.path == file.path
        assert file.origin is None
    assert set(expected.versions or ()) == set(actual.versions or ())
    assert expected.serial == actual.serial


def test_html_alone() -> None:
    """Without legacy JSON a page of HTML is what there is; its header has the serial."""
    with FakePypi(kind="html", legacy_json=False) as pypi, asking(pypi) as upstream:
        stock(pypi)
        project = fetched(upstream).project
        assert pypi.project("six").serial == project.serial
        assert [None, None] == [file.size for file in project.files]
        assert [False, "broken"] == [file.yanked for file in project.files]


def test_a_serial_of_the_legacy_json_is_the_last_resort() -> None:
    """Where neither page nor header has a serial, the legacy JSON's is taken."""
    with FakePypi(kind="html", serials=None) as pypi, asking(pypi) as upstream:
        stock(pypi)
        assert pypi.project("six").serial == fetched(upstream).project.serial


def test_legacy_json_is_not_asked_for_ever() -> None:
    """An index that never has legacy JSON is no longer asked for it."""
    with FakePypi(kind="html", legacy_json=False) as pypi, asking(pypi) as upstream:
        for number in range(12):
            name = ProjectName(f"project-{number}")
            pypi.add_project(name)
            upstream.project(name)
        assert 8 == pypi.count("/pypi/*/json")
        assert 8 == pypi.count("/project-*/json")


def test_legacy_json_of_one_project_may_be_missing() -> None:
    """A quarantined project's 404 does not hide the legacy JSON of others."""
    with FakePypi(kind="html") as pypi, asking(pypi) as upstream:
        stock(pypi)
        for number in range(12):
            pypi.add_project(f"bad-{number}", status="quarantined")
        for number in range(12):
            upstream.project(ProjectName(f"bad-{number}"))
            assert fetched(upstream).project.files[0].size
        pypi.forget_requests()
        upstream.project(ProjectName("bad-1"))
        assert 0 == pypi.count("/bad-1/json")


def test_legacy_json_below_a_prefix() -> None:
    """An index below /pypi has its legacy JSON there, too."""
    paths = {"simple_path": "/pypi/simple/", "legacy_path": "/pypi/{project}/json"}
    with FakePypi(kind="html", **paths) as pypi:  # type: ignore[arg-type]
        stock(pypi)
        assert pypi.url + "/pypi" == pypi.pypi_url
        with asking(pypi) as upstream:
            assert all(file.size for file in fetched(upstream).project.files)


@pytest.mark.parametrize("status", [500, 503, 429])
def test_legacy_json_that_is_away_is_waited_for(status: int) -> None:
    """A page without what the legacy JSON adds is not taken for a whole one."""
    with FakePypi(kind="html") as pypi, asking(pypi) as upstream:
        stock(pypi)
        pypi.inject(Status(status), at="/pypi/six/json")
        with pytest.raises(UpstreamUnavailable, match=f"/pypi/six/json answers {status}"):
            upstream.project(SIX)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b"<html>Welcome</html>", "text/html"), (b'{"hello":1}', "application/json")],
)
def test_an_answer_to_everything_is_no_legacy_json(body: bytes, content_type: str) -> None:
    """A server that answers every path with something has no legacy JSON."""
    with FakePypi(kind="html", legacy_json=False) as pypi, asking(pypi) as upstream:
        stock(pypi)
        pypi.inject(Replaced(body, content_type), at="*/json")
        assert 2 == len(fetched(upstream).project.files)


def test_broken_legacy_json() -> None:
    """Legacy JSON that is none is not passed over."""
    with FakePypi(kind="html") as pypi, asking(pypi) as upstream:
        stock(pypi)
        pypi.inject(Replaced(b"{", "application/json"), at="*/json")
        with pytest.raises(UpstreamUntrusted, match="/pypi/six/json is not the JSON"):
            upstream.project(SIX)


def test_legacy_json_of_another_project() -> None:
    """Legacy JSON of another project is not merged."""
    with FakePypi(kind="html") as pypi, asking(pypi) as upstream:
        stock(pypi)
        pypi.add(make_wheel("seven", "1.0"))
        pypi.inject(Redirect("/pypi/seven/json"), at="/pypi/six/json")
        with pytest.raises(UpstreamUntrusted, match="seven"):
            upstream.project(SIX)
