"""`larder fetch`: a real uv, a simulated upstream, and what is here afterwards."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.config import load
from app.locks import FileLock
from app.names import ProjectName
from app.store import Store
from jobs.parts import Parts
from tests.fake_pypi import FakePypi, Replaced, Status, make_sdist, make_wheel
from tests.mirrors import write_config
from tests.test_jobs import held, run, vote

MANYLINUX = "manylinux_2_17_x86_64.manylinux2014_x86_64"
FOUR = ("--python", "3.9,3.12", "--platform", "linux-x86_64,windows-amd64")


@pytest.fixture
def pypi() -> Iterator[FakePypi]:
    """Return an upstream with an app, what it needs, and wheels for several platforms."""
    with FakePypi() as running:
        running.add(make_wheel("the-app", "1.0", ["fast>=1", "old; python_version<'3.10'"]))
        running.add(make_wheel("the-app", "2.0rc1", ["fast>=1"]))
        for version in ("1.0", "1.1"):
            for tag in ("cp39-cp39", "cp311-cp311", "cp312-cp312"):
                for platform in (MANYLINUX, "win_amd64", "macosx_11_0_arm64"):
                    running.add(make_wheel("fast", version, tag=f"{tag}-{platform}"))
            running.add(make_sdist("fast", version))
        running.add(make_wheel("old", "0.5"))
        yield running


@pytest.fixture
def mirror(tmp_path: Path, pypi: FakePypi) -> Path:
    """Return the configuration of a mirror that knows nothing yet."""
    return write_config(tmp_path, pypi)


def fetch(config: Path, *words: str, code: int = 0) -> dict[str, Any]:
    """Run it, and return what it says as JSON."""
    done = run("fetch", config, "--json", *words)
    assert code == done.returncode, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def statuses(answer: dict[str, Any]) -> list[tuple[str, str, int, str]]:
    """Return project, version, number of files and status of each release."""
    keys = ("project", "version", "files", "status")
    return [tuple(row[key] for key in keys) for row in answer["releases"]]


def pinned(config: Path) -> set[str]:
    """Return the names of the pinned files."""
    store = Store.open(load(config).database)
    names = {one.path.rpartition("/")[2] for one in store.pins()}
    store.close()
    return names


def fast(version: str, *tags: str) -> set[str]:
    """Return names of wheels, and of the sdist."""
    return {f"fast-{version}-{tag}.whl" for tag in tags} | {f"fast-{version}.tar.gz"}


FOR_FOUR = fast(
    "1.1", *(f"{p}-{q}" for p in ("cp39-cp39", "cp312-cp312") for q in (MANYLINUX, "win_amd64"))
)
CLOSURE = {"the_app-1.0-py3-none-any.whl", "old-0.5-py3-none-any.whl", *FOR_FOUR}


def test_a_closure_for_four_targets_is_here_and_pinned(mirror: Path, pypi: FakePypi) -> None:
    """What any of them can use, and nothing else; again, there is nothing to do."""
    answer = fetch(mirror, "the-app", *FOUR)
    assert [
        ("fast", "1.1", 5, "fetched"),
        ("old", "0.5", 1, "fetched"),
        ("the-app", "1.0", 1, "fetched"),
    ] == statuses(answer)
    assert CLOSURE == set(held(mirror)) == pinned(mirror)
    assert (7, sum(one["bytes"] for one in answer["downloads"])) == (
        answer["files"],
        answer["bytes"],
    )
    pypi.forget_requests()
    again = fetch(mirror, "the-app", *FOUR)
    assert (0, 0, {"here"}) == (again["steps"], again["files"], {one[3] for one in statuses(again)})
    assert 0 == pypi.count("/packages/*.whl") + pypi.count("/packages/*.tar.gz")


def test_the_next_day_only_what_is_new_comes(mirror: Path, pypi: FakePypi) -> None:
    """A new release of a dependency is one download; the old one stays."""
    fetch(mirror, "the-app", *FOUR, "--only-binary")
    before = set(held(mirror))
    pypi.add(make_wheel("fast", "1.2", tag="py3-none-any"))
    answer = fetch(mirror, "the-app", *FOUR, "--only-binary")
    assert ["fast-1.2-py3-none-any.whl"] == [one["file"] for one in answer["downloads"]]
    assert before | {"fast-1.2-py3-none-any.whl"} == set(held(mirror)) == pinned(mirror)


def test_a_dry_run_says_what_would_be_downloaded(
    mirror: Path, pypi: FakePypi, tmp_path: Path
) -> None:
    """With sizes, a total and URLs; nothing is changed."""
    del pypi
    before = {path for path in (tmp_path / "repo").rglob("*") if path.is_file()}
    urls = tmp_path / "urls.txt"
    answer = fetch(mirror, "the-app", *FOUR, "--dry-run", "--url-list", str(urls))
    assert {"to fetch"} == {one[3] for one in statuses(answer)}
    assert CLOSURE == {one["file"] for one in answer["downloads"]}
    assert [one["url"] for one in answer["downloads"]] == urls.read_text().splitlines()
    after = {path for path in (tmp_path / "repo").rglob("*") if path.is_file()}
    assert set() == {path for path in after - before if path.suffix != ".lock"}
    done = run("fetch", mirror, "the-app", *FOUR, "--dry-run")
    assert "  the_app-1.0-py3-none-any.whl\n" in done.stdout
    assert "7 files to download, " in done.stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["fast"], {"1.1"}),
        (["fast=1.0"], {"1.0"}),
        (["fast==1.0"], {"1.0"}),
        (["fast<1.1"], {"1.0"}),
        (["fast==1.0", "fast==1.1"], {"1.0", "1.1"}),
        (["fast", "--all-versions"], {"1.0", "1.1"}),
        (["the-app", "--pre", "--no-deps"], {"2.0rc1"}),
        (["the-app", "--all-versions", "--pre", "--no-deps"], {"1.0", "2.0rc1"}),
    ],
)
def test_ways_to_name_releases(mirror: Path, words: list[str], expected: set[str]) -> None:
    """One sign or two, specifiers, a project twice, every version, pre-releases."""
    answer = fetch(mirror, *words, *FOUR, "--dry-run")
    assert expected == {row["version"] for row in answer["releases"]}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--only-binary"], {f"fast-1.1-cp312-cp312-{MANYLINUX}.whl"}),
        (["--no-binary"], {"fast-1.1.tar.gz"}),
        ([], fast("1.1", f"cp312-cp312-{MANYLINUX}")),
    ],
)
def test_kinds_of_files(mirror: Path, options: list[str], expected: set[str]) -> None:
    """Wheels, sdists, or both."""
    target = ("--python", "3.12", "--platform", "linux-x86_64")
    answer = fetch(mirror, "fast", *target, *options, "--dry-run")
    assert expected == {one["file"] for one in answer["downloads"]}


def test_a_file_by_its_name(mirror: Path) -> None:
    """That one alone, whatever the target, without what it needs."""
    name = "fast-1.0-cp39-cp39-macosx_11_0_arm64.whl"
    fetch(mirror, name)
    assert {name} == set(held(mirror)) == pinned(mirror)


def test_files_of_requirements_constraints_and_locks(
    mirror: Path, pypi: FakePypi, tmp_path: Path
) -> None:
    """A lock is resolved already, and its digests choose the files."""
    (tmp_path / "more.txt").write_text("fast\n")
    (tmp_path / "requirements.txt").write_text("-r more.txt\nold  # a comment\n")
    (tmp_path / "constraints.txt").write_text("fast<1.1\n")
    files = ["-r", str(tmp_path / "requirements.txt")]
    files += ["--constraint", str(tmp_path / "constraints.txt")]
    answer = fetch(mirror, *files, *FOUR, "--dry-run")
    assert {("fast", "1.0"), ("old", "0.5")} == {one[:2] for one in statuses(answer)}
    every = fetch(mirror, "fast==1.1", *FOUR, "--dry-run")["downloads"]
    one = next(row for row in every if row["file"].endswith(".tar.gz"))
    lock = tmp_path / "pylock.toml"
    lock.write_text('lock-version = "1.0"\n[[packages]]\nname = "fast"\nversion = "1.1"\n')
    answer = fetch(mirror, str(lock), *FOUR, "--dry-run")
    assert FOR_FOUR == {row["file"] for row in answer["downloads"]}
    digest = next(
        file.hashes["sha256"] for file in pypi.project("fast").files if file.filename == one["file"]
    )
    with lock.open("a") as stream:
        stream.write(f'wheels = [{{hashes = {{sha256 = "{digest}"}}}}]\n')
    answer = fetch(mirror, str(lock), *FOUR, "--dry-run")
    assert [one] == answer["downloads"]


def test_what_cannot_be_had_is_the_end_or_is_left_out(mirror: Path, pypi: FakePypi) -> None:
    """Uv's words; with `--ignore-errors` the others come, and the run ends 1."""
    target = ("--python", "3.12", "--platform", "linux-x86_64")
    words = ("old", "nowhere", "fast==7", *target)
    done = run("fetch", mirror, *words)
    assert (1, {}) == (done.returncode, held(mirror))
    assert "Python 3.12 on linux-x86_64" in done.stderr
    answer = fetch(mirror, *words, "--ignore-errors", code=1)
    assert {"old-0.5-py3-none-any.whl"} == set(held(mirror))
    failed = {
        row["project"]: row["reason"] for row in answer["releases"] if row["status"] == "failed"
    }
    assert {"nowhere", "fast==7"} == failed.keys()
    assert "not found" in failed["nowhere"]
    file = pypi.project("fast").files[-1]
    pypi.vanish(file)
    answer = fetch(mirror, "fast", *target, code=1)
    row = answer["releases"][0]
    assert ("fast", "1.1", "failed") == (row["project"], row["version"], row["status"])
    assert "404" in row["reason"]


