"""Carrying out a plan: workers, failures, progress, and the summary."""

import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from queue import SimpleQueue
from typing import Any, Protocol

from app.fetching import StoppedError
from app.holdings import PutOffError
from app.index import StalePageError
from app.legacy import StaleLegacyError
from app.steps import Step
from app.store import StoreAwayError, StoreBusyError
from app.upstream import UpstreamUnavailable
from jobs.exit_codes import ExitCode, RefusedError
from jobs.hands import Hands, Threads, attempt
from jobs.progress import Progress

logger = logging.getLogger("larder")


class Executor(Protocol):
    """What a runner needs of a job."""

    @property
    def name(self) -> str:
        """The job's name."""

    @property
    def telling(self) -> tuple[type[Exception], ...]:
        """The errors that, so many in a row, say that upstream is better left in peace."""

    @property
    def left(self) -> int:
        """How many of the steps before the present one are left to the next run."""

    @left.setter
    def left(self, count: int) -> None:
        """Be told so."""

    def execute(self, step: Step) -> None:
        """Carry out one step."""

    def failed(self, step: Step, error: Exception) -> None:
        """Be told of a step that failed."""

    def conclude(self, report: "Report") -> None:
        """Add to the report what the steps alone do not tell."""


@dataclass(slots=True)
class Report:
    """What became of a plan."""

    job: str
    steps: int
    done: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[Step, str]] = field(default_factory=list)
    # Steps that a later run will do: upstream is not at fault, it is only late.
    put_off: list[tuple[Step, str]] = field(default_factory=list)
    # What else keeps the run from being good, each a sentence.
    problems: list[str] = field(default_factory=list)
    unavailable: int = 0
    # Whether a step found that upstream is not to be believed.
    refused: bool = False
    # Whether a step found the database's server away: none after it was tried.
    away: bool = False
    # Whether a step that asks upstream came to its end.
    reached: bool = False
    seconds: float = 0.0

    @property
    def left(self) -> int:
        """The steps that were not tried."""
        return self.steps - self.done.total() - len(self.failures) - len(self.put_off)

    @property
    def outcomes(self) -> dict[str, int]:
        """How many steps came to what."""
        return {
            "done": self.done.total(),
            "failed": len(self.failures),
            "put-off": len(self.put_off),
            "left": self.left,
        }

    @property
    def exit_code(self) -> ExitCode:
        """Try later where upstream was never there, or the database went away.

        Else whether some steps failed.
        """
        if self.refused:
            return ExitCode.REFUSED
        if self.away:
            return ExitCode.TRY_LATER
        if self.unavailable and self.unavailable == len(self.failures) and not self.reached:
            return ExitCode.TRY_LATER
        bad = self.failures or self.left or self.problems
        return ExitCode.FAILED_STEPS if bad else ExitCode.DONE

    def data(self) -> dict[str, Any]:
        """Return the report as plain data, for `--json`."""
        failures = [{**step.data(), "reason": reason} for step, reason in self.failures]
        return {
            "job": self.job,
            "steps": self.steps,
            "done": dict(self.done),
            "failed": failures,
            "put_off": [{**step.data(), "reason": reason} for step, reason in self.put_off],
            "problems": self.problems,
            "left": self.left,
            "seconds": round(self.seconds, 3),
        }

    def __str__(self) -> str:
        """Return the summary."""
        kinds = ", ".join(f"{count} {verb}" for verb, count in sorted(self.done.items()))
        undone = self.failures or self.put_off or self.left
        parts = [kinds or ("nothing done" if undone else "nothing to do")]
        parts += [f"{len(self.failures)} failed"] if self.failures else []
        parts += [f"{len(self.put_off)} put off"] if self.put_off else []
        parts += [f"{self.left} not tried"] if self.left else []
        return f"{self.job}: {'; '.join(parts)}, in {self.seconds:.1f} s"


