"""How far the wish goes: `packages.keep`, and pins."""

import json
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.config import load
from app.names import FilePath
from app.tiers import partial_name
from jobs.parts import Parts
from tests.fake_pypi import FakeFile, FakePypi, make_wheel
from tests.mirrors import write_config
from tests.test_jobs import ask, held, run, vote
from tests.test_questions import explained


def mirror(folder: Path, pypi: FakePypi, keep: str, **cache: object) -> Path:
    """Write a mirror of one tier with room for one of two files, and ask for both."""
    tiers = [{"path": str(folder / "repo" / "hot"), "size_limit": "30k"}]
    section = {"min_vote_count": 1, "tiers": tiers} | cache
    return write_config(folder, pypi, cache=section, packages={"keep": keep})


@pytest.fixture
def files(fake_pypi: FakePypi) -> Sequence[FakeFile]:
    """Return two files of which one fits."""
    return [fake_pypi.add(make_wheel(name, "1", padding=20_000)) for name in ("aa", "bb")]


def pin(config: Path, *files: FakeFile) -> None:
    """Pin files."""
    store = Parts(load(config)).store
    assert [] == store.pin([FilePath(file.path) for file in files], "a test", int(time.time()))
    store.close()


def unpin(config: Path, file: FakeFile) -> None:
    """Take a pin off."""
    store = Parts(load(config)).store
    assert 1 == store.unpin([FilePath(file.path)])
    store.close()


@pytest.mark.parametrize("keep", ["popular", "all", "pinned"])
def test_a_pin_comes_before_what_is_popular(
    tmp_path: Path, fake_pypi: FakePypi, files: Sequence[FakeFile], keep: str
) -> None:
    """In every mode, whatever its size; and it is never evicted."""
    config = mirror(tmp_path, fake_pypi, keep, filesize_limit="10k")
    ask(config, "aa", "bb")
    pin(config, files[1])
    vote(config, files[0], count=30)
    for _ in range(2):
        assert 0 == run("sync", config).returncode
        assert {files[1].filename: 0} == held(config)
    assert "it is pinned; it is on tier 0" == explained(config, files[1].filename)["why"]


def test_a_pin_is_fetched_though_nothing_has_scored_since(
    tmp_path: Path, fake_pypi: FakePypi, files: Sequence[FakeFile]
) -> None:
    """What is popular makes room for it."""
    config = mirror(tmp_path, fake_pypi, "popular")
    ask(config, "aa", "bb")
    vote(config, files[0], count=30)
    assert 0 == run("sync", config).returncode
    assert {files[0].filename: 0} == held(config)
    pin(config, files[1])
    assert 0 == run("move", config).returncode
    assert {files[1].filename: 0} == held(config)


def test_only_pins_are_wished_for(
    tmp_path: Path, fake_pypi: FakePypi, files: Sequence[FakeFile]
) -> None:
    """With `pinned`; what is here besides stays until its room is needed."""
    config = mirror(tmp_path, fake_pypi, "pinned")
    ask(config, "aa", "bb")
    vote(config, files[0], count=30)
    assert 0 == run("sync", config).returncode
    assert {} == held(config)
    assert "packages.keep is pinned" in str(explained(config, files[0].filename)["why"])
    pin(config, files[0])
    assert 0 == run("sync", config).returncode
    assert {files[0].filename: 0} == held(config)
    unpin(config, files[0])
    assert 0 == run("sync", config).returncode
    assert {files[0].filename: 0} == held(config)
    pin(config, files[1])
    assert 0 == run("sync", config).returncode
    assert {files[1].filename: 0} == held(config)


def test_a_pin_stays_though_no_tier_has_room(
    tmp_path: Path, fake_pypi: FakePypi, files: Sequence[FakeFile]
) -> None:
    """A limit that was lowered evicts what is not pinned."""
    config = mirror(tmp_path, fake_pypi, "popular")
    ask(config, "aa", "bb")
    pin(config, files[1])
    assert 0 == run("sync", config).returncode
    tiers = [{"path": str(tmp_path / "repo" / "hot"), "size_limit": "1k"}]
    config = mirror(tmp_path, fake_pypi, "popular", tiers=tiers)
    done = run("sync", config)
    assert 0 == done.returncode
    assert "1 pinned files have no room on any tier" in done.stderr
    assert {files[1].filename: 0} == held(config)


