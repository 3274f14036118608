"""What upstream's changelog says has changed: a hint, and a cheap one."""

from dataclasses import dataclass
from typing import Any, Final
from xml.parsers.expat import ExpatError
from xmlrpc.client import MAXINT, METHOD_NOT_FOUND, Fault, ResponseError, dumps, loads

from app.model import Change
from app.names import InvalidNameError, ProjectName, parse_project
from app.pages import values


@dataclass(frozen=True, slots=True)
class NoChangelog:
    """Upstream has no such thing, and will have none in a minute either."""


CAP: Final = 50_000
"""Rows that PyPI gives at most: that many may be a part of what has changed."""

_ENTITY = b"<!ENTITY"
# What the standard library's reader of XML-RPC raises for what is none.
_SENSELESS = (
    *(ResponseError, ExpatError),
    *(ArithmeticError, LookupError, TypeError, ValueError),
)
# name, version or None, timestamp, action, serial
_FIELDS = 5
# PyPI's action for a project that was deleted, whoever did it.
_REMOVED = "remove project"


def changelog_request(since: int) -> bytes | None:
    """Return the body of a call of `changelog_since_serial`; None where it cannot be asked.

    XML-RPC's integers end at 2^31 - 1; not so those of the JSON root.
    """
    if since > MAXINT:
        return None
    return dumps((since,), "changelog_since_serial").encode()


def read_changelog(body: bytes) -> dict[ProjectName, Change] | NoChangelog | None:
    """Return each changed project's last change; None where that cannot be told.

    A fault, an answer of another kind, and one that may be cut off at the cap all mean
    that the list must be asked for.
    """
    if _ENTITY in body:
        # The parser would expand it, to a hundred times its size.
        return None
    try:
        (rows,), _ = loads(body.decode())
    except Fault as fault:
        return NoChangelog() if fault.faultCode == METHOD_NOT_FOUND else None
    except _SENSELESS:
        return None
    if not isinstance(rows, list) or len(rows) >= CAP:
        return None
    return _changes(rows)


def _changes(rows: list[Any]) -> dict[ProjectName, Change] | None:
    """Return each project's last change; None where a row is none."""
    changes: dict[ProjectName, Change] = {}
    for row in rows:
        if not isinstance(row, list) or len(row) != _FIELDS:
            return None
        serial = values.number(row[4])
        if serial is None:
            return None
        try:
            name = parse_project(str(row[0]))
        except InvalidNameError:
            continue
        change = Change(serial, removed=row[3] == _REMOVED)
        changes[name] = max(changes.get(name, change), change)
    return changes
