"""Bytes per second of a move and of a fetch, beside `cp` and a plain download.

Side by side on the same disk, in rounds that take turns, each flushed to the disk at its
end as larder's are; the median of the rounds. `--source` is a folder on another
filesystem, from which files are moved: in memory by default, so that one disk counts.

    .venv/bin/python -m tests.benchmarks.file_moves
"""

import argparse
import hashlib
import http.server
import multiprocessing
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.holdings import Holdings
from app.model import File, Project, Tier
from app.names import Filename, FilePath, ProjectName
from app.pages import PackagePlaces
from app.steps import Evict, Fetch, Move
from app.store import Store
from app.upstream import Upstream, UpstreamPolicy

_MB = 1_000_000
_LIMIT = 1 << 50


@dataclass(frozen=True, slots=True)
class Setup:
    """A mirror of some files of one size, on a disk and in a source folder."""

    holdings: Holdings
    paths: Sequence[FilePath]
    size: int
    url: str
    disk: Path
    source: Path

    @property
    def total(self) -> int:
        """The bytes of all files."""
        return self.size * len(self.paths)


class _Sender(http.server.SimpleHTTPRequestHandler):
    """Sends files in the kernel, as a fast file host does."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def copyfile(self, source: object, outputfile: object) -> None:
        """Send all of it."""
        outputfile.flush()  # type: ignore[attr-defined]
        descriptor = source.fileno()  # type: ignore[attr-defined]
        while os.sendfile(self.connection.fileno(), descriptor, None, 1 << 30):
            continue


def _serve(folder: str, port: "multiprocessing.Queue[int]") -> None:
    class Sender(_Sender):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=folder)  # type: ignore[arg-type]

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sender) as server:
        port.put(server.server_address[1])
        server.serve_forever()


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    """Serve a folder from a process of its own."""
    port: multiprocessing.Queue[int] = multiprocessing.Queue()
    process = multiprocessing.Process(target=_serve, args=(str(folder), port), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{port.get()}/"
    finally:
        process.terminate()
        process.join()


def _make_files(folder: Path, count: int, size: int) -> list[tuple[FilePath, str]]:
    """Write files that no compression helps with, at the paths that PyPI would give them."""
    made = []
    for number in range(count):
        block = os.urandom(min(size, 1 << 20))
        content = (block * (size // len(block) + 1))[:size]
        digest = hashlib.blake2b(content + bytes([number % 256]), digest_size=32).hexdigest()
        path = f"{digest[:2]}/{digest[2:4]}/{digest[4:]}/file-{number}.whl"
        (folder / path).parent.mkdir(parents=True)
        (folder / path).write_bytes(content)
        made.append((FilePath(path), hashlib.sha256(content).hexdigest()))
    return made


@contextmanager
def _mirror(disk: Path, source: Path, count: int, size: int) -> Iterator[Setup]:
    """Prepare a mirror whose tier 0 is the source and whose tier 1 is the disk."""
    upstream_files = source / "upstream"
    made = _make_files(upstream_files, count, size)
    for name in ("tier", "plain"):
        (disk / name).mkdir()
    (source / "tier").mkdir()
    store = Store.open(f"sqlite:///{disk}/larder.db")
    files = [
        File(Filename(path.rpartition("/")[2]), path, {"sha256": digest}, size=size)
        for path, digest in made
    ]
    store.record(Project(ProjectName("file"), tuple(files)))
    tiers = [Tier(0, str(source / "tier"), _LIMIT), Tier(1, str(disk / "tier"), _LIMIT)]
    with _server(upstream_files) as url:
        upstream = Upstream(_policy(url))
        holdings = Holdings(store, upstream, tiers)
        holdings.survey()
        yield Setup(holdings, [path for path, _ in made], size, url, disk, source)
        upstream.close()
    store.close()


def _policy(url: str) -> UpstreamPolicy:
    return UpstreamPolicy(
        pypi_url=url,
        places=PackagePlaces((url,), explicit=True),
        packages_url=(url,),
        proxy=None,
        user_agent="larder/0 (benchmark)",
        retry=0,
        timeout=60,
        max_page_size=1 << 20,
        connections=4,
    )


def _rate(total: int, work: Callable[[], object]) -> float:
    """Return MB a second."""
    os.sync()
    began = time.monotonic()
    work()
    return total / _MB / (time.monotonic() - began)


def _copy(setup: Setup, *, flush: bool) -> None:
    for path in setup.paths:
        target = setup.disk / "plain" / path.rpartition("/")[2]
        subprocess.run(["cp", str(setup.source / "upstream" / path), str(target)], check=True)
        if flush:
            subprocess.run(["sync", str(target)], check=True)


def _download(setup: Setup) -> None:
    for path in setup.paths:
        target = str(setup.disk / "plain" / path.rpartition("/")[2])
        subprocess.run(
            ["curl", "-sS", "--noproxy", "*", "-o", target, setup.url + path], check=True
        )
        subprocess.run(["sync", target], check=True)


def _clear(setup: Setup, rank: int | None = None) -> None:
    for copy in (setup.disk / "plain").iterdir():
        copy.unlink()
    if rank is not None:
        for path in setup.paths:
            setup.holdings.execute(Evict(path, rank, setup.size))


def _round(setup: Setup) -> Mapping[str, float]:
    """Return the rates of one round."""
    rates = {"cp": _rate(setup.total, lambda: _copy(setup, flush=False))}
    _clear(setup)
    rates["cp, flushed"] = _rate(setup.total, lambda: _copy(setup, flush=True))
    _clear(setup)
    for path in setup.paths:
        setup.holdings.execute(Fetch(path, 0, setup.size))
    rates["move"] = _rate(setup.total, lambda: _each(setup, lambda p: Move(p, 0, 1, setup.size)))
    _clear(setup, 1)
    if shutil.which("curl"):
        rates["download, flushed"] = _rate(setup.total, lambda: _download(setup))
        _clear(setup)
    rates["fetch"] = _rate(setup.total, lambda: _each(setup, lambda p: Fetch(p, 1, setup.size)))
    _clear(setup, 1)
    return rates


def _each(setup: Setup, step: Callable[[FilePath], Move | Fetch]) -> None:
    for path in setup.paths:
        setup.holdings.execute(step(path))


def _report(rounds: Sequence[Mapping[str, float]]) -> None:
    for what in rounds[0]:
        print(f"{what:<18} {statistics.median(one[what] for one in rounds):8.0f} MB/s")
    for ours, theirs in (("move", "cp, flushed"), ("fetch", "download, flushed")):
        if theirs in rounds[0]:
            ratio = statistics.median(one[ours] / one[theirs] for one in rounds)
            print(f"{ours} beside {theirs}: {ratio:.2f}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--source", type=Path, default=Path("/dev/shm"))  # noqa: S108
    parser.add_argument("--files", type=int, default=4)
    parser.add_argument("--megabytes", type=float, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(dir=options.folder) as disk,
        tempfile.TemporaryDirectory(dir=options.source) as source,
        _mirror(Path(disk), Path(source), options.files, int(options.megabytes * _MB)) as setup,
    ):
        print(f"{options.files} files of {options.megabytes} MB, {options.rounds} rounds")
        _report([_round(setup) for _ in range(options.rounds)])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
