"""A PostgreSQL server of the tests' own: Debian's programs, a socket in a folder that goes."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from shutil import disk_usage
from urllib.parse import quote

import psycopg
import pytest

from tests.running import until

# In memory where there is room. Not pytest's folder: a socket's path holds 107 bytes, and
# that folder is for its own user alone.
_FOLDERS = (Path("/dev/shm"), Path("/tmp"))  # noqa: S108
_ROOM = 2 << 30
_PORT = 54321
"""Part of the socket's name; nothing listens on a port of the machine."""

PASSWORD = "p@ss/w:rd"  # noqa: S105
_HBA = "local all guarded scram-sha-256\nlocal all all trust\n"
_SETTINGS = {
    "listen_addresses": "",
    "port": str(_PORT),
    # The tests' machine does not lose its power.
    "fsync": "off",
    "full_page_writes": "off",
}


@dataclass
class Server:
    """A server, and fresh places for tables in it."""

    programs: Path
    folder: Path
    # Who runs it: PostgreSQL refuses root.
    user: str | None
    process: subprocess.Popen[bytes] | None = None
    _places: Iterator[int] = field(default_factory=count)

    def url(self, database: str = "larder", user: str = "larder", **keywords: str) -> str:
        """Return the URL of a database of this server."""
        query = {"host": str(self.folder), "port": str(_PORT)} | keywords
        pairs = "&".join(f"{key}={quote(value, safe='')}" for key, value in query.items())
        return f"postgresql://{user}@/{database}?{pairs}"

    def fresh(self) -> str:
        """Return the URL of a place where no table is: a schema, made in milliseconds."""
        name = f"place{next(self._places)}"
        self.run(f"CREATE SCHEMA {name} AUTHORIZATION larder")
        return self.url(options=f"-c search_path={name}")

    def run(self, statement: str, database: str = "larder") -> None:
        """Have the server's owner run a statement."""
        with psycopg.connect(self.url(database, "postgres"), autocommit=True) as session:
            session.execute(statement)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [self.programs / "postgres", "-D", self.folder / "data"]
        settings = _SETTINGS | {"unix_socket_directories": str(self.folder)}
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.process = self._popen([*map(str, command), *options], log.fileno())
        for _ in until("PostgreSQL answers", 60):
            if self._answers():
                return

    def stop(self, number: int = signal.SIGINT) -> None:
        """Stop it: SIGINT has it tidy up, SIGQUIT is as good as a crash."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(60)
            self.process = None

    def initialise(self) -> None:
        """Make the cluster, in bytes' order of no language."""
        options = ["--no-sync", "--locale=C.UTF-8", "--encoding=UTF8", "--username=postgres"]
        command = [self.programs / "initdb", "-D", self.folder / "data", "--auth=trust", *options]
        made = self._popen([str(word) for word in command], subprocess.PIPE)
        said, _ = made.communicate(timeout=120)
        assert made.returncode == 0, said.decode()
        (self.folder / "data" / "pg_hba.conf").write_text(_HBA)

    def make_roles(self) -> None:
        """Make the database as docs/operations.md has it made, and a role with a password."""
        self.run("CREATE ROLE larder LOGIN", "postgres")
        self.run(f"CREATE ROLE guarded LOGIN PASSWORD '{PASSWORD}'", "postgres")
        self.run("CREATE DATABASE larder OWNER larder", "postgres")

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            psycopg.connect(self.url("postgres", "postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def _popen(self, command: list[str], said: int) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            user=self.user,
            group=pwd.getpwnam(self.user).pw_gid if self.user else None,
            extra_groups=[] if self.user else None,
        )


@contextmanager
def running_server() -> Iterator[Server]:
    """Run a server until the block ends; skip the test where there is none to run."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian, Ubuntu: postgresql)")
    user = _user()
    parent = next((one for one in _FOLDERS if one.is_dir() and disk_usage(one).free > _ROOM), None)
    folder = Path(tempfile.mkdtemp(prefix="larder-pg-", dir=parent))
    folder.chmod(0o755)
    if user is not None:
        shutil.chown(folder, user)
    server = Server(programs, folder, user)
    try:
        server.initialise()
        server.start()
        server.make_roles()
        yield server
    finally:
        server.stop(signal.SIGQUIT)
        shutil.rmtree(folder)


def _programs() -> Path | None:
    """Return where the newest server's programs are; Debian has them in no PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=_version)
    if found:
        return found[-1].parent
    in_path = shutil.which("postgres")
    return Path(in_path).resolve().parent if in_path else None


def _version(program: Path) -> float:
    return float(program.parent.parent.name)


def _user() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)
