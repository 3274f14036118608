"""One project's pages: fetched or read back, rendered, written, and recorded."""

from collections.abc import Callable
from dataclasses import replace

from app.filtering import Screened
from app.index.failures import refuse_stale
from app.index.outcome import QUARANTINED, Outcome
from app.index.parts import IndexParts, IndexPolicy
from app.model import Project
from app.names import ProjectName
from app.pages.provenance import release_of
from app.planning import retry_pause
from app.rerender import LostPageError, render
from app.shelf import provenance
from app.store import Rendered, Settled, TrackedProject
from app.together import Together
from app.tree import Staged
from app.updates import Update, Updates
from app.upstream import Validators

_LOOKS = 6
"""So often is a fresh tombstone looked at again, over an hour: a project that was just made,
or a CDN's slip, may have its page by then."""


class Writer:
    """Writes projects' pages; whoever asks it to holds the project's lock."""

    def __init__(self, parts: IndexParts, policy: IndexPolicy, clock: Callable[[], float]) -> None:
        """Put the parts together."""
        self._store, self._upstream, self._tree = parts.store, parts.upstream, parts.tree
        self._legacy, self._own = parts.legacy, parts.own
        self._filtering = parts.filtering
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
        legacy = self._legacy.beside(project, fetched.legacy, insist=self._filtering.needs_facts)
        screened = self._filtering.screen(project, self._filtering.facts(legacy), now)
        staged = self._staged(screened, legacy)
        settled = Settled(
            project.serial,
            found.etag,
            found.last_modified,
            now,
            rendered=self._policy.mark,
            legacy=bool(staged and staged.legacy),
            filtered=screened.filtered,
        )
        self._show(screened, settled, staged)
        if staged is None:
            return Outcome.HIDDEN
        return Outcome.QUARANTINED if project.status == QUARANTINED else Outcome.WRITTEN

    def render(self, known: TrackedProject) -> None:
        """Render pages that are not as they would be now, from what is here.

        Raises:
            LostPageError: What is here does not suffice.

        """
        due = known.review_at is not None and known.review_at <= int(self._clock())
        if known.rendered != self._policy.mark or due:
            self.render_anew(known)

    def render_anew(self, known: TrackedProject) -> None:
        """Render pages, some of which are not here; raises as `render` does."""
        mark, screened = self._policy.mark, self.screened(known, int(self._clock()))
        filtered = screened.filtered
        if filtered.hidden is not None:
            self._show(screened, Rendered(mark, filtered), None)
            return
        rendered = render(screened.shown, canonical_url=self._policy.canonical_url)
        if self._own.same(known.name, rendered):
            self._filtering.finish(screened)
            self._store.note_rendered(known.name, mark, filtered)
            return
        staged = self._tree.stage_again(known.name, rendered)
        self._show(screened, Rendered(mark, filtered), staged)

    def screened(self, known: TrackedProject, now: int) -> Screened:
        """Return what filters leave of a project, by what is here; raises LostPageError."""
        project = self._own.read(known)
        try:
            facts = self._filtering.known_facts(known.name)
        except ValueError as error:
            raise LostPageError(str(error)) from error
        return self._filtering.screen(project, facts, now)

    def _staged(self, screened: Screened, legacy: bytes | None) -> Staged | None:
        """Stage the pages of what is shown; None where that is nothing at all."""
        if screened.filtered.hidden is not None:
            return None
        pages = render(screened.shown, legacy, self._policy.canonical_url)
        lasting = self._lasting(screened.shown)
        return self._tree.stage(screened.whole.name, replace(pages, lasting=lasting))

    def _show(self, screened: Screened, settled: Settled | Rendered, staged: Staged | None) -> None:
        project = screened.whole
        self._filtering.prepare(screened)
        keep = self._keeps(project)
        self._updates.do(Update(project, settled, staged, keep, screened.hidden))
        self._filtering.finish(screened)

    def bury(self, name: ProjectName, announced: int | None) -> None:
        """Take a project's pages away, and note at which serial."""
        # The page first: a page that nobody tracks would be served for ever.
        self._tree.remove(name)
        self._filtering.sources.remove(name)
        now = int(self._clock())
        times = self._store.burials(name, announced) + 1
        self._store.bury(name, announced, now, keep_held=self._policy.keep_deleted)
        if announced is not None and times <= _LOOKS:
            self._store.look_again(name, times, now + retry_pause(times))

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
