"""Counters and states of several workers, told by any of them."""

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from app.web.environment import CONFIG_VARIABLE, MULTIPROCESS

_WORKER = """
import sys
from app.web.metrics import BreakerState, Metrics
metrics = Metrics()
metrics.votes.labels("accepted").inc(2)
metrics.breaker("a", BreakerState(sys.argv[1]))
print(metrics.exposition().decode())
sys.stdout.flush()
sys.stdin.readline()
"""
_ENDED = """
import sys
from pathlib import Path
from types import SimpleNamespace
from app.web import gunicorn_conf
assert "prometheus_client" not in sys.modules
gunicorn_conf._counts = Path(sys.argv[1])
gunicorn_conf.child_exit(None, SimpleNamespace(pid=int(sys.argv[2])))
"""


def told(text: str) -> dict[tuple[str, ...], float]:
    """Return the samples by name and labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def worker(folder: Path, state: str) -> "tuple[subprocess.Popen[str], str]":
    """Start a worker that counts; return it, and what it tells."""
    process = subprocess.Popen(
        [sys.executable, "-c", _WORKER, state],
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


def test_any_worker_tells_of_all(tmp_path: Path, config_path: Path) -> None:
    """Counts stay when a worker ends; its states go, since they are nobody's."""
    counts = tmp_path / "counts"
    counts.mkdir()
    first, _ = worker(counts, "open")
    second, text = worker(counts, "open")
    found = told(text)
    assert 4 == found["larder_votes_total", "accepted"]
    assert (2, 0) == tuple(
        found["larder_breaker_workers", state, "a"] for state in ("open", "closed")
    )
    first.communicate("\n", timeout=30)
    config_path.write_text(config_path.read_text() + "app: {workers: 2}\n")
    subprocess.run(
        [sys.executable, "-c", _ENDED, str(counts), str(first.pid)],
        env={**os.environ, CONFIG_VARIABLE: str(config_path)},
        check=True,
    )
    third, text = worker(counts, "half-open")
    found = told(text)
    assert 6 == found["larder_votes_total", "accepted"]
    assert (1, 1) == tuple(
        found["larder_breaker_workers", state, "a"] for state in ("open", "half-open")
    )
    for process in (second, third):
        process.communicate("\n", timeout=30)
