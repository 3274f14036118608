"""Where a file's provenance is (PEP 740): upstream's URL, and the link to our own copy."""

import re
from dataclasses import replace
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)

from app.model import File, Project
from app.names import Filename, InvalidNameError, Version, parse_version
from app.pages import values
from app.pages.errors import PageError
from app.pages.places import absolute_url

INTEGRITY_URL: Final = "../../integrity/"
"""From a project's page to the provenance of its files."""

# PyPI's form; it is the specification's example, too.
_TAIL: Final = re.compile(r"/integrity/[^/]+/([^/]+)/[^/]+/provenance/?")

_UNKNOWN: Final = Version("0")


def upstream_link(link: object, page_url: str) -> str | None:
    """Return the URL that a page gives, or None where it gives none that can be fetched.

    What cannot be fetched is not announced: without provenance a file is as good as
    most are.
    """
    text = values.text(link)
    if text is None:
        return None
    try:
        url = absolute_url(text, page_url)
        parts = urlsplit(url)
    except (PageError, ValueError):
        return None
    return url if parts.scheme in {"http", "https"} and parts.hostname else None


def with_own_links(project: Project) -> Project:
    """Return the project with links to our own copies in place of upstream's."""
    if not any(file.provenance for file in project.files):
        return project
    files = tuple(_with_own_link(file, project) for file in project.files)
    return replace(project, files=files)


def release_of(url: str, filename: Filename) -> Version:
    """Return the version that stands in our own link: upstream's, or the file name's.

    >>> release_of("https://pypi.org/integrity/six/1.0/six-1.0.zip/provenance", "six-1.0.zip")
    '1.0'
    """
    try:
        if match := _TAIL.search(urlsplit(url).path):
            return parse_version(unquote(match[1]))
        parse = parse_wheel_filename if filename.endswith(".whl") else parse_sdist_filename
        return parse_version(str(parse(filename)[1]))
    except (InvalidNameError, InvalidWheelFilename, InvalidSdistFilename, ValueError):
        return _UNKNOWN


def _with_own_link(file: File, project: Project) -> File:
    if file.provenance is None:
        return file
    version = release_of(file.provenance, file.filename)
    place = quote(f"{project.name}/{version}/{file.filename}")
    return replace(file, provenance=f"{INTEGRITY_URL}{place}/provenance")
