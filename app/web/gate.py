"""What filters refuse: files at their URLs, and the pages of hidden projects."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

import falcon

from app.config.settings import HiddenAnswer
from app.filters import Filters, Judge, Verdict, filenames
from app.index import HiddenProjectError
from app.model import File
from app.names import COMPANION, FilePath, ProjectName, parse_file_path, parse_filename
from app.store import KnownFile

logger = logging.getLogger(__name__)

_HIDDEN = Verdict(shown=False, rule="filters", reason="they leave it out; `larder why` tells why")
_PAGES = ("/simple/", "/canonical/simple/")
_NOWHERE = "There is nothing of this name."


class Files(Protocol):
    """What is known of files: `app.store.Store`. Both may raise StoreError."""

    def file(self, path: FilePath) -> KnownFile | None:
        """Return a file that a page lists, or None."""
        ...

    def hidden_file(self, path: FilePath) -> KnownFile | None:
        """Return a file that upstream lists and filters hide, or None."""
        ...


class Gate:
    """Lets files through, or refuses them; without filters nobody is asked."""

    def __init__(
        self,
        judge: Judge,
        files: Files | None,
        clock: Callable[[], float],
        here: Callable[[ProjectName], bool] = lambda _: True,
    ) -> None:
        """Judge what the store knows, at the time that it is; `here`: a project's pages are."""
        self._judge, self._files, self._clock = judge, files, clock
        self._here = here

    def refusal(self, text: str) -> str | None:
        """Return why a path below `/packages/` is refused, or None.

        Raises:
            InvalidNameError: It is no such path.
            StoreError: The database cannot be read: nobody can tell.

        """
        if self._judge.empty or self._files is None:
            return None
        path = parse_file_path(text.removesuffix(COMPANION))
        verdict = self._verdict(path, self._files)
        return None if verdict.shown else f"{verdict.rule}: {verdict.reason}"

    def unasked(self, text: str) -> ProjectName | None:
        """Return the project to bring in before a file of it can be judged, or None.

        Locks name files of projects that nobody has asked for yet.
        """
        if self._files is None or not self._judge.needs_pages:
            return None
        path = parse_file_path(text.removesuffix(COMPANION))
        filename = path.rpartition("/")[2]
        found = filenames.read(filename).project
        if found is None or self._files.file(path) or self._files.hidden_file(path):
            return None
        name = ProjectName(found)
        by_name = self._judge.project_by_name(name).shown
        return None if not by_name or self._here(name) else name

    def redirects(self, text: str) -> bool:
        """Whether a file is never passed through: its project is listed, and no more."""
        return self._judge.never_held(text.removesuffix(COMPANION).rpartition("/")[2])

    def _verdict(self, path: FilePath, files: Files) -> Verdict:
        known, now = files.file(path), int(self._clock())
        if known is not None:
            # What the next run will hide is refused from now on; what else it may hide
            # depends on other files, or on more than the database has.
            return self._judge.known_file(known.project, _as_file(known), now)
        hidden = files.hidden_file(path)
        if hidden is None:
            return self._judge.unknown_file(path.rpartition("/")[2], now)
        verdict = self._judge.known_file(hidden.project, _as_file(hidden), now)
        return _HIDDEN if verdict.shown else verdict


def _as_file(known: KnownFile) -> File:
    filename = parse_filename(known.path.rpartition("/")[2])
    hashes = {"sha256": known.sha256} if known.sha256 else {}
    return File(filename, known.path, hashes, size=known.size, upload_time=known.upload_time)


OPEN = Gate(Judge(Filters()), None, float)
"""The gate where there are no filters."""


@dataclass(frozen=True, slots=True)
class Screen:
    """How the pages of hidden projects are answered."""

    answer: HiddenAnswer = HiddenAnswer.NOT_FOUND
    # From a project to upstream's page of it.
    page: Callable[[ProjectName], str] = str

    def answer_for(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        error: HiddenProjectError,
        _params: dict[str, Any],
    ) -> None:
        """Answer as configured; only a page itself has one upstream to be sent to."""
        if self.answer is HiddenAnswer.UPSTREAM and req.path.startswith(_PAGES):
            resp.status = falcon.HTTP_302
            resp.set_header("Location", self.page(error.name))
            resp.cache_control = ["no-store"]
            resp.content_type = falcon.MEDIA_TEXT
            return
        self._refuse(error)

    def _refuse(self, error: HiddenProjectError) -> NoReturn:
        if self.answer is HiddenAnswer.FORBIDDEN:
            raise falcon.HTTPForbidden(description=f"{error}.") from error
        raise falcon.HTTPNotFound(description=_NOWHERE) from error
