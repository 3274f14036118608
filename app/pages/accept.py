"""Which format of the simple API a client wants (PEP 691; RFC 9110, section 12.5.1).

The answer is the format with the highest quality. On a tie it is one that the client
names rather than one that a wildcard lets in; of those that it names, the one that
says most (only JSON has sizes and upload times); of those that a wildcard lets in,
HTML, since whoever writes `*/*` may be pipenv, Bazel or a browser. The order of the
header never counts. A malformed element is ignored; a header of nothing else is none; what comes
after the first 300 elements is ignored too.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Final, NamedTuple

from app.model import PageFormat

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_KIND: Final = re.compile(f"{_TOKEN.pattern}/{_TOKEN.pattern}")
_QUOTED: Final = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"')
# RFC 9110, section 12.4.2; and `.2`, which Java sends.
_QUALITY: Final = re.compile(r"(?=\.?[0-9])([01]?)(?:\.([0-9]{0,3}))?")
_CERTAIN: Final = 1000
# Clients send six at most; 8 kB of commas would take a thread for 30 milliseconds. Those
# headers that nginx reads by itself have no more either (accept.conf.j2).
_MAX_RANGES: Final = 300

# PEP 691: "latest" may be asked for; the answer names the real version.
_TYPES: Final[Mapping[str, PageFormat]] = MappingProxyType(
    {
        **{str(known): known for known in PageFormat},
        "application/vnd.pypi.simple.latest+json": PageFormat.JSON,
        "application/vnd.pypi.simple.latest+html": PageFormat.V1_HTML,
    }
)

_CONCRETE: Final = frozenset(PageFormat)

# Worse to better, where the quality does not decide.
_NAMED: Final = (PageFormat.HTML, PageFormat.V1_HTML, PageFormat.JSON)
_LET_IN: Final = (PageFormat.V1_HTML, PageFormat.JSON, PageFormat.HTML)

_ANY, _ANY_SUBTYPE, _EXACT, _WITH_CHARSET = range(4)

CLIENT_ACCEPTS: Final[Mapping[str, PageFormat]] = MappingProxyType(
    {
        # pip since 22.2, pdm.
        "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, "
        "text/html; q=0.01": PageFormat.JSON,
        # uv; PEP 691's own example.
        "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, "
        "text/html;q=0.01": PageFormat.JSON,
        # poetry.
        "application/vnd.pypi.simple.v1+json, */*;q=0.1": PageFormat.JSON,
        # micropip.
        "application/vnd.pypi.simple.v1+json, */*;q=0.01": PageFormat.JSON,
        # bandersnatch, shadowmire and scripts.
        "application/vnd.pypi.simple.v1+json": PageFormat.JSON,
        "application/vnd.pypi.simple.v1+html": PageFormat.V1_HTML,
        # pip before 22.2.
        "text/html": PageFormat.HTML,
        # requests (pipenv), curl, wget.
        "*/*": PageFormat.HTML,
        # Bazel on old Java.
        "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2": PageFormat.HTML,
        # Firefox; Chrome.
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": PageFormat.HTML,
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,"
        "*/*;q=0.8,application/signed-exchange;v=b3;q=0.7": PageFormat.HTML,
    }
)
"""What clients really send, with the answer: nginx knows these without asking."""


class _Range(NamedTuple):
    """One element of the header."""

    kind: str
    # Thousandths: three digits are all that RFC 9110 allows.
    quality: int
    # Whether `charset=utf-8` stands there, which is what larder's HTML is.
    charset: bool


def negotiate(accept: str | None, wanted: str | None) -> PageFormat | None:
    """Return the format for an Accept header and the value of `?format=`.

    None is 406. `?format=` wins, and must be a concrete type; its plus sign may have
    been decoded to a space. An empty header or value is none.
    """
    if wanted:
        concrete = wanted.strip().replace(" ", "+").lower()
        return PageFormat(concrete) if concrete in _CONCRETE else None
    ranges = tuple(_ranges(accept or ""))
    if not ranges:
        return PageFormat.HTML
    best = max(_rating(offer, ranges) for offer in PageFormat)
    return best[-1] if best[0] else None


def _rating(offer: PageFormat, ranges: tuple[_Range, ...]) -> tuple[int, bool, int, PageFormat]:
    """Return the quality of a format by the most specific ranges that match it."""
    matches = [(_exactness(offer, found), found.quality) for found in ranges]
    exactness, quality = max(matches)
    if exactness < _ANY:
        return 0, False, 0, offer
    named = exactness >= _EXACT
    return quality, named, (_NAMED if named else _LET_IN).index(offer), offer


def _exactness(offer: PageFormat, found: _Range) -> int:
    if _TYPES.get(found.kind) is offer:
        return _WITH_CHARSET if found.charset else _EXACT
    if found.kind == offer.partition("/")[0] + "/*":
        return _ANY_SUBTYPE
    return _ANY if found.kind == "*/*" else _ANY - 1


def _ranges(header: str) -> Iterator[_Range]:
    # No quoted text of a type that larder has holds a separator: what does is another.
    for element in islice(_QUOTED.sub(_unquoted, header).split(","), _MAX_RANGES):
        found = _range(element)
        if found:
            yield found


def _unquoted(quoted: re.Match[str]) -> str:
    return quoted[1] if _TOKEN.fullmatch(quoted[1]) else "_"


def _range(element: str) -> _Range | None:
    """Return one element of the list, or None where it is malformed."""
    kind, *parameters = (part.strip(" \t").lower() for part in element.split(";"))
    kind = "*/*" if kind == "*" else kind
    if not _KIND.fullmatch(kind):
        return None
    quality: int | None = _CERTAIN
    charset = False
    for parameter in filter(None, parameters):
        name, _, value = parameter.partition("=")
        if name == "q":
            # What follows was once an extension of the header, not of the type.
            quality = _thousandths(value)
            break
        if not _TOKEN.fullmatch(name) or not _TOKEN.fullmatch(value):
            return None
        if parameter == "charset=utf-8":
            charset = True
        else:
            # A narrower type, which is none of larder's.
            kind += f";{parameter}"
    return None if quality is None else _Range(kind, quality, charset)


def _thousandths(value: str) -> int | None:
    match = _QUALITY.fullmatch(value)
    if not match:
        return None
    whole, fraction = match.groups("")
    quality = _CERTAIN * int(whole or "0") + int(fraction.ljust(3, "0"))
    return quality if quality <= _CERTAIN else None
