"""``./larder`` finds or installs what it needs, quickly, and starts the program."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests import machines
from tests.machines import Machine

ROOT = Path(__file__).resolve().parent.parent
STARTED = 7  # What machines.CLI ends with.

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory that stands for the package index."""
    directory = tmp_path_factory.mktemp("wheels")
    machines.pack_wheels(directory)
    return directory


@pytest.fixture
def machine(tmp_path: Path, wheels: Path) -> Machine:
    """Return a machine on which larder was never started."""
    return machines.new_machine(tmp_path, wheels)


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Machine:
    """Return a machine on which larder was started once, well."""
    machine = machines.new_machine(tmp_path_factory.mktemp("used"), wheels)
    done = machine.start("first")
    assert STARTED == done.returncode, done.stderr
    return machine


def test_start_hands_over(used: Machine, tmp_path: Path) -> None:
    """Arguments, directory and exit code are the program's; the caller's PYTHONPATH is not."""
    link = tmp_path / "link"
    link.symlink_to(used.root / "larder")
    (tmp_path / "second link").symlink_to("link")
    done = subprocess.run(
        [tmp_path / "second link", "status", "two words"],
        env=used.environment(PYTHONPATH="/elsewhere", PYTHONHOME="/elsewhere"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert STARTED == done.returncode, done.stderr
    told = json.loads(done.stdout)
    assert ["status", "two words"] == told["argv"]
    assert f"{tmp_path}" == told["cwd"]
    assert "/elsewhere" not in told["path"]


def test_second_start_runs_no_python_of_its_own(used: Machine, tmp_path: Path) -> None:
    """Where nothing is missing neither pip nor any other Python is needed, and nothing is said."""
    bare = used.with_programs(tmp_path / "bin", {}, python=False)
    before = used.stamp.stat()
    (pip,) = (used.root / ".venv").glob("lib/python*/site-packages/pip")
    pip.rename(tmp_path / "pip")
    done = bare.start("again")
    (tmp_path / "pip").rename(pip)
    assert (STARTED, "") == (done.returncode, done.stderr)
    assert before == used.stamp.stat()


def test_interrupted_installation_starts_over(machine: Machine) -> None:
    """A start that was killed in the middle leaves nothing that the next takes for finished."""
    with machine.begin("status") as killed:
        deadline = time.monotonic() + 60
        while not (machine.root / ".venv" / "bin").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.killpg(killed.pid, signal.SIGKILL)
    assert not machine.stamp.exists()
    done = machine.start("status")
    assert STARTED == done.returncode, done.stderr
    assert "larder: making" in done.stderr


def test_failed_installation_is_told(machine: Machine, tmp_path: Path) -> None:
    """Where the index cannot be reached, pip's own words are shown and the exit code is 75."""
    done = machine.start("status", PIP_FIND_LINKS=f"{tmp_path}")
    assert 75 == done.returncode
    assert "No matching distribution found for setuptools" in done.stderr
    assert "start larder again" in done.stderr.splitlines()[-1]
    assert not machine.stamp.exists()


def test_two_starts_at_once(machine: Machine) -> None:
    """Of two simultaneous first starts one installs, and both start the program."""
    with machine.begin("one") as one, machine.begin("two") as two:
        said = one.communicate(timeout=300)[1] + two.communicate(timeout=300)[1]
    assert (STARTED, STARTED) == (one.returncode, two.returncode), said
    assert 1 == said.count("larder: making")


def test_new_lock_is_installed_in_place(machine: Machine, tmp_path: Path) -> None:
    """A changed lock updates an environment that may be in use; a failure spoils nothing."""
    assert STARTED == machine.start().returncode
    kept = machine.root / ".venv" / "kept"
    kept.touch()
    before = machine.stamp.read_text()
    lock = machine.root / "requirements.lock"
    good = lock.read_text()
    lock.write_text(good.replace("setuptools==", "setuptools==99."))
    failed = machine.start(PIP_FIND_LINKS=f"{tmp_path}")
    assert (75, before) == (failed.returncode, machine.stamp.read_text())
    lock.write_text(f"# Renewed\n{good}")
    done = machine.start()
    assert STARTED == done.returncode, done.stderr
    assert "up to date" in done.stderr
    assert kept.exists()
    assert before != machine.stamp.read_text()


def test_moved_repository_is_installed_anew(machine: Machine) -> None:
    """An environment names its own place, so another place needs another."""
    assert STARTED == machine.start().returncode
    moved = machine.root.rename(machine.root.parent / "another place")
    done = Machine(moved, machine.programs, machine.wheels).start()
    assert STARTED == done.returncode, done.stderr
    assert f"larder: making {moved}/.venv" in done.stderr


def test_test_command_runs_the_suite(used: Machine, tmp_path: Path) -> None:
    """`test` installs what tests need, once, and ends with the suite's own exit code."""
    programs = dict.fromkeys(("nginx", "postgres"), machines.SYSTEMCTL)
    ready = used.with_programs(tmp_path / "bin", programs)
    first = ready.start("test", "-p", "no:cacheprovider")
    assert 1 == first.returncode, first.stderr
    assert "1 failed" in first.stdout
    second = ready.start("test", "--collect-only", "-q", PIP_FIND_LINKS="/nowhere")
    assert (0, "") == (second.returncode, second.stderr)


def test_without_python_or_apt(machine: Machine, tmp_path: Path) -> None:
    """Elsewhere than on Debian the start says exactly what to install, all of it at once."""
    bare = machine.with_programs(tmp_path / "bare", {}, python=False)
    done = bare.start("up")
    assert 2 == done.returncode
    assert (
        "larder: please install Python 3.11 or newer with its venv module (Debian, Ubuntu: "
        "python3-venv) and nginx (Debian, Ubuntu: nginx), then start larder again\n"
    ) == done.stderr


def test_too_old_python_is_none(machine: Machine, tmp_path: Path) -> None:
    """A Python that cannot run larder, or has no venv module, is passed over."""
    old = machine.with_programs(tmp_path / "old", {"python3": "#!/bin/sh\nexit 1\n"}, python=False)
    assert 2 == old.start("status").returncode
    (old.programs / "python3.12").symlink_to(machines.PYTHON)
    done = old.start("status")
    assert STARTED == done.returncode, done.stderr


def test_apt_installs_python(machine: Machine, tmp_path: Path) -> None:
    """On a fresh Debian python3-venv is installed, and nginx is not for a job."""
    debian = machine.with_programs(tmp_path / "debian", machines.DEBIAN, python=False)
    done = debian.start("sync")
    assert STARTED == done.returncode, done.stderr
    assert "larder: installing python3-venv with apt-get\n" in done.stderr
    update, install = debian.log()
    assert update.endswith(" update")
    assert install.endswith(" install python3-venv")
    assert "--no-install-recommends" in install


def test_apt_looks_for_a_newer_python(machine: Machine, tmp_path: Path) -> None:
    """Where the distribution's own Python is too old, a newer one that it also has is asked for."""
    debian = machine.with_programs(tmp_path / "old", machines.DEBIAN, python=False)
    done = debian.start("sync", CANDIDATE="3.10.6-1~22.04")
    assert 2 == done.returncode
    assert "larder: installing python3.13-venv with apt-get\n" in done.stderr
    assert "please install Python 3.11 or newer" in done.stderr


def test_sudo_only_where_not_root(used: Machine, tmp_path: Path) -> None:
    """Who is not root installs through sudo; without sudo nothing is tried."""
    user = {**machines.DEBIAN, "id": machines.NOT_ROOT}
    with_sudo = used.with_programs(tmp_path / "with", user)
    assert STARTED == with_sudo.start("up").returncode
    assert "sudo" in with_sudo.log()
    without = used.with_programs(tmp_path / "without", user)
    (without.programs / "sudo").unlink()
    assert (2, []) == (without.start("up").returncode, without.log())


def test_nginx_is_installed_without_its_service(used: Machine, tmp_path: Path) -> None:
    """Installing nginx neither starts its service nor holds back any other, and leaves no trace."""
    debian = used.with_programs(tmp_path / "debian", machines.DEBIAN)
    done = debian.start("up")
    assert STARTED == done.returncode, done.stderr
    assert ["nginx may start: 101", "cron may restart: 0", "systemctl disable nginx"] == [
        line for line in debian.log() if not line.startswith("apt-get")
    ]
    assert not debian.policy.exists()
    # The next start finds it there.
    assert "" == debian.start("up").stderr


def test_forgotten_policy_removes_itself(used: Machine, tmp_path: Path) -> None:
    """Should larder be killed while it installs nginx, its policy holds nothing back and goes."""
    debian = used.with_programs(tmp_path / "debian", machines.DEBIAN)
    debian.start("up")
    shutil.copy(debian.programs / "policy.seen", debian.policy)
    assert 0 == subprocess.run([debian.policy, "nginx", "start"], check=False).returncode
    assert not debian.policy.exists()


def test_postgresql_is_installed_for_the_tests_without_a_cluster(
    used: Machine, tmp_path: Path
) -> None:
    """None is made at the installation, and none that runs is touched; no trace is left."""
    programs = {**machines.DEBIAN, "nginx": machines.SYSTEMCTL}
    debian = used.with_programs(tmp_path / "debian", programs)
    shutil.rmtree(debian.servers, ignore_errors=True)
    done = debian.start("test", "--collect-only", "-q")
    assert 0 == done.returncode, done.stderr
    assert ["cluster: create_main_cluster = false"] == [
        line for line in debian.log() if not line.startswith("apt-get")
    ]
    assert not debian.cluster.parent.exists()
    # The next start finds it there; nobody else needs it.
    assert "" == debian.start("test", "--collect-only", "-q").stderr
    shutil.rmtree(debian.servers)
    assert (STARTED, "") == ((again := debian.start("up")).returncode, again.stderr)


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        ("start_conf = manual\n", ["start_conf = manual", "create_main_cluster = false"]),
        (
            "#create_main_cluster = true\n",
            ["#create_main_cluster = true", "create_main_cluster = false"],
        ),
        ("create_main_cluster = true\n", ["create_main_cluster = true"]),
    ],
)
@pytest.mark.parametrize("killed", [False, True])
def test_how_clusters_are_made_is_the_administrators(
    used: Machine, tmp_path: Path, content: str, seen: list[str], *, killed: bool
) -> None:
    """What a file says that is there is done; what it leaves open is not, and it stays as it is."""
    programs = {**machines.DEBIAN, "nginx": machines.SYSTEMCTL}
    debian = used.with_programs(tmp_path / "debian", programs)
    shutil.rmtree(debian.servers, ignore_errors=True)
    debian.cluster.parent.mkdir()
    debian.cluster.write_text("half an edit" if killed else content)
    if killed:
        # By a start that was killed in the middle.
        debian.cluster.with_name(f"{debian.cluster.name}.larder").write_text(content)
    done = debian.start("test", "--collect-only", "-q")
    assert 0 == done.returncode, done.stderr
    told = [line for line in debian.log() if not line.startswith("apt-get")]
    assert ["cluster: " + seen[0], *seen[1:]] == told
    assert content == debian.cluster.read_text()
    assert [debian.cluster] == list(debian.cluster.parent.iterdir())
    shutil.rmtree(debian.cluster.parent)
    shutil.rmtree(debian.servers)


@pytest.mark.parametrize(("answer", "code"), [(101, STARTED), (0, 2)])
def test_policy_of_the_administrator_stays(
    used: Machine, tmp_path: Path, answer: int, code: int
) -> None:
    """A policy that is there is not touched, and one that would start nginx is not overruled."""
    debian = used.with_programs(tmp_path / "debian", machines.DEBIAN)
    debian.policy.write_text(f"#!/bin/sh\nexit {answer}\n")
    debian.policy.chmod(0o755)
    done = debian.start("up")
    assert code == done.returncode, done.stderr
    assert f"#!/bin/sh\nexit {answer}\n" == debian.policy.read_text()
    debian.policy.unlink()


@pytest.mark.network
def test_whole_repository(tmp_path: Path) -> None:
    """A copy of this repository starts with the locked dependencies."""
    root = tmp_path / "a clone"
    shutil.copytree(
        ROOT,
        root,
        ignore=shutil.ignore_patterns(".venv*", ".git", ".*_cache", "var", "__pycache__"),
    )
    done = subprocess.run(
        [root / "larder", "--version"], capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stderr
    assert "0.1" in done.stdout
    assert (root / ".venv" / "larder.stamp").exists()
