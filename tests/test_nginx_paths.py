"""nginx and the application read every path as one reference does: `app.names`."""

import hashlib
import json
import re
import string
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from app.model import PageFormat
from app.names import Filename, InvalidNameError, parse_file_path, parse_filename, parse_project
from app.spool import parse_spool_line
from tests import strategies
from tests.fake_pypi import FakePypi, make_wheel
from tests.serving import Answer, Serving, wait_until

pytestmark = pytest.mark.system

_UNRESERVED = string.ascii_letters + string.digits + "-._~"
_MANY = settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])

slashes = st.sampled_from(["/", "/", "/", "//", "///"])
names = st.from_regex(r"\A[A-Za-z0-9]([A-Za-z0-9._-]{0,12}[A-Za-z0-9])?\Z") | st.text(
    "aB1-_.+ é", min_size=1, max_size=6
)


@st.composite
def encodings(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> tuple[str, str]:
    """Give a text, and a way to write it in a URL: as it is, or encoded where it need not be."""
    text = draw(texts)
    always = draw(st.sampled_from(["", "a", "+", "-._~!+"]))
    safe = draw(st.sampled_from(["", "+", "!+", "!+~"]))
    raw = quote(text, safe=safe)
    raw = "".join(f"%{ord(char):02X}" if char in always else char for char in raw)
    if draw(st.booleans()):
        raw = re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), raw)
    return text, raw


@pytest.fixture(scope="module")
def pypi() -> Iterator[FakePypi]:
    """Return an upstream with one project."""
    with FakePypi() as running:
        running.add(make_wheel("six", "1.17.0"))
        yield running


@pytest.fixture(scope="module")
def mirror(pypi: FakePypi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Return a mirror of it, with the second index as well."""
    index = {"projects": "on-demand", "canonical": True}
    with Serving.of(tmp_path_factory.mktemp("paths"), pypi, index=index) as running:
        yield running


def _folder(name: str) -> str:
    digest = hashlib.sha256(name.encode()).hexdigest()
    return f"{digest[:2]}/{digest[2:4]}/{digest[4:]}"


def _parsed(name: str) -> str | None:
    try:
        return parse_project(name)
    except InvalidNameError:
        return None


@_MANY
@given(
    encodings(names),
    st.tuples(slashes, slashes, slashes, slashes | st.just("")),
    st.sampled_from(["", "web/", "canonical/"]),
    st.sampled_from(["", "?a=b", "?format=text/html&x=%2F"]),
)
@example(("Foo.Bar", "Foo.Bar"), ("/", "/", "/", ""), "", "")
@example(("foo__bar", "foo%5F_bar"), ("//", "/", "///", "//"), "web/", "?x=1")
def test_every_spelling_leads_to_one_url_at_once(
    mirror: Serving,
    name: tuple[str, str],
    between: tuple[str, str, str, str],
    kind: str,
    query: str,
) -> None:
    """By one permanent redirect to the normalised name; what is no name is not there."""
    text, raw = name
    head, before, after, end = between
    path = f"{head}pypi{before}{kind}simple{after}{raw}{end}"
    answer = mirror.get(path + query)
    normal = _parsed(text)
    if normal is None:
        assert answer.status in {400, 404}
        return
    index = f"/pypi/{kind.removeprefix('web/')}simple/"
    if (unquote(path), kind) == (f"{index}{normal}/", kind):
        assert answer.status == (200 if normal == "six" else 404)
        return
    assert (301, f"{index}{normal}/{query}") == (answer.status, answer.header("Location"))
    assert mirror.get(answer.header("Location")).status in {200, 404}


@_MANY
@given(encodings(strategies.filenames), st.sampled_from(["", "web/"]))
@example(("a+b 1!~2.whl", "a%2Bb%201%21~2.whl"), "")
@example(("caf\u00e9-1.tar.gz", "caf%C3%A9-1.tar.gz"), "")
def test_a_file_is_the_same_however_it_is_written(
    mirror: Serving, name: tuple[str, str], kind: str
) -> None:
    """Held, it is served; not held and not known, it is upstream's, by the same last component."""
    text, raw = name
    path = parse_file_path(f"{_folder(text)}/{text}")
    url = f"/pypi/{kind}packages/{_folder(text)}/{raw}"
    content = text.encode() * 3
    held = mirror.hold("hot", path, content)
    answer = mirror.get(url)
    assert (200, content) == (answer.status, answer.body)
    held.unlink()
    answer = mirror.get(url)
    expected = f"{mirror.config.upstream.redirect_url[0]}{quote(path)}"
    assert (302, expected) == (answer.status, answer.header("Location"))


@_MANY
@given(encodings(st.text(min_size=1, max_size=12) | st.text("a.-é\u202e\\ \t\n%", min_size=1)))
@example(("a\r\nX: y.whl", "a%0D%0AX: y.whl"))
@example(("a\u202eb.whl", "a%E2%80%AEb.whl"))
def test_a_file_name_is_one_for_nginx_if_it_is_one_for_us(
    mirror: Serving, name: tuple[str, str]
) -> None:
    """What is none is not there, and no character of it gets into a header."""
    text, raw = name
    assume(" " not in raw)
    answer = mirror.get(f"/pypi/packages/{_folder('x')}/{raw}")
    if _is_filename(text):
        expected = f"{_folder('x')}/{quote(text)}"
        assert 302 == answer.status
        assert answer.header("Location").endswith(expected)
    else:
        assert answer.status in {400, 404}
        assert "" == answer.header("Location")


def _is_filename(text: str) -> bool:
    try:
        return text == parse_filename(text)
    except InvalidNameError:
        return False


@pytest.mark.parametrize("tail", ["/", "//", "/.", "/x", "?"])
def test_what_lies_around_a_file_is_no_file(mirror: Serving, tail: str) -> None:
    """A folder, a dot, a component too many; a bare question mark is nothing."""
    name = Filename("six-1.whl")
    answer: Answer = mirror.get(f"/pypi/packages/{_folder(name)}/{name}{tail}")
    assert answer.status == (302 if tail == "?" else 400 if tail == "/." else 404)


def test_a_vote_for_a_file_of_any_alphabet_is_counted(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """By the application; and by the spool while that is away."""
    first = fake_pypi.add_file("letters", "caf\u00e9-1.0.tar.gz", b"1")
    second = fake_pypi.add_file("letters", "名-1+l.zip", b"2")
    with Serving.of(tmp_path, fake_pypi) as mirror:
        page = json.loads(mirror.get("/pypi/simple/letters/", Accept=PageFormat.JSON).body)
        links = {file["filename"]: file["url"] for file in page["files"]}
        for file in (first, second):
            assert f"../../packages/{quote(file.path)}" == links[file.filename]
        assert 302 == mirror.get(f"/pypi/packages/{quote(first.path)}").status
        wait_until(lambda: [first.path] == mirror.votes())
        mirror.stop_app()
        assert 302 == mirror.get(f"/pypi/packages/{quote(second.path)}").status
        wait_until(lambda: len(mirror.spooled()) == 1)
        (line,) = mirror.spooled()
        vote = parse_spool_line(line)
        assert vote is not None
        assert second.path == vote.path
