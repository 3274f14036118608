"""Machines on which ``./larder`` is started, each lacking one thing or another.

A machine is a directory that is the whole of PATH, with links to the real tools and small
programs that stand for apt-get, sudo or nginx; and a copy of the repository's packaging whose lock
names only what is needed to install it, from wheels packed out of the running environment.
"""

import csv
import hashlib
import io
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = Path(sys.executable).resolve()
TOOLS = (
    "cat",
    "chmod",
    "cksum",
    "cp",
    "dirname",
    "env",
    "id",
    "ln",
    "mkdir",
    "mv",
    "readlink",
    "rm",
    "rmdir",
    "sed",
    "sh",
)

# What the copy of the repository runs in place of larder's commands.
CLI = '''"""Tells how it was started."""
import json, os, sys
def main() -> int:
    """Print it."""
    print(json.dumps({"argv": sys.argv[1:], "cwd": os.getcwd(), "path": sys.path}))
    return 7
'''

APT_GET = """#!/bin/sh
echo "apt-get $*" >>"$LOG"
case "$*" in
    *" install python3-venv") ln -s "$PYTHON" "$BIN/python3" ;;
    *" install nginx")
        answer=0
        [ ! -e "$POLICY" ] || "$POLICY" nginx start || answer=$?
        echo "nginx may start: $answer" >>"$LOG"
        other=0
        [ ! -e "$POLICY" ] || "$POLICY" cron restart || other=$?
        echo "cron may restart: $other" >>"$LOG"
        [ ! -e "$POLICY" ] || cp "$POLICY" "$BIN/policy.seen"
        ln -s "$BIN/systemctl" "$BIN/nginx"
        ;;
    *" install postgresql")
        echo "cluster: $(cat "$CLUSTER")" >>"$LOG"
        mkdir -p "$SERVERS/15/bin"
        ln -s "$BIN/systemctl" "$SERVERS/15/bin/postgres"
        ;;
esac
"""
APT_CACHE = """#!/bin/sh
printf 'python3-venv:\\n  Installed: (none)\\n  Candidate: %s\\n' "$CANDIDATE"
"""
SUDO = '#!/bin/sh\necho "sudo" >>"$LOG"\nexec "$@"\n'
SYSTEMCTL = '#!/bin/sh\necho "systemctl $*" >>"$LOG"\n'
NOT_ROOT = "#!/bin/sh\necho 1000\n"
IS_ROOT = "#!/bin/sh\necho 0\n"
DEBIAN = {
    "apt-get": APT_GET,
    "apt-cache": APT_CACHE,
    "systemctl": SYSTEMCTL,
    "sudo": SUDO,
    "id": IS_ROOT,
}


