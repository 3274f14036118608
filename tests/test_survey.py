"""Disks against store: what a survey finds, and how the next plan heals it."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.model import Project, room_for
from app.names import COMPANION, FilePath, ProjectName
from app.steps import Adopt, Fetch, FetchCompanion, Move
from app.store import UnlistedError
from app.tiers import TierMissingError, WrongContentError, partial_name
from jobs.harness import job_parser
from jobs.move import MoveFiles
from jobs.parts import Parts
from tests.fake_pypi import FakeFile, FakePypi, Status, make_wheel
from tests.mirrors import put_wish, write_config
from tests.test_holdings import fetch, leftovers, on_disk, path_of, six
from tests.test_jobs import ask, held, run, vote

__all__ = ["six"]


def as_fetch(file: FakeFile, tier: int) -> Fetch:
    """Return the step, with room for core metadata."""
    return Fetch(path_of(file), tier, room_for(len(file.content), announced=True))


def plan(parts: Parts, wish: dict[FilePath, tuple[int, float]]) -> list[object]:
    """Return what `move` would do about a wish."""
    put_wish(parts.store, wish)
    options = job_parser(MoveFiles).parse_args([])
    return list(MoveFiles(parts, options).plan())


def leave_partial(parts: Parts, path: FilePath, content: bytes, tier: int = 0) -> Path:
    """Leave what a killed download leaves."""
    folder = parts.config.cache.tiers[tier].path / ".larder"
    folder.mkdir(exist_ok=True)
    (folder / partial_name(path)).write_bytes(content)
    return folder / partial_name(path)


def test_a_partial_download_makes_room_for_its_own_rest(parts: Parts, fake_pypi: FakePypi) -> None:
    """What is there already is not needed again, however full the tier."""
    file = fake_pypi.add(make_wheel("big", "1", padding=900_000))
    parts.index.ask(ProjectName("big"))
    leave_partial(parts, path_of(file), file.content[:700_000])
    fake_pypi.forget_requests()
    steps = plan(parts, {path_of(file): (0, 1.0)})
    assert [as_fetch(file, 0)] == steps
    parts.holdings.execute(steps[0])  # type: ignore[arg-type]
    assert file.content == on_disk(parts, 0, path_of(file)).read_bytes()
    ranges = [request.headers.get("range") for request in fake_pypi.requests]
    assert "bytes=700000-" in ranges


@pytest.mark.parametrize("wish", ["nothing", "another tier", "a file that is here"])
def test_a_partial_download_that_nobody_goes_on_with_is_dropped(
    parts: Parts, six: FakeFile, wish: str
) -> None:
    """First of all, and its bytes are free for the rest of the plan."""
    path = path_of(six)
    if wish == "a file that is here":
        fetch(parts, six)
    left = leave_partial(parts, path, bytes(1_000_000))
    wished = {"nothing": {}, "another tier": {path: (1, 1.0)}}.get(wish, {path: (0, 1.0)})
    steps = plan(parts, wished)
    assert f"delete the partial download {left.name} from tier 0" == str(steps[0])
    assert {0: 0, 1: 0} == dict(parts.holdings.survey().taken)
    assert parts.holdings.sweepable() == 1
    parts.holdings.execute(steps[0])  # type: ignore[arg-type]
    assert leftovers(parts) == []
    assert parts.holdings.sweepable() == 0


def test_a_changed_file_is_checked_and_fetched_again(parts: Parts, six: FakeFile) -> None:
    """Bytes that are not as recorded are hashed, and wrong ones serve nobody for long."""
    fetch(parts, six)
    on_disk(parts, 0, path_of(six)).write_bytes(six.content[:-1])
    wish = {path_of(six): (0, 1.0)}
    (step,) = plan(parts, wish)
    assert isinstance(step, Adopt)
    with pytest.raises(WrongContentError):
        parts.holdings.execute(step)
    assert not on_disk(parts, 0, path_of(six)).exists()
    assert list(parts.store.holdings()) == []
    assert [as_fetch(six, 0)] == plan(parts, wish)


@pytest.mark.usefixtures("elsewhere")
def test_a_rotten_source_of_a_move_is_fetched_again(parts: Parts, six: FakeFile) -> None:
    """The step fails, the file goes, and the next plan fetches it where it should be."""
    fetch(parts, six)
    on_disk(parts, 0, path_of(six)).write_bytes(bytes(len(six.content)))
    (move,) = plan(parts, {path_of(six): (1, 1.0)})
    assert isinstance(move, Move)
    with pytest.raises(WrongContentError):
        parts.holdings.execute(move)
    assert not on_disk(parts, 0, path_of(six)).exists()
    assert [as_fetch(six, 1)] == plan(parts, {path_of(six): (1, 1.0)})


@pytest.mark.usefixtures("elsewhere")
def test_rotten_metadata_does_not_hold_its_file_back(parts: Parts, six: FakeFile) -> None:
    """The file moves without; the next plan fetches what it lacks."""
    fetch(parts, six)
    on_disk(parts, 0, path_of(six)).with_name(six.filename + COMPANION).write_bytes(b"rotten")
    parts.holdings.execute(Move(path_of(six), 0, 1, len(six.content)))
    assert [FetchCompanion(path_of(six), 1)] == plan(parts, {path_of(six): (1, 1.0)})


def test_missing_metadata_is_fetched(parts: Parts, fake_pypi: FakePypi, six: FakeFile) -> None:
    """Whether its download failed, or somebody deleted it; and then all is well."""
    fake_pypi.inject(Status(503), at="*.metadata")
    fetch(parts, six)
    fake_pypi.heal()
    companion = on_disk(parts, 0, path_of(six)).with_name(six.filename + COMPANION)
    assert not companion.exists()
    wish = {path_of(six): (0, 1.0)}
    (step,) = plan(parts, wish)
    assert FetchCompanion(path_of(six), 0) == step
    parts.holdings.execute(step)
    assert six.metadata == companion.read_bytes()
    assert plan(parts, wish) == []


def test_metadata_that_went_missing_is_fetched_by_one_run(
    config_path: Path, fake_pypi: FakePypi
) -> None:
    """And the run after it finds nothing to do."""
    file = fake_pypi.add(make_wheel("six", "1"))
    ask(config_path, "six")
    vote(config_path, file)
    run("sync", config_path)
    (companion,) = (config_path.parent / "repo" / "hot").rglob("*" + COMPANION)
    companion.unlink()
    assert run("move", config_path).returncode == 0
    assert file.metadata == companion.read_bytes()
    assert run("move", config_path, "--dry-run").stdout == ""


def test_metadata_that_cannot_be_had_is_a_warning(config_path: Path, fake_pypi: FakePypi) -> None:
    """The file itself is held; the line has its level, as all have."""
    file = fake_pypi.add(make_wheel("six", "1"))
    ask(config_path, "six")
    vote(config_path, file)
    fake_pypi.inject(Status(503), at="*.metadata")
    done = run("sync", config_path, "-q")
    assert done.returncode == 0
    assert [True] == [line.startswith("WARNING no core") for line in done.stderr.splitlines()]
    assert {file.filename: 0} == held(config_path)


def test_a_tier_without_its_disk_is_not_a_loss(config_path: Path, fake_pypi: FakePypi) -> None:
    """Nothing is changed, the message says what to do, and what it says works."""
    file = fake_pypi.add(make_wheel("six", "1"))
    ask(config_path, "six")
    vote(config_path, file)
    run("sync", config_path)
    hot = config_path.parent / "repo" / "hot"
    hot.rename(hot.with_name("elsewhere"))
    hot.mkdir()
    for job in ("score", "move", "sync"):
        done = run(job, config_path)
        assert done.returncode == 2
        assert f"{hot} should hold 1 files and has none" in done.stderr
        assert list(hot.iterdir()) == []
    hot.rmdir()
    hot.with_name("elsewhere").rename(hot)
    assert run("move", config_path, "--dry-run").stdout == ""
    shutil.rmtree(hot)
    command = run("move", config_path).stderr.strip().rpartition("good: ")[2]
    subprocess.run(command, shell=True, check=True)  # noqa: S602
    assert run("sync", config_path).returncode == 0
    assert {file.filename: 0} == held(config_path)


def test_a_tier_emptied_by_hand_is_a_loss(parts: Parts, six: FakeFile) -> None:
    """Its mark says that the disk is there."""
    fetch(parts, six)
    shutil.rmtree(parts.config.cache.tiers[0].path / path_of(six).partition("/")[0])
    assert [as_fetch(six, 0)] == plan(parts, {path_of(six): (0, 1.0)})[1:]


def test_a_missing_disk_is_an_error_of_its_own(parts: Parts, six: FakeFile) -> None:
    """The survey changes nothing, and says which tier it is."""
    fetch(parts, six)
    shutil.rmtree(parts.config.cache.tiers[0].path)
    parts.config.cache.tiers[0].path.mkdir()
    with pytest.raises(TierMissingError, match="hot should hold 1 files"):
        parts.holdings.survey()
    assert len(list(parts.store.holdings())) == 1


@pytest.mark.usefixtures("elsewhere")
def test_a_file_dropped_by_the_index_meanwhile_is_not_left_behind(
    parts: Parts, six: FakeFile
) -> None:
    """Between the look at the index and the record: the step fails, the copy goes."""
    unlist = False

    def stopping() -> bool:
        """Take the file off its page, in the middle of the copy; nobody wants to stop."""
        if unlist:
            parts.store.record(Project(ProjectName("six")))
        return False

    parts.stopping = stopping
    fetch(parts, six)
    unlist = True
    with pytest.raises(UnlistedError):
        parts.holdings.execute(Move(path_of(six), 0, 1, len(six.content)))
    assert not on_disk(parts, 1, path_of(six)).exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a filesystem of 256 KiB; skip where that is not allowed."""
    disk = tmp_path / "small"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if (
        not shutil.which("mount")
        or subprocess.run(mount, check=False, capture_output=True).returncode
    ):
        pytest.skip("mounting a small filesystem needs root")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.system
