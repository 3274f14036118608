"""What is counted, for Prometheus."""

import os

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from app.web.environment import MULTIPROCESS


class Metrics:
    """The application's counters, each with the outcomes it knows."""

    def __init__(self, *collectors: Collector) -> None:
        """Begin at zero, in a registry that is nobody else's; `collectors` add theirs."""
        self._registry = CollectorRegistry()
        self._others = CollectorRegistry()
        for collector in collectors:
            self._others.register(collector)
        self.votes = self._counter("votes", "Votes: accepted, skipped (not counted), lost.")
        self.decisions = self._counter("decisions", "Requests for files not held, by answer.")
        self.asks = self._counter("index_asks", "Questions for projects, by outcome.")
        self._failures = Counter(
            "larder_target_failures",
            "Failures of places of files, of probes and of clients' requests, by kind.",
            ["target", "kind"],
            registry=self._registry,
        )

    def failed(self, target: str, kind: str) -> None:
        """Count a failure of a place of files."""
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
