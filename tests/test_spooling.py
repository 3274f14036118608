"""Votes of nginx's spool: counted once, in order, whatever happens in between."""

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from app import spooling
from app.intakes import VoteIntake
from app.model import File, Project, Vote, VoteSource
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
    return Spool(tmp_path / "votes.jsonl", VoteIntake(store, 300), tmp_path / "nginx.pid")


def store_of(spool: Spool) -> Store:
    """Return the database that a spool is read into."""
    assert isinstance(spool.intake, VoteIntake)
    return spool.intake.store


def line(network: int, time_: float = 1000.0) -> bytes:
    """Return a line as nginx writes it."""
    entry = {"time": time_, "network": f"10.0.{network}.0/24", "path": PATH}
    return json.dumps(entry, separators=(",", ":")).encode() + b"\n"


def append(spool: Spool, *lines: bytes) -> None:
    """Write lines as nginx does."""
    with spool.path.open("ab") as stream:
        stream.writelines(lines)


def forget_windows(spool: Spool) -> None:
    """Have the store count every vote, repeated or not."""
    with sqlite3.connect(spool.path.with_name("larder.db")) as database:
        database.execute('DELETE FROM "window"')


def positions(spool: Spool) -> int:
    """Return of how many files the store knows how far they are read."""
    with sqlite3.connect(spool.path.with_name("larder.db")) as database:
        query = "SELECT COUNT(*) FROM setting WHERE key LIKE 'spool:%'"
        count: int = database.execute(query).fetchone()[0]
    return count


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

    dying = replace(spool, intake=VoteIntake(cast("Store", Dying(store_of(spool))), 300))
    with pytest.raises(KilledError):
        dying.read()
    before = len(list(store_of(spool).votes(0)))
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
    spool.read()
    assert not aside.exists()
    # Nothing is left of it in the database: it is noted how far one file is read.
    assert 1 == positions(spool)


def test_a_new_file_of_an_old_number_is_read_from_its_start(spool: Spool) -> None:
    """Somebody deleted the spool, and the filesystem uses its number again."""
    append(spool, *(line(network) for network in range(10)))
    spool.read()
    os.truncate(spool.path, 0)
    append(spool, line(50))
    assert spool.read() == 1


def test_a_vote_of_the_spool_says_so(spool: Spool) -> None:
    """Its source is kept with it."""
    append(spool, line(1))
    seen: list[Vote] = []

    class Seeing:
        """A store whose votes are looked at."""

        def __getattr__(self, name: str) -> object:
            return getattr(store_of(spool), name)

        def add_spooled(self, votes: list[Vote], *rest: int) -> int:
            seen.extend(votes)
            return store_of(spool).add_spooled(votes, *rest)

    assert replace(spool, intake=VoteIntake(cast("Store", Seeing()), 300)).read() == 1
    assert [VoteSource.SPOOL] == [vote.source for vote in seen]


def test_a_spool_that_is_replaced_by_hand_is_read_from_its_start(spool: Spool) -> None:
    """Whatever its inode's number is, and however long it is."""
    append(spool, *(line(network) for network in range(10)))
    assert spool.read() == 10
    with spool.path.open("r+b") as stream:
        stream.writelines(line(network) for network in range(100, 120))
    assert (20, 0) == (spool.read(), spool.pending())


def test_a_copy_of_the_spool_is_the_same_spool(spool: Spool) -> None:
    """It was restored from a backup, or carried to another disk: its votes were counted."""
    append(spool, *(line(network) for network in range(10)))
    assert spool.read() == 10
    forget_windows(spool)
    content = spool.path.read_bytes()
    spool.path.rename(spool.path.with_suffix(".old"))
    spool.path.write_bytes(content)
    append(spool, line(50))
    assert (1, 0) == (spool.read(), spool.pending())


