"""What nginx reads of an Accept header that is none of the known ones (PEP 691).

The maps in `accept.conf.j2` do what `app.pages.accept.negotiate` does, for every header of
the plain form that clients write: types, each with `q` or nothing. A header of any other
form (quoted text, a type twice, other parameters of ours, mistakes) is the application's
to read; `SURE` tells them apart. All of it is compared by regular expressions (PCRE), in
any case of letters.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from app.model import PageFormat
from app.nginx.values import Safe

_OWS: Final = r"[ \t]*+"
# RFC 9110, section 5.6.2.
_TOKEN: Final = r"[-!#$%&'*+.^_`|~0-9a-z]++"  # noqa: S105  no secret
# RFC 9110, section 12.4.2; and `.2`, as `app.pages.accept` has it.
_Q: Final = r"(?:0|0?\.[0-9]{1,3}|0\.|1(?:\.0{0,3})?)"
_START: Final = rf"(?:^|,){_OWS}"
_END: Final = rf"{_OWS}(?:,|$)"

_PREFIX: Final = r"application/vnd\.pypi\.simple\."
# As they may stand in the header; `latest` may be asked for, the answer is the real one.
_KINDS: Final = {
    "json": rf"{_PREFIX}(?:v1|latest)\+json",
    "v1_html": rf"{_PREFIX}(?:v1|latest)\+html",
    "html": "text/html",
    "application": r"application/\*",
    "text": r"text/\*",
    # A bare `*` is what old Java sends.
    "any": r"\*(?:/\*)?",
}
_OURS: Final = "|".join(_KINDS.values())


@dataclass(frozen=True, slots=True)
class Quality:
    """How a map finds a quality in a header: what follows the type, and four digits."""

    pattern: Safe
    value: Safe


@dataclass(frozen=True, slots=True)
class Kind:
    """One media range that matters."""

    name: Safe
    qualities: tuple[Quality, ...]


def kinds() -> list[Kind]:
    """Return the ranges, each with the patterns that find its quality."""
    return [Kind(Safe(name), tuple(_qualities(name, kind))) for name, kind in _KINDS.items()]


def _qualities(name: str, kind: str) -> Iterator[Quality]:
    start = rf"{_START}(?:{kind}){_OWS}"
    q = rf";{_OWS}q="
    yield _quality(rf"{start}(?:{q}1(?:\.0{{0,3}})?)?{_END}", "1000")
    for digits in (3, 2, 1):
        digit = rf"(?<{name}_{digits}>[0-9]{{{digits}}})"
        zeros = "0" * (3 - digits)
        yield _quality(rf"{start}{q}0?\.{digit}{_END}", f"0${{{name}_{digits}}}{zeros}")
    yield _quality(rf"{start}{q}0\.?{_END}", "0000")


def _quality(pattern: str, value: str) -> Quality:
    return Quality(Safe(f'"~*{pattern}"'), Safe(f'"{value}"'))


TWICE: Final = Safe(
    '"~*'
    + "|".join(
        rf"{_START}(?:{kind})(?=[ \t;,]).*,{_OWS}(?:{kind})(?:[ \t;,]|$)"
        for kind in _KINDS.values()
    )
    + '"'
)
"""Matches a header that has one range twice: the better one counts, whichever it is."""

_PLAIN_RANGE: Final = rf"(?:{_OURS})(?:{_OWS};{_OWS}q={_Q})?"
_FOREIGN_RANGE: Final = (
    rf"(?!(?:{_OURS})(?:[ \t;,]|$)){_TOKEN}/{_TOKEN}"
    rf"(?:{_OWS};{_OWS}(?!q=){_TOKEN}={_TOKEN})*(?:{_OWS};{_OWS}q={_Q})?"
)
_RANGE: Final = rf"{_OWS}(?:{_PLAIN_RANGE}|{_FOREIGN_RANGE}){_OWS}(?=,|$)"

PLAIN: Final = Safe(rf'"~*^{_RANGE}(?:,{_RANGE})*+$"')
"""Matches a header that has nothing but what these maps read."""


def _greater(first: int, second: int) -> str:
    """Return what looks ahead for one of three numbers being greater than a later one.

    They are as long as each other, with a space in between. Up to the digit that decides
    they are the same.
    """
    before, between = "[0-9]+ " * first, "[0-9]+ " * (second - first - 1)
    same = f"same_{first}{second}"
    digits = "|".join(f"{n}[0-9]* {between}\\k<{same}>[0-{n - 1}]" for n in range(1, 10))
    return f"(?=^{before}(?<{same}>[0-9]*)(?:{digits}))"


FIRST_IS_BEST: Final = Safe(f'"~{_greater(0, 1)}{_greater(0, 2)}"')
"""Matches three numbers of which the first is the greatest."""

SECOND_IS_BETTER: Final = Safe(f'"~{_greater(1, 2)}"')
"""Matches three numbers of which the second is greater than the third."""


def queried(wanted: PageFormat) -> Safe:
    """Return what matches `?format=` with this type, as it is or encoded in the usual way.

    A bare plus sign would be decoded to a space, and so may have been sent as one.
    """
    text = re.escape(wanted).replace("/", "(?:/|%2f)").replace(r"\+", r"(?:\+|%2b|%20)")
    return Safe(rf'"~*^{text}\|"')
