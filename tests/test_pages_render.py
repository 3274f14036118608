"""The model to pages, and back."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.model import File, Project
from app.names import Filename, ProjectName, parse_project, path_from_digest
from app.pages.html_page import parse_html
from app.pages.json_page import parse_json
from app.pages.places import PackagePlaces
from app.pages.provenance import with_own_links
from app.pages.render import (
    FORMAT,
    render_html,
    render_json,
    render_root_html,
    render_root_json,
)
from app.pages.values import Mark
from tests import strategies

URL = "https://mirror.example.org/pypi/simple/six/"
FILES_URL = "../../packages/"
PLACES = PackagePlaces(("https://mirror.example.org/pypi/packages/",), explicit=False)
SIX = parse_project("six")
NAME = Filename("six-1.0.tar.gz")
DIGEST = "ab" * 32
PATH = f"ab/ab/{'ab' * 30}/six-1.0.tar.gz"
FILE = File(filename=NAME, path=path_from_digest(DIGEST, NAME))
PROJECT = Project(name=SIX, files=(FILE,))
HOSTILE = '"><script>alert("1")</script>&amp;\r\n\0</a><!--'


def json_page(project: Project) -> dict[str, Any]:
    """Return the JSON page as data."""
    page = orjson.loads(render_json(project, FILES_URL))
    assert isinstance(page, dict)
    return page


def json_file(file: File) -> dict[str, Any]:
    """Return the one file of a JSON page."""
    found = json_page(replace(PROJECT, files=(file,)))["files"][0]
    assert isinstance(found, dict)
    return found


def link(file: File) -> str:
    """Return the one line of an HTML page that is a link."""
    text = render_html(replace(PROJECT, files=(file,)), FILES_URL).decode()
    (line,) = (line for line in text.splitlines() if "<a" in line)
    return line


class _Tags(HTMLParser):
    """The start tags of a page as the standard library sees them."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Count a start tag; its attributes are looked at elsewhere."""
        del attrs
        self.names.append(tag)


@given(strategies.projects())
def test_json_holds_the_whole_model(project: Project) -> None:
    """What is written and read again is the same project, whatever its texts."""
    found = parse_json(render_json(project, FILES_URL), project.name, URL, PLACES)
    assert project == found
    assert () == found.refused


@given(strategies.projects())
def test_html_holds_what_html_can(project: Project) -> None:
    """Files, yanks, digests, status and serial survive; the rest HTML has no place for."""
    found = parse_html(render_html(project, FILES_URL), project.name, URL, PLACES)
    assert in_html(project) == found
    assert () == found.refused


@given(strategies.projects())
def test_hostile_text_stays_text(project: Project) -> None:
    """No text of upstream's becomes an element, an attribute's end or a line."""
    text = render_html(project, FILES_URL).decode()
    tags = _Tags()
    tags.feed(text)
    tags.close()
    assert len(project.files) == tags.names.count("a")
    assert {"html", "head", "meta", "title", "body", "h1", "a", "br"} >= set(tags.names)
    assert len(project.files) == sum(line.startswith("<a ") for line in text.split("\n"))


def in_html(project: Project) -> Project:
    """Return the project as far as HTML holds it."""
    return Project(
        name=project.name,
        files=tuple(file_in_html(file) for file in project.files),
        serial=project.serial,
        status=without_nul(project.status),
        status_reason=without_nul(project.status_reason),
    )


def file_in_html(file: File) -> File:
    """Return the file as far as HTML holds it: one digest, no sizes, no times."""
    mark = file.yanked
    return File(
        filename=file.filename,
        path=file.path,
        hashes=best(file.hashes),
        requires_python=without_nul(file.requires_python),
        yanked=mark.replace("\0", "\ufffd") if isinstance(mark, str) else mark,
        core_metadata=None if file.core_metadata is None else best(file.core_metadata),
        gpg_sig=file.gpg_sig,
        provenance=file.provenance,
    )


def without_nul(text: str | None) -> str | None:
    """Return the text with the one character replaced that HTML does not have."""
    return None if text is None else text.replace("\0", "\ufffd")


def best(hashes: Mapping[str, str]) -> dict[str, str]:
    """Return the one digest that a fragment holds."""
    for name in ("sha256", "sha512", "sha384", "md5"):
        if name in hashes:
            return {name: hashes[name]}
    return {}


def test_an_unknown_value_is_left_out() -> None:
    """One null spoils the page in uv; `hashes` must be there all the same."""
    expected = {"filename": NAME, "url": FILES_URL + PATH, "hashes": {}, "yanked": False}
    assert expected == json_file(FILE)
    page = json_page(Project(name=SIX))
    assert {"meta": {"api-version": "1.0"}, "name": "six", "files": []} == page
    assert b"null" not in render_json(PROJECT, FILES_URL)