def test_a_spool_that_is_cut_in_the_middle_goes_on_at_its_end(spool: Spool) -> None:
    """What is left of it was counted; only what is new is read."""
    append(spool, *(line(network) for network in range(10)))
    assert spool.read() == 10
    forget_windows(spool)
    os.truncate(spool.path, spool.path.stat().st_size // 2)
    assert spool.read() == 0
    append(spool, b"\n", *(line(network) for network in range(50, 70)))
    assert (20, 0) == (spool.read(), spool.pending())


@pytest.mark.parametrize("head", [b"", b"\n" * 100, random.Random(1).randbytes(5000), b"x" * 5000])
def test_garbage_costs_only_itself(
    spool: Spool, head: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines without an end, and bytes of all kinds; no more than a block is in memory."""
    monkeypatch.setattr(spooling, "_BATCH", 1000)
    huge = b'{"time":' + b"9" * 10_000
    append(spool, head, b"\n", line(1), huge, b"\n", line(2), bytes(range(256)), b"\r\n", line(3))
    assert spool.read() == 3
    append(spool, huge)
    assert spool.read() == 0
    append(spool, b"\n", line(4))
    assert (1, 0) == (spool.read(), spool.pending())


def test_an_empty_spool_is_no_fault(spool: Spool) -> None:
    """Nor is one with the beginning of a line, or a folder of that name."""
    assert (0, 0) == (spool.pending(), spool.read())
    spool.path.touch()
    assert (0, 0) == (spool.pending(), spool.read())
    append(spool, line(1)[:10])
    assert (0, 0) == (spool.pending(), spool.read())
    spool.path.unlink()
    spool.path.mkdir()
    assert (0, 0) == (spool.pending(), spool.read())


def test_two_readers_count_each_vote_once(tmp_path: Path, spool: Spool) -> None:
    """While nginx writes on and the file is set aside; both read all the time."""
    forgetful = tmp_path / "larder.db"
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from app import spooling\n"
        "from app.intakes import VoteIntake\n"
        "from app.store import Store\n"
        "spooling._ROTATE_AT, spooling._BATCH = 2000, 500\n"
        "path = Path(sys.argv[1])\n"
        "store = Store.open(f'sqlite:///{sys.argv[2]}')\n"
        # No window: a vote that is read twice is counted twice.
        "spool = spooling.Spool(path, VoteIntake(store, 0), path.with_name('nginx.pid'))\n"
        "total = 0\n"
        "while not path.with_name('done').exists() or spool.pending():\n"
        "    total += spool.read()\n"
        "print(total)\n"
    )
    command = [sys.executable, "-c", program, str(spool.path), str(forgetful)]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for number in range(400):
        append(spool, line(number % 256, 1000.0 + number))
    (tmp_path / "done").touch()
    totals = [int(reader.communicate(timeout=60)[0]) for reader in readers]
    assert 400 == sum(totals)


def test_a_kill_at_any_moment_neither_loses_nor_repeats(tmp_path: Path, spool: Spool) -> None:
    """A reader is killed again and again while votes come in and files are set aside."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from app import spooling\n"
        "from app.intakes import VoteIntake\n"
        "from app.store import Store\n"
        "spooling._ROTATE_AT, spooling._BATCH, spooling._SETTLED = 2000, 500, -1\n"
        "path = Path(sys.argv[1])\n"
        "store = Store.open(f'sqlite:///{sys.argv[2]}')\n"
        "spool = spooling.Spool(path, VoteIntake(store, 0), path.with_name('nginx.pid'))\n"
        "print('reads', flush=True)\n"
        "while True:\n"
        "    spool.read()\n"
    )
    command = [sys.executable, "-c", program, str(spool.path), str(tmp_path / "larder.db")]
    chance = random.Random(4)
    for round_ in range(12):
        reader = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert reader.stdout is not None
        reader.stdout.readline()
        for number in range(20):
            append(spool, line(number, 1000.0 + round_))
        time.sleep(chance.uniform(0, 0.03))
        reader.kill()
        reader.communicate()
    replace(spool, intake=VoteIntake(store_of(spool), 0)).read()
    assert 240 == len(list(store_of(spool).votes(0)))
    assert 0 == spool.pending()


@pytest.mark.parametrize("kept", [False, True])
def test_what_the_app_left_is_read_once_and_deleted(spool: Spool, *, kept: bool) -> None:
    """Several workers may have left the same votes; each is of its own time and network."""
    reader = replace(spool, intake=VoteIntake(store_of(spool), 300, keep_networks=kept))
    votes = [Vote(PATH, number, 1000 + number, client="192.0.2.0/24") for number in range(5)]
    append(spool, line(1))
    for some in (votes[:3], votes[:3], votes[2:]):
        spool.leave(some)
    assert 3 == len(list(spool.path.parent.glob("left-*.jsonl")))
    assert reader.pending() > spool.path.stat().st_size
    assert (6, 0, 0) == (reader.read(), reader.read(), reader.pending())
    assert [] == list(spool.path.parent.glob("left-*"))
    assert 1 == positions(spool)
    times = [1000, *(1000 + number for number in range(5))]
    assert times == [at for _, at in store_of(spool).votes(0)]
    assert kept == ("192.0.2.0/24" in dict(store_of(spool).networks()).values())


def test_a_kill_while_what_was_left_is_read_repeats_nothing(spool: Spool) -> None:
    """Even without windows: how far it is read stands beside the votes."""
    spool.leave([Vote(PATH, number, 1000 + number) for number in range(5)])
    reader = replace(spool, intake=VoteIntake(store_of(spool), 0))

    def die(_: Path) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "unlink", die)
        with pytest.raises(KeyboardInterrupt):
            reader.read()
    assert (0, 0) == (reader.pending(), reader.read())
    assert 5 == len(list(store_of(spool).votes(0)))
    assert [] == list(spool.path.parent.glob("left-*"))


