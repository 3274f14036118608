"""Clients that hold connections open: some send a request byte by byte, some hardly read.

    python -m tests.benchmarks.slow_clients PORT COUNT PATH

Half of them send one byte of a header each few seconds; the others ask for PATH, a large
file, and take 1 KB of it each few seconds. Says "ready" when all are there, and ends with
its standard input.
"""

import resource
import select
import socket
import sys

_HEAD = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
_PAUSE = 3.0


def main() -> None:
    """Open the connections and keep them."""
    port, count, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    clients = [_connect(port, number) for number in range(count)]
    for number, client in enumerate(clients):
        client.sendall(_HEAD if number % 2 else _request(path))
    print("ready", flush=True)
    gone = 0
    while not select.select([sys.stdin], [], [], _PAUSE)[0]:
        for number, client in enumerate(clients):
            try:
                if number % 2:
                    client.sendall(b"x")
                elif not client.recv(1024):
                    gone += 1
            except OSError:
                gone += 1
    print(f"{gone} were closed")


def _connect(port: int, number: int) -> socket.socket:
    """Return a connection from one of many networks of the loopback."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.bind((f"127.{1 + number // 250}.{number % 250}.1", 0))
    client.connect(("127.0.0.1", port))
    return client


def _request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


if __name__ == "__main__":
    main()
