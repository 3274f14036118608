"""Files that move while clients ask for them, through real nginx and gunicorn."""

import hashlib
import http.client
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.names import FilePath, ProjectName
from app.steps import Evict, Fetch, Move, Step
from jobs.parts import Parts
from tests.fake_pypi import FakeFile, FakePypi
from tests.serving import Answer, Serving

pytestmark = pytest.mark.system

SIZE = 8 << 20
"""More than the sockets between nginx and a client take."""

ROUNDS = 60


@pytest.fixture
def wheel(fake_pypi: FakePypi) -> FakeFile:
    """Return a file that upstream has."""
    content = hashlib.shake_256(b"a wheel that moves").digest(SIZE)
    name = "six-1.17.0-py3-none-any.whl"
    return fake_pypi.add_file("six", name, content, version="1.17.0", metadata=b"Name: six\n")


@pytest.fixture
def mirror(tmp_path: Path, fake_pypi: FakePypi, wheel: FakeFile) -> Iterator[Serving]:
    """Return a mirror that knows the file."""
    tiers = [{"path": str(tmp_path / "repo" / name), "size_limit": "40m"} for name in TIERS]
    cache = {"min_vote_count": 1, "tiers": tiers}
    with Serving.of(tmp_path, fake_pypi, cache=cache) as running:
        assert wheel.filename in running.get("/pypi/simple/six/").body.decode()
        yield running


TIERS = ("hot", "cold")


@pytest.fixture
def parts(mirror: Serving) -> Iterator[Parts]:
    """Return the parts of a job beside the mirror."""
    built = Parts(mirror.config)
    built.index.ask(ProjectName("six"))
    yield built
    built.store.close()
    built.upstream.close()


def path_of(file: FakeFile) -> FilePath:
    """Return a file's path below /packages/."""
    return FilePath(file.path)


def hold(parts: Parts, file: FakeFile, tier: int) -> None:
    """Fetch the file to a tier."""
    parts.holdings.survey()
    parts.holdings.execute(Fetch(path_of(file), tier, len(file.content)))


class Reader:
    """A client that takes the beginning of a file, and then its time."""

    def __init__(self, mirror: Serving, file: FakeFile) -> None:
        """Ask, and read a little."""
        port = mirror.config.listen.port
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        self._connection.request("GET", f"/pypi/packages/{file.path}")
        self._response = self._connection.getresponse()
        self._begun = self._response.read(1000)

    def rest(self) -> bytes:
        """Read to the end, and return it all."""
        body = self._begun + self._response.read()
        self._connection.close()
        return body


@pytest.mark.parametrize(
    "step", [lambda path: Move(path, 0, 1, SIZE), lambda path: Evict(path, 0, SIZE)]
)
@pytest.mark.parametrize("where", ["", "elsewhere"])
def test_a_client_in_the_middle_of_a_file_gets_all_of_it(
    request: pytest.FixtureRequest, where: str, step: "type[Step]"
) -> None:
    """Though it is demoted, or evicted, under the client's hands."""
    if where:
        request.getfixturevalue(where)
    mirror, parts = request.getfixturevalue("mirror"), request.getfixturevalue("parts")
    wheel = request.getfixturevalue("wheel")
    hold(parts, wheel, 0)
    reader = Reader(mirror, wheel)
    parts.holdings.execute(step(path_of(wheel)))  # type: ignore[call-arg]
    assert not (mirror.config.cache.tiers[0].path / wheel.path).exists()
    assert wheel.content == reader.rest()


class Poller(threading.Thread):
    """A client that asks again and again until it is told to stop."""

    def __init__(self, mirror: Serving, url: str) -> None:
        """Prepare."""
        super().__init__()
        self._mirror, self._url = mirror, url
        self.stopping = threading.Event()
        self.answers: list[Answer] = []
        self.problem: Exception | None = None

    def run(self) -> None:
        """Ask."""
        while not self.stopping.is_set():
            try:
                self.answers.append(self._mirror.get(self._url))
            except (OSError, http.client.HTTPException) as error:
                self.problem = error
                return


@pytest.mark.parametrize("where", ["", "elsewhere"])
def test_a_file_that_moves_back_and_forth_is_there_all_the_time(
    request: pytest.FixtureRequest, where: str
) -> None:
    """Every answer is 200, whole, and under one ETag; so are those for its metadata."""
    if where:
        request.getfixturevalue(where)
    mirror, parts = request.getfixturevalue("mirror"), request.getfixturevalue("parts")
    wheel = request.getfixturevalue("wheel")
    hold(parts, wheel, 0)
    url = f"/pypi/packages/{wheel.path}"
    pollers = [Poller(mirror, url), Poller(mirror, f"{url}.metadata"), Poller(mirror, url)]
    for poller in pollers:
        poller.start()
    for number in range(ROUNDS):
        source = number % 2
        parts.holdings.execute(Move(path_of(wheel), source, 1 - source, SIZE))
    for poller in pollers:
        poller.stopping.set()
        poller.join()
    expected = (wheel.content, b"Name: six\n", wheel.content)
    for poller, body in zip(pollers, expected, strict=True):
        assert poller.problem is None
        assert {200} == {answer.status for answer in poller.answers}
        assert all(body == answer.body for answer in poller.answers)
        assert 1 == len({answer.header("ETag") for answer in poller.answers})
        assert len(poller.answers) > ROUNDS // 10


@pytest.mark.parametrize("mode", ["302", "proxy"])
def test_a_file_that_comes_and_goes_is_whole_or_elsewhere(
    tmp_path: Path, fake_pypi: FakePypi, wheel: FakeFile, mode: str
) -> None:
    """Every byte, or a clean redirect: never 404, 500 or a short body."""
    tiers = [{"path": str(tmp_path / "repo" / name), "size_limit": "40m"} for name in TIERS]
    changes = {"cache": {"min_vote_count": 1, "tiers": tiers}, "ip_modes": {"default": mode}}
    with Serving.of(tmp_path, fake_pypi, **changes) as running:
        assert wheel.filename in running.get("/pypi/simple/six/").body.decode()
        parts = Parts(running.config)
        parts.index.ask(ProjectName("six"))
        url = f"/pypi/packages/{wheel.path}"
        pollers = [Poller(running, url) for _ in range(3)]
        for poller in pollers:
            poller.start()
        for _ in range(ROUNDS // 10):
            hold(parts, wheel, 0)
            parts.holdings.execute(Move(path_of(wheel), 0, 1, SIZE))
            parts.holdings.execute(Evict(path_of(wheel), 1, SIZE))
        for poller in pollers:
            poller.stopping.set()
            poller.join()
        parts.store.close()
        parts.upstream.close()
    for poller in pollers:
        assert poller.problem is None
        for answer in poller.answers:
            if answer.status == 200:
                assert wheel.content == answer.body
            else:
                expected = (302, fake_pypi.packages_url + wheel.path)
                assert expected == (answer.status, answer.header("Location"))
        statuses = {answer.status for answer in poller.answers}
        assert statuses == {200} or mode == "302"
