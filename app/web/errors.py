"""What a client reads when something is wrong: one sentence, as plain text."""

import logging
from typing import Any

import falcon

from app.locks import LockTimeoutError
from app.names import InvalidNameError
from app.store import StoreError
from app.upstream import NoSuchFile, NoSuchProject, UpstreamError, UpstreamUnavailable

logger = logging.getLogger(__name__)

NOT_UPSTREAM = "Upstream has nothing of this name."

_RETRY_AFTER = 10
"""Seconds; pip and uv wait at most about as long between two tries."""


class TooBusyError(Exception):
    """As many requests as may wait for upstream are waiting already."""


_ABSENT: tuple[type[Exception], ...] = (NoSuchProject, NoSuchFile, InvalidNameError)
_NOT_ASKED: tuple[type[Exception], ...] = (UpstreamUnavailable, LockTimeoutError, TooBusyError)
# The disk is full, or gone; or another writes into the database for too long.
_NOT_WRITTEN: tuple[type[Exception], ...] = (StoreError, OSError)


def install(app: "falcon.App[Any, Any]") -> None:
    """Answer the domain's errors with the status that says what to do about them."""
    app.set_error_serializer(_as_text)
    for error in _ABSENT:
        app.add_error_handler(error, _not_found)
    for error in _NOT_ASKED:
        app.add_error_handler(error, _not_asked)
    for error in _NOT_WRITTEN:
        app.add_error_handler(error, _not_written)
    # The general one: what upstream sent is not to be believed.
    app.add_error_handler(UpstreamError, _bad_upstream)


def _as_text(_req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError) -> None:
    resp.content_type = falcon.MEDIA_TEXT
    resp.text = f"{error.description or error.title}\n"


def _not_found(
    _req: falcon.Request, _resp: falcon.Response, error: Exception, _params: dict[str, Any]
) -> None:
    # What is no name is told back; what upstream said names a URL that clients may not
    # be meant to know.
    invalid = isinstance(error, InvalidNameError)
    raise falcon.HTTPNotFound(description=str(error) if invalid else NOT_UPSTREAM) from error


def _not_asked(
    _req: falcon.Request, _resp: falcon.Response, error: Exception, _params: dict[str, Any]
) -> None:
    logger.warning("%s", error)
    raise try_again("The mirror cannot ask upstream just now") from error


def _not_written(
    _req: falcon.Request, _resp: falcon.Response, error: Exception, _params: dict[str, Any]
) -> None:
    logger.warning("%s", error)
    raise try_again("The mirror cannot write just now") from error


def try_again(what: str) -> falcon.HTTPServiceUnavailable:
    """Return the error that says what is wrong for the moment, and when to come again."""
    return falcon.HTTPServiceUnavailable(
        description=f"{what}; please try again.", retry_after=_RETRY_AFTER
    )


def _bad_upstream(
    _req: falcon.Request, _resp: falcon.Response, error: Exception, _params: dict[str, Any]
) -> None:
    logger.warning("%s", error)
    raise falcon.HTTPBadGateway(
        description="What upstream answers cannot be right; the mirror takes nothing from it."
    ) from error
