"""Held files are hashed again, and what is rotten serves nobody."""

import json
import os
import sqlite3
from pathlib import Path

import pytest

from app.config import load
from app.names import COMPANION, FilePath, ProjectName
from app.scrubbing import RottenError, Scrub, ScrubPolicy
from app.steps import Move, Verify
from app.store import Store
from app.tiers import TierMissingError, partial_name
from jobs.parts import Parts, tiers
from tests.fake_pypi import FakeFile, FakePypi, make_wheel
from tests.test_holdings import SIX, fetch, on_disk, path_of, six
from tests.test_jobs import ask, held, run, vote
from tests.test_survey import as_fetch, plan

__all__ = ["six"]

DAY = 86400
EVERY = 30 * DAY


class Clock:
    """A time that a test sets."""

    def __init__(self, now: float) -> None:
        """Begin at a time."""
        self.now = now

    def __call__(self) -> float:
        """Return it."""
        return self.now


def scrub_of(parts: Parts, clock: Clock, run_bytes: int | None = None) -> Scrub:
    """Return a scrub as the job has it, at a time."""
    policy = ScrubPolicy(EVERY, 1 << 30, run_bytes)
    return Scrub(parts.store, tiers(parts.config), policy, parts.stopping, clock)


def verified_at(parts: Parts) -> int:
    """Return when the only held file was hashed."""
    path = parts.config.database.removeprefix("sqlite:///")
    connection = sqlite3.connect(path)
    ((found,),) = connection.execute("SELECT verified_at FROM holding").fetchall()
    connection.close()
    return int(found)


@pytest.fixture
def clock(parts: Parts, six: FakeFile) -> Clock:
    """Hold a file, and return the time at which it was hashed."""
    fetch(parts, six)
    return Clock(verified_at(parts))


def step_of(file: FakeFile) -> Verify:
    """Return the step that hashes a file on the hot tier."""
    return Verify(path_of(file), 0, len(file.content) + len(file.metadata or b""))


def test_a_fetched_file_is_due_within_the_time(parts: Parts, six: FakeFile, clock: Clock) -> None:
    """Not in the first half of `verify.every`, and for certain at its end; then not again."""
    began = clock.now
    clock.now = began + EVERY / 2 - 1
    assert [] == list(scrub_of(parts, clock).due())
    clock.now = began + EVERY
    scrub = scrub_of(parts, clock)
    assert [step_of(six)] == list(scrub.due())
    scrub.verify(step_of(six))
    assert int(clock.now) == verified_at(parts)
    assert [] == list(scrub.due())


def test_files_of_one_hour_are_not_due_in_one_hour(parts: Parts, fake_pypi: FakePypi) -> None:
    """Those that wait longest come first, and a run has its share and no more."""
    for number in range(40):
        file = fake_pypi.add(make_wheel(f"p{number}", "1"))
        parts.index.ask(ProjectName(f"p{number}"))
        fetch(parts, file)
    now = Clock(Path(parts.config.repo_path).stat().st_mtime)
    counts = []
    for share in (0.6, 0.8, 1.0):
        now.now += 10
        late = Clock(now.now + share * EVERY)
        counts.append(len(list(scrub_of(parts, late).due())))
    assert counts[0] < counts[1] < counts[2] == 40
    assert 3 <= counts[0] <= 20
    late = Clock(now.now + 2 * EVERY)
    steps = list(scrub_of(parts, late).due())
    size = sum(step.bytes for step in steps[:3])
    assert steps[:3] == list(scrub_of(parts, late, run_bytes=size - 1).due())
    assert 40 == scrub_of(parts, late).overdue()
    # What no page lists any more, and what is on a tier that was dropped, is not looked at.
    fake_pypi.remove_file("p7", "p7-1-py3-none-any.whl")
    parts.index.bring(ProjectName("p7"))
    path = parts.store.path_of(ProjectName("p8"), "p8-1-py3-none-any.whl")
    assert path
    parts.store.hold(path, "/srv/dropped", 10, 0)
    assert 38 == scrub_of(parts, late).overdue()


