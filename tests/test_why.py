"""`larder why`, and what a dry run says of filters."""

import json
from pathlib import Path

import pytest

from tests.fake_pypi import FakePypi, make_sdist, make_wheel
from tests.mirrors import write_config
from tests.test_jobs import run

FILTERS = {
    "projects": {"deny": ["evil", "six<1"]},
    "files": {"kinds": "wheel", "max_size": "1m"},
}


@pytest.fixture
def config(tmp_path: Path, fake_pypi: FakePypi) -> Path:
    """Return a mirror with filters that knows nothing yet."""
    fake_pypi.add(make_wheel("six", "0.9"))
    fake_pypi.add(make_wheel("six", "1.0"))
    fake_pypi.add(make_sdist("six", "1.0"))
    fake_pypi.add(make_wheel("evil", "1.0"))
    return written(tmp_path, fake_pypi, filters=FILTERS)


def written(folder: Path, pypi: FakePypi, **sections: object) -> Path:
    """Write the configuration of one and the same mirror of everything."""
    known = {"index": {"projects": "all"}, "sync": {"retry": 0, "legacy_json": "on-demand"}}
    return write_config(folder, pypi, **(known | sections))


@pytest.mark.parametrize("synced", [False, True])
def test_each_file_is_explained(config: Path, synced: bool) -> None:  # noqa: FBT001
    """By the page that is here, else by upstream's; the same."""
    if synced:
        assert 0 == run("sync-index", config).returncode
    done = run("why", config, "six", "--json", by="command")
    assert 0 == done.returncode, done.stderr
    answer = json.loads(done.stdout)
    assert ("six", True) == (answer["project"], answer["shown"])
    assert ("the page that is here" if synced else "upstream's page") == answer["by"]
    assert [
        ("six-0.9-py3-none-any.whl", False, "filters.projects.deny", "six<1 denies 0.9"),
        ("six-1.0-py3-none-any.whl", True, "", "no filter keeps it out"),
        ("six-1.0.tar.gz", False, "filters.files.kinds", "it is of the kind 'sdist'"),
    ] == [(one["file"], one["shown"], one["rule"], one["reason"]) for one in answer["files"]]


@pytest.mark.parametrize(
    ("what", "files"),
    [
        ("six==0.9", ["six-0.9-py3-none-any.whl"]),
        ("six>=1", ["six-1.0-py3-none-any.whl", "six-1.0.tar.gz"]),
        ("six-1.0.tar.gz", ["six-1.0.tar.gz"]),
        ("six==7", []),
    ],
)
def test_some_of_them(config: Path, what: str, files: list[str]) -> None:
    """Releases by specifiers, or one file by its name."""
    answer = json.loads(run("why", config, what, "--json", by="command").stdout)
    assert files == [one["file"] for one in answer["files"]]


def test_a_project_that_is_hidden_by_name(config: Path) -> None:
    """Nobody is asked about it; in words."""
    done = run("why", config, "Evil", by="command")
    expected = "evil is hidden by filters.projects.deny: evil denies evil (judged by its name)\n"
    assert (0, expected) == (done.returncode, done.stdout)


@pytest.mark.parametrize(
    ("what", "complaint"),
    [
        ("nowhere", "upstream has no project nowhere"),
        ("s*", "'s*' is not one project; name one"),
        ("six==", "has specifiers that are none"),
    ],
)
def test_what_cannot_be_explained(config: Path, what: str, complaint: str) -> None:
    """One sentence, exit 2."""
    done = run("why", config, what, by="command")
    assert 2 == done.returncode
    assert complaint in done.stderr


def test_a_dry_run_says_what_would_come_and_go(
    config: Path, tmp_path: Path, fake_pypi: FakePypi
) -> None:
    """File by file; and it changes nothing, so it says so twice."""
    written(tmp_path, fake_pypi)
    assert 0 == run("sync-index", config).returncode
    written(tmp_path, fake_pypi, filters=FILTERS)
    for _ in range(2):
        lines = run("sync-index", config, "--dry-run").stdout.splitlines()
        assert [
            "render evil anew (hidden: filters.projects.deny: evil denies evil)",
            "render six anew: -six-0.9-py3-none-any.whl, -six-1.0.tar.gz",
        ] == lines[:2]
    assert 0 == run("sync-index", config).returncode
    written(tmp_path, fake_pypi)
    lines = run("sync-index", config, "--dry-run").stdout.splitlines()
    assert [
        "render evil anew: +evil-1.0-py3-none-any.whl (it was hidden)",
        "render six anew: +six-0.9-py3-none-any.whl, +six-1.0.tar.gz",
    ] == lines[:2]
