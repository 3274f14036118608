"""Our own pages read back: what is rendered from them is what a fetch would render."""

from collections.abc import Mapping
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.model import File, Project, Source
from app.names import Filename, FilePath, ProjectName, path_from_digest
from app.pages import (
    FILES_URL,
    PageError,
    parse_own,
    render_html,
    render_json,
    with_own_links,
)
from tests import strategies

DIGEST = "ab" * 32
NAME = Filename("six-1.0.tar.gz")
FILE = File(NAME, path_from_digest(DIGEST, NAME), {"sha256": DIGEST})
SIX = Project(ProjectName("six"), (FILE,), versions=("1.0",), serial=7)
PROVENANCE = "https://example.org/integrity/six/1.0/six-1.0.tar.gz/provenance"


def written(project: Project) -> tuple[bytes, bytes]:
    """Return a project's pages, as a fetch has them written."""
    ours = with_own_links(project)
    return render_json(ours, FILES_URL), render_html(ours, FILES_URL)


def sources(project: Project) -> Mapping[FilePath, Source]:
    """Return what the store knows of a project's files."""
    return {file.path: Source(file.sha256, file.origin, file.provenance) for file in project.files}


@st.composite
def projects(draw: st.DrawFn) -> Project:
    """Give projects of which some files lie on other hosts."""
    project = draw(strategies.projects())
    origins = st.none() | st.just("https://files.example.org/a%20b")
    files = tuple(replace(file, origin=draw(origins)) for file in project.files)
    return replace(project, files=files)


@given(projects())
def test_what_is_read_back_is_what_was_fetched(project: Project) -> None:
    """And so its pages are, byte for byte, those that a fetch would write."""
    json, _ = written(project)
    found = parse_own(json, project.name, sources(project))
    assert project == found
    assert written(project) == written(found)


@given(projects())
def test_a_page_of_another_format_is_read_back_too(project: Project) -> None:
    """One that is laid out in another way, and links to provenance in full."""
    page = orjson.loads(written(project)[0])
    for entry in page["files"]:
        if "provenance" in entry:
            entry["provenance"] = "https://mirror.example.org" + entry["provenance"][5:]
    page["meta"]["api-version"] = "1.3"
    old = orjson.dumps(page, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    found = parse_own(old, project.name, sources(project))
    assert written(project) == written(found)


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        ({"url": "https://example.org/six-1.0.tar.gz"}, "knows another"),
        ({"url": f"../../packages/{'cd' * 10}/six-1.0.tar.gz"}, "knows another"),
        ({"hashes": {"sha256": "cd" * 32}}, "knows another"),
        ({"hashes": {"sha256": "cd"}}, "not write"),
        ({"filename": "../six-1.0.tar.gz"}, "not write"),
        ({"provenance": "../../integrity/six/1.0/x/provenance"}, "disagree"),
    ],
)
def test_a_page_that_was_edited_is_not_believed(edit: dict[str, object], reason: str) -> None:
    """Where it says another thing than the store of a file."""
    page = orjson.loads(written(SIX)[0])
    page["files"][0].update(edit)
    with pytest.raises(PageError, match=reason):
        parse_own(orjson.dumps(page), SIX.name, sources(SIX))


def test_provenance_is_the_stores() -> None:
    """The page has our own link alone; without upstream's URL nothing could be fetched."""
    attested = replace(SIX, files=(replace(FILE, provenance=PROVENANCE),))
    found = parse_own(written(attested)[0], SIX.name, sources(attested))
    assert PROVENANCE == found.files[0].provenance
    with pytest.raises(PageError, match="disagree"):
        parse_own(written(attested)[0], SIX.name, sources(SIX))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", written(SIX)[0][:-9]])
def test_what_is_no_page_is_not_believed(body: bytes) -> None:
    """Cut, or something else."""
    with pytest.raises(PageError):
        parse_own(body, SIX.name, sources(SIX))


def test_another_projects_page_is_not_believed() -> None:
    """Nor a file that another project listed first: what is known of it is that one's."""
    with pytest.raises(PageError, match="not of"):
        parse_own(written(SIX)[0], ProjectName("seven"), sources(SIX))
    with pytest.raises(PageError, match="knows another"):
        parse_own(written(SIX)[0], SIX.name, {})
