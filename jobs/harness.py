"""What all jobs share: arguments, configuration, lock, signals, dry run, exit code."""

import argparse
import logging
import os
import signal
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar

from app.config import Config, ConfigError, load
from app.locks import FileLock, LockedError
from app.runs import Run
from app.steps import Step
from app.store import StoreBusyError, StoreError
from app.tiers import TierMissingError
from app.upstream import UpstreamUnavailable, UpstreamUntrusted
from jobs.dry_run import without_traces
from jobs.exit_codes import ExitCode, JobError, RefusedError, TryLaterError, UsageError
from jobs.hands import Hands
from jobs.outcome import Outcome, print_pieces
from jobs.parts import Parts, make_folders
from jobs.running import Report, Runner
from jobs.summary import Summary

logger = logging.getLogger("larder")

CONFIG_VARIABLE = "LARDER_CONFIG"

FIRST_FILE = Path("var", "larder.yaml")
"""What `larder up` writes and uses where it is given no other."""


class Job(ABC):
    """A job: facts to steps, and how to carry out one of them."""

    # The command's name, and the lock's.
    name: ClassVar[str]
    # The other jobs whose locks it takes too: it does what they must not do meanwhile.
    besides: ClassVar[tuple[str, ...]] = ()
    # Of these so many in a row say that upstream is better left in peace.
    telling: ClassVar[tuple[type[Exception], ...]] = (UpstreamUnavailable,)

    def __init__(self, parts: Parts, options: argparse.Namespace) -> None:
        """Remember the parts; nothing is opened yet."""
        self.parts = parts
        self.options = options
        # How many of the steps before the present one are left to the next run: those that
        # were not tried, and those that failed and that nothing else tells of.
        self.left = 0

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Add the job's own options to those that all have."""

    @property
    def workers(self) -> int:
        """How many steps run side by side."""
        return self.parts.config.sync.concurrent_downloads

    def crew(self, steps: int) -> Hands | None:
        """Return who carries out so many steps; None where this process's threads do."""
        del steps
        return None

    @property
    def summary(self) -> Summary | None:
        """What a plan or a run comes to, where its steps alone do not tell it well."""
        return None

    @abstractmethod
    def plan(self) -> Sequence[Step]:
        """Return what is to be done; changes nothing."""

    @abstractmethod
    def execute(self, step: Step) -> None:
        """Carry out one step; raises an error of the doors where it fails."""

    def failed(self, step: Step, error: Exception) -> None:
        """Be told of a step that failed; for most the next plan finds it again."""

    def answer(self) -> Sequence[Mapping[str, Any]]:
        """Return what the options ask about in place of a run; most ask nothing."""
        return ()

    def begin(self) -> None:
        """Be told that the plan is carried out now; most have nothing to note."""

    def conclude(self, report: Report) -> None:
        """Add to the report what the steps alone do not tell; most have nothing."""


def main(kind: type[Job], arguments: Sequence[str] | None = None) -> int:
    """Run a job from the command line; return its exit code."""
    parser = job_parser(kind)
    options = parser.parse_args(arguments)
    set_up_logging(options)
    stop = Stop()
    with stop.listening():
        try:
            outcome = run_job(kind, read_config(options.config), options, stop)
            code = outcome.code
            if options.json:
                print_pieces(chain(outcome.json(), "\n"))
            else:
                outcome.print_plan()
        except JobError as error:
            logger.error("%s: %s", kind.name, error)
            code = error.code
    return stop.exit_code or code


