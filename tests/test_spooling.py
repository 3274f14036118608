"""Votes of nginx's spool: counted once, in order, whatever happens in between."""

import json
import os
import time
from pathlib import Path

import pytest

from app import spooling
from app.model import File, Project
from app.names import ProjectName, parse_file_path, parse_filename
from app.spooling import Spool
from app.store import Store, StoreError
from app.web.spool_reader import SpoolReader

NAME = parse_filename("six-1.0.tar.gz")
PATH = parse_file_path(f"aa/bb/{'c' * 60}/{NAME}")


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """Return an empty spool of a mirror that knows one file."""
    store = Store.open(f"sqlite:///{tmp_path}/larder.db")
    store.record(Project(ProjectName("six"), (File(NAME, PATH),)))
    return Spool(tmp_path / "votes.jsonl", store, 300, tmp_path / "nginx.pid")


def line(network: int, time_: float = 1000.0) -> bytes:
    """Return a line as nginx writes it."""
    entry = {"time": time_, "network": f"10.0.{network}.0/24", "path": PATH}
    return json.dumps(entry).encode() + b"\n"


def append(spool: Spool, *lines: bytes) -> None:
    """Write lines as nginx does."""
    with spool.path.open("ab") as stream:
        stream.writelines(lines)


def test_every_line_is_counted_once(spool: Spool) -> None:
    """Reading again counts nothing, and what is added later is counted later."""
    append(spool, *(line(network) for network in range(10)))
    assert spool.pending() == spool.path.stat().st_size
    assert (10, 0, 0) == (spool.read(), spool.read(), spool.pending())
    append(spool, line(99))
    assert spool.read() == 1


def test_damaged_lines_cost_only_themselves(spool: Spool) -> None:
    """A full disk tears lines; others' lines are no votes."""
    append(spool, b"\xff\xfe\n", line(1), b'{"time":1}\n', b"\n", line(2))
    assert spool.read() == 2


def test_a_line_in_the_making_is_left_for_the_next_time(spool: Spool) -> None:
    """Nginx may be in the middle of it."""
    whole = line(1)
    append(spool, line(2), whole[:20])
    assert spool.read() == 1
    append(spool, whole[20:])
    assert spool.read() == 1


def test_a_kill_between_two_batches_neither_loses_nor_repeats(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The position is in the transaction that counts."""
    monkeypatch.setattr(spooling, "_BATCH", 200)
    append(spool, *(line(network) for network in range(20)))

    class KilledError(Exception):
        pass

    class Dying:
        """A store whose process is killed in its third transaction."""

        def __init__(self, store: Store) -> None:
            self.store, self.left = store, 2

        def __getattr__(self, name: str) -> object:
            if name == "add_spooled":
                self.left -= 1
                if self.left < 0:
                    raise KilledError
            return getattr(self.store, name)

    dying = Spool(spool.path, Dying(spool.store), 300, spool.nginx_pid)  # type: ignore[arg-type]
    with pytest.raises(KilledError):
        dying.read()
    before = len(list(spool.store.votes(0)))
    assert 0 < before < 20
    assert spool.read() == 20 - before


def test_a_grown_spool_is_set_aside_and_deleted_when_it_is_quiet(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nginx writes to it until it reopens is counted too."""
    monkeypatch.setattr(spooling, "_ROTATE_AT", 10)
    append(spool, line(1))
    assert spool.read() == 1
    aside = spool.path.with_suffix(".aside")
    assert (True, False) == (aside.exists(), spool.path.exists())
    with aside.open("ab") as stream:
        stream.write(line(2))
    append(spool, line(3))
    assert spool.read() == 2
    monkeypatch.setattr(spooling, "_SETTLED", -1)
    number = aside.stat().st_ino
    spool.read()
    assert not aside.exists()
    assert spool.store.spool_position(number) == 0


def test_a_new_file_of_an_old_number_is_read_from_its_start(spool: Spool) -> None:
    """Somebody deleted the spool, and the filesystem uses its number again."""
    append(spool, *(line(network) for network in range(10)))
    spool.read()
    os.truncate(spool.path, 0)
    append(spool, line(50))
    assert spool.read() == 1


def test_the_reader_counts_within_seconds_and_survives_a_locked_database(spool: Spool) -> None:
    """A thread that ended would leave votes lying until the next job."""

    class Locked:
        """A spool whose database is locked at first."""

        def __init__(self) -> None:
            self.failures = 2

        def pending(self) -> int:
            return spool.pending()

        def read(self) -> int:
            if self.failures:
                self.failures -= 1
                message = "database is locked"
                raise StoreError(message)
            return spool.read()

    append(spool, line(1))
    reader = SpoolReader(Locked(), interval=0.01)
    deadline = time.monotonic() + 5
    while spool.pending() and time.monotonic() < deadline:
        time.sleep(0.01)
    reader.close()
    assert len(list(spool.store.votes(0))) == 1
