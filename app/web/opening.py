"""A file from the first place upstream that has it and can be believed."""

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from app.names import COMPANION
from app.targets import SILENT, Failure, Kind
from app.upstream import FileBody, NoSuchFile, UpstreamError, UpstreamUntrusted, failure_of
from app.web.decisions import Desk, Source

logger = logging.getLogger(__name__)

_PAGES = ("text/html", "application/xhtml+xml")


class FileHost(Protocol):
    """Where files come from: `app.upstream.Upstream`. Both may raise UpstreamError."""

    def open_file(
        self, url: str, start: int = 0, etag: str | None = None
    ) -> AbstractContextManager[FileBody]:
        """Open a file from an offset on; the whole, where its ETag is another."""
        ...

    def file_size(self, url: str) -> int | None:
        """Return a file's size, where it is told."""
        ...


@dataclass
class Tried:
    """What became of a request upstream, place by place."""

    # Of these places no other answer is to be expected.
    refused: set[str] = field(default_factory=set)
    # Whether one of them said that it does not have the file, and none said anything else.
    absent: bool = False
    failed: bool = False


class NowhereError(Exception):
    """No place upstream has given the file."""

    def __init__(self, tried: Tried) -> None:
        """Say what was tried."""
        super().__init__("no place upstream gives this file just now")
        self.tried = tried


class Opener:
    """Opens files, and tells how the places upstream stand."""

    def __init__(self, desk: Desk, host: FileHost) -> None:
        """Let the desk say where a file is."""
        self._desk, self._host = desk, host

    def failed(self, place: str, failure: Failure | None, tried: Tried) -> None:
        """Note a failure of a place; None is that it does not have the file."""
        if failure is None:
            tried.absent = True
            tried.refused.add(place)
            return
        tried.failed = True
        if failure.kind not in SILENT | {Kind.SERVER_ERROR}:
            tried.refused.add(place)
        if place:
            self._desk.targets.failed(place, failure)

    @contextmanager
    def open(
        self, text: str, tried: Tried, start: int = 0, etag: str | None = None
    ) -> Iterator[FileBody]:
        """Open a file from an offset on, at the first place that gives it.

        Raises:
            NowhereError: None does.
            InvalidNameError: It is no path of a file.

        """
        sources, size = self._desk.sources(text)
        with ExitStack() as stack:
            for source in sources:
                if source.place in tried.refused:
                    continue
                body = self._opened(source, (text, size, start, etag), tried, stack)
                if body is not None:
                    yield body
                    return
        raise NowhereError(tried)

    def size(self, text: str, tried: Tried) -> int | None:
        """Return a file's size, where it is told; raises as `open` does."""
        for source in self._desk.sources(text)[0]:
            if source.place in tried.refused:
                continue
            try:
                return self._host.file_size(source.url)
            except UpstreamError as error:
                logger.warning("%s", error)
                self.failed(source.place, _said(error), tried)
        raise NowhereError(tried)

    def _opened(
        self,
        source: Source,
        asked: tuple[str, int | None, int, str | None],
        tried: Tried,
        stack: ExitStack,
    ) -> FileBody | None:
        text, size, start, etag = asked
        if source.place:
            self._desk.targets.sent(source.place)
        try:
            body = stack.enter_context(self._host.open_file(source.url, start, etag))
            _check(body, text, size, source.url)
        except _PageError as error:
            logger.warning("%s", error)
            self.failed(source.place, Failure(Kind.PAGE), tried)
        except UpstreamError as error:
            logger.warning("%s", error)
            self.failed(source.place, _said(error), tried)
        else:
            return body
        return None


class _PageError(UpstreamUntrusted):
    """A page for people where a file should be."""


def _said(error: UpstreamError) -> Failure | None:
    """Return what an error says of a place; None: it does not have the file."""
    if isinstance(error, NoSuchFile):
        return None
    return failure_of(error) or Failure(Kind.BROKEN)


def _check(body: FileBody, text: str, size: int | None, url: str) -> None:
    """Refuse what cannot be the file, before a byte of it goes out."""
    kind = (body.content_type or "").partition(";")[0].strip().lower()
    if kind in _PAGES and not text.removesuffix(COMPANION).endswith((".html", ".htm")):
        raise _PageError(url, f"answers a page ({kind}) where a file should be")
    if None not in (size, body.total) and size != body.total:
        raise UpstreamUntrusted(url, f"has {body.total} bytes, not {size} as its page says")
