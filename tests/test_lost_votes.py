"""Tests of `app.lost_votes`: what a kill takes is counted, once."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.lost_votes import Ledger, LostVotes, Numbers
from app.store import Store

_CHANCE = random.Random(1)

_WORKER = """
import sys, time
from pathlib import Path
from app.lost_votes import Ledger
ledger = Ledger.open(Path(sys.argv[1]))
for _ in range(300):
    ledger.take()
ledger.write(290)
ledger.lose(3)
print("done", flush=True)
time.sleep(60)
"""


@pytest.fixture
def lost(tmp_path: Path) -> LostVotes:
    """Return the count of a mirror that has lost nothing."""
    return LostVotes(tmp_path / "run" / "votes", Store.open(f"sqlite:///{tmp_path}/larder.db"))


def _files(lost: LostVotes) -> list[Path]:
    return sorted(lost.folder.glob("*.votes"))


def _worker(lost: LostVotes) -> "subprocess.Popen[bytes]":
    """Start a process that has taken 300 votes and written 290."""
    command = [sys.executable, "-c", _WORKER, str(lost.folder)]
    worker = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert worker.stdout is not None
    assert b"done\n" == worker.stdout.readline()
    return worker


def killed_worker(lost: LostVotes) -> None:
    """Leave what a worker leaves that has taken ten votes more than it wrote."""
    _kill(_worker(lost))


def _kill(worker: "subprocess.Popen[bytes]") -> None:
    worker.send_signal(signal.SIGKILL)
    worker.communicate(timeout=10)


def test_nothing_is_lost_before_anything_was(lost: LostVotes) -> None:
    """Nor is a folder made for it."""
    assert (0, (0, 0), 0) == (lost.count(), lost.unsettled(), lost.settle())
    assert not lost.folder.exists()


def test_what_a_killed_worker_did_not_write_is_counted_once(lost: LostVotes) -> None:
    """A living one has lost what it knows to be lost; a dead one all that is not written."""
    worker = _worker(lost)
    assert (3, (0, 0), 0) == (lost.count(), lost.unsettled(), lost.settle())
    assert 1 == len(_files(lost))
    _kill(worker)
    assert (10, (1, 10)) == (lost.count(), lost.unsettled())
    assert (10, 10, (0, 0), 0) == (lost.settle(), lost.count(), lost.unsettled(), lost.settle())
    assert [] == _files(lost)


def test_losses_add_up_and_files_do_not(lost: LostVotes) -> None:
    """Each killed worker's are added; one that wrote everything leaves nothing."""
    for _ in range(3):
        killed_worker(lost)
        lost.settle()
    ledger = Ledger.open(lost.folder)
    ledger.take()
    ledger.write(1)
    ledger.close()
    assert 0 == lost.settle()
    assert (30, []) == (lost.count(), _files(lost))


def test_a_kill_between_the_count_and_the_deletion_counts_nothing_twice(
    lost: LostVotes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The count says which files it has."""
    killed_worker(lost)

    def die(_path: Path, *, missing_ok: bool) -> None:
        assert missing_ok
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", die)
        with pytest.raises(KeyboardInterrupt):
            lost.settle()
    assert (1, 10) == (len(_files(lost)), lost.count())
    killed_worker(lost)
    assert (20, 10, 20) == (lost.count(), lost.settle(), lost.count())
    assert [] == _files(lost)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 32,
        _CHANCE.randbytes(32),
        _CHANCE.randbytes(31),
        _CHANCE.randbytes(5000),
        b"larder.1" + (5).to_bytes(8, "little") + b"\xff" * 16,
        b"larder.1" + (5).to_bytes(8, "little") + (6).to_bytes(8, "little") + b"\0" * 8,
    ],
)
def test_a_torn_file_tells_of_nothing(lost: LostVotes, content: bytes) -> None:
    """After a power cut; it goes, as any other."""
    lost.folder.mkdir(parents=True)
    (lost.folder / "1-aa.votes").write_bytes(content)
    assert (0, (1, 0), 0) == (lost.count(), lost.unsettled(), lost.settle())
    assert [] == _files(lost)


def test_a_file_in_the_making_is_left_for_an_hour(lost: LostVotes) -> None:
    """Its worker may be about to lock it; after that, it was killed."""
    lost.folder.mkdir(parents=True)
    young, old = lost.folder / "1-aa.new", lost.folder / "2-bb.new"
    for path in (young, old):
        path.touch()
    os.utime(old, (time.time() - 4000,) * 2)
    lost.settle()
    assert (True, False) == (young.exists(), old.exists())


def test_an_app_starts_where_no_file_can_be_made(lost: LostVotes) -> None:
    """It counts in memory alone."""
    lost.folder.parent.mkdir(parents=True)
    lost.folder.write_text("in the way")
    ledger = Ledger.open(lost.folder)
    ledger.take()
    assert Numbers(1, 0, 0) == ledger.numbers
    ledger.close()
