"""From a request to an answer: routes, formats, conditions and ranges."""

import gzip
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import quote, unquote

from packaging.utils import canonicalize_name

from tests.fake_pypi.answers import Answer, Request, redirect, text
from tests.fake_pypi.catalogue import Catalogue, FakeFile, FakeProject
from tests.fake_pypi.options import Options
from tests.fake_pypi.pages import Pages, xmlrpc_changelog, xmlrpc_fault, xmlrpc_list

_JSON = "application/vnd.pypi.simple.v1+json"
_V1_HTML = "application/vnd.pypi.simple.v1+html"
_HTML = "text/html; charset=utf-8"
# RFC 9110, 14.1.2; more than one range is answered whole, as servers may.
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class _Page(NamedTuple):
    """A rendered page, plain and packed."""

    # What it was rendered from: another object means another state.
    source: object
    plain: Answer
    packed: Answer


@dataclass(frozen=True)
class _Form:
    """A form of a page: what its cache, its type and its text are named."""

    key: str
    content_type: str
    vary: str = "Accept, Accept-Encoding"


class Site:
    """What the fake answers while nothing is wrong."""

    def __init__(self, catalogue: Catalogue, options: Options, url: str) -> None:
        """Serve a catalogue."""
        self._catalogue = catalogue
        self._options = options
        self._pages = Pages(options, url)
        self._cache: dict[str, _Page] = {}
        before, _, after = options.legacy_path.partition("{project}")
        self._legacy = re.compile(f"{re.escape(before)}([^/]+)(?:/([^/]+))?{re.escape(after)}")

    def answer(self, request: Request) -> Answer:
        """Return the answer to a request."""
        path = unquote(request.path.partition("?")[0])
        if request.method == "POST":
            return self._xmlrpc(path, request.body)
        if request.method not in {"GET", "HEAD"}:
            return text(405, "405 Method Not Allowed\n")
        if file := self._catalogue.files.get(path.removesuffix(".metadata")):
            return self._file(file, request, companion=path.endswith(".metadata"))
        return self._index(path, request)

    def _index(self, path: str, request: Request) -> Answer:
        """Answer a page, by its path."""
        if path == self._options.simple_path:
            return self._root(request)
        if path.startswith(self._options.simple_path):
            return self._project(path.removeprefix(self._options.simple_path), request)
        if self._options.legacy_json and (match := self._legacy.fullmatch(path)):
            return self._legacy_json(match[1], match[2], request)
        return _not_found()

    def _project(self, name: str, request: Request) -> Answer:
        """Answer a project's page, or the redirect to its name and slash."""
        normalised = canonicalize_name(name.strip("/"))
        if name != f"{normalised}/":
            return redirect(f"{self._options.simple_path}{quote(normalised)}/")
        project = self._catalogue.served(normalised)
        if project is None:
            return _not_found()
        form = self._form(f"page {normalised}", request)
        render = self._pages.json_page if form.content_type == _JSON else self._pages.html_page
        return self._page(form, project, lambda: render(project), request)

    def _root(self, request: Request) -> Answer:
        """Answer the list of projects."""
        form = self._form("root", request)
        serial = self._catalogue.serial
        listed = list(self._catalogue.listed(quarantined=False))

        def render() -> bytes:
            if form.content_type == _JSON:
                return self._pages.json_root(listed, serial)
            return self._pages.html_root(listed)

        return self._page(form, (serial, listed), render, request)

    def _form(self, key: str, request: Request) -> _Form:
        """Return the form that Accept asks for, as far as the index has it."""
        accept = request.headers.get("accept", "").replace("latest", "v1")
        if self._options.kind == "json" and _JSON in accept:
            return _Form(f"{key} json", _JSON)
        if self._options.kind == "json" and _V1_HTML in accept:
            return _Form(f"{key} v1", _V1_HTML)
        return _Form(f"{key} html", _HTML)

    def _legacy_json(self, name: str, version: str | None, request: Request) -> Answer:
        """Answer legacy JSON, or the redirect to the normalised name."""
        normalised = canonicalize_name(name)
        if name != normalised:
            tail = f"{quote(normalised)}/{version}" if version else quote(normalised)
            return redirect(self._options.legacy_path.replace("{project}", tail))
        project = self._catalogue.served(normalised)
        known = project is not None and (version is None or version in project.versions)
        if project is None or not known or project.status == "quarantined":
            return text(404, '{"message": "Not Found"}', "application/json")
        form = _Form(f"legacy {name} {version}", "application/json", "Accept-Encoding")
        return self._page(form, project, lambda: self._pages.legacy(project, version), request)

    def _page(
        self, form: _Form, source: object, render: Callable[[], bytes], request: Request
    ) -> Answer:
        """Answer a page from the cache, or 304."""
        page = self._cache.get(form.key)
        if page is None or (page.source is not source and page.source != source):
            serial = source.serial if isinstance(source, FakeProject) else None
            page = _pack(source, self._headers(form, serial), render())
            self._cache[form.key] = page
        if self._options.validators:
            etag = page.plain.headers["ETag"]
            if etag in request.headers.get("if-none-match", ""):
                return _not_modified(page.plain)
        return page.packed if "gzip" in request.headers.get("accept-encoding", "") else page.plain

    def _headers(self, form: _Form, serial: int | None) -> dict[str, str]:
        """Return a page's headers, without an ETag."""
        headers = {
            "Content-Type": form.content_type,
            "Vary": form.vary,
            "Cache-Control": "max-age=600, public",
        }
        if self._options.serials:
            last = self._catalogue.serial if serial is None else serial
            headers["X-PyPI-Last-Serial"] = str(last)
        return headers if self._options.validators else {**headers, "ETag": ""}

    def _xmlrpc(self, path: str, body: bytes) -> Answer:
        """Answer the calls that a mirror makes; the changelog has each project's last change."""
        if self._options.serials != "xmlrpc" or path.rstrip("/") != "/pypi":
            return text(405, "405 Method Not Allowed\n")
        if b"<methodName>list_packages_with_serial</methodName>" in body:
            answer = xmlrpc_list(self._catalogue.listed(quarantined=True))
        elif b"<methodName>changelog_since_serial</methodName>" in body:
            answer = xmlrpc_changelog(body, self._catalogue.changes())
        else:
            answer = xmlrpc_fault(-32601, "server error; requested method not found")
        return Answer(200, {"Content-Type": "text/xml; charset=UTF-8"}, answer)

    def _file(self, file: FakeFile, request: Request, *, companion: bool) -> Answer:
        """Answer a file or its metadata, whole or in part."""
        content = file.content
        if companion and not file.filename.endswith(".metadata"):
            if file.metadata is None or not self._options.core_metadata:
                return _not_found()
            content = file.metadata
        whole = Answer(
            200,
            {
                "Content-Type": "application/octet-stream",
                "ETag": f'"{hashlib.blake2b(content, digest_size=16).hexdigest()}"',
                "Last-Modified": _http_date(file.upload_time),
                "Cache-Control": "max-age=365000000, immutable, public",
                "Accept-Ranges": "bytes",
            },
            content,
        )
        return _part(whole, request)


