"""The texts of what has a place in the network: addresses, URLs, networks.

As in `app.config.values`, each function returns what a text means or raises
InvalidValueError.
"""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_network

from app.config.problems import shown
from app.config.settings import Address, Network
from app.config.values import InvalidValueError

_HIGHEST_PORT = 65535
# Underscores are not in RFC 1123, but container networks name hosts so.
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_DOTTED_NUMBERS = re.compile(r"[0-9.]+")
_HOST = r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]*))"
_ADDRESS = re.compile(rf"{_HOST}:(?P<port>[0-9]{{1,5}})")
# RFC 3986's characters of a path, without those that nginx gives a meaning of its own.
_PATH = r"(?P<path>/[A-Za-z0-9._~!&()*+,=:%/-]*)"
_URL = re.compile(
    rf"(?P<scheme>https?)://{_HOST}(?::(?P<port>[0-9]{{1,5}}))?{_PATH}?", re.IGNORECASE
)
_USER = re.compile(r"//(?P<user>[A-Za-z0-9._~!&'()*+,;=:%$-]+@)")
_NETWORK = re.compile(r"[0-9A-Fa-f:.]+(?:/[0-9.]+)?")


def parse_address(text: str) -> Address:
    """Return `host:port`, `:port` or `[v6]:port` as an address.

    >>> parse_address("[::1]:8080")
    Address(host='::1', port=8080)
    """
    match = _ADDRESS.fullmatch(text)
    if match is None:
        hint = f"write ':{text}'" if text.isdecimal() else "write host:port, :port or '[v6]:port'"
        raise InvalidValueError(f"{shown(text)} is not an address to listen on; {hint}")
    host = _host(match, text) if match["six"] or match["host"] else ""
    return Address(host, _port(match, text))


def parse_url(text: str) -> str:
    """Return a URL with one slash at its end, its scheme and host in lower case.

    >>> parse_url("https://PyPI.org")
    'https://pypi.org/'
    """
    if "@" in text:
        raise InvalidValueError(
            "a URL with a user name or password would be shown to clients and in logs; "
            "write it without the part before '@'"
        )
    match = _match_url(text)
    return f"{_origin(match, text)}{(match['path'] or '').rstrip('/')}/"


def parse_proxy(text: str) -> str:
    """Return the URL of an HTTP proxy, which may hold a user name and a password."""
    user = _USER.search(text)
    bare = text.replace(user["user"], "", 1) if user else text
    match = _match_url(bare)
    if (match["path"] or "/") != "/":
        raise InvalidValueError("a proxy's URL has no path; write http://host:port")
    origin = _origin(match, bare)
    return origin.replace("//", user[0], 1) if user else origin


def parse_network(text: str) -> Network:
    """Return a network in CIDR notation, or one address as a network of its own."""
    loose = _loose_network(text)
    try:
        return ip_network(text)
    except ValueError:
        raise InvalidValueError(
            f"{shown(text)} names an address inside a network; write {loose}"
        ) from None


def _loose_network(text: str) -> Network:
    try:
        if _NETWORK.fullmatch(text):
            return ip_network(text, strict=False)
    except ValueError:
        pass
    raise InvalidValueError(
        f"{shown(text)} is not a network; write one such as 10.0.0.0/8 or 2001:db8::/32"
    )


def _match_url(text: str) -> re.Match[str]:
    match = _URL.fullmatch(text)
    if match is None or not (match["six"] or match["host"]):
        without_user = re.sub(r"//.*@", "//…@", text)
        raise InvalidValueError(
            f"{shown(without_user)} is not a URL; write http:// or https://, a host and a path, "
            "such as https://pypi.org/"
        )
    return match


def _origin(match: re.Match[str], text: str) -> str:
    host = _host(match, text).lower()
    port = f":{_port(match, text)}" if match["port"] else ""
    return f"{match['scheme'].lower()}://{f'[{host}]' if match['six'] else host}{port}"


def _host(match: re.Match[str], text: str) -> str:
    try:
        if match["six"]:
            return str(IPv6Address(match["six"]))
        if _DOTTED_NUMBERS.fullmatch(match["host"]):
            return str(IPv4Address(match["host"]))
        if _HOST_NAME.fullmatch(match["host"]):
            return match["host"]
    except AddressValueError:
        pass
    raise InvalidValueError(
        f"{shown(text)} has no valid host; write a name, an IPv4 address or '[v6]'"
    )


def _port(match: re.Match[str], text: str) -> int:
    if not 1 <= int(match["port"]) <= _HIGHEST_PORT:
        raise InvalidValueError(
            f"{shown(text)} has no valid port; write one from 1 to {_HIGHEST_PORT}"
        )
    return int(match["port"])
