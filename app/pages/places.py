"""Where a file on an upstream page is, and where larder offers it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from app.names import Filename, FilePath, path_from_digest
from app.pages.errors import PageError, shown

# PyPI's own form: see `app.names.FilePath`. The name may be percent-encoded.
_TAIL: Final = re.compile(r"([0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{60}/)([^/?#]+)")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
# What the URL standard strips from both ends of a link.
_AROUND: Final = "".join(map(chr, range(0x21)))


@dataclass(frozen=True, slots=True)
class PackagePlaces:
    """The URLs that stand for ``/packages/``, each ending in a slash."""

    prefixes: tuple[str, ...]
    # The operator said where files are fetched, so a page's own host does not count.
    explicit: bool

    def locate(
        self, url: str, filename: Filename, hashes: Mapping[str, str]
    ) -> tuple[FilePath, str | None]:
        """Return larder's path for a file, and where upstream has it.

        The latter is None where that is one of `prefixes` with the path behind it.

        Raises:
            PageError: The URL is not one that files can be fetched from.

        """
        address = url.partition("#")[0]
        for prefix in self.prefixes:
            if address.startswith(prefix):
                path = _canonical(address[len(prefix) :], filename)
                if path:
                    return path, None
        parts = _web_address(address)
        _, packages, tail = parts.path.rpartition("/packages/")
        path = _canonical(tail, filename) if packages else None
        if path:
            return path, None if self.explicit else address
        digest = hashes.get("sha256") or sha256(address.encode("utf-8", "replace")).hexdigest()
        return path_from_digest(digest, filename), address


def absolute_url(link: str, base: str) -> str:
    """Return a page's link as an absolute URL (PEP 691: "url" may be relative).

    Raises:
        PageError: The link is no URL.

    """
    link = link.strip(_AROUND)
    if _CONTROL.search(link):
        # `urljoin` would drop some of them and keep others.
        raise PageError(f"{shown(link)} has control characters")
    if link.startswith(("https://", "http://")):
        return link
    try:
        return urljoin(base, link)
    except ValueError as error:
        raise PageError(f"{shown(link)} is not a URL") from error


def last_component(url: str) -> str:
    """Return the decoded last component of a URL's path (PEP 503: the file's name).

    Raises:
        PageError: The URL cannot be taken apart.

    """
    return unquote(_split(url).path.rpartition("/")[2])


def _canonical(tail: str, filename: Filename) -> FilePath | None:
    """Return what follows ``/packages/`` as a path, if it is this file in PyPI's form."""
    match = _TAIL.fullmatch(tail)
    if match and (match[2] == filename or unquote(match[2]) == filename):
        return FilePath(match[1] + filename)
    return None


def _web_address(url: str) -> SplitResult:
    parts = _split(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise PageError(f"{shown(url)} is not an http or https URL")
    return parts


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:
        raise PageError(f"{shown(url)} is not a URL") from error
