"""What became of each job's last run, and of the last good one: for status and metrics."""

import json
from dataclasses import asdict, dataclass, field, replace

from app.store import Store

_KEY = "run:"
"""A job's setting begins so."""


@dataclass(frozen=True, slots=True)
class Run:
    """The last run of a job; times are in seconds since the epoch."""

    job: str
    started: float
    # How many steps its plan had.
    steps: int = 0
    # None while it runs, and where it was killed.
    ended: float | None = None
    code: int | None = None
    # When the last one that ended with 0 began and ended, and how long it took.
    good_started: float | None = None
    good_ended: float | None = None
    # What became of the steps: done, failed, put-off, left.
    outcomes: dict[str, int] = field(default_factory=dict)

    @property
    def seconds(self) -> float | None:
        """How long it took."""
        return None if self.ended is None else self.ended - self.started


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of all jobs, in the database."""

    store: Store

    def begin(self, job: str, started: float, steps: int) -> None:
        """Note that a run carries out its plan now."""
        before = self.last(job)
        kept = before or Run(job, started)
        run = Run(job, started, steps, good_started=kept.good_started, good_ended=kept.good_ended)
        self._keep(run)

    def end(self, run: Run) -> None:
        """Note how a run has ended."""
        before = self.last(run.job) or run
        if run.code == 0:
            run = replace(run, good_started=run.started, good_ended=run.ended)
        else:
            run = replace(run, good_started=before.good_started, good_ended=before.good_ended)
        self._keep(run)

    def last(self, job: str) -> Run | None:
        """Return a job's last run, or None before the first."""
        value = self.store.setting(f"{_KEY}{job}")
        return Run(**json.loads(value)) if value else None

    def all(self) -> list[Run]:
        """Return the last run of every job that has ever run, by name."""
        return [Run(**json.loads(value)) for _, value in sorted(self.store.settings(_KEY).items())]

    def _keep(self, run: Run) -> None:
        self.store.keep(f"{_KEY}{run.job}", json.dumps(asdict(run)).encode())
