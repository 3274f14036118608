"""Tests of what clients see while the database is locked, read-only, full or gone."""

import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from jobs.sync_index import run as sync_index
from tests.fake_pypi import FakeFile, FakePypi
from tests.serving import Serving, wait_until

pytestmark = pytest.mark.system

CONTENT = b"wheel" * 20_000


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with the database, and how that ends."""

    begin: Callable[[Serving, Path], Callable[[], None]]
    # Whether the votes of that time are in the database afterwards.
    keeps_votes: bool = True


def _lock(mirror: Serving, _folder: Path) -> Callable[[], None]:
    file = mirror.config.database.removeprefix("sqlite:///")
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other.close


def _fill(_mirror: Serving, folder: Path) -> Callable[[], None]:
    filling = folder / "filling"
    with filling.open("wb", buffering=0) as stream, suppress(OSError):
        while stream.write(bytes(1 << 12)):
            pass
    return filling.unlink


def _forbid(mirror: Serving, folder: Path) -> Callable[[], None]:
    # Nobody can take the right to write from a file that is open for it.
    mirror.stop_app()
    _mount("-o", "remount,ro", str(folder))
    mirror.start_app()
    return lambda: _mount("-o", "remount,rw", str(folder))


def _remove(_mirror: Serving, folder: Path) -> Callable[[], None]:
    for file in folder.iterdir():
        file.unlink()
    return lambda: None


TROUBLES = {
    "locked": Trouble(_lock),
    "full": Trouble(_fill),
    "read-only": Trouble(_forbid),
    "gone": Trouble(_remove, keeps_votes=False),
}


def _mount(*options: str) -> None:
    done = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a disk of its own takes the right to mount one: {done.stderr.strip()}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return a small disk for the database alone."""
    folder = tmp_path / "database"
    folder.mkdir()
    _mount("-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder))
    yield folder
    # Lazily: a process that a failed test has left must not keep it.
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("kind", TROUBLES)
def test_the_database_is_not_needed_to_serve(
    fake_pypi: FakePypi, disk: Path, tmp_path: Path, kind: str
) -> None:
    """Held files and known pages as ever; misses redirected; votes later, or counted as lost."""
    held = fake_pypi.add_file("held", "held-1.0-py3-none-any.whl", CONTENT)
    other = fake_pypi.add_file("held", "held-2.0-py3-none-any.whl", CONTENT)
    database = f"sqlite:///{disk}/larder.db"
    serving = Serving.of(tmp_path, fake_pypi, database=database, trusted_proxies=["127.0.0.1"])
    trouble = TROUBLES[kind]
    with serving as mirror:
        assert 200 == mirror.get("/pypi/simple/held/").status
        mirror.hold("hot", held.path, CONTENT)
        end = trouble.begin(mirror, disk)
        try:
            for number in range(5):
                _is_served(mirror, held, other, f"192.0.{number}.1")
        finally:
            end()
        if trouble.keeps_votes:
            wait_until(lambda: 10 == len(mirror.votes()) + len(mirror.spooled()))
        _is_served(mirror, held, other, "192.0.9.1")


def _is_served(mirror: Serving, held: FakeFile, other: FakeFile, client: str) -> None:
    """Check what one client sees."""
    answer = mirror.get(f"/pypi/packages/{held.path}", X_Forwarded_For=client)
    assert (200, CONTENT) == (answer.status, answer.body)
    assert 200 == mirror.get("/pypi/simple/held/", Accept="text/html").status
    answer = mirror.get(f"/pypi/packages/{other.path}", X_Forwarded_For=client)
    assert 302 == answer.status
    expected = mirror.config.upstream.redirect_url[0] + other.path
    assert expected == answer.header("Location")


def test_a_database_that_was_deleted_is_made_anew(
    fake_pypi: FakePypi, disk: Path, tmp_path: Path
) -> None:
    """By the next job; the app, which was not started again, counts votes in the new one."""
    held = fake_pypi.add_file("held", "held-1.0-py3-none-any.whl", CONTENT)
    database = f"sqlite:///{disk}/larder.db"
    serving = Serving.of(tmp_path, fake_pypi, database=database, trusted_proxies=["127.0.0.1"])
    # A busy machine is not what is tested.
    serving.edits = {"_timeout 20ms": "_timeout 2s"}
    with serving as mirror:
        assert 200 == mirror.get("/pypi/simple/held/").status
        mirror.hold("hot", held.path, CONTENT)
        mirror.get(f"/pypi/packages/{held.path}", X_Forwarded_For="192.0.2.1")
        wait_until(lambda: [held.path] == mirror.votes())
        _remove(mirror, disk)
        assert 0 == sync_index(["-q", "-c", str(mirror.path)])
        mirror.get(f"/pypi/packages/{held.path}", X_Forwarded_For="192.0.3.1")
        wait_until(lambda: [held.path] == mirror.votes())


def test_a_locked_database_is_waited_for(fake_pypi: FakePypi, disk: Path, tmp_path: Path) -> None:
    """By votes, not by clients: they are all there once it is free."""
    held = fake_pypi.add_file("held", "held-1.0-py3-none-any.whl", CONTENT)
    database = f"sqlite:///{disk}/larder.db"
    changes = {"database": database, "trusted_proxies": ["127.0.0.1"]}
    serving = Serving.of(tmp_path, fake_pypi, **changes)
    # A busy machine is not what is tested.
    serving.edits = {"_timeout 20ms": "_timeout 2s"}
    with serving as mirror, closing(sqlite3.connect(disk / "larder.db")) as other:
        assert 200 == mirror.get("/pypi/simple/held/").status
        mirror.hold("hot", held.path, CONTENT)
        other.execute("BEGIN IMMEDIATE")
        for number in range(20):
            client = f"192.0.{number}.1"
            answer = mirror.get(f"/pypi/packages/{held.path}", X_Forwarded_For=client)
            assert (200, CONTENT) == (answer.status, answer.body)
        other.rollback()
        wait_until(lambda: 20 == len(mirror.votes()))
        assert 0 == mirror.counted_lost()
