"""A page that answers 404: believed at once, later, or never, as upstream's other words have it."""

import sqlite3
from pathlib import Path

import pytest

from app.config import load
from tests.fake_pypi import FakePypi, Status, make_wheel
from tests.test_jobs import held, run
from tests.test_sync_index import NAMES, configure, hold, let_retries_be_due, simple, status

_HOUR = 3600


@pytest.fixture
def everything(tmp_path: Path, fake_pypi: FakePypi) -> Path:
    """Return the configuration of a mirror in step with three projects."""
    for name in NAMES:
        fake_pypi.add(make_wheel(name, "1"))
    config = configure(tmp_path, fake_pypi)
    assert run("sync-index", config).returncode == 0
    return config


def let_pass(config: Path, seconds: int) -> None:
    """Let failing projects, and fresh tombstones, have been so for longer."""
    older = (
        "UPDATE project SET failing_since = failing_since - :s, retry_at = retry_at - :s "
        "WHERE retry_at IS NOT NULL"
    )
    with sqlite3.connect(load(config).repo_path / "larder.db") as database:
        assert database.execute(older, {"s": seconds}).rowcount


@pytest.mark.parametrize("moved", [True, False])
def test_a_listed_page_that_is_missing_stays_here(
    everything: Path,
    fake_pypi: FakePypi,
    moved: bool,  # noqa: FBT001
) -> None:
    """With its held files; the run ends 0, `status` tells, and it heals by itself."""
    name = hold(everything, fake_pypi, "bb")
    fake_pypi.inject(Status(404), at="/simple/bb/")
    if moved:
        fake_pypi.touch("bb")
    else:
        # The list is older than the page: that is when an unmoved one is asked for.
        fake_pypi.announce("bb", fake_pypi.project("bb").serial - 1)
        fake_pypi.touch("aa")
    done = run("sync-index", everything)
    assert (0, True) == (done.returncode, "1 put off" in done.stderr), done.stderr
    (failing,) = status(everything)["failing"]
    assert ("bb", "missing") == (failing["project"], failing["kind"])
    assert "but upstream's list names it" in failing["reason"]
    assert (simple(everything) / "bb").exists()
    assert name in held(everything)
    fake_pypi.heal()
    let_retries_be_due(everything)
    assert run("sync-index", everything).returncode == 0
    assert status(everything)["failing"] == []


def test_a_listed_page_that_is_missing_for_an_hour_is_gone(
    everything: Path,
    fake_pypi: FakePypi,
) -> None:
    """Also where the list does not change meanwhile; two tries an hour apart must say so."""
    name = hold(everything, fake_pypi, "bb")
    fake_pypi.inject(Status(404), at="/simple/bb/")
    fake_pypi.touch("bb")
    for seconds in (0, 60, _HOUR // 2):
        if seconds:
            let_pass(everything, seconds)
        assert run("sync-index", everything).returncode == 0
        assert (simple(everything) / "bb").exists()
    let_pass(everything, _HOUR // 2)
    done = run("sync-index", everything)
    assert (0, True) == (done.returncode, "removed bb" in done.stderr), done.stderr
    assert not (simple(everything) / "bb").exists()
    assert name not in held(everything)
    assert status(everything)["failing"] == []


def test_another_failure_of_before_does_not_make_it_last(
    everything: Path,
    fake_pypi: FakePypi,
) -> None:
    """The hour begins with the first 404."""
    fake_pypi.inject(Status(503), at="/simple/bb/")
    fake_pypi.touch("bb")
    run("sync-index", everything)
    let_pass(everything, 2 * _HOUR)
    fake_pypi.heal()
    fake_pypi.inject(Status(404), at="/simple/bb/")
    for _ in range(2):
        fake_pypi.touch("aa")
        assert run("sync-index", everything).returncode == 0
        assert (simple(everything) / "bb").exists()
    assert status(everything)["failing"][0]["seconds"] < _HOUR


def test_a_deletion_that_the_changelog_tells_is_carried_out_at_once(tmp_path: Path) -> None:
    """The list, which may be older, is not waited for; without that word, it is."""
    with FakePypi(serials="xmlrpc") as pypi:
        for name in NAMES:
            pypi.add(make_wheel(name, "1"))
        config = configure(tmp_path, pypi)
        run("sync-index", config)
        pypi.remove_project("bb")
        pypi.touch("cc")
        pypi.inject(Status(404), at="/simple/cc/")
        assert run("sync-index", config, "--follow").returncode == 0
    assert not (simple(config) / "bb").exists()
    assert (simple(config) / "cc").exists()
    assert ["cc"] == [one["project"] for one in status(config)["failing"]]


def test_a_project_that_was_just_made_is_not_missed(
    everything: Path,
    fake_pypi: FakePypi,
) -> None:
    """A CDN still has the 404 of before: later runs look again, though no serial moves."""
    fake_pypi.add(make_wheel("dd", "1"))
    fake_pypi.inject(Status(404), at="/simple/dd/")
    run("sync-index", everything)
    fake_pypi.heal()
    run("sync-index", everything)
    assert not (simple(everything) / "dd").exists()
    let_pass(everything, 60)
    assert run("sync-index", everything).returncode == 0
    assert (simple(everything) / "dd").exists()


def test_a_tombstone_is_looked_at_for_an_hour_and_not_for_ever(
    everything: Path,
    fake_pypi: FakePypi,
) -> None:
    """What is listed for years without a page costs nothing."""
    fake_pypi.announce("ghost", fake_pypi.touch("aa") + 5)
    run("sync-index", everything)
    for pause in (60, 120, 240, 480, 960, 1920):
        let_pass(everything, pause)
        assert run("sync-index", everything).returncode == 0
    assert 7 == fake_pypi.count("/simple/ghost/")
    fake_pypi.touch("aa")
    assert run("sync-index", everything).returncode == 0
    assert 7 == fake_pypi.count("/simple/ghost/")
    with sqlite3.connect(load(everything).repo_path / "larder.db") as database:
        ghost = "SELECT retry_at FROM project WHERE name = 'ghost'"
        assert [(None,)] == list(database.execute(ghost))
