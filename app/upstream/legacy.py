"""PyPI's legacy JSON, which knows what a page of HTML does not say."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import orjson

from app.baton import laid_down
from app.names import ProjectName
from app.upstream.errors import NoSuchProject, UpstreamUnavailable, UpstreamUntrusted
from app.upstream.judging import judged
from app.upstream.wire import Answer, Ask, Wire

# So many projects without an answer, and none with one: the index does not offer it.
# One is not enough: a project may have a page and, being quarantined, no legacy JSON.
_ENOUGH_MISSES = 8


@dataclass(frozen=True, slots=True)
class Legacy:
    """Legacy JSON as upstream sent it, and what it says."""

    body: bytes
    known: Mapping[str, Any]


class LegacyJson:
    """The legacy JSON of one index, if it has any; safe for threads."""

    def __init__(
        self,
        wire: Wire,
        templates: tuple[str, ...],
        limit: int,
        turns: AbstractContextManager[object],
    ) -> None:
        """Look at the places that the templates make of a project's name, in `turns`."""
        self._wire, self._limit, self._turns = wire, limit, turns
        self._lock = threading.Lock()
        # One, once it has answered; none, once it is clear that none will.
        self._templates = self._every = templates
        self._answered = False
        self._misses = 0

    def fetch(
        self, name: ProjectName, version: str | None = None, *, insist: bool = False
    ) -> Legacy | None:
        """Return what it says of a project, or of one release; None where it has nothing.

        An index that seems to have no legacy JSON at all is asked no more, unless one
        does `insist`: then some client waits for this one.

        Raises:
            UpstreamUnavailable: It may have something, but not now. A page without it
                would lose upload times, and installations that look at them.
            UpstreamUntrusted: What it has is broken.

        """
        what = name if version is None else f"{name}/{quote(version, safe='')}"
        for template in (self._templates or self._every) if insist else self._templates:
            url = template.format(what)
            ask = Ask(url, {"Accept": "application/json"}, self._limit)
            with laid_down(), self._turns:
                answer = self._wire.fetch(ask, _json)
            if answer.body is not None:
                known = _load(url, answer.body)
                if isinstance(known, dict) and isinstance(known.get("info"), dict):
                    self._settle(template)
                    return Legacy(answer.body, known)
            elif answer.status != HTTPStatus.OK:
                _raise_if_later(answer)
        if not insist:
            self._missed()
        return None

    def _settle(self, template: str) -> None:
        """Ask only there from now on."""
        with self._lock:
            self._templates = (template,)
            self._answered = True

    def _missed(self) -> None:
        """Count a project without an answer."""
        with self._lock:
            self._misses += 1
            if self._misses >= _ENOUGH_MISSES and not self._answered:
                self._templates = ()


def _raise_if_later(answer: Answer[bytes | None]) -> None:
    """Raise where the answer is "not now".

    A 404 teaches nothing: it is the project that is missing, or the whole service.
    """
    found = judged(answer, NoSuchProject)
    if isinstance(found, UpstreamUnavailable):
        raise found


def _json(media_type: str, body: Iterator[bytes]) -> bytes | None:
    """Read a body of JSON; leave a page that answers everything unread."""
    return b"".join(body) if media_type == "application/json" else None


def _load(url: str, body: bytes) -> object:
    """Return the JSON of a body."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UpstreamUntrusted(url, "is not the JSON that it says it is") from error
