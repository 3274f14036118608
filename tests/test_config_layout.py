"""Where the paths of a configuration may lie, and what must be there."""

import os
from pathlib import Path

import pytest

from app.config import ConfigError, load
from app.config.disk import Sight, absolute, look


def complaints(folder: Path, text: str) -> list[str]:
    """Return the messages on a file with this text; none for a good one."""
    path = folder / "mirror.yaml"
    path.write_text(text)
    try:
        load(path)
    except ConfigError as error:
        return [problem.message for problem in error.problems]
    return []


def tiers(*paths: str) -> str:
    """Return a configuration with these tiers."""
    entries = ", ".join(f"{{path: {path}, size_limit: 1g}}" for path in paths)
    return f"repo_path: repo\ncache: {{tiers: [{entries}]}}\n"


def test_a_tier_elsewhere_must_exist(tmp_path: Path) -> None:
    """A missing mount would fill the system's disk."""
    assert complaints(tmp_path, tiers("disk")) == [
        f"cache.tiers[0].path: {tmp_path}/disk does not exist; create it: mkdir -p {tmp_path}/disk"
    ]
    (tmp_path / "disk").mkdir()
    assert complaints(tmp_path, tiers("disk")) == []


def test_a_tier_inside_repo_path_may_be_missing(tmp_path: Path) -> None:
    """Larder makes it, and `repo_path` itself."""
    assert complaints(tmp_path, tiers("repo/hot", "repo/cold")) == []


def test_repo_path_may_miss_its_last_part(tmp_path: Path) -> None:
    """More than one missing part is a mistake or a missing mount."""
    assert complaints(tmp_path, "repo_path: a\ncache: {size_limit: 1g}") == []
    assert complaints(tmp_path, "repo_path: a/b\ncache: {size_limit: 1g}") == [
        f"repo_path: {tmp_path}/a/b does not exist; create it: mkdir -p {tmp_path}/a/b"
    ]


def test_a_symbolic_link_hides_no_overlap(tmp_path: Path) -> None:
    """Two names of one folder are one tier."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to("disk")
    (message,) = complaints(tmp_path, tiers("disk", "link"))
    assert message.endswith("is cache.tiers[0] already; name another folder")


def test_a_path_goes_up_from_where_a_link_leads(tmp_path: Path) -> None:
    """As the kernel takes it, not as the text looks."""
    (tmp_path / "far" / "inner").mkdir(parents=True)
    (tmp_path / "link").symlink_to("far/inner")
    assert tmp_path / "far" / "x" == absolute(tmp_path, Path("link/../x"))
    assert tmp_path / "link" / "x" == absolute(tmp_path, Path("link/x"))


def test_the_database_is_not_served(tmp_path: Path) -> None:
    """Nor is the log, nor the private key."""
    (tmp_path / "repo" / "packages").mkdir(parents=True)
    (tmp_path / "repo" / "packages" / "key").touch()
    (tmp_path / "cert").touch()
    messages = complaints(
        tmp_path,
        "repo_path: repo\ncache: {size_limit: 1g}\n"
        "database: 'sqlite:///{repo_path}/packages/x.db'\nlog: {path: repo/packages/log}\n"
        "tls: {cert: cert, key: repo/packages/key}\n",
    )
    assert [message.partition(":")[0] for message in messages] == [
        "database",
        "log.path",
        "tls.key",
    ]
    assert all(message.endswith("which clients read; move it out") for message in messages)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """Neither for the database, the log, nor the certificate."""
    (tmp_path / "x").mkdir()
    messages = complaints(
        tmp_path,
        "repo_path: .\ncache: {size_limit: 1g}\ndatabase: sqlite:///x\nlog: {path: x}\n"
        "tls: {cert: x, key: x}\n",
    )
    assert 4 == len(messages)
    assert all(message.endswith("x is a folder; name a file in it") for message in messages)


def test_there_are_not_too_many_tiers(tmp_path: Path) -> None:
    """Sixteen are more than any machine has kinds of disks."""
    assert complaints(tmp_path, tiers(*(f"repo/{number}" for number in range(16)))) == []
    (message,) = complaints(tmp_path, tiers(*(f"repo/{number}" for number in range(20))))
    assert message == "cache.tiers[16].path: one too many; keep 16 tiers"


def test_a_look_never_fails(tmp_path: Path) -> None:
    """Whatever the path."""
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    assert Sight.FOLDER is look(tmp_path)
    assert Sight.FILE is look(tmp_path / "file")
    assert Sight.MISSING is look(tmp_path / "none")
    assert Sight.IMPOSSIBLE is look(tmp_path / "file" / "x")
    assert Sight.IMPOSSIBLE is look(tmp_path / "loop")
    assert Sight.IMPOSSIBLE is look(tmp_path / ("x" * 300))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may enter every folder")
def test_a_key_that_only_root_sees_is_no_problem(tmp_path: Path) -> None:
    """As root nginx reads it; a tier must be seen by larder itself."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    assert Sight.HIDDEN is look(closed / "x")
    text = "tls: {cert: closed/x, key: closed/y}\n"
    assert complaints(tmp_path, f"repo_path: .\ncache: {{size_limit: 1g}}\n{text}") == []
    (message,) = complaints(tmp_path, tiers("closed/x"))
    assert message.endswith("give the user that runs larder access to it")
    closed.chmod(0o700)


def test_paths_that_cannot_be_are_reported(tmp_path: Path) -> None:
    """A part of the path is a file, or links go in a circle."""
    (tmp_path / "loop").symlink_to("loop")
    for path in ("mirror.yaml/x", "loop", "loop/../x"):
        (message,) = complaints(tmp_path, tiers(path))
        assert "cannot exist" in message or path == "loop/../x"
