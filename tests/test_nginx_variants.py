"""A page's variants are never mixed up, and say what they depend on."""

import gzip
import itertools
from collections.abc import Iterator

import pytest

from app.model import PageFormat
from tests.fake_pypi import FakePypi, make_wheel
from tests.serving import Answer, Serving

pytestmark = pytest.mark.system

JSON, V1_HTML, HTML = PageFormat
INDEX = {"projects": "on-demand", "canonical": True}
PAGES = ("/pypi/simple/six/", "/pypi/canonical/simple/six/")
ENCODINGS = ("", "gzip", "gzip;q=0", "gzip;q=0.5, identity", "br", "deflate, gzip;q=1.0")
# Known as a whole text; read by its qualities; read by the application.
SPELLINGS = ("{}", "{};q=0.7, image/png", "{};q=0.1, {};q=0.2")


@pytest.fixture(scope="module")
def pypi() -> Iterator[FakePypi]:
    """Return an upstream with one project."""
    with FakePypi() as running:
        running.add(make_wheel("six", "1.17.0"))
        yield running


@pytest.fixture(scope="module")
def mirror(pypi: FakePypi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Return a mirror with both indexes, and both kinds of pages in them."""
    with Serving.of(tmp_path_factory.mktemp("variants"), pypi, index=INDEX) as running:
        for page in PAGES:
            assert 200 == running.get(page).status
        yield running


def _telling(answer: Answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "date"}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("wanted", PageFormat)
def test_each_variant_is_itself(mirror: Serving, page: str, wanted: PageFormat) -> None:
    """Whichever way it was chosen, and whichever encoding was wanted; HEAD is GET."""
    plain = mirror.get(page, Accept=wanted).body
    for spelling, encoding in itertools.product(SPELLINGS, ENCODINGS):
        headers = {"Accept": spelling.replace("{}", wanted), "Accept-Encoding": encoding}
        answer = mirror.get(page, **headers)
        assert 200 == answer.status
        assert wanted == answer.header("Content-Type").partition(";")[0]
        assert "Accept-Encoding, Accept" == answer.header("Vary")
        packed = answer.header("Content-Encoding") == "gzip"
        assert packed == (encoding in {"gzip", "gzip;q=0.5, identity", "deflate, gzip;q=1.0"})
        assert plain == (gzip.decompress(answer.body) if packed else answer.body)
        head = mirror.get(page, "HEAD", **headers)
        assert (b"", _telling(answer)) == (head.body, _telling(head))


@pytest.mark.parametrize("page", PAGES)
def test_an_etag_is_one_variants(mirror: Serving, page: str) -> None:
    """304 for the very same bytes alone, with Vary and all that a cache needs."""
    variants = {
        (wanted, encoding): mirror.get(page, Accept=wanted, Accept_Encoding=encoding)
        for wanted in (JSON, HTML)
        for encoding in ("identity", "gzip")
    }
    assert 4 == len({answer.header("ETag") for answer in variants.values()})
    for (one, first), (other, second) in itertools.product(variants.items(), variants.items()):
        wanted, encoding = other
        answer = mirror.get(
            page, Accept=wanted, Accept_Encoding=encoding, If_None_Match=first.header("ETag")
        )
        assert answer.status == (304 if one == other else 200)
        for name in ("Vary", "ETag", "Cache-Control", "Access-Control-Allow-Origin"):
            assert second.header(name) == answer.header(name)
        assert "Accept-Encoding, Accept" == answer.header("Vary")


def test_what_cannot_be_had_says_what_can(mirror: Serving) -> None:
    """406 has a body, and depends on Accept; of a project that nobody has, too."""
    for path in (*PAGES, "/pypi/simple/", "/pypi/simple/never/", "/pypi/canonical/simple/"):
        for accept in ("image/png", "text/html;q=0, text/html;q=0"):
            answer = mirror.get(path, Accept=accept)
            assert 406 == answer.status
            assert "text/plain" == answer.header("Content-Type")
            assert "Accept" == answer.header("Vary")
            assert all(offered.encode() in answer.body for offered in PageFormat)


def test_latest_is_answered_with_the_real_version(mirror: Serving) -> None:
    """PEP 691: "the server MUST respond with the actual content type"."""
    for kind, expected in (("json", JSON), ("html", V1_HTML)):
        accept = f"application/vnd.pypi.simple.latest+{kind}"
        for one in (accept, f"{accept};q=0.5", f"{accept};q=0.5, {accept};q=0.2"):
            found = mirror.get(PAGES[0], Accept=one).header("Content-Type")
            assert expected == found.partition(";")[0]
