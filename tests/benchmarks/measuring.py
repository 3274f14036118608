"""A child process, and what it took."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


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
    with log.open("wb") as stream:
        started = time.monotonic()
        child = subprocess.Popen(
            command, cwd=ROOT, stdout=stream, stderr=subprocess.STDOUT, env=_environment()
        )
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in codes:
        said = log.read_text(errors="replace")[-2000:]
        message = f"{' '.join(command)} ended {child.returncode}:\n{said}"
        raise FailedError(message)
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def sync_index(config: Path, log: Path) -> Cost:
    """Run the job."""
    return measured([sys.executable, "-m", "jobs.sync_index", "-c", str(config)], log)


def _environment() -> Mapping[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    return {**kept, "PYTHONPATH": str(ROOT)}
