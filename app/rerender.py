"""Pages from what is here: what larder once wrote is read back, and nobody is asked."""

import zlib

from app import pages
from app.model import Project
from app.names import ProjectName
from app.pages import FILES_URL, PageError
from app.shelf import Shelf
from app.sources import Sources
from app.store import Store, TrackedProject
from app.tree import CANONICAL_HTML, CANONICAL_JSON, HTML, JSON, Pages

_GZIP = 16 + zlib.MAX_WBITS
"""What has zlib read the format of gzip."""


class LostPageError(Exception):
    """What is here of a project does not suffice to render its pages."""


class OwnPages:
    """The pages that are here, read back."""

    def __init__(self, store: Store, shelf: Shelf, sources: Sources, *, keep_deleted: bool) -> None:
        """Read them there; with `keep_deleted` the store may list files that no page does."""
        self._store, self._shelf, self._keep_deleted = store, shelf, keep_deleted
        self._sources = sources

    def read(self, known: TrackedProject) -> Project:
        """Return a project as upstream's page had it; whoever asks holds its lock.

        Where filters hide something, it is read from what was kept for that (`app.sources`).

        Raises:
            LostPageError: The page is missing, damaged, edited, or of another serial than
                the store's; or the store does not know all of its files.

        """
        project = self._whole(known) or self._parsed(known.name, self._json(known.name))
        if project.serial != known.serial:
            # A run was killed between the page and the store, or a hand was at work.
            raise LostPageError(f"the page is of serial {project.serial}, not {known.serial}")
        listed = {file.path for file in project.files}
        if listed != self._store.sources(known.name).keys() and not self._keep_deleted:
            raise LostPageError("the page lists other files than the store")
        return project

    def _whole(self, known: TrackedProject) -> Project | None:
        """Return what was kept of the very page that is known, if anything was."""
        try:
            kept = self._sources.page(known.name)
        except ValueError as error:
            raise LostPageError(str(error)) from error
        if kept is None:
            return None
        project = self._parsed(known.name, kept)
        # A kill leaves that of another serial; the page is right then.
        return project if known.hidden or project.serial == known.serial else None

    def _parsed(self, name: ProjectName, page: bytes) -> Project:
        try:
            return pages.parse_own(page, name, self._store.sources(name))
        except PageError as error:
            raise LostPageError(str(error)) from error

    def same(self, name: ProjectName, rendered: Pages) -> bool:
        """Whether these very pages are on the disk."""
        html, json = rendered.canonical or (None, None)
        wanted = {
            HTML: b"".join(rendered.html),
            JSON: b"".join(rendered.json),
            CANONICAL_HTML: html,
            CANONICAL_JSON: json,
        }
        return all(self._bytes(name, place) == page for place, page in wanted.items())

    def _json(self, name: ProjectName) -> bytes:
        """Return the JSON page, if it is as it was written.

        Its compressed twin has a checksum, and tells also what was edited since.
        """
        plain, packed = self._bytes(name, JSON), self._bytes(name, JSON + ".gz")
        if plain is None or packed is None:
            raise LostPageError("the page, or its compressed twin, is not here")
        reader = zlib.decompressobj(_GZIP)
        try:
            # One byte more than is right: a twin that says something else may be huge.
            same = reader.decompress(packed, len(plain) + 1) == plain and reader.eof
        except zlib.error as error:
            raise LostPageError(f"the compressed twin of the page is damaged: {error}") from error
        if not same:
            raise LostPageError("the page and its compressed twin do not say the same")
        return plain

    def _bytes(self, name: ProjectName, place: str) -> bytes | None:
        path = self._shelf.find(name, place)
        return path.read_bytes() if path else None


def render(
    project: Project, legacy: bytes | None = None, canonical_url: str | None = None
) -> Pages:
    """Return a project's pages in both formats, as larder serves them.

    `canonical_url` is where clients find upstream's files, if there shall be pages with
    upstream's own links as well.
    """
    ours, canonical = pages.with_own_links(project), None
    if canonical_url is not None:
        canonical = (
            pages.render_html(project, canonical_url, origins=True),
            pages.render_json(project, canonical_url, origins=True),
        )
    return Pages(
        html=(pages.render_html(ours, FILES_URL),),
        json=(pages.render_json(ours, FILES_URL),),
        serial=project.serial,
        legacy=legacy,
        canonical=canonical,
    )
