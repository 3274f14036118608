"""Files that are not held: decisions per second, and a stream beside nginx's own proxy_pass.

    .venv/bin/python -m tests.benchmarks.unheld

It starts everything: an nginx as upstream, the mirror, and an nginx that only passes
through, with the same buffers, in the same run. The client discards bodies in the kernel.
"Redirect" is a GET that is answered 302; "proxy" a range of 100 bytes that upstream answers.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from app.names import FilePath, parse_filename, path_from_digest
from jobs.children import end_session
from jobs.machine import find_nginx
from tests.benchmarks.askers import download, hammer
from tests.fake_pypi import FakePypi
from tests.mirrors import free_port
from tests.serving import Serving, wait_until

_FILES = 500
_NGINX = """
worker_processes 1; daemon off; pid "{folder}/{name}.pid"; error_log "{folder}/{name}.log" warn;
events {{ worker_connections 1024; }}
http {{
    access_log off; sendfile on; tcp_nopush on;
    client_body_temp_path "{folder}/{name}-1"; proxy_temp_path "{folder}/{name}-2";
    fastcgi_temp_path "{folder}/{name}-3"; uwsgi_temp_path "{folder}/{name}-4";
    scgi_temp_path "{folder}/{name}-5";
    server {{ listen 127.0.0.1:{port}; {body} }}
}}
"""
_PASSING = """
    location /pypi/packages/ {{
        proxy_pass http://127.0.0.1:{upstream}/packages/; proxy_http_version 1.1;
        proxy_buffer_size 64k; proxy_buffers 16 64k; proxy_busy_buffers_size 128k;
        proxy_max_temp_file_size 0;
    }}
"""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is measured."""

    decisions: int
    megabytes: int
    rounds: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=40_000, help="of each kind")
    parser.add_argument("--megabytes", type=int, default=50, help="of the streamed file")
    parser.add_argument("--rounds", type=int, default=5, help="of which the median counts")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="of the app")
    parser.add_argument("--folder", type=Path, help="where to work; a short path")
    options = parser.parse_args(arguments)
    plan = _Plan(options.decisions, options.megabytes, options.rounds)
    print(f"load {os.getloadavg()[0]:.2f}", flush=True)
    for workers in options.workers:
        with tempfile.TemporaryDirectory(prefix="larder-bench-", dir=options.folder) as folder:
            _measure(Path(folder), workers, plan)
    return 0


def _measure(folder: Path, workers: int, plan: _Plan) -> None:
    paths = _write_files(folder, plan)
    upstream, passing = free_port(), free_port()
    with (
        FakePypi() as pypi,
        _nginx(folder, "upstream", upstream, f'root "{folder}/www";'),
        _nginx(folder, "passing", passing, _PASSING.format(upstream=upstream)),
        _mirror(folder, pypi, upstream, workers) as mirror,
    ):
        port, many = mirror.config.listen.port, f"{workers} worker{'s' * (workers > 1)}"
        hammer(port, paths[:-1], 2 * _FILES, "Range: bytes=1-100\r\n", b"HTTP/1.1 206")
        hammer(port, paths[:-1], 2 * _FILES, "", b"HTTP/1.1 302")
        before = _memory(mirror)
        for kind, header, answer in (
            ("redirect", "", b"HTTP/1.1 302"),
            ("proxy", "Range: bytes=1-100\r\n", b"HTTP/1.1 206"),
        ):
            seconds = hammer(port, paths[:-1], plan.decisions, header, answer)
            print(f"{kind}, {many}: {plan.decisions / seconds:.0f} decisions/s", flush=True)
        after = _memory(mirror)
        print(
            f"memory, {many}: {before:.1f} MB a worker before, {after:.1f} MB after"
            f" {2 * plan.decisions} decisions",
            flush=True,
        )
        _streams(port, passing, paths[-1], many, plan.rounds)


def _streams(port: int, passing: int, path: FilePath, many: str, rounds: int) -> None:
    """Compare single downloads of a large file; none is shared, as 11 seconds lie between."""
    direct, ours, shared = [], [], []
    for _ in range(rounds):
        direct.append(download(passing, path))
        # As one that nobody else wants: the mode's way through nginx alone.
        ours.append(download(port, path, "Range: bytes=0-\r\n", proxied=True))
        download(port, path, proxied=True)
        shared.append(download(port, path, proxied=True))
    print(
        f"stream, {many}: {median(ours):.0f} MB/s, nginx alone {median(direct):.0f} MB/s:"
        f" {median(ours) / median(direct):.2f}; behind a shared download"
        f" {median(shared):.0f} MB/s",
        flush=True,
    )


def _write_files(folder: Path, plan: _Plan) -> list[FilePath]:
    """Write upstream's files: many of 1 KB, and the last one large."""
    name = parse_filename("six-1.0.tar.gz")
    paths = [path_from_digest(f"{number:064x}", name) for number in range(_FILES + 1)]
    for path in paths[:-1]:
        (folder / "www" / "packages" / path).parent.mkdir(parents=True)
        (folder / "www" / "packages" / path).write_bytes(b"x" * 1000)
    large = folder / "www" / "packages" / paths[-1]
    large.parent.mkdir(parents=True)
    large.write_bytes(os.urandom(plan.megabytes << 20))
    return paths


@contextmanager
def _nginx(folder: Path, name: str, port: int, body: str) -> Iterator[None]:
    conf = folder / f"{name}.conf"
    conf.write_text(_NGINX.format(folder=folder, name=name, port=port, body=body))
    folder.chmod(0o755)
    process = subprocess.Popen(
        [find_nginx(), "-c", str(conf), "-p", str(folder)], start_new_session=True
    )
    try:
        wait_until(lambda: _listens(port))
        yield
    finally:
        process.terminate()
        process.wait(10)
        end_session(process.pid)


def _listens(port: int) -> bool:
    command = [
        sys.executable,
        "-c",
        f"import socket; socket.create_connection(('127.0.0.1', {port}))",
    ]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


@contextmanager
def _mirror(folder: Path, pypi: FakePypi, upstream: int, workers: int) -> Iterator[Serving]:
    rules = [{"cidr": "10.0.0.0/8", "mode": "proxy"}]
    serving = Serving.of(
        folder,
        pypi,
        trusted_proxies=["127.0.0.1"],
        app={"workers": workers},
        ip_modes={"default": "302", "rules": rules},
        upstream={
            "pypi_url": pypi.pypi_url,
            "packages_url": f"http://127.0.0.1:{upstream}/packages/",
        },
    )
    with serving as running:
        running.wait_until_good()
        yield running


def _memory(mirror: Serving) -> float:
    """Return the largest worker's resident memory, in MB."""
    assert mirror.app is not None
    time.sleep(0.2)
    children = Path(f"/proc/{mirror.app.pid}/task/{mirror.app.pid}/children").read_text()
    sizes = []
    for pid in children.split():
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        sizes += [int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")]
    return max(sizes)


if __name__ == "__main__":
    sys.exit(main())
