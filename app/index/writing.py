"""One project's pages: fetched or read back, rendered, written, and recorded."""

from collections.abc import Callable
from dataclasses import replace

from app.index.failures import refuse_stale
from app.index.outcome import QUARANTINED, Outcome
from app.index.parts import IndexParts, IndexPolicy
from app.model import Project
from app.names import ProjectName
from app.pages.provenance import release_of
from app.rerender import render
from app.shelf import provenance
from app.store import Rendered, Settled, TrackedProject
from app.together import Together
from app.updates import Update, Updates
from app.upstream import Validators


class Writer:
    """Writes projects' pages; whoever asks it to holds the project's lock."""

    def __init__(self, parts: IndexParts, policy: IndexPolicy, clock: Callable[[], float]) -> None:
        """Put the parts together."""
        self._store, self._upstream, self._tree = parts.store, parts.upstream, parts.tree
        self._legacy, self._own = parts.legacy, parts.own
        self._policy, self._clock = policy, clock
        self._updates = Together(Updates(parts.store, parts.tree).carry_out)

    def fetch(
        self, name: ProjectName, known: TrackedProject | None, announced: int | None
    ) -> Outcome:
        """Fetch a project's page and write it, where it is not as it is known.

        Raises:
            NoSuchProject: Upstream has no such project.
            UpstreamError: Upstream cannot be asked, or cannot be believed.
            StalePageError: The page is older than announced, or than known.

        """
        fetched = self._upstream.project(name, _validators(known, announced))
        now = int(self._clock())
        if fetched is None:
            self._store.confirm(name, now)
            return Outcome.UNCHANGED
        project, found = fetched.project, fetched.validators
        refuse_stale(project.serial, known.serial if known else None, announced)
        pages = render(project, self._legacy.beside(project, fetched.legacy))
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

    def render(self, known: TrackedProject) -> None:
        """Render pages that are not as they would be now, from what is here.

        Raises:
            LostPageError: What is here does not suffice.

        """
        mark = self._policy.mark
        if known.rendered == mark:
            return
        project = self._own.read(known)
        rendered = render(project)
        if self._own.same(known.name, rendered):
            self._store.note_rendered(known.name, mark)
            return
        staged = self._tree.stage_again(known.name, rendered)
        keep = self._keeps(project)
        self._updates.do(Update(project, Rendered(mark), staged, keep_held=keep))

    def bury(self, name: ProjectName, announced: int | None) -> None:
        """Take a project's pages away, and note at which serial."""
        # The page first: a page that nobody tracks would be served for ever.
        self._tree.remove(name)
        now = int(self._clock())
        self._store.bury(name, announced, now, keep_held=self._policy.keep_deleted)

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
