"""How the index stands, for Prometheus: asked of the database when somebody asks."""

import logging
import time
from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from app.store import Store, StoreError

logger = logging.getLogger(__name__)


class Standing(Collector):
    """The projects that are here, and those that are not in step."""

    def __init__(
        self, store: Store, stuck_after: int, clock: Callable[[], float] = time.time
    ) -> None:
        """Count a project as stuck that has been failing for so many seconds."""
        self._store, self._stuck_after, self._clock = store, stuck_after, clock

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the numbers; none while the database cannot be read."""
        now = int(self._clock())
        try:
            numbers = {
                "larder_projects": self._store.count_tracked(),
                "larder_failing_projects": self._store.count_stuck(now + 1),
                "larder_stuck_projects": self._store.count_stuck(now - self._stuck_after),
                "larder_index_serial": self._store.last_serial() or 0,
            }
        except StoreError as error:
            logger.warning("no numbers of the index: %s", error)
            return
        for name, number in numbers.items():
            yield GaugeMetricFamily(name, _MEANINGS[name], value=number)


_MEANINGS = {
    "larder_projects": "Projects that are kept in step.",
    "larder_failing_projects": "Projects that the last try did not bring in step.",
    "larder_stuck_projects": "Of those, the ones that fail for longer than sync.stuck_after.",
    "larder_index_serial": "The highest serial of the pages that are here.",
}
