"""Load on a server of this machine, by wrk, or by a small client where that is missing.

    python -m tests.benchmarks.load PORT SECONDS CONNECTIONS PATH [HEADER...]

The small one is for the test suite: it takes more of a core than nginx does, so what it
measures says little about nginx. At its end it prints what wrk would: requests, seconds,
and answers that were no success.
"""

import os
import re
import selectors
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CONNECTIONS = 32

# Each request from a network of its own: the third group of the address changes last. The
# numbers begin where the run before has ended.
_NETWORKS = """
local number = tonumber(os.getenv("LARDER_FIRST"))
request = function()
  number = number + 1
  local a, b, c = math.floor(number / 65536) % 200 + 1, math.floor(number / 256) % 256, number % 256
  wrk.headers["X-Forwarded-For"] = a .. "." .. b .. "." .. c .. ".1"
  return wrk.format()
end
"""

_NEXT = 0
_MOST = 100_000
"""No run has more requests a second."""


class LoadError(Exception):
    """A run of load was answered with anything but success."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked for."""

    port: int
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    # Whether every request comes from another network, so that each is a new vote.
    new_votes: bool = False


def find_wrk() -> str | None:
    """Return where wrk is, if it is installed."""
    return shutil.which("wrk")


def rate(target: Target, seconds: float, folder: Path, wrk: str | None) -> float:
    """Return how many requests a second are answered; without wrk, to the small client.

    Raises:
        LoadError: An answer was no success, or there was none.

    """
    command = _wrk(wrk, target, seconds, folder) if wrk else _small(target, seconds)
    said = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LARDER_FIRST": str(_first(seconds)), "PYTHONPATH": str(ROOT)},
    )
    found = re.search(r"(\d+) requests in ([0-9.]+)(ms|s)", said.stdout)
    if said.returncode or not found or re.search("Non-2xx|Socket errors", said.stdout):
        message = f"{target.path}: {said.stdout}{said.stderr}"
        raise LoadError(message)
    number, took = int(found[1]), float(found[2])
    return number / (took / 1000 if found[3] == "ms" else took)


def first_network() -> int:
    """Return the number of a network that nothing came from yet, and take it."""
    return _first(0.01)


def _first(seconds: float) -> int:
    """Return the number of the first network of a run, and take as many as it may need."""
    global _NEXT
    first, _NEXT = _NEXT, _NEXT + int(_MOST * seconds)
    return first


def _wrk(wrk: str, target: Target, seconds: float, folder: Path) -> list[str]:
    command = [wrk, "-t", "1", "-c", str(CONNECTIONS), "-d", f"{max(1, round(seconds))}s"]
    for name, value in target.headers.items():
        command += ["-H", f"{name}: {value}"]
    if target.new_votes:
        script = folder / "networks.lua"
        script.write_text(_NETWORKS)
        command += ["-s", str(script)]
    return [*command, f"http://127.0.0.1:{target.port}{target.path}"]


def _small(target: Target, seconds: float) -> list[str]:
    lines = [f"{name}: {value}" for name, value in target.headers.items()]
    if target.new_votes:
        lines.append("X-Forwarded-For: NEW")
    command = [sys.executable, "-m", "tests.benchmarks.load", str(target.port), str(seconds)]
    return [*command, str(CONNECTIONS), target.path, *lines]


@dataclass(slots=True)
class _Client:
    """A connection that asks again as soon as it is answered."""

    connection: socket.socket
    # What is still missing of the answer; None while its head is.
    left: int | None = None
    head: bytes = b""


class _Crowd:
    """Many clients of one process."""

    def __init__(self, port: int, connections: int, path: str, lines: list[str]) -> None:
        head = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""]
        self._request = "\r\n".join(head)
        self._number = int(os.environ.get("LARDER_FIRST", "0"))
        self._selector = selectors.DefaultSelector()
        self._address = ("127.0.0.1", port)
        self.done = self.failed = 0
        for _ in range(connections):
            self._start()

    def run(self, seconds: float) -> None:
        """Ask for so long, and until one is answered."""
        until = time.monotonic() + seconds
        while time.monotonic() < until or (not self.done and time.monotonic() < until + 20):
            for key, _ in self._selector.select(0.1):
                self._read(key.data)

    def _start(self) -> None:
        client = _Client(socket.create_connection(self._address))
        self._selector.register(client.connection, selectors.EVENT_READ, client)
        self._ask(client)

    def _ask(self, client: _Client) -> None:
        self._number += 1
        high, low = divmod(self._number, 256)
        network = f"{1 + (high >> 8) % 200}.{high & 255}.{low}.1"
        client.connection.sendall(self._request.replace("NEW", network).encode())
        client.left, client.head = None, b""

    def _read(self, client: _Client) -> None:
        piece = client.connection.recv(1 << 18)
        if not piece:
            # nginx closes a connection after a thousand requests.
            self._selector.unregister(client.connection)
            client.connection.close()
            self._start()
            return
        if client.left is None:
            client.head += piece
            head, end, body = client.head.partition(b"\r\n\r\n")
            if not end:
                return
            self.failed += not head.startswith((b"HTTP/1.1 2", b"HTTP/1.1 3"))
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            client.left, piece = int(length[1]) if length else 0, body
        client.left -= len(piece)
        if client.left <= 0:
            self.done += 1
            self._ask(client)


def main() -> None:
    """Run the small client."""
    port, seconds, connections, path, *lines = sys.argv[1:]
    crowd = _Crowd(int(port), int(connections), path, lines)
    crowd.run(float(seconds))
    print(f"{crowd.done} requests in {seconds}s")
    if crowd.failed:
        print(f"Non-2xx or 3xx responses: {crowd.failed}")


if __name__ == "__main__":
    main()