def test_votes_that_the_disk_does_not_take_are_not_left(tmp_path: Path, spool: Spool) -> None:
    """The caller hears of it, and nothing half-written stays."""
    (tmp_path / "file").touch()
    away = replace(spool, path=tmp_path / "file" / "votes.jsonl")
    with pytest.raises(OSError, match="file"):
        away.leave([Vote(PATH, 1, 1000)])


def test_what_a_killed_process_had_begun_to_leave_goes(spool: Spool) -> None:
    """Not what another is writing just now."""
    partial = spool.path.parent / "left-votes-4711-a1b2c3d4.new"
    partial.write_bytes(line(1))
    assert (0, True) == (spool.read(), partial.exists())
    later = replace(spool, clock=lambda: time.time() + 3600)
    assert (0, False) == (later.read(), partial.exists())


def test_a_file_set_aside_stays_until_nginx_has_another(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nginx was not told (a kill, or another user's nginx): it writes to the old one still."""
    monkeypatch.setattr(spooling, "_ROTATE_AT", 10)
    monkeypatch.setattr(spooling, "_SETTLED", -1)
    append(spool, line(1))
    assert spool.read() == 1
    aside = spool.path.with_suffix(".aside")
    for number in range(2, 5):
        with aside.open("ab") as stream:
            stream.write(line(number))
        assert spool.read() == 1
    append(spool, line(9))
    assert spool.read() == 1
    assert not aside.exists()


def test_only_nginx_is_told_to_open_its_logs_again(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A killed nginx leaves its number, which may be anybody's; USR1 would end that one."""
    monkeypatch.setattr(spooling, "_ROTATE_AT", 10)
    with subprocess.Popen(["sleep", "60"]) as stranger:
        spool.nginx_pid.write_text(f"{stranger.pid}\n")
        append(spool, line(1))
        assert (1, 0) == (spool.read(), spool.read())
        assert stranger.poll() is None
        stranger.kill()


def test_a_full_disk_leaves_votes_in_the_spool(spool: Spool) -> None:
    """Neither the votes nor the position can be written; later both are."""
    append(spool, *(line(number) for number in range(10)))
    full = "BEFORE INSERT ON \"window\" BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
    with sqlite3.connect(spool.path.with_name("larder.db")) as database:
        database.execute(f"CREATE TRIGGER full {full}")
    with pytest.raises(StoreError):
        spool.read()
    assert (0, spool.path.stat().st_size) == (positions(spool), spool.pending())
    with sqlite3.connect(spool.path.with_name("larder.db")) as database:
        database.execute("DROP TRIGGER full")
    assert 10 == spool.read()


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
    assert len(list(store_of(spool).votes(0))) == 1
