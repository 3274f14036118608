"""What upstream's changelog says has changed: a hint, and a cheap one."""

from typing import Final
from xml.parsers.expat import ExpatError
from xmlrpc.client import Fault, ResponseError, dumps, loads

from app.names import InvalidNameError, ProjectName, parse_project

CAP: Final = 50_000
"""Rows that PyPI gives at most: that many may be a part of what has changed."""

# name, version or None, timestamp, action, serial
_FIELDS = 5


def changelog_request(since: int) -> bytes:
    """Return the body of a call of `changelog_since_serial`."""
    return dumps((since,), "changelog_since_serial").encode()


def read_changelog(body: bytes) -> dict[ProjectName, int] | None:
    """Return each changed project's last serial; None where that cannot be told.

    A fault, an answer of another kind, and one that may be cut off at the cap all mean
    that the list must be asked for.
    """
    try:
        (rows,), _ = loads(body.decode())
    except (Fault, ResponseError, ExpatError, UnicodeDecodeError, ValueError, TypeError):
        return None
    if not isinstance(rows, list) or len(rows) >= CAP:
        return None
    changes: dict[ProjectName, int] = {}
    for row in rows:
        if not isinstance(row, list) or len(row) != _FIELDS or not isinstance(row[4], int):
            return None
        try:
            name = parse_project(str(row[0]))
        except InvalidNameError:
            continue
        changes[name] = max(changes.get(name, 0), row[4])
    return changes
