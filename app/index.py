"""Keeping a project's pages in step with upstream: fetch, render, write, record."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from app import pages
from app.locks import NameLocks
from app.names import ProjectName
from app.store import Settled, Store, TrackedProject
from app.together import Together
from app.tree import Pages, PageTree
from app.updates import Update, Updates
from app.upstream import NoSuchProject, Upstream, UpstreamError, Validators

FILES_URL = "../../packages/"
"""From a project's page to the files: relative, so that any host name will do."""


class StalePageError(Exception):
    """Upstream served an older page than it has announced, or than is here."""


class Outcome(StrEnum):
    """What bringing a project in step came to."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class IndexParts:
    """What the index is made of."""

    store: Store
    upstream: Upstream
    tree: PageTree
    locks: NameLocks


class Index:
    """The project pages that are here, and how they come and go."""

    def __init__(
        self, parts: IndexParts, *, patience: float, clock: Callable[[], float] = time.time
    ) -> None:
        """Put the parts together; `patience` is how long to wait for another's fetch."""
        self._store, self._upstream = parts.store, parts.upstream
        self._tree, self._locks = parts.tree, parts.locks
        self._patience, self._clock = patience, clock
        self._updates = Together(Updates(parts.store, parts.tree).carry_out)

    def ask(self, name: ProjectName) -> None:
        """Bring a project in when it is asked for the first time.

        Of several that ask at once, one fetches and the others wait for it.

        Raises:
            NoSuchProject: Upstream has no such project.
            UpstreamError: Upstream cannot be asked, or cannot be believed.
            LockTimeoutError: Another's fetch takes too long.

        """
        with self._locks.hold(name, self._patience):
            if not self._tree.has(name):
                self._write(name, None, None)

    def bring(self, name: ProjectName, announced: int | None = None) -> Outcome:
        """Bring a project in step, whatever that takes.

        `announced` is the serial that upstream's list gives it.

        Raises:
            UpstreamError: Upstream cannot be asked, or cannot be believed; what is here
                stays, and the store knows why.
            StalePageError: Likewise.
            LockTimeoutError: Somebody else is at it.

        """
        with self._locks.hold(name, self._patience):
            known = self._store.tracked_project(name) if self._tree.has(name) else None
            try:
                return self._write(name, known, announced)
            except NoSuchProject:
                self._forget(name)
                return Outcome.REMOVED
            except (UpstreamError, StalePageError) as error:
                self._store.fail(name, str(error), int(self._clock()))
                raise

    def _forget(self, name: ProjectName) -> None:
        # The page first: a page that nobody tracks would be served for ever.
        self._tree.remove(name)
        if self._store.tracked_project(name) is not None:
            self._store.forget(name, int(self._clock()))

    def _write(
        self, name: ProjectName, known: TrackedProject | None, announced: int | None
    ) -> Outcome:
        fetched = self._upstream.project(name, _validators(known, announced))
        now = int(self._clock())
        if fetched is None:
            self._store.confirm(name, now)
            return Outcome.UNCHANGED
        project, found = fetched.project, fetched.validators
        _refuse_stale(project.serial, known.serial if known else None, announced)
        rendered = Pages(
            html=(pages.render_html(project, FILES_URL),),
            json=(pages.render_json(project, FILES_URL),),
        )
        settled = Settled(project.serial, found.etag, found.last_modified, now)
        self._updates.do(Update(project, settled, self._tree.stage(name, rendered)))
        return Outcome.WRITTEN


def _validators(known: TrackedProject | None, announced: int | None) -> Validators | None:
    """Return what to revalidate with, unless the page is known to have changed."""
    if known is None or known.checked_at is None:
        return None
    if announced is not None and announced != known.serial:
        return None
    return Validators(known.etag, known.last_modified)


def _refuse_stale(found: int | None, here: int | None, announced: int | None) -> None:
    """Refuse a page older than what was announced, or than what is here.

    A page without any serial is not stale: it cannot be told.
    """
    if found is None:
        return
    for serial, what in ((announced, "upstream announced"), (here, "is here already")):
        if serial is not None and found < serial:
            message = f"upstream's page has serial {found}, but {serial} {what}; a stale copy"
            raise StalePageError(message)
