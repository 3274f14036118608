"""The provenance of held files (PEP 740): fetched with them, kept while they are listed."""

from pathlib import Path

import pytest

from app.config import load
from app.names import ProjectName
from jobs.parts import Parts
from tests.fake_pypi import FakeFile, FakePypi, Replaced, Status, make_wheel
from tests.test_jobs import ask, held, run, vote

KIND = "application/vnd.pypi.integrity.v1+json"
OBJECT = b'{"version": 1, "attestation_bundles": []}'


def attest(pypi: FakePypi, version: str) -> FakeFile:
    """Offer a wheel whose page announces provenance."""
    wheel = make_wheel("six", version)
    path = f"/integrity/six/{version}/{wheel.filename}/provenance"
    pypi.inject(Replaced(OBJECT, KIND), at=path)
    return pypi.add(wheel, extra={"provenance": pypi.url + path})


def place_of(config: Path, file: FakeFile, version: str) -> Path:
    """Return where nginx looks for it."""
    return load(config).repo_path / f"simple/six/provenance/{version}/{file.filename}.json"


def hold(config: Path, file: FakeFile) -> None:
    """Have a file fetched."""
    vote(config, file)
    for job in ("score", "move"):
        done = run(job, config)
        assert 0 == done.returncode, done.stderr
    assert file.filename in held(config)


def test_a_fetched_file_has_its_provenance_here(config_path: Path, fake_pypi: FakePypi) -> None:
    """Nobody has to ask; and it stays when the project has a new release."""
    file = attest(fake_pypi, "1.0")
    ask(config_path, "six")
    place = place_of(config_path, file, "1.0")
    assert not place.exists()
    hold(config_path, file)
    assert OBJECT == place.read_bytes()
    before = place.stat()
    newer = attest(fake_pypi, "2.0")
    assert 0 == run("sync-index", config_path).returncode
    page = load(config_path).repo_path / "simple/six/index.v1.json"
    assert newer.filename in page.read_text()
    assert OBJECT == place.read_bytes()
    assert before.st_mtime == place.stat().st_mtime
    assert place.with_name(place.name + ".gz").exists()
    assert not place_of(config_path, newer, "2.0").exists()


def test_provenance_goes_with_its_file(config_path: Path, fake_pypi: FakePypi) -> None:
    """One that upstream deleted, or that has other bytes now, has none of the old."""
    file, other = attest(fake_pypi, "1.0"), attest(fake_pypi, "2.0")
    ask(config_path, "six")
    for one in (file, other):
        hold(config_path, one)
    fake_pypi.remove_file("six", file.filename)
    assert 0 == run("sync-index", config_path).returncode
    places = place_of(config_path, file, "1.0"), place_of(config_path, other, "2.0")
    assert [False, True] == [place.exists() for place in places]
    parts = Parts(load(config_path))
    ((path, _, url),) = parts.store.attested(ProjectName("six"))
    assert (other.path, True) == (path, url.startswith(fake_pypi.url))
    parts.store.close()


@pytest.mark.parametrize("status", [404, 503])
def test_without_provenance_a_file_is_held_all_the_same(
    config_path: Path, fake_pypi: FakePypi, status: int
) -> None:
    """Who asks for it later has it fetched."""
    file = attest(fake_pypi, "1.0")
    fake_pypi.heal()
    fake_pypi.inject(Status(status), at="/integrity/*")
    ask(config_path, "six")
    hold(config_path, file)
    assert not place_of(config_path, file, "1.0").exists()
