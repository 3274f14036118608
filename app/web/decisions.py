"""Where a client gets a file that nginx did not find on a tier."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from urllib.parse import quote, urlsplit, urlunsplit

from app.clients import NetworkTable
from app.config.settings import Mode
from app.names import COMPANION, FilePath, parse_file_path
from app.store import KnownFile, StoreError
from app.web.outage import Outage

# RFC 3986: reserved characters, and what is encoded already.
IN_A_URL = "!#$%&'()*+,/:;=?@[]~"


class Answer(StrEnum):
    """The ways to a file."""

    HELD = "held"
    REDIRECT = "redirect"
    PROXY = "proxy"
    # As PROXY, but the application passes the bytes on: nginx cannot go through an
    # HTTP proxy.
    STREAM = "stream"


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a client gets a file: the first way, and the second where that leads nowhere."""

    answer: Answer
    # By the client's mode; another way than the first where the file should be held.
    unheld: Answer
    # Where this machine fetches it.
    source_url: str
    # Where the client is sent, should the proxying fail as well.
    redirect_url: str
    # In a word, for the log and the counts: it is not held, or not even known.
    reason: str = "not-held"
    # The file's bytes, as far as the index tells.
    size: int | None = None


class Files(Protocol):
    """What is known of files: `app.store.Store`. Both may raise StoreError."""

    def file(self, path: FilePath) -> KnownFile | None:
        """Return a file that a page lists, or None."""
        ...

    def held_in(self, path: FilePath) -> str | None:
        """Return the root of the tier that holds a file, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Sources:
    """Where upstream has files; URLs end in a slash and stand for `/packages/`."""

    packages_url: str
    redirect_url: str
    # nginx cannot reach them: there is an HTTP proxy in between.
    through_app: bool
    # `host[:port]` of all that the configuration names. An index may list files
    # anywhere; what is listed elsewhere, the client may fetch, this machine does not.
    hosts: frozenset[str]


class Desk:
    """Decides about files, by the client's address."""

    def __init__(self, files: Files, modes: NetworkTable[Mode], sources: Sources) -> None:
        """Look up files, the modes of networks, and upstream's places."""
        self._files, self._modes, self._sources = files, modes, sources
        self._outage = Outage("decided without the database", "decided with the database again")

    def decide(self, text: str, client: str) -> Decision:
        """Return the answer for a path below `/packages/`, and a client's address.

        A well-formed path that the index does not know goes upstream: a lock file may
        be newer than the index.

        Raises:
            InvalidNameError: It is no such path.

        """
        path = parse_file_path(text.removesuffix(COMPANION))
        known, held = self._look_up(path)
        if text.endswith(COMPANION):
            # Only one whose digest the index tells is ever held.
            held = held and known is not None and known.metadata_sha256 is not None
        origin = known.origin if known else None
        unheld = self._unheld(client, origin)
        return Decision(
            answer=Answer.HELD if held else unheld,
            unheld=unheld,
            source_url=_url(text, origin, self._sources.packages_url),
            redirect_url=_url(text, origin, self._sources.redirect_url),
            reason="not-held" if known else "unknown",
            size=known.size if known and not text.endswith(COMPANION) else None,
        )

    def source(self, text: str) -> str:
        """Return the URL that a file is fetched from; raises as `decide` does."""
        known, _ = self._look_up(parse_file_path(text.removesuffix(COMPANION)))
        return _url(text, known.origin if known else None, self._sources.packages_url)

    def _look_up(self, path: FilePath) -> tuple[KnownFile | None, bool]:
        """Return what the database knows; nothing, where it cannot be read."""
        try:
            found = self._files.file(path), self._files.held_in(path) is not None
        except StoreError as error:
            self._outage.note(error)
            return None, False
        self._outage.end()
        return found

    def _unheld(self, client: str, origin: str | None) -> Answer:
        """Return how a client gets what is not held."""
        if self._modes.find(client) is Mode.REDIRECT or not self._trusted(origin):
            return Answer.REDIRECT
        return Answer.STREAM if self._sources.through_app else Answer.PROXY

    def _trusted(self, origin: str | None) -> bool:
        return origin is None or urlsplit(origin).netloc.lower() in self._sources.hosts


def _url(text: str, origin: str | None, base: str) -> str:
    """Return where upstream has a file, or its companion."""
    if origin is None:
        # `+` becomes `%2B`: object stores take a bare one for a space.
        return base + quote(text)
    parts = urlsplit(origin)
    if text.endswith(COMPANION):
        parts = parts._replace(path=parts.path + COMPANION)
    # As the page has it, but in characters that may stand in a header.
    return quote(urlunsplit(parts), safe=IN_A_URL)