def test_filters_are_resolved_past(tmp_path: Path, pypi: FakePypi) -> None:
    """An older release that they let through will do; one that is named must be let through."""
    filters = {"projects": {"deny": ["fast==1.1"]}, "files": {"kinds": "wheel"}}
    config = write_config(tmp_path, pypi, filters=filters)
    answer = fetch(config, "the-app", *FOUR)
    assert ["1.0", "0.5", "1.0"] == [row["version"] for row in answer["releases"]]
    assert {name.replace("1.1", "1.0") for name in CLOSURE if name.endswith(".whl")} == set(
        held(config)
    )
    done = run("fetch", config, "fast==1.1", *FOUR)
    assert 1 == done.returncode
    assert "fast 1.1 is hidden by filters.projects.deny: fast==1.1 denies 1.1" in done.stderr


def test_what_filters_hide_is_not_fetched(tmp_path: Path, pypi: FakePypi) -> None:
    """Neither resolved past them, nor downloaded; the rule is named."""
    filters = {"projects": {"deny": ["old"]}}
    config = write_config(tmp_path, pypi, filters=filters)
    done = run("fetch", config, "old")
    assert 1 == done.returncode
    assert "filters.projects.deny: old denies old" in done.stderr


def test_what_is_in_the_way_of_pins_goes(tmp_path: Path, pypi: FakePypi) -> None:
    """Cached files make room; pinned ones do not."""
    tier = {"path": str(tmp_path / "repo" / "hot"), "size_limit": "100k"}
    config = write_config(tmp_path, pypi, cache={"min_vote_count": 1, "tiers": [tier]})
    large = pypi.add(make_wheel("large", "1", padding=80_000))
    pypi.add(make_wheel("pin", "1", padding=80_000))
    parts = Parts(load(config))
    parts.config.repo_path.mkdir(exist_ok=True)
    parts.index.ask(ProjectName("large"))
    vote(config, large)
    assert 0 == run("sync", config).returncode
    assert {large.filename: 0} == held(config)
    fetch(config, "pin")
    assert {"pin-1-py3-none-any.whl": 0} == held(config)
    answer = fetch(config, "large", code=1)
    assert "no tier has room for it" == answer["releases"][0]["reason"]
    assert {"pin-1-py3-none-any.whl": 0} == held(config)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "name something to fetch"),
        (["six @ https://example.org/six.whl"], "is a URL, and no index has it"),
        (["-r", "nowhere.txt"], "there is no such file"),
        (["six", "--platform", "amiga-68000"], "--platform amiga-68000: give one of linux-x86_64"),
        (["six", "--python", "2.7"], "--python: '2.7' is no Python"),
        (["six", "--python", "pypy3.10"], "only CPython can be resolved for"),
    ],
)
def test_what_cannot_be_understood(mirror: Path, words: list[str], complaint: str) -> None:
    """One sentence, exit 2."""
    done = run("fetch", mirror, *words)
    assert 2 == done.returncode
    assert complaint in done.stderr


def test_an_upstream_that_is_away(mirror: Path, pypi: FakePypi) -> None:
    """It is said so: try later; nothing is changed."""
    pypi.inject(Status(503))
    done = run("fetch", mirror, "old")
    assert 75 == done.returncode
    assert {} == held(mirror)


def test_fetch_and_move_never_run_at_the_same_time(mirror: Path) -> None:
    """Both evict: the second one is to try later."""
    folder = load(mirror).repo_path / "run"
    with FileLock(folder / "move.lock"):
        assert 75 == run("fetch", mirror, "old").returncode
    assert {} == held(mirror)


def test_wrong_bytes_of_one_place_are_passed_over(tmp_path: Path, pypi: FakePypi) -> None:
    """The next place that has the file serves it; it is said which one did not."""
    with FakePypi() as broken:
        file = pypi.project("old").files[0]
        broken.inject(Replaced(b"<html>Please log in</html>"), at="/packages/*")
        upstream = {
            "pypi_url": pypi.pypi_url,
            "packages_url": [broken.packages_url, pypi.packages_url],
        }
        config = write_config(tmp_path, pypi, upstream=upstream)
        fetch(config, "old")
    assert {file.filename} == set(held(config))