def test_a_pinned_file_that_a_filter_keeps_away_is_not_here(
    tmp_path: Path, fake_pypi: FakePypi, files: Sequence[FakeFile]
) -> None:
    """A filter is stronger than a pin."""
    config = mirror(tmp_path, fake_pypi, "popular")
    ask(config, "aa", "bb")
    pin(config, *files[:1])
    assert 0 == run("sync", config).returncode
    with config.open("a") as stream:
        stream.write("filters: {projects: {metadata_only: [aa]}}\n")
    assert 0 == run("sync", config).returncode
    assert {} == held(config)


def roomy(folder: Path, pypi: FakePypi, hot: str = "50k", cold: str = "1m") -> Path:
    """Write a mirror of everything, on two tiers."""
    tiers = [
        {"path": str(folder / "repo" / name), "size_limit": size}
        for name, size in (("hot", hot), ("cold", cold))
    ]
    return mirror(folder, pypi, "all", tiers=tiers)


def test_everything_is_kept(tmp_path: Path, fake_pypi: FakePypi, files: Sequence[FakeFile]) -> None:
    """With `all`, without a vote; the next run has nothing to do."""
    config = roomy(tmp_path, fake_pypi, hot="30k")
    ask(config, "aa", "bb")
    assert 0 == run("score", config).returncode
    assert "wish for 2 files: 2 to fetch" in run("score", config, "--dry-run").stdout
    assert 0 == run("move", config).returncode
    assert {files[0].filename: 0, files[1].filename: 1} == held(config)
    assert 0 == run("score", config).returncode
    assert "" == run("move", config, "--dry-run").stdout
    assert "packages.keep is all" in str(explained(config, files[0].filename)["why"])


def test_what_is_popular_has_the_hot_tier(
    tmp_path: Path, fake_pypi: FakePypi, files: Sequence[FakeFile]
) -> None:
    """What nobody voted for gives way to the cold one, and nothing is downloaded again."""
    config = roomy(tmp_path, fake_pypi, hot="30k")
    ask(config, "aa", "bb")
    assert 0 == run("sync", config).returncode
    vote(config, files[1], count=3)
    fake_pypi.forget_requests()
    for _ in range(2):
        assert 0 == run("sync", config).returncode
        assert {files[0].filename: 1, files[1].filename: 0} == held(config)
    assert 0 == fake_pypi.count("/packages/*.whl")


def test_where_there_is_no_room_the_popular_stay(
    tmp_path: Path, fake_pypi: FakePypi, files: Sequence[FakeFile]
) -> None:
    """Of two files one fits."""
    config = mirror(tmp_path, fake_pypi, "all")
    ask(config, "aa", "bb")
    assert 0 == run("sync", config).returncode
    assert {files[0].filename: 0} == held(config)
    vote(config, files[1], count=3)
    for _ in range(2):
        assert 0 == run("sync", config).returncode
        assert {files[1].filename: 0} == held(config)


def test_a_large_file_and_a_redirected_one_are_not_kept(
    tmp_path: Path, fake_pypi: FakePypi, files: Sequence[FakeFile]
) -> None:
    """The bounds and filters of the other modes hold."""
    small = fake_pypi.add(make_wheel("cc", "1"))
    config = mirror(tmp_path, fake_pypi, "all", filesize_limit="10k")
    ask(config, "aa", "bb", "cc")
    assert 0 == run("sync", config).returncode
    assert {small.filename: 0} == held(config)
    with config.open("a") as stream:
        stream.write("filters: {projects: {metadata_only: [cc]}}\n")
    assert 0 == run("sync", config).returncode
    assert {} == held(config)
    assert files


