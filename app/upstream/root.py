"""The JSON root (PEP 691) to a list of serials, without a copy of it all in memory.

PyPI's has 700,000 projects: decoded at once it takes three times what the result
does. So the list is decoded by pieces. Where it cannot be cut, or not as expected,
`app.upstream.awkward_root` decides what the page says.
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


class AwkwardRootError(Exception):
    """The page cannot be read by pieces; read value by value, it may be right."""


def read_root(body: Iterable[bytes]) -> Listing:
    """Return what the JSON root lists, reading it while it comes in.

    Raises:
        AwkwardRootError: `read_awkward_root` must decide.
        PageError: It is not a root page, or of another major version (PEP 629).

    """
    listing = Listing()
    page = _Frame()
    try:
        for part in page.cut(body):
            take_entries(listing, orjson.loads(b"[" + part + b"]"))
        listing.last = frame(orjson.loads(page.head + page.tail)).last
    except ValueError as error:
        raise AwkwardRootError from error
    return listing


class _Frame:
    """A page around its list."""

    def __init__(self) -> None:
        self.head = self.tail = b""

    def cut(self, body: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the list, cut between entries; ValueError where that is not possible."""
        rest = b""
        for piece in body:
            rest += piece
            if not self.head and _LIST in rest:
                start = rest.index(_LIST) + len(_LIST)
                self.head, rest = rest[:start], rest[start:]
            while self.head and len(rest) > _PIECE:
                cut = rest.rindex(_BETWEEN, 0, _PIECE) + 1
                yield rest[:cut]
                rest = rest[cut + 1 :]
            if not self.head and len(rest) > _PIECE:
                message = "it does not begin as a list"
                raise ValueError(message)
        end = rest.rindex(b"]")
        self.tail = rest[end:]
        yield rest[:end]


def frame(page: object) -> Listing:
    """Return an empty list, if this is a root page; what it lists is not looked at."""
    if not isinstance(page, dict) or not isinstance(page.get("projects"), list):
        message = "it has no list of projects"
        raise PageError(message)
    meta = page.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    check_version(meta.get("api-version"))
    return Listing(last=values.number(meta.get("_last-serial")))


def take_entries(listing: Listing, projects: Iterable[Any]) -> None:
    """Take entries of the list; one without a name is no list of PEP 691's."""
    for project in projects:
        if not isinstance(project, dict) or not isinstance(project.get("name"), str):
            message = "an entry of its list of projects has no name"
            raise PageError(message)
        listing.add(project["name"], project.get("_last-serial"))
