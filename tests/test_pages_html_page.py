"""A project's HTML page to the model."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.model import File, Project
from app.names import Filename, FilePath, parse_project
from app.pages.errors import PageError
from app.pages.html_page import parse_html
from app.pages.json_page import parse_json
from app.pages.places import PackagePlaces
from app.pages.values import Mark

DATA = Path(__file__).parent / "data" / "pages"
SIX = parse_project("six")
URL = "https://pypi.org/simple/six/"
PYPI = "https://files.pythonhosted.org/packages/"
PLACES = PackagePlaces((PYPI,), explicit=False)
DIGEST = "ab" * 32
HREF = f"{PYPI}aa/bb/{'cc' * 30}/six-1.0.tar.gz"
HEAD = '<meta name="pypi:repository-version" content="1.0">'


def read(text: str, url: str = URL) -> Project:
    """Return the project of a page that calls itself one."""
    return parse_html((HEAD + text).encode(), SIX, url, PLACES)


def only(attributes: str = "", href: str = HREF) -> File:
    """Return the one file of a page whose link has these attributes."""
    project = read(f'<a href="{href}" {attributes}>anything</a>')
    assert () == project.refused
    return project.files[0]


def test_pypis_html_says_the_same_as_its_json() -> None:
    """What HTML can hold is read as from the JSON of the same page."""
    found = parse_html((DATA / "six.html").read_bytes(), SIX, URL, PLACES)
    json = parse_json((DATA / "six.json").read_bytes(), SIX, URL, PLACES)
    for html_file, json_file in zip(found.files, json.files, strict=True):
        assert (json_file.path, json_file.hashes) == (html_file.path, html_file.hashes)
        assert (json_file.yanked, json_file.extra) == (html_file.yanked, html_file.extra)
        assert json_file.requires_python == html_file.requires_python
        assert json_file.core_metadata == html_file.core_metadata
    assert (json.serial, json.status) == (found.serial, found.status)
    assert found.versions is None
    assert () == found.refused


def test_devpis_page_is_read() -> None:
    """Relative links, a digest or not, encoded characters, a title of its own."""
    body = (DATA / "six-devpi.html").read_bytes()
    project = parse_html(body, SIX, "https://devpi.example.org/root/dev/+simple/six/", PLACES)
    wheel, sdist = project.files
    name = "six-1.16.0-py2.py3-none-any.whl"
    digest = "8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254"
    assert (
        File(
            filename=Filename(name),
            path=FilePath(f"8a/bb/{digest[4:]}/{name}"),
            hashes={"sha256": digest},
            origin=f"https://devpi.example.org/root/dev/+f/8ab/b2f1d86890a2d/{name}",
            requires_python=">=2.7, !=3.0.*, !=3.1.*, !=3.2.*",
        )
        == wheel
    )
    assert "six-1.17.0.dev1+ours.tar.gz" == sdist.filename
    assert {"md5": "a0387fe15662c71057b4fb2b7aa9056a"} == sdist.hashes
    assert sdist.path.endswith("/six-1.17.0.dev1+ours.tar.gz")


@pytest.mark.parametrize(
    ("attribute", "mark"),
    [
        ("", False),
        ("data-yanked", True),
        ('data-yanked=""', True),
        ('data-yanked="broken"', "broken"),
        ('data-yanked="&quot;&gt;&lt;script&gt;"', '"><script>'),
        ('data-yanked="false"', "false"),
    ],
)
def test_presence_is_a_yank(attribute: str, mark: Mark) -> None:
    """PEP 592: the attribute may have no value, and then there is no reason."""
    assert mark == only(attribute).yanked


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ("", None),
        (f"data-core-metadata=sha256={DIGEST.upper()}", {"sha256": DIGEST}),
        ("data-core-metadata=true", {}),
        ("data-core-metadata=True", {}),
        ("data-core-metadata=false", None),
        ("data-core-metadata", None),
        ("data-core-metadata=sha256=short", None),
        (f"data-dist-info-metadata=sha256={DIGEST}", {"sha256": DIGEST}),
        (f"data-dist-info-metadata=true data-core-metadata=sha256={DIGEST}", {"sha256": DIGEST}),
        ("data-dist-info-metadata=true data-core-metadata=false", None),
    ],
)
def test_a_companion_is_announced_under_either_name(
    attributes: str, expected: dict[str, str] | None
) -> None:
    """PEP 714: the new name decides where it is there; what is unclear is not believed."""
    assert expected == only(attributes).core_metadata


@pytest.mark.parametrize(
    ("fragment", "hashes"),
    [
        ("", {}),
        ("#", {}),
        (f"#sha256={DIGEST}", {"sha256": DIGEST}),
        (f"#SHA256={DIGEST.upper()}", {"sha256": DIGEST}),
        ("#sha1=" + "ab" * 20, {"sha1": "ab" * 20}),
        (f"#egg=six&amp;sha256={DIGEST}", {"sha256": DIGEST}),
        ("#subdirectory=x", {}),
        ("#sha256=", {}),
    ],
)
def test_the_fragment_has_the_digest(fragment: str, hashes: dict[str, str]) -> None:
    """PEP 503's `#<hashname>=<hashvalue>`, and setuptools' older mixtures."""
    assert hashes == only(href=HREF + fragment).hashes


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        ("", None),
        ("data-gpg-sig=true", True),
        ("data-gpg-sig=false", False),
        ("data-gpg-sig=perhaps", None),
    ],
)
def test_a_signature_may_be_announced(attribute: str, expected: object) -> None:
    """PEP 503: `true`, `false`, or not said."""
    assert expected is only(attribute).gpg_sig


def test_the_url_names_the_file() -> None:
    """The text of a link may be cut or hostile; the last component decides."""
    found = read(f'<a href="{HREF}"><b>../six…</b></a>').files[0]
    assert "six-1.0.tar.gz" == found.filename


@pytest.mark.parametrize("name", ["six-1.0%2Bcpu.whl", "six-1.0+cpu.whl", "six-1%210%2bcpu.whl"])
def test_encoded_names_are_decoded_once(name: str) -> None:
    """`%2B` and `+` are one name; `%252B` would be another, which no file has."""
    assert only(href=HREF.replace("six-1.0.tar.gz", name)).filename in {
        "six-1.0+cpu.whl",
        "six-1!0+cpu.whl",
    }
    assert () == read(f'<a href="{HREF.replace("six-", "six%252B")}">x</a>').files


@pytest.mark.parametrize(
    "href",
    [
        "",
        "../",
        "/login",
        "https://example.org/six",
        "index.html",
        "six-1.0.tar.gz.asc",
        "#top",
        "file:///etc/six-1.0.tar.gz",
        "javascript:alert(1)//six-1.0.tar.gz",
        "mailto:six@example.org",
        f"{PYPI}a/..",
        f"{PYPI}a/%2E%2E",
        f"{PYPI}a/..%2F..%2Fetc%2Fpasswd",
        f"{PYPI}a%5Cb.whl",
        f"{PYPI}.hidden.whl",
        f"{PYPI}six\n.whl",
        f"{PYPI}six%00.whl",
        f"{PYPI}six-1.0-py3-none-any.whl.metadata",
        "https://[::1/six.whl",
        f"{HREF}#sha256=short",
        f"{PYPI}{'x' * 2_000_000}",
    ],
)
def test_a_bad_link_is_left_out_with_its_reason(href: str) -> None:
    """The page keeps its others, and the reason is short and on one line."""
    project = read(f'<a href="{href}">six-1.0.zip</a><a name=x><a href="{HREF}">six</a>')
    assert ["six-1.0.tar.gz"] == [file.filename for file in project.files]
    (reason,) = project.refused
    assert len(reason) < 400
    assert reason.isprintable()


def test_links_are_relative_to_the_page() -> None:
    """A page at any depth, and links that climb beyond the root."""
    for link in ("../../packages/x/six-1.0.zip", "/packages/x/six-1.0.zip"):
        assert "https://pypi.org/packages/x/six-1.0.zip" == only(href=link).origin


@pytest.mark.parametrize(
    ("base", "origin"),
    [
        ("https://cdn.example.org/files/", "https://cdn.example.org/files/six-1.0.zip"),
        ("../../other/", "https://pypi.org/other/six-1.0.zip"),
        ("//cdn.example.org", "https://cdn.example.org/six-1.0.zip"),
    ],
)
def test_the_base_is_honoured(base: str, origin: str) -> None:
    """The first `base href` counts, wherever it stands."""
    project = read(
        f'<a href="six-1.0.zip">x</a><base target=x><base href="{base}"><base href="/no/">'
    )
    assert [origin] == [file.origin for file in project.files]


def test_a_base_of_another_scheme_gives_no_files() -> None:
    """A script is no place for files, not even by way of the base."""
    assert () == read('<base href="javascript:x/"><a href="six-1.0.zip">x</a>').files


@pytest.mark.parametrize("content", ["1.0", "1.4", "1.5"])
def test_every_minor_version_is_read(content: str) -> None:
    """PEP 629: only the major version counts."""
    body = f'<META CONTENT={content} NAME="PyPI:Repository-Version">'.encode()
    assert Project(name=SIX) == parse_html(body, SIX, URL, PLACES)


def test_another_major_version_is_refused() -> None:
    """PEP 629 for HTML: `pypi:repository-version`."""
    body = f'<meta name="pypi:repository-version" content="2.0"><a href="{HREF}">x</a>'.encode()
    with pytest.raises(PageError, match=r"API version '2\.0'"):
        parse_html(body, SIX, URL, PLACES)


def test_a_quarantined_project_has_a_status_and_no_files() -> None:
    """PEP 792 for HTML: two `meta` elements."""
    project = read(
        '<meta name="pypi:project-status" content="quarantined">'
        '<meta name="pypi:project-status-reason" content="mal&amp;ware">'
    )
    assert Project(name=SIX, status="quarantined", status_reason="mal&ware") == project
    assert read('<meta name="pypi:project-status-reason" content="x">').status_reason is None


def test_a_page_of_another_project_is_refused() -> None:
    """A title that names another project is believed; PyPI's names none but its own."""
    with pytest.raises(PageError, match="not of 'six'"):
        read(f'<title>Links for seven</title><a href="{HREF}">x</a>')
    assert read(f'<title>Links for SIX</title><a href="{HREF}">x</a>').files
    assert read(f'<title>six — simple</title><a href="{HREF}">x</a>').files


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0" * 1000,
        b"Not Found",
        b'{"files": []}',
        b"\x1f\x8b\x08\x00garbage",
        b"<html><title>Log in</title><form><a href='/login'>Log in</a></form></html>",
        "<title>Links for six</title>".encode("utf-16"),
    ],
)
def test_what_is_no_page_is_refused(body: bytes) -> None:
    """A log-in form or an error must not empty a project."""
    with pytest.raises(PageError, match="no files"):
        parse_html(body, SIX, URL, PLACES)


