"""What nginx answered below `/packages/`: one line for each answer, and what it counts as.

nginx appends JSON objects to `{run}/spool/traffic.jsonl`, many in one write:

    {"time":1712345678.123,"way":"held","cache":"hit","tier":"/srv/hot","status":200,
     "bytes":4096,"elsewhere":0,"connection":17}

`time` is when the answer ended. `bytes` are those of the body that were really sent: a
range has its own, and a client that goes away gets no more. `elsewhere` are the bytes
that a client was sent away for. `connection` makes lines differ.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

import orjson

HOUR = 3600

_HEAD = b'{"time":'
"""How every line begins."""

_TOLD = "app"
"""The way of an answer that the application gave: else its words may be upstream's."""

_MAX_TIME = 1 << 40
_MAX_BYTES = 1 << 50
"""More than one answer can have; what says so is damaged."""

_LONGEST = 4096
"""Characters of a tier's folder (PATH_MAX)."""

_REASON = re.compile(r"[a-z0-9-]{1,32}")
_MAX_STATUS = 999
_FAILED = range(400, _MAX_STATUS + 1)
_FORBIDDEN, _DENIED = 403, "denied"


class Answer(StrEnum):
    """How a file was answered."""

    # From a tier, or core metadata that is kept without its file.
    HELD = "held"
    # The client was sent to upstream.
    REDIRECT = "redirect"
    # Upstream's bytes, passed through.
    PROXY = "proxy"
    # Not at all; the reason is the status, or that filters refuse it.
    ERROR = "error"


class Kind(NamedTuple):
    """What is counted apart: the answer, the tier's folder where it is from one, and why."""

    answer: Answer
    tier: str
    reason: str


class Amount(NamedTuple):
    """Answers, the bytes that were sent, and those that clients were sent elsewhere for."""

    requests: int = 0
    bytes: int = 0
    elsewhere: int = 0


class Served(NamedTuple):
    """One line."""

    hour: int
    kind: Kind
    amount: Amount


class HitRatio(NamedTuple):
    """Which share came from here, between 0 and 1; None where nothing was asked for."""

    requests: float | None
    bytes: float | None


def parse_traffic_line(line: bytes) -> Served | None:
    """Return what a line tells, or None where it tells nothing.

    It never raises: a line may be torn (the disk was full), or not ours. Nginx then goes
    on where it was torn, so what follows the piece is whole.
    """
    try:
        entry = orjson.loads(line[max(0, line.rfind(_HEAD)) :])
        time, status = entry["time"], entry["status"]
        sent, elsewhere = entry["bytes"], entry["elsewhere"]
        if {type(status), type(sent), type(elsewhere)} != {int} or isinstance(time, bool):
            return None
        amounts_fit = 0 <= sent <= _MAX_BYTES and 0 <= elsewhere <= _MAX_BYTES
        if not (amounts_fit and 0 <= time < _MAX_TIME and 0 <= status <= _MAX_STATUS):
            return None
        kind = _kind(entry["way"], status, entry["tier"], entry["cache"])
        away = elsewhere if entry["way"] == _TOLD and kind.answer is Answer.REDIRECT else 0
        return Served(int(time) // HOUR, kind, Amount(1, sent, away))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def add_up(lines: Iterable[bytes]) -> dict[tuple[int, Kind], Amount]:
    """Return the sums of lines, by hour and kind."""
    sums: dict[tuple[int, Kind], list[int]] = {}
    for line in lines:
        if served := parse_traffic_line(line):
            one = sums.setdefault(served[:2], [0, 0, 0])
            for number, amount in enumerate(served.amount):
                one[number] += amount
    return {key: Amount(*one) for key, one in sums.items()}


def hit_ratio(sums: Iterable[tuple[Kind, Amount]]) -> HitRatio:
    """Return which share of requests, and of bytes, came from here.

    Errors count neither way. Bytes that somebody was sent elsewhere for are a miss.
    """
    held = requests = held_bytes = wanted = 0
    for (answer, _, _), amount in sums:
        if answer is Answer.ERROR:
            continue
        requests += amount.requests
        wanted += amount.elsewhere if answer is Answer.REDIRECT else amount.bytes
        if answer is Answer.HELD:
            held += amount.requests
            held_bytes += amount.bytes
    return HitRatio(_share(held, requests), _share(held_bytes, wanted))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _kind(way: str, status: int, tier: object, reason: str) -> Kind:
    """Return what an answer counts as.

    Raises:
        ValueError: It is no way that nginx takes.

    """
    if not isinstance(tier, str) or len(tier) > _LONGEST:
        raise ValueError(tier)
    if status in _FAILED or not status:
        refused = status == _FORBIDDEN and reason == _DENIED
        return Kind(Answer.ERROR, "", _DENIED if refused else str(status))
    known = _REASON.fullmatch(reason)
    answer = _WAYS[way]
    return Kind(answer, tier if answer is Answer.HELD else "", reason if known else "other")


# What nginx's locations set (files.conf.j2). The application's own answer is a redirect.
_WAYS = {
    "held": Answer.HELD,
    "app": Answer.REDIRECT,
    "redirect": Answer.REDIRECT,
    "proxy": Answer.PROXY,
}
