"""Keeping a project's pages in step with upstream: fetch, render, write, record."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from app import pages
from app.legacy import LegacyPages
from app.locks import NameLocks
from app.names import ProjectName
from app.planning import retry_pause
from app.store import Failure, Settled, Store, TrackedProject
from app.together import Together
from app.tree import Pages, PageTree
from app.updates import Update, Updates
from app.upstream import (
    NoSuchProject,
    Upstream,
    UpstreamError,
    UpstreamUnavailable,
    Validators,
)

FILES_URL = "../../packages/"
"""From a project's page to the files: relative, so that any host name will do."""

QUARANTINED = "quarantined"
"""PEP 792: "the project is considered generally unsafe for use"."""


class StalePageError(Exception):
    """Upstream served an older page than it has announced, or than is here."""


class Outcome(StrEnum):
    """What bringing a project in step came to."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    # It is here, and upstream has it no more: whether to believe that, `remove` is for.
    GONE = "gone"
    # Upstream's list names it, and there is no page: a tombstone stands for it.
    ABSENT = "absent"
    # PEP 792: its page says so and lists no files; what is held of it goes.
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class IndexParts:
    """What the index is made of."""

    store: Store
    upstream: Upstream
    tree: PageTree
    locks: NameLocks
    legacy: LegacyPages


@dataclass(frozen=True, slots=True)
class IndexPolicy:
    """How the index is kept."""

    # Seconds to wait for another's fetch of the same project.
    patience: float
    # Whether held files stay though upstream deleted them; never those in quarantine.
    keep_deleted: bool = False


class Index:
    """The project pages that are here, and how they come and go."""

    def __init__(
        self, parts: IndexParts, policy: IndexPolicy, clock: Callable[[], float] = time.time
    ) -> None:
        """Put the parts together."""
        self._store, self._upstream = parts.store, parts.upstream
        self._tree, self._locks = parts.tree, parts.locks
        self._policy, self._clock = policy, clock
        self._legacy = parts.legacy
        self._updates = Together(Updates(parts.store, parts.tree).carry_out)

    def ask(self, name: ProjectName) -> None:
        """Bring a project in when it is asked for the first time.

        Of several that ask at once, one fetches and the others wait for it.

        Raises:
            NoSuchProject: Upstream has no such project.
            UpstreamError: Upstream cannot be asked, or cannot be believed.
            LockTimeoutError: Another's fetch takes too long.

        """
        with self._locks.hold(name, self._policy.patience):
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
        with self._locks.hold(name, self._policy.patience):
            here = self._tree.has(name)
            try:
                known = self._store.tracked_project(name) if here else None
                outcome = self._write(name, known, announced)
                self._legacy.complete(name)
            except NoSuchProject:
                if here:
                    return Outcome.GONE
                self._bury(name, announced)
                return Outcome.ABSENT
            except (UpstreamError, StalePageError) as error:
                self._store.fail(name, self._failure(error, self._store.tracked_project(name)))
                raise
            else:
                return outcome

    def remove(self, name: ProjectName, announced: int | None = None) -> None:
        """Take a project away: its pages now, its held files by whoever withdraws them."""
        with self._locks.hold(name, self._policy.patience):
            self._bury(name, announced)

    def _bury(self, name: ProjectName, announced: int | None) -> None:
        # The page first: a page that nobody tracks would be served for ever.
        self._tree.remove(name)
        now = int(self._clock())
        self._store.bury(name, announced, now, keep_held=self._policy.keep_deleted)

    def _failure(self, error: Exception, tracked: TrackedProject | None) -> Failure:
        now = int(self._clock())
        pause = retry_pause((tracked.tries if tracked else 0) + 1)
        return Failure(_kind(error), str(error), now, now + pause)

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
        quarantined = project.status == QUARANTINED
        keep = self._policy.keep_deleted and not quarantined
        ours = pages.with_own_links(project)
        rendered = Pages(
            html=(pages.render_html(ours, FILES_URL),),
            json=(pages.render_json(ours, FILES_URL),),
            serial=project.serial,
            legacy=self._legacy.beside(project, fetched.legacy),
        )
        settled = Settled(project.serial, found.etag, found.last_modified, now)
        staged = self._tree.stage(name, rendered)
        self._updates.do(Update(project, settled, staged, keep_held=keep))
        return Outcome.QUARANTINED if quarantined else Outcome.WRITTEN


def _validators(known: TrackedProject | None, announced: int | None) -> Validators | None:
    """Return what to revalidate with, unless the page is known to have changed."""
    if known is None or known.checked_at is None:
        return None
    if announced is not None and announced != known.serial:
        return None
    return Validators(known.etag, known.last_modified)


def _kind(error: Exception) -> str:
    """Return the word for a failure that `status` and the runbook use."""
    if isinstance(error, StalePageError):
        return "stale"
    return "unavailable" if isinstance(error, UpstreamUnavailable) else "untrusted"


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
