"""A job's steps in a child process that dies at any line of the code that carries them out."""

import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from app.config import Config
from app.fetching import FetchFailedError
from app.holdings import PutOffError
from app.scrubbing import RottenError, Scrub, ScrubPolicy
from app.steps import Step
from app.store import UnlistedError
from app.tiers import NoRoomError, WrongContentError
from app.upstream import UpstreamError
from jobs.harness import job_parser
from jobs.move import MoveFiles
from jobs.parts import Parts, tiers
from jobs.score import Score

APP = str(Path(__file__).resolve().parent.parent / "app")
# What writes to tiers, or decides when; and what counts votes and makes wishes of them.
_WATCHED = tuple(
    f"{APP}/{name}"
    for name in ("tiers", "holdings", "fetching", "scrubbing", "spooling", "wishing", "releases")
)

OVER_LIMIT = 3
_FAILED = 4
_EXPECTED = (
    FetchFailedError,
    NoRoomError,
    PutOffError,
    RottenError,
    UnlistedError,
    UpstreamError,
    WrongContentError,
)

Tracer = Callable[[FrameType, str, object], Any]


def score(parts: Parts) -> None:
    """Do what `score` does: count the spool's votes, hand heat on, decide what should be here."""
    job = Score(parts, job_parser(Score).parse_args([]))
    _each(job.plan(), job.execute)


def move(parts: Parts) -> None:
    """Do what `move` does, step by step."""
    steps = MoveFiles(parts, job_parser(MoveFiles).parse_args([])).plan()
    _each(steps, parts.holdings.execute)


def scrub(parts: Parts) -> None:
    """Hash every held file."""
    found = Scrub(parts.store, tiers(parts.config), ScrubPolicy(0, 1 << 30))
    _each(list(found.due()), found.verify)


def withdraw(parts: Parts) -> None:
    """Delete what no page lists any more."""
    parts.holdings.withdraw()
    parts.core_metadata.withdraw()


def _each(steps: Sequence[Step], execute: Callable[[Any], None]) -> None:
    for step in steps:
        try:
            execute(step)
        except _EXPECTED:
            continue


def in_child(config: Config, work: Callable[[Parts], None], kill_at: int | None) -> int:
    """Run a job in a child that is killed at a line, and watches the tiers until then.

    Return its exit code: 0, or minus SIGKILL, or `OVER_LIMIT` where a tier had more than
    its limit and more than at the start.
    """
    sys.stdout.flush()
    with warnings.catch_warnings():
        # Other threads are the simulated upstream's; the child does not need them.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        code = _FAILED
        try:
            code = _run(config, work, kill_at)
        except BaseException:  # noqa: BLE001 - whatever it is, the child ends here.
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _run(config: Config, work: Callable[[Parts], None], kill_at: int | None) -> int:
    parts = Parts(config)
    watch = _Watch(config, kill_at)
    sys.settrace(watch.call)
    work(parts)
    sys.settrace(None)
    return OVER_LIMIT if watch.over else 0


class _Watch:
    """Counts lines, and looks at the tiers whenever a function that may write is left."""

    def __init__(self, config: Config, kill_at: int | None) -> None:
        self._left = kill_at
        self._limits = {tier.path: tier.size_limit for tier in config.cache.tiers}
        begun = usage(self._limits)
        self._most = {root: max(limit, begun[root]) for root, limit in self._limits.items()}
        self.over = False

    def call(self, frame: FrameType, _event: str, _argument: object) -> "Tracer | None":
        """Trace the functions of the modules that are watched."""
        return self._line if frame.f_code.co_filename.startswith(_WATCHED) else None

    def _line(self, _frame: FrameType, event: str, _argument: object) -> "Tracer":
        if event == "return":
            self.over |= any(size > self._most[root] for root, size in usage(self._most).items())
        elif self._left is not None:
            self._left -= 1
            if self._left < 0:
                if self.over:
                    os._exit(OVER_LIMIT)
                os.kill(os.getpid(), signal.SIGKILL)
        return self._line


def usage(roots: Mapping[Path, int]) -> dict[Path, int]:
    """Return the bytes of all files in each tier, partial ones included."""
    return {root: sum(_size(path) for path in root.rglob("*")) for root in roots}


def _size(path: Path) -> int:
    try:
        # Notes of some 60 bytes are no part of a file.
        return 0 if path.suffix == ".from" or not path.is_file() else path.stat().st_size
    except FileNotFoundError:
        return 0
