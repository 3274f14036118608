"""Projects brought in step by processes: what they do, and what ends them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue

import pytest

from app.config import Config, load
from app.index import Outcome, StalePageError
from app.names import ProjectName
from app.steps import AddProject, RevalidateProject, Step, UpdateProject
from app.upstream import UpstreamUnavailable
from jobs.crew import Crew, ProcessEndedError
from jobs.harness import job_parser
from jobs.parts import Parts, make_folders
from jobs.sync_index import SyncIndex
from tests.fake_pypi import FakePypi, Hang, Slow, Status, make_wheel
from tests.mirrors import write_config
from tests.test_jobs import run

NAMES = tuple(ProjectName(f"project-{letter}") for letter in "abcdefgh")
_PATIENCE = 60.0

Ended = dict[str, Exception | None]


@pytest.fixture
def pypi(fake_pypi: FakePypi) -> FakePypi:
    """Have some projects upstream."""
    for name in NAMES:
        fake_pypi.add(make_wheel(name, "1"))
    return fake_pypi


def bring(config: Config, *steps: Step) -> tuple[Ended, dict[str, Outcome]]:
    """Give steps to two processes; return how each ended, and what it came to."""
    outcomes: dict[str, Outcome] = {}
    crew = Crew(config, (2, 1), 2, lambda step, outcome: outcomes.update({str(step): outcome}))
    with crew:
        return dict(taken(crew, *steps)), outcomes


def taken(crew: Crew, *steps: Step) -> Iterator[tuple[str, Exception | None]]:
    """Give steps to a crew, and yield how they end."""
    finished: SimpleQueue[tuple[str, Exception | None]] = SimpleQueue()
    for step in steps:
        crew.take(step, lambda error, step=step: finished.put((str(step), error)))  # type: ignore[misc]
    for _ in steps:
        yield finished.get(timeout=_PATIENCE)


def wait_for(condition: Callable[[], object]) -> None:
    """Return when something is so."""
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def children(parent: int) -> list[int]:
    """Return the processes that a process has started."""
    with suppress(FileNotFoundError):
        listed = Path(f"/proc/{parent}/task/{parent}/children").read_text()
        return [int(pid) for pid in listed.split()]
    return []


def workers() -> list[int]:
    """Return the processes that this one has started to bring projects."""
    return [pid for pid in children(os.getpid()) if b"jobs.bringing" in _command(pid)]


def _command(pid: int) -> bytes:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def lives(pid: int) -> bool:
    """Whether a process is there; one that has ended and waits for its parent is not."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_processes_write_what_threads_write(pypi: FakePypi, parts: Parts) -> None:
    """Pages and store are in step, and nobody is left."""
    steps = [AddProject(name, pypi.project(name).serial) for name in NAMES]
    ended, outcomes = bring(parts.config, *steps)
    assert dict.fromkeys(map(str, steps)) == ended
    assert {str(step): Outcome.WRITTEN for step in steps} == outcomes
    assert set(NAMES) == set(parts.tree.names())
    assert all(parts.store.tracked_project(name) for name in NAMES)
    ended, outcomes = bring(parts.config, *(RevalidateProject(name) for name in NAMES))
    assert {Outcome.UNCHANGED} == set(outcomes.values())
    assert [] == workers()


def test_failures_come_over_as_they_are(pypi: FakePypi, parts: Parts) -> None:
    """What a failure means for the run depends on its kind; the store has its reason."""
    pypi.inject(Status(503), at=f"/simple/{NAMES[0]}/")
    steps = [AddProject(NAMES[0], 1), UpdateProject(NAMES[1], 10**9), AddProject(NAMES[2], 1)]
    ended, _ = bring(parts.config, *steps)
    unavailable, stale, good = (ended[str(step)] for step in steps)
    assert isinstance(unavailable, UpstreamUnavailable)
    assert f"{pypi.url}/simple/{NAMES[0]}/ answers 503" == str(unavailable)
    assert isinstance(stale, StalePageError)
    assert good is None
    kinds = {project.name: project.failure_kind for project in parts.store.failing()}
    assert {NAMES[0]: "unavailable", NAMES[1]: "stale"} == kinds


