"""Tests of reading behind a shared download, without nginx."""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from falcon.testing import Result, TestClient

from app.upstream import Upstream
from app.web import shared, shared_state
from app.web.application import create_app
from app.web.decisions import Sources
from app.web.files import REDIRECT_HEADER, UPSTREAM_HEADER
from app.web.opening import Opener
from app.web.shared import SharedDownloads
from app.web.shared_state import Progress
from tests.fake_pypi import Chunked, CutBody, FakeFile, FakePypi, IgnoreRange, Status
from tests.fake_pypi.asking import asking
from tests.fake_pypi.faults import Fault
from tests.serving import wait_until
from tests.web_fakes import WHEEL, Mirror

CONTENT = bytes(range(256)) * 1000
GONE = 2**22
"""No process has this number: Linux gives none above it."""


@pytest.fixture
def host(fake_pypi: FakePypi) -> Iterator[Upstream]:
    """Return the door to an upstream."""
    with asking(fake_pypi) as upstream:
        yield upstream


@pytest.fixture
def wheel(fake_pypi: FakePypi) -> FakeFile:
    """Return a file that upstream has."""
    return fake_pypi.add_file("six", "six-1.17.0-py3-none-any.whl", CONTENT)


@pytest.fixture
def mirror(tmp_path: Path, fake_pypi: FakePypi, host: Upstream) -> Mirror:
    """Return parts whose upstream is the fake."""
    places = (fake_pypi.packages_url,)
    sources = Sources(places, places, through_app=False, hosts=frozenset())
    return Mirror(tmp_path / "simple", host, sources=sources)


@pytest.fixture
def app(mirror: Mirror) -> TestClient:
    """Return the application."""
    return TestClient(create_app(mirror.parts()))


def _get(app: TestClient, path: str) -> Result:
    return app.simulate_get(f"/shared/{path}")


def _folder(mirror: Mirror) -> Path:
    return mirror.parts().shared


def _state(mirror: Mirror) -> Path:
    (path,) = _folder(mirror).glob("*.json")
    return path


def test_who_comes_later_gets_it_from_here(
    app: TestClient, wheel: FakeFile, fake_pypi: FakePypi
) -> None:
    """For a while; upstream is asked once."""
    answers = [_get(app, wheel.path) for _ in range(5)]
    assert [(200, CONTENT)] * 5 == [(one.status_code, one.content) for one in answers]
    assert 1 == fake_pypi.count(method="GET")
    assert answers[0].headers["ETag"] == answers[-1].headers["ETag"]


def test_a_file_of_long_ago_is_fetched_anew(
    app: TestClient, mirror: Mirror, wheel: FakeFile, fake_pypi: FakePypi
) -> None:
    """So the folder stays small."""
    assert CONTENT == _get(app, wheel.path).content
    state = _state(mirror)
    wait_until(lambda: bool((known := shared_state.read(state)) and known.ended))
    progress = shared_state.read(state)
    assert progress is not None
    shared_state.write(state, replace(progress, ended=time.time() - 60))
    assert CONTENT == _get(app, wheel.path).content
    assert 2 == fake_pypi.count(method="GET")


def test_what_a_killed_worker_has_left_is_begun_anew(
    app: TestClient, mirror: Mirror, wheel: FakeFile
) -> None:
    """Its process is gone, and the half of the file with it."""
    assert CONTENT == _get(app, wheel.path).content
    state = _state(mirror)
    state.with_suffix(".part").write_bytes(CONTENT[:100])
    shared_state.write(state, Progress(GONE, total=len(CONTENT)))
    assert CONTENT == _get(app, wheel.path).content


@pytest.mark.parametrize("text", ["", "{", '{"pid": 1, "strange": 2}', "[]"])
def test_a_state_that_cannot_be_read_is_none(
    app: TestClient, mirror: Mirror, wheel: FakeFile, text: str
) -> None:
    """Of another version, or cut by a full disk."""
    assert CONTENT == _get(app, wheel.path).content
    _state(mirror).write_text(text)
    assert CONTENT == _get(app, wheel.path).content


