"""Tests of `larder up` as different users, on trees that are open or closed to others."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_pypi import FakeFile, FakePypi, make_wheel
from tests.mirrors import write_config
from tests.running import LARDER, Up, larder_up, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else"),
]

NGINX_USER = "www-data"
NOBODY = "nobody"


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder that everybody may enter, as pytest's own is not."""
    made = Path(tempfile.mkdtemp(prefix="larder-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def wheel(fake_pypi: FakePypi) -> FakeFile:
    """Return a file that upstream has."""
    return fake_pypi.add(make_wheel("six", "1.0"))


def _user(name: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        pytest.skip(f"this machine has no user {name}")


def _can_start_larder(user: pwd.struct_passwd, home: dict[str, str]) -> bool:
    """Whether the files are open to a user: a Python in root's own folder is not."""
    try:
        tried = subprocess.run(
            [sys.executable, LARDER, "--help"],
            user=user.pw_uid,
            group=user.pw_gid,
            extra_groups=[],
            env={**os.environ, **home},
            capture_output=True,
            check=False,
        )
    except PermissionError:
        return False
    return tried.returncode == 0


def _own(folder: Path, user: pwd.struct_passwd) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid)


def _everything_works(up: Up, wheel: FakeFile) -> None:
    """Check a new page, a vote, a job, and the held file."""
    path = f"/packages/{wheel.path}"
    assert up.get("/simple/six/").status_code == 200
    assert up.get(path).status_code == 302
    for _ in until("the voted file is held", 20):
        if up.get(path).content == wheel.content:
            break
    for accept in ("text/html", "application/vnd.pypi.simple.v1+json", "text/*"):
        assert up.get("/simple/six/", Accept=accept).status_code == 200


def _users(up: Up, name: str) -> set[str]:
    """Return who runs the processes of a child."""
    return {pwd.getpwuid(Path(f"/proc/{pid}").stat().st_uid).pw_name for pid in up.processes(name)}


def _configuration(folder: Path, pypi: FakePypi) -> Path:
    schedule = {"sync_index": 0, "score": "1s", "move": "1s", "clean": 0, "verify": 0}
    return write_config(folder, pypi, schedule=schedule)


def test_roots_nginx_gives_up_roots_rights(
    folder: Path, fake_pypi: FakePypi, wheel: FakeFile
) -> None:
    """Its workers read a tree that everybody may read."""
    _user(NGINX_USER)
    with larder_up(_configuration(folder, fake_pypi)) as up:
        assert {"root", NGINX_USER} == _users(up, "nginx")
        _everything_works(up, wheel)
        assert "note:" not in up.stop()


def test_root_keeps_its_rights_for_a_tree_that_is_closed(
    folder: Path, fake_pypi: FakePypi, wheel: FakeFile
) -> None:
    """As a checkout in root's own folder is; and that is said."""
    _user(NGINX_USER)
    folder.chmod(0o700)
    with larder_up(_configuration(folder, fake_pypi)) as up:
        assert {"root"} == _users(up, "nginx")
        _everything_works(up, wheel)
        assert f"may not enter {folder}" in up.stop()


def test_a_user_without_rights_can_run_a_mirror(
    folder: Path, fake_pypi: FakePypi, wheel: FakeFile
) -> None:
    """Nothing takes root, in a folder that nobody else may enter."""
    user = _user(NOBODY)
    home = {"HOME": str(folder)}
    if not _can_start_larder(user, home):
        pytest.skip(f"{NOBODY} may not read this checkout, or its Python")
    config = _configuration(folder, fake_pypi)
    _own(folder, user)
    folder.chmod(0o700)
    with larder_up(config, home, NOBODY) as up:
        assert {NOBODY} == _users(up, "nginx") | _users(up, "gunicorn")
        _everything_works(up, wheel)
        assert "Traceback" not in up.stop()
