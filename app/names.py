"""Names that come from outside, each with the one parser that admits it.

A value of one of these types has been checked: it names one thing, and used as a
part of a path it cannot leave its directory. Functions that join paths take only
these types, so the type checker proves that no text from outside reaches the disk
unparsed.
"""

import re
from typing import NewType

from packaging.utils import canonicalize_name

ProjectName = NewType("ProjectName", str)
"""A normalised project name (PEP 503): lower case, single hyphens, ASCII."""

Filename = NewType("Filename", str)
"""The name of a distribution file: one path component, printable, not hidden, any alphabet."""

Sha256 = NewType("Sha256", str)
"""A SHA-256 digest, 64 lower-case hexadecimal digits."""

Version = NewType("Version", str)
"""A version as a page spells it: one path component that is not hidden (PEP 440's letters)."""

FilePath = NewType("FilePath", str)
"""A file's place below ``/packages/``: ``{ab}/{cd}/{60 hex digits}/{filename}``.

PyPI derives the three folders from the BLAKE2b-256 digest of the content, so a path
never changes its bytes. A file that upstream keeps elsewhere gets a path of the same
form, derived from its SHA-256 or its URL (see ``app.model.File``).
"""

# The core metadata specification ("Name"), in ASCII as PyPI enforces it.
_PROJECT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
# PEP 503's normal form of that: most names come in it, and there are a million.
_NORMAL = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_FILENAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+!~ -]*")
# PEP 427: "The archive filename is Unicode." Most are ASCII, and there are millions.
_UNICODE_FILENAME = re.compile(r"[A-Za-z0-9_\u0080-\U0010ffff][A-Za-z0-9._+!~ \u0080-\U0010ffff-]*")
# What stands where bytes were no UTF-8.
_REPLACEMENT = "\ufffd"
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]{0,99}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DIGEST_FOLDERS = re.compile(r"([0-9a-f]{2})/([0-9a-f]{2})/([0-9a-f]{60})")

# ext4, XFS and most others allow 255 bytes in one component; a partial file or a
# ``.metadata`` companion needs some of them.
_MAX_COMPONENT = 230


class InvalidNameError(ValueError):
    """The text is not a name of the kind asked for."""


def parse_project(text: str) -> ProjectName:
    """Return the normalised name of a project.

    >>> parse_project("Flask_SQLAlchemy")
    'flask-sqlalchemy'

    Raises:
        InvalidNameError: The text is not a valid project name (core metadata
            specification, "Name"), or too long for a folder.

    """
    if len(text) <= _MAX_COMPONENT and _NORMAL.fullmatch(text):
        return ProjectName(text)
    if len(text) > _MAX_COMPONENT or not _PROJECT.fullmatch(text):
        message = f"{text[:80]!r} is not a project name"
        raise InvalidNameError(message)
    return ProjectName(canonicalize_name(text))


def parse_filename(text: str) -> Filename:
    """Return the text as the name of a distribution file.

    Raises:
        InvalidNameError: The text is empty, hidden, too long, or holds a character
            that no sdist or wheel has, or that cannot be seen.

    """
    if len(text) > _MAX_COMPONENT or not (_FILENAME.fullmatch(text) or _is_unicode(text)):
        message = f"{text[:80]!r} is not a file name"
        raise InvalidNameError(message)
    return Filename(text)


def _is_unicode(text: str) -> bool:
    """Whether it is a file name with letters of any alphabet.

    What is no letter or mark there may turn round, or hide, what is read (`isprintable`).
    """
    if not _UNICODE_FILENAME.fullmatch(text) or not text.isprintable():
        return False
    return _REPLACEMENT not in text and len(text.encode()) <= _MAX_COMPONENT


def parse_version(text: str) -> Version:
    """Return the text as a version, in whatever spelling.

    Raises:
        InvalidNameError: It has a character that no version has, or too many of them.

    """
    if not _VERSION.fullmatch(text):
        message = f"{text[:80]!r} is not a version"
        raise InvalidNameError(message)
    return Version(text)


def parse_sha256(text: str) -> Sha256:
    """Return the text as a SHA-256 digest, in lower case.

    Raises:
        InvalidNameError: The text is not 64 hexadecimal digits.

    """
    lower = text.lower()
    if not _SHA256.fullmatch(lower):
        message = f"{text[:80]!r} is not a SHA-256 digest"
        raise InvalidNameError(message)
    return Sha256(lower)


def parse_file_path(text: str) -> FilePath:
    """Return the text, a decoded URL path below ``/packages/``, as a file's path.

    Raises:
        InvalidNameError: The text is not three digest folders and a file name.

    """
    folders, _, name = text.rpartition("/")
    if not _DIGEST_FOLDERS.fullmatch(folders):
        message = f"{text[:120]!r} is not a path below /packages/"
        raise InvalidNameError(message)
    return FilePath(f"{folders}/{parse_filename(name)}")


def path_order(path: FilePath) -> int:
    """Return the first 60 bits of a path's digest: numbers that sort as the paths do.

    >>> path_order(FilePath("00/00/0" + "0" * 10 + "0f" + "0" * 47 + "/a.whl"))
    15
    """
    return int(path[:2] + path[3:5] + path[6:17], 16)


COMPANION = ".metadata"
"""What a file's core metadata is called, beside it (PEP 658)."""


def companion_of(path: FilePath) -> FilePath:
    """Return the path of a file's core metadata (PEP 658)."""
    return FilePath(path + COMPANION)


def path_from_digest(digest: str, filename: Filename) -> FilePath:
    """Return the path of a file whose folders come from a digest of 64 hex digits."""
    return FilePath(f"{digest[:2]}/{digest[2:4]}/{parse_sha256(digest)[4:]}/{filename}")
