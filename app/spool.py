"""The spool: votes that nginx took while the application did not answer.

nginx appends one line a vote to `{run}/spool/votes.jsonl`, a JSON object:

    {"time":1712345678.123,"network":"192.0.2.0/24","path":"ab/cd/…/name.whl"}

`time` is seconds since the epoch; `network` is the client's, never its address, in
any spelling that `app.clients.network_of` reads; `path` is below `/packages/`, decoded.
A vote may stand here and have reached the application as well (its answer came too
late), and one window's votes may stand here many times: the store counts them once.
"""

from typing import NamedTuple

import orjson

from app.clients import network_of
from app.names import FilePath, InvalidNameError, parse_file_path

_MAX_TIME = 1 << 40
"""Seconds; a later time is no time but damage."""


class SpooledVote(NamedTuple):
    """One line of the spool."""

    path: FilePath
    # As `app.clients.network_of` writes it.
    network: str
    time: float


def parse_spool_line(line: str | bytes) -> SpooledVote | None:
    """Return the vote that a line tells, or None where it tells none.

    It never raises: a line may be torn (the disk was full), or not ours.
    """
    try:
        entry = orjson.loads(line)
        path, network, time = entry["path"], entry["network"], entry["time"]
        if isinstance(time, bool) or not 0 <= time < _MAX_TIME:
            return None
        return SpooledVote(parse_file_path(path), network_of(network), float(time))
    except (InvalidNameError, ValueError, TypeError, KeyError, AttributeError):
        return None
