"""What a client gets a second, beside a plain nginx on the same files in the same run.

    .venv/bin/python -m tests.benchmarks.serving

Needs wrk (Debian, Ubuntu: apt-get install wrk). Each figure is the median of several
rounds, in each of which the plain nginx (no log, no votes; one worker on the first core, as
the mirror's) is measured right before the mirror. A ratio of CPU is of what the workers
themselves took for a request; it hardly depends on what else the machine does.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median, quantiles

from app.names import FilePath
from tests.benchmarks.load import ROOT, LoadError, Target, find_wrk, first_network, rate
from tests.benchmarks.raw_nginx import raw_nginx
from tests.fake_pypi import FakePypi
from tests.serving import Serving, ask, wait_until

_JSON = "application/vnd.pypi.simple.v1+json"
_FILES = 30
"""Files of the project whose page is asked for."""

_SMALL, _LARGE = 100_000, 5_000_000
_CLIENTS = {
    "pip": f"{_JSON}, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01",
    "uv": f"{_JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01",
    "poetry": f"{_JSON}, */*;q=0.1",
    "a browser": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
}


@dataclass(frozen=True, slots=True)
class _Bench:
    """What runs, and how long each measurement takes."""

    mirror: Serving
    raw: int
    small: FilePath
    large: FilePath
    folder: Path
    seconds: float
    rounds: int
    slow: int
    wrk: str | None

    def file(self, path: FilePath, *, new_votes: bool = False) -> tuple[Target, Target]:
        """Return a file as the plain nginx has it, and as the mirror has."""
        ours = Target(self.port, f"/pypi/packages/{path}", new_votes=new_votes)
        return Target(self.raw, f"/files/{path}", new_votes=new_votes), ours

    @property
    def port(self) -> int:
        """Where the mirror listens."""
        return self.mirror.config.listen.port

    def compare(self, what: str, targets: tuple[Target, Target]) -> None:
        """Measure both, round by round, and print the line."""
        figures = [self._round(targets) for _ in range(self.rounds)]
        raw, ours, ratio, cpu = (median(column) for column in zip(*figures, strict=True))
        print(
            f"{what:44} {ratio:5.2f} of raw ({ours:7.0f}/s, {raw:7.0f}/s); {cpu:5.2f} by CPU",
            flush=True,
        )

    def _round(self, targets: tuple[Target, Target]) -> tuple[float, float, float, float]:
        assert self.mirror.nginx is not None
        masters = (_master(self.folder / "raw"), self.mirror.nginx.pid)
        found = []
        for target, master in zip(targets, masters, strict=True):
            before = _cpu(master)
            requests = rate(target, self.seconds, self.folder, self.wrk)
            found.append((requests, (_cpu(master) - before) / requests))
        (raw, raw_cpu), (ours, our_cpu) = found
        return raw, ours, ours / raw, raw_cpu / max(our_cpu, 1e-9)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a line for each figure."""
    options = _parser().parse_args(arguments)
    if options.wrk is None:
        print("wrk is missing (Debian, Ubuntu: apt-get install wrk): a small client stands in,")
        print("which is slower than nginx, so the ratios say little", flush=True)
    print(
        f"load {os.getloadavg()[0]:.2f}; 32 connections; medians of {options.rounds} rounds",
        flush=True,
    )
    with _running(options) as bench:
        for name in options.parts:
            _PARTS[name](bench)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1, help="of each measurement")
    parser.add_argument("--slow", type=int, default=2000, help="connections of slow clients")
    parser.add_argument("--workers", type=int, default=1, help="gunicorn's")
    parser.add_argument("--parts", nargs="+", choices=list(_PARTS), default=list(_PARTS))
    parser.add_argument(
        "--small-client",
        dest="wrk",
        action="store_const",
        const=None,
        default=find_wrk(),
        help="use the client that stands in where wrk is missing",
    )
    parser.add_argument("--folder", type=Path, help="where to work; a short path")
    return parser


@contextmanager
def _running(options: argparse.Namespace) -> Iterator[_Bench]:
    with (
        tempfile.TemporaryDirectory(prefix="larder-bench-", dir=options.folder) as name,
        FakePypi() as pypi,
    ):
        folder = Path(name)
        for number in range(_FILES):
            pypi.add_file("held", f"held-{number}.0-py3-none-any.whl", b"%d" % number)
        small = pypi.add_file("held", "held-100.0-py3-none-any.whl", os.urandom(_SMALL))
        large = pypi.add_file("held", "held-101.0-py3-none-any.whl", os.urandom(_LARGE))
        mirror = Serving.of(
            folder,
            pypi,
            trusted_proxies=["127.0.0.1"],
            log={"path": str(folder / "access.log")},
            app={"workers": options.workers},
        )
        mirror.runtime = replace(mirror.runtime, workers=1)
        cores = sorted(os.sched_getaffinity(0))
        simple, hot = mirror.config.repo_path / "simple", mirror.config.repo_path / "hot"
        with mirror, raw_nginx(folder / "raw", simple, hot) as raw:
            assert mirror.nginx is not None
            for master in (mirror.nginx.pid, _master(folder / "raw")):
                for worker in _workers(master):
                    os.sched_setaffinity(worker, {cores[0]})
            # What makes the load is on another core, where there is one.
            os.sched_setaffinity(0, set(cores[1:]) or set(cores))
            assert mirror.get("/pypi/simple/held/").status == 200
            mirror.hold("hot", small.path, small.content)
            mirror.hold("hot", large.path, large.content)
            paths = FilePath(small.path), FilePath(large.path)
            try:
                yield _Bench(
                    mirror,
                    raw,
                    *paths,
                    folder,
                    seconds=options.seconds,
                    rounds=options.rounds,
                    slow=options.slow,
                    wrk=options.wrk,
                )
            finally:
                os.sched_setaffinity(0, set(cores))