@dataclass(frozen=True)
class Machine:
    """A copy of the repository and the programs that are there to start it with."""

    root: Path
    programs: Path
    wheels: Path

    @property
    def policy(self) -> Path:
        """What stands for /usr/sbin/policy-rc.d here."""
        return self.root.parent / "policy-rc.d"

    @property
    def cluster(self) -> Path:
        """What stands for /etc/postgresql-common/createcluster.conf here."""
        return self.root.parent / "etc" / "createcluster.conf"

    @property
    def servers(self) -> Path:
        """What stands for /usr/lib/postgresql here."""
        return self.root.parent / "servers"

    @property
    def stamp(self) -> Path:
        """The mark of a finished environment."""
        return self.root / ".venv" / "larder.stamp"

    def environment(self, **more: str) -> dict[str, str]:
        """Return the variables that every start gets."""
        return {
            "PATH": f"{self.programs}",
            "HOME": f"{self.programs}",
            "BIN": f"{self.programs}",
            "LOG": f"{self.programs / 'log'}",
            "POLICY": f"{self.policy}",
            "CLUSTER": f"{self.cluster}",
            "SERVERS": f"{self.servers}",
            "PYTHON": f"{PYTHON}",
            "CANDIDATE": "3.11.2-1+b1",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": f"{self.wheels}",
            **more,
        }

    def begin(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """Start larder in a process group of its own and do not wait."""
        return subprocess.Popen(
            [self.root / "larder", *arguments],
            env=self.environment(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )

    def start(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Start larder and wait for its end."""
        with self.begin(*arguments, **more) as process:
            out, err = process.communicate(timeout=300)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def log(self) -> list[str]:
        """Return what the programs that stand for others were asked, in order."""
        path = self.programs / "log"
        return path.read_text().splitlines() if path.exists() else []

    def with_programs(
        self, directory: Path, programs: Mapping[str, str], *, python: bool = True
    ) -> "Machine":
        """Return this machine with other programs: the tools, a Python if wished, and these."""
        directory.mkdir()
        for tool in TOOLS:
            (directory / tool).symlink_to(shutil.which(tool) or f"/bin/{tool}")
        if python:
            (directory / "python3").symlink_to(PYTHON)
        for name, text in programs.items():
            path = directory / name
            path.unlink(missing_ok=True)
            path.write_text(text)
            path.chmod(0o755)
        return Machine(self.root, directory, self.wheels)


def pack_wheel(name: str, directory: Path) -> str:
    """Pack an installed distribution into a wheel again and return its line for a lock."""
    installed = distribution(name)
    files = [file for file in installed.files or [] if ".." not in file.parts]
    record_path = next(
        f"{file}" for file in files if file.match("*.dist-info/RECORD") and len(file.parts) == 2
    )
    name = installed.name.replace("-", "_")
    target = directory / f"{name}-{installed.version}-py3-none-any.whl"
    rows = [(record_path, "", "")]
    with zipfile.ZipFile(target, "w") as wheel:
        for file in files:
            if file.suffix != ".pyc" and f"{file}" != record_path:
                wheel.write(f"{file.locate()}", f"{file}")
                rows.append((f"{file}", "", ""))
        record = io.StringIO()
        csv.writer(record).writerows(rows)
        wheel.writestr(record_path, record.getvalue())
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    return f"{installed.name}=={installed.version} --hash=sha256:{digest}\n"


def pack_wheels(directory: Path) -> None:
    """Make the directory stand for the package index, with locks for what it has."""
    tests = ("iniconfig", "packaging", "pluggy", "pygments", "pytest", "pytest-timeout")
    for lock, names in (("requirements.lock", ("setuptools",)), ("requirements-test.lock", tests)):
        (directory / lock).write_text("".join(pack_wheel(name, directory) for name in names))


def copy_packaging(target: Path, wheels: Path, place: Path) -> None:
    """Copy the packaging, with `wheels`' locks, a tiny program and no place of the real machine."""
    for name in ("app", "jobs", "tests"):
        (target / name).mkdir(parents=True)
        (target / name / "__init__.py").write_text('"""Part of the copy."""\n')
    shutil.copytree(ROOT / "nginx", target / "nginx")
    for name in ("LICENSE", "pyproject.toml", "setup.cfg"):
        shutil.copy(ROOT / name, target / name)
    for lock in wheels.glob("*.lock"):
        shutil.copy(lock, target / lock.name)
    (target / "README.md").write_text("larder\n")
    (target / "jobs" / "cli.py").write_text(CLI)
    (target / "tests" / "test_it.py").write_text("def test_it():\n    assert False\n")
    script = (ROOT / "larder").read_text()
    for real, stand_in in (
        ("PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin\n", "\n"),
        ("POLICY=/usr/sbin/policy-rc.d\n", f"POLICY='{place}/policy-rc.d'\n"),
        (
            "CLUSTER=/etc/postgresql-common/createcluster.conf\n",
            f"CLUSTER='{place}/etc/createcluster.conf'\n",
        ),
        (
            "CLUSTER_DEFAULT=/usr/share/postgresql-common/createcluster.conf\n",
            f"CLUSTER_DEFAULT='{place}/createcluster.conf'\n",
        ),
        ("SERVERS=/usr/lib/postgresql\n", f"SERVERS='{place}/servers'\n"),
    ):
        assert real in script
        script = script.replace(real, stand_in)
    (target / "larder").write_text(script)
    (target / "larder").chmod(0o755)


def new_machine(directory: Path, wheels: Path) -> Machine:
    """Return a machine with Python but nothing else, and a fresh copy of the repository."""
    root = directory / "a place"
    programs = directory / "bin"
    copy_packaging(root, wheels, directory)
    return Machine(root, programs, wheels).with_programs(programs, {})
