"""Fetching, moving and evicting files: verified, within the limits, at every step."""

import os
from pathlib import Path

import pytest

from app.fetching import FetchFailedError, StoppedError
from app.holdings import PutOffError
from app.names import FilePath, ProjectName, companion_of
from app.steps import Adopt, Drop, Evict, Fetch, Lose, Move
from app.tiers import WrongContentError
from app.upstream import UpstreamError
from jobs.parts import Parts
from tests.fake_pypi import (
    CutBody,
    FakeFile,
    FakePypi,
    IgnoreRange,
    Status,
    WrongContent,
    WrongRange,
    make_wheel,
)

SIX = ProjectName("six")


@pytest.fixture
def six(parts: Parts, fake_pypi: FakePypi) -> FakeFile:
    """Make a wheel known to the mirror."""
    file = fake_pypi.add(make_wheel("six", "1.17.0", padding=50_000))
    parts.index.ask(SIX)
    return file


def path_of(file: FakeFile) -> FilePath:
    """Return a file's path below /packages/."""
    return FilePath(file.path)


def on_disk(parts: Parts, tier: int, path: FilePath) -> Path:
    """Return where a tier has a file."""
    return parts.config.cache.tiers[tier].path / path


def fetch(parts: Parts, file: FakeFile, tier: int = 0) -> None:
    """Fetch a file to a tier, after a survey as a job does it."""
    parts.holdings.survey()
    parts.holdings.execute(Fetch(path_of(file), tier, len(file.content)))


def leftovers(parts: Parts) -> list[str]:
    """Return the names of the partial files of all tiers."""
    roots = [tier.path / ".larder" for tier in parts.config.cache.tiers]
    return [path.name for root in roots for path in root.glob("*.part")]


def test_a_fetched_file_is_here_whole_with_its_metadata(parts: Parts, six: FakeFile) -> None:
    """Its time is the upload's, its companion lies beside it, and the store knows."""
    fetch(parts, six)
    target = on_disk(parts, 0, path_of(six))
    assert six.content == target.read_bytes()
    assert on_disk(parts, 0, companion_of(path_of(six))).read_bytes() == six.metadata
    assert str(parts.config.cache.tiers[0].path) == parts.store.held_in(path_of(six))
    (held,) = parts.store.holdings()
    assert len(six.content) + len(six.metadata or b"") == held.bytes
    assert leftovers(parts) == []


def test_the_modification_time_is_the_upload_time(parts: Parts, six: FakeFile) -> None:
    """So that the ETag is the same after a move, a new download, and on another mirror."""
    fetch(parts, six)
    known = parts.store.file(path_of(six))
    assert known is not None
    assert known.upload_time is not None
    from datetime import datetime  # noqa: PLC0415

    expected = int(datetime.fromisoformat(known.upload_time).timestamp())
    assert expected == int(on_disk(parts, 0, path_of(six)).stat().st_mtime)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (WrongContent(), WrongContentError),
        (Status(503), UpstreamError),
        (Status(404), UpstreamError),
        (CutBody(), UpstreamError),
    ],
)
def test_a_file_that_cannot_be_had_is_never_visible(
    parts: Parts, fake_pypi: FakePypi, six: FakeFile, fault: object, error: type[Exception]
) -> None:
    """Wrong bytes are deleted at once; those of a cut body wait for the rest."""
    fake_pypi.inject(fault, at="/packages/*")  # type: ignore[arg-type]
    with pytest.raises(error):
        fetch(parts, six)
    assert not on_disk(parts, 0, path_of(six)).exists()
    assert list(parts.store.holdings()) == []
    assert leftovers(parts) == [] or isinstance(fault, CutBody)
    fake_pypi.heal()
    fetch(parts, six)
    assert six.content == on_disk(parts, 0, path_of(six)).read_bytes()


@pytest.mark.parametrize("answer", [None, IgnoreRange(), WrongRange()])
def test_a_broken_download_is_resumed(
    parts: Parts, fake_pypi: FakePypi, six: FakeFile, answer: object
) -> None:
    """With Range from where it stopped; an upstream without ranges starts over."""
    fake_pypi.inject(CutBody(), at="/packages/*.whl", times=1)
    if answer:
        fake_pypi.inject(answer, at="/packages/*.whl")  # type: ignore[arg-type]
        fake_pypi.inject(CutBody(), at="/packages/*.whl", times=1)
    if isinstance(answer, WrongRange):
        with pytest.raises(UpstreamError):
            fetch(parts, six)
        return
    fetch(parts, six)
    assert six.content == on_disk(parts, 0, path_of(six)).read_bytes()
    ranges = [request.headers.get("range") for request in fake_pypi.requests]
    assert any(text and text.startswith("bytes=") for text in ranges)


def test_a_stop_in_the_middle_keeps_what_is_there(parts: Parts, six: FakeFile) -> None:
    """The next run goes on; nothing is visible until then."""
    stopped = True
    parts.stopping = lambda: stopped
    with pytest.raises(StoppedError):
        fetch(parts, six)
    assert not on_disk(parts, 0, path_of(six)).exists()
    stopped = False
    fetch(parts, six)
    assert on_disk(parts, 0, path_of(six)).exists()


def test_a_file_that_does_not_fit_is_not_asked_for(parts: Parts, fake_pypi: FakePypi) -> None:
    """The limit is looked at before the first byte; the next plan decides about it anew."""
    file = fake_pypi.add(make_wheel("six", "1.17.0", padding=2 << 20))
    parts.index.ask(SIX)
    with pytest.raises(PutOffError, match="full to its limit"):
        fetch(parts, file)
    assert fake_pypi.count("/packages/*") == 0


