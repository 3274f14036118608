"""Upstream's values, one function for each kind: the value, or "unknown".

One wrong value can spoil a whole page for a client: uv refuses `size: null` and
`upload-time: ""`. So what is null, empty or of the wrong type is unknown, and larder
leaves an unknown value out. Only two kinds of fault are errors: a wrong digest, since
a file with it can never be verified, and a version that larder cannot read.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from app.model import utc
from app.names import Filename, InvalidNameError, ProjectName, parse_filename, parse_project
from app.pages.errors import PageError, shown

Mark: TypeAlias = bool | str
"""PEP 592's "yanked": False, True, or the reason."""

# What a database column, and every client's integer, can hold; and so many digits.
_LARGEST: Final = 2**63 - 1
_NUMBER: Final = re.compile(r"[0-9]{1,19}")

# PEP 691: hash names are those of `hashlib`; hexadecimal digits of each.
_DIGITS: Final = {"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}
_HEX: Final = re.compile(r"[0-9a-f]+")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_HASH_NAME: Final = re.compile(r"[a-z0-9_-]{1,40}")

# PEP 700: "yyyy-mm-ddThh:mm:ss.ffffffZ", at most six digits of a second; Python
# before 3.11 and uv both refuse a date that only nearly is one.
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})"
)

# orjson reads 1024 levels and writes 254: a page that can be read must be written.
_DEEPEST: Final = 64


def text(value: object) -> str | None:
    """Return text that UTF-8 can hold; None for the empty text and what is no text."""
    if not isinstance(value, str) or not value:
        return None
    # Lone surrogates are not text; only the standard library's JSON lets them in.
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def number(value: object) -> int | None:
    """Return a size or a serial: a whole number that a database can hold."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST:
        return value
    return None


def digits(text: str) -> int | None:
    """Return the number that a header or an element spells, bounded as `number` is."""
    return number(int(text)) if _NUMBER.fullmatch(text) else None


def upload_time(value: object) -> str | None:
    """Return PEP 700's time byte for byte, where it is one that clients can read."""
    if isinstance(value, str) and _TIME.fullmatch(value) and utc(value):
        return value
    return None


def yanked(value: object) -> Mark:
    """Return PEP 592's mark: False, True, or the reason.

    >>> yanked("")
    True

    The reason should not be empty, but where it is, the mark is what must not be lost.
    """
    return text(value) or True if isinstance(value, str) else bool(value)


def digests(value: object) -> Mapping[str, str]:
    """Return hash names to digests, all in lower case (PEP 691, "hashes").

    Raises:
        PageError: A digest of a known name has not the form of one.

    """
    if not isinstance(value, dict):
        return {}
    if _is_sha256(value):
        return value
    found: dict[str, str] = {}
    for name, digest in value.items():
        # Other mirrors write null or nothing where they have none.
        if digest is not None and digest != "":
            _add_digest(found, name.lower(), digest)
    return found


def _is_sha256(value: dict[str, Any]) -> bool:
    """Whether it is a good SHA-256 digest alone, as PyPI has it of most files."""
    digest = value.get("sha256")
    return len(value) == 1 and isinstance(digest, str) and _SHA256.fullmatch(digest) is not None


def companion(value: object) -> Mapping[str, str] | None:
    """Return PEP 714's "core-metadata": None, or the digests of the `.metadata` file.

    What is unclear is not announced: pip and uv stop where an announced file is
    missing or another, and do well without.
    """
    if value is True:
        return {}
    if not isinstance(value, dict):
        return None
    try:
        return digests(value)
    except PageError:
        return None


def data(raw: Mapping[str, Any], known: frozenset[str]) -> Mapping[str, Any]:
    """Return the keys that larder does not know, which are passed on as they are."""
    return {
        key: value
        for key, value in raw.items()
        if key not in known and value is not None and _is_shallow(value)
    } or {}


def file_name(value: object) -> Filename:
    """Return the name of a distribution file.

    Raises:
        PageError: It is the name of something else.
        InvalidNameError: It is no file name.

    """
    if not isinstance(value, str):
        raise PageError(f"its file name is {shown(value)}")
    if value.endswith(".metadata"):
        # PEP 658 gives the name to the companion of the file without the suffix;
        # servers that list a folder list those too.
        raise PageError("it is the companion of a file, not a file")
    return parse_filename(value)


def check_name(found: str, wanted: ProjectName) -> None:
    """Compare the name on a page, normalised or not, with the one that was asked for.

    Raises:
        PageError: The page is of another project.

    """
    try:
        same = parse_project(found) == wanted
    except InvalidNameError:
        same = False
    if not same:
        raise PageError(f"the page is of {shown(found)}, not of {wanted!r}")


def check_version(version: object) -> None:
    """Refuse a page of another major version (PEP 629); a missing one is 1.0.

    Raises:
        PageError: The version is not 1.x.

    """
    # Some servers write a JSON number.
    written = str(version) if isinstance(version, str | float | int) else shown(version)
    if version is not None and written.strip().partition(".")[0] != "1":
        raise PageError(f"the page has the API version {shown(written)}; larder reads 1.x")


def _add_digest(found: dict[str, str], name: str, digest: object) -> None:
    lower = digest.lower() if isinstance(digest, str) else ""
    good = _HEX.fullmatch(lower)
    if name in _DIGITS:
        if not good or len(lower) != _DIGITS[name]:
            raise PageError(f"{shown(digest)} is not a digest of {name}")
        found[name] = lower
    elif good and _HASH_NAME.fullmatch(name):
        found[name] = lower


def _is_shallow(value: object) -> bool:
    """Tell whether a value nests little enough to be written again; never recurses."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return True
    return False