def rot(place: Path) -> None:
    """Flip a bit; size and time stay as they were."""
    before = place.stat()
    content = bytearray(place.read_bytes())
    content[len(content) // 2] ^= 1
    place.write_bytes(content)
    os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_rotten_file_is_out_of_service_and_comes_back(
    parts: Parts, six: FakeFile, clock: Clock
) -> None:
    """No survey finds it: its size and time are right."""
    place = on_disk(parts, 0, path_of(six))
    rot(place)
    wish = {path_of(six): (0, 1.0)}
    assert plan(parts, wish) == []
    with pytest.raises(RottenError, match="not what the index lists"):
        scrub_of(parts, clock).verify(step_of(six))
    assert not place.exists()
    assert [] == list(parts.store.holdings())
    (step,) = plan(parts, wish)
    assert as_fetch(six, 0) == step
    parts.holdings.execute(step)
    assert six.content == place.read_bytes()
    assert plan(parts, wish) == []


def test_a_file_that_the_disk_cannot_read_is_out_of_service(
    parts: Parts, six: FakeFile, clock: Clock
) -> None:
    """The kernel says EIO, as of a bad sector; the name goes all the same."""
    place = on_disk(parts, 0, path_of(six))
    place.unlink()
    # Reading a process's memory at address 0 is the kernel's own EIO.
    place.symlink_to("/proc/self/mem")
    with pytest.raises(RottenError, match="cannot be read"):
        scrub_of(parts, clock).verify(step_of(six))
    assert not place.is_symlink()
    assert [] == list(parts.store.holdings())


def test_what_cannot_be_deleted_is_said_to_be_served(
    parts: Parts, six: FakeFile, clock: Clock
) -> None:
    """Not that it was deleted; a later move, which finds it unknown, looks at it again."""
    place = on_disk(parts, 0, path_of(six))
    rot(place)
    own = parts.config.cache.tiers[0].path / ".larder"
    (own / f"{partial_name(path_of(six))}.gone").mkdir()
    with pytest.raises(RottenError, match="nginx still serves it; delete it by hand"):
        scrub_of(parts, clock).verify(step_of(six))
    assert place.exists()
    assert [] == list(parts.store.holdings())


def test_a_missing_file_is_noted(parts: Parts, six: FakeFile, clock: Clock) -> None:
    """And fetched again by the next move."""
    on_disk(parts, 0, path_of(six)).unlink()
    with pytest.raises(RottenError, match="is gone"):
        scrub_of(parts, clock).verify(step_of(six))
    assert [] == list(parts.store.holdings())


def test_a_missing_disk_loses_nothing(parts: Parts, six: FakeFile, clock: Clock) -> None:
    """Before the run, and in the middle of it."""
    hot = parts.config.cache.tiers[0].path
    hot.rename(hot.with_name("elsewhere"))
    hot.mkdir()
    late = Clock(clock.now + EVERY)
    with pytest.raises(TierMissingError):
        list(scrub_of(parts, late).due())
    with pytest.raises(TierMissingError):
        scrub_of(parts, late).verify(step_of(six))
    assert 1 == len(list(parts.store.holdings()))


def test_rotten_metadata_goes_and_its_file_stays(parts: Parts, six: FakeFile, clock: Clock) -> None:
    """It is asked for elsewhere until the next move brings it."""
    place = on_disk(parts, 0, path_of(six))
    companion = place.with_name(place.name + COMPANION)
    rot(companion)
    clock.now += 5
    with pytest.raises(RottenError, match="was rotten"):
        scrub_of(parts, clock).verify(step_of(six))
    assert place.exists()
    assert not companion.exists()
    assert int(clock.now) == verified_at(parts)
    wish = {path_of(six): (0, 1.0)}
    for step in plan(parts, wish):
        parts.holdings.execute(step)  # type: ignore[arg-type]
    assert six.metadata == companion.read_bytes()
    assert plan(parts, wish) == []


@pytest.mark.parametrize("meanwhile", ["moved", "dropped", "evicted"])
def test_what_another_job_did_meanwhile_is_no_rot(
    parts: Parts, six: FakeFile, clock: Clock, meanwhile: str
) -> None:
    """The plan is older than the store, and a file that moved is not missing."""
    if meanwhile == "moved":
        parts.holdings.execute(Move(path_of(six), 0, 1, len(six.content)))
    elif meanwhile == "evicted":
        parts.store.release([path_of(six)])
        on_disk(parts, 0, path_of(six)).unlink()
    else:
        parts.index.remove(SIX, None)
    scrub_of(parts, clock).verify(step_of(six))
    assert (meanwhile != "evicted") == (len(list(parts.store.holdings())) == 1)


def test_a_file_that_nobody_may_read_stays(parts: Parts, six: FakeFile, clock: Clock) -> None:
    """A folder in its place is the operator's doing, not the disk's."""
    place = on_disk(parts, 0, path_of(six))
    place.unlink()
    place.mkdir()
    with pytest.raises(IsADirectoryError):
        scrub_of(parts, clock).verify(step_of(six))
    assert 1 == len(list(parts.store.holdings()))


@pytest.fixture
def mirror(config_path: Path, fake_pypi: FakePypi) -> tuple[Path, FakeFile]:
    """Return a mirror that holds a file."""
    file = fake_pypi.add(make_wheel("six", "1", padding=50_000))
    ask(config_path, "six")
    vote(config_path, file)
    assert run("sync", config_path).returncode == 0
    return config_path, file


def test_the_job_verifies_and_says_what_it_found(mirror: tuple[Path, FakeFile]) -> None:
    """0 where all is well, 1 where something was rotten; a dry run changes nothing."""
    config, file = mirror
    dry = run("verify", config, "--all", "--dry-run")
    assert f"verify {file.filename} on tier 0\n" == dry.stdout
    assert run("verify", config, "--all").returncode == 0
    rot(load(config).cache.tiers[0].path / file.path)
    done = run("verify", config, "--all", "--json")
    assert done.returncode == 1
    (failed,) = json.loads(done.stdout)["failed"]
    assert "is not what the index lists; it was deleted" in failed["reason"]
    assert held(config) == {}
    assert run("move", config).returncode == 0
    assert {file.filename: 0} == held(config)
    assert run("verify", config, "--all").returncode == 0


def test_a_run_by_hand_is_over_when_nothing_is_due(mirror: tuple[Path, FakeFile]) -> None:
    """All was hashed when it came."""
    done = run("verify", mirror[0])
    assert (0, "") == (done.returncode, done.stdout)
    assert "nothing to do" in done.stderr


def test_a_run_makes_up_for_what_is_late(mirror: tuple[Path, FakeFile]) -> None:
    """What was never hashed is due at once; afterwards nothing is."""
    config, file = mirror
    store = Store.open(load(config).database)
    path = FilePath(file.path)
    root = store.held_in(path)
    assert root is not None
    store.note_verified(path, root, 0)
    store.close()
    assert f"verify {file.filename} on tier 0\n" == run("verify", config, "--dry-run").stdout
    assert run("verify", config).returncode == 0
    assert run("verify", config, "--dry-run").stdout == ""