def test_a_full_page_has_every_key() -> None:
    """PEP 691, 700, 740 and 792, with the serial in `meta`."""
    file = replace(
        FILE,
        hashes={"sha256": DIGEST},
        size=5,
        upload_time="2024-05-06T07:08:09.100000Z",
        requires_python=">=3.8",
        yanked="why",
        core_metadata={"sha256": DIGEST},
        gpg_sig=False,
        provenance="https://pypi.org/integrity/x",
        extra={"x": None},
    )
    project = Project(
        name=SIX,
        files=(file,),
        versions=("1.0",),
        serial=7,
        status="archived",
        status_reason="done",
        extra={"y": 1},
        extra_meta={"z": 2},
    )
    expected = {
        "meta": {"api-version": "1.4", "_last-serial": 7, "z": 2},
        "name": "six",
        "versions": ["1.0"],
        "project-status": {"status": "archived", "reason": "done"},
        "y": 1,
        "files": [
            {
                "filename": NAME,
                "url": FILES_URL + PATH,
                "hashes": {"sha256": DIGEST},
                "size": 5,
                "upload-time": "2024-05-06T07:08:09.100000Z",
                "requires-python": ">=3.8",
                "yanked": "why",
                "core-metadata": {"sha256": DIGEST},
                "gpg-sig": False,
                "provenance": "https://pypi.org/integrity/x",
                "x": None,
            }
        ],
    }
    assert expected == json_page(project)


def test_the_version_is_larders_own() -> None:
    """Upstream's is never passed on, and PEP 700's keys are promised only where they are."""
    sized = replace(FILE, size=0)
    full = Project(name=SIX, files=(sized,), versions=("1.0",), extra_meta={"api-version": "1.5"})
    assert "1.4" == json_page(full)["meta"]["api-version"]
    assert "1.0" == json_page(replace(full, files=(sized, FILE)))["meta"]["api-version"]
    assert "1.0" == json_page(replace(full, versions=None))["meta"]["api-version"]
    assert '"pypi:repository-version" content="1.4"' in render_html(full, FILES_URL).decode()


def test_an_extra_key_cannot_replace_a_known_one() -> None:
    """What larder knows is written last."""
    file = replace(FILE, extra={"url": "https://evil.example.org/", "yanked": True})
    assert (FILES_URL + PATH, False) == (json_file(file)["url"], json_file(file)["yanked"])
    page = json_page(Project(name=SIX, extra={"name": "seven", "files": [1]}))
    assert ("six", []) == (page["name"], page["files"])


@pytest.mark.parametrize(
    ("core_metadata", "expected", "attribute"),
    [
        ({}, True, "true"),
        ({"sha256": DIGEST}, {"sha256": DIGEST}, f"sha256={DIGEST}"),
        ({"sha1": "ab" * 20}, {"sha1": "ab" * 20}, "true"),
    ],
)
def test_a_companion_is_announced_under_both_names_in_html(
    core_metadata: dict[str, str], expected: object, attribute: str
) -> None:
    """PEP 714; in JSON only the new name, since an object under the old one breaks pip."""
    file = replace(FILE, core_metadata=core_metadata)
    found = json_file(file)
    assert expected == found["core-metadata"]
    assert not [key for key in found if "dist-info" in key]
    assert f' data-core-metadata="{attribute}"' in link(file)
    assert f' data-dist-info-metadata="{attribute}"' in link(file)


@pytest.mark.parametrize(
    ("hashes", "fragment"),
    [
        ({}, ""),
        ({"sha1": "ab" * 20}, ""),
        ({"sha224": "ab" * 28, "blake2b_256": DIGEST}, ""),
        ({"md5": "ab" * 16}, "#md5=" + "ab" * 16),
        ({"md5": "ab" * 16, "sha1": "ab" * 20, "sha256": DIGEST}, f"#sha256={DIGEST}"),
    ],
)
def test_the_fragment_is_one_that_clients_take(hashes: dict[str, str], fragment: str) -> None:
    """sha1 and sha224 are an error in uv; no fragment is none."""
    assert f'<a href="{FILES_URL}{PATH}{fragment}">{NAME}</a><br>' == link(
        replace(FILE, hashes=hashes)
    )


def test_a_link_can_be_split_by_hand() -> None:
    """Bazel does: `href` first, double quotes, no entity in it, the name as text."""
    name = Filename("six-1!1.0+a b~c.whl")
    file = replace(
        FILE,
        filename=name,
        path=path_from_digest(DIGEST, name),
        hashes={"sha256": DIGEST},
        requires_python=">=3.8,<4",
        yanked=HOSTILE,
    )
    line = link(file)
    url, _, tail = line.removeprefix('<a href="').partition("#sha256=")
    digest, _, tail = tail.partition('"')
    attributes, _, text = tail.rpartition("</a>")[0].rpartition(">")
    assert f"{FILES_URL}ab/ab/{'ab' * 30}/six-1%211.0%2Ba%20b~c.whl" == url
    assert (DIGEST, name) == (digest, text)
    assert ' data-requires-python="&gt;=3.8,&lt;4"' in attributes
    assert url == json_file(file)["url"]


