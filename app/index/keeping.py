"""`Index`: how the project pages that are here come and go, one project at a time."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from app.filtering import Screened
from app.filters import Facts
from app.index.failures import MissingPageError, StalePageError, failure, has_lasted
from app.index.outcome import Outcome
from app.index.parts import IndexParts, IndexPolicy
from app.index.writing import Writer
from app.locks import NameLocks
from app.names import ProjectName
from app.rerender import LostPageError
from app.store import Outdated, TrackedProject
from app.upstream import NoSuchProject, UpstreamError

logger = logging.getLogger(__name__)


class HiddenProjectError(Exception):
    """Filters hide the project; the reason names the rule."""

    def __init__(self, name: ProjectName, reason: str) -> None:
        """Remember which, and why."""
        super().__init__(f"{name}: {reason}")
        self.name, self.reason = name, reason


class Index:
    """The project pages that are here, and how they come and go."""

    def __init__(
        self, parts: IndexParts, policy: IndexPolicy, clock: Callable[[], float] = time.time
    ) -> None:
        """Put the parts together."""
        self._store, self._tree, self._locks = parts.store, parts.tree, parts.locks
        self._legacy, self._policy, self._clock = parts.legacy, policy, clock
        self._writer = Writer(parts, policy, clock)
        self._facts = parts.filtering.facts
        self._judge, self._sources = parts.filtering.judge, parts.filtering.sources

    def ask(self, name: ProjectName) -> None:
        """Bring a project in when it is asked for the first time.

        Of several that ask at once, one fetches and the others wait for it.

        Raises:
            NoSuchProject: Upstream has no such project.
            HiddenProjectError: Filters hide it.
            UpstreamError: Upstream cannot be asked, or cannot be believed.
            LockTimeoutError: Another's fetch takes too long.

        """
        verdict = self._judge.project_by_name(name)
        if not verdict.shown:
            raise HiddenProjectError(name, f"{verdict.rule}: {verdict.reason}")
        with self._locks.hold(name, self._policy.patience):
            if not self._tree.has(name):
                known = self._hidden(name)
                if known is None or known.rendered != self._policy.mark:
                    self._writer.fetch(name, None, None)
            elif self._policy.canonical_url and not self._tree.has_canonical(name):
                self._add_canonical(name)
            else:
                return
            # What was just written, too.
            known = self._hidden(name)
            if known is not None:
                raise HiddenProjectError(name, known.hidden or "")

    def bring(
        self, name: ProjectName, announced: int | None = None, *, listed: bool | None = None
    ) -> Outcome:
        """Bring a project in step, whatever that takes.

        `announced` is the serial that upstream's list gives it; `listed` is whether it
        does, where no serial tells. A listed project without a page is gone only after
        some time.

        Raises:
            UpstreamError: Upstream cannot be asked, or cannot be believed; what is here
                stays, and the store knows why.
            StalePageError: Likewise; or the page is missing, and the list names it.
            LockTimeoutError: Somebody else is at it.

        """
        listed = announced is not None if listed is None else listed
        with self._locks.hold(name, self._policy.patience):
            # What is not here needs no look into the store, unless something goes wrong.
            here = self._tree.has(name)
            tracked = self._store.tracked_project(name) if here else self._hidden(name)
            return self._bring(name, tracked, announced, listed=listed)

    def render(self, name: ProjectName) -> Outcome:
        """Render a project's pages as they would be now, from what is here.

        Where that does not suffice, the project is brought in anew. Raises as `bring` does.
        """
        with self._locks.hold(name, self._policy.patience):
            known = self._store.tracked_project(name)
            if known is None:
                return Outcome.UNCHANGED
            try:
                self._writer.render(known)
            except LostPageError as error:
                logger.info("%s is fetched again: %s", name, error)
                # There is no good page to keep: a 404 is believed as that of an unlisted one.
                return self._bring(name, _without_validators(known), None, listed=False)
            return Outcome.WRITTEN

    def complete(self, name: ProjectName) -> None:
        """Fetch the legacy JSON that a project's pages lack; raises as `bring` does."""
        with self._locks.hold(name, self._policy.patience):
            known = self._store.tracked_project(name)
            if known is None or not self._tree.has(name):
                return
            with self._noting(name, known):
                self._legacy.complete(name)
            if self._legacy.has(name):
                self._store.note_legacy(name, here=True)

    def outdated(self) -> Iterator[Outdated]:
        """Yield, by name, the projects in step that `render` or `complete` are for."""
        now = int(self._clock())
        return self._store.outdated(self._policy.mark, now, legacy=self._legacy.mirrored)

    def screened(self, known: TrackedProject) -> Screened:
        """Return what filters leave of a project now, by what is here; nothing is changed.

        Raises:
            LostPageError: What is here does not suffice.

        """
        return self._writer.screened(known, int(self._clock()))

    def facts(self, legacy: bytes | None) -> Facts | None:
        """Return what legacy JSON says that filters go by."""
        return self._facts(legacy)

    def doubtful(self) -> list[ProjectName]:
        """Return a few projects that `complete` is for, though upstream lacked what it fetches."""
        return self._legacy.doubtful()

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
            self._writer.bury(name, announced)

    def fail(self, name: ProjectName, error: Exception) -> None:
        """Note why a project could not be brought in step, where upstream is not at fault."""
        self._note(name, error, self._store.tracked_project(name))

    def _add_canonical(self, name: ProjectName) -> None:
        """Write the pages that a key of the configuration has just asked for."""
        known = self._store.tracked_project(name)
        if known is not None:
            with suppress(LostPageError):
                self._writer.render_anew(known)
                return
        self._writer.fetch(name, None, None)

    def _bring(
        self,
        name: ProjectName,
        tracked: TrackedProject | None,
        announced: int | None,
        *,
        listed: bool,
    ) -> Outcome:
        here = self._tree.has(name) or bool(tracked and tracked.hidden)
        # Of a hidden one the whole page is kept; without it a 304 would leave nothing.
        kept = here and (not tracked or not tracked.hidden or self._sources.has(name))
        with self._noting(name, tracked):
            try:
                outcome = self._writer.fetch(name, tracked if kept else None, announced)
            except NoSuchProject as error:
                if not here:
                    self._writer.bury(name, announced)
                    return Outcome.ABSENT
                if listed and not has_lasted(tracked, int(self._clock())):
                    message = f"{error}, but upstream's list names it; what is here stays for now"
                    raise MissingPageError(message) from error
                return Outcome.GONE
            if outcome is not Outcome.HIDDEN:
                self._legacy.complete(name)
        return outcome

    @contextmanager
    def _noting(self, name: ProjectName, tracked: TrackedProject | None) -> Iterator[None]:
        """Note what goes wrong upstream; what is here is rendered as it would be now."""
        try:
            yield
        except (UpstreamError, StalePageError) as error:
            known = tracked or self._store.tracked_project(name)
            self._note(name, error, known)
            if known:
                with suppress(LostPageError):
                    self._writer.render(known)
            raise

    def _hidden(self, name: ProjectName) -> TrackedProject | None:
        """Return a project that filters hide; nobody looks where there are none."""
        if self._judge.empty and not self._sources.has(name):
            return None
        known = self._store.tracked_project(name)
        return known if known and known.hidden is not None else None

    def _note(self, name: ProjectName, error: Exception, known: TrackedProject | None) -> None:
        self._store.fail(name, failure(error, known, int(self._clock())))


def _without_validators(known: TrackedProject) -> TrackedProject:
    """Return what is known of a page that is to be fetched whole, and not an older one."""
    return replace(known, checked_at=None)
