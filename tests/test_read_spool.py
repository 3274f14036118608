"""`larder read-spool`: what the app could not take in, as a job and in the timetable."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.config import Config, load
from app.names import ProjectName
from jobs.parts import Parts
from jobs.timetable import intervals
from tests.fake_pypi import FakePypi, make_wheel
from tests.mirrors import write_config
from tests.running import larder_up, until
from tests.test_lost_votes import killed_worker


def _run(config_path: Path, *options: str) -> list[dict[str, object]] | dict[str, object]:
    """Run the job; return what it says as data."""
    command = [sys.executable, "-m", "jobs.read_spool", "-c", str(config_path), "--json"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
    found: list[dict[str, object]] | dict[str, object] = json.loads(done.stdout)
    return found


def _spool(config: Config, path: str, networks: int) -> Path:
    spool = config.repo_path / "run" / "spool" / "votes.jsonl"
    spool.parent.mkdir(parents=True, exist_ok=True)
    with spool.open("a") as stream:
        for number in range(networks):
            entry = {"time": time.time(), "network": f"192.0.{number}.0/24", "path": path}
            print(json.dumps(entry, separators=(",", ":")), file=stream)
    return spool


def test_votes_are_read_and_losses_counted_once(
    config_path: Path, parts: Parts, fake_pypi: FakePypi
) -> None:
    """A dry run tells what there is; the run does it; the next has nothing to do."""
    file = fake_pypi.add(make_wheel("six", "1"))
    parts.index.ask(ProjectName("six"))
    spool = _spool(parts.config, file.path, 5)
    killed_worker(parts.lost_votes)
    expected = [
        {"step": "spool", "bytes": spool.stat().st_size},
        {"step": "settle", "workers": 1, "lost": 10},
    ]
    assert expected == _run(config_path, "--dry-run")
    assert [] == list(parts.store.votes(0))
    _run(config_path)
    assert 5 == len(list(parts.store.votes(0)))
    assert (10, (0, 0)) == (parts.lost_votes.count(), parts.lost_votes.unsettled())
    assert [] == _run(config_path, "--dry-run")


def test_the_timetable_reads_it_before_the_scores(config_path: Path) -> None:
    """Every minute, if nothing else is said; and both jobs by default."""
    found = intervals(load(config_path))
    modules = [command[0] for command in found]
    assert modules.index("read_spool") < modules.index("score")


@pytest.mark.slow
def test_votes_are_counted_while_the_app_hangs(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """`up` reads what nginx writes, and waits for no score."""
    file = fake_pypi.add(make_wheel("six", "1"))
    schedule = {**dict.fromkeys(("sync_index", "score", "move", "clean"), 0), "read_spool": "1s"}
    with larder_up(write_config(tmp_path, fake_pypi, schedule=schedule)) as up:
        up.get("/simple/six/")
        workers = up.processes("gunicorn")
        store = Parts(up.config).store
        try:
            _signal(workers, signal.SIGSTOP)
            assert 302 == up.get(f"/packages/{file.path}").status_code
            for _ in until("the vote is counted", 30):
                if [path for path, _ in store.votes(0)] == [file.path]:
                    break
        finally:
            _signal(workers, signal.SIGCONT)
            store.close()


def _signal(processes: list[int], number: signal.Signals) -> None:
    for pid in processes:
        os.kill(pid, number)
