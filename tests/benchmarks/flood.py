"""More questions than the application can answer, on its own socket.

    python -m tests.benchmarks.flood SOCKET

Says "ready" when it asks, and ends with its standard input.
"""

import socket
import sys
import threading

_THREADS = 100
_QUESTION = b"GET /names/Some.Project HTTP/1.1\r\nHost: larder\r\nConnection: close\r\n\r\n"


def main() -> None:
    """Ask until the standard input ends."""
    over = threading.Event()
    threads = [threading.Thread(target=_ask, args=(sys.argv[1], over)) for _ in range(_THREADS)]
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    sys.stdin.read()
    over.set()


def _ask(path: str, over: threading.Event) -> None:
    while not over.is_set():
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(2)
                client.connect(path)
                client.sendall(_QUESTION)
                client.recv(4096)
        except OSError:
            over.wait(0.01)


if __name__ == "__main__":
    main()
