"""nginx and the application choose the format that one reference chooses: `negotiate`."""

import itertools
import signal
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.model import PageFormat
from app.pages.accept import CLIENT_ACCEPTS, negotiate
from tests.fake_pypi import FakePypi, make_wheel
from tests.serving import Answer, Serving

pytestmark = pytest.mark.system

JSON, V1_HTML, HTML = PageFormat.JSON, PageFormat.V1_HTML, PageFormat.HTML
SIX = "/pypi/simple/six/"
LATEST = "application/vnd.pypi.simple.latest+"

_OURS = (*PageFormat, f"{LATEST}json", f"{LATEST}html", "text/*", "application/*", "*/*", "*")
_FOREIGN = ("image/png", "text/plain", "text/html5", "application/json", "application/xml", "*/x")

# A quality as RFC 9110 has it, in all its spellings, and `.2`.
qualities = st.from_regex(r"\A(?:0|0?\.[0-9]{1,3}|0\.|1(?:\.0{0,3})?)\Z") | st.sampled_from(
    ["0", "1", "0.5", "0.50", "0.500", "0.499", "0.501", "0.001"]
)
spaces = st.sampled_from(["", "", "", " ", "\t", "  "])


@st.composite
def ranges(draw: st.DrawFn, kinds: tuple[str, ...]) -> str:
    """Give one media range with or without a quality, in any case."""
    kind = draw(st.sampled_from(kinds))
    kind = draw(st.sampled_from([kind, kind, kind.upper(), kind.title()]))
    if kind in _FOREIGN and draw(st.booleans()):
        kind += f"{draw(spaces)};{draw(spaces)}v=b3"
    if draw(st.integers(0, 3)):
        name = draw(st.sampled_from("qqqQ"))
        kind += f"{draw(spaces)};{draw(spaces)}{name}={draw(qualities)}"
    return f"{draw(spaces)}{kind}{draw(spaces)}"


@st.composite
def plain_headers(draw: st.DrawFn) -> str:
    """Give a header of the form that clients write: no range twice, no mistake."""
    kinds = draw(st.lists(st.sampled_from(_OURS), max_size=5, unique_by=_meaning))
    foreign = draw(st.lists(st.sampled_from(_FOREIGN), max_size=2))
    mixed = draw(st.permutations([*kinds, *foreign]).filter(bool))
    return ",".join(draw(ranges((kind,))) for kind in mixed)


def _meaning(kind: str) -> str:
    return "*/*" if kind == "*" else kind.replace(".latest", ".v1")


_PIECES = st.sampled_from(
    [
        *(*_OURS, *_FOREIGN, ",", ",", ";", ";", " ", "\t", '"', "\\", "=", "q=", ";q=0", ";q=1"),
        *(";q=0.5", ";q=.5", ";q=2", ";q=0.1234", ";q=", ";charset=utf-8", ';charset="utf-8"'),
        *(";level=1", "text", "/html", "é", '"a, text/html"', ";;", ";q=0.5;ext=1", "; q =1"),
    ]
)
odd_headers = st.lists(_PIECES, max_size=8).map("".join) | st.lists(
    ranges(_OURS + _FOREIGN), max_size=6
).map(",".join)


@pytest.fixture(scope="module")
def pypi() -> Iterator[FakePypi]:
    """Return an upstream with one project."""
    with FakePypi() as running:
        running.add(make_wheel("six", "1.17.0"))
        yield running


@pytest.fixture(scope="module")
def mirror(pypi: FakePypi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Return a mirror that has the project."""
    with Serving.of(tmp_path_factory.mktemp("accept"), pypi) as running:
        assert 200 == running.get(SIX).status
        yield running


@pytest.fixture(scope="module")
def alone(pypi: FakePypi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Return another that has it, with an application that does not answer any more."""
    with Serving.of(tmp_path_factory.mktemp("alone"), pypi) as running:
        assert 200 == running.get(SIX).status
        running.signal_app(signal.SIGSTOP)
        yield running
        running.signal_app(signal.SIGCONT)


def _format(answer: Answer) -> PageFormat | None:
    """Return the format of a page, or None for a 406 that is as it should be."""
    assert "Accept" in answer.header("Vary").split(", ")
    if answer.status == 406:
        assert "text/plain" == answer.header("Content-Type")
        assert all(offered.encode() in answer.body for offered in PageFormat)
        return None
    assert 200 == answer.status
    return PageFormat(answer.header("Content-Type").partition(";")[0])


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plain_headers())
@example(f"{HTML};q=0.998,{JSON};q=0.999")
@example(f"{HTML};q=0,{V1_HTML};q=0.000,*;q=0.001")
@example("image/png, image/*;q=0.5")
@example(f"{LATEST}html;q=.9 ,{JSON};Q=0.899")
def test_a_plain_header_is_nginxs_alone(alone: Serving, accept: str) -> None:
    """By the letter: qualities, wildcards, case and spaces, while the application hangs."""
    # nginx before 1.23 sees one line of several, and so asks before it says 406.
    assert negotiate(accept, None) is _format(alone.get(SIX, Accept=accept))


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(odd_headers)
@example(f'x/y;a="b, {HTML}, \\", c", {JSON};q=0.1')
@example(f"{HTML};q=0.1, {JSON};q=0.5, {HTML};q=0.9")
@example(f"{HTML};charset=utf-8;q=0.1, {HTML};q=0.9, {JSON};q=0.5")
@example("image/png;q=7")
@example("text/html;q=2, image/png")
@example(f"{JSON};q=0.3;ext=x, {HTML};q=0.2")
@example(",")
def test_every_header_is_read_alike(mirror: Serving, accept: str) -> None:
    """With quotes, types that come twice, parameters and mistakes: nginx, or the application."""
    assert negotiate(accept, None) is _format(mirror.get(SIX, Accept=accept))


