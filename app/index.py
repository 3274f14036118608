"""Keeping a project's pages in step with upstream: fetch, render, write, record."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from enum import StrEnum

from app.legacy import LegacyPages, StaleLegacyError
from app.locks import NameLocks
from app.model import Project
from app.names import ProjectName
from app.pages.provenance import release_of
from app.planning import retry_pause
from app.rerender import LostPageError, OwnPages, render
from app.shelf import provenance
from app.store import Failure, Outdated, Rendered, Settled, Store, TrackedProject
from app.together import Together
from app.tree import PageTree
from app.updates import Update, Updates
from app.upstream import (
    NoSuchProject,
    Upstream,
    UpstreamError,
    UpstreamUnavailable,
    Validators,
)

logger = logging.getLogger(__name__)

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
    own: OwnPages


@dataclass(frozen=True, slots=True)
class IndexPolicy:
    """How the index is kept."""

    # Seconds to wait for another's fetch of the same project.
    patience: float
    # How pages are rendered now: `app.pages.FORMAT`, and what else changes pages.
    mark: str
    # Where clients find upstream's files; None: no pages with upstream's own links.
    canonical_url: str | None = None
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
        self._legacy, self._own = parts.legacy, parts.own
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
            elif self._policy.canonical_url and not self._tree.has_canonical(name):
                self._add_canonical(name)

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
            # What is not here needs no look into the store, unless something goes wrong.
            tracked = self._store.tracked_project(name) if self._tree.has(name) else None
            return self._bring(name, tracked, announced)

    def render(self, name: ProjectName) -> Outcome:
        """Render a project's pages as they would be now, from what is here.

        Where that does not suffice, the project is brought in anew. Raises as `bring` does.
        """
        with self._locks.hold(name, self._policy.patience):
            known = self._store.tracked_project(name)
            if known is None:
                return Outcome.UNCHANGED
            try:
                self._render(known)
            except LostPageError as error:
                logger.info("%s is fetched again: %s", name, error)
                return self._bring(name, _without_validators(known), None)
            return Outcome.WRITTEN

    def complete(self, name: ProjectName) -> None:
        """Fetch the legacy JSON that a project's pages lack; raises as `bring` does."""
        with self._locks.hold(name, self._policy.patience):
            known = self._store.tracked_project(name)
            if known is None or not self._tree.has(name):
                return
            with self._noting(name, known):
                self._legacy.complete(name)
            self._store.note_legacy(name)

    def outdated(self) -> Iterator[Outdated]:
        """Yield, by name, the projects in step that `render` or `complete` are for."""
        return self._store.outdated(self._policy.mark, legacy=self._legacy.mirrored)

    @property
    def locks(self) -> NameLocks:
        """The projects' locks: whoever else in this process writes beside pages needs these.

        Two objects of one process would not keep each other out (`NameLocks`).
        """
        return self._locks

    @property
    def mark(self) -> str:
        """How pages are rendered now."""
        return self._policy.mark

    def remove(self, name: ProjectName, announced: int | None = None) -> None:
        """Take a project away: its pages now, its held files by whoever withdraws them."""
        with self._locks.hold(name, self._policy.patience):
            self._bury(name, announced)

    def fail(self, name: ProjectName, error: Exception) -> None:
        """Note why a project could not be brought in step, where upstream is not at fault."""
        self._store.fail(name, self._failure(error, self._store.tracked_project(name)))

    def _bring(
        self, name: ProjectName, tracked: TrackedProject | None, announced: int | None
    ) -> Outcome:
        here = self._tree.has(name)
        try:
            with self._noting(name, tracked):
                outcome = self._write(name, tracked if here else None, announced)
                self._legacy.complete(name)
        except NoSuchProject:
            if here:
                return Outcome.GONE
            self._bury(name, announced)
            return Outcome.ABSENT
        return outcome

    @contextmanager
    def _noting(self, name: ProjectName, tracked: TrackedProject | None) -> Iterator[None]:
        """Note what goes wrong upstream; what is here is rendered as it would be now."""
        try:
            yield
        except NoSuchProject:
            raise
        except (UpstreamError, StalePageError) as error:
            known = tracked or self._store.tracked_project(name)
            self._store.fail(name, self._failure(error, known))
            if known:
                with suppress(LostPageError):
                    self._render(known)
            raise

    def _add_canonical(self, name: ProjectName) -> None:
        """Write the pages that a key of the configuration has just asked for."""
        known = self._store.tracked_project(name)
        if known is not None:
            with suppress(LostPageError):
                self._render_anew(known)
                return
        self._write(name, None, None)

    def _render(self, known: TrackedProject) -> None:
        """Render pages that are not as they would be now; raises LostPageError."""
        if known.rendered != self._policy.mark:
            self._render_anew(known)

    def _render_anew(self, known: TrackedProject) -> None:
        mark, project = self._policy.mark, self._own.read(known)
        rendered = render(project, canonical_url=self._policy.canonical_url)
        if self._own.same(known.name, rendered):
            self._store.note_rendered(known.name, mark)
            return
        staged = self._tree.stage_again(known.name, rendered)
        keep = self._keeps(project)
        self._updates.do(Update(project, Rendered(mark), staged, keep_held=keep))

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
        legacy = self._legacy.beside(project, fetched.legacy)
        pages = render(project, legacy, self._policy.canonical_url)
        staged = self._tree.stage(name, replace(pages, lasting=self._lasting(project)))
        settled = Settled(
            project.serial,
            found.etag,
            found.last_modified,
            now,
            rendered=self._policy.mark,
            legacy=staged.legacy,
        )
        self._updates.do(Update(project, settled, staged, keep_held=self._keeps(project)))
        return Outcome.QUARANTINED if project.status == QUARANTINED else Outcome.WRITTEN

    def _lasting(self, project: Project) -> list[str]:
        """Return the places of provenance that stays: that of files that are as they were."""
        if not self._tree.has_provenance(project.name):
            return []
        known = self._store.attested(project.name)
        return [
            provenance(release_of(file.provenance, file.filename), file.filename)
            for file in project.files
            if file.provenance and (file.path, file.sha256, file.provenance) in known
        ]

    def _keeps(self, project: Project) -> bool:
        """Whether what is held of a project stays though its page lists it no more."""
        return self._policy.keep_deleted and project.status != QUARANTINED


def _validators(known: TrackedProject | None, announced: int | None) -> Validators | None:
    """Return what to revalidate with, unless the page is known to have changed."""
    if known is None or known.checked_at is None:
        return None
    if announced is not None and announced != known.serial:
        return None
    return Validators(known.etag, known.last_modified)


def _without_validators(known: TrackedProject) -> TrackedProject:
    """Return what is known of a page that is to be fetched whole, and not an older one."""
    return replace(known, checked_at=None)


def _kind(error: Exception) -> str:
    """Return the word for a failure that `status` and the runbook use."""
    if isinstance(error, StalePageError | StaleLegacyError):
        return "stale"
    if isinstance(error, UpstreamUnavailable):
        return "unavailable"
    return "untrusted" if isinstance(error, UpstreamError) else "local"


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
