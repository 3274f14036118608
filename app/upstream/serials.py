"""Upstream's list of serials: from the JSON root, or else by XML-RPC."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from app.model import Change
from app.names import ProjectName
from app.pages.parse import PageError
from app.upstream.awkward_root import read_awkward_root
from app.upstream.changelog import NoChangelog, changelog_request, read_changelog
from app.upstream.errors import NoSuchProject, UpstreamUntrusted
from app.upstream.judging import judged
from app.upstream.listing import Listing, TooManyError
from app.upstream.policy import Addresses
from app.upstream.projects import Validators, serial_of, validators_of
from app.upstream.root import AwkwardRootError, read_root
from app.upstream.wire import Answer, Ask, Wire
from app.upstream.xmlrpc import LIST_PACKAGES_WITH_SERIAL, FaultError, NotXmlRpcError, read_list

_JSON = "application/vnd.pypi.simple.v1+json"
_XML = frozenset({"text/xml", "application/xml"})
# PyPI's list is some 40 MB as JSON and 70 MB as XML (2026).
_LIMIT = 512 << 20
# 50,000 rows of some 300 bytes are 15 MB.
_CHANGELOG_LIMIT = 64 << 20
# What a server says that has no such thing: PyPI's XML-RPC is on its way out, and
# a static server redirects or refuses a POST.
_ABSENT = frozenset({200, 301, 302, 303, 307, 308, 404, 405, 406, 410, 411, 415, 501})


@dataclass(frozen=True, slots=True)
class NotModified:
    """The list is as it was."""


@dataclass(frozen=True, slots=True)
class SerialList:
    """What upstream has, and the serial of the last change to each project."""

    serials: dict[ProjectName, int]
    # The last serial of all, where upstream says it.
    last: int | None
    validators: Validators
    # What is no project's name, or has no serial where others have one.
    refused: tuple[str, ...]


class Serials:
    """The list of serials of one index."""

    def __init__(self, wire: Wire, addresses: Addresses) -> None:
        """Ask an index."""
        self._wire, self._addresses = wire, addresses

    def fetch(self, known: Validators | None) -> SerialList | NotModified | None:
        """Return the list, or None where the index has none."""
        found = self._from_root(known)
        return self._from_xmlrpc() if found is None else found

    def has_root(self) -> bool:
        """Whether the root of the simple index is there."""
        ask = Ask(self._addresses.root, {"Accept": f"{_JSON}, text/html;q=0.1"}, _LIMIT)
        with self._wire.open(ask, anywhere=False) as response:
            return response.status_code == HTTPStatus.OK

    def changes(self, since: int) -> dict[ProjectName, Change] | NoChangelog | None:
        """Return what has changed since a serial, or None where that is not told."""
        headers = {"Content-Type": "text/xml", "Accept": "text/xml"}
        if (body := changelog_request(since)) is None:
            return None
        ask = Ask(self._addresses.xmlrpc, headers, _CHANGELOG_LIMIT, method="POST", data=body)
        answer = self._wire.fetch(ask, _xml_body)
        if answer.body is None:
            _refuse_unless_absent(answer)
            return NoChangelog()
        return read_changelog(answer.body)

    def _from_root(self, known: Validators | None) -> SerialList | NotModified | None:
        """Ask for the JSON root (PEP 691), and for nothing else: HTML has no serials."""
        conditions = known.conditions() if known else {}
        ask = Ask(self._addresses.root, {"Accept": _JSON, **conditions}, _LIMIT)
        try:
            answer = self._ask_root(ask)
        except (PageError, TooManyError) as error:
            raise UpstreamUntrusted(ask.url, f"cannot be believed: {error}") from error
        if answer.status == HTTPStatus.NOT_MODIFIED and conditions:
            return NotModified()
        if answer.body is None:
            _refuse_unless_absent(answer)
            return None
        listing = answer.body
        if listing.named and not listing.serials:
            return None
        return _serial_list(listing, answer.headers, validators_of(answer.headers))

    def _ask_root(self, ask: Ask) -> Answer[Listing | None]:
        """Ask for the root, a second time where it could not be read as it came in."""
        try:
            return self._wire.fetch(ask, _json)
        except AwkwardRootError:
            return self._wire.fetch(ask, _json_awkward)

    def _from_xmlrpc(self) -> SerialList | None:
        """Ask by XML-RPC."""
        headers = {"Content-Type": "text/xml", "Accept": "text/xml"}
        url = self._addresses.xmlrpc
        ask = Ask(url, headers, _LIMIT, method="POST", data=LIST_PACKAGES_WITH_SERIAL)
        try:
            answer = self._wire.fetch(ask, _xml)
        except FaultError as error:
            # It comes with status 200; read as an empty list, it would delete everything.
            raise UpstreamUntrusted(url, f"answers with a fault: {error}") from error
        except (NotXmlRpcError, TooManyError) as error:
            raise UpstreamUntrusted(url, f"cannot be believed: {error}") from error
        if answer.body is None:
            _refuse_unless_absent(answer)
            return None
        return _serial_list(answer.body, answer.headers, Validators())


def _json(media_type: str, body: Iterator[bytes]) -> Listing | None:
    """Read JSON; the root as HTML is long, and of no use here."""
    return read_root(body) if media_type == _JSON else None


def _json_awkward(media_type: str, body: Iterator[bytes]) -> Listing | None:
    """Read JSON that is laid out in another way."""
    return read_awkward_root(body) if media_type == _JSON else None


def _xml(media_type: str, body: Iterator[bytes]) -> Listing | None:
    """Read XML; a page of HTML is a server that does not look at the method."""
    return read_list(body) if media_type in _XML else None


def _xml_body(media_type: str, body: Iterator[bytes]) -> bytes | None:
    return b"".join(body) if media_type in _XML else None


def _refuse_unless_absent(answer: Answer[Any]) -> None:
    """Raise where the answer does not say that there is no such list."""
    if answer.status not in _ABSENT:
        raise judged(answer, NoSuchProject)


def _serial_list(
    listing: Listing, headers: Mapping[str, str], validators: Validators
) -> SerialList:
    """Return the list as it is handed out."""
    last = listing.last if listing.last is not None else serial_of(headers)
    return SerialList(listing.serials, last, validators, tuple(listing.refused))
