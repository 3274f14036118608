"""Hostile content stays content: from upstream through nginx to the client."""

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import unquote

import orjson
import pytest
import requests

from tests.fake_pypi import FakePypi, Replaced, make_sdist, make_wheel
from tests.serving import Answer, Serving

pytestmark = pytest.mark.system

JSON = "application/vnd.pypi.simple.v1+json"
TEXTS = (
    '"><script>alert(1)</script>',
    "' onmouseover='alert(1)",
    "</a></body></html><!--",
    "&lt;b&gt; &amp;amp; &#0;",
    "one\ntwo\r\nthree\tfour",
    "\u202e\U0001f40d\u00fc\u2028",
    "x" * (2 << 20),
)
NAMES = (
    '"><script>alert(1)<.whl',
    "../../../../etc/passwd.whl",
    "..",
    ".hidden-1.0.tar.gz",
    "a\nb-1.0.tar.gz",
    "a\x00b-1.0.tar.gz",
    "-1.0.tar.gz",
    "a/b-1.0.tar.gz",
    "a\\b-1.0.tar.gz",
    "n" * 300 + "-1.0.tar.gz",
    "caf\u0085-1.0.tar.gz",
    "\u202egnp.-1.0.tar.gz",
    "\u00a0-1.0.tar.gz",
    "\u00fc" * 112 + "-1.0.tar.gz",
)
URLS = (
    "file:///etc/passwd",
    "javascript:alert(1)",
    "data:text/plain,x",
    "http://[::1/x.whl",
    "https://user:secret@evil.example.org/\r\nX-Evil: 1/x.whl",
)


class Links(HTMLParser):
    """The links and the kinds of elements on a page, as a browser sees them."""

    def __init__(self, page: bytes) -> None:
        """Read a page."""
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[dict[str, str | None]] = []
        self.feed(page.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.add(tag)
        if tag == "a":
            self.links.append(dict(attrs))


@pytest.fixture(scope="module")
def pypi() -> Iterator[FakePypi]:
    """Return an upstream."""
    with FakePypi() as running:
        yield running


@pytest.fixture(scope="module")
def mirror(pypi: FakePypi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Return a mirror of it."""
    with Serving.of(tmp_path_factory.mktemp("hostile"), pypi) as running:
        yield running


def page_of(mirror: Serving, name: str) -> dict[str, dict[str, object]]:
    """Return the files of a project's JSON page by name."""
    answer = mirror.get(f"/pypi/simple/{name}/", Accept=JSON)
    assert (200, JSON, "nosniff") == (
        answer.status,
        answer.header("Content-Type"),
        answer.header("X-Content-Type-Options"),
    )
    return {file["filename"]: file for file in json.loads(answer.body)["files"]}


@pytest.mark.parametrize("kind", range(len(TEXTS)))
def test_text_is_the_same_text_in_both_formats(mirror: Serving, pypi: FakePypi, kind: int) -> None:
    """A yank's reason, a specifier, a status' reason, a key that nobody knows."""
    text, name = TEXTS[kind], f"text-{kind}"
    wheel = pypi.add(
        make_wheel(name, "1.0"), yanked=text, requires_python=text, extra={"x-unknown": text}
    )
    pypi.add_project(name, status="archived", reason=text)
    (file,) = page_of(mirror, name).values()
    assert [text] * 3 == [file[key] for key in ("yanked", "requires-python", "x-unknown")]
    answer = mirror.get(f"/pypi/simple/{name}/")
    found = Links(answer.body)
    assert {"html", "head", "meta", "title", "body", "h1", "a", "br"} == found.tags
    (link,) = found.links
    assert [text] * 2 == [link[f"data-{key}"] for key in ("yanked", "requires-python")]
    assert link["href"] == f"../../packages/{wheel.path}#sha256={wheel.hashes['sha256']}"
    sent = requests.get(f"{pypi.url}/pypi/{name}/json", timeout=5).content
    assert sent == mirror.get(f"/pypi/{name}/json").body


def test_a_name_that_is_no_name_costs_the_page_nothing_else(
    mirror: Serving, pypi: FakePypi
) -> None:
    """The file is left out; nothing is written outside of the folder."""
    good = pypi.add(make_sdist("names", "1.0"))
    for number, filename in enumerate(NAMES):
        pypi.add_file("names", filename, b"x%d" % number, version="1.0")
    assert {good.filename} == set(page_of(mirror, "names"))
    links = Links(mirror.get("/pypi/simple/names/").body).links
    assert [good.path] == [
        unquote(str(link["href"]).partition("#")[0]).removeprefix("../../packages/")
        for link in links
    ]


def test_a_url_that_is_none_costs_the_page_nothing_else(mirror: Serving, pypi: FakePypi) -> None:
    """Nor does one on another host get there: its path here is made of its digest."""
    good = pypi.add(make_sdist("urls", "1.0"))
    for number, url in enumerate(URLS):
        pypi.add_file("urls", f"urls-{number}.tar.gz", b"x%d" % number, extra={"url": url})
    other = "https://evil.example.org/packages/../../../x/urls-9.9.tar.gz"
    pypi.add_file("urls", "urls-9.9.tar.gz", b"9", extra={"url": other})
    found = page_of(mirror, "urls")
    assert {good.filename, "urls-9.9.tar.gz"} == set(found)
    for file in found.values():
        url = str(file["url"])
        assert url.startswith("../../packages/")
        assert ".." not in url.removeprefix("../../")


@pytest.mark.parametrize(
    "name", ["..", ".", "%2e%2e", "a%2Fb", "a%00b", "a%0d%0ab", "%22%3E", "-a"]
)
@pytest.mark.parametrize(
    "form",
    [
        "/pypi/{}/json",
        "/pypi/pypi/{}/json",
        "/pypi/six/{}/json",
        "/pypi/{}/1.0/json",
        "/pypi/integrity/{}/1.0/six-1.0.tar.gz/provenance",
        "/pypi/integrity/six/{}/six-1.0.tar.gz/provenance",
        "/pypi/integrity/six/1.0/{}/provenance",
    ],
)
def test_a_path_that_is_none_goes_nowhere(
    mirror: Serving, pypi: FakePypi, name: str, form: str
) -> None:
    """400 or 404, without a word of it in a header, and nothing is asked upstream."""
    pypi.forget_requests()
    answer = mirror.get(form.format(name))
    assert answer.status in {400, 404}
    assert not answer.header("Location")
    assert () == pypi.requests


def test_hostile_legacy_json_is_data(mirror: Serving, pypi: FakePypi) -> None:
    """Two megabytes of description, and what looks like a page."""
    pypi.add(make_sdist("legacy", "1.0"))
    info = {"name": "legacy", "description": "</script>" + TEXTS[0] + TEXTS[-1]}
    body = orjson.dumps({"info": info, "last_serial": pypi.project("legacy").serial})
    pypi.inject(Replaced(body, "application/json"), at="/pypi/legacy/json")
    try:
        answer = mirror.get("/pypi/legacy/json")
    finally:
        pypi.heal()
    assert (200, body) == (answer.status, answer.body)
    assert ("application/json", "nosniff") == _kind(answer)


def _kind(answer: Answer) -> tuple[str, str]:
    return answer.header("Content-Type"), answer.header("X-Content-Type-Options")
