"""Entry point of `larder up`: nginx, gunicorn and the timetable, in the foreground."""

import argparse
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.config import Config, default_yaml
from app.locks import FileLock, LockedError
from app.nginx import Runtime, UnsafeValueError, prepare, render, this_machine
from app.runtime import RunDirectory
from app.store import Store, StoreBusyError, StoreError
from jobs import machine
from jobs.children import Child, Pauses, Register
from jobs.exit_codes import ExitCode, JobError, TryLaterError, UsageError
from jobs.harness import CONFIG_VARIABLE, Stop, add_config_option, read_config, set_up_logging
from jobs.parts import make_folders
from jobs.reloading import Watched, Wishes
from jobs.timetable import Timetable

logger = logging.getLogger("larder")

DEFAULT_FOLDER = Path("var")
_TICK = 0.2
"""Seconds between two looks at the children: a dead one is missed for no longer."""

_READY_TIMEOUT = 30
_PATIENCE = 10
"""Seconds that a child gets to end by itself."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a mirror until a signal ends it; return the exit code."""
    options = _parser().parse_args(arguments)
    set_up_logging(options)
    os.umask(0o022)  # nginx's own user must be able to read what is written.
    stop, wishes = Stop(), Wishes()
    with stop.listening(), wishes.listening():
        try:
            _run(options, stop, wishes)
        except JobError as error:
            logger.error("up: %s", error)
            return error.code
        except OSError as error:
            logger.error("up: %s: %s", error.filename or "the disk", error.strerror or error)
            return ExitCode.FAILED_STEPS
    return stop.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="larder up",
        description="Run the whole mirror in the foreground; Ctrl-C stops it. Without a "
        f"configuration, one is written to {DEFAULT_FOLDER}/larder.yaml and used.",
    )
    add_config_option(parser)
    volume = parser.add_mutually_exclusive_group()
    volume.add_argument("-v", "--verbose", action="store_true", help="a line for every step")
    volume.add_argument("-q", "--quiet", action="store_true", help="only warnings and errors")
    return parser


def _run(options: argparse.Namespace, stop: Stop, wishes: Wishes) -> None:
    path = Path(options.config) if options.config else _default_configuration()
    config = read_config(str(path))
    make_folders(config)
    directory = RunDirectory(config.repo_path)
    try:
        with FileLock(directory.up_lock):
            mirror = _Mirror.start(config, path.resolve(), directory, stop)
            mirror.watch(stop, wishes)
    except LockedError as error:
        message = f"another `larder up` is running on {config.repo_path}; stop that one first"
        raise TryLaterError(message) from error


def _default_configuration() -> Path:
    """Return the configuration of a first start, written if it is not there."""
    folder = Path.cwd() / DEFAULT_FOLDER
    path = folder / "larder.yaml"
    if not path.exists():
        for tier in ("hot", "cold"):
            (folder / tier).mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".new")
        partial.write_text(default_yaml(folder))
        partial.replace(path)
        logger.info("wrote %s: change it and start again", path)
    return path


