"""Small documents that a page links to: provenance (PEP 740)."""

from app.upstream.errors import NoSuchFile
from app.upstream.projects import whole
from app.upstream.wire import Ask, Wire, judge


def fetch_document(wire: Wire, url: str, accept: str, limit: int) -> bytes:
    """Return a document; see `Upstream.document`."""
    answer = wire.fetch(Ask(url, {"Accept": accept}, limit), whole)
    if answer.body is None:
        raise judge(answer.status, answer.url, NoSuchFile)
    return answer.body
