"""How the mirror stands, for Prometheus: asked of the database when somebody asks."""

import time
from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.store import Store, StoreError
from app.web.outage import Outage


class Standing(Collector):
    """The projects that are here, those that are not in step, and the votes that were lost."""

    def __init__(
        self,
        store: Store,
        stuck_after: int,
        lost_votes: Callable[[], int],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Count a project as stuck that has been failing for so many seconds."""
        self._store, self._stuck_after, self._clock = store, stuck_after, clock
        self._lost_votes = lost_votes
        self._outage = Outage("no numbers of the index", "the index is counted again")

    def collect(self) -> Iterator[Metric]:
        """Yield the numbers; none while the database cannot be read."""
        now = int(self._clock())
        try:
            numbers = {
                "larder_projects": self._store.count_tracked(),
                "larder_failing_projects": self._store.count_stuck(now + 1),
                "larder_stuck_projects": self._store.count_stuck(now - self._stuck_after),
                "larder_index_serial": self._store.last_serial() or 0,
            }
            lost = self._lost_votes()
        except (StoreError, OSError) as error:
            self._outage.note(error)
            return
        self._outage.end()
        for name, number in numbers.items():
            yield GaugeMetricFamily(name, _MEANINGS[name], value=number)
        meaning = "Votes that were taken and never counted, over all restarts."
        yield CounterMetricFamily("larder_lost_votes", meaning, value=lost)


_MEANINGS = {
    "larder_projects": "Projects that are kept in step.",
    "larder_failing_projects": "Projects that the last try did not bring in step.",
    "larder_stuck_projects": "Of those, the ones that fail for longer than sync.stuck_after.",
    "larder_index_serial": "The highest serial of the pages that are here.",
}
