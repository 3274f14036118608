"""A mirror under load, whose files move and whose app is killed, for a while.

`LARDER_SOAK=3600` is the long form, in seconds.
"""

import hashlib
import http.client
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.names import FilePath, ProjectName
from app.steps import Evict, Fetch, Move
from jobs.parts import Parts
from tests.fake_pypi import FakeFile, FakePypi
from tests.serving import Answer, Serving

pytestmark = pytest.mark.slow

_SECONDS = float(os.environ.get("LARDER_SOAK", "60"))
_CLIENTS = 200
_FILES = 12
_SIZE = 200_000
_PAUSE = 0.2
"""Seconds between two requests of one client: enough for two cores."""

_LIFE = 4.0
"""Seconds from one kill of the app to the next."""


class Client(threading.Thread):
    """Asks for files, parts of files and pages, and looks at every answer."""

    def __init__(self, number: int, mirror: Serving, files: list[FakeFile], ends: float) -> None:
        """Prepare; each client has a network of its own."""
        super().__init__(name=f"client {number}")
        self._chance = random.Random(number)
        self._mirror, self._files, self._ends = mirror, files, ends
        self._headers = {"X_Forwarded_For": f"10.{number}.0.1"}
        self.seen = Counter[str]()
        self.wrong: list[str] = []

    def run(self) -> None:
        """Ask until the end."""
        while time.monotonic() < self._ends:
            time.sleep(self._chance.uniform(0, 2 * _PAUSE))
            act = self._chance.choice([self._whole, self._whole, self._part, self._page])
            try:
                act(self._chance.choice(self._files))
            except (OSError, http.client.HTTPException) as error:
                self.wrong.append(repr(error))

    def _whole(self, file: FakeFile) -> None:
        self._check(file, self._get(f"packages/{file.path}"), 200, file.content)

    def _part(self, file: FakeFile) -> None:
        first = self._chance.randrange(_SIZE - 1000)
        answer = self._get(f"packages/{file.path}", Range=f"bytes={first}-{first + 999}")
        self._check(file, answer, 206, file.content[first : first + 1000])

    def _page(self, file: FakeFile) -> None:
        answer = self._get("simple/soak/")
        self._note("page", answer.status == 200 and file.filename.encode() in answer.body, answer)

    def _get(self, path: str, **headers: str) -> Answer:
        return self._mirror.get(f"/pypi/{path}", **headers, **self._headers)

    def _check(self, file: FakeFile, answer: Answer, status: int, body: bytes) -> None:
        """Right bytes, or a right redirect."""
        if answer.status == 302:
            expected = self._mirror.config.upstream.redirect_url[0] + file.path
            self._note("redirect", answer.header("Location") == expected, answer)
        else:
            self._note(str(status), (answer.status, answer.body) == (status, body), answer)

    def _note(self, what: str, right: bool, answer: Answer) -> None:  # noqa: FBT001
        self.seen[what] += 1
        if not right:
            self.wrong.append(f"{what}: {answer.status} {answer.headers} {len(answer.body)} bytes")


@pytest.fixture
def files(fake_pypi: FakePypi) -> list[FakeFile]:
    """Return files that upstream has."""
    contents = [hashlib.shake_256(b"%d" % number).digest(_SIZE) for number in range(_FILES)]
    names = [f"soak-{number}.0-py3-none-any.whl" for number in range(_FILES)]
    return [fake_pypi.add_file("soak", *pair) for pair in zip(names, contents, strict=True)]


@pytest.fixture
def mirror(tmp_path: Path, fake_pypi: FakePypi, files: list[FakeFile]) -> Iterator[Serving]:
    """Return a mirror that knows them."""
    del files
    tiers = [
        {"path": str(tmp_path / "repo" / name), "size_limit": "100m"} for name in ("hot", "cold")
    ]
    cache = {"min_vote_count": 1, "tiers": tiers}
    changes = {"cache": cache, "trusted_proxies": ["127.0.0.1"]}
    with Serving.of(tmp_path, fake_pypi, **changes) as running:
        assert 200 == running.get("/pypi/simple/soak/").status
        yield running


def _keep_moving(mirror: Serving, files: list[FakeFile], ends: float) -> Counter[str]:
    """Fetch, promote, demote and evict files all the time; return how often."""
    chance, done = random.Random(0), Counter[str]()
    where: dict[str, int | None] = {file.path: None for file in files}
    with ExitStack() as closing:
        parts = Parts(mirror.config)
        closing.callback(parts.upstream.close)
        closing.callback(parts.store.close)
        parts.index.ask(ProjectName("soak"))
        parts.holdings.survey()
        while time.monotonic() < ends:
            file = chance.choice(files)
            path, tier = FilePath(file.path), where[file.path]
            step: Fetch | Move | Evict
            if tier is None:
                step, after = Fetch(path, 0, _SIZE), 0
            elif chance.random() < 0.7:
                step, after = Move(path, tier, 1 - tier, _SIZE), 1 - tier
            else:
                step, after = Evict(path, tier, _SIZE), None
            parts.holdings.execute(step)
            where[file.path] = after
            done[type(step).__name__] += 1
            time.sleep(0.01)
    return done


@pytest.mark.timeout(_SECONDS + 120)
def test_no_client_sees_anything_but_right_bytes_or_a_right_redirect(
    mirror: Serving, files: list[FakeFile]
) -> None:
    """Two hundred clients, files that move, an app that is killed every few seconds."""
    ends = time.monotonic() + _SECONDS
    clients = [Client(number, mirror, files, ends) for number in range(_CLIENTS)]
    moved: list[Counter[str]] = []
    mover = threading.Thread(target=lambda: moved.append(_keep_moving(mirror, files, ends)))
    for thread in (mover, *clients):
        thread.start()
    kills = 0
    while time.monotonic() < ends - _LIFE:
        time.sleep(_LIFE)
        mirror.signal_app(signal.SIGKILL)
        mirror.stop_app(signal.SIGKILL)
        mirror.start_app()
        kills += 1
    for thread in (mover, *clients):
        thread.join()
    assert [] == [wrong for client in clients for wrong in client.wrong]
    seen = sum((client.seen for client in clients), Counter[str]())
    assert {"200", "206", "page", "redirect"} == set(seen)
    assert kills >= 2
    (steps,) = moved
    assert {"Fetch", "Move", "Evict"} == set(steps)
    errors = [line for line in mirror.errors() if "[alert]" in line or "[emerg]" in line]
    assert [] == errors
