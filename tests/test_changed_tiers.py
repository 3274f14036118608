"""Tiers that come, go, shrink and fill up behind larder's back: the next run ends right."""

import json
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from app.config import load
from app.names import FilePath, ProjectName
from jobs.parts import Parts
from tests.fake_pypi import FakeFile, FakePypi, make_wheel
from tests.mirrors import write_config
from tests.test_jobs import ask, held, run, vote


@pytest.fixture
def files(config_path: Path, fake_pypi: FakePypi) -> list[FakeFile]:
    """Hold four files, all on the hot tier."""
    names = [f"p{number}" for number in range(4)]
    made = [fake_pypi.add(make_wheel(name, "1", padding=20_000)) for name in names]
    ask(config_path, *names)
    for number, file in enumerate(made):
        vote(config_path, file, count=number + 1)
    assert run("sync", config_path).returncode == 0
    assert dict.fromkeys((file.filename for file in made), 0) == held(config_path)
    fake_pypi.forget_requests()
    return made


def change_cache(path: Path, **changes: object) -> None:
    """Change keys of the section `cache`."""
    yaml = YAML(typ="safe")
    content = yaml.load(path.read_text())
    content["cache"] |= changes
    with path.open("w") as stream:
        yaml.dump(content, stream)


def tiers(path: Path, **limits: str) -> list[dict[str, str]]:
    """Return tiers in `repo_path` by name and limit."""
    return [
        {"path": str(path.parent / "repo" / name), "size_limit": limit}
        for name, limit in limits.items()
    ]


@pytest.mark.parametrize("jobs", [("move",), ("score", "move")])
def test_a_dropped_tiers_files_move_to_those_that_are_left(
    config_path: Path, fake_pypi: FakePypi, files: list[FakeFile], jobs: tuple[str, ...]
) -> None:
    """Nothing is downloaded again, whichever job comes first; the folder is left empty."""
    change_cache(config_path, tiers=tiers(config_path, cold="4m"))
    for job in jobs:
        assert run(job, config_path).returncode == 0
    assert dict.fromkeys((file.filename for file in files), 0) == held(config_path)
    assert fake_pypi.count("/packages/*") == 0
    assert run("move", config_path, "--dry-run").stdout == ""
    hot = config_path.parent / "repo" / "hot"
    assert [hot / ".larder"] == list(hot.iterdir())


def test_a_dropped_tier_that_cannot_be_read_is_lost(
    config_path: Path, files: list[FakeFile]
) -> None:
    """What is wished for is fetched again."""
    (config_path.parent / "repo" / "hot").rename(config_path.parent / "gone")
    change_cache(config_path, tiers=tiers(config_path, cold="4m"))
    assert run("sync", config_path).returncode == 0
    assert dict.fromkeys((file.filename for file in files), 0) == held(config_path)
    assert run("move", config_path, "--dry-run").stdout == ""


def test_a_new_hottest_tier_takes_no_file_away(
    config_path: Path, fake_pypi: FakePypi, files: list[FakeFile]
) -> None:
    """`move` by itself knows that the ranks have changed; `score` then fills the new one."""
    new = tiers(config_path, nvme="60k", hot="1m", cold="4m")
    change_cache(config_path, tiers=new)
    assert run("move", config_path, "--dry-run").stdout == ""
    assert run("sync", config_path).returncode == 0
    assert [0, 0, 1, 1] == sorted(held(config_path).values())
    assert fake_pypi.count("/packages/*") == 0
    assert len(files) == len(held(config_path))


@pytest.mark.parametrize("jobs", [("move",), ("score", "move")])
def test_a_lowered_limit_sends_the_least_valuable_colder(
    config_path: Path, fake_pypi: FakePypi, files: list[FakeFile], jobs: tuple[str, ...]
) -> None:
    """Though the wish is older than the limit."""
    change_cache(config_path, tiers=tiers(config_path, hot="58k", cold="4m"))
    for job in jobs:
        assert run(job, config_path).returncode == 0
    expected = {file.filename: int(number < 2) for number, file in enumerate(files)}
    assert expected == held(config_path)
    assert run("move", config_path, "--dry-run").stdout == ""
    assert fake_pypi.count("/packages/*") == 0


def test_a_file_moved_by_hand_is_where_it_is(
    config_path: Path, fake_pypi: FakePypi, files: list[FakeFile]
) -> None:
    """It is checked there, and carried back where it should be; not fetched."""
    repo = config_path.parent / "repo"
    path = files[0].path
    (repo / "cold" / path).parent.mkdir(parents=True)
    (repo / "hot" / path).rename(repo / "cold" / path)
    assert run("sync", config_path).returncode == 0
    assert 0 == held(config_path)[files[0].filename]
    assert run("move", config_path, "--dry-run").stdout == ""
    assert fake_pypi.count("*.whl") == 0


def test_a_budget_puts_off_and_says_so(config_path: Path, fake_pypi: FakePypi) -> None:
    """In a dry run and in the report; the next runs do the rest, and each ends well."""
    names = [f"p{number}" for number in range(3)]
    made = [fake_pypi.add(make_wheel(name, "1", padding=20_000)) for name in names]
    ask(config_path, *names)
    for number, file in enumerate(made):
        vote(config_path, file, count=number + 1)
    change_cache(config_path, move_budget={"fetch": "30k"})
    assert run("score", config_path).returncode == 0
    plan = json.loads(run("move", config_path, "--dry-run", "--json").stdout)
    assert ["fetch", "put-off", "put-off"] == [step["step"] for step in plan]
    assert made[2].path == plan[0]["path"]
    assert made[1].path == plan[1]["what"]["path"]
    for count in (1, 2, 3):
        done = run("move", config_path, "--json")
        assert done.returncode == 0
        assert 3 - count == len(json.loads(done.stdout)["put_off"])
        assert count == len(held(config_path))
    assert run("move", config_path, "--dry-run").stdout == ""


def test_a_disk_that_must_stay_free_holds_nothing(config_path: Path, fake_pypi: FakePypi) -> None:
    """The wish knows it, and the run is no failure."""
    file = fake_pypi.add(make_wheel("six", "1"))
    ask(config_path, "six")
    vote(config_path, file)
    change_cache(config_path, min_free={"bytes": "8000t"})
    assert run("sync", config_path).returncode == 0
    assert held(config_path) == {}
    change_cache(config_path, min_free={"bytes": "1m"})
    assert run("sync", config_path).returncode == 0
    assert {file.filename: 0} == held(config_path)


def test_kept_metadata_goes_with_its_file(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """In the run that learns of it, and not when `clean` comes round."""
    file = fake_pypi.add(make_wheel("six", "1"))
    fake_pypi.add(make_wheel("six", "2"))
    config = write_config(tmp_path, fake_pypi)
    ask(config, "six")
    parts = Parts(load(config))
    assert parts.core_metadata.keep(FilePath(file.path))
    kept = tmp_path / "repo" / "metadata" / f"{file.path}.metadata"
    assert kept.exists()
    fake_pypi.remove_file("six", file.filename)
    assert run("sync-index", config).returncode == 0
    assert not kept.exists()
    assert parts.store.tracked_project(ProjectName("six")) is not None
    parts.store.close()
