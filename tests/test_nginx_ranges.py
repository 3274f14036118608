"""Ranges and conditions on held files, as RFC 9110 has them."""

import hashlib
import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.names import parse_file_path
from tests.fake_pypi import FakePypi
from tests.serving import Answer, Serving

pytestmark = pytest.mark.system

SIZE = 1000
CONTENT = hashlib.shake_256(b"ranges").digest(SIZE)
PATH = parse_file_path(f"ab/cd/{'0' * 60}/six-1.0-py3-none-any.whl")
_HEAD = re.compile(
    rb"Content-Type: application/zip\r\nContent-Range: (bytes ([0-9]+)-([0-9]+)/[0-9]+)\r\n\r\n"
)
URL = f"/pypi/packages/{PATH}"

# Of `first-`, `first-last` and `-length`.
Spec = tuple[int | None, int | None]
numbers = st.integers(0, SIZE + 5) | st.sampled_from([0, 1, SIZE - 1, SIZE])
specs: st.SearchStrategy[Spec] = st.one_of(
    st.tuples(numbers, st.none()),
    st.tuples(numbers, numbers).map(lambda pair: (min(pair), max(pair))),
    st.tuples(st.none(), numbers),
)


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Return a mirror that holds one file."""
    with FakePypi() as pypi, Serving.of(tmp_path_factory.mktemp("ranges"), pypi) as running:
        running.hold("hot", PATH, CONTENT)
        yield running


def _part(spec: Spec) -> bytes:
    """Return the bytes that a range means; none where it cannot be satisfied."""
    first, last = spec
    if first is None:
        assert last is not None
        return CONTENT[-last:] if last else b""
    return CONTENT[first : SIZE if last is None else last + 1]


def _written(spec: Spec) -> str:
    return "-".join("" if number is None else str(number) for number in spec)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(specs, min_size=1, max_size=4))
@example([(0, 0)])
@example([(None, 100)])
@example([(0, 9), (500, 509), (None, 1)])
@example([(0, 1), (SIZE, None)])
@example([(SIZE, None)])
@example([(None, 0)])
def test_ranges_are_the_bytes_that_they_name(mirror: Serving, wanted: list[Spec]) -> None:
    """First, middle, suffix, several, and 416 where there is none of them."""
    answer = mirror.get(URL, Range=f"bytes={','.join(map(_written, wanted))}")
    expected = [part for part in map(_part, wanted) if part]
    if not expected:
        assert (416, f"bytes */{SIZE}") == (answer.status, answer.header("Content-Range"))
        return
    if answer.status == 200:
        # What would be longer than the whole is answered with the whole.
        assert len(expected) > 1
        assert sum(map(len, expected)) >= SIZE
        assert CONTENT == answer.body
        return
    assert 206 == answer.status
    assert expected == _parts(answer)


def _parts(answer: Answer) -> list[bytes]:
    """Return the parts of a 206, each checked against the place that it names."""
    kind = answer.header("Content-Type")
    if kind == "application/zip":
        return [_checked(answer.header("Content-Range"), answer.body)]
    assert kind.startswith("multipart/byteranges; boundary=")
    end = f"\r\n--{kind.partition('=')[2]}--\r\n".encode()
    assert answer.body.endswith(end)
    parts, position = [], 0
    while head := _HEAD.search(answer.body, position):
        first, last = int(head[2]), int(head[3])
        position = head.end() + last - first + 1
        parts.append(_checked(head[1].decode(), answer.body[head.end() : position]))
    assert len(answer.body) == position + len(end)
    return parts


def _checked(place: str, body: bytes) -> bytes:
    unit, _, span = place.partition(" ")
    edges, _, size = span.partition("/")
    first, last = map(int, edges.split("-"))
    assert ("bytes", str(SIZE)) == (unit, size)
    assert CONTENT[first : last + 1] == body
    return body


def test_a_range_is_resumed_only_of_the_same_file(mirror: Serving) -> None:
    """If-Range by ETag or by date; with another, or a weak one, the whole file comes."""
    whole = mirror.get(URL)
    tag, date = whole.header("ETag"), whole.header("Last-Modified")
    assert tag.startswith('"')
    for condition in (tag, date):
        answer = mirror.get(URL, Range="bytes=990-", If_Range=condition)
        assert (206, CONTENT[990:]) == (answer.status, answer.body)
    for condition in ('"other"', f"W/{tag}", "Thu, 01 Jan 1970 00:00:00 GMT"):
        answer = mirror.get(URL, Range="bytes=990-", If_Range=condition)
        assert (200, CONTENT) == (answer.status, answer.body)


def test_an_unknown_unit_is_no_range(mirror: Serving) -> None:
    """RFC 9110, section 14.2: it is ignored."""
    answer = mirror.get(URL, Range="items=0-1")
    assert (200, CONTENT) == (answer.status, answer.body)


def test_head_is_get_without_a_body(mirror: Serving) -> None:
    """Each header that tells of the file is the same."""
    got, head = mirror.get(URL), mirror.get(URL, "HEAD")
    assert b"" == head.body
    assert _telling(got) == _telling(head)
    assert "bytes" == head.header("Accept-Ranges")


def test_conditions_hold(mirror: Serving) -> None:
    """RFC 9110, section 13: 304 with what a cache needs, 412 for another file."""
    whole = mirror.get(URL)
    tag = whole.header("ETag")
    for condition in (tag, f'"x", {tag}', f"W/{tag}", "*"):
        answer = mirror.get(URL, If_None_Match=condition)
        assert (304, b"", tag) == (answer.status, answer.body, answer.header("ETag"))
        assert whole.header("Cache-Control") == answer.header("Cache-Control")
    assert 200 == mirror.get(URL, If_None_Match='"other"').status
    assert 304 == mirror.get(URL, If_Modified_Since=whole.header("Last-Modified")).status
    assert 412 == mirror.get(URL, If_Match='"other"').status


def _telling(answer: Answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "date"}
