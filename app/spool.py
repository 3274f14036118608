"""The spool: votes that nginx took while the application did not answer, or all of them.

nginx appends one line a vote to `{run}/spool/votes.jsonl`, a JSON object:

    {"time":1712345678.123,"took":0.004,"network":"192.0.2.0/24","path":"ab/cd/…/name.whl"}

`time` is seconds since the epoch, when the line was written, and `took` how long the
answer took; the vote is of the time when it was asked for. `network` is the client's,
never its address, in any spelling that `app.clients.network_of` reads; `path` is below
`/packages/`, decoded.
A vote may stand here and have reached the application as well (its answer came too
late), and one window's votes may stand here many times: the store counts them once.
"""

from typing import NamedTuple

import orjson

from app.clients import network_of
from app.names import FilePath, InvalidNameError, parse_file_path

_MAX_TIME = 1 << 40
"""Seconds; a later time is no time but damage."""

_HEAD = b'{"time":'
"""How every line begins."""


class SpooledVote(NamedTuple):
    """One line of the spool."""

    path: FilePath
    # As `app.clients.network_of` writes it.
    network: str
    time: float


def parse_spool_line(line: bytes) -> SpooledVote | None:
    """Return the vote that a line tells, or None where it tells none.

    It never raises: a line may be torn (the disk was full), or not ours. Nginx then goes
    on where it was torn, so what follows the piece is whole.
    """
    try:
        entry = orjson.loads(line[max(0, line.rfind(_HEAD)) :])
        path, network, time = entry["path"], entry["network"], entry["time"]
        took = entry.get("took", 0)
        if isinstance(time, bool) or isinstance(took, bool):
            return None
        if not 0 <= took <= time < _MAX_TIME:
            return None
        return SpooledVote(parse_file_path(path), network_of(network), float(time - took))
    except (InvalidNameError, ValueError, TypeError, KeyError, AttributeError):
        return None
