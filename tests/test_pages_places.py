"""Where files are upstream, and where larder offers them."""

import string
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.names import Filename, parse_file_path
from app.pages.errors import PageError
from app.pages.places import PackagePlaces, absolute_url, last_component
from tests import strategies

PYPI = "https://files.pythonhosted.org/packages/"
PLACES = PackagePlaces((PYPI, "https://other.example.org/files/"), explicit=False)
NAMED = PackagePlaces(("https://mirror.example.org/pypi/packages/",), explicit=True)
WHEEL = Filename("six-1.16.0-py2.py3-none-any.whl")
LOCAL = Filename("torch-2.0+cpu.whl")
FOLDERS = "d9/5a/" + "e7" * 30 + "/"
DIGEST = "ab" * 32
BY_DIGEST = f"ab/ab/{'ab' * 30}/"


@pytest.mark.parametrize("prefix", PLACES.prefixes)
def test_a_file_at_a_known_place_keeps_pypis_path(prefix: str) -> None:
    """What is `prefix + path` needs no origin, whichever of the prefixes it is."""
    assert (FOLDERS + WHEEL, None) == PLACES.locate(prefix + FOLDERS + WHEEL, WHEEL, {})


def test_the_fragment_is_no_part_of_the_place() -> None:
    """A digest in the fragment changes neither path nor origin."""
    url = f"{PYPI}{FOLDERS}{WHEEL}#sha256={DIGEST}"
    assert (FOLDERS + WHEEL, None) == PLACES.locate(url, WHEEL, {})
    other = "https://devpi.example.org/f/six.whl"
    assert other == PLACES.locate(f"{other}#sha256={DIGEST}", WHEEL, {})[1]


@pytest.mark.parametrize("written", ["torch-2.0+cpu.whl", "torch-2.0%2Bcpu.whl"])
def test_a_plus_sign_is_one_file_however_it_is_written(written: str) -> None:
    """A literal and an encoded plus sign give the same path."""
    assert (FOLDERS + LOCAL, None) == PLACES.locate(PYPI + FOLDERS + written, LOCAL, {})


def test_another_mirrors_packages_are_pypis_paths_at_its_own_place() -> None:
    """The path is kept, and the origin says where that mirror has it."""
    url = f"https://mirror.example.org/pypi/packages/{FOLDERS}{WHEEL}"
    assert (FOLDERS + WHEEL, url) == PLACES.locate(url, WHEEL, {})


def test_an_operator_who_names_the_place_overrules_the_page() -> None:
    """With an explicit `packages_url` a canonical path has no other origin."""
    url = f"{PYPI}{FOLDERS}{WHEEL}?token=1"
    assert (FOLDERS + WHEEL, None) == NAMED.locate(url, WHEEL, {})


def test_a_private_index_gets_a_path_from_the_content() -> None:
    """The path comes from SHA-256 where the page has it, else from the URL."""
    url = "https://devpi.example.org/root/dev/+f/8ab/b2f/six-1.16.0-py2.py3-none-any.whl"
    assert (BY_DIGEST + WHEEL, url) == PLACES.locate(url, WHEEL, {"sha256": DIGEST})
    path, origin = PLACES.locate(url, WHEEL, {"md5": "a" * 32})
    by_url = sha256(url.encode()).hexdigest()
    assert (f"{by_url[:2]}/{by_url[2:4]}/{by_url[4:]}/{WHEEL}", url) == (path, origin)


@pytest.mark.parametrize(
    "tail",
    [
        FOLDERS.upper() + WHEEL,
        FOLDERS + "another-1.0-py3-none-any.whl",
        f"{FOLDERS}x/{WHEEL}",
        f"{FOLDERS}..%2F{WHEEL}",
        f"../{FOLDERS}{WHEEL}",
        f"{FOLDERS[1:]}{WHEEL}",
        WHEEL,
        f"simple?file=/packages/{FOLDERS}{WHEEL}",
    ],
)
def test_what_only_resembles_pypis_form_is_not_taken_for_it(tail: str) -> None:
    """Upper-case folders, other names, more folders: the path comes from the digest."""
    found, origin = PLACES.locate(PYPI + tail, WHEEL, {"sha256": DIGEST})
    assert PYPI + tail == origin
    assert BY_DIGEST + WHEEL == found


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "javascript:alert(1)",
        "ftp://files.example.org/six.whl",
        "data:text/plain,six.whl",
        "//files.example.org/six.whl",
        "https:///six.whl",
        "https://[::1/six.whl",
        "six.whl",
        "",
    ],
)
def test_only_the_web_has_files(url: str) -> None:
    """A URL of another scheme, without a host, or none at all is refused."""
    with pytest.raises(PageError):
        PLACES.locate(url, WHEEL, {})


@given(
    st.text(string.printable + "é\x00\ud800"),
    strategies.filenames,
    strategies.hashes,
    st.sampled_from([PLACES, NAMED]),
)
def test_no_url_leads_out_of_the_tree(
    tail: str, filename: Filename, hashes: dict[str, str], places: PackagePlaces
) -> None:
    """Whatever follows a prefix, the path is one below `/packages/`, of this file."""
    path, _ = places.locate(PYPI + tail, filename, hashes)
    assert path == parse_file_path(path)
    assert filename == path.rpartition("/")[2]


def test_a_link_is_relative_to_its_page() -> None:
    """Relative, host-relative and absolute links are understood."""
    page = "https://mirror.example.org/pypi/simple/six/"
    assert "https://mirror.example.org/pypi/packages/x" == absolute_url("../../packages/x", page)
    assert "https://mirror.example.org/x" == absolute_url("/x", page)
    assert "https://cdn.example.org/x" == absolute_url("//cdn.example.org/x", page)
    assert "http://cdn.example.org/x" == absolute_url(" http://cdn.example.org/x\n", page)
    assert "https://mirror.example.org/" == absolute_url("../../../../../", page)


@pytest.mark.parametrize(
    "link", ["six\n.whl", "https://x.example.org/\0x", "//[x/six.whl", "six\x7f.whl"]
)
def test_a_link_that_is_none_is_refused(link: str) -> None:
    """Control characters and broken hosts are no URL."""
    with pytest.raises(PageError):
        absolute_url(link, "https://mirror.example.org/simple/six/")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://x.example.org/a/six-1.0.tar.gz?x=/y#z/w", "six-1.0.tar.gz"),
        ("https://x.example.org/six%2B1.whl", "six+1.whl"),
        ("https://x.example.org/a%2Fb.whl", "a/b.whl"),
        ("https://x.example.org/a/", ""),
        ("https://x.example.org", ""),
    ],
)
def test_the_last_component_is_decoded(url: str, name: str) -> None:
    """The name is that of the path alone; an encoded slash shows as one."""
    assert name == last_component(url)


def test_the_last_component_of_no_url_is_refused() -> None:
    """A URL that cannot be taken apart has no file name."""
    with pytest.raises(PageError):
        last_component("https://[::1/six.whl")
