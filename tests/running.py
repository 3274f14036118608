"""A whole mirror as a child process: what `larder up` starts, for tests."""

import json
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from app.config import Config, load

LARDER = str(Path(sys.executable).parent / "larder")
_PATIENCE = 40


@dataclass
class Up:
    """A running `larder up`."""

    process: subprocess.Popen[str]
    config: Config

    @property
    def url(self) -> str:
        """The mirror's URL, without a slash at the end."""
        return f"http://{self.config.listen.host}:{self.config.listen.port}{self.config.prefix}"

    @property
    def simple(self) -> str:
        """The URL of the simple index."""
        return f"{self.url}/simple/"

    def get(self, path: str, **headers: str) -> requests.Response:
        """Ask for a path below the prefix; redirects are not followed."""
        return requests.get(self.url + path, headers=headers, timeout=15, allow_redirects=False)

    def processes(self, name: str) -> list[int]:
        """Return the processes of a child by name, its master first."""
        register = self.config.repo_path / "run" / "children.json"
        sessions = json.loads(register.read_text())["sessions"]
        return sorted(pid for session in sessions for pid in _members(session, name))

    def stop(self) -> str:
        """End it as Ctrl-C does, and return what it said."""
        self.process.send_signal(signal.SIGINT)
        _, said = self.process.communicate(timeout=_PATIENCE)
        return said


@contextmanager
def larder_up(
    config: Path,
    environment: Mapping[str, str] | None = None,
    user: str | None = None,
    folder: Path | None = None,
) -> Iterator[Up]:
    """Run `larder up` until the block ends; it is ready inside."""
    process = start_up(config, environment, user, folder)
    try:
        up = Up(process, load(config))
        wait_until_ready(process)
        yield up
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=_PATIENCE)
        assert process.returncode in (143, 130, -9), said


def start_up(
    config: Path,
    environment: Mapping[str, str] | None = None,
    user: str | None = None,
    folder: Path | None = None,
) -> subprocess.Popen[str]:
    """Start `larder up` in a folder, as another user where one is named, which takes root."""
    return subprocess.Popen(
        [LARDER, "up", "-c", str(config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        user=user,
        group=pwd.getpwnam(user).pw_gid if user else None,
        extra_groups=[] if user else None,
    )


def wait_until_ready(process: subprocess.Popen[str]) -> str:
    """Return the line that says so."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line.startswith("ready: "):
        process.kill()
        raise AssertionError(process.communicate()[1])
    return line.strip()


def until(what: str, seconds: float = 10) -> Iterator[int]:
    """Count again and again until the caller breaks; fail after so many seconds."""
    deadline = time.monotonic() + seconds
    tries = 0
    while time.monotonic() < deadline:
        yield tries
        tries += 1
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what}")


def _members(session: int, name: str) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            head, _, tail = (entry / "stat").read_text().rpartition(")")
            command = (entry / "cmdline").read_text(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(tail.split()[3]) == session and name in (head + command):
            yield int(entry.name)
