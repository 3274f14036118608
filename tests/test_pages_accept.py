"""The format that a client wants."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.model import PageFormat
from app.pages.accept import CLIENT_ACCEPTS, negotiate

JSON, V1_HTML, HTML = PageFormat.JSON, PageFormat.V1_HTML, PageFormat.HTML
LATEST_JSON = "application/vnd.pypi.simple.latest+json"
LATEST_HTML = "application/vnd.pypi.simple.latest+html"


@pytest.mark.parametrize(("accept", "expected"), CLIENT_ACCEPTS.items())
def test_what_clients_send_is_answered_as_the_table_says(accept: str, expected: PageFormat) -> None:
    """Nginx answers these by the table; the app would answer the same."""
    assert expected is negotiate(accept, None)


@pytest.mark.parametrize("accept", [None, "", " ", ",", "*/*", "*", "text/*", "*/*;q=0.1"])
def test_who_does_not_ask_gets_html(accept: str | None) -> None:
    """pipenv, Bazel and browsers read HTML."""
    assert HTML is negotiate(accept, None)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (f"{JSON}", JSON),
        (f"{V1_HTML}", V1_HTML),
        (f"{HTML}", HTML),
        (LATEST_JSON, JSON),
        (LATEST_HTML, V1_HTML),
        (f"{JSON};q=0.1, {HTML};q=0.2", HTML),
        (f"{HTML};q=0.2, {JSON};q=0.1", HTML),
        (f"{HTML};q=0.998, {JSON};q=0.999", JSON),
        (f"{HTML};q=0.9, {JSON};q=0.10", HTML),
        (f"{HTML};q=0.01, {JSON};q=0.009", HTML),
        (f"{JSON};q=0, {HTML}", HTML),
        (f"{HTML};q=0.0, {V1_HTML};q=0.00, */*;q=0.001", JSON),
        (f"{HTML};q=0, */*", JSON),
        (f"{JSON};q=0.5, */*;q=0.6", HTML),
        (f"{HTML};q=0.1, {V1_HTML};q=0.1, */*;q=0.2", JSON),
        ("application/*", JSON),
        (f"application/*, {JSON};q=0", V1_HTML),
        ("application/*;q=0.2, text/*;q=0.3", HTML),
        ("text/*;q=0, */*", JSON),
        (f"{JSON.upper()};Q=0.5, {HTML};q=0.4", JSON),
        (f"{HTML};charset=utf-8", HTML),
        (f'{HTML}; charset="UTF-8", {JSON};q=0.5', HTML),
        (f"{HTML};charset=utf-8;q=0.1, {HTML};q=0.9, {JSON};q=0.5", JSON),
        (f"{JSON} ;\tq=1.000 , {HTML}", JSON),
        (f"{JSON};q=1;ext=x", JSON),
        (f"{JSON};;q=0.5;, {HTML};q=0.4", JSON),
    ],
)
def test_quality_and_specificity_decide(accept: str, expected: PageFormat) -> None:
    """RFC 9110: the most specific range gives a type its quality, to three digits."""
    assert expected is negotiate(accept, None)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (f"{HTML}, {JSON}", JSON),
        (f"{HTML}, {V1_HTML}", V1_HTML),
        (f"{HTML}, {JSON}, {V1_HTML}", JSON),
        (f"{HTML}, */*", HTML),
        (f"{JSON}, */*", JSON),
        (f"{V1_HTML}, application/*", V1_HTML),
        ("application/*, text/*", HTML),
        (f"{LATEST_JSON};q=0.5, {JSON};q=0.7, {HTML};q=0.6", JSON),
    ],
)
def test_a_tie_goes_to_what_is_named_and_says_most(accept: str, expected: PageFormat) -> None:
    """Who names JSON can read it; who writes a wildcard may not."""
    assert expected is negotiate(accept, None)


@pytest.mark.parametrize(
    "accept",
    [
        "application/json",
        "image/png, application/xml;q=0.9",
        f"{HTML};q=0",
        "*/*;q=0",
        f"{HTML};level=1",
        f"{HTML};charset=iso-8859-1",
        "application/vnd.pypi.simple.v2+json",
        "text/plain, text/html5",
    ],
)
def test_nothing_that_fits_is_406(accept: str) -> None:
    """What larder does not have is not answered with something else."""
    assert negotiate(accept, None) is None


@pytest.mark.parametrize(
    "malformed",
    [
        "text",
        "text/",
        "/html",
        "text /html",
        '"text/html',
        "é/é",
        "text/html;level",
        "text/html;q=2",
        "text/html;q=",
        "text/html;q=.",
        "text/html;q=x",
        "text/html;q=-1",
        "text/html;q=1.001",
        "text/html;q=0.1234",
    ],
)
def test_a_malformed_element_is_ignored(malformed: str) -> None:
    """It neither counts nor spoils the others; alone it is as no header."""
    assert HTML is negotiate(malformed, None)
    assert JSON is negotiate(f"{malformed}, {JSON};q=0.001", None)


def test_commas_in_quotes_do_not_separate() -> None:
    """A quoted text is one value, whatever stands in it."""
    assert JSON is negotiate(f'x/y;a="b, {HTML}, \\", c", {JSON};q=0.1', None)


@pytest.mark.parametrize("wanted", [*PageFormat])
@pytest.mark.parametrize("accept", [None, "image/png", *PageFormat])
def test_the_query_wins(wanted: PageFormat, accept: str | None) -> None:
    """`?format=` decides alone; a plus sign may have become a space."""
    assert wanted is negotiate(accept, wanted)
    assert wanted is negotiate(accept, wanted.replace("+", " "))


@pytest.mark.parametrize("wanted", ["json", LATEST_JSON, "*/*", "text/*", "application/json", "\0"])
def test_only_a_concrete_type_may_be_queried(wanted: str) -> None:
    """PEP 691 has `latest` in Accept only; anything else is 406, whatever is accepted."""
    assert negotiate(f"{JSON}", wanted) is None


def test_an_empty_query_is_none() -> None:
    """`?format=` without a value leaves it to Accept."""
    assert JSON is negotiate(f"{JSON}", "")


OFFERS = st.dictionaries(st.sampled_from([*PageFormat]), st.integers(0, 1000), min_size=1)


def written(offers: list[tuple[PageFormat, int]]) -> str:
    """Return an Accept header with these qualities in thousandths."""
    return ", ".join(f"{offer};q={quality / 1000:.3f}" for offer, quality in offers)


@given(OFFERS, st.randoms(use_true_random=False))
def test_order_never_counts(offers: dict[PageFormat, int], random: object) -> None:
    """The answer has the highest quality, in whatever order the header is written."""
    listed = list(offers.items())
    expected = negotiate(written(listed), None)
    random.shuffle(listed)  # type: ignore[attr-defined]
    assert expected is negotiate(written(listed), None)
    best = max(offers.values())
    assert (expected is None) == (best == 0)
    assert expected is None or best == offers[expected]


@given(st.text(), st.none() | st.text())
def test_no_header_is_too_strange(accept: str, wanted: str | None) -> None:
    """Every text gets a format or 406, never an error."""
    assert negotiate(accept, wanted) in {None, *PageFormat}


@given(st.text(st.sampled_from('text/html*,;q=01.5 "\\')))
def test_no_almost_good_header_is_too_strange(accept: str) -> None:
    """Nor does one that looks like a header."""
    assert negotiate(accept, None) in {None, *PageFormat}