def test_what_a_small_disk_cannot_hold_goes_cold(
    tmp_path: Path, fake_pypi: FakePypi, small_disk: Path
) -> None:
    """The disk's room counts, and not the limit that the configuration dreams of."""
    tiers = [(small_disk, "10m"), (tmp_path / "repo" / "cold", "10m")]
    cache = {
        "min_vote_count": 1,
        "tiers": [{"path": str(path), "size_limit": size} for path, size in tiers],
    }
    config = write_config(tmp_path, fake_pypi, cache=cache)
    big = fake_pypi.add(make_wheel("big", "1", padding=600_000))
    small = fake_pypi.add(make_wheel("small", "1", padding=50_000))
    ask(config, "big", "small")
    vote(config, big, count=5)
    vote(config, small)
    done = run("sync", config)
    assert (0, {big.filename: 1, small.filename: 0}) == (done.returncode, held(config))


@pytest.mark.parametrize("how", ["link", "pipe"])
def test_what_is_no_file_is_not_taken_over(
    parts: Parts, six: FakeFile, tmp_path: Path, how: str
) -> None:
    """A link or a pipe that somebody put in a file's place; a fetch replaces it."""
    place = on_disk(parts, 0, path_of(six))
    place.parent.mkdir(parents=True)
    if how == "link":
        (tmp_path / "six.whl").write_bytes(six.content)
        place.symlink_to(tmp_path / "six.whl")
    else:
        os.mkfifo(place)
    assert ([], {}) == (list(parts.holdings.survey().repairs), parts.holdings.survey().holdings)
    fetch(parts, six)
    assert (False, six.content) == (place.is_symlink(), place.read_bytes())
