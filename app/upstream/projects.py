"""One project's page, with what the legacy JSON adds to a page of HTML."""

import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus

from app.baton import laid_down
from app.model import Project
from app.names import ProjectName
from app.pages import values
from app.pages.parse import PageError, merge_legacy, parse_html, parse_json
from app.pages.places import PackagePlaces
from app.upstream.errors import NoSuchProject, UpstreamUntrusted
from app.upstream.judging import judged
from app.upstream.legacy import Legacy, LegacyJson
from app.upstream.policy import Addresses
from app.upstream.wire import Answer, Ask, Wire

_ACCEPT = (
    "application/vnd.pypi.simple.v1+json, "
    "application/vnd.pypi.simple.v1+html;q=0.2, "
    "text/html;q=0.01"
)
# A server without content negotiation names what it has after the file's ending.
_JSON = frozenset({"application/vnd.pypi.simple.v1+json", "application/json"})
# RFC 9110, 5.5, without tabs; no honest one is longer, and a server may refuse one that is.
_FIELD_VALUE = re.compile(r"[ -~\x80-\xff]{1,500}")
_HTML = frozenset({"application/vnd.pypi.simple.v1+html", "text/html", "application/xhtml+xml", ""})


@dataclass(frozen=True, slots=True)
class Validators:
    """What a page is revalidated with (RFC 9110, 8.8)."""

    etag: str | None = None
    last_modified: str | None = None

    def conditions(self) -> dict[str, str]:
        """Return the headers of a conditional request; none without validators."""
        if self.etag is not None:
            return {"If-None-Match": self.etag}
        if self.last_modified is not None:
            return {"If-Modified-Since": self.last_modified}
        return {}


@dataclass(frozen=True, slots=True)
class FetchedProject:
    """A page that was fetched, and how to ask whether it has changed."""

    project: Project
    validators: Validators
    # Where the page needed it.
    legacy: Legacy | None = None


class ProjectPages:
    """The project pages of one index."""

    def __init__(
        self, wire: Wire, addresses: Addresses, places: PackagePlaces, max_page_size: int
    ) -> None:
        """Fetch from an index; files get the paths that `places` finds."""
        self._wire, self._addresses, self._places = wire, addresses, places
        self._limit = max_page_size
        # More threads than connections may ask: some of them render and write meanwhile.
        self._turns = threading.BoundedSemaphore(wire.connections)
        self._legacy = LegacyJson(wire, addresses.legacy, max_page_size, self._turns)

    def fetch(self, name: ProjectName, known: Validators | None) -> FetchedProject | None:
        """Return a project's page, or None where it is as `known` says."""
        conditions = known.conditions() if known else {}
        url = self._addresses.page(name)
        ask = Ask(url, {"Accept": _ACCEPT, **conditions}, self._limit)
        with laid_down(), self._turns:
            answer = self._wire.fetch(ask, whole)
        if answer.status == HTTPStatus.NOT_MODIFIED and conditions:
            return None
        if answer.body is None:
            raise judged(answer, NoSuchProject)
        try:
            project, legacy = self._parse(name, answer, answer.body)
        except PageError as error:
            raise UpstreamUntrusted(answer.url, f"cannot be believed: {error}") from error
        return FetchedProject(project, validators_of(answer.headers), legacy)

    def legacy(self, name: ProjectName, version: str | None, *, insist: bool) -> Legacy | None:
        """Return legacy JSON; see `Upstream.legacy`."""
        return self._legacy.fetch(name, version, insist=insist)

    def _parse(
        self, name: ProjectName, answer: Answer[bytes], body: bytes
    ) -> tuple[Project, Legacy | None]:
        """Return what a page says; its Content-Type decides how it is read."""
        if answer.content_type in _JSON:
            return _with_serial(parse_json(body, name, answer.url, self._places), answer), None
        if answer.content_type not in _HTML:
            raise UpstreamUntrusted(answer.url, f"is a {answer.content_type[:60]}, not a page")
        project = _with_serial(parse_html(body, name, answer.url, self._places), answer)
        legacy = self._legacy.fetch(name)
        return project if legacy is None else merge_legacy(project, legacy.known), legacy


def whole(media_type: str, body: Iterator[bytes]) -> bytes:
    """Read a body of any type."""
    del media_type
    return b"".join(body)


def validators_of(headers: Mapping[str, str]) -> Validators:
    """Return what an answer can be revalidated with."""
    return Validators(_sendable(headers.get("ETag")), _sendable(headers.get("Last-Modified")))


def _sendable(value: str | None) -> str | None:
    """Return a validator that can be kept and sent back; another counts as none."""
    return value if value and _FIELD_VALUE.fullmatch(value) else None


def serial_of(headers: Mapping[str, str]) -> int | None:
    """Return `X-PyPI-Last-Serial`, where it is a number."""
    return values.digits(headers.get("X-PyPI-Last-Serial", "").strip())


def _with_serial(project: Project, answer: Answer[bytes]) -> Project:
    """Return the page with its header's serial, where its body has none."""
    if project.serial is not None:
        return project
    return replace(project, serial=serial_of(answer.headers))