def test_a_longer_file_than_promised_is_cut_off(parts: Parts, fake_pypi: FakePypi) -> None:
    """A lying upstream fills no disk."""
    wheel = make_wheel("six", "1.17.0", padding=50_000)
    file = fake_pypi.add(wheel, size=1000)
    parts.index.ask(SIX)
    with pytest.raises(WrongContentError, match="longer than"):
        fetch(parts, file)
    assert leftovers(parts) == []


@pytest.mark.parametrize(("source", "target"), [(0, 1), (1, 0)])
def test_a_move_keeps_bytes_time_and_companion(
    parts: Parts, six: FakeFile, source: int, target: int
) -> None:
    """Promoted or demoted, the file is the same file to every client."""
    fetch(parts, six, source)
    before = on_disk(parts, source, path_of(six)).stat()
    parts.holdings.execute(Move(path_of(six), source, target, before.st_size))
    after = on_disk(parts, target, path_of(six))
    assert six.content == after.read_bytes()
    assert int(before.st_mtime) == int(after.stat().st_mtime)
    assert on_disk(parts, target, companion_of(path_of(six))).exists()
    assert not on_disk(parts, source, path_of(six)).exists()
    assert str(parts.config.cache.tiers[target].path) == parts.store.held_in(path_of(six))


@pytest.mark.usefixtures("elsewhere")
def test_a_rotten_file_is_not_copied(parts: Parts, six: FakeFile) -> None:
    """The copy is checked before the source goes."""
    fetch(parts, six)
    source = on_disk(parts, 0, path_of(six))
    source.write_bytes(bytes(len(six.content)))
    with pytest.raises(WrongContentError):
        parts.holdings.execute(Move(path_of(six), 0, 1, len(six.content)))
    assert not on_disk(parts, 1, path_of(six)).exists()


def test_an_eviction_leaves_nothing(parts: Parts, six: FakeFile) -> None:
    """File, companion, empty folders and record are gone."""
    fetch(parts, six)
    parts.holdings.execute(Evict(path_of(six), 0, len(six.content)))
    root = parts.config.cache.tiers[0].path
    assert [".larder"] == [path.name for path in root.iterdir()]
    assert list(parts.store.holdings()) == []


def test_a_survey_of_what_is_right_finds_nothing_to_repair(parts: Parts, six: FakeFile) -> None:
    """And counts companions as the files' own."""
    fetch(parts, six)
    survey = parts.holdings.survey()
    assert [] == list(survey.repairs)
    assert {0: 0, 1: 0} == dict(survey.taken)


def test_a_file_deleted_by_hand_is_forgotten(parts: Parts, six: FakeFile) -> None:
    """The survey says so, and the step does it."""
    fetch(parts, six)
    on_disk(parts, 0, path_of(six)).unlink()
    survey = parts.holdings.survey()
    assert Lose((path_of(six),)) in survey.repairs
    for step in survey.repairs:
        parts.holdings.execute(step)
    assert list(parts.store.holdings()) == []
    assert [] == list(parts.holdings.survey().repairs)


def test_a_file_put_by_hand_is_checked_and_adopted(parts: Parts, six: FakeFile) -> None:
    """As is one that a kill left without its record."""
    target = on_disk(parts, 1, path_of(six))
    target.parent.mkdir(parents=True)
    target.write_bytes(six.content)
    (step,) = parts.holdings.survey().repairs
    assert Adopt(path_of(six), 1, len(six.content)) == step
    parts.holdings.execute(step)
    assert str(parts.config.cache.tiers[1].path) == parts.store.held_in(path_of(six))


def test_a_wrong_file_put_by_hand_is_deleted(parts: Parts, six: FakeFile) -> None:
    """Nobody serves what is not the file that the index lists for long."""
    target = on_disk(parts, 1, path_of(six))
    target.parent.mkdir(parents=True)
    target.write_bytes(b"something else")
    (step,) = parts.holdings.survey().repairs
    with pytest.raises(WrongContentError):
        parts.holdings.execute(step)
    assert not target.exists()


def test_a_second_copy_is_dropped(parts: Parts, six: FakeFile) -> None:
    """A kill between recording a move and deleting its source leaves one."""
    fetch(parts, six)
    copy = on_disk(parts, 1, path_of(six))
    copy.parent.mkdir(parents=True)
    os.link(on_disk(parts, 0, path_of(six)), copy)
    (step,) = parts.holdings.survey().repairs
    assert Drop(path_of(six), 1, len(six.content)) == step
    parts.holdings.execute(step)
    assert not copy.exists()
    assert on_disk(parts, 0, path_of(six)).exists()


def test_files_that_are_not_ours_are_left_alone_and_counted(parts: Parts) -> None:
    """They take room on the tier, and nobody deletes them."""
    stranger = parts.config.cache.tiers[0].path / "notes.txt"
    stranger.write_text("mine")
    survey = parts.holdings.survey()
    assert [] == list(survey.repairs)
    assert survey.taken[0] == 4
    assert stranger.exists()


def test_a_file_that_the_index_dropped_is_not_fetched(
    parts: Parts, fake_pypi: FakePypi, six: FakeFile
) -> None:
    """The plan may be older than the index."""
    fake_pypi.remove_file("six", six.filename)
    parts.index.bring(SIX)
    with pytest.raises(FetchFailedError, match="no more"):
        fetch(parts, six)
