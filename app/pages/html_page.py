"""A project's page as HTML (PEP 503 and its successors) to the model."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from app.model import File, Project
from app.names import ProjectName
from app.pages import values
from app.pages.errors import PageError
from app.pages.listing import admit
from app.pages.markup import COMMENT, Element, elements
from app.pages.places import PackagePlaces, absolute_url, last_component
from app.pages.provenance import upstream_link

# PyPI and bandersnatch put the serial at the end of the page.
_SERIAL: Final = re.compile(r"\s*SERIAL ([0-9]{1,19})\s*")
_TITLE: Final = re.compile(r"\s*links for\s+(\S+)\s*", re.IGNORECASE)
# What a page without files calls itself, if it is one: PyPI, devpi, pypiserver,
# Nexus; Artifactory; a plain folder.
_EMPTY: Final = re.compile(r"links for|simple index|index of", re.IGNORECASE)
# The standard reads "latin-1" as Windows' code page. Any other page is UTF-8.
_LATIN: Final = re.compile(
    rb"""charset\s*=\s*["']?\s*(?:iso-8859-1|latin-?1|windows-1252|us-ascii)["'\s;/>]""",
    re.IGNORECASE,
)
# Pages link to other things too: a home page, the folder above, a log-in form.
_DISTRIBUTIONS: Final = (
    *(".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tar.lz", ".tlz"),
    *(".tar.lzma", ".tar.z", ".tar", ".egg", ".exe", ".msi", ".rpm", ".deb", ".dmg"),
)
_HASHES: Final = frozenset({"md5", "sha1", "sha224", "sha256", "sha384", "sha512"})
_SIGNED: Final = {"true": True, "false": False}


@dataclass(slots=True)
class _Page:
    """What is of interest on a page, as it was written."""

    anchors: list[Mapping[str, str]] = field(default_factory=list)
    meta: dict[str, str] = field(default_factory=dict)
    base: str = ""
    title: str = ""
    serial: int | None = None

    def add(self, element: Element) -> None:
        attributes = element.attributes
        if element.name == "a":
            if "href" in attributes:
                self.anchors.append(attributes)
        elif element.name == "meta":
            self.meta.setdefault(attributes.get("name", "").lower(), attributes.get("content", ""))
        elif element.name == "base":
            self.base = self.base or attributes.get("href", "")
        elif element.name == "title":
            self.title = self.title or element.text
        elif element.name == COMMENT and (match := _SERIAL.fullmatch(element.text)):
            self.serial = values.number(int(match[1]))


def parse_html(body: bytes, name: ProjectName, url: str, places: PackagePlaces) -> Project:
    """Return the project on the page that was fetched from `url`.

    Raises:
        PageError: It is no such page, cut, of another project, or of another major
            version.

    """
    page = _Page()
    for element in elements(_decode(body)):
        page.add(element)
    values.check_version(page.meta.get("pypi:repository-version"))
    if title := _TITLE.fullmatch(page.title):
        values.check_name(title[1], name)
    base = absolute_url(page.base, url)
    files, refused = admit(
        page.anchors,
        lambda attributes: _file(attributes, base, places),
        lambda attributes: attributes["href"],
    )
    if not files:
        _check_empty(page)
    status = values.text(page.meta.get("pypi:project-status"))
    return Project(
        name=name,
        files=files,
        serial=page.serial,
        status=status,
        status_reason=values.text(page.meta.get("pypi:project-status-reason")) if status else None,
        refused=refused,
    )


def _decode(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        # File names and digests are ASCII: a wrong byte in a reason costs that byte.
        latin = _LATIN.search(body, 0, 1024)
        return body.decode("cp1252" if latin else "utf-8-sig", "replace")


def _check_empty(page: _Page) -> None:
    """Refuse a page without files that does not say what it is: a log-in form, say."""
    if "pypi:repository-version" not in page.meta and not _EMPTY.search(page.title):
        raise PageError("the page has no files and does not call itself a page of the simple index")


def _file(attributes: Mapping[str, str], base: str, places: PackagePlaces) -> File:
    link, _, fragment = attributes["href"].partition("#")
    address = absolute_url(link, base)
    # The text of the link says nothing else, or something wrong.
    filename = values.file_name(last_component(address))
    if not filename.lower().endswith(_DISTRIBUTIONS):
        raise PageError("it is no distribution by its suffix")
    hashes = _fragment_hashes(fragment)
    path, origin = places.locate(address, filename, hashes)
    return File(
        filename=filename,
        path=path,
        hashes=hashes,
        origin=origin,
        requires_python=values.text(attributes.get("data-requires-python")),
        yanked="data-yanked" in attributes and values.yanked(attributes["data-yanked"]),
        core_metadata=_companion(attributes),
        gpg_sig=_SIGNED.get(attributes.get("data-gpg-sig", "").lower()),
        provenance=upstream_link(attributes.get("data-provenance"), base),
    )


def _fragment_hashes(fragment: str) -> Mapping[str, str]:
    """Return the digests in `#sha256=…`, also in setuptools' `#egg=…&md5=…`."""
    if not fragment:
        return {}
    pairs = (pair.partition("=") for pair in fragment.strip().split("&"))
    return values.digests({name: value for name, _, value in pairs if name.lower() in _HASHES})


def _companion(attributes: Mapping[str, str]) -> Mapping[str, str] | None:
    """Return PEP 714's announcement: "true" or a digest, under the new or old name."""
    for key in ("data-core-metadata", "data-dist-info-metadata"):
        if key in attributes:
            name, equals, digest = attributes[key].strip().partition("=")
            if equals:
                return values.companion({name: digest})
            return {} if name.lower() == "true" else None
    return None
