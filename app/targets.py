"""How a place of files stands: what probes and real requests say of it.

Pure: a state, an event and the time make the next state.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

MOST_DOUBLINGS = 16
"""The longest pause is so many probe intervals: a place that was out for an hour is found
again within minutes."""

LONGEST_RETRY_AFTER = 600.0
"""Seconds: no more patience than that, whatever a 429 asks for."""

TRIAL = 3
"""A place that has come back is on trial for so many intervals: one failure ends it."""

STALE = 4
"""A state that nobody has confirmed for so many intervals is no recent one."""


class Kind(StrEnum):
    """What can be wrong with a place of files; metrics and logs have these words."""

    FORBIDDEN = "403"
    LIMITED = "429"
    SERVER_ERROR = "5xx"
    TIMEOUT = "timeout"
    # No connection, no TLS, no name; or one that ends without an answer.
    CONNECTION = "connection"
    # Bytes that are not what was asked for: cut, another length, another range.
    BROKEN = "broken"
    # A page for people where a file should be: a captive portal, a login page.
    PAGE = "page"
    # It is this mirror, or leads back to it.
    LOOP = "loop"
    # An endless redirect, or one to where this machine must not go.
    REDIRECT = "redirect"


SILENT = frozenset({Kind.TIMEOUT, Kind.CONNECTION})
"""Nobody answers: it may as well be this machine that has lost its network."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure, and how long the place itself asks to be left alone."""

    kind: Kind
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """The state of one place: closed while `kind` is None, open otherwise."""

    # The last failure that opened the breaker; None: the place is good.
    kind: Kind | None = None
    # When the last probe ended, and when the next one is due; seconds of any clock.
    seen: float = 0.0
    due: float = 0.0
    # How long the breaker is open; kept on trial, so that it doubles when that fails.
    pause: float = 0.0
    # Half-open until then: good, but one failure opens it again.
    trial_ends: float = 0.0

    def good(self, now: float, interval: float) -> bool:
        """Whether the recent probes were good, and no real request has said otherwise."""
        return self.kind is None and bool(self.seen) and now - self.seen <= STALE * interval

    @property
    def silent(self) -> bool:
        """Whether it is out, and did not even answer."""
        return self.kind in SILENT


def probed(before: Health, failure: Failure | None, now: float, interval: float) -> Health:
    """Return the state after a probe: the only way back for a place that was out."""
    if failure is not None:
        return opened(before, failure, now, interval)
    if before.kind is not None:
        ends = now + TRIAL * interval
        return replace(before, kind=None, seen=now, due=now + interval, trial_ends=ends)
    if now >= before.trial_ends:
        return Health(seen=now, due=now + interval)
    return replace(before, seen=now, due=now + interval)


def opened(before: Health, failure: Failure, now: float, interval: float) -> Health:
    """Return the state with its breaker open: at first for one interval, then twice as long."""
    if before.kind is not None and now < before.due:
        # A straggler's failure: it was sent there before.
        return before
    pause = min(max(interval, 2 * before.pause), MOST_DOUBLINGS * interval)
    if failure.retry_after is not None:
        pause = max(pause, min(failure.retry_after, LONGEST_RETRY_AFTER))
    return Health(kind=failure.kind, seen=now, due=now + pause, pause=pause)


def on_trial(health: Health, now: float) -> bool:
    """Whether a single failure of a real request is enough."""
    return health.kind is None and now < health.trial_ends
