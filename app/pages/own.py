"""A page of our own to the model, so that it can be rendered again without a fetch.

The JSON page has every key that upstream sent, apart from the links: a file's path is in
its URL, and where upstream has it, and its provenance, the store knows.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from app.model import File, Project, Source
from app.names import FilePath, ProjectName
from app.pages.errors import PageError
from app.pages.json_page import parse_json
from app.pages.places import PackagePlaces

FILES_URL: Final = "../../packages/"
"""From a project's page to the files: relative, so that any host name will do."""

# Links are relative, and so need a place to start from; nobody is asked there.
_PAGE: Final = "https://mirror.invalid/simple/{}/"
_PLACES: Final = PackagePlaces(("https://mirror.invalid/packages/",), explicit=True)


def parse_own(body: bytes, name: ProjectName, sources: Mapping[FilePath, Source]) -> Project:
    """Return the project as it was on upstream's page, from our own page of it.

    `sources` are the files that the store knows to be listed. Any format that a larder
    has ever written must be read here: `FORMAT` tells pages apart only in the store.

    Raises:
        PageError: It is not a page that larder wrote, or not all of it is known.

    """
    page = parse_json(body, name, _PAGE.format(name), _PLACES)
    if page.refused:
        raise PageError(f"the page has what larder does not write: {page.refused[0]}")
    return replace(page, files=tuple(_with_source(file, sources) for file in page.files))


def _with_source(file: File, sources: Mapping[FilePath, Source]) -> File:
    # What another project listed first is that one's in the store.
    source = sources.get(file.path)
    if file.origin is not None or source is None or source.sha256 != file.sha256:
        raise PageError(f"the page lists {file.filename}, and the store knows another")
    if (source.provenance is None) != (file.provenance is None):
        raise PageError(f"the page and the store disagree on the provenance of {file.filename}")
    return replace(file, origin=source.origin, provenance=source.provenance)
