"""The JSON root reads the same by pieces as at once."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pages.parse import PageError
from app.upstream import root
from app.upstream.root import parse_root

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
        found = parse_root(body)
    finally:
        root._PIECE = before  # noqa: SLF001
    expected = root._at_once(body)  # noqa: SLF001
    assert expected == found


@pytest.mark.parametrize(
    "page", [[], {"projects": [], "meta": {"api-version": "2.0"}}, {"projects": [{}]}, {}]
)
def test_other_pages(page: object) -> None:
    """What is no root page, or one of another major version, is refused."""
    with pytest.raises(PageError):
        parse_root(orjson.dumps(page))


def test_a_long_list() -> None:
    """A list of many pieces is whole."""
    projects = [{"_last-serial": number, "name": f"p{number}"} for number in range(100_000)]
    found = parse_root(orjson.dumps({"meta": {"_last-serial": 7}, "projects": projects}))
    assert 7 == found.last
    assert [] == found.refused
    assert {f"p{number}": number for number in range(100_000)} == found.serials