def job_parser(kind: type[Job]) -> argparse.ArgumentParser:
    """Return the parser of a job's command line."""
    description = (kind.__doc__ or "").strip()
    parser = argparse.ArgumentParser(
        prog=f"larder {kind.name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_config_option(parser)
    parser.add_argument("--dry-run", action="store_true", help="print the plan, change nothing")
    parser.add_argument("--json", action="store_true", help="print the plan or the report as JSON")
    volume = parser.add_mutually_exclusive_group()
    volume.add_argument("-v", "--verbose", action="store_true", help="a line for every step")
    volume.add_argument("-q", "--quiet", action="store_true", help="only warnings and errors")
    kind.add_options(parser)
    return parser


def add_config_option(parser: argparse.ArgumentParser) -> None:
    """Add `-c`, with the environment's file as its default."""
    parser.add_argument(
        "-c",
        "--config",
        metavar="FILE",
        default=os.environ.get(CONFIG_VARIABLE),
        help=f"the YAML configuration (default: ${CONFIG_VARIABLE}, or {FIRST_FILE})",
    )


def set_up_logging(options: argparse.Namespace) -> None:
    """Log what the options ask for."""
    level = logging.INFO
    if options.verbose:
        level = logging.DEBUG
    if options.quiet:
        level = logging.WARNING
    log_from(level)


def log_from(level: int) -> None:
    """Log to standard error, one line each; the plan and the report go to standard output."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    for one in (logger, logging.getLogger("app")):
        one.handlers[:] = [handler]
        one.setLevel(level)
        one.propagate = False


def read_config(path: str | None) -> Config:
    """Return the configuration, or say everything that is wrong with it.

    Raises:
        UsageError: There is none, or it has problems.

    """
    if path is None and not FIRST_FILE.exists():
        message = (
            f"no configuration: give one with -c FILE, or set {CONFIG_VARIABLE}; "
            f"`larder up` writes {FIRST_FILE}"
        )
        raise UsageError(message)
    try:
        return load(Path(path or FIRST_FILE))
    except ConfigError as error:
        raise UsageError("\n".join(["the configuration has problems", str(error)])) from error


def run_job(kind: type[Job], config: Config, options: argparse.Namespace, stop: "Stop") -> Outcome:
    """Run one job under its lock, or only plan it; return what became of it.

    Raises:
        JobError: It could not be run, or not to its end.

    """
    os.umask(0o022)  # nginx's own user must be able to read what is written.
    with _as_job_errors(), ExitStack() as stack:
        if options.dry_run:
            config = stack.enter_context(without_traces(config))
        make_folders(config)
        parts = Parts(config, stop.asked)
        stack.enter_context(FileLock(parts.run.job_lock(kind.name)))
        job = kind(parts, options)
        if answer := job.answer():
            return Outcome(ExitCode.DONE, answer=answer)
        if options.dry_run:
            plan = job.plan()
            failed = job.summary is not None and job.summary.failed
            code = ExitCode.FAILED_STEPS if failed else ExitCode.DONE
            return Outcome(code, plan=plan, summary=job.summary)
        for name in kind.besides:
            stack.enter_context(FileLock(parts.run.job_lock(name)))
        return _carried_out(job, stop)


def _carried_out(job: Job, stop: "Stop") -> Outcome:
    """Plan and run a job, and note in the database what becomes of it."""
    run, runs = Run(job.name, time.time()), job.parts.runs
    code = ExitCode.FAILED_STEPS
    report = Report(job.name, 0)
    try:
        with _as_job_errors():
            steps = job.plan()
            if steps:
                with noting():
                    runs.begin(run.job, run.started, len(steps))
            with noting():
                job.begin()
            runner = Runner(job, job.workers, stop.asked, job.crew)
            threshold = job.parts.config.sync.download_error_threshold
            report = runner.run(steps, give_up_after=threshold)
            code = report.exit_code
    except JobError as error:
        code = error.code
        raise
    finally:
        with noting():
            runs.end(
                replace(
                    run,
                    steps=report.steps,
                    ended=time.time(),
                    code=stop.exit_code or code,
                    outcomes=report.outcomes,
                )
            )
    return Outcome(code, report=report, summary=job.summary)


@contextmanager
def noting() -> Iterator[None]:
    """Let a note be missing that cannot be written: the job's work is done all the same."""
    try:
        yield
    except (StoreError, OSError, JobError) as error:
        logger.warning("what became of the run is not noted: %s", error)


class Stop:
    """A signal's wish that the job should end, asked between steps and blocks."""

    def __init__(self) -> None:
        """Nobody has asked yet."""
        self._event = threading.Event()
        self._number = 0

    def asked(self) -> bool:
        """Whether a signal came."""
        return self._event.is_set()

    @property
    def exit_code(self) -> int:
        """128 and the signal's number, as shells have it; 0 where none came."""
        return 128 + self._number if self._number else 0

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Catch SIGINT and SIGTERM; a second one ends at once."""
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self._note) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self._event.is_set():
            os._exit(128 + number)
        self._number = number
        self._event.set()


@contextmanager
def _as_job_errors() -> Iterator[None]:
    """Turn what the doors raise before any step into a code and a sentence."""
    try:
        yield
    except LockedError as error:
        message = f"another run is at it: {error}"
        raise TryLaterError(message) from error
    except (UpstreamUnavailable, StoreBusyError) as error:
        raise TryLaterError(str(error)) from error
    except UpstreamUntrusted as error:
        raise RefusedError(str(error)) from error
    except (StoreError, TierMissingError) as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        message = f"{error.filename or 'the disk'}: {error.strerror or error}"
        raise JobError(message) from error
