"""The answer to `list_packages_with_serial`, read while it comes in.

Only what the call needs of XML-RPC: one struct of integers, or a fault. A streaming
parser, since the list is long and the standard library's takes twice the memory.
"""

from collections.abc import Iterable
from typing import Final, NoReturn
from xml.parsers.expat import ExpatError, ParserCreate

from app.pages import values
from app.upstream.listing import Listing

LIST_PACKAGES_WITH_SERIAL: Final = (
    b"<?xml version='1.0'?>\n<methodCall>"
    b"<methodName>list_packages_with_serial</methodName><params></params></methodCall>\n"
)

_LIST = ("methodResponse", "params", "param", "value", "struct")
_FAULT = ("methodResponse", "fault", "value", "struct")
# A value without a type is a string.
_INTEGERS = frozenset({"int", "i4", "i8", "string", "value"})
# The struct's member, its value, the value's type.
_DEPTH = len(_LIST) + 3
# No honest answer is deeper, or has a longer text between two tags.
_DEEPEST = 32
_LONGEST = 1 << 16


class FaultError(Exception):
    """The server answers with a fault; the message is its `faultString`."""


class NotXmlRpcError(Exception):
    """The answer is not a struct of integers."""


def read_list(pieces: Iterable[bytes]) -> Listing:
    """Return names and serials.

    Raises:
        FaultError: The answer is a fault.
        NotXmlRpcError: It is something else.

    """
    reader = _Reader()
    try:
        for piece in pieces:
            reader.parser.Parse(piece, False)  # noqa: FBT003  expat takes no keyword
        reader.parser.Parse(b"", True)  # noqa: FBT003
    except ExpatError as error:
        message = f"it is not well-formed in line {error.lineno}"
        raise NotXmlRpcError(message) from error
    return reader.result()


class _Reader:
    """Where in the document the parser is, and what it has found."""

    def __init__(self) -> None:
        self._path: list[str] = []
        self._text: list[str] = []
        self._length = 0
        # The struct that we are, or were last, in.
        self._struct: tuple[str, ...] = ()
        self._name = ""
        self._fault: dict[str, str] = {}
        self._listing = Listing()
        self.parser = ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        # Without entities there is nothing to expand.
        self.parser.EntityDeclHandler = self._no_entities

    def result(self) -> Listing:
        """Return the list, after the end of the document."""
        if self._struct == _FAULT:
            message = " ".join(self._fault.get("faultString", "no reason given").split())
            raise FaultError(message[:200])
        if self._struct != _LIST:
            message = "it has no list"
            raise NotXmlRpcError(message)
        return self._listing

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        del attributes
        self._path.append(tag)
        if len(self._path) > _DEEPEST:
            message = "it is nested too deeply"
            raise NotXmlRpcError(message)
        self._clear()
        if tag == "struct":
            self._struct = tuple(self._path)

    def _end(self, tag: str) -> None:
        text = "".join(self._text).strip()
        if tag == "name":
            self._name = text
        elif text:
            self._value(tag, text)
        self._clear()
        self._path.pop()

    def _characters(self, text: str) -> None:
        self._text.append(text)
        self._length += len(text)
        if self._length > _LONGEST:
            message = "it has a text that is too long"
            raise NotXmlRpcError(message)

    def _clear(self) -> None:
        self._text.clear()
        self._length = 0

    def _value(self, tag: str, text: str) -> None:
        if self._struct == _FAULT:
            self._fault[self._name] = text
            return
        listed = self._struct == _LIST and len(self._path) <= _DEPTH and tag in _INTEGERS
        number = values.digits(text)
        if listed and number is not None:
            self._listing.add(self._name, number)
        else:
            message = f"{self._name[:80]!r} has {text[:20]!r} for a serial"
            raise NotXmlRpcError(message)

    def _no_entities(self, *declaration: object) -> NoReturn:
        del declaration
        message = "it declares an entity"
        raise NotXmlRpcError(message)
