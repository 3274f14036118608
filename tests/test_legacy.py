"""Legacy JSON that is mirrored with the pages, against a simulated upstream."""

import sqlite3
from pathlib import Path
from typing import Literal

import orjson
import pytest
import requests

from app.config import load
from app.index import Outcome
from app.names import ProjectName
from app.upstream import UpstreamUnavailable
from jobs.parts import Parts, make_folders
from tests.fake_pypi import FakePypi, Replaced, Status, make_wheel
from tests.mirrors import write_config
from tests.test_jobs import run

SIX = ProjectName("six")


def mirror_of(folder: Path, pypi: FakePypi) -> Parts:
    """Return the parts of a mirror that fetches legacy JSON with each page."""
    path = write_config(folder, pypi, sync={"retry": 0, "max_age": 0, "legacy_json": "mirror"})
    config = load(path)
    make_folders(config)
    return Parts(config)


def kept(parts: Parts) -> bytes | None:
    """Return the legacy JSON on the disk."""
    path = parts.config.repo_path / "json" / "six"
    return path.read_bytes() if path.exists() else None


def sent(pypi: FakePypi) -> bytes:
    """Return what upstream sends."""
    return requests.get(f"{pypi.url}/pypi/six/json", timeout=5).content


@pytest.mark.parametrize("kind", ["json", "html"])
def test_it_is_fetched_once_and_written_with_the_page(
    tmp_path: Path, kind: Literal["json", "html"]
) -> None:
    """An HTML page, which is merged with it, costs no second request."""
    with FakePypi(kind=kind) as pypi:
        parts = mirror_of(tmp_path, pypi)
        for version in ("1.0", "2.0"):
            pypi.add(make_wheel("six", version))
            pypi.forget_requests()
            assert Outcome.WRITTEN is parts.index.bring(SIX)
            assert 1 == pypi.count("/pypi/six/json")
            assert sent(pypi) == kept(parts)
        pypi.forget_requests()
        assert Outcome.UNCHANGED is parts.index.bring(SIX)
        assert 0 == pypi.count("/pypi/*")


@pytest.mark.parametrize("older", [True, False])
def test_another_serial_holds_up_the_legacy_json_and_not_the_page(
    tmp_path: Path,
    fake_pypi: FakePypi,
    older: bool,  # noqa: FBT001
) -> None:
    """The page is new, legacy JSON missing, the project failing; then it heals."""
    parts = mirror_of(tmp_path, fake_pypi)
    fake_pypi.add(make_wheel("six", "1.0"))
    parts.index.bring(SIX)
    body = orjson.loads(sent(fake_pypi))
    fake_pypi.add(make_wheel("six", "2.0"))
    body["last_serial"] += 0 if older else 99
    fake_pypi.inject(Replaced(orjson.dumps(body), "application/json"), at="/pypi/six/json")
    with pytest.raises(UpstreamUnavailable, match="has serial"):
        parts.index.bring(SIX)
    page = (parts.config.repo_path / "simple" / "six" / "index.v1.json").read_bytes()
    assert ["1.0", "2.0"] == orjson.loads(page)["versions"]
    assert kept(parts) is None
    known = parts.store.tracked_project(SIX)
    assert known is not None
    assert "legacy JSON of six" in (known.failure or "")
    with sqlite3.connect(parts.config.repo_path / "larder.db") as database:
        database.execute("UPDATE project SET failing_since = 1000")
    for tries in (2, 3):
        with pytest.raises(UpstreamUnavailable, match="has serial"):
            parts.index.bring(SIX)
        known = parts.store.tracked_project(SIX)
        assert known is not None
        # Its page is in step each time, and it is stuck all the same.
        assert (1000, tries) == (known.failing_since, known.tries)
    fake_pypi.heal()
    assert Outcome.UNCHANGED is parts.index.bring(SIX)
    assert sent(fake_pypi) == kept(parts)


def test_asking_for_a_project_does_not_fail_for_its_legacy_json(
    tmp_path: Path, fake_pypi: FakePypi
) -> None:
    """The page is what the client waits for."""
    parts = mirror_of(tmp_path, fake_pypi)
    fake_pypi.add(make_wheel("six", "1.0"))
    fake_pypi.inject(Status(503), at="/pypi/six/json")
    parts.index.ask(SIX)
    assert parts.tree.has(SIX)
    assert kept(parts) is None


def test_a_project_without_any_is_in_step(tmp_path: Path) -> None:
    """An upstream without legacy JSON, or a project in quarantine."""
    with FakePypi(legacy_json=False) as pypi:
        parts = mirror_of(tmp_path, pypi)
        pypi.add(make_wheel("six", "1.0"))
        assert Outcome.WRITTEN is parts.index.bring(SIX)
        assert kept(parts) is None
        pypi.remove_project("six")
        assert Outcome.GONE is parts.index.bring(SIX)


def later(parts: Parts, seconds: int) -> None:
    """Let upstream have been asked so much earlier for what it lacks."""
    asked = int(parts.store.setting("legacy_asked") or b"0")
    parts.store.keep("legacy_asked", b"%d" % (asked - seconds))


def test_what_upstream_lacked_is_asked_for_again_and_comes(tmp_path: Path) -> None:
    """A few a day; once one of them is there, all are, and nobody did anything by hand."""
    with FakePypi() as pypi:
        names = [f"project-{number}" for number in range(20)]
        for name in names:
            pypi.add(make_wheel(name, "1.0"))
        pypi.add_project("empty")
        pypi.inject(Status(404), at="/pypi/*/json")
        config = write_config(
            tmp_path, pypi, index={"projects": "all"}, sync={"retry": 0, "legacy_json": "mirror"}
        )
        folder = load(config).repo_path / "json"
        assert 0 == run("sync-index", config).returncode
        pypi.forget_requests()
        assert 0 == run("sync-index", config).returncode
        assert ["/simple/"] == [request.path for request in pypi.requests]
        parts = Parts(load(config))
        for _ in range(2):
            later(parts, 86_400)
            pypi.forget_requests()
            assert 0 == run("sync-index", config).returncode
            assert 8 == pypi.count("/pypi/project-*/json")
            assert 0 == run("sync-index", config).returncode
            assert 8 == pypi.count("/pypi/project-*/json")
        pypi.heal()
        later(parts, 86_400)
        for _ in range(2):
            assert 0 == run("sync-index", config).returncode
        assert {*names} == {path.name for path in folder.iterdir()}
        assert "[]\n" == run("sync-index", config, "--dry-run", "--json").stdout
        parts.store.close()
