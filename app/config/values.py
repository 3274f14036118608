"""The texts of single values: sizes, durations, numbers, paths.

Each function returns what a text means or raises InvalidValueError, whose message is
one sentence that says what to write. Nothing here knows a key or looks at the disk.
"""

import re
from decimal import Decimal
from pathlib import Path

from app.config.problems import shown

_SIZE = re.compile(r"(\d{1,16})(\.\d{1,6})?([bkmgt]?)", re.IGNORECASE | re.ASCII)
_DURATION = re.compile(r"(\d{1,10})([smhd]?)", re.IGNORECASE | re.ASCII)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_WHOLE = re.compile(r"-?(?:0|[1-9]\d{0,15})", re.ASCII)
_FRACTION = re.compile(r"(?:0|[1-9]\d{0,5})(?:\.\d{1,9})?", re.ASCII)
# SQLite's integers, and every file system's offsets.
_LARGEST_SIZE = 2**63 - 1
_LONGEST = 3650 * 86400
_PREFIX = re.compile(r"(?:/(?!\.\.?(?:/|$))[A-Za-z0-9._~-]+)*/?")
# nginx's own characters, and those of a database URL.
_NOT_IN_PATHS = frozenset("\"'$\\;{}#%?")
_NOT_IN_HEADERS = frozenset('"\\$')
_LONGEST_HEADER = 200
_SQLITE = "sqlite:///"
REPO_MARK = "{repo_path}/"
"""What stands for the value of `repo_path` at the start of a database's path."""


class InvalidValueError(ValueError):
    """The text is not a value of the kind asked for."""


def parse_size(text: str) -> int:
    """Return a size in bytes.

    >>> parse_size("512g") == 512 * 1024**3
    True
    """
    match = _SIZE.fullmatch(text)
    if match is None or (match[2] and match[3].lower() in ("", "b")):
        raise InvalidValueError(
            f"{shown(text)} is not a size; write a number of bytes, "
            "or a number with k, m, g or t (1024 each), such as 512g"
        )
    power = "bkmgt".index(match[3].lower() or "b")
    size = int(Decimal(match[1] + (match[2] or "")) * 1024**power)
    if not 1 <= size <= _LARGEST_SIZE:
        raise InvalidValueError(
            f"{shown(text)} is no possible size; write one from 1 byte to 8191 petabytes"
        )
    return size


def parse_duration(text: str) -> int:
    """Return a duration in seconds.

    >>> parse_duration("2h")
    7200
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise InvalidValueError(
            f"{shown(text)} is not a duration; write a number of seconds, "
            "or a number with s, m, h or d, such as 30s, 5m, 2h or 7d"
        )
    seconds = int(match[1]) * _SECONDS[match[2].lower()]
    if seconds > _LONGEST:
        raise InvalidValueError(f"{shown(text)} is longer than ten years; write at most 3650d")
    return seconds


def parse_whole(text: str) -> int:
    """Return a whole number."""
    if not _WHOLE.fullmatch(text):
        raise InvalidValueError(
            f"{shown(text)} is not a whole number; write digits alone, such as 4"
        )
    return int(text)


def parse_fraction(text: str) -> float:
    """Return a number that need not be whole.

    >>> parse_fraction("1.25")
    1.25
    """
    if not _FRACTION.fullmatch(text):
        raise InvalidValueError(f"{shown(text)} is not a number; write one such as 1.25")
    return float(text)


def parse_prefix(text: str) -> str:
    """Return the path below which everything is served, without a slash at its end."""
    if text and not text.startswith("/"):
        raise InvalidValueError(
            f"{shown(text)} does not begin with a slash; write {shown('/' + text)}"
        )
    if not _PREFIX.fullmatch(text):
        raise InvalidValueError(
            f"{shown(text)} cannot be a prefix; write a path such as /pypi "
            "of letters, digits and '. _ ~ -', or '' for none"
        )
    return text.rstrip("/")


def parse_path(text: str) -> Path:
    """Return a path, still relative where the text is; it must be safe in nginx's files."""
    if not text:
        raise InvalidValueError("the path is empty; write one such as /srv/larder")
    if text.startswith("~"):
        raise InvalidValueError(
            f"{shown(text)} begins with '~', which only a shell knows; write the whole path"
        )
    wrong = next((char for char in text if not _fits_path(char)), None)
    if wrong is not None:
        raise InvalidValueError(
            f"{shown(text)} holds {shown(wrong)}, which nginx cannot have in a path; rename it"
        )
    # A path that begins with two slashes would keep them (POSIX, 4.13).
    return Path(re.sub(r"^//+", "/", text))


def parse_header(text: str) -> str:
    """Return a text that can be an HTTP header's value."""
    fits = text.isascii() and text.isprintable() and text == text.strip()
    if not text or not fits or len(text) > _LONGEST_HEADER or _NOT_IN_HEADERS & set(text):
        raise InvalidValueError(
            f"{shown(text)} cannot be a header's value; write up to {_LONGEST_HEADER} ASCII "
            "characters without '\"', '\\' and '$'"
        )
    return text


def parse_agent(text: str) -> str:
    """Return a part of a User-Agent; nothing for the word that stands for nobody."""
    return "" if text == "none" else parse_header(text)


def parse_database(text: str) -> str:
    """Return a database's path: a path, or one that begins with `{repo_path}`."""
    if not text.startswith(_SQLITE):
        # The text may hold a password: it is not repeated.
        raise InvalidValueError(f"only SQLite is supported; write {_SQLITE}/srv/larder/larder.db")
    path = text.removeprefix(_SQLITE)
    if path == ":memory:":
        raise InvalidValueError(
            f"the processes cannot share memory; write {_SQLITE}/srv/larder/larder.db"
        )
    if not path.startswith(REPO_MARK):
        return str(parse_path(path))
    return f"{REPO_MARK}{parse_path(path.removeprefix(REPO_MARK).lstrip('/'))}"


def _fits_path(char: str) -> bool:
    return char.isprintable() and not char.isspace() and char not in _NOT_IN_PATHS
