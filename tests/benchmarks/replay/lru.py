"""What fetching every miss would do: the least recently used makes room."""

from collections import OrderedDict

from tests.benchmarks.replay.simulate import HOT_SHARE, Figures
from tests.benchmarks.replay.trace import INTERVAL, Trace
from tests.benchmarks.replay.world import DAY


class OnDemand:
    """Two tiers; the hottest has what was asked for last, and hands down what leaves it."""

    def __init__(self, trace: Trace, capacity: int) -> None:
        self._trace = trace
        self._sizes = trace.world.sizes
        hot = capacity // HOT_SHARE
        self._room = (hot, capacity - hot)
        self._used = [0, 0]
        self._tiers: tuple[OrderedDict[int, None], ...] = (OrderedDict(), OrderedDict())
        self._figures = Figures()

    def replay(self) -> Figures:
        """Return what came of it."""
        for number, interval in enumerate(self._trace.intervals):
            if number == self._trace.warm_up:
                self._figures = Figures()
            self._figures.days += INTERVAL / DAY
            for file in interval.sequence:
                self._ask(file)
        return self._figures

    def _ask(self, file: int) -> None:
        figures, size, hot = self._figures, self._sizes[file], self._tiers[0]
        figures.requests += 1
        figures.asked_bytes += size
        if file in hot:
            hot.move_to_end(file)
            figures.hot_hits += 1
        elif file in self._tiers[1]:
            if size > self._room[0]:
                self._tiers[1].move_to_end(file)
            else:
                del self._tiers[1][file]
                self._used[1] -= size
                figures.moved += size
                figures.moves += 1
                self._put(file, 0)
        else:
            figures.downloaded += size
            self._put(file, 0 if size <= self._room[0] else 1)
            return
        figures.hits += 1
        figures.hit_bytes += size

    def _put(self, file: int, rank: int) -> None:
        """Put a file on a tier; who was asked for longest ago leaves it."""
        tier, size = self._tiers[rank], self._sizes[file]
        if size > self._room[rank]:
            return
        tier[file] = None
        self._used[rank] += size
        self._figures.hot_written += size if rank == 0 else 0
        while self._used[rank] > self._room[rank]:
            oldest, _ = tier.popitem(last=False)
            self._used[rank] -= self._sizes[oldest]
            if rank == 0:
                self._figures.moved += self._sizes[oldest]
                self._figures.moves += 1
                self._put(oldest, 1)
