"""HTML to its elements."""

import time
from contextlib import suppress
from html import escape
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pages.errors import PageError
from app.pages.markup import COMMENT, Element, elements


def read(text: str) -> list[tuple[str, dict[str, str]]]:
    """Return the names and attributes of the start tags."""
    return [(name, dict(found)) for name, found, _ in elements(text) if name != COMMENT]


def attribute(name: str, value: str) -> str:
    """Return an attribute as servers write it."""
    return f' {name}="{escape(value)}"'


class _Standard(HTMLParser):
    """The standard library's reading of the same."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a start tag."""
        self.tags.append((tag, {name: value or "" for name, value in reversed(attrs)}))


@pytest.mark.parametrize(
    ("text", "attributes"),
    [
        ("<a>", {}),
        ("<a/>", {}),
        ("<A HREF=x>", {"href": "x"}),
        ("<a href='x'>", {"href": "x"}),
        ('<a href = "x">', {"href": "x"}),
        ('<a\n\thref\n=\n"x"\n>', {"href": "x"}),
        ('<a href="x"data-y="z">', {"href": "x", "data-y": "z"}),
        ('<a href="x"/data-y>', {"href": "x", "data-y": ""}),
        ("<a data-yanked>", {"data-yanked": ""}),
        ("<a data-yanked=>", {"data-yanked": ""}),
        ('<a data-yanked="">', {"data-yanked": ""}),
        ("<a data-yanked href=x>", {"data-yanked": "", "href": "x"}),
        ('<a href="x" href="y">', {"href": "x"}),
        ('<a href=">">', {"href": ">"}),
        ("<a href='<a href=\"y\">'>", {"href": '<a href="y">'}),
        ("<a href=x/>", {"href": "x/"}),
        ("<a href=a&amp;b>", {"href": "a&b"}),
        ('<a ="x">', {'="x"': ""}),
        ('<a href="x"">', {"href": "x", '"': ""}),
        ('<a href="a\rb\nc\0">', {"href": "a\rb\nc\0"}),
    ],
)
def test_attributes_are_read_as_the_standard_says(text: str, attributes: dict[str, str]) -> None:
    """Quotes of each kind or none, space anywhere, the first of two with one name."""
    assert [("a", attributes)] == read(text)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("&gt;=3.8, &lt;4", ">=3.8, <4"),
        ("&#34;&#x22;&quot;&QUOT;", '""""'),
        ("?a=1&copy=2", "?a=1&copy=2"),
        ("?a=1&copy2", "?a=1&copy2"),
        ("a&copy b", "a© b"),
        ("a&copy;=b", "a©=b"),
        ("&nosuch;&", "&nosuch;&"),
        ("&#0;&#xD800;&#x110000;", "\ufffd" * 3),
        ("&#62", ">"),
        ("&amp;lt;", "&lt;"),
    ],
)
def test_character_references_are_those_of_attributes(written: str, meant: str) -> None:
    """A query string is no reference, and nothing is decoded twice."""
    assert [("a", {"href": meant})] == read(f'<a href="{written}">')


@pytest.mark.parametrize(
    "text",
    [
        "<!-- <a href=x> -->",
        "<!--><!-->",
        "<!---><!--->",
        "<!-- <a> --!>",
        "<!DOCTYPE html>",
        "<?xml <a ?>",
        "</a href=x>",
        "</>",
        "</ <a>",
        "<![CDATA[ <a ]]>",
        "< a href=x>",
        "1 < 2 <> 3 <",
        "plain",
        "",
    ],
)
def test_what_is_no_start_tag_is_none(text: str) -> None:
    """Comments, document types, end tags and stray characters hide no link."""
    assert [] == read(text)
    assert [("a", {})] == read(text + " \n<a>")


@pytest.mark.parametrize("name", ["script", "style", "textarea", "title", "xmp", "iframe"])
def test_raw_text_has_no_elements(name: str) -> None:
    """What stands in a script looks like a link and is none."""
    text = f"<{name} x=y><a href=x></{name}s><!--</{name.upper()} ><a>"
    assert [(name, {"x": "y"}), ("a", {})] == read(text)


def test_comments_and_titles_keep_their_text() -> None:
    """Their text is what serials and names are read from."""
    found = list(elements("<title>Links for six</title><!--SERIAL 5-->"))
    assert [Element("title", {}, "Links for six"), Element(COMMENT, {}, "SERIAL 5")] == found


@pytest.mark.parametrize(
    "text",
    [
        "<a",
        "<a ",
        "<a href",
        "<a href=",
        "<a href=x",
        '<a href="x',
        '<a href="x" data-y="<a href=z>',
        "</a",
        "<!--",
        "<!-- x --",
        "<!DOCTYPE html",
        "<script>",
        "<title>Links",
    ],
)
def test_a_cut_page_is_refused(text: str) -> None:
    """A page that ends inside a tag is not a page with fewer files."""
    with pytest.raises(PageError, match="ends inside"):
        read(f"<a href=y>{text}")


@pytest.mark.parametrize(
    "part",
    [
        "<a ",
        "<!--",
        "<a x='",
        "<a\t\t",
        "</a ",
        "<script></",
        "<a/a ",
        "<",
        "<a>",
        "&#",
        "<a =",
        "<!",
    ],
)
def test_no_page_takes_more_than_linear_time(part: str) -> None:
    """The standard library's parser needs minutes for some of these."""
    began = time.process_time()
    with suppress(PageError):
        read(part * (500_000 // len(part)) + "<a href='" + "&a" * 100_000 + "'>")
    assert time.process_time() - began < 10


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "p", "meta", "h1"]),
            st.dictionaries(
                st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True),
                st.text(st.characters(exclude_categories=["Cs"])),
                max_size=4,
            ),
        )
    )
)
def test_good_markup_reads_as_the_standard_library_reads_it(
    tags: list[tuple[str, dict[str, str]]],
) -> None:
    """On pages as servers write them the two agree, and both see what was written."""
    text = "\n".join(
        f"<{name}{''.join(attribute(*pair) for pair in found.items())}>x</{name}>"
        for name, found in tags
    )
    standard = _Standard()
    standard.feed(text)
    standard.close()
    assert standard.tags == tags == read(text)


@given(st.text(st.sampled_from("<>!-/ aA='\"&;#\n\0x")))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text raises anything but `PageError`."""
    with suppress(PageError):
        read(text)
