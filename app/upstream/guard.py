"""Where upstream's redirects must not lead this machine: into its own network.

An index, or whoever can put a redirect there, could else have this machine ask what only
it can reach, and hand the answer out (server-side request forgery). It is the connection
that is looked at, not the name, which may mean another address a moment later.
"""

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from app.upstream.errors import UpstreamUntrusted

_PORTS = {"http": 80, "https": 443}


class ForbiddenAddressError(ValueError):
    """A redirect leads to an internal address that nobody configured."""


class Guard:
    """Knows what is configured, and whether this thread follows a redirect."""

    def __init__(self, configured: frozenset[str]) -> None:
        """Allow these `host[:port]` wherever they are."""
        self._configured = configured
        self._thread = threading.local()

    @contextmanager
    def redirected(self, url: str) -> Iterator[None]:
        """Look at every new connection meanwhile, unless the URL's host is configured.

        Raises:
            UpstreamUntrusted: The URL itself names an internal address.

        """
        parts = urlsplit(url)
        strange = parts.netloc.rpartition("@")[2].lower() not in self._configured
        if parts.scheme not in _PORTS or (strange and _names_internal(parts.hostname or "")):
            raise UpstreamUntrusted(url, "is a redirect's end to which this machine does not go")
        self._thread.strange = strange
        try:
            yield
        finally:
            self._thread.strange = False

    def check(self, connection: socket.socket) -> None:
        """Refuse a connection, before anything is sent; raises ForbiddenAddressError."""
        if not getattr(self._thread, "strange", False):
            return
        address = str(connection.getpeername()[0])
        if is_internal(address):
            connection.close()
            message = f"a redirect leads to the internal address {address}"
            raise ForbiddenAddressError(message)


def is_internal(text: str) -> bool:
    """Whether an address is none of the public Internet (IANA's special-purpose registries)."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address.sixtofour or address
    return not address.is_global or address.is_multicast


def _names_internal(host: str) -> bool:
    """Whether a host is written as an internal address; also where a proxy would resolve it."""
    try:
        return is_internal(host)
    except ValueError:
        return host.lower().rstrip(".").endswith("localhost")


class GuardedAdapter(HTTPAdapter):
    """Connections that a guard has looked at."""

    def __init__(self, guard: Guard, **options: Any) -> None:  # noqa: ANN401  as requests has it
        """Have the guard look at each."""
        self._guard = guard
        super().__init__(**options)

    def request_url(self, request: PreparedRequest, proxies: Mapping[str, str] | None) -> str:
        """Return what stands in the request's first line."""
        # requests takes the URL apart three times to learn that nobody is in between.
        return super().request_url(request, proxies) if proxies else request.path_url

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401  likewise
        """Make pools whose connections are looked at."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = _pools(self._guard)


def _pools(guard: Guard) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            connection = super()._new_conn()
            guard.check(connection)
            return connection

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            connection = super()._new_conn()
            guard.check(connection)
            return connection

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain  # type: ignore[mutable-override]  # as urllib3's own pools do

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure  # type: ignore[mutable-override]  # likewise

    return {"http": PlainPool, "https": SecurePool}
