"""The other mirrors, from PyPI, on the same upstream."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.benchmarks.measuring import Cost, measured

_UV = Path(sys.executable).parent / "uv"
_TOOL = ("tool", "run", "--no-config", "--exclude-newer", "7days", "--python")
# The newest releases want a newer Python than larder does.
_PYTHONS = ("python3.14", "python3.13", "python3.12")
_WORKERS = 10

_BANDERSNATCH = """\
[mirror]
directory = {folder}/mirror
master = {upstream}
allow-non-https = true
api-method = simple
json = true
release-files = false
simple-format = ALL
workers = {workers}
timeout = 60
"""

Peer = Callable[[Path, str], Cost]


class MissingError(Exception):
    """The peer cannot be had here; the message says why."""


def bandersnatch(folder: Path, upstream: str) -> Cost:
    """Mirror an upstream's index with bandersnatch."""
    folder.mkdir(parents=True)
    conf = folder / "bandersnatch.conf"
    conf.write_text(_BANDERSNATCH.format(folder=folder, upstream=upstream, workers=_WORKERS))
    command = [*_run("bandersnatch"), "-c", str(conf), "mirror"]
    # It ends 1 as well when all went well.
    return measured(command, folder / "log", codes=(0, 1))


def version(name: str) -> str:
    """Fetch a tool, and return its version.

    Raises:
        MissingError: The registry is out of reach, or has no such thing for this Python.

    """
    command = [str(_UV), *_TOOL, python(), "--from", name, name, "--version"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingError(str(error)) from error
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise MissingError(lines[-1].strip() if lines else f"uv ended {done.returncode}")
    return f"{done.stdout.strip()}, {Path(python()).name}"


def _run(name: str) -> Sequence[str]:
    """Return the command that runs what `version` fetched, without asking the registry."""
    return (str(_UV), *_TOOL, python(), "--offline", "--from", name, name)


def python() -> str:
    """Return the newest Python that is here, on the PATH or among pyenv's, or our own."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    for name in _PYTHONS:
        # What is on the PATH may be pyenv's shim, which runs only what is switched on.
        ours = [path for path in versions.glob(f"*/bin/{name}") if path.is_file()]
        found = max(ours, default=None) or shutil.which(name)
        if found:
            return str(found)
    return sys.executable
