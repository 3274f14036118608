"""Links to provenance (PEP 740): upstream's, and our own."""

import pytest

from app.model import File, Project
from app.names import Filename, FilePath, ProjectName
from app.pages import with_own_links
from app.pages.provenance import release_of, upstream_link

PAGE = "https://pypi.example.org/simple/six/"
WHEEL = Filename("six-1.0+local-py3-none-any.whl")


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("https://example.org/x", "https://example.org/x"),
        ("../../integrity/x", "https://pypi.example.org/integrity/x"),
        ("//example.org/x", "https://example.org/x"),
        (" https://example.org/x\n", "https://example.org/x"),
        ("https://example.org/\r\nX: y", None),
        ("file:///etc/passwd", None),
        ("https://", None),
        ("http://[::1/", None),
        ("", None),
        (None, None),
        (1, None),
        ({"url": "x"}, None),
    ],
)
def test_a_link_is_one_that_can_be_fetched(link: object, expected: str | None) -> None:
    """Any other is not announced."""
    assert expected == upstream_link(link, PAGE)


@pytest.mark.parametrize(
    ("url", "filename", "expected"),
    [
        ("https://pypi.org/integrity/six/1.0.post1/x/provenance", WHEEL, "1.0.post1"),
        ("https://pypi.org/integrity/six/1%2B2/x/provenance?y", WHEEL, "1+2"),
        ("https://pypi.org/integrity/six/..%2F..%2F/x/provenance", WHEEL, "0"),
        ("https://example.org/attestations/7", WHEEL, "1.0+local"),
        ("https://example.org/7", Filename("six-2.0rc1.tar.gz"), "2.0rc1"),
        ("https://example.org/7", Filename("six.egg"), "0"),
        ("https://[/integrity/six/1.0/x/provenance", WHEEL, "0"),
    ],
)
def test_the_version_is_upstreams_or_the_file_names(
    url: str, filename: Filename, expected: str
) -> None:
    """A mirror of the mirror has the same link, and a version is never a path."""
    assert expected == release_of(url, filename)


def test_our_own_link_is_relative_and_quoted() -> None:
    """Files without provenance stay as they are."""
    name = ProjectName("six")
    url = f"https://pypi.org/integrity/six/1.0+local/{WHEEL}/provenance"
    signed = File(WHEEL, FilePath(f"ab/cd/{'0' * 60}/{WHEEL}"), provenance=url)
    plain = File(Filename("six-1.0.zip"), FilePath(f"ab/cd/{'1' * 60}/six-1.0.zip"))
    files = with_own_links(Project(name, (signed, plain))).files
    place = "six/1.0%2Blocal/six-1.0%2Blocal-py3-none-any.whl"
    assert f"../../integrity/{place}/provenance" == files[0].provenance
    assert plain == files[1]
    nothing = Project(name, (plain,))
    assert nothing is with_own_links(nothing)