class Runner:
    """Carries out steps: those that may, side by side; the others alone, in order."""

    def __init__(
        self,
        job: Executor,
        workers: int,
        stopping: Callable[[], bool],
        crew: Callable[[int], Hands | None] | None = None,
    ) -> None:
        """Use so many threads, or for a number of steps the `crew` that it is worth.

        `stopping` is asked between steps.
        """
        self._job, self._workers, self._stopping = job, workers, stopping
        self._crew = crew
        self._consecutive = self._most = self._steps = 0
        self._away = False

    def run(self, steps: Sequence[Step], *, give_up_after: int) -> Report:
        """Carry out all steps, but for those of a kind that upstream cannot serve now.

        After `give_up_after` consecutive steps that failed in a way that tells of
        upstream, the steps that may run side by side (those that ask it) are not tried
        any more; evictions still happen, and other steps in order.
        """
        report = Report(self._job.name, len(steps))
        self._steps = len(steps)
        started = time.monotonic()
        with Progress(self._job.name, len(steps)) as progress:
            # None is kept: a first sync has a million, made as they are taken.
            for (parallel, asks), group in groupby(steps, key=_manner):
                patience = give_up_after if asks else math.inf
                finished = (self._side_by_side if parallel else self._in_order)(
                    group, partial(self._enough, patience)
                )
                for step, error in finished:
                    self._note(report, step, error)
                    progress.advance(failed=len(report.failures))
                self._job.left += sum(1 for _ in group)  # noqa: B031  the rest of it, which was not tried
        report.seconds = time.monotonic() - started
        self._job.conclude(report)
        level = logging.WARNING if report.failures or report.left else logging.INFO
        logger.log(level, "%s", report)
        for problem in report.problems:
            logger.error("%s: %s", self._job.name, problem)
        return report

    def _enough(self, patience: float) -> bool:
        return self._ending() or self._most >= patience

    def _ending(self) -> bool:
        """Whether nothing more may begin: a signal came, or the database went away."""
        return self._stopping() or self._away

    def _in_order(
        self, steps: Iterator[Step], _enough: Callable[[], bool]
    ) -> Iterator[tuple[Step, Exception | None]]:
        # Those that are not taken are counted as not tried.
        while not self._ending() and (step := next(steps, None)):
            yield step, attempt(partial(self._job.execute, step))

    def _side_by_side(
        self, steps: Iterator[Step], enough: Callable[[], bool]
    ) -> Iterator[tuple[Step, Exception | None]]:
        running = 0
        finished: SimpleQueue[tuple[Step, Exception | None]] = SimpleQueue()
        with self._hands() as hands:
            while True:
                # No more are handed over than can run: a stop finds none in a queue.
                while running < hands.count and not enough():
                    step = next(steps, None)
                    if step is None:
                        break
                    hands.take(step, partial(_put, finished, step))
                    running += 1
                if not running:
                    return
                yield finished.get()
                running -= 1

    def _hands(self) -> Hands:
        crew = self._crew(self._steps) if self._crew else None
        return crew or Threads(self._job.execute, self._workers)

    def _note(self, report: Report, step: Step, error: Exception | None) -> None:
        if isinstance(error, StoppedError):
            return
        if error is None:
            logger.debug("%s", step)
            report.done[step.verb] += 1
            report.reached |= step.parallel and step.asks
            self._consecutive = 0 if step.parallel and step.asks else self._consecutive
            return
        if isinstance(error, PutOffError):
            report.put_off.append((error.step, error.reason))
            return
        if isinstance(error, StalePageError | StaleLegacyError):
            logger.info("put off: %s: %s", step, error)
            report.put_off.append((step, str(error)))
            self._consecutive = 0
            return
        logger.error("could not %s: %s", step, error)
        report.failures.append((step, str(error)))
        report.refused |= isinstance(error, RefusedError)
        report.away = self._away = self._away or isinstance(error, StoreAwayError)
        report.unavailable += isinstance(error, UpstreamUnavailable)
        self._job.failed(step, error)
        if step.parallel and step.asks:
            # Whoever keeps the database busy will be done with it.
            busy = isinstance(error, StoreBusyError)
            telling = isinstance(error, self._job.telling) and not busy
            self._consecutive = self._consecutive + 1 if telling else 0
            self._most = max(self._most, self._consecutive)


def _manner(step: Step) -> tuple[bool, bool]:
    """Return whether a step runs beside its neighbours, and whether upstream is in it."""
    return step.parallel, step.asks


def _put(
    finished: "SimpleQueue[tuple[Step, Exception | None]]", step: Step, error: Exception | None
) -> None:
    finished.put((step, error))
