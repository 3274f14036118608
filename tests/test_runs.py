"""What became of the jobs, and how far the index is behind: in the database."""

import time
from pathlib import Path

from app.config import load
from app.freshness import Freshness, Lag
from app.names import ProjectName
from app.runs import Run, Runs
from app.steps import KeepList
from app.store import Store
from jobs.parts import Parts
from tests.fake_pypi import FakePypi, Status, make_wheel
from tests.mirrors import write_config
from tests.test_jobs import run

SIX = ProjectName("six")


def test_the_last_good_run_stays_known(store: Store) -> None:
    """While it runs again, when that fails, and until the next good one."""
    runs = Runs(store)
    assert (None, []) == (runs.last("move"), runs.all())
    runs.begin("move", 100.0, 3)
    assert Run("move", 100.0, 3) == runs.last("move")
    runs.end(Run("move", 100.0, 3, ended=104.5, code=0, outcomes={"done": 3}))
    good = runs.last("move")
    assert good is not None
    assert (4.5, 100.0, 104.5) == (good.seconds, good.good_started, good.good_ended)
    runs.begin("move", 200.0, 5)
    runs.end(Run("move", 200.0, 5, ended=201.0, code=1, outcomes={"failed": 5}))
    bad = runs.last("move")
    assert bad is not None
    assert (1, 1.0, 100.0, 104.5) == (bad.code, bad.seconds, bad.good_started, bad.good_ended)
    runs.begin("clean", 300.0, 1)
    assert ["clean", "move"] == [one.job for one in runs.all()]


def test_the_index_is_behind_by_what_was_seen_and_not_done(store: Store) -> None:
    """In serials, and in seconds since what is here was asked for."""
    freshness = Freshness(store)
    assert Lag(None, None) == freshness.lag(1000.0)
    freshness.saw(50)
    assert Lag(50, None) == freshness.lag(1000.0)
    freshness.keep_list(KeepList(40))
    freshness.in_step(900.0)
    assert Lag(10, 100.0) == freshness.lag(1000.0)
    freshness.keep_list(KeepList(60))
    assert Lag(0, 0.0) == freshness.lag(800.0)


def test_a_job_notes_what_became_of_it(config_path: Path, parts: Parts) -> None:
    """A dry run does not: nothing became of it."""
    before = time.time()
    assert 0 == run("score", config_path, "--dry-run").returncode
    assert parts.runs.last("score") is None
    assert 0 == run("score", config_path).returncode
    found = parts.runs.last("score")
    assert found is not None
    assert (0, {"done": 2, "failed": 0, "put-off": 0, "left": 0}) == (found.code, found.outcomes)
    assert found.good_ended is not None
    assert before < found.started < found.good_ended < time.time()


def test_a_run_that_could_not_begin_is_noted_too(
    config_path: Path, parts: Parts, fake_pypi: FakePypi
) -> None:
    """With its code; the last good one stays known."""
    assert 0 == run("sync-index", config_path).returncode
    good = parts.runs.last("sync-index")
    fake_pypi.add(make_wheel("six", "1"))
    parts.index.ask(SIX)
    fake_pypi.inject(Status(503))
    assert 75 == run("sync-index", config_path).returncode
    found = parts.runs.last("sync-index")
    assert good is not None
    assert found is not None
    assert (75, good.good_ended) == (found.code, found.good_ended)


def test_the_lag_is_that_of_the_list(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """A run that leaves something out is behind by it; the next, which does not, is not."""
    changes = {
        "index": {"projects": "all"},
        "sync": {"retry": 0, "download_error_threshold": 1, "concurrent_downloads": 1},
    }
    config = write_config(tmp_path, fake_pypi, **changes)
    for name in ("aa", "bb"):
        fake_pypi.add(make_wheel(name, "1"))
    assert 0 == run("sync-index", config).returncode
    parts = Parts(load(config))
    first = parts.freshness.lag(2e10)
    assert (0, True) == (first.serials, first.seconds is not None)
    for name in ("aa", "bb"):
        fake_pypi.add(make_wheel(name, "2"))
        fake_pypi.inject(Status(503), at=f"/simple/{name}/")
    assert 0 != run("sync-index", config).returncode
    assert Lag(2, first.seconds) == parts.freshness.lag(2e10)
    fake_pypi.heal()
    assert 0 == run("sync-index", config).returncode
    last = parts.freshness.lag(2e10)
    assert 0 == last.serials
    assert last.seconds is not None
    assert first.seconds is not None
    assert last.seconds < first.seconds
    parts.store.close()
