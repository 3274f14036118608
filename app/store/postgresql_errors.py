"""PostgreSQL's errors, in one sentence each: try later, or mend something first."""

import re

import psycopg

from app.store.engine import first_cause
from app.store.errors import StoreAwayError, StoreBusyError, StoreError

# The classes and codes of PostgreSQL's manual, appendix A.
_AWAY = ("08", "57P", "53300")
_BUSY = ("40", "55P03", "57014")
_LOCK_NOT_AVAILABLE = "55P03"
_READ_ONLY = "25006"

# Where no connection comes about, the server's code is not told, only its message.
_REFUSED = re.compile(
    r"FATAL|fe_sendauth|no password supplied|authentication|certificate|SSL was required"
)
_FOR_NOW = re.compile(
    r"starting up|shutting down|recovery mode|not yet accepting|not accepting connections"
    r"|too many (clients|connections)|connection slots"
)


def statement_error(error: Exception) -> StoreError | None:
    """Return what a statement's error is; None where the connection is at fault."""
    cause = first_cause(error, psycopg.Error)
    code = cause.sqlstate if isinstance(cause, psycopg.Error) else None
    if code is None or code.startswith(_AWAY):
        return None
    if code == _LOCK_NOT_AVAILABLE:
        return StoreBusyError("another process writes to the database for too long")
    if code.startswith(_BUSY):
        return StoreBusyError(_words(cause))
    if code == _READ_ONLY:
        return StoreError(f"the database takes no changes: {_words(cause)}")
    return StoreError(_words(cause))


def connection_error(error: Exception) -> StoreError:
    """Return what the error of a connection is, one that broke or did not come about."""
    cause = first_cause(error, psycopg.Error)
    words = str(cause)
    broken = isinstance(cause, (psycopg.OperationalError, psycopg.InterfaceError))
    if not broken or (_REFUSED.search(words) and not _FOR_NOW.search(words)):
        return StoreError(_words(cause))
    return StoreAwayError(f"{_words(cause)}; is the database's server running?")


def _words(cause: BaseException) -> str:
    """Return the line that says why; the others say where, or what may be."""
    lines = [line.strip(" -\t") for line in str(cause).splitlines() if line.strip()] or [""]
    line = lines[1] if lines[0].startswith("Multiple") and len(lines) > 1 else lines[0]
    return " ".join(line.rpartition("failed: ")[2].split()) or type(cause).__name__
