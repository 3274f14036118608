"""The JSON root (PEP 691) to a list of serials, without a copy of it all in memory.

PyPI's has 700,000 projects: decoded at once it takes three times what the result
does. So the list is decoded by pieces. Where it cannot be cut, or not as expected,
the plain way decides what the page says.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from app.pages import values
from app.pages.parse import PageError
from app.pages.values import check_version
from app.upstream.listing import Listing

_PIECE = 1 << 20
_LIST = b'"projects":['
_BETWEEN = b"},{"


def parse_root(body: bytes) -> Listing:
    """Return what the JSON root lists.

    Raises:
        PageError: It is not a root page, or of another major version (PEP 629).

    """
    try:
        return _by_pieces(body)
    except ValueError:
        return _at_once(body)


def _by_pieces(body: bytes) -> Listing:
    """Decode the list apart from its frame; ValueError where that is not possible."""
    start = body.index(_LIST) + len(_LIST)
    end = body.rindex(b"]")
    listing = _frame(orjson.loads(body[:start] + body[end:]))
    for piece in _cut(body, start, end):
        _add(listing, orjson.loads(b"[" + piece + b"]"))
    return listing


def _cut(body: bytes, start: int, end: int) -> Iterator[bytes]:
    """Yield the list between two places, cut between entries."""
    while end - start > _PIECE:
        cut = body.rindex(_BETWEEN, start, start + _PIECE) + 1
        yield body[start:cut]
        start = cut + 1
    yield body[start:end]


def _at_once(body: bytes) -> Listing:
    """Decode the whole."""
    try:
        page = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        message = "it is not JSON"
        raise PageError(message) from error
    listing = _frame(page)
    _add(listing, page["projects"])
    return listing


def _frame(page: object) -> Listing:
    """Return an empty list, if this is a root page; what it lists is not looked at."""
    if not isinstance(page, dict) or not isinstance(page.get("projects"), list):
        message = "it has no list of projects"
        raise PageError(message)
    meta = page.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    check_version(meta.get("api-version"))
    return Listing(last=values.number(meta.get("_last-serial")))


def _add(listing: Listing, projects: Iterable[Any]) -> None:
    """Take entries of the list; one without a name is no list of PEP 691's."""
    for project in projects:
        if not isinstance(project, dict) or not isinstance(project.get("name"), str):
            message = "an entry of its list of projects has no name"
            raise PageError(message)
        listing.add(project["name"], project.get("_last-serial"))
