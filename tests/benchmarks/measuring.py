"""A child process, and what it took."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


# A child begins as a copy of its parent, whose memory counts as its own peak. So the
# parent is a small one.
_WATCH = """
import json, os, subprocess, sys, time
started = time.monotonic()
child = subprocess.Popen(sys.argv[2:])
_, status, usage = os.wait4(child.pid, 0)
child.returncode = os.waitstatus_to_exitcode(status)
with open(sys.argv[1], "w") as stream:
    cpu = usage.ru_utime + usage.ru_stime
    json.dump([time.monotonic() - started, cpu, usage.ru_maxrss], stream)
sys.exit(child.returncode)
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run took, with the children it waited for."""

    seconds: float
    cpu: float
    # The largest process's.
    peak_mb: float

    def __str__(self) -> str:
        """Return it in one short line."""
        return f"{self.seconds:.2f} s, {self.cpu:.2f} s of CPU, {self.peak_mb:.0f} MB at the peak"


class FailedError(Exception):
    """A run did not end well."""


def measured(command: Sequence[str], log: Path, codes: Sequence[int] = (0,)) -> Cost:
    """Run a command to its end; what it says goes to a file.

    Raises:
        FailedError: Its exit code is another than expected.

    """
    usage = log.with_name("usage.json")
    with log.open("wb") as stream:
        code = subprocess.call(
            [sys.executable, "-I", "-S", "-c", _WATCH, str(usage), *command],
            cwd=ROOT,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=_environment(),
        )
    if code not in codes:
        said = log.read_text(errors="replace")[-2000:]
        message = f"{' '.join(command)} ended {code}:\n{said}"
        raise FailedError(message)
    seconds, cpu, peak = json.loads(usage.read_text())
    return Cost(seconds, cpu, peak / 1024)


def sync_index(config: Path, log: Path, *options: str) -> Cost:
    """Run the job."""
    return measured([sys.executable, "-m", "jobs.sync_index", "-c", str(config), *options], log)


def _environment() -> Mapping[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    return {**kept, "PYTHONPATH": str(ROOT)}
