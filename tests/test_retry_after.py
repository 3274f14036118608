"""Upstream that asks to be left alone for longer than a step may wait (RFC 9110, 10.2.3)."""

import copy
import json
import sqlite3
import time
from email.utils import formatdate
from pathlib import Path

import pytest

from app.config import load
from app.store import Store
from app.upstream import UpstreamUnavailable
from app.upstream.retries import pause_of
from tests.fake_pypi import FakePypi, Status, make_wheel
from tests.test_jobs import run
from tests.test_sync_index import NAMES, configure, page, status


@pytest.fixture
def everything(tmp_path: Path, fake_pypi: FakePypi) -> Path:
    """Return the configuration of a mirror in step with three projects."""
    for name in NAMES:
        fake_pypi.add(make_wheel(name, "1"))
    config = configure(tmp_path, fake_pypi)
    assert run("sync-index", config).returncode == 0
    return config


@pytest.mark.parametrize(
    ("value", "pause"),
    [(None, None), ("x", None), ("-1", None), ("120", 120.0), ("0", 0.0), ("99999", 3600.0)],
)
def test_the_pause_is_what_the_header_says_and_an_hour_at_most(
    value: str | None, pause: float | None
) -> None:
    """Nonsense is no pause."""
    assert pause == pause_of({} if value is None else {"Retry-After": value})


def test_the_pause_may_end_at_a_date() -> None:
    """One that has passed is none."""
    for seconds, longest in ((1800, 1800), (-60, 0), (86_400, 3600)):
        found = pause_of({"Retry-After": formatdate(time.time() + seconds, usegmt=True)})
        assert found is not None
        assert 0 <= longest - found < 60


def test_the_pause_passes_from_process_to_process() -> None:
    """As the sentence does."""
    error = UpstreamUnavailable("https://example.org/", "answers 429")
    error.pause = 7.0
    again = copy.copy(error)
    assert ("https://example.org/ answers 429", 7.0) == (str(again), again.pause)


@pytest.mark.parametrize("code", [429, 503])
@pytest.mark.parametrize("options", [(), ("--follow",)])
def test_a_pause_for_the_list_is_kept_by_the_runs_that_follow(
    everything: Path, fake_pypi: FakePypi, code: int, options: tuple[str, ...]
) -> None:
    """They end 75, say until when, and do not ask; then all is as before."""
    fake_pypi.inject(Status(code, retry_after=1800), at="/simple/")
    fake_pypi.add(make_wheel("bb", "2"))
    assert run("sync-index", everything, "--dry-run").returncode == 75
    assert run("sync-index", everything, *options).returncode == 75
    fake_pypi.heal()
    fake_pypi.forget_requests()
    for more in ((), options, ("--dry-run",)):
        done = run("sync-index", everything, *more)
        assert (75, True) == (done.returncode, "asked to be left alone until" in done.stderr)
    assert fake_pypi.requests == ()
    store = Store.open(load(everything).database)
    url, until = json.loads(store.setting("upstream_pause") or b"")
    assert abs(until - time.time() - 1800) < 60
    store.keep("upstream_pause", json.dumps([url, until - 1800]).encode())
    store.close()
    assert run("sync-index", everything).returncode == 0
    assert len(page(everything, "bb")["files"]) == 2


def test_another_upstream_has_asked_for_no_pause(everything: Path, fake_pypi: FakePypi) -> None:
    """The operator has changed the URL to be served again."""
    fake_pypi.inject(Status(429, retry_after=1800), at="/simple/", times=9)
    assert run("sync-index", everything).returncode == 75
    fake_pypi.heal()
    text = everything.read_text()
    everything.write_text(text.replace(fake_pypi.pypi_url, f"{fake_pypi.pypi_url}/simple"))
    assert run("sync-index", everything).returncode == 0


def test_a_pause_for_a_project_is_kept_whatever_is_new(
    everything: Path, fake_pypi: FakePypi
) -> None:
    """Nobody else waits; `status` tells why; when it is over, the page comes."""
    for name in NAMES:
        fake_pypi.add(make_wheel(name, "2"))
    fake_pypi.inject(Status(503, retry_after=1800), at="/simple/bb/")
    assert run("sync-index", everything).returncode == 1
    (failing,) = status(everything)["failing"]
    assert ("bb", "busy") == (failing["project"], failing["kind"])
    fake_pypi.heal()
    fake_pypi.forget_requests()
    for name in NAMES:
        fake_pypi.add(make_wheel(name, "3"))
    assert run("sync-index", everything).returncode == 0
    assert run("sync-index", everything).returncode == 0
    assert [3, 1, 3] == [len(page(everything, name)["files"]) for name in NAMES]
    assert fake_pypi.count("/simple/bb/") == 0
    with sqlite3.connect(load(everything).repo_path / "larder.db") as database:
        (retry_at,) = database.execute("SELECT retry_at FROM project WHERE name = 'bb'").fetchone()
        assert abs(retry_at - time.time() - 1800) < 60
        database.execute("UPDATE project SET retry_at = retry_at - 1800 WHERE name = 'bb'")
    assert run("sync-index", everything).returncode == 0
    assert len(page(everything, "bb")["files"]) == 3
    assert status(everything)["failing"] == []


def test_a_pause_that_every_page_asks_for_is_upstreams(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """A run that gave up for it is the last until it is over, also for pages not asked yet."""
    for number in range(9):
        fake_pypi.add(make_wheel(f"p{number}", "1"))
    config = configure(tmp_path, fake_pypi, concurrent_downloads=1, download_error_threshold=3)
    fake_pypi.inject(Status(429, retry_after=1800), at="/simple/p*/")
    assert run("sync-index", config).returncode == 75
    assert [(f"/simple/p{number}/", 1) for number in range(3)] == [
        (f"/simple/p{number}/", fake_pypi.count(f"/simple/p{number}/")) for number in range(3)
    ]
    fake_pypi.heal()
    fake_pypi.forget_requests()
    done = run("sync-index", config)
    assert (75, True) == (done.returncode, "asked to be left alone until" in done.stderr)
    assert fake_pypi.requests == ()