def test_where_there_is_no_room_everybody_goes_alone(
    mirror: Mirror, wheel: FakeFile, fake_pypi: FakePypi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk of a small machine is not filled."""
    monkeypatch.setattr(SharedDownloads.__init__, "__defaults__", (len(CONTENT) - 1,))
    app = TestClient(create_app(mirror.parts()))
    answer = _get(app, wheel.path)
    assert "@upstream" == answer.headers["X-Accel-Redirect"]
    assert fake_pypi.packages_url + wheel.path == answer.headers[UPSTREAM_HEADER]


def test_a_file_whose_size_nobody_tells_is_not_shared(
    app: TestClient, wheel: FakeFile, fake_pypi: FakePypi
) -> None:
    """Who reads behind it could not tell the whole from a part."""
    fake_pypi.inject(Chunked())
    assert "@upstream" == _get(app, wheel.path).headers["X-Accel-Redirect"]


def test_beyond_the_readers_everybody_goes_alone(mirror: Mirror, wheel: FakeFile) -> None:
    """A slow client holds a thread: there is a number of them."""
    parts = mirror.parts()
    app = TestClient(create_app(parts))
    with parts.reader_places.one(), parts.reader_places.one():
        assert "@upstream" == _get(app, wheel.path).headers["X-Accel-Redirect"]
    for _ in range(5):
        assert CONTENT == _get(app, wheel.path).content


def test_without_a_disk_everybody_goes_alone(mirror: Mirror, wheel: FakeFile) -> None:
    """The folder cannot be made."""
    _folder(mirror).write_text("no folder")
    app = TestClient(create_app(mirror.parts()))
    assert "@upstream" == _get(app, wheel.path).headers["X-Accel-Redirect"]


def test_what_upstream_does_not_have_is_404(app: TestClient, fake_pypi: FakePypi) -> None:
    """For all who wait; a place that fails sends them on."""
    assert 404 == _get(app, WHEEL).status_code
    fake_pypi.inject(Status(503))
    answer = _get(app, WHEEL)
    assert fake_pypi.packages_url + WHEEL == answer.headers[REDIRECT_HEADER]


@pytest.mark.parametrize("fault", [CutBody(1000)])
def test_a_body_that_breaks_off_goes_on(
    app: TestClient, wheel: FakeFile, fake_pypi: FakePypi, fault: Fault
) -> None:
    """From where it was."""
    fake_pypi.inject(fault, times=2)
    assert CONTENT == _get(app, wheel.path).content
    ranges = [request.headers.get("range") for request in fake_pypi.requests]
    assert [None, "bytes=1000-", "bytes=2000-"] == ranges


def test_a_body_that_cannot_go_on_is_short(
    app: TestClient, wheel: FakeFile, fake_pypi: FakePypi
) -> None:
    """Content-Length says so: better than two halves that do not belong together."""
    fake_pypi.inject(IgnoreRange())
    fake_pypi.inject(CutBody(1000), times=1)
    answer = _get(app, wheel.path)
    assert str(len(CONTENT)) == answer.headers["Content-Length"]
    assert CONTENT[:1000] == answer.content


def test_a_sweep_takes_what_nobody_comes_for(
    mirror: Mirror, wheel: FakeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some seconds after its end, also without anybody else who asks."""
    monkeypatch.setattr(shared, "KEEP", 0.0)
    parts = mirror.parts()
    downloads = SharedDownloads(parts.shared, Opener(parts.desk, mirror.host))
    reader = downloads.join(wheel.path)
    assert CONTENT == b"".join(reader.chunks(len(CONTENT)))
    reader.close()
    wait_until(lambda: {"lock"} == {one.name for one in parts.shared.iterdir()})


def test_the_process_that_downloads_is_known() -> None:
    """Ours lives; a number that nobody has is nobody."""
    assert Progress(os.getpid()).alive
    assert not Progress(GONE).alive
    assert not Progress(os.getpid(), ended=1.0).alive
