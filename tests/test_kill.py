"""A job may be killed at any moment: the next clean run ends where an unkilled one does."""

import os
import random
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from app.config import load
from tests.fake_pypi import FakePypi, Slow, make_wheel
from tests.mirrors import write_config
from tests.older import make_older
from tests.test_jobs import ask, command, run, vote

pytestmark = pytest.mark.slow

NAMES = [f"project-{letter}" for letter in "abcdef"]
# `LARDER_KILLS=200 ./larder test tests/test_kill.py` is the long version.
KILLS = int(os.environ.get("LARDER_KILLS", "12"))

# The job alone, and with processes; these take a while to start.
CREWS = [((), 0.8), (("--crew-from", "1"), 1.6)]


def kill(config: Path, options: tuple[str, ...], seconds: float) -> None:
    """Run `sync-index`, and kill it after some time."""
    job = subprocess.Popen([*command("sync-index"), "-q", "-c", str(config), *options])
    time.sleep(seconds)
    job.kill()
    job.wait()


def tree(config: Path) -> dict[str, bytes]:
    """Return every file that a reader can see, and every partial one."""
    repo = load(config).repo_path
    roots = [repo / "simple", repo / "hot", repo / "cold"]
    return {
        str(path.relative_to(repo)): path.read_bytes()
        for root in roots
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix != ".gz"
    }


def prepare(folder: Path, pypi: FakePypi) -> Path:
    """Return a mirror that is a release behind, and has votes."""
    folder.mkdir()
    # Room on the hot tier for some of the files: others must go cold.
    tiers = [
        {"path": str(folder / "repo" / name), "size_limit": size}
        for name, size in (("hot", "120k"), ("cold", "4m"))
    ]
    cache = {"min_vote_count": 1, "tiers": tiers}
    config = write_config(folder, pypi, cache=cache)
    ask(config, *NAMES)
    for number, name in enumerate(NAMES):
        vote(config, pypi.project(name).files[0], count=number + 1)
    return config


def test_any_number_of_kills_and_one_clean_run(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """Pages, files and store are as if no kill had been; nothing half-done is ever visible."""
    for name in NAMES:
        fake_pypi.add(make_wheel(name, "1", padding=40_000))
    killed, unkilled = (prepare(tmp_path / name, fake_pypi) for name in ("killed", "unkilled"))
    for name in NAMES[:3]:
        fake_pypi.add(make_wheel(name, "2", padding=40_000))
    fake_pypi.inject(Slow(chunk=8_000, pause=0.01), at="/packages/*")
    whole = {file.content for name in NAMES for file in fake_pypi.project(name).files}
    metadata = {file.metadata for name in NAMES for file in fake_pypi.project(name).files}
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    for _ in range(KILLS):
        job = subprocess.Popen([*command("sync"), "-q", "-c", str(killed)])
        time.sleep(chance.uniform(0.15, 1.2))
        job.kill()
        job.wait()
        held = [
            content
            for name, content in tree(killed).items()
            if name.startswith(("hot/", "cold/")) and ".larder" not in name
        ]
        assert set(held) <= whole | metadata, f"seed {seed}"
    fake_pypi.heal()
    assert [0, 0] == [run("sync", config).returncode for config in (killed, unkilled)]
    assert tree(unkilled) == tree(killed), f"seed {seed}"
    again = run("move", killed, "--dry-run", "--json")
    assert again.stdout == "[]\n"


@pytest.mark.timeout(60 + 5 * KILLS)
@pytest.mark.parametrize(("options", "longest"), CREWS)
def test_an_index_that_was_killed_again_and_again_is_the_index(
    tmp_path: Path, fake_pypi: FakePypi, options: tuple[str, ...], longest: float
) -> None:
    """Byte for byte that of a run never killed, whatever changed upstream in between."""
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    names = [f"project-{number}" for number in range(60)]
    for name in names:
        fake_pypi.add(make_wheel(name, "1"))
    folders = [tmp_path / "killed", tmp_path / "unkilled"]
    for folder in folders:
        folder.mkdir()
    killed, unkilled = (
        write_config(folder, fake_pypi, index={"projects": "all"}) for folder in folders
    )
    for number in range(KILLS):
        kill(killed, options, chance.uniform(0.2, longest))
        for name in chance.sample(names, 10):
            fake_pypi.add(make_wheel(name, f"1.{number + 1}"))
        if number % 5 == 4:
            fake_pypi.remove_project(names.pop())
    done = [run("sync-index", config, *options) for config in (killed, unkilled)]
    assert [0, 0] == [one.returncode for one in done], f"seed {seed}"
    assert tree(unkilled) == tree(killed), f"seed {seed}"


def forget_rendering(config: Path, names: list[str]) -> None:
    """Give projects pages of another format, as if an older larder had written them."""
    repo = load(config).repo_path
    for name in names:
        make_older(repo / "simple" / name)
    with sqlite3.connect(repo / "larder.db") as database:
        database.executemany(
            "UPDATE project SET rendered = NULL WHERE name = ?", [(name,) for name in names]
        )


@pytest.mark.timeout(60 + 5 * KILLS)
@pytest.mark.parametrize(("options", "longest"), CREWS)
def test_rendering_that_was_killed_again_and_again_is_done_in_the_end(
    tmp_path: Path, fake_pypi: FakePypi, options: tuple[str, ...], longest: float
) -> None:
    """Pages are as they were fetched, and nothing was fetched again."""
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    names = [f"project-{number}" for number in range(200)]
    for name in names:
        fake_pypi.add(make_wheel(name, "1"))
    config = write_config(tmp_path, fake_pypi, index={"projects": "all"})
    assert run("sync-index", config).returncode == 0
    fetched = tree(config)
    fake_pypi.forget_requests()
    for _ in range(KILLS):
        forget_rendering(config, chance.sample(names, 100))
        kill(config, options, chance.uniform(0.2, longest))
    assert run("sync-index", config, *options).returncode == 0
    assert fetched == tree(config), f"seed {seed}"
    assert {"/simple/"} == {request.path for request in fake_pypi.requests}
    assert run("sync-index", config, "--dry-run", "--json").stdout == "[]\n"
