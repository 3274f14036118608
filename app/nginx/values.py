"""What may be written into nginx's configuration, and in which form."""

import re
from pathlib import Path
from typing import NewType

Safe = NewType("Safe", str)
"""Text that stands in a template as it is: checked, and in quotes where it needs them."""

# Inside of double quotes nginx gives a meaning to the quote, the backslash and, in
# most directives, the dollar sign. The others would be harmless there; a value that
# has them is a mistake or an attempt.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f"\'\\$;{}]')
_UNSAFE_IN_TEXT = re.compile(r'[\x00-\x1f\x7f"\\$]')

# sockaddr_un.sun_path, without its final NUL (unix(7)).
_MAX_SOCKET_PATH = 107


class UnsafeValueError(ValueError):
    """A value cannot be written into nginx's configuration; the message says why."""


def plain(value: object, what: str) -> Safe:
    """Return a value as it is, to stand inside of quotes or of a longer word.

    Raises:
        UnsafeValueError: It has a character that nginx would read as syntax.

    """
    return _checked(str(value), what, _UNSAFE)


def quoted(value: object, what: str) -> Safe:
    """Return a value in double quotes; raises UnsafeValueError as `plain` does."""
    return Safe(f'"{plain(value, what)}"')


def sentence(value: str, what: str) -> Safe:
    """Return text in double quotes that may hold `;` and braces, as a User-Agent does."""
    return Safe(f'"{_checked(value, what, _UNSAFE_IN_TEXT)}"')


def socket(path: Path, what: str) -> Safe:
    """Return the path of a Unix socket as nginx names it, in quotes.

    Raises:
        UnsafeValueError: As `plain`; or the path is too long for a socket.

    """
    if len(str(path).encode()) > _MAX_SOCKET_PATH:
        message = (
            f"{what}: {path} is longer than the {_MAX_SOCKET_PATH} bytes that a Unix"
            " socket's path may have; use a shorter repo_path"
        )
        raise UnsafeValueError(message)
    if ":" in str(path):
        message = f"{what}: {path} has a colon, which nginx does not take in a socket's path"
        raise UnsafeValueError(message)
    return quoted(f"unix:{path}", what)


def pattern(value: str, what: str) -> Safe:
    """Return text as the part of a regular expression (PCRE) that matches it alone."""
    return Safe(re.sub(r"[.+*?()\[\]^|]", r"\\\g<0>", plain(value, what)))


def mention(text: str, what: str) -> Safe:
    """Return the key of a `map` that matches what has a text in it, in any case.

    Raises:
        UnsafeValueError: The text cannot stand in double quotes.

    """
    checked = _checked(text, what, _UNSAFE_IN_TEXT)
    return Safe('"~*' + re.sub(r"[.+*?()\[\]{}^|]", r"\\\g<0>", checked) + '"')


def _checked(text: str, what: str, unsafe: re.Pattern[str]) -> Safe:
    if found := unsafe.search(text):
        message = (
            f"{what}: {text!r} cannot be written into nginx's configuration because of"
            f" the character {found.group()!r}"
        )
        raise UnsafeValueError(message)
    return Safe(text)
