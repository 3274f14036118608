"""The legacy JSON beside an HTML page."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.model import File, Project
from app.names import Filename, parse_project, path_from_digest
from app.pages.errors import PageError
from app.pages.html_page import parse_html
from app.pages.json_page import parse_json
from app.pages.legacy import merge_legacy
from app.pages.places import PackagePlaces
from app.pages.values import Mark
from tests import strategies

DATA = Path(__file__).parent / "data" / "pages"
URL = "https://pypi.org/simple/six/"
PLACES = PackagePlaces(("https://files.pythonhosted.org/packages/",), explicit=False)
SIX = parse_project("six")
NAME = Filename("six-1.0.tar.gz")
DIGEST = "ab" * 32
FILE = File(filename=NAME, path=path_from_digest(DIGEST, NAME), hashes={"sha256": DIGEST})
PROJECT = Project(name=SIX, files=(FILE,))


def described(**keys: object) -> dict[str, Any]:
    """Return the legacy JSON of one file with these keys."""
    raw = {"filename": NAME, "digests": {"sha256": DIGEST}, **keys}
    return {"releases": {"1.0": [raw]}}


def merged(file: File = FILE, **keys: object) -> File:
    """Return the one file after merging a description with these keys."""
    return merge_legacy(replace(PROJECT, files=(file,)), described(**keys)).files[0]


def test_html_and_legacy_json_say_what_the_json_page_says() -> None:
    """A mirror of an HTML upstream loses nothing that its legacy JSON has."""
    html = parse_html((DATA / "six.html").read_bytes(), SIX, URL, PLACES)
    found = merge_legacy(html, json.loads((DATA / "six-legacy.json").read_bytes()))
    page = parse_json((DATA / "six.json").read_bytes(), SIX, URL, PLACES)
    # `alternate-locations` is in neither.
    assert replace(page, extra={}) == found


def test_no_file_is_added() -> None:
    """What the page does not list may just have been deleted."""
    assert () == merge_legacy(Project(name=SIX), described()).files


def test_the_page_decides() -> None:
    """What the page says stays, whatever the legacy JSON says."""
    said = replace(
        FILE,
        size=1,
        upload_time="2020-01-01T00:00:00Z",
        requires_python=">=3",
        yanked="the page's reason",
        core_metadata={"sha256": DIGEST},
    )
    other = merged(
        said,
        size=2,
        upload_time_iso_8601="2021-01-01T00:00:00Z",
        requires_python=">=2",
        yanked=True,
        yanked_reason="another",
        **{"core-metadata": False},
    )
    assert said == other
    project = replace(PROJECT, serial=5, versions=("1",))
    found = merge_legacy(project, {"last_serial": 4, "releases": {"2": []}})
    assert (5, ("1",)) == (found.serial, found.versions)


@pytest.mark.parametrize(
    ("mark", "keys", "expected"),
    [
        (False, {"yanked": True, "yanked_reason": "why"}, "why"),
        (False, {"yanked": True, "yanked_reason": None}, True),
        (False, {"yanked": True, "yanked_reason": ""}, True),
        (False, {"yanked": False, "yanked_reason": "why"}, False),
        (False, {"yanked": None}, False),
        (True, {"yanked": True, "yanked_reason": "why"}, "why"),
        (True, {"yanked": False}, True),
        ("why", {"yanked": False}, "why"),
        (False, {"yanked": "why"}, "why"),
    ],
)
def test_a_yank_is_kept_from_either(mark: Mark, keys: dict[str, object], expected: Mark) -> None:
    """A file that one of the two calls yanked is offered marked."""
    assert expected == merged(replace(FILE, yanked=mark), **keys).yanked


def test_another_file_of_the_name_is_not_described() -> None:
    """Facts of other content are not this file's."""
    assert FILE == merged(digests={"sha256": "cd" * 32}, size=5)
    assert FILE == merged(digests={"sha256": "nonsense"}, size=5)
    both = replace(FILE, hashes={"md5": "a" * 32})
    assert both == merged(both, digests={"md5": "b" * 32, "sha256": DIGEST}, size=5)


@pytest.mark.parametrize("hashes", [{}, {"md5": "a" * 32}, {"sha1": "a" * 40}])
def test_a_file_without_sha256_gets_it(hashes: dict[str, str]) -> None:
    """Only with it can a file be held; its path stays as the page's URL gave it."""
    bare = replace(FILE, hashes=hashes)
    found = merged(bare, digests={"md5": "a" * 32, "sha256": DIGEST}, size=5)
    assert replace(bare, hashes={**hashes, "sha256": DIGEST}, size=5) == found


def test_a_companion_is_announced_only_where_files_are_fetched_from() -> None:
    """An upstream that copies PyPI's JSON may not have PyPI's `.metadata` files."""
    keys: dict[str, Any] = {"core-metadata": {"sha256": DIGEST}}
    assert {"sha256": DIGEST} == merged(**keys).core_metadata
    elsewhere = replace(FILE, origin="https://mirror.example.org/six-1.0.tar.gz")
    assert merged(elsewhere, **keys).core_metadata is None


def test_another_projects_json_is_refused() -> None:
    """Its serial and versions are not this project's."""
    with pytest.raises(PageError, match="not of 'six'"):
        merge_legacy(PROJECT, {"info": {"name": "seven"}})
    assert PROJECT == merge_legacy(PROJECT, {"info": {"name": "SIX"}})


def test_unknown_values_stay_unknown() -> None:
    """Null, empty and wrong values add nothing."""
    empty: dict[str, Any] = {
        "size": None,
        "upload_time_iso_8601": "",
        "requires_python": None,
        "digests": None,
    }
    assert FILE == merged(**empty)


def test_versions_are_those_of_releases() -> None:
    """Releases without files count; without the key the versions are unknown."""
    assert ("1.0", "2.0") == merge_legacy(PROJECT, {"releases": {"2.0": [], "1.0": None}}).versions
    assert () == merge_legacy(PROJECT, {"releases": {}}).versions
    assert merge_legacy(PROJECT, {}).versions is None


def test_the_files_of_the_latest_release_are_enough() -> None:
    """PyPI may stop listing `releases`; `urls` describes files too."""
    urls = described(size=5)["releases"]["1.0"]
    assert 5 == merge_legacy(PROJECT, {"urls": urls}).files[0].size


def test_texts_that_utf_8_cannot_hold_are_mended() -> None:
    """The standard library's JSON lets lone surrogates in; a page cannot have them."""
    assert "a?" == merged(yanked=True, yanked_reason="a\ud800").yanked
    assert ("?",) == merge_legacy(PROJECT, {"releases": {"\ud800": []}}).versions


@given(
    strategies.projects(),
    st.dictionaries(
        st.sampled_from(["info", "releases", "urls", "last_serial"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["filename", "digests", "sha256"]), inner, max_size=3
                )
            ),
        ),
    ),
)
def test_any_json_is_merged(project: Project, legacy: dict[str, Any]) -> None:
    """No shape of it raises, and none changes which files there are."""
    found = merge_legacy(project, legacy)
    assert [file.path for file in project.files] == [file.path for file in found.files]
