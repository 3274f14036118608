"""Counters of several workers, told by any of them."""

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from app.web.environment import MULTIPROCESS

_WORKER = """
import sys
from app.web.metrics import Metrics
metrics = Metrics()
metrics.votes.labels("accepted").inc(2)
metrics.failed("a", "429")
print(metrics.exposition().decode())
sys.stdout.flush()
sys.stdin.readline()
"""


def told(text: str) -> dict[tuple[str, ...], float]:
    """Return the samples by name and labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def worker(folder: Path) -> "tuple[subprocess.Popen[str], str]":
    """Start a worker that counts; return it, and what it tells."""
    process = subprocess.Popen(
        [sys.executable, "-c", _WORKER],
        env={**os.environ, MULTIPROCESS: str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    lines = []
    while (line := process.stdout.readline()).strip():
        lines.append(line)
    return process, "".join(lines)


def test_any_worker_tells_of_all(tmp_path: Path) -> None:
    """Also of those that have ended."""
    first, _ = worker(tmp_path)
    first.communicate("\n", timeout=30)
    second, _ = worker(tmp_path)
    third, text = worker(tmp_path)
    found = told(text)
    assert 6 == found["larder_votes_total", "accepted"]
    assert 3 == found["larder_target_failures_total", "429", "a"]
    for process in (second, third):
        process.communicate("\n", timeout=30)
