"""Locks between threads and processes."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app.locks import FileLock, LockedError, LockTimeoutError, NameLocks

_HOLDER = """
import sys, time
from pathlib import Path
from app.locks import {kind}
with {held}:
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(kind: str, held: str) -> subprocess.Popen[str]:
    """Start a process that holds a lock until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER.format(kind=kind, held=held)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_file_lock_is_held_once(tmp_path: Path) -> None:
    """A second taker is told at once."""
    with FileLock(tmp_path / "job.lock"), pytest.raises(LockedError):
        FileLock(tmp_path / "job.lock").__enter__()
    with FileLock(tmp_path / "job.lock"):
        pass


def test_a_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    """The kernel drops a lock with its process, and the file stays."""
    path = tmp_path / "job.lock"
    process = holder("FileLock", f"FileLock(Path({str(path)!r}))")
    with pytest.raises(LockedError):
        FileLock(path).__enter__()
    process.kill()
    process.communicate()
    with FileLock(path):
        assert path.exists()


def test_one_name_is_held_once_and_others_are_free(tmp_path: Path) -> None:
    """Threads wait for the same name only."""
    locks = NameLocks(tmp_path / "names.lock")
    refused = []

    def ask(name: str) -> None:
        try:
            with locks.hold(name, timeout=0.05):
                pass
        except LockTimeoutError:
            refused.append(name)

    with locks.hold("six", timeout=1):
        threads = [threading.Thread(target=ask, args=(name,)) for name in ("six", "idna")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert refused == ["six"]
    with locks.hold("six", timeout=0.05):
        pass


def test_another_process_waits_for_a_name(tmp_path: Path) -> None:
    """The lock of a name holds across processes, and goes with its holder."""
    path = tmp_path / "names.lock"
    process = holder("NameLocks", f"NameLocks(Path({str(path)!r})).hold('six', 1)")
    locks = NameLocks(path)
    with pytest.raises(LockTimeoutError), locks.hold("six", timeout=0.05):
        pass
    with locks.hold("idna", timeout=0.05):
        pass
    process.kill()
    process.communicate()
    with locks.hold("six", timeout=1):
        pass
