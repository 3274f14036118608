"""A whole mirror for tests: real nginx and real gunicorn on loopback, as `up` has them."""

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from app.config import Config, load
from app.nginx import Runtime, prepare, render, this_machine
from app.store import Store
from app.web.environment import CONFIG_VARIABLE
from jobs.children import end_session
from jobs.machine import find_nginx, gunicorn_command, nginx_command
from jobs.parts import make_folders
from tests.fake_pypi import FakePypi
from tests.mirrors import free_port, write_config

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 20


@dataclass(frozen=True)
class Answer:
    """What a client got."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    def header(self, name: str) -> str:
        """Return a header's value; several lines joined, nothing where there is none."""
        return self.headers.get(name.lower(), "")


def wait_until(true: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait until something is so; fail where it does not become so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not so after {seconds} s"
        time.sleep(0.02)


@dataclass
class Serving:
    """nginx and gunicorn on one configuration."""

    config: Config
    path: Path
    runtime: Runtime
    nginx: "subprocess.Popen[bytes] | None" = None
    app: "subprocess.Popen[bytes] | None" = None
    # In nginx's configuration, what a test cannot wait for: text to text.
    edits: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path, pypi: FakePypi, **changes: object) -> Self:
        """Prepare a mirror of an upstream; `changes` replace sections of the YAML file."""
        metrics = {"metrics": {"listen": f"127.0.0.1:{free_port()}"}}
        path = write_config(folder, pypi, **(metrics | changes))
        config = load(path)
        make_folders(config)
        return cls(config, path, runtime_of(config))

    def __enter__(self) -> Self:
        """Start both, and wait until the application answers through nginx."""
        try:
            self.start_app()
            self.start_nginx()
            wait_until(lambda: self.get(f"{self.config.prefix}/simple/").status == 200)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop both; a process that does not end in time fails the test."""
        self.stop_nginx()
        self.stop_app()

    def start_nginx(self) -> None:
        """Render the configuration and start nginx on it."""
        prepare(self.runtime)
        conf = self.runtime.run_dir / "nginx.conf"
        text = render(self.config, self.runtime)
        for old, new in self.edits.items():
            assert old in text, old
            text = text.replace(old, new)
        conf.write_text(text)
        command = list(nginx_command(find_nginx(), conf))
        self.nginx = subprocess.Popen(command, start_new_session=True)
        wait_until(lambda: _connects(self.config.listen.port))

    def start_app(self) -> None:
        """Start gunicorn."""
        environment = {**os.environ, CONFIG_VARIABLE: str(self.path)}
        self.app = subprocess.Popen(
            list(gunicorn_command()), env=environment, cwd=ROOT, start_new_session=True
        )
        wait_until(self._app_listens)

    def stop_nginx(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End nginx, and the workers that a killed master leaves."""
        if self.nginx is not None:
            self.nginx.send_signal(number)
            self.nginx.wait(PATIENCE)
            end_session(self.nginx.pid)
            self.nginx = None

    def stop_app(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End gunicorn and its workers."""
        if self.app is not None:
            self.app.send_signal(number)
            self.app.wait(PATIENCE)
            end_session(self.app.pid)
            self.app = None

    def signal_app(self, number: signal.Signals) -> None:
        """Send gunicorn's master and workers a signal, as to a hung application."""
        assert self.app is not None
        os.killpg(self.app.pid, number)

    def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """Ask nginx; a header's underscores are hyphens."""
        return ask(self.config.listen.port, path, method, headers)

    def raw(self, request: bytes, *, end: bool = False) -> bytes:
        """Send bytes to nginx, and return all that it answers until it closes.

        With `end`, it is told that no more will come: to a whole request that is a client
        which has gone.
        """
        with socket.create_connection(("127.0.0.1", self.config.listen.port), 10) as client:
            client.sendall(request)
            if end:
                client.shutdown(socket.SHUT_WR)
            return _all_from(client)

    def counted(self, metric: str, outcome: str) -> float:
        """Return a counter of the application."""
        text = self.ask_metrics("/metrics").body.decode()
        wanted = f'larder_{metric}_total{{outcome="{outcome}"}} '
        lines = [line for line in text.splitlines() if line.startswith(wanted)]
        return float(lines[0].removeprefix(wanted)) if lines else 0.0

    def counted_lost(self) -> float:
        """Return how many votes were lost, over all restarts."""
        lines = self.ask_metrics("/metrics").body.decode().splitlines()
        wanted = "larder_lost_votes_total "
        return next(float(line[len(wanted) :]) for line in lines if line.startswith(wanted))

    def wait_until_good(self) -> None:
        """Wait until no place of files is out."""

        def good() -> bool:
            lines = self.ask_metrics("/metrics").body.decode().splitlines()
            states = [line for line in lines if line.startswith("larder_target_up{")]
            return bool(states) and not any(line.endswith(" 0.0") for line in states)

        wait_until(good)

    def ask_metrics(self, path: str) -> Answer:
        """Ask the listener that is not for clients."""
        assert self.config.metrics_listen is not None
        return ask(self.config.metrics_listen.port, path, "GET", {})

    def votes(self) -> list[str]:
        """Return the paths of all votes in the database."""
        store = Store.open(self.config.database)
        try:
            return [path for path, _ in store.votes(0)]
        finally:
            store.close()

    def hold(self, tier: str, path: str, content: bytes) -> Path:
        """Put a file on a tier, as `move` does, and return where it is."""
        target = self.config.repo_path / tier / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        os.utime(target, (1_600_000_000, 1_600_000_000))
        return target

    def spooled(self) -> list[bytes]:
        """Return the lines of the spool."""
        spool = self.runtime.spool
        return spool.read_bytes().splitlines() if spool.exists() else []

    def errors(self) -> list[str]:
        """Return what nginx has logged as worse than a notice of a dead application."""
        return (self.runtime.run_dir / "error.log").read_text().splitlines()

    def _app_listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.runtime.app_socket)) == 0


def ask(port: int, path: str, method: str, headers: Mapping[str, str]) -> Answer:
    """Ask a server on the loopback, sending the path as it is."""
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.putrequest(method, path, "Host" in headers, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        response = connection.getresponse()
        body = response.read()
        found: dict[str, str] = {}
        for name, value in response.getheaders():
            known = found.get(name.lower())
            found[name.lower()] = f"{known}, {value}" if known else value
        return Answer(response.status, found, body, time.monotonic() - began)
    finally:
        connection.close()


def runtime_of(config: Config) -> Runtime:
    """Return this machine; as root, nginx stays root: a test's folders are closed to others."""
    user = "root" if os.geteuid() == 0 else None
    return this_machine(config.repo_path / "run", user, find_nginx())


def _all_from(client: socket.socket) -> bytes:
    """Return what comes until the other side closes, or resets, as after a refusal."""
    pieces = []
    try:
        while piece := client.recv(65536):
            pieces.append(piece)
    except ConnectionResetError:
        pass
    return b"".join(pieces)


def _connects(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
