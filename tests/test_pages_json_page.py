"""A project's JSON page to the model."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.model import File, Project
from app.names import Filename, FilePath, parse_project
from app.pages.errors import PageError
from app.pages.json_page import parse_json
from app.pages.places import PackagePlaces
from app.pages.render import render_json

DATA = Path(__file__).parent / "data" / "pages"
SIX = parse_project("six")
URL = "https://pypi.org/simple/six/"
PYPI = "https://files.pythonhosted.org/packages/"
PLACES = PackagePlaces((PYPI,), explicit=False)
DIGEST = "ab" * 32
WHEEL = Filename("six-1.0-py3-none-any.whl")
LINK = f"{PYPI}aa/bb/{'cc' * 30}/{WHEEL}"


def read(page: object) -> Project:
    """Return the project of a page given as data."""
    return parse_json(json.dumps(page).encode(), SIX, URL, PLACES)


def page(*files: object, **keys: object) -> dict[str, Any]:
    """Return a page with these files and keys."""
    return {"meta": {"api-version": "1.0"}, "name": "six", "files": list(files), **keys}


def entry(**keys: object) -> dict[str, Any]:
    """Return a file's description; underscores stand for hyphens."""
    given = {name.replace("_", "-"): value for name, value in keys.items()}
    return {"filename": WHEEL, "url": LINK, "hashes": {}, **given}


def only(**keys: object) -> File:
    """Return the one file of a page whose description has these keys."""
    project = read(page(entry(**keys)))
    assert () == project.refused
    return project.files[0]


def test_pypis_page_is_read_whole() -> None:
    """Every fact of a page as PyPI writes it is in the model."""
    project = parse_json((DATA / "six.json").read_bytes(), SIX, URL, PLACES)
    metadata = {"sha256": "5e6a3ba1a5c3a1c0a7d8fd9df6b6b5ba8b9e2d0b1c3e4f5061728394a5b6c7d8"}
    wheel = File(
        filename=Filename("six-1.16.0-py2.py3-none-any.whl"),
        path=FilePath(
            "d9/5a/e7c31adbe875f2abbb91bd84cf2dc52d792b5a01506781dbcf25c91daf11/"
            "six-1.16.0-py2.py3-none-any.whl"
        ),
        hashes={"sha256": "8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254"},
        size=11053,
        upload_time="2021-05-05T14:18:17.237609Z",
        requires_python=">=2.7, !=3.0.*, !=3.1.*, !=3.2.*",
        core_metadata=metadata,
    )
    sdist = File(
        filename=Filename("six-1.16.0.tar.gz"),
        path=FilePath(
            "71/39/171f1c67cd00715f190ba0b100d606d440a28c93c7714febeca8b79af85e/six-1.16.0.tar.gz"
        ),
        hashes={"sha256": "1e61c37477a1626458e36f7b1d82aa5c9b094fa4802892072e49de9c60c4c926"},
        size=34041,
        upload_time="2021-05-05T14:18:18.379730Z",
        yanked='Broken "sdist" & more',
        provenance="https://pypi.org/integrity/six/1.16.0/six-1.16.0.tar.gz/provenance",
    )
    expected = Project(
        name=SIX,
        files=(wheel, sdist),
        versions=("0.9.0", "1.16.0"),
        serial=26543842,
        status="active",
        extra={"alternate-locations": []},
    )
    assert expected == project
    assert () == project.refused


def test_null_is_unknown() -> None:
    """Other mirrors write null where they know nothing; the file is as if bare."""
    keys = (
        "size",
        "upload-time",
        "requires-python",
        "yanked",
        "core-metadata",
        "dist-info-metadata",
        "data-dist-info-metadata",
        "gpg-sig",
        "provenance",
        "hashes",
        "x-unknown",
    )
    assert only() == only(**dict.fromkeys(keys))


