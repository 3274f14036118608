"""A wheel's core metadata: from beside it (PEP 658), or else out of it."""

import io
from urllib.parse import urlsplit, urlunsplit

from app.names import COMPANION
from app.upstream import files
from app.upstream.errors import NoSuchFile, UpstreamUntrusted
from app.upstream.remote_file import RemoteFile
from app.upstream.wire import Wire
from app.wheels import WheelError, read_metadata

_LARGEST = 8 << 20
"""Bytes; no honest METADATA is larger than a few megabytes."""

_BUFFER = 1 << 16


def core_metadata(wire: Wire, url: str) -> bytes:
    """Return the core metadata of the wheel at `url`; see `Upstream.core_metadata`."""
    try:
        with files.open_file(wire, _beside(url), 0, None) as body:
            return _bounded(body, url)
    except NoSuchFile:
        return _out_of_wheel(wire, url)


def _beside(url: str) -> str:
    """Return the URL of a file's companion; a query of its own stays behind the path."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=parts.path + COMPANION))


def _bounded(body: files.FileBody, url: str) -> bytes:
    content = bytearray()
    for chunk in body.chunks():
        content += chunk
        if len(content) > _LARGEST:
            raise UpstreamUntrusted(url, f"has core metadata of more than {_LARGEST} bytes")
    return bytes(content)


def _out_of_wheel(wire: Wire, url: str) -> bytes:
    size = files.file_size(wire, url)
    if size is None:
        raise UpstreamUntrusted(url, "does not tell its size")
    try:
        return read_metadata(io.BufferedReader(RemoteFile(wire, url, size), _BUFFER))
    except WheelError as error:
        raise UpstreamUntrusted(url, f"has no core metadata to be read: {error}") from error