def test_a_tier_that_is_dropped_gives_its_files_to_the_others(
    tmp_path: Path, fake_pypi: FakePypi, files: Sequence[FakeFile]
) -> None:
    """Also those that nobody voted for; nothing is downloaded again."""
    config = roomy(tmp_path, fake_pypi, hot="30k")
    ask(config, "aa", "bb")
    assert 0 == run("sync", config).returncode
    tiers = [{"path": str(tmp_path / "repo" / "cold"), "size_limit": "1m"}]
    config = mirror(tmp_path, fake_pypi, "all", tiers=tiers)
    fake_pypi.forget_requests()
    assert 0 == run("move", config).returncode
    assert {file.filename: 0 for file in files} == held(config)
    assert 0 == fake_pypi.count("/packages/*.whl")


def test_a_partial_file_is_gone_on_with(
    tmp_path: Path, fake_pypi: FakePypi, files: Sequence[FakeFile]
) -> None:
    """With `all`, on the tier where it lies; one that is nobody's goes."""
    config = roomy(tmp_path, fake_pypi)
    ask(config, "aa")
    folder = load(config).cache.tiers[1].path / ".larder"
    folder.mkdir(parents=True)
    own = partial_name(FilePath(files[0].path))
    (folder / own).write_bytes(b"PK")
    (folder / "left.part").touch()
    assert 0 == run("clean", config).returncode
    assert (folder / "left.part").exists()
    steps = json.loads(run("move", config, "--dry-run", "--json").stdout)
    assert [("drop-partial", "left.part"), ("fetch", files[0].path)] == [
        (step["step"], step.get("path", step.get("name"))) for step in steps
    ]
    assert 0 == run("move", config).returncode
    assert {files[0].filename: 1} == held(config)


def test_the_budget_holds_for_what_nobody_voted_for(
    tmp_path: Path, fake_pypi: FakePypi, files: Sequence[FakeFile]
) -> None:
    """A run fetches so much, and the next goes on."""
    config = roomy(tmp_path, fake_pypi)
    ask(config, "aa", "bb")
    tiers = [{"path": str(tmp_path / "repo" / "hot"), "size_limit": "1m"}]
    mirror(tmp_path, fake_pypi, "all", tiers=tiers, move_budget={"fetch": "30k"})
    for count in (1, 2):
        assert 0 == run("move", config).returncode
        assert count == len(held(config))
    assert files


def test_a_size_that_the_index_does_not_tell_is_asked_for(
    tmp_path: Path, fake_pypi: FakePypi, files: Sequence[FakeFile]
) -> None:
    """Of a pin, and with `all` of every file."""
    config = mirror(tmp_path, fake_pypi, "popular")
    ask(config, "aa", "bb")
    store = Parts(load(config)).store
    for file in files:
        store.set_size(FilePath(file.path), None, 0)
    pin(config, files[1])
    assert [files[1].path] == [one.path for one in store.unsized_unvoted(1, everything=False)]
    assert [file.path for file in files] == sorted(
        (one.path for one in store.unsized_unvoted(1, everything=True)),
        key=lambda path: path.rpartition("/")[2],
    )
    store.close()
    assert 0 == run("sync", config).returncode
    assert {files[1].filename: 0} == held(config)


def test_what_was_deleted_by_hand_is_fetched_in_the_same_run(
    tmp_path: Path, fake_pypi: FakePypi, files: Sequence[FakeFile]
) -> None:
    """And what the store does not know of is taken over, not fetched."""
    config = roomy(tmp_path, fake_pypi, hot="200k")
    ask(config, "aa", "bb")
    assert 0 == run("sync", config).returncode
    hot = load(config).cache.tiers[0].path
    (hot / files[0].path).unlink()
    store = Parts(load(config)).store
    store.release([FilePath(files[1].path)])
    store.close()
    fake_pypi.forget_requests()
    assert 0 == run("move", config).returncode
    assert {file.filename: 0 for file in files} == held(config)
    assert 1 == fake_pypi.count("/packages/*.whl")
    assert "" == run("move", config, "--dry-run").stdout


def test_what_upstream_deletes_goes(
    tmp_path: Path, fake_pypi: FakePypi, files: Sequence[FakeFile]
) -> None:
    """With `all` as ever."""
    config = roomy(tmp_path, fake_pypi, hot="200k")
    ask(config, "aa", "bb")
    assert 0 == run("sync", config).returncode
    fake_pypi.remove_file("aa", files[0].filename)
    assert 0 == run("sync", config).returncode
    assert {files[1].filename: 0} == held(config)