@dataclass
class _Mirror:
    """The running children."""

    config: Config
    directory: RunDirectory
    register: Register
    environment: dict[str, str]
    commands: dict[str, Sequence[str]]
    runtime: Runtime
    timetable: Timetable
    # Certificate and key, if there are any.
    watched: Watched
    children: dict[str, Child] = field(default_factory=dict)
    # When what has ended is started again.
    due_at: dict[str, float] = field(default_factory=dict)
    pauses: Pauses = field(default_factory=Pauses)
    # What the machine does not let be done just now.
    failing: set[str] = field(default_factory=set)

    @classmethod
    def start(cls, config: Config, path: Path, directory: RunDirectory, stop: Stop) -> "_Mirror":
        """Check what can be checked, start everything, and wait until a client can use it."""
        nginx = machine.find_nginx()
        register = Register(directory.children)
        if left := register.end_leftovers():
            logger.warning("ended %d processes that a killed `larder up` had left", left)
        machine.check_port(config.listen)
        _check_database(config)
        runtime = this_machine(directory.path, machine.nginx_user(config), nginx)
        prepare(runtime)
        _write_nginx_conf(config, runtime, directory.nginx_conf)
        _test_nginx_conf(nginx, directory.nginx_conf)
        environment = {**os.environ, CONFIG_VARIABLE: str(path)}
        mirror = cls(
            config,
            directory,
            register,
            environment,
            {
                "gunicorn": machine.gunicorn_command(),
                "nginx": machine.nginx_command(nginx, directory.nginx_conf),
            },
            runtime,
            Timetable(config, path),
            Watched([config.tls.cert, config.tls.key] if config.tls else []),
        )
        try:
            mirror._start_all(stop)
        except BaseException:
            mirror.stop()
            raise
        return mirror

    def watch(self, stop: Stop, wishes: Wishes) -> None:
        """Keep the children running until a signal comes, then stop them all."""
        try:
            while not stop.asked():
                if wishes.came(signal.SIGUSR1):
                    # The app has no log of its own.
                    self.children["nginx"].send(signal.SIGUSR1)
                self._attempt("start what has ended", self._restart_dead)
                self._attempt("start a job", self.timetable.tick)
                self._attempt("note its processes", self._note_sessions)
                if wishes.came(signal.SIGHUP):
                    logger.info("SIGHUP: nginx and the app begin anew, one process after the other")
                    self.children["gunicorn"].send(signal.SIGHUP)
                    self._reload_nginx()
                if self.watched.changed():
                    logger.info("the certificate has changed")
                    self._reload_nginx()
                time.sleep(_TICK)
        finally:
            logger.info("stopping")
            self.stop()

    def stop(self) -> None:
        """Stop the job, then nginx, then the app: each serves those before it."""
        self.timetable.stop(_PATIENCE)
        for name in reversed(self.children):
            self.children[name].stop(_STOP_SIGNALS[name], _PATIENCE)
        self._attempt("remove the list of its processes", self.register.remove)

    def _attempt(self, what: str, act: Callable[[], None]) -> None:
        """Do what needs the disk, or a new process; say once that it cannot be done.

        The mirror goes on without it, since what is here is served from a full disk
        as well; the next tick tries again.
        """
        try:
            act()
        except OSError as error:
            if what not in self.failing:
                logger.error("up cannot %s, and will try again: %s", what, error)
            self.failing.add(what)
        else:
            self.failing.discard(what)

    def _reload_nginx(self) -> None:
        """Have nginx read its certificate again, if it will take it; no request is dropped."""
        try:
            _test_nginx_conf(self.commands["nginx"][0], self.directory.nginx_conf)
        except UsageError as error:
            # Maybe half of it is there; the other half is another change.
            logger.error("nginx goes on with what it has read: %s", error)
            return
        self.children["nginx"].send(signal.SIGHUP)

    def _start_all(self, stop: Stop) -> None:
        """Start the app, then nginx, which would log each question that it cannot ask."""
        here = {
            "gunicorn": lambda: machine.listens(self.runtime.app_socket),
            # The list of projects: through nginx, and on an empty mirror through the app.
            "nginx": lambda: machine.answers(self.config),
        }
        for name, is_here in here.items():
            self._start(name)
            self._note_sessions()
            if not self._wait_until(is_here, name, stop):
                return
        machine.announce(self.config)

    def _start(self, name: str) -> None:
        if name == "nginx":
            # A killed one has left its socket, which the next would not start on.
            prepare(self.runtime)
        # gunicorn imports from where it is started, and an `app.py` may lie where `up` was.
        folder = self.directory.path
        self.children[name] = Child(name, self.commands[name], self.environment, folder)

    def _note_sessions(self) -> None:
        sessions = [child.pid for child in self.children.values()]
        self.register.write([*sessions, *self.timetable.sessions()])

    def _restart_dead(self) -> None:
        for name, child in self.children.items():
            code = child.exit_code()
            if code is None:
                continue
            if name not in self.due_at:
                pause = self.pauses.next(name, child.age)
                logger.error(
                    "%s ended with exit code %d; starting it again in %g s", name, code, pause
                )
                self.due_at[name] = time.monotonic() + pause
            if time.monotonic() >= self.due_at[name]:
                # Its own children may be left, and hold its sockets.
                child.stop(signal.SIGKILL, _PATIENCE)
                self._start(name)
                del self.due_at[name]
                return

    def _wait_until(self, is_here: Callable[[], bool], name: str, stop: Stop) -> bool:
        """Wait until a child can be used; return whether it can, or a signal came first."""
        deadline = time.monotonic() + _READY_TIMEOUT
        while not stop.asked():
            if is_here():
                return True
            for started, child in self.children.items():
                if (code := child.exit_code()) is not None:
                    message = f"{started} ended at once with exit code {code}; it says why above"
                    raise JobError(message)
            if time.monotonic() > deadline:
                message = f"{name} does not answer after {_READY_TIMEOUT} seconds"
                raise JobError(message)
            time.sleep(0.02)
        return False


# nginx: QUIT lets requests end, TERM does not; gunicorn: TERM lets them end.
_STOP_SIGNALS = {"nginx": signal.SIGTERM, "gunicorn": signal.SIGTERM}


def _check_database(config: Config) -> None:
    """Make the database where there is none; go on without one that is away for now.

    Held files and known pages need none. App and jobs try again by themselves.
    """
    try:
        Store.open(config.database).close()
    except StoreBusyError as error:
        logger.warning("serving what is here, and trying the database again: %s", error)
    except StoreError as error:
        raise UsageError(str(error)) from error


def _write_nginx_conf(config: Config, runtime: Runtime, path: Path) -> None:
    try:
        text = render(config, runtime)
    except UnsafeValueError as error:
        raise UsageError(str(error)) from error
    partial = path.with_suffix(".new")
    partial.write_text(text)
    partial.replace(path)


def _test_nginx_conf(nginx: str, path: Path) -> None:
    command = [*machine.nginx_command(nginx, path), "-t", "-q"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    if told.returncode:
        message = f"nginx does not take {path}: {told.stderr.strip()}"
        raise UsageError(message)


if __name__ == "__main__":
    sys.exit(run())
