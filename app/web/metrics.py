"""What is counted, for Prometheus."""

import os
from enum import StrEnum

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from app.web.environment import MULTIPROCESS


class BreakerState(StrEnum):
    """Whether a target is asked."""

    CLOSED = "closed"
    OPEN = "open"
    # One request tries whether it is well again.
    HALF_OPEN = "half-open"


class Metrics:
    """The application's counters, each with the outcomes it knows."""

    def __init__(self, *collectors: Collector) -> None:
        """Begin at zero, in a registry that is nobody else's; `collectors` add theirs."""
        # When each counter was made: with several workers the library does not tell it.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._others = CollectorRegistry()
        for collector in collectors:
            self._others.register(collector)
        self.votes = self._counter("votes", "Votes: accepted, skipped (not counted), lost.")
        self.decisions = self._counter("decisions", "Requests for files not held, by answer.")
        self.asks = self._counter("index_asks", "Questions for projects, by outcome.")
        self._failures = Counter(
            "larder_upstream_failures",
            "Failures of a target, by kind.",
            ["target", "kind"],
            registry=self._registry,
        )
        self._breakers = Gauge(
            "larder_breaker_workers",
            "Workers that have a target's breaker in a state.",
            ["target", "state"],
            registry=self._registry,
            # Of those that live: a dead one's breaker is nobody's (`gunicorn_conf`).
            multiprocess_mode="livesum",
        )

    def breaker(self, target: str, state: BreakerState) -> None:
        """Note the state of a target's breaker: a host, or a URL without credentials."""
        for one in BreakerState:
            self._breakers.labels(target, one.value).set(one is state)

    def failure(self, target: str, kind: str) -> None:
        """Count a failure of a target; kinds are few, as `403`, `429`, `5xx`, `timeout`."""
        self._failures.labels(target, kind).inc()

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format, the counters of all workers together."""
        return self._counters() + generate_latest(self._others)

    def _counters(self) -> bytes:
        if MULTIPROCESS not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)

    def _counter(self, name: str, meaning: str) -> Counter:
        return Counter(f"larder_{name}", meaning, ["outcome"], registry=self._registry)
