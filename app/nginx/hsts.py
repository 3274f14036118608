"""`Strict-Transport-Security` (RFC 6797), in every block that answers clients."""

import re
from collections.abc import Iterator

_SERVER = re.compile(r"\s*server \{\s*$")
_LOCATION = re.compile(r"\s*location .*\{\s*$")
_END = re.compile(r"\s*\}\s*$")


def with_hsts(text: str, seconds: int) -> str:
    """Return nginx's configuration with the header in its first server, the one for clients.

    A location that adds a header of its own has none of those of the server
    (https://nginx.org/r/add_header), so each says it.
    """
    header = f'add_header Strict-Transport-Security "max-age={seconds}" always;'
    return "\n".join(_lines(text.split("\n"), header))


def _lines(lines: list[str], header: str) -> Iterator[str]:
    """Yield the lines, and the header after each line that opens one of those blocks."""
    depth, server = 0, None
    over = False
    for line in lines:
        yield line
        opens, closes = line.endswith("{"), bool(_END.match(line))
        if opens and _SERVER.match(line) and not over:
            server = depth
        if opens and server is not None and (_SERVER.match(line) or _LOCATION.match(line)):
            yield " " * (len(line) - len(line.lstrip()) + 4) + header
        depth += opens - closes
        if closes and server == depth:
            server, over = None, True