def test_what_lies_where_it_was_started_is_not_run(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator's own `app.py` is none of larder's modules."""
    for name in ("app", "jobs", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not this one')\n")
    monkeypatch.chdir(tmp_path)
    ended, _ = bring(parts.config, AddProject(NAMES[0]))
    assert [None] == list(ended.values())


def test_a_project_that_is_gone_is_told(pypi: FakePypi, parts: Parts) -> None:
    """It is removed by whoever sees how many there are."""
    bring(parts.config, AddProject(NAMES[0]))
    pypi.remove_project(NAMES[0])
    _, outcomes = bring(parts.config, UpdateProject(NAMES[0], listed=False))
    assert [Outcome.GONE] == list(outcomes.values())
    assert parts.tree.has(NAMES[0])


def test_a_killed_process_costs_its_own_steps(pypi: FakePypi, config: Config) -> None:
    """The others are done by the other one, and the reason names the signal."""
    pypi.inject(Hang(), at=f"/simple/{NAMES[0]}/")
    with Crew(config, (1, 1), 1, lambda *_: None) as crew:
        ended: SimpleQueue[Exception | None] = SimpleQueue()
        crew.take(AddProject(NAMES[0]), ended.put)
        wait_for(lambda: pypi.count(f"/simple/{NAMES[0]}/"))
        os.kill(workers()[0], signal.SIGKILL)
        error = ended.get(timeout=_PATIENCE)
        assert isinstance(error, ProcessEndedError)
        assert "was killed by SIGKILL" in str(error)
        assert 1 == crew.count
        steps = [AddProject(name) for name in NAMES[1:]]
        assert dict.fromkeys(map(str, steps)) == dict(taken(crew, *steps))


def test_without_any_process_left_a_step_fails(config: Config) -> None:
    """And the crew takes no more, so that the rest is told as not tried."""
    with Crew(config, (1,), 1, lambda *_: None) as crew:
        wait_for(workers)
        os.kill(workers()[0], signal.SIGKILL)
        wait_for(lambda: crew.count == 0)
        ((_, error),) = taken(crew, AddProject(NAMES[0]))
        assert isinstance(error, ProcessEndedError)


def test_a_process_that_cannot_begin_says_why_in_a_sentence(
    config: Config, capfd: pytest.CaptureFixture[str]
) -> None:
    """The database was good when the job opened it; now it is busy, or no database."""
    make_folders(config)
    (config.repo_path / "larder.db").write_bytes(b"garbage" * 1000)
    with Crew(config, (1,), 1, lambda *_: None) as crew:
        wait_for(lambda: crew.count == 0)
    told = capfd.readouterr().err
    assert "file is not a database" in told
    assert "Traceback" not in told


_PARENT = """
import sys, threading
from pathlib import Path
from app.config import load
from app.names import ProjectName
from app.steps import AddProject
from jobs.crew import Crew
with Crew(load(Path(sys.argv[1])), (1, 1), 1, print) as crew:
    crew.take(AddProject(ProjectName(sys.argv[2])), print)
    threading.Event().wait()
"""


def test_nobody_outlives_a_killed_job(pypi: FakePypi, config_path: Path) -> None:
    """Neither who waits for upstream nor who has nothing to do."""
    make_folders(load(config_path))
    pypi.inject(Hang(), at=f"/simple/{NAMES[0]}/")
    with subprocess.Popen([sys.executable, "-c", _PARENT, str(config_path), NAMES[0]]) as job:
        wait_for(lambda: pypi.count(f"/simple/{NAMES[0]}/"))
        started = children(job.pid)
        job.kill()
    assert 2 == len(started)
    wait_for(lambda: not any(map(lives, started)))


def test_a_long_plan_is_carried_out_by_processes(
    pypi: FakePypi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as there are cores and connections for; few projects, or one core, need none."""
    config = load(write_config(tmp_path, pypi, index={"projects": "all"}))
    job = SyncIndex(Parts(config), job_parser(SyncIndex).parse_args([]))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})
    crew = job.crew(1000)
    assert crew is not None
    with crew:
        wait_for(lambda: len(workers()) == 3)
        assert 4 * config.sync.concurrent_downloads == crew.count
    assert job.crew(999) is None
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert job.crew(1000) is None


def test_all_processes_together_have_the_connections_that_are_allowed(
    fake_pypi: FakePypi, tmp_path: Path
) -> None:
    """The one that has asked for the list included."""
    for number in range(40):
        fake_pypi.add(make_wheel(f"project-{number}", "1"))
    # So that all of them are busy at once.
    fake_pypi.inject(Slow(delay=0.25), at="/simple/*/")
    sync = {"concurrent_downloads": 6, "legacy_json": "on-demand"}
    config = write_config(tmp_path, fake_pypi, index={"projects": "all"}, sync=sync)
    done = run("sync-index", config, "--crew-from", "1")
    assert (0, True) == (done.returncode, "40 add" in done.stderr), done.stderr
    assert 6 == fake_pypi.most_connections
