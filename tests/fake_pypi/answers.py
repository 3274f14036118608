"""What is asked and what is answered, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus

_PHRASES = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    # The client's port: the same one, the same connection.
    port: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer before it is written; Content-Length is the writer's."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def with_headers(self, **headers: str) -> "Answer":
        """Return the answer with more headers; an underscore stands for a hyphen."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={**self.headers, **more})

    def head(self, *, close: bool) -> bytes:
        """Return the status line and the headers as they go over the wire."""
        lines = [f"HTTP/1.1 {self.status} {_PHRASES.get(self.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        # RFC 9110, 8.6: a 304 would speak of the page's length, which is not known here.
        framed = self.headers.keys() & {"Content-Length", "Transfer-Encoding"}
        if self.status != HTTPStatus.NOT_MODIFIED and not framed:
            lines.append(f"Content-Length: {len(self.body)}")
        if close:
            lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


def text(status: int, body: str, content_type: str = "text/plain; charset=utf-8") -> Answer:
    """Return a small answer."""
    return Answer(status, {"Content-Type": content_type}, body.encode())


def redirect(location: str, status: int = 301) -> Answer:
    """Return a redirect."""
    return Answer(status, {"Location": location})