def test_hostile_text_is_escaped_in_every_attribute() -> None:
    """The reason, the specifier, the provenance and the status alike."""
    file = replace(FILE, requires_python=HOSTILE, yanked=HOSTILE, provenance=HOSTILE)
    project = replace(PROJECT, files=(file,), status=HOSTILE, status_reason=HOSTILE)
    text = render_html(project, FILES_URL).decode()
    assert "<script" not in text
    assert "\0" not in text
    assert "\r" not in text
    tag = "&quot;&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;"
    written = f"{tag}&amp;amp;&#13;&#10;\ufffd&lt;/a&gt;&lt;!--"
    assert 5 == text.count(written)


@pytest.mark.parametrize(
    ("mark", "attribute"), [(True, ' data-yanked=""'), ("why", ' data-yanked="why"'), (False, "")]
)
def test_a_yank_is_marked_in_html(mark: Mark, attribute: str) -> None:
    """PEP 592: presence counts, so a file that is not yanked has no attribute."""
    assert f'<a href="{FILES_URL}{PATH}"{attribute}>{NAME}</a><br>' == link(
        replace(FILE, yanked=mark)
    )


def test_a_quarantined_project_says_so() -> None:
    """PEP 792 in both formats, on a page without files."""
    project = Project(name=SIX, versions=(), status="quarantined")
    assert {"status": "quarantined"} == json_page(project)["project-status"]
    assert "1.4" == json_page(project)["meta"]["api-version"]
    meta = '<meta name="pypi:project-status" content="quarantined">'
    assert meta in render_html(project, FILES_URL).decode()


def test_a_lone_surrogate_does_not_break_html() -> None:
    """A model made elsewhere may have one; UTF-8 has not."""
    assert 'data-yanked="?"' in link(replace(FILE, yanked="\ud800"))


ROOT = st.lists(
    st.tuples(strategies.project_names, st.none() | st.integers(0, 2**63 - 1)), max_size=5
)


@given(ROOT, st.none() | st.integers(0, 2**63 - 1))
def test_the_root_page_lists_every_project(
    projects: list[tuple[ProjectName, int | None]], last: int | None
) -> None:
    """Names and serials come back from JSON, names and the last serial from HTML."""
    page = orjson.loads(b"".join(render_root_json(projects, last)))
    assert "1.4" == page["meta"]["api-version"]
    assert last == page["meta"].get("_last-serial")
    assert projects == [(entry["name"], entry.get("_last-serial")) for entry in page["projects"]]
    assert b"null" not in b"".join(render_root_json(projects, last))
    text = b"".join(render_root_html(projects, last)).decode()
    assert [f'<a href="{name}/">{name}</a><br>' for name, _ in projects] == [
        line for line in text.splitlines() if line.startswith("<a")
    ]
    assert (last is not None) == (f"<!--SERIAL {last}-->" in text)


def test_root_pages_are_streams() -> None:
    """The first bytes are there before the last project is asked for."""

    def endless() -> Iterator[tuple[ProjectName, int | None]]:
        number = 0
        while True:
            number += 1
            yield parse_project(f"project-{number}"), number

    for chunks in (render_root_json(endless(), 1), render_root_html(endless(), 1)):
        next(chunks)
        assert b"project-1" in next(chunks)
        assert b"project-1001" in next(chunks)


WRITTEN = {1: "6074e8ee493709454d19a5c6c60eec123451b21171b7c93a358738fe87fd8ecf"}
"""The digest of the pages below, for each format that there ever was."""


def test_pages_change_with_their_format_alone() -> None:
    """Who changes a byte of them raises `FORMAT`, and says so here: see there for what it does."""
    full = File(
        filename=NAME,
        path=path_from_digest(DIGEST, NAME),
        hashes={"sha256": DIGEST, "md5": "ab" * 16},
        size=1,
        upload_time="2024-12-04T17:35:28.123456Z",
        requires_python=">=3.8",
        yanked=HOSTILE,
        core_metadata={"sha256": DIGEST},
        gpg_sig=True,
        provenance="https://example.org/integrity/six/1.0/six-1.0.tar.gz/provenance",
        extra={"x-file": [1]},
    )
    project = Project(
        name=SIX,
        files=(full, replace(FILE, yanked=True, core_metadata={})),
        versions=("1.0",),
        serial=7,
        status="archived",
        status_reason=HOSTILE,
        extra={"x-page": {"y": None}},
        extra_meta={"x-meta": 1.5},
    )
    ours = with_own_links(project)
    entries = [(SIX, 7), (SIX, None)]
    pages = [
        render_html(ours, FILES_URL),
        render_json(ours, FILES_URL),
        render_json(PROJECT, FILES_URL),
        *render_root_html(entries, 7),
        *render_root_json(entries, 7),
    ]
    assert WRITTEN[FORMAT] == sha256(b"\n".join(pages)).hexdigest()
