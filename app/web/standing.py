"""How the mirror stands, for Prometheus: asked of the database when somebody asks.

All of it is a few rows that whoever changes something keeps up to date, but for the
counts of projects: those take a scan, so they are counted once a minute at most.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.freshness import Freshness
from app.lost_votes import LostVotes
from app.runs import Run, Runs
from app.store import IndexCounts, Store, StoreError
from app.traffic import Answer
from app.web.outage import Outage

COUNTED_FOR = 60
"""Seconds for which the counts of projects hold: with 800,000 of them the scan takes a third
of a second. A scrape without it takes a millisecond, however many files there are."""


class Pending(Protocol):
    """A spool: `app.spooling.Spool`."""

    def pending(self) -> int:
        """Return how many bytes have not been read yet."""
        ...


@dataclass(frozen=True, slots=True)
class Facts:
    """Where the numbers are."""

    store: Store
    # The tiers' folders, and the bytes that each may hold.
    tiers: Sequence[tuple[str, int]]
    lost_votes: LostVotes
    spools: Mapping[str, Pending]
    # Seconds after which a project that fails is stuck.
    stuck_after: int


class Standing(Collector):
    """The index, the holdings, what was served, and the jobs."""

    def __init__(self, facts: Facts, clock: Callable[[], float] = time.time) -> None:
        """Ask these."""
        self._facts, self._clock = facts, clock
        self._outage = Outage("no numbers of the mirror", "the mirror's numbers are told again")
        self._counting = threading.Lock()
        self._counts: tuple[float, IndexCounts] | None = None

    def collect(self) -> Iterator[Metric]:
        """Yield the numbers; none while the database cannot be read."""
        now = self._clock()
        try:
            families = [
                *self._of_index(now),
                *self._of_tiers(),
                *self._of_traffic(),
                *self._of_votes(),
                *_of_jobs(Runs(self._facts.store).all()),
            ]
        except (StoreError, OSError) as error:
            self._outage.note(error)
            return
        self._outage.end()
        yield from families

    def _of_index(self, now: float) -> Iterator[Metric]:
        counts = self._counted(now)
        lag = Freshness(self._facts.store).lag(now)
        yield _gauge("projects", "Projects that are kept in step.", counts.tracked)
        meaning = "Projects that the last try did not bring in step."
        yield _gauge("failing_projects", meaning, counts.failing)
        meaning = "Of those, the ones that fail for longer than sync.stuck_after."
        yield _gauge("stuck_projects", meaning, counts.stuck)
        meaning = "The highest serial of the pages that are here."
        yield _gauge("index_serial", meaning, counts.serial or 0)
        if lag.serials is not None:
            meaning = "Serials that upstream was seen to be ahead of the index."
            yield _gauge("index_lag_serials", meaning, lag.serials)
        if lag.seconds is not None:
            meaning = "Time since upstream was asked for what is all here."
            yield _gauge("index_lag_seconds", meaning, lag.seconds)

    def _counted(self, now: float) -> IndexCounts:
        with self._counting:
            if self._counts is None or not 0 <= now - self._counts[0] < COUNTED_FOR:
                stuck = int(now) - self._facts.stuck_after
                self._counts = now, self._facts.store.count_index(stuck)
            return self._counts[1]

    def _of_tiers(self) -> Iterator[Metric]:
        files = GaugeMetricFamily("larder_tier_files", "Files that a tier holds.", labels=["tier"])
        sizes = GaugeMetricFamily("larder_tier_bytes", "Bytes that a tier holds.", labels=["tier"])
        limits = GaugeMetricFamily(
            "larder_tier_limit_bytes", "Bytes that a tier may hold.", labels=["tier"]
        )
        held = self._facts.store.held_by_tier()
        for tier, limit in self._facts.tiers:
            count, size = held.get(tier, (0, 0))
            for family, number in ((files, count), (sizes, size), (limits, limit)):
                family.add_metric([tier], number)
        yield from (files, sizes, limits)

    def _of_traffic(self) -> Iterator[Metric]:
        labels = ["answer", "tier", "reason"]
        requests = CounterMetricFamily(
            "larder_file_requests", "Answers below /packages/.", labels=labels
        )
        sent = CounterMetricFamily(
            "larder_file_sent_bytes", "Bytes of their bodies.", labels=labels
        )
        elsewhere = CounterMetricFamily(
            "larder_file_elsewhere_bytes",
            "Bytes that clients were sent elsewhere for.",
            labels=["reason"],
        )
        for kind, amount in sorted(self._facts.store.traffic_ever().items()):
            requests.add_metric(kind, amount.requests)
            sent.add_metric(kind, amount.bytes)
            if kind.answer is Answer.REDIRECT:
                elsewhere.add_metric([kind.reason], amount.elsewhere)
        yield from (requests, sent, elsewhere)

    def _of_votes(self) -> Iterator[Metric]:
        meaning = "Votes that were taken and never counted, over all restarts."
        lost = self._facts.lost_votes
        yield CounterMetricFamily("larder_lost_votes", meaning, value=lost.count())
        yield _gauge("waiting_votes", "Votes in memory, not in the database yet.", lost.waiting())
        pending = GaugeMetricFamily(
            "larder_spool_pending_bytes", "Bytes of nginx's spools to be read.", labels=["spool"]
        )
        for name, spool in self._facts.spools.items():
            pending.add_metric([name], spool.pending())
        yield pending


def _of_jobs(runs: Sequence[Run]) -> Iterator[Metric]:
    """Yield what became of the jobs' last runs; nothing of one that never ran."""
    for name, meaning, value in _JOBS:
        family = GaugeMetricFamily(f"larder_job_{name}", meaning, labels=["job"])
        for run in runs:
            if (number := value(run)) is not None:
                family.add_metric([run.job], number)
        yield family
    steps = GaugeMetricFamily(
        "larder_job_steps", "What the last run's steps came to.", labels=["job", "outcome"]
    )
    for run in runs:
        for outcome, count in run.outcomes.items():
            steps.add_metric([run.job, outcome], count)
    yield steps


_JOBS: tuple[tuple[str, str, Callable[[Run], float | None]], ...] = (
    ("started_timestamp_seconds", "When the last run began.", lambda run: run.started),
    ("ended_timestamp_seconds", "When it ended; none while it runs.", lambda run: run.ended),
    ("success_timestamp_seconds", "When the last good run ended.", lambda run: run.good_ended),
    ("duration_seconds", "How long the last run took.", lambda run: run.seconds),
    ("exit_code", "The last run's exit code.", lambda run: run.code),
    ("plan_steps", "Steps of the last run's plan.", lambda run: run.steps),
)


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"larder_{name}", meaning, value=value)
