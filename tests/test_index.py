"""Bringing projects in step, against a simulated upstream on a real socket."""

import threading
from pathlib import Path
from typing import Any, Literal

import orjson
import pytest

from app.config import load
from app.index import Outcome, StalePageError
from app.names import ProjectName
from app.store import Settled
from app.upstream import NoSuchProject, UpstreamUnavailable, UpstreamUntrusted
from jobs.parts import Parts, make_folders
from tests.fake_pypi import CutBody, FakePypi, Fault, Slow, Status, make_wheel
from tests.mirrors import write_config

SIX = ProjectName("six")


def mirror_of(folder: Path, pypi: FakePypi) -> Parts:
    """Return the parts of a fresh mirror of an upstream."""
    config = load(write_config(folder, pypi))
    make_folders(config)
    return Parts(config)


def page(parts: Parts, name: ProjectName = SIX) -> dict[str, Any]:
    """Return a project's JSON page, as it lies on the disk."""
    path = parts.config.repo_path / "simple" / name / "index.v1.json"
    content: dict[str, Any] = orjson.loads(path.read_bytes())
    return content


def test_a_project_that_is_asked_for_is_written_and_tracked(
    parts: Parts, fake_pypi: FakePypi
) -> None:
    """Its page is on the disk, its files and its serial in the store."""
    file = fake_pypi.add(make_wheel("six", "1.17.0"))
    parts.index.ask(SIX)
    assert [entry["filename"] for entry in page(parts)["files"]] == [file.filename]
    tracked = parts.store.tracked_project(SIX)
    assert tracked is not None
    assert fake_pypi.project("six").serial == tracked.serial


def test_asking_for_what_is_here_asks_nobody(parts: Parts, fake_pypi: FakePypi) -> None:
    """The second request costs upstream nothing."""
    fake_pypi.add(make_wheel("six", "1.17.0"))
    parts.index.ask(SIX)
    fake_pypi.forget_requests()
    parts.index.ask(SIX)
    assert fake_pypi.requests == ()


def test_many_that_ask_at_once_cause_one_fetch(parts: Parts, fake_pypi: FakePypi) -> None:
    """The others wait for the first."""
    fake_pypi.add(make_wheel("six", "1.17.0"))
    fake_pypi.inject(Slow(delay=0.3), at="/simple/six/")
    threads = [threading.Thread(target=parts.index.ask, args=(SIX,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert fake_pypi.count("/simple/six/") == 1
    assert parts.tree.has(SIX)


def test_a_project_that_upstream_lacks_leaves_no_trace(parts: Parts) -> None:
    """Neither a folder nor a row."""
    with pytest.raises(NoSuchProject):
        parts.index.ask(ProjectName("no-such-project"))
    assert list(parts.tree.names()) == []
    assert parts.store.count_tracked() == 0


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Status(503), UpstreamUnavailable),
        (Status(429, retry_after=1), UpstreamUnavailable),
        (CutBody(), UpstreamUntrusted),
    ],
)
def test_an_upstream_in_trouble_changes_nothing(
    parts: Parts, fake_pypi: FakePypi, fault: Fault, error: type[Exception]
) -> None:
    """The page that is here stays as it is, and the store knows why it is not newer."""
    fake_pypi.add(make_wheel("six", "1.16.0"))
    parts.index.ask(SIX)
    before = page(parts)
    fake_pypi.add(make_wheel("six", "1.17.0"))
    fake_pypi.inject(fault, at="/simple/six/")
    with pytest.raises(error):
        parts.index.bring(SIX)
    tracked = parts.store.tracked_project(SIX)
    assert tracked is not None
    assert tracked.failure
    assert before == page(parts)
    fake_pypi.heal()
    assert parts.index.bring(SIX) is Outcome.WRITTEN
    healed = parts.store.tracked_project(SIX)
    assert healed is not None
    assert healed.failure is None


def test_a_page_older_than_announced_is_not_written(parts: Parts, fake_pypi: FakePypi) -> None:
    """A CDN's stale copy waits for a later run, and holds nobody up."""
    fake_pypi.add(make_wheel("six", "1.16.0"))
    parts.index.ask(SIX)
    before = page(parts)
    fake_pypi.freeze("six")
    serial = fake_pypi.touch("six")
    with pytest.raises(StalePageError, match=str(serial)):
        parts.index.bring(SIX, serial)
    assert before == page(parts)


def test_a_page_older_than_the_one_here_is_not_written(parts: Parts, fake_pypi: FakePypi) -> None:
    """Nothing goes back in time, announced or not."""
    fake_pypi.add(make_wheel("six", "1.16.0"))
    parts.index.ask(SIX)
    newer = Settled(fake_pypi.project("six").serial + 1, None, None, 0)
    parts.store.settle(SIX, newer)
    with pytest.raises(StalePageError, match="is here already"):
        parts.index.bring(SIX)


def test_an_unchanged_page_costs_one_conditional_request(parts: Parts, fake_pypi: FakePypi) -> None:
    """And the store notes that upstream confirmed it."""
    fake_pypi.add(make_wheel("six", "1.16.0"))
    parts.index.ask(SIX)
    fake_pypi.forget_requests()
    assert parts.index.bring(SIX) is Outcome.UNCHANGED
    (request,) = fake_pypi.requests
    assert "if-none-match" in request.headers


def test_a_project_that_upstream_deleted_is_removed(parts: Parts, fake_pypi: FakePypi) -> None:
    """Page and record go; it can come back."""
    fake_pypi.add(make_wheel("six", "1.16.0"))
    parts.index.ask(SIX)
    fake_pypi.remove_project("six")
    assert parts.index.bring(SIX) is Outcome.GONE
    parts.index.remove(SIX)
    assert ([], 0) == (list(parts.tree.names()), parts.store.count_tracked())
    fake_pypi.add(make_wheel("six", "1.17.0"))
    parts.index.ask(SIX)
    assert parts.tree.has(SIX)


@pytest.mark.parametrize("kind", ["json", "html"])
@pytest.mark.parametrize("legacy_json", [True, False])
def test_every_kind_of_upstream_gives_usable_pages(
    tmp_path: Path,
    kind: Literal["json", "html"],
    legacy_json: bool,  # noqa: FBT001
) -> None:
    """What HTML lacks comes from the legacy JSON, where there is one."""
    with FakePypi(kind=kind, legacy_json=legacy_json) as pypi:
        wheel = make_wheel("six", "1.17.0")
        pypi.add(wheel, yanked="broken", requires_python=">=3.8")
        parts = mirror_of(tmp_path, pypi)
        parts.index.ask(SIX)
        (entry,) = page(parts)["files"]
        assert entry["url"].startswith("../../packages/")
        assert (wheel.filename, ">=3.8") == (entry["filename"], entry["requires-python"])
        assert entry["yanked"] == "broken"
        knows = kind == "json" or legacy_json
        assert (len(wheel.content) if knows else None) == entry.get("size")
        assert ("upload-time" in entry) is knows
        parts.store.close()