@pytest.mark.parametrize("key", ["dist_info_metadata", "data_dist_info_metadata"])
def test_the_old_names_of_core_metadata_are_read(key: str) -> None:
    """PEP 714: the new name decides where it is there, else an old one."""
    assert {"sha256": DIGEST} == only(**{key: {"sha256": DIGEST}}).core_metadata
    assert only(**{key: True, "core_metadata": False}).core_metadata is None
    assert {} == only(**{key: True, "core_metadata": None}).core_metadata
    assert {} == only(**{key: True}).extra


def test_an_empty_reason_is_a_yank() -> None:
    """The mark is not lost, though PEP 691 wants a reason that is not empty."""
    assert only(yanked="").yanked is True


@pytest.mark.parametrize(
    ("value", "expected"), [(True, True), (False, False), ("yes", None), (1, None)]
)
def test_a_signature_is_announced_only_by_a_truth_value(value: object, expected: object) -> None:
    """PEP 691: "gpg-sig" is a boolean."""
    assert expected is only(gpg_sig=value).gpg_sig


def test_a_page_without_meta_is_of_version_1_0() -> None:
    """PEP 691 wants `meta`, and older mirrors forget it."""
    assert Project(name=SIX) == read({"name": "six", "files": []})
    assert Project(name=SIX) == read({"name": "six", "files": [], "meta": {}})
    assert Project(name=SIX) == read({"files": [], "meta": None})


def test_another_major_version_is_refused() -> None:
    """PEP 629: what follows version 1 is not read as if it were version 1."""
    with pytest.raises(PageError, match=r"API version '2\.0'"):
        read(page(meta={"api-version": "2.0"}))


def test_the_name_may_be_as_displayed() -> None:
    """A page is the right one if the normalised names agree."""
    assert SIX == read(page(name="SIX")).name


@pytest.mark.parametrize("name", ["seven", "", 6, ["six"]])
def test_a_page_of_another_project_is_refused(name: object) -> None:
    """A mixed-up answer must not become this project's page."""
    with pytest.raises(PageError, match="not of 'six'"):
        read(page(name=name))


def test_a_quarantined_project_has_a_status_and_no_files() -> None:
    """PEP 792: the page stays, and says why it is empty."""
    status = {"status": "quarantined", "reason": "malware"}
    expected = Project(name=SIX, status="quarantined", status_reason="malware")
    assert expected == read(page(**{"project-status": status}))


@pytest.mark.parametrize(
    "status", [None, "quarantined", {}, {"reason": "x"}, {"status": 5, "reason": "x"}]
)
def test_a_status_that_is_none_is_left_out(status: object) -> None:
    """A reason without a status says nothing."""
    assert Project(name=SIX) == read(page(**{"project-status": status}))


def test_unknown_keys_are_kept_where_they_stood() -> None:
    """Data of a later version goes through, at each of the three levels."""
    found = read(page(entry(x=[1]), y={"z": None}, meta={"api-version": "1.9", "w": 2, "v": None}))
    assert {"x": [1]} == found.files[0].extra
    assert {"y": {"z": None}} == found.extra
    assert {"w": 2} == found.extra_meta


@pytest.mark.parametrize("serial", [None, "5", -1, 1.5, True, 10**30])
def test_a_serial_that_is_none_is_unknown(serial: object) -> None:
    """A page without a usable serial has none; it is not of serial 0."""
    assert read(page(meta={"_last-serial": serial})).serial is None


def test_versions_are_kept_as_written() -> None:
    """PEP 700's list has versions without files, and need not be PEP 440's."""
    assert ("2.0", "1.0-weird", "1.0") == read(
        page(versions=["2.0", "1.0-weird", None, 3, "1.0"])
    ).versions
    assert () == read(page(versions=[])).versions
    assert read(page(versions=None)).versions is None
    assert read(page()).versions is None


def test_links_may_be_relative() -> None:
    """PEP 691: a relative URL is relative to the page's."""
    found = only(url=f"../../packages/aa/bb/{'cc' * 30}/{WHEEL}")
    assert f"aa/bb/{'cc' * 30}/{WHEEL}" == found.path
    assert f"https://pypi.org/packages/{found.path}" == found.origin


