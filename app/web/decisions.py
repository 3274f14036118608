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
from app.web.ranges import is_small
from app.web.targets import Targets

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
    # As STREAM, of one download for all who want the file at the same time.
    SHARED = "shared"
    # Core metadata that the index announces: the application is asked to fetch and keep it.
    METADATA = "metadata"
    # No place of files is good just now.
    NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client asks for."""

    # Below `/packages/`.
    path: str
    # The address.
    client: str
    head: bool = False
    range: str | None = None
    # Whether the application has just failed to keep it.
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a client gets a file: the first way, and the second where that leads nowhere."""

    answer: Answer
    # By the client's mode; another way than the first where the file should be held.
    unheld: Answer
    # Where this machine fetches it, and below which place of files; "" is another place.
    source_url: str
    place: str
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

    packages_urls: tuple[str, ...]
    redirect_urls: tuple[str, ...]
    # nginx cannot reach them: there is an HTTP proxy in between.
    through_app: bool
    # `host[:port]` of all that the configuration names. An index may list files
    # anywhere; what is listed elsewhere, the client may fetch, this machine does not.
    hosts: frozenset[str]
    # Bytes: HEAD, and ranges up to this, are passed through for everybody.
    proxied_range: int = 1 << 20


@dataclass(frozen=True, slots=True)
class Source:
    """One URL that this machine may fetch a file from."""

    url: str
    # The place of files that it is below; "" where it is another.
    place: str


class Desk:
    """Decides about files, by the client's address and by how upstream's places stand."""

    def __init__(
        self, files: Files, modes: NetworkTable[Mode], sources: Sources, targets: Targets
    ) -> None:
        """Look up files, the modes of networks, and upstream's places."""
        self._files, self._modes, self._sources = files, modes, sources
        self._outage = Outage("decided without the database", "decided with the database again")
        self.targets = targets

    def decide(self, wish: Wish) -> Decision:
        """Return the answer for a file that nginx did not find.

        A well-formed path that the index does not know goes upstream: a lock file may
        be newer than the index.

        Raises:
            InvalidNameError: It is no such path.

        """
        path = parse_file_path(wish.path.removesuffix(COMPANION))
        known, held = self._look_up(path)
        if wish.path.endswith(COMPANION):
            # Only one whose digest the index tells is ever held.
            held = held and known is not None and known.metadata_sha256 is not None
        origin = known.origin if known else None
        if known is not None and origin is None:
            self.targets.sample = path
        place = self.targets.first_usable(self._sources.packages_urls)
        unheld = Answer.METADATA if self._kept(wish, known) else self._unheld(wish, known, place)
        return Decision(
            answer=Answer.HELD if held else unheld,
            unheld=unheld,
            source_url=_url(wish.path, origin, place or self._sources.packages_urls[0]),
            place=(place or "") if origin is None else "",
            redirect_url=_url(wish.path, origin, self._redirect_place()),
            reason="not-held" if known else "unknown",
            size=known.size if known and not wish.path.endswith(COMPANION) else None,
        )

    def sources(self, text: str) -> tuple[list[Source], int | None]:
        """Return where this machine may fetch a file, in order, and its size, where it is known.

        Raises:
            InvalidNameError: It is no path of a file.

        """
        known, _ = self._look_up(parse_file_path(text.removesuffix(COMPANION)))
        size = known.size if known and not text.endswith(COMPANION) else None
        if known is not None and known.origin is not None:
            if not self._trusted(known.origin):
                return [], size
            return [Source(_url(text, known.origin, ""), "")], size
        places = self.targets.ordered(self._sources.packages_urls)
        return [Source(_url(text, None, place), place) for place in places], size

    def way_out(self, text: str, refused: frozenset[str]) -> str | None:
        """Return where a client is sent whom this machine could not serve; None: nowhere.

        `refused` are the places that have just said no to this very request.
        """
        known, _ = self._look_up(parse_file_path(text.removesuffix(COMPANION)))
        if known is not None and known.origin is not None:
            return _url(text, known.origin, "")
        places = [place for place in self._sources.redirect_urls if place not in refused]
        place = self.targets.first_good(places)
        if place is None and places and self.targets.all_silent():
            # This machine may be the one that is cut off.
            place = places[0]
        return None if place is None else _url(text, None, place)

    def _look_up(self, path: FilePath) -> tuple[KnownFile | None, bool]:
        """Return what the database knows; nothing, where it cannot be read."""
        try:
            found = self._files.file(path), self._files.held_in(path) is not None
        except StoreError as error:
            self._outage.note(error)
            return None, False
        self._outage.end()
        return found

    def _kept(self, wish: Wish, known: KnownFile | None) -> bool:
        """Whether it is core metadata that this machine can check, and keep."""
        if wish.asked or not wish.path.endswith(COMPANION) or known is None:
            return False
        return known.metadata_sha256 is not None and self._trusted(known.origin)

    def _unheld(self, wish: Wish, known: KnownFile | None, place: str | None) -> Answer:
        """Return how a client gets what is not held."""
        origin, size = (known.origin, known.size) if known else (None, None)
        if not self._trusted(origin):
            return Answer.REDIRECT
        proxy = Answer.STREAM if self._sources.through_app else Answer.PROXY
        small = wish.head or is_small(wish.range, self._sources.proxied_range, size)
        sent_on = self._modes.find(wish.client) is Mode.REDIRECT and not small
        if origin is not None:
            return Answer.REDIRECT if sent_on else proxy
        redirect = self.targets.first_good(self._sources.redirect_urls)
        if redirect and (sent_on or place is None):
            return Answer.REDIRECT
        if place is not None:
            return proxy
        return Answer.REDIRECT if self.targets.all_silent() else Answer.NOWHERE

    def _redirect_place(self) -> str:
        places = self._sources.redirect_urls
        return self.targets.first_good(places) or places[0]

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
