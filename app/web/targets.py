"""The places that files come from, and how each stands, for all workers together.

The state lies in a small file of the run directory, which every worker reads when it has
changed: what one learns by a 429 all obey, and a restart forgets nothing. It is written
only when something changes and by each probe, so that costs nothing. Where it cannot be
written (a full disk), each worker goes by what it learns itself.
"""

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Protocol

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.targets import Failure, Health, Kind, on_trial, opened, probed
from app.web.attempts import Attempts

logger = logging.getLogger(__name__)

_LOOK = 0.05
"""Seconds between two looks at the file: stat(2) is cheap, not free."""

_LONGEST_WAIT = 60
"""Seconds: pip waits for as long as Retry-After says, whatever that is."""


class FailureCounter(Protocol):
    """Counts failures: `app.web.metrics.Metrics`."""

    def failed(self, target: str, kind: str) -> None:
        """Count one."""
        ...


class Targets(Collector):
    """The health of all places, shared by the workers."""

    def __init__(
        self,
        folder: Path,
        places: Sequence[str],
        interval: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Know these places (URLs that end in a slash); nothing is asked yet."""
        self.places = tuple(dict.fromkeys(places))
        self.interval, self.clock = interval, clock
        self.counter: FailureCounter | None = None
        # A file of the index that somebody wanted lately: a probe asks for it.
        self.sample: str | None = None
        self._file, self._lock_file = folder / "targets.json", folder / "targets.lock"
        self._attempts = Attempts()
        self._states: dict[str, Health] = {}
        self._seen: object = None
        self._next_look = 0.0
        self._lock = threading.Lock()

    def good(self, place: str) -> bool:
        """Whether clients may be sent there."""
        return self.health(place).good(self.clock(), self.interval)

    def first_good(self, places: Sequence[str]) -> str | None:
        """Return the first that is good."""
        return next((place for place in places if self.good(place)), None)

    def first_usable(self, places: Sequence[str]) -> str | None:
        """Return the first that is good, or else that nobody knows to be out.

        This machine may try such a one; a client is not sent there.
        """
        known = (place for place in places if self.health(place).kind is None)
        return self.first_good(places) or next(known, None)

    def due(self) -> list[str]:
        """Return the places whose next probe is due; also where the clock was set back."""
        now = self.clock()
        states = ((place, self.health(place)) for place in self.places)
        return [place for place, one in states if now >= one.due or now < one.seen]

    def fresh(self) -> bool:
        """Whether each place was probed, and none is due."""
        return not self.due()

    def ordered(self, places: Sequence[str]) -> list[str]:
        """Return all, the good ones first."""
        return sorted(places, key=lambda place: not self.good(place))

    def all_silent(self) -> bool:
        """Whether no place answers at all: it may be this machine that is cut off."""
        return all(self.health(place).silent for place in self.places)

    def health(self, place: str) -> Health:
        """Return how a place stands."""
        self._look()
        return self._states.get(place, Health())

    def retry_after(self) -> int:
        """Return in how many seconds some place may be good again."""
        soonest = min((self.health(place).due for place in self.places), default=0.0)
        return min(_LONGEST_WAIT, max(1, int(soonest - self.clock()) + 1))

    def sent(self, place: str) -> None:
        """Note that a request of a client's goes there."""
        self._attempts.sent(place, self.clock())

    def failed(self, place: str, failure: Failure) -> None:
        """Note that a request of a client's has failed there.

        A 429 speaks of all requests, so one is enough; so it is for a place on trial.
        """
        self._count(place, failure)
        now = self.clock()
        many = self._attempts.failed(place, now)
        health = self.health(place)
        if place not in self.places or health.kind is not None:
            return
        if many or failure.kind in (Kind.LIMITED, Kind.LOOP) or on_trial(health, now):
            self._change(place, lambda before: opened(before, failure, now, self.interval))

    def probed(self, place: str, failure: Failure | None) -> None:
        """Note what a probe has found."""
        if failure is not None:
            self._count(place, failure)
        now = self.clock()
        self._change(place, lambda before: probed(before, failure, now, self.interval))

    def collect(self) -> Iterator[Metric]:
        """Yield the state of each place, for Prometheus."""
        meaning = "Whether a place of files is good (1), on trial (0.5) or out (0)."
        family = GaugeMetricFamily("larder_target_up", meaning, labels=["target"])
        for place in self.places:
            trial = on_trial(self.health(place), self.clock())
            family.add_metric([place], (0.5 if trial else 1.0) if self.good(place) else 0.0)
        yield family

    def _count(self, place: str, failure: Failure) -> None:
        if self.counter is not None and place in self.places:
            self.counter.failed(place, failure.kind)

    def _change(self, place: str, change: Callable[[Health], Health]) -> None:
        """Change a state for all workers."""
        with self._lock:
            before = self._states.get(place, Health())
            try:
                with self._alone():
                    self._read()
                    before = self._states.get(place, Health())
                    self._states[place] = change(before)
                    self._write()
            except OSError as error:
                logger.warning("how upstream stands is not shared: %s", error)
                self._states[place] = change(before)
            after = self._states[place]
        if before.kind != after.kind:
            self._attempts.forget(place)
            said = f"is out: {after.kind}" if after.kind else "is good again"
            logger.warning("%s %s", place, said)

    def _look(self) -> None:
        moment = time.monotonic()
        if moment < self._next_look:
            return
        with self._lock:
            self._next_look = moment + _LOOK
            try:
                self._read()
            except OSError:
                # Nobody has written it yet, or the disk is gone: what is known counts.
                return

    def _read(self) -> None:
        """Take over what others have written, where it has changed."""
        try:
            told = self._file.stat()
        except FileNotFoundError:
            return
        mark = (told.st_ino, told.st_mtime_ns)
        if mark != self._seen:
            self._states = _parsed(self._file.read_bytes())
            self._seen = mark

    def _write(self) -> None:
        partial = self._file.with_suffix(".new")
        partial.write_text(json.dumps({name: asdict(one) for name, one in self._states.items()}))
        partial.replace(self._file)
        told = self._file.stat()
        self._seen = (told.st_ino, told.st_mtime_ns)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock between workers; it is held for a write of a few hundred bytes."""
        descriptor = os.open(self._lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            flock(descriptor, LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _parsed(text: bytes) -> dict[str, Health]:
    """Return what is in the file; nothing where it is of another version."""
    try:
        return {
            place: Health(**{**one, "kind": Kind(one["kind"]) if one["kind"] else None})
            for place, one in json.loads(text).items()
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}