def _pages(bench: _Bench) -> None:
    for client, accept in _CLIENTS.items():
        headers = {"Accept": accept, "Accept-Encoding": "gzip, deflate"}
        kind = "html" if client == "a browser" else "v1.json"
        raw = Target(bench.raw, f"/pages/held/index.{kind}.gz", headers)
        ours = Target(bench.port, "/pypi/simple/held/", headers)
        bench.compare(f"a page, as {client} asks", (raw, ours))


def _files(bench: _Bench) -> None:
    bench.compare("100 KB, its vote in the window", bench.file(bench.small))
    bench.compare("5 MB, its vote in the window", bench.file(bench.large))


def _new_votes(bench: _Bench) -> None:
    workers = bench.mirror.config.workers
    before = len(bench.mirror.spooled())
    what = f"100 KB, every vote new, {workers} app worker{'s' * (workers > 1)}"
    bench.compare(what, bench.file(bench.small, new_votes=True))
    print(f"    of the votes {len(bench.mirror.spooled()) - before} went by the spool", flush=True)


def _waits(bench: _Bench) -> None:
    """Print what a vote adds to a download's time, at a tenth of what the app can take."""
    number = int(200 * bench.seconds)
    times: dict[str, list[float]] = {"raw": [], "ours": []}
    raw, ours = bench.file(bench.small)
    first = first_network()
    for probe in range(max(100, number)):
        address = f"{201 + (first >> 16) % 20}.{(first + probe) >> 8 & 255}.{probe & 255}.1"
        for name, target in (("raw", raw), ("ours", ours)):
            headers = {"X-Forwarded-For": address}
            times[name].append(ask(target.port, target.path, "GET", headers).seconds)
            time.sleep(0.001)
    middle, last = ([1000 * quantiles(times[name], n=100)[at] for name in times] for at in (49, 98))
    print(
        f"a new vote adds to a download: p50 {middle[1] - middle[0]:.2f} ms, "
        f"p99 {last[1] - last[0]:.2f} ms (raw: {middle[0]:.2f} and {last[0]:.2f} ms)",
        flush=True,
    )


def _away(bench: _Bench) -> None:
    """Measure with the app overloaded, hung and gone: every vote is new."""
    targets = bench.file(bench.small, new_votes=True)
    mirror = bench.mirror
    flood = ["-m", "tests.benchmarks.flood", str(mirror.runtime.app_socket)]
    process = subprocess.Popen(
        [sys.executable, *flood], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        bench.compare("100 KB, the app overloaded, every vote new", targets)
    finally:
        process.communicate()
    mirror.signal_app(signal.SIGSTOP)
    try:
        bench.compare("100 KB, the app hung, every vote new", targets)
    finally:
        mirror.signal_app(signal.SIGCONT)
    mirror.stop_app()
    bench.compare("100 KB, the app stopped, every vote new", targets)
    mirror.start_app()
    wait_until(lambda: mirror.get("/pypi/simple/Held/").status == 301)


def _slow(bench: _Bench) -> None:
    """Measure while slow clients hold connections open, each server its own."""
    paths = (f"/files/{bench.large}", f"/pypi/packages/{bench.large}")
    crowds = []
    try:
        for port, path in zip((bench.raw, bench.port), paths, strict=True):
            command = [sys.executable, "-m", "tests.benchmarks.slow_clients"]
            crowd = subprocess.Popen(
                [*command, str(port), str(bench.slow), path],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            crowds.append(crowd)
            assert crowd.stdout is not None
            assert crowd.stdout.readline() == "ready\n"
        print(f"with {bench.slow} connections of slow clients on each:", flush=True)
        _pages(bench)
        _files(bench)
    finally:
        for crowd in crowds:
            said, _ = crowd.communicate()
            print(f"    of the slow clients {said.strip()}")


_PARTS: dict[str, Callable[[_Bench], None]] = {
    "pages": _pages,
    "files": _files,
    "new-votes": _new_votes,
    "waits": _waits,
    "away": _away,
    "slow": _slow,
}


def _master(folder: Path) -> int:
    return int((folder / "nginx.pid").read_text())


def _workers(master: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()]


def _cpu(master: int) -> float:
    """Return the seconds of CPU that nginx's workers have taken."""
    ticks = 0
    for worker in _workers(master):
        # proc(5): utime and stime, after the name, which may hold anything.
        fields = Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LoadError as error:
        sys.exit(f"serving: {error}")
