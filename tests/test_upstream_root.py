"""The JSON root reads the same by pieces as at once."""

import json
from collections.abc import Iterator
from itertools import chain, repeat
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pages.parse import PageError
from app.upstream import listing, root
from app.upstream.awkward_root import read_awkward_root
from app.upstream.listing import Listing, TooManyError
from app.upstream.root import AwkwardRootError, read_root


def parse_root(body: bytes, piece: int = 1 << 16) -> Listing:
    """Read a page as `Serials` does."""
    pieces = [body[start : start + piece] for start in range(0, len(body), piece)]
    try:
        return read_root(pieces)
    except AwkwardRootError:
        return read_awkward_root(pieces)


def at_once(body: bytes) -> Listing:
    """Read a page in the plain way."""
    page = orjson.loads(body)
    found = root.frame(page)
    root.take_entries(found, page["projects"])
    return found


ENTRIES = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.one_of(
                st.sampled_from(
                    ["a", "B_c", "},{", '"projects":['],
                ),
                st.text(),
            )
        },
        optional={
            "_last-serial": st.one_of(st.integers(0, 9), st.none(), st.booleans(), st.text()),
            "nested": st.lists(st.dictionaries(st.text(), st.integers(0, 9)), max_size=2),
        },
    ),
    max_size=8,
)
PAGES = st.fixed_dictionaries(
    {"projects": ENTRIES},
    optional={
        "meta": st.fixed_dictionaries({}, optional={"_last-serial": st.integers(0, 9)}),
        "zoo": st.lists(st.dictionaries(st.just("projects"), ENTRIES), max_size=2),
    },
)


@given(PAGES, st.integers(1, 60), st.sampled_from([None, 1]), st.booleans())
def test_pieces_change_nothing(
    page: dict[str, Any],
    piece: int,
    indent: int | None,
    ahead: bool,  # noqa: FBT001
) -> None:
    """Whatever the page's layout and the pieces' size, the list is the same."""
    ordered = dict(sorted(page.items(), reverse=not ahead))
    separators = (",", ":") if indent is None else None
    body = json.dumps(ordered, indent=indent, separators=separators).encode()
    before, root._PIECE = root._PIECE, piece  # noqa: SLF001  the size is no argument
    try:
        found = parse_root(body, piece)
    finally:
        root._PIECE = before  # noqa: SLF001
    assert at_once(body) == found == read_awkward_root([body])


@pytest.mark.parametrize(
    "page",
    [
        b"[]",
        b"{}",
        b"",
        b'{"projects":[],"meta":{"api-version":"2.0"}}',
        b'{"projects":[{}]}',
        b'{"projects":[1]}',
        b'{"projects":{}}',
        b'{"projects":[{"name":"a"}]',
        b'{"projects":[{"name":"a"}]}}',
        b'{"projects":[{"name":"a"},]}',
        b'{"projects":[{"name":"a","_last-serial":NaN}]}',
        b'{"projects":[{"name":"\xff"}]}',
        b'{"projects":[{"name":"a"}]}\xc3',
        b'{"projects":' + b"[" * 100_000,
    ],
)
def test_other_pages(page: bytes) -> None:
    """What is no root page, or one of another major version, is refused."""
    with pytest.raises(PageError):
        parse_root(page)
    with pytest.raises(PageError):
        parse_root(page, 1)


@pytest.mark.parametrize(
    ("head", "endless"),
    [
        (b'{"projects": [{"name": "', b"a"),
        (b'{"projects": [{"name": "a", "x": [', b"[],"),
        (b'{"meta": [', b"{},"),
        (b'{"meta": ', b"9"),
        (b"", b"["),
    ],
)
def test_a_page_without_an_end_is_read_no_further_than_is_sense_in_it(
    head: bytes, endless: bytes
) -> None:
    """What is in memory is one value, of a megabyte at most."""
    read = 0

    def pieces() -> Iterator[bytes]:
        nonlocal read
        yield head
        while True:
            read += 1
            yield endless * (60_000 // len(endless))

    with pytest.raises(PageError):
        read_awkward_root(pieces())
    assert 60_000 * read < 2 << 20


def test_a_list_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has so many projects."""
    monkeypatch.setattr(listing, "_MOST", 1000)
    for between in (b",", b" , "):
        body = chain([b'{"projects":['], repeat(b'{"name":"a"}' + between))
        with pytest.raises(TooManyError):
            read_awkward_root(body)
    with pytest.raises(TooManyError):
        parse_root(orjson.dumps({"projects": [{"name": "-"}] * 1001}))


def test_a_long_list() -> None:
    """A list of many pieces is whole."""
    projects = [{"_last-serial": number, "name": f"p{number}"} for number in range(100_000)]
    found = parse_root(orjson.dumps({"meta": {"_last-serial": 7}, "projects": projects}))
    assert 7 == found.last
    assert [] == found.refused
    assert {f"p{number}": number for number in range(100_000)} == found.serials