def test_a_file_may_be_behind_a_url_of_another_name() -> None:
    """The key `filename` decides; the URL says where the content is."""
    found = only(url="https://host.example.org/download?id=5", hashes={"sha256": DIGEST})
    assert (WHEEL, f"ab/ab/{'ab' * 30}/{WHEEL}") == (found.filename, found.path)
    assert "https://host.example.org/download?id=5" == found.origin


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "six",
        [],
        {},
        entry(filename=None),
        entry(filename="../six.whl"),
        entry(filename="a%2Fb.whl"),
        entry(filename="six\n.whl"),
        entry(filename="x" * 2_000_000),
        entry(url=None),
        entry(url="file:///etc/passwd"),
        entry(url="javascript:alert(1)"),
        entry(url="https://[::1/x"),
        entry(url=["https://x.example.org/"]),
        entry(hashes={"sha256": "short"}),
        entry(filename=[[[[]]]]),
    ],
)
def test_a_bad_file_is_left_out_with_its_reason(bad: object) -> None:
    """The page keeps its others, and the reason is short and on one line."""
    good = entry(filename="six-2.0.tar.gz", url="https://x.example.org/six-2.0.tar.gz")
    project = read(page(bad, good))
    assert ["six-2.0.tar.gz"] == [file.filename for file in project.files]
    (reason,) = project.refused
    assert len(reason) < 400
    assert reason.isprintable()


def test_of_two_files_with_one_name_the_first_is_taken() -> None:
    """The second is refused, whatever it says."""
    project = read(page(entry(size=1), entry(size=2)))
    assert [1] == [file.size for file in project.files]
    assert 1 == len(project.refused)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"six"',
        b"<!DOCTYPE html>",
        b"{",
        b'{"files": []} trailing',
        b'{"files": {}}',
        b'{"files": null}',
        b'{"name": "six"}',
        b'{"files": [], "x": 1e400}',
        b'{"files": [], "x": NaN}',
        b'{"files": [], "x": -Infinity}',
        b'{"files": [], "x": "\xff"}',
        b'{"files": [], "x": "\\ud800"}',
        b'{"files": [], "x": "\xed\xa0\x80"}',
        '{"files": []}'.encode("utf-16"),
        b"[" * 100_000 + b"]" * 100_000,
        b'{"files": [' + b'{"a":' * 100_000,
    ],
)
def test_what_is_no_page_is_refused(body: bytes) -> None:
    """No body, however broken or deep, raises anything but `PageError`."""
    with pytest.raises(PageError):
        parse_json(body, SIX, URL, PLACES)


def test_a_byte_order_mark_is_ignored() -> None:
    """RFC 8259 allows it."""
    body = b'\xef\xbb\xbf{"files": [], "name": "six"}'
    assert Project(name=SIX) == parse_json(body, SIX, URL, PLACES)


def test_what_is_read_can_be_written() -> None:
    """A value that nests deeper than the writer goes is left out, not fatal."""
    body = b'{"files": [], "x": ' + b"[" * 500 + b"]" * 500 + b', "y": 18446744073709551616}'
    project = parse_json(body, SIX, URL, PLACES)
    assert {"y": 2.0**64} == project.extra
    assert project == parse_json(render_json(project, PYPI), SIX, URL, PLACES)


def test_long_texts_go_through() -> None:
    """A reason of two megabytes is a reason."""
    reason = '"<&\0\n' * 400_000
    assert reason == only(yanked=reason).yanked


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-5, 2**64 - 1)
        | st.text(st.characters(exclude_categories=["Cs"])),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        *["meta", "name", "files", "filename", "url", "hashes", "sha256", "yanked"],
                        *["api-version", "project-status", "status", "core-metadata", "versions"],
                    ]
                ),
                inner,
                max_size=5,
            )
        ),
    )
)
def test_any_data_is_a_page_or_refused(data: object) -> None:
    """JSON of any shape is a page that can be written, or a `PageError`."""
    try:
        project = parse_json(orjson.dumps(data), SIX, URL, PLACES)
    except PageError:
        return
    assert render_json(project, PYPI)
