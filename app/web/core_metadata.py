"""Core metadata that nginx does not find: fetched and kept, where a page announces it."""

import logging
from typing import Protocol

import falcon

from app.companions import WrongMetadataError
from app.locks import LockTimeoutError
from app.names import COMPANION, FilePath, parse_file_path
from app.store import StoreError
from app.web.errors import TooBusyError
from app.web.files import path_of
from app.web.places import Places

logger = logging.getLogger(__name__)


class Keeping(Protocol):
    """What keeps core metadata: `app.core_metadata.CoreMetadata`."""

    def keep(self, path: FilePath) -> bool:
        """Keep a file's; False where that cannot be done.

        May raise WrongMetadataError, LockTimeoutError, StoreError and OSError.
        """
        ...


class MetadataResource:
    """`/metadata/{path}`: tells nginx that it is there, or to decide as for any file."""

    def __init__(self, metadata: Keeping, places: Places) -> None:
        """Fetch at most so many at once."""
        self._metadata, self._places = metadata, places

    def on_get(self, _req: falcon.Request, resp: falcon.Response, **segments: str) -> None:
        """Answer with one of nginx's locations."""
        path = parse_file_path(path_of(segments).removesuffix(COMPANION))
        resp.status = falcon.HTTP_204
        resp.set_header("X-Accel-Redirect", self._location(path))

    on_head = on_get

    def _location(self, path: FilePath) -> str:
        try:
            with self._places.one():
                kept = self._metadata.keep(path)
        except WrongMetadataError as error:
            # Nor is the client sent to upstream: pip and uv would get the same bytes.
            logger.warning("%s", error)
            return "@wrong_metadata"
        except (StoreError, TooBusyError, LockTimeoutError, OSError) as error:
            logger.warning("core metadata is left to upstream: %s", error)
            return "@file"
        return "@metadata" if kept else "@file"
