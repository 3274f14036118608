"""Tests of core metadata (PEP 658) of files that are not held, through real nginx and gunicorn."""

import shutil
import signal
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.names import ProjectName
from jobs.clean import run as clean
from jobs.parts import Parts
from tests.fake_pypi import FakeFile, FakePypi, Slow, Status, WrongContent, make_wheel
from tests.serving import Serving, wait_until

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def pypi() -> Iterator[FakePypi]:
    """Return an upstream."""
    with FakePypi() as running:
        yield running


@pytest.fixture(scope="module")
def mirror(pypi: FakePypi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Return a mirror of it, whose breaker tries again after a second."""
    serving = Serving.of(tmp_path_factory.mktemp("metadata"), pypi, app={"workers": 2})
    serving.edits = {"fail_timeout=10s": "fail_timeout=1s"}
    with serving as running:
        yield running


@pytest.fixture
def wheel(mirror: Serving, pypi: FakePypi, request: pytest.FixtureRequest) -> Iterator[FakeFile]:
    """Return a wheel that the mirror's index lists."""
    name = f"p{zlib.crc32(request.node.name.encode())}"
    file = pypi.add(make_wheel(name, "1.0"))
    mirror.get(f"/pypi/simple/{name}/")
    pypi.forget_requests()
    yield file
    pypi.heal()


def url(file: FakeFile) -> str:
    """Return where a client asks for a file's core metadata."""
    return f"/pypi/packages/{file.path}.metadata"


def kept(mirror: Serving, file: FakeFile) -> Path:
    """Return where the mirror keeps it."""
    return mirror.config.repo_path / "metadata" / f"{file.path}.metadata"


def test_it_is_fetched_once_and_then_nginxs_alone(
    mirror: Serving, pypi: FakePypi, wheel: FakeFile
) -> None:
    """Whole, in ranges and by HEAD; of a type that a client can read."""
    first = mirror.get(url(wheel))
    mirror.signal_app(signal.SIGSTOP)
    try:
        later, head = mirror.get(url(wheel)), mirror.get(url(wheel), "HEAD")
        part = mirror.get(url(wheel), Range="bytes=-5")
    finally:
        mirror.signal_app(signal.SIGCONT)
    assert wheel.metadata is not None
    for answer in (first, later):
        assert (200, wheel.metadata) == (answer.status, answer.body)
        assert "text/plain; charset=utf-8" == answer.header("Content-Type")
        assert "public, max-age=31536000, immutable" == answer.header("Cache-Control")
        assert "*" == answer.header("Access-Control-Allow-Origin")
    assert 200 == head.status
    assert (206, wheel.metadata[-5:]) == (part.status, part.body)
    assert 1 == pypi.count("/packages/*")
    assert [] == mirror.votes()


def test_many_at_once_cost_one_fetch(mirror: Serving, pypi: FakePypi, wheel: FakeFile) -> None:
    """Whichever worker they come to."""
    pypi.inject(Slow(0.5), at="*.metadata")
    with ThreadPoolExecutor(30) as clients:
        answers = list(clients.map(lambda _: mirror.get(url(wheel)), range(30)))
    assert {(200, wheel.metadata)} == {(answer.status, answer.body) for answer in answers}
    assert 1 == pypi.count("/packages/*")


def test_what_is_not_as_announced_is_never_served(
    mirror: Serving, pypi: FakePypi, wheel: FakeFile
) -> None:
    """Nor is the client sent where it would get it; and it heals."""
    pypi.inject(WrongContent(), at="*.metadata")
    answer = mirror.get(url(wheel))
    assert (502, "") == (answer.status, answer.header("Location"))
    assert not kept(mirror, wheel).exists()
    pypi.heal()
    assert wheel.metadata == mirror.get(url(wheel)).body


def test_what_the_host_lacks_comes_out_of_the_wheel(
    mirror: Serving, pypi: FakePypi, wheel: FakeFile
) -> None:
    """It is announced: pip and uv stop where it is 404."""
    pypi.inject(Status(404), at="*.metadata")
    answer = mirror.get(url(wheel))
    assert (200, wheel.metadata) == (answer.status, answer.body)


@pytest.mark.parametrize("status", [404, 503])
def test_what_upstream_does_not_give_is_answered_as_any_file(
    mirror: Serving, pypi: FakePypi, wheel: FakeFile, status: int
) -> None:
    """The client may have better luck."""
    pypi.inject(Status(status), at="/packages/*")
    answer = mirror.get(url(wheel))
    expected = f"{mirror.config.upstream.redirect_url[0]}{wheel.path}.metadata"
    assert (302, expected) == (answer.status, answer.header("Location"))


def test_a_file_that_the_index_does_not_know_is_redirected(mirror: Serving, pypi: FakePypi) -> None:
    """A lock file may be newer than the index; nothing unverified is kept."""
    path = f"ab/cd/{'0' * 60}/new-1.0-py3-none-any.whl.metadata"
    answer = mirror.get(f"/pypi/packages/{path}")
    assert 302 == answer.status
    assert 0 == pypi.count(f"/packages/{path}")


def test_a_dead_application_redirects(mirror: Serving, wheel: FakeFile) -> None:
    """As for every file; what is kept is served all the same."""
    mirror.stop_app(signal.SIGKILL)
    try:
        assert 302 == mirror.get(url(wheel)).status
        kept(mirror, wheel).parent.mkdir(parents=True)
        kept(mirror, wheel).write_bytes(b"Name: x")
        assert b"Name: x" == mirror.get(url(wheel)).body
    finally:
        mirror.start_app()
    kept(mirror, wheel).unlink()
    wait_until(lambda: wheel.metadata == mirror.get(url(wheel)).body)


def test_a_hung_application_redirects(mirror: Serving, wheel: FakeFile) -> None:
    """After the second that a decision may take, not after all that a fetch may."""
    mirror.signal_app(signal.SIGSTOP)
    try:
        answers = [mirror.get(url(wheel)) for _ in range(2)]
    finally:
        mirror.signal_app(signal.SIGCONT)
    expected = f"{mirror.config.upstream.redirect_url[0]}{wheel.path}.metadata"
    for answer in answers:
        assert (302, expected) == (answer.status, answer.header("Location"))
        assert answer.seconds < mirror.config.timeouts.upstream
    wait_until(lambda: wheel.metadata == mirror.get(url(wheel)).body)


def test_that_of_a_held_file_lies_beside_it(mirror: Serving, wheel: FakeFile) -> None:
    """And where it is missing there, the first who asks brings it."""
    mirror.hold("hot", wheel.path, wheel.content)
    assert wheel.metadata == mirror.get(url(wheel)).body
    mirror.hold("hot", f"{wheel.path}.metadata", b"beside")
    assert b"beside" == mirror.get(url(wheel)).body


def test_clean_deletes_that_of_files_which_are_gone(
    mirror: Serving, pypi: FakePypi, wheel: FakeFile
) -> None:
    """With the folders that it leaves empty; the others stay."""
    name = wheel.filename.partition("-")[0]
    other = pypi.add(make_wheel(name, "2.0"))
    parts = Parts(mirror.config)
    try:
        parts.index.bring(ProjectName(name))
        for file in (wheel, other):
            assert 200 == mirror.get(url(file)).status
        pypi.remove_file(name, wheel.filename)
        parts.index.bring(ProjectName(name))
    finally:
        parts.store.close()
        parts.upstream.close()
    assert 0 == clean(["-q", "-c", str(mirror.path)])
    assert not kept(mirror, wheel).parent.exists()
    assert kept(mirror, other).exists()
    shutil.rmtree(mirror.config.repo_path / "metadata")
    (mirror.config.repo_path / "metadata").mkdir()