@pytest.mark.parametrize(
    "title", ["Links for six", "root/pypi: links for six", "Simple Index", "Index of /six/"]
)
def test_an_empty_page_that_says_what_it_is_is_one(title: str) -> None:
    """A project may have no files."""
    body = f"<title>{title}</title>".encode()
    assert Project(name=SIX) == parse_html(body, SIX, URL, PLACES)


def test_a_cut_page_is_refused() -> None:
    """The end of PyPI's page may be missing after any tag, but not inside one."""
    body = (DATA / "six.html").read_bytes()
    with pytest.raises(PageError, match="ends inside"):
        parse_html(body[: body.index(b"data-core-metadata")], SIX, URL, PLACES)


def test_the_serial_is_the_comments() -> None:
    """Only a comment of exactly PyPI's form, and a number that can be one."""
    assert 26543842 == read("<!--SERIAL 26543842-->").serial
    assert read("<!-- SERIAL none -->").serial is None
    assert read(f"<!--SERIAL {2**63}-->").serial is None
    assert read('<p title="<!--SERIAL 5-->">').serial is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("\ufeffé".encode(), "é"),
        ("é".encode(), "é"),
        (b"\xe9\xff", "\ufffd\ufffd"),
        (b"<meta charset=iso-8859-1>\xe9", "é"),
        (b'<meta http-equiv=Content-Type content="text/html; charset=latin1">\xe9', "é"),
        (b"<meta charset=no-such>\xe9", "\ufffd"),
    ],
)
def test_a_page_in_another_encoding_keeps_its_files(body: bytes, reason: str) -> None:
    """A wrong byte costs a character of a reason, not the page."""
    mark, start, text = body.rpartition(b">") if b">" in body else (b"", b"", body)
    bom = b"\xef\xbb\xbf" if text.startswith(b"\xef\xbb\xbf") else b""
    written = f'<a href="{HREF}" data-yanked="'.encode() + text.removeprefix(bom) + b'">x</a>'
    project = parse_html(bom + mark + start + written, SIX, URL, PLACES)
    assert [reason] == [file.yanked for file in project.files]


@given(st.text(st.sampled_from("<>!-/ ahref='\"&;#\n\0:.%2")) | st.text(), st.binary(max_size=20))
def test_any_body_is_a_page_or_refused(text: str, more: bytes) -> None:
    """No bytes raise anything but `PageError`."""
    body = HEAD.encode() + text.encode("utf-8", "replace") + more
    try:
        parse_html(body, SIX, URL, PLACES)
    except PageError:
        return
