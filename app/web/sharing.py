"""Reading behind a download that others share."""

from contextlib import ExitStack

import falcon

from app.web.errors import TooBusyError
from app.web.files import FileResource, path_of
from app.web.opening import Tried
from app.web.places import Places
from app.web.shared import Reader, SharedDownloads
from app.web.shared_state import Progress
from app.web.streams import Passing, send_on

_BYTES = "application/octet-stream"


class SharedResource:
    """`/shared/{path}`: the bytes of one download upstream, as they come."""

    def __init__(self, files: FileResource, downloads: SharedDownloads, places: Places) -> None:
        """Let `files` answer who cannot share."""
        self._files, self._downloads, self._places = files, downloads, places

    def on_get(self, req: falcon.Request, resp: falcon.Response, **segments: str) -> None:
        """Answer with the whole file."""
        text = path_of(segments)
        try:
            self._places.take()
        except TooBusyError:
            self._files.alone(req, resp, text)
            return
        try:
            reader = self._downloads.join(text)
        except OSError:
            self._places.give_back()
            self._files.alone(req, resp, text)
            return
        progress = reader.answer()
        if progress.total is not None:
            self._send(resp, reader, progress, progress.total)
            return
        reader.close()
        self._places.give_back()
        if progress.nowhere:
            tried = Tried(absent=progress.absent, failed=not progress.absent)
            send_on(resp, self._files.desk, text, tried)
        else:
            self._files.alone(req, resp, text)

    def _send(self, resp: falcon.Response, reader: Reader, progress: Progress, total: int) -> None:
        resp.content_type = progress.content_type or _BYTES
        resp.content_length = total
        resp.set_header("Accept-Ranges", "bytes")
        for name, value in (("ETag", progress.etag), ("Last-Modified", progress.last_modified)):
            if value:
                resp.set_header(name, value)
        after = ExitStack()
        after.callback(self._places.give_back)
        after.callback(reader.close)
        resp.stream = Passing(reader.chunks(total), after)