def _pack(source: object, headers: dict[str, str], body: bytes) -> _Page:
    """Return a page with its ETag, once plain and once packed."""
    if headers.get("ETag") == "":
        del headers["ETag"]
    else:
        headers["ETag"] = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
    packed = gzip.compress(body, compresslevel=5, mtime=0)
    plain = Answer(200, headers, body)
    return _Page(source, plain, Answer(200, {**headers, "Content-Encoding": "gzip"}, packed))


def _part(whole: Answer, request: Request) -> Answer:
    """Return the part that one `Range` asks for (RFC 9110, 14)."""
    match = _RANGE.fullmatch(request.headers.get("range", ""))
    if match is None or request.headers.get("if-range", whole.headers["ETag"]) not in {
        whole.headers["ETag"],
        whole.headers["Last-Modified"],
    }:
        return whole
    size = len(whole.body)
    if match[1]:
        start, end = int(match[1]), min(int(match[2] or size), size - 1)
    else:
        start, end = max(size - int(match[2] or 0), 0), size - 1
    if start > end:
        refused = text(416, "")
        return refused.with_headers(Content_Range=f"bytes */{size}")
    part = replace(whole, status=HTTPStatus.PARTIAL_CONTENT, body=whole.body[start : end + 1])
    return part.with_headers(Content_Range=f"bytes {start}-{end}/{size}")


def _not_modified(page: Answer) -> Answer:
    """Return the 304 of a page."""
    headers = {key: value for key, value in page.headers.items() if key != "Content-Type"}
    return Answer(HTTPStatus.NOT_MODIFIED, headers)


def _not_found() -> Answer:
    """Return PyPI's 404."""
    return text(404, "404 Not Found\n")


def _http_date(upload_time: str | None) -> str:
    """Return an upload time as a header has it."""
    moment = datetime.fromisoformat(upload_time or "2024-01-01T00:00:00Z")
    return format_datetime(moment.replace(microsecond=0), usegmt=True)
