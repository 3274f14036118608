"""HTML to its elements, in one pass and in linear time.

The standard library's parser needs 20 seconds for 60 kB of `<a <a <a …`, and its
reading of comments and scripts differs between patch releases of Python. A page of
the simple index needs only start tags, their attributes, comments and the title, so
this is the part of the HTML standard's tokenizer (section 13.2.5) that finds them.
"""

import re
from collections.abc import Iterator, Mapping
from html import unescape
from html.entities import html5
from typing import Final, NamedTuple

from app.pages.errors import PageError

_SPACE: Final = r"[ \t\n\r\f]"
_NAME: Final = re.compile(r"[A-Za-z][^ \t\n\r\f/>]*")
# 13.2.5.32 to 13.2.5.39. The value's last alternative is "no value". An unclosed quote
# runs to the end of the text, so that nothing behind it is taken for a tag.
_ATTRIBUTE: Final = re.compile(
    r"[ \t\n\r\f/]*([^ \t\n\r\f/>][^ \t\n\r\f/>=]*)"
    rf"""(?:{_SPACE}*={_SPACE}*(?:"([^"]*)"?|'([^']*)'?|([^ \t\n\r\f>"'][^ \t\n\r\f>]*)|))?"""
)
_TAG_END: Final = re.compile(r"[ \t\n\r\f/]*>")
_COMMENT_END: Final = re.compile(r"--!?>")
# 13.2.5.73: in an attribute a reference without a semicolon counts only where
# neither an equals sign nor a letter or digit follows: `?a=1&copy=2` is a link.
_REFERENCE: Final = re.compile(r"&(?:#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[A-Za-z][A-Za-z0-9]*[;=]?)")

# Elements whose content is text, whatever it looks like (13.2.5.1, "raw text").
_RAW: Final = {
    name: re.compile(rf"</{name}(?=[ \t\n\r\f/>])", re.IGNORECASE)
    for name in ("iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp")
}

COMMENT: Final = "!"
"""The name of an `Element` that is a comment."""


class Element(NamedTuple):
    """A start tag, or a comment."""

    # In lower case; or COMMENT.
    name: str
    # Names in lower case; of two with one name the first. No value is the empty text.
    attributes: Mapping[str, str]
    # The comment, or the raw content of an element that has no elements inside.
    text: str = ""


def elements(text: str) -> Iterator[Element]:
    """Yield the start tags and comments of a page, in order.

    Raises:
        PageError: The text ends inside one of them: the page was cut.

    """
    position = text.find("<")
    while position >= 0:
        element, position = _markup(text, position)
        if element:
            yield element
        position = text.find("<", position)


def _markup(text: str, start: int) -> tuple[Element | None, int]:
    """Return what begins at the `<`, if it is of interest, and where it ends."""
    if text.startswith("<!--", start):
        return _comment(text, start + 4)
    if name := _NAME.match(text, start + 1):
        return _start_tag(text, name)
    if name := _NAME.match(text, start + 2):
        if text[start + 1] == "/":
            return None, _attributes(text, name.end())[1]
    elif text.startswith("</>", start):
        return None, start + 3
    if text.startswith(("<!", "<?", "</"), start):
        # A document type, or what the standard calls a bogus comment.
        return None, _after(text, text.find(">", start) + 1)
    return None, start + 1


def _comment(text: str, start: int) -> tuple[Element, int]:
    for empty in (">", "->"):
        if text.startswith(empty, start):
            return Element(COMMENT, {}), start + len(empty)
    end = _COMMENT_END.search(text, start)
    stop = _after(text, end.end() if end else 0)
    return Element(COMMENT, {}, text[start : end.start() if end else stop]), stop


def _start_tag(text: str, name: re.Match[str]) -> tuple[Element, int]:
    tag = name[0].lower()
    attributes, stop = _attributes(text, name.end())
    if tag not in _RAW:
        return Element(tag, attributes), stop
    end = _RAW[tag].search(text, stop)
    after = _after(text, end.start() if end else 0)
    return Element(tag, attributes, text[stop:after]), after


def _attributes(text: str, position: int) -> tuple[Mapping[str, str], int]:
    found: dict[str, str] = {}
    while match := _ATTRIBUTE.match(text, position):
        name, double, single, bare = match.groups("")
        value = double or single or bare
        found.setdefault(name.lower(), _decoded(value) if "&" in value else value)
        position = match.end()
    end = _TAG_END.match(text, position)
    return found, _after(text, end.end() if end else 0)


def _after(text: str, position: int) -> int:
    if not position:
        raise PageError(f"the page ends inside a tag or comment, after {len(text)} characters")
    return position


def _decoded(value: str) -> str:
    return _REFERENCE.sub(_character, value)


def _character(reference: re.Match[str]) -> str:
    whole = reference[0]
    if whole[1] != "#" and whole[-1] != ";" and whole[1:] not in html5:
        return whole
    return unescape(whole)