@pytest.mark.parametrize(
    "piece", [",", "*,", "a/b,", "/", "text/html;", "*/*;q=1x,", " \t", '"', ";"]
)
@pytest.mark.parametrize("last", [JSON, f"{JSON};q=0.5, image/png", "image/png"])
def test_an_endless_header_is_read_alike(mirror: Serving, piece: str, last: str) -> None:
    """No pattern of nginx's fails at it."""
    for count in (900, 7900):
        accept = piece * (count // len(piece)) + last
        assert negotiate(accept, None) is _format(mirror.get(SIX, Accept=accept))


@pytest.mark.parametrize(("accept", "expected"), CLIENT_ACCEPTS.items())
def test_the_maps_would_read_clients_headers_alike(
    alone: Serving, accept: str, expected: PageFormat
) -> None:
    """What is known as a whole text, and the same with a space more."""
    assert expected is _format(alone.get(SIX, Accept=accept))
    if accept.count("*;") < 2:
        assert expected is _format(alone.get(SIX, Accept=f"{accept} ,image/x"))


_TWICE = f"{HTML};q=0.1, {JSON};q=0.5, {HTML};q=0.2"


def test_an_odd_header_of_a_known_page_waits_for_no_hung_application(alone: Serving) -> None:
    """A tenth of a second once, then nothing: what is likely is served."""
    answers = [alone.get(SIX, Accept=_TWICE) for _ in range(20)]
    assert {JSON} == {_format(answer) for answer in answers}
    assert sum(answer.seconds for answer in answers) < 5
    assert HTML is _format(alone.get(SIX, Accept="text/html;q=2"))


def test_any_header_brings_a_project_in(mirror: Serving, pypi: FakePypi) -> None:
    """But what cannot be answered asks nobody upstream."""
    accepts = (_TWICE, f"{JSON};q=0.9, image/x", f"{LATEST}json;q=1;x=y", f"{JSON};charset=utf-8")
    for number, accept in enumerate(accepts):
        pypi.add(make_wheel(f"fresh-{number}", "1.0"))
        path = f"/simple/fresh-{number}/"
        assert 406 == mirror.get(f"/pypi{path}", Accept="image/png, image/png").status
        assert 0 == pypi.count(path)
        assert JSON is _format(mirror.get(f"/pypi{path}", Accept=accept))
        assert 1 == pypi.count(path)


@pytest.mark.parametrize("wanted", PageFormat)
@pytest.mark.parametrize("accept", ["", "image/png", *PageFormat])
def test_a_queried_format_is_nginxs_alone(alone: Serving, wanted: PageFormat, accept: str) -> None:
    """`?format=` wins, with its plus as it is, encoded, or decoded to a space."""
    for text in (wanted, quote(wanted), wanted.replace("+", "%20"), quote(wanted, "").upper()):
        answer = alone.get(f"{SIX}?x=1&format={text}&y=2", Accept=accept)
        assert wanted is _format(answer)


_VALUES = st.sampled_from(
    [*PageFormat, LATEST + "json", "json", "text/*", "*/*", " text/html", "|text/html", "", "a|b"]
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_VALUES | st.text(max_size=5), st.sampled_from(["", "text/html", JSON]), st.booleans())
def test_every_query_is_read_alike(
    mirror: Serving,
    wanted: str,
    accept: str,
    bare: bool,  # noqa: FBT001
) -> None:
    """Only a concrete type may be queried; an empty value leaves it to Accept."""
    encoded = quote(wanted, safe="/+|*" if bare else "")
    expected = negotiate(accept, encoded and (wanted.replace("+", " ") if bare else wanted))
    for query in (f"format={encoded}", f"Format={encoded}&format=text/html"):
        answer = mirror.get(f"{SIX}?{query}", Accept=accept)
        assert expected is _format(answer)


def test_several_lines_are_one_header(mirror: Serving) -> None:
    """RFC 9110, section 5.3; nginx before 1.23 sees the first, and answers none with 406."""
    for first, second in itertools.permutations(("image/png", f"{JSON};q=0.5", f"{HTML};q=0.4"), 2):
        lines = f"GET {SIX} HTTP/1.1\r\nHost: x\r\nAccept: {first}\r\nAccept: {second}\r\n"
        answer = mirror.raw(f"{lines}Connection: close\r\n\r\n".encode())
        head = answer.partition(b"\r\n\r\n")[0].decode()
        expected = {negotiate(f"{first}, {second}", None)}
        if mirror.runtime.version < (1, 23):
            # What the first line alone allows is at least acceptable.
            expected |= {negotiate(first, None)} - {None}
        found = next(line for line in head.splitlines() if line.startswith("Content-Type: "))
        assert found[14:].partition(";")[0] in expected, head
