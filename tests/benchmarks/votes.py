"""Votes per second: through nginx, the application and the database, and into the store alone.

    .venv/bin/python -m tests.benchmarks.votes --votes 40000

Every request is a new vote for a held file of 1 KB, so neither nginx's memory of counted
votes nor the database's windows help. "patient" has nginx wait two seconds for the
application, so all votes go through it; "as shipped" waits 20 ms, and what comes later
goes to the spool. Rates end when the last vote is in the database.
"""

import argparse
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from app.config import Config
from app.model import File, Project, Vote
from app.names import FilePath, ProjectName, parse_filename, path_from_digest
from app.store import Store
from tests.benchmarks.voters import END
from tests.fake_pypi import FakePypi
from tests.serving import ROOT, Serving, wait_until

_FILES = 500
_PROBES = 200
_BATCH = 5000
_PATIENCE = 120


@dataclass(frozen=True, slots=True)
class _Way:
    """One configuration that is measured."""

    name: str
    workers: int
    via: str = "auth_request"
    patient: bool = False


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--votes", type=int, default=40_000, help="in each run")
    parser.add_argument("--probes", type=int, default=_PROBES, help="votes whose way is timed")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 4], help="of the app")
    parser.add_argument(
        "--folder", type=Path, help="where to work; a short path, since sockets are in it"
    )
    options = parser.parse_args(arguments)
    ways = [
        *(_Way("auth_request, patient", workers, patient=True) for workers in options.workers),
        *(_Way("auth_request, as shipped", workers) for workers in options.workers),
        _Way("log", options.workers[0], via="log"),
    ]
    print(f"{options.votes} votes a run; load {os.getloadavg()[0]:.2f}", flush=True)
    for way in ways:
        with tempfile.TemporaryDirectory(prefix="larder-bench-", dir=options.folder) as folder:
            _through(Path(folder), way, options.votes, options.probes)
    with tempfile.TemporaryDirectory(prefix="larder-bench-", dir=options.folder) as folder:
        _straight(Path(folder), options.votes * 5)
    return 0


def _through(folder: Path, way: _Way, votes: int, probes: int) -> None:
    """Measure through nginx: first the delay of single votes, then as many as it can take."""
    with FakePypi() as pypi, _mirror(folder, pypi, way) as mirror:
        paths = _hold(mirror)
        delays = quantiles(_delays(mirror, paths[0], probes), n=100)
        before, lines = _counted(mirror.config), len(mirror.spooled())
        listed = folder / "paths"
        listed.write_text("\n".join(paths))
        port = str(mirror.config.listen.port)
        command = [sys.executable, "-m", "tests.benchmarks.voters", port, str(listed)]
        started = time.monotonic()
        said = subprocess.check_output([*command, "0", str(votes)], cwd=ROOT, text=True)
        seconds, cpu = map(float, said.split())
        wait_until(lambda: _counted(mirror.config) - before >= votes, _PATIENCE)
        whole = time.monotonic() - started
        spooled = len(mirror.spooled()) - lines
        print(
            f"{way.name}, {way.workers} worker{'s' * (way.workers > 1)}: "
            f"{votes / seconds:.0f} downloads/s, {votes / whole:.0f} votes/s in the database "
            f"({spooled} by the spool); delay p50 {delays[49] * 1000:.0f} ms, "
            f"p99 {delays[98] * 1000:.0f} ms; the client took {cpu / seconds:.0%} of a core",
            flush=True,
        )


@contextmanager
def _mirror(folder: Path, pypi: FakePypi, way: _Way) -> Iterator[Serving]:
    serving = Serving.of(
        folder,
        pypi,
        trusted_proxies=["127.0.0.1"],
        app={"workers": way.workers},
        votes={"via": way.via},
    )
    if way.patient:
        serving.edits = {"_timeout 20ms": "_timeout 2s"}
    with serving as running:
        yield running


def _hold(mirror: Serving) -> list[FilePath]:
    """Put files into the index and onto a tier; return their paths."""
    store = Store.open(mirror.config.database)
    paths = _record(store, _FILES)
    store.close()
    for path in paths:
        mirror.hold("hot", path, b"x" * 1000 + END)
    return paths


def _record(store: Store, count: int) -> list[FilePath]:
    name = parse_filename("six-1.0.tar.gz")
    paths = [path_from_digest(f"{number:064x}", name) for number in range(count)]
    store.record(Project(ProjectName("six"), tuple(File(name, path) for path in paths)))
    return paths


def _delays(mirror: Serving, path: FilePath, probes: int) -> list[float]:
    """Return how long after its download each of some votes was in the database."""
    arrived: list[float] = []
    sent: list[float] = []

    def watch() -> None:
        deadline = time.monotonic() + _PATIENCE
        while len(arrived) < probes and time.monotonic() < deadline:
            new = _counted(mirror.config) - len(arrived)
            arrived.extend([time.monotonic()] * new)
            time.sleep(0.002)

    watcher = threading.Thread(target=watch)
    watcher.start()
    chance = random.Random(1)
    for number in range(probes):
        time.sleep(chance.uniform(0, 0.05))
        address = f"250.{number >> 8}.{number & 255}.1"
        sent.append(time.monotonic())
        mirror.get(f"/pypi/packages/{path}", X_Forwarded_For=address)
    watcher.join()
    return [there - here for here, there in zip(sent, arrived, strict=True)]


def _counted(config: Config) -> int:
    """Return how many votes the database has."""
    with sqlite3.connect(config.database.removeprefix("sqlite:///"), timeout=10) as database:
        number: int = database.execute('SELECT COUNT(*) FROM "window"').fetchone()[0]
    database.close()
    return number


def _straight(folder: Path, votes: int) -> None:
    """Measure the store: every vote new, as many in a transaction as the application writes."""
    store = Store.open(f"sqlite:///{folder}/larder.db")
    paths = _record(store, 20 * _FILES)
    now, counted, slowest = int(time.time()), 0, 0.0
    chance = random.Random(2)
    started = time.monotonic()
    for first in range(0, votes, _BATCH):
        batch = [
            Vote(chance.choice(paths), chance.getrandbits(62), now)
            for _ in range(min(_BATCH, votes - first))
        ]
        began = time.monotonic()
        counted += store.add_votes(batch, 300)
        slowest = max(slowest, time.monotonic() - began)
    seconds = time.monotonic() - started
    store.close()
    print(
        f"store alone: {counted / seconds:.0f} votes/s in batches of {_BATCH}; "
        f"the slowest transaction took {slowest * 1000:.0f} ms"
    )


if __name__ == "__main__":
    sys.exit(main())
