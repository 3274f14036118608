"""What lies beside the pages, where nginx does not find it."""

from typing import Protocol
from urllib.parse import quote

import falcon

from app.documents import Kept, Unkept
from app.names import (
    Filename,
    ProjectName,
    Version,
    parse_filename,
    parse_project,
    parse_version,
)
from app.upstream import NoSuchProject
from app.web.absent import AbsentNames
from app.web.decisions import IN_A_URL
from app.web.errors import NOT_UPSTREAM
from app.web.simple import Questions

FOLDER_HEADER = "X-Larder-Folder"
DOCUMENT_HEADER = "X-Larder-Document"
"""Where the document is below the project's folder; for nginx, clients never see it."""

SERIAL_HEADER = "X-PyPI-Last-Serial"


class Asking(Protocol):
    """What fetches documents: `app.documents.Documents`."""

    def legacy(self, name: ProjectName) -> Kept | Unkept:
        """Return that of a project; raises NoSuchProject, UpstreamError, LockTimeoutError."""
        ...

    def release(self, name: ProjectName, version: Version) -> Kept | Unkept:
        """Return that of a release; raises as `legacy` does."""
        ...

    def provenance(self, name: ProjectName, version: Version, filename: Filename) -> str | None:
        """Keep a file's provenance, or return where the client may ask; raises NoSuchFile."""
        ...


class LegacyDesk:
    """Asks for legacy JSON, but not twice in a minute for what upstream does not have."""

    def __init__(self, prefix: str, questions: Questions, documents: Asking) -> None:
        """Redirect below a prefix of URLs; `questions` bring the project itself in."""
        self._prefix, self._questions, self._documents = prefix, questions, documents
        self._absent = AbsentNames()

    def answer(self, resp: falcon.Response, text: str, version: Version | None) -> None:
        """Answer with the document, or with the redirect to its one spelling."""
        name = parse_project(text)
        if text != name:
            tail = f"{name}/{version}" if version else name
            _redirect(resp, f"{self._prefix}/{tail}/json")
            return
        self._questions.ask(name)
        _send(resp, self._fetched(name, version))

    def _fetched(self, name: ProjectName, version: Version | None) -> Kept | Unkept:
        questions, key = self._questions, ProjectName(f"{name}/{version or ''}")
        if self._absent.has(key, questions.clock()):
            raise falcon.HTTPNotFound(description=NOT_UPSTREAM)
        try:
            with questions.places.one():
                if version is None:
                    return self._documents.legacy(name)
                return self._documents.release(name, version)
        except NoSuchProject:
            self._absent.add(key, questions.clock())
            raise


class LegacyResource:
    """`/legacy/{name}`: a project's legacy JSON."""

    def __init__(self, desk: LegacyDesk) -> None:
        """Ask this desk."""
        self._desk = desk

    def on_get(self, _req: falcon.Request, resp: falcon.Response, name: str) -> None:
        """Answer with the document's place."""
        self._desk.answer(resp, name, None)

    on_head = on_get


class ReleaseResource:
    """`/legacy/{name}/{version}`: a release's legacy JSON."""

    def __init__(self, desk: LegacyDesk) -> None:
        """Ask this desk."""
        self._desk = desk

    def on_get(self, _req: falcon.Request, resp: falcon.Response, name: str, version: str) -> None:
        """Answer with the document's place, or with the document where it is not kept."""
        self._desk.answer(resp, name, parse_version(version))

    on_head = on_get


class ProvenanceResource:
    """`/provenance/{name}/{version}/{filename}`: a file's provenance (PEP 740)."""

    def __init__(self, prefix: str, questions: Questions, documents: Asking) -> None:
        """Redirect below a prefix of URLs; `questions` bring the project itself in."""
        self._prefix, self._questions, self._documents = prefix, questions, documents

    def on_get(self, _req: falcon.Request, resp: falcon.Response, **segments: str) -> None:
        """Answer with the document's place, or with upstream's."""
        name, version = parse_project(segments["name"]), parse_version(segments["version"])
        filename = parse_filename(segments["filename"])
        if segments["name"] != name:
            place = quote(f"{name}/{version}/{filename}")
            _redirect(resp, f"{self._prefix}/integrity/{place}/provenance")
            return
        self._questions.ask(name)
        with self._questions.places.one():
            elsewhere = self._documents.provenance(name, version, filename)
        if elsewhere is not None:
            resp.status = falcon.HTTP_302
            resp.set_header("Location", quote(elsewhere, safe=IN_A_URL))
            resp.content_type = falcon.MEDIA_TEXT
            return
        resp.status = falcon.HTTP_204
        resp.set_header("X-Accel-Redirect", "@provenance")

    on_head = on_get


def _redirect(resp: falcon.Response, location: str) -> None:
    resp.status = falcon.HTTP_301
    resp.set_header("Location", location)
    resp.content_type = falcon.MEDIA_TEXT


def _send(resp: falcon.Response, found: Kept | Unkept) -> None:
    if isinstance(found, Kept):
        # No content, so no Content-Type, which nginx would take over.
        resp.status = falcon.HTTP_204
        resp.set_header("X-Accel-Redirect", "@legacy")
        resp.set_header(FOLDER_HEADER, found.folder)
        resp.set_header(DOCUMENT_HEADER, found.document)
        return
    resp.data = found.body
    resp.content_type = falcon.MEDIA_JSON
    resp.cache_control = ["public", "max-age=600"]
    resp.set_header("Access-Control-Allow-Origin", "*")
    resp.set_header("X-Content-Type-Options", "nosniff")
    if found.serial is not None:
        resp.set_header(SERIAL_HEADER, str(found.serial))
