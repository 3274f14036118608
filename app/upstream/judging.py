"""What an answer means that is neither a page nor a list."""

from typing import Any

from app.upstream.errors import UpstreamError, UpstreamUnavailable
from app.upstream.retries import pause_of
from app.upstream.wire import Answer, judge


def judged(answer: Answer[Any], missing: type[UpstreamError]) -> UpstreamError:
    """Return what went wrong, with the pause that upstream asks for, if it does."""
    found = judge(answer.status, answer.url, missing)
    if isinstance(found, UpstreamUnavailable):
        found.pause = pause_of(answer.headers)
    return found
