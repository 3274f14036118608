"""The URL of a database on a PostgreSQL server, and what may be told of it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

POSTGRESQL: Final = "postgresql://"
EXAMPLE: Final = f"{POSTGRESQL}larder@db.example.org/larder"

_ALLOWED = frozenset(
    {
        *("host", "hostaddr", "port", "user", "password", "passfile", "application_name"),
        *("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "channel_binding"),
        *("gssencmode", "krbsrvname", "require_auth", "target_session_attrs", "options"),
        *("connect_timeout", "tcp_user_timeout", "keepalives", "keepalives_idle"),
        *("keepalives_interval", "keepalives_count"),
    }
)
"""What libpq takes after a `?` and larder passes on (PostgreSQL's manual, 34.1.2)."""


class DatabaseUrlError(ValueError):
    """The URL names no database; the message says why, and never repeats a password."""


def parse_postgresql(url: str) -> Mapping[str, str]:
    """Return libpq's keywords of a URL.

    Raises:
        DatabaseUrlError: It is none.

    >>> dict(parse_postgresql("postgresql://larder:a%40b@db.example.org/mirror"))
    {'host': 'db.example.org', 'user': 'larder', 'password': 'a@b', 'dbname': 'mirror'}

    """
    if not url.startswith(POSTGRESQL) or not url.isprintable() or " " in url:
        raise DatabaseUrlError(f"it is no URL of PostgreSQL's; write one such as {EXAMPLE}")
    parts, port = _split(url)
    name = unquote(parts.path.removeprefix("/"))
    if not name or "/" in name:
        raise DatabaseUrlError(f"the URL must end in one database's name, as {EXAMPLE} does")
    if parts.fragment or "#" in url:
        raise DatabaseUrlError("the URL holds '#'; write %23 where it is part of a password")
    query = _query(parts.query)
    found = {
        "host": unquote(parts.hostname or ""),
        "port": port,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "dbname": name,
    }
    return MappingProxyType({key: value for key, value in found.items() if value} | query)


def without_password(url: str) -> str:
    """Return how a URL is told to people: the server and the database, and no more."""
    keywords = parse_postgresql(url)
    host, port = keywords.get("host", ""), keywords.get("port")
    # A socket's folder stands in the path, so it is not one of a URL's hosts.
    host = quote(host, safe="[]:,.") if "/" in host else host
    host = f"[{host}]" if ":" in host else host
    return f"{POSTGRESQL}{host}{f':{port}' if port else ''}/{keywords['dbname']}"


def read_only(url: str) -> str:
    """Return the URL for connections of which the server takes no change."""
    start, _, query = url.partition("?")
    keywords = dict(parse_qsl(query))
    setting = "-c default_transaction_read_only=on"
    keywords["options"] = f"{keywords.get('options', '')} {setting}".strip()
    return f"{start}?{urlencode(keywords, quote_via=quote)}"


def _split(url: str) -> tuple[SplitResult, str]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # It may be part of a password: urlsplit's own message would repeat it.
        raise DatabaseUrlError(
            "its host or port cannot be read; write host:5432, and in a password"
            " %40 for '@', %2F for '/', %3A for ':'"
        ) from None
    return parts, str(port) if port else ""


def _query(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text))
    except ValueError:
        raise DatabaseUrlError("what follows its '?' must be key=value, joined by '&'") from None
    found = dict(pairs)
    if len(found) < len(pairs):
        raise DatabaseUrlError("a key after its '?' stands there twice; write it once")
    unknown = sorted(set(found) - _ALLOWED)
    if unknown:
        known = ", ".join(sorted(_ALLOWED))
        raise DatabaseUrlError(
            f"{unknown[0]!r} after its '?' is none of libpq's keywords; known are {known}"
        )
    return found
