"""A JSON root that is laid out in a way of its own, value by value, in bounded memory.

Whitespace between the entries, or another list ahead of `projects`, are right in JSON and
too much for `read_root`. Decoded as a whole, what somebody made for that purpose would
take many times its size.
"""

import codecs
import json
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NoReturn

from app.pages.parse import PageError
from app.upstream.listing import Listing
from app.upstream.root import frame, take_entries

_LONGEST = 1 << 20
"""Characters of an entry, and of any other value of the page."""

_SPACE = " \t\n\r"


def read_awkward_root(body: Iterable[bytes]) -> Listing:
    """Return what the JSON root lists, reading it while it comes in.

    Raises:
        PageError: It is not a root page, or of another major version (PEP 629).

    """
    try:
        return _read(_Text(body))
    except RecursionError as error:
        message = "it is nested too deeply"
        raise PageError(message) from error
    except UnicodeDecodeError as error:
        message = "it is not UTF-8"
        raise PageError(message) from error


def _read(text: "_Text") -> Listing:
    found: Listing | None = None
    meta: object = None
    text.expect("{")
    ended = text.take("}")
    while not ended:
        key = text.value()
        text.expect(":")
        if key == "projects" and text.take("["):
            found = Listing()
            for entry in _entries(text):
                take_entries(found, [entry])
        else:
            value = text.value()
            meta = value if key == "meta" else meta
        ended = not text.take(",")
        if ended:
            text.expect("}")
    text.end()
    listing = frame({"meta": meta} | ({} if found is None else {"projects": []}))
    if found is not None:
        found.last = listing.last
    return found or listing


def _entries(text: "_Text") -> Iterator[object]:
    """Yield a list's values, after its bracket."""
    if text.take("]"):
        return
    yield text.value()
    while text.take(","):
        yield text.value()
    text.expect("]")


def _no_constant(name: str) -> NoReturn:
    """Refuse NaN and its kin, which are no JSON (RFC 8259, 6)."""
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


class _Text:
    """What is not read yet; of that, no more than one value is in memory."""

    def __init__(self, body: Iterable[bytes]) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")()
        self._rest = chain((decoder.decode(piece) for piece in body), _last(decoder))
        self._text, self._at, self._ended = "", 0, False

    def take(self, sign: str) -> bool:
        """Read a sign, if it is the next."""
        self._skip()
        found = self._text.startswith(sign, self._at)
        self._at += len(sign) if found else 0
        return found

    def expect(self, sign: str) -> None:
        """Read a sign, which must be the next."""
        if not self.take(sign):
            message = f"it is not JSON: there is no {sign!r} where one must be"
            raise PageError(message)

    def end(self) -> None:
        """Find nothing more."""
        self._skip()
        if not self._ended:
            message = "it is not JSON: it goes on after its end"
            raise PageError(message)

    def value(self) -> object:
        """Read a value."""
        self._skip()
        while True:
            try:
                found, end = _DECODER.raw_decode(self._text, self._at)
            except ValueError as error:
                if self._ended:
                    message = "it is not JSON"
                    raise PageError(message) from error
            else:
                # A number may go on where the text does.
                if end < len(self._text) or self._ended:
                    self._at = end
                    return found
            if len(self._text) - self._at > _LONGEST:
                message = f"it is not JSON, or has a value of more than {_LONGEST} characters"
                raise PageError(message)
            self._more()

    def _skip(self) -> None:
        """Read whitespace."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._text) or self._ended:
                return
            self._more()

    def _more(self) -> None:
        piece = next(self._rest, None)
        self._ended = piece is None
        self._text, self._at = self._text[self._at :] + (piece or ""), 0


def _last(decoder: codecs.IncrementalDecoder) -> Iterator[str]:
    """Yield what a cut character leaves: nothing, or an error."""
    yield decoder.decode(b"", final=True)
