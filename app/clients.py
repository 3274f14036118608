"""Who asks: a client's network, and what is decided by it.

An IPv4-mapped IPv6 address (``::ffff:192.0.2.1``, RFC 4291 section 2.5.5.2) is the
IPv4 address: one client must not count as two because a socket was a dual one.
"""

from collections.abc import Iterable
from hashlib import blake2b
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Generic, TypeVar

T = TypeVar("T")

_Network = IPv4Network | IPv6Network

# What one customer of a provider usually gets at most: RFC 6177 (IPv6), and the
# longest prefix that is routed between providers (IPv4).
_IPV4_PREFIX = 24
_IPV6_PREFIX = 48
_MAPPED = IPv6Network("::ffff:0:0/96")


def network_of(client: str) -> str:
    """Return the network that votes as one: /24 for IPv4, /48 for IPv6.

    `client` is an address, or such a network already.

    >>> network_of("::ffff:192.0.2.7"), network_of("2001:db8:0::/48")
    ('192.0.2.0/24', '2001:db8::/48')

    Raises:
        ValueError: The text is neither.

    """
    address = _address(client.partition("/")[0])
    prefix = _IPV4_PREFIX if isinstance(address, IPv4Address) else _IPV6_PREFIX
    return str(ip_network((address, prefix), strict=False))


def network_id(key: bytes, network: str) -> int:
    """Return the number that stands for a network in the database.

    A keyed hash (BLAKE2b, RFC 7693) of 64 bits, signed because SQLite's integers are:
    without the key, trying all networks does not tell which one it was.
    """
    digest = blake2b(network.encode(), key=key, digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


class NetworkTable(Generic[T]):
    """A value for each client's network; the longest prefix wins."""

    def __init__(self, default: T, rules: Iterable[tuple[_Network, T]]) -> None:
        """Take the rules in any order, and the value for everybody else."""
        self._default = default
        # Per IP version and prefix length, longest first: network's number to value.
        self._tables: dict[int, dict[int, dict[int, T]]] = {4: {}, 6: {}}
        for rule, value in sorted(rules, key=lambda rule: -_unmapped(rule[0]).prefixlen):
            network = _unmapped(rule)
            tables = self._tables[network.version]
            tables.setdefault(network.prefixlen, {})[int(network.network_address)] = value

    def find(self, client: str) -> T:
        """Return the value for a client's address; the default where it is no address."""
        try:
            address = _address(client)
        except ValueError:
            return self._default
        bits = address.max_prefixlen
        for length, values in self._tables[address.version].items():
            number = int(address) >> (bits - length) << (bits - length)
            if number in values:
                return values[number]
        return self._default


def _address(text: str) -> IPv4Address | IPv6Address:
    address = ip_address(text)
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address
    return address


def _unmapped(network: _Network) -> _Network:
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, network.prefixlen - _MAPPED.prefixlen))
    return network
