"""The spool: votes that nginx took while the application did not answer, or all of them.

nginx appends one line a vote to `{run}/spool/votes.jsonl`, a JSON object:

    {"time":1712345678.123,"took":0.004,"network":"192.0.2.0/24","path":"ab/cd/…/name.whl"}

`time` is seconds since the epoch, when the line was written, and `took` how long the
answer took; the vote is of the time when it was asked for. `network` is the client's,
never its address, in any spelling that `app.clients.network_of` reads; `path` is below
`/packages/`, decoded.
The application writes votes that it could not bring into the database before it ended to
files of its own beside, `left-*.jsonl`, in lines of the same kind:

    {"time":1712345678,"number":-42,"path":"ab/cd/…/name.whl","left":"4711-a1b2c3d4"}

`number` is what stands for the network in the database, which is all that it knows; where
networks are kept, `network` is there as well. `left` is alike in no two files.
A vote may stand here and have reached the application as well (its answer came too
late), and one window's votes may stand here many times: the store counts them once.
"""

from typing import NamedTuple

import orjson

from app.clients import network_of
from app.model import Vote
from app.names import FilePath, InvalidNameError, parse_file_path

_MAX_TIME = 1 << 40
"""Seconds; a later time is no time but damage."""

_HEAD = b'{"time":'
"""How every line begins."""


class SpooledVote(NamedTuple):
    """One line of the spool."""

    path: FilePath
    # As `app.clients.network_of` writes it; None where only the number is known.
    network: str | None
    time: float
    # What stands for the network in the database; None where that is not told.
    number: int | None = None


def parse_spool_line(line: bytes) -> SpooledVote | None:
    """Return the vote that a line tells, or None where it tells none.

    It never raises: a line may be torn (the disk was full), or not ours. Nginx then goes
    on where it was torn, so what follows the piece is whole.
    """
    try:
        entry = orjson.loads(line[max(0, line.rfind(_HEAD)) :])
        path, time, took = entry["path"], entry["time"], entry.get("took", 0)
        if isinstance(time, bool) or isinstance(took, bool):
            return None
        if not 0 <= took <= time < _MAX_TIME:
            return None
        number = _number(entry.get("number"))
        network = None if number is not None and "network" not in entry else entry["network"]
        known = None if network is None else network_of(network)
        return SpooledVote(parse_file_path(path), known, float(time - took), number)
    except (InvalidNameError, ValueError, TypeError, KeyError, AttributeError):
        return None


def spool_line(vote: Vote, left: str) -> bytes:
    """Return the line of a vote that the application leaves behind, in the file of that name."""
    entry = {"time": vote.time, "number": vote.network, "path": vote.path, "left": left}
    known = {} if vote.client is None else {"network": vote.client}
    return orjson.dumps(entry | known) + b"\n"


def _number(value: object) -> int | None:
    """Return a signed number of 64 bits, or None where there is none.

    Raises:
        ValueError: It is something else.

    """
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not -(1 << 63) <= value < 1 << 63:
        raise ValueError("no number of a network")
    return value
