"""Entry point of `larder sync-index`."""

import argparse
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

from app.config import Projects
from app.index import Outcome
from app.names import ProjectName
from app.planning import (
    IndexPlan,
    IndexPolicy,
    Joined,
    ProjectState,
    plan_changes,
    plan_here,
    plan_index,
    plan_retries,
)
from app.steps import (
    AddProject,
    AskUpstream,
    KeepList,
    RemoveGone,
    RevalidateProject,
    Step,
    UpdateProject,
    Withdraw,
    WriteRoot,
)
from app.store import StoreBusyError, StoreError
from app.upstream import NotModified, UpstreamError, UpstreamUnavailable, Validators
from jobs.bringing import OneProject, bring
from jobs.crew import Crew
from jobs.exit_codes import RefusedError, UsageError
from jobs.hands import Hands
from jobs.harness import Job, main, noting
from jobs.parts import Parts
from jobs.root_list import RootList
from jobs.running import Report
from jobs.upstream_list import (
    believe,
    believe_none,
    believe_plan,
    keep_list,
    kept_list,
    validators_of,
)

logger = logging.getLogger("larder")

_FEW = 3
"""So many projects may go from a small mirror in one run without anybody's word."""

_WORKERS_PER_CONNECTION = 6
"""One is at upstream, the others render, or wait for the flush that ends a batch: with
three some fifteen in a hundred fewer projects a second are written, with twelve no more."""

_MANY = 1000
"""From so many projects on, it pays to start processes for them."""

_MOST_PROCESSES = 4
"""More than these would wait for each other, at the disk and the database."""


class SyncIndex(Job):
    """Bring the index in step with upstream, by serial where upstream has serials."""

    name = "sync-index"
    # A full disk, or a broken database: the pages of all others would be fetched in vain.
    telling = (*Job.telling, OSError, StoreError)

    def __init__(self, parts: Parts, options: argparse.Namespace) -> None:
        """Remember the parts; nothing is opened yet."""
        super().__init__(parts, options)
        self._root = RootList(parts)
        # What the plan found beside its steps.
        self._fallen: list[ProjectName] = []
        self._refused: tuple[str, ...] = ()
        # When upstream was asked, and the serial that it was at.
        self._asked_at = time.time()
        self._seen: int | None = None
        # Why upstream could not be asked for it.
        self._away: UpstreamUnavailable | None = None
        # What its steps came to; they run side by side.
        self._counting = threading.Lock()
        self._gone: list[tuple[ProjectName, int | None]] = []

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Add the word for an operator who knows better than the guards, and the light run."""
        parser.add_argument(
            "--accept-removals",
            action="store_true",
            help="believe a list of projects that is empty, much smaller, or older than before",
        )
        parser.add_argument(
            "--follow",
            action="store_true",
            help="a light run: only what upstream's changelog names, or a changed list",
        )

    @property
    def workers(self) -> int:
        """While some wait for upstream, others write, the more the better, in one go.

        Upstream itself bounds the connections. Who allows one wants one thing at a time.
        """
        connections = super().workers
        return connections if connections == 1 else _WORKERS_PER_CONNECTION * connections

    def crew(self, steps: int) -> Hands | None:
        """Return processes for many projects, as many as there are cores for them."""
        connections = self.parts.config.sync.concurrent_downloads
        processes = min(len(os.sched_getaffinity(0)), connections, _MOST_PROCESSES)
        if steps < _MANY or processes == 1:
            return None
        shares = [len(range(first, connections, processes)) for first in range(processes)]
        return Crew(self.parts.config, shares, _WORKERS_PER_CONNECTION, self._note)

    def plan(self) -> Sequence[Step]:
        """Return the projects to write, and what follows from that."""
        self._asked_at = time.time()
        try:
            plan, keep = self._plan_projects()
        except UpstreamUnavailable as error:
            return self._plan_without(error)
        self._fallen = plan.fallen
        steps = Joined(plan.steps, self._plan_here(plan.steps))
        left = not steps and self._has_withdrawn()
        if not steps and not left and not keep and not self._root.differs():
            return []
        tail: list[Step] = [RemoveGone(), Withdraw()] if steps or left else []
        return Joined(steps, [*tail, WriteRoot(), *keep])

    def execute(self, step: Step) -> None:
        """Carry out one step."""
        if isinstance(step, OneProject):
            self._note(step, bring(self.parts.index, step))
            return
        match step:
            case AskUpstream() if self._away:
                raise self._away
            case RemoveGone():
                self._remove_gone()
            case Withdraw():
                self.parts.store.exhume(self._fallen)
                self.parts.holdings.withdraw()
                self.parts.core_metadata.withdraw()
            case WriteRoot():
                self._root.write()
            case KeepList():
                self._keep_list(step)
            case _:
                message = f"{step!r} is no step of this job"
                raise TypeError(message)

    def failed(self, step: Step, error: Exception) -> None:
        """See that a later run does it, though upstream's list may be the same by then."""
        match step:
            case AddProject(name) | UpdateProject(name) | RevalidateProject(name):
                if not isinstance(error, UpstreamError):
                    self._note_failure(name, error)
            case RemoveGone() | Withdraw():
                self.left += 1

    def begin(self) -> None:
        """Note how far upstream is."""
        if self._seen is not None:
            self.parts.freshness.saw(self._seen)

    def conclude(self, report: Report) -> None:
        """Say which projects are stuck: the run has not done what it is for."""
        if not (self.left or report.left or report.refused or self._away):
            with noting():
                self.parts.freshness.in_step(self._asked_at)
        bound = int(time.time()) - self.parts.config.sync.stuck_after
        if stuck := self.parts.store.count_stuck(bound):
            report.problems.append(f"{stuck} projects are stuck; `larder status` names them")

    def _note(self, step: Step, outcome: Outcome) -> None:
        if outcome is Outcome.GONE and isinstance(step, OneProject):
            with self._counting:
                self._gone.append((step.project, getattr(step, "serial", None)))

    def _note_failure(self, name: ProjectName, error: Exception) -> None:
        """Note what this machine is at fault for; of the rest, the index has taken note."""
        if not isinstance(error, StoreBusyError):
            with suppress(StoreError):
                self.parts.index.fail(name, error)
                return
        self.left += 1

    def _remove_gone(self) -> None:
        """Remove what answered 404, unless it is upstream that is not what it was."""
        count = len(self._gone)
        if self._doubtful(count) and not self.options.accept_removals:
            raise RefusedError(
                f"{count} projects that are here are not at "
                f"{self.parts.config.upstream.pypi_url}; they were kept. Correct "
                "upstream.pypi_url, or, if that is right, run again with --accept-removals"
            )
        for name, serial in self._gone:
            self.parts.index.remove(name, serial)
            logger.info("removed %s: upstream has it no more", name)

    def _doubtful(self, count: int) -> bool:
        """Whether it is more likely that the URL is another index's than that all are gone."""
        if count > self.parts.config.sync.max_removals:
            return True
        if 2 * count <= self.parts.store.count_tracked():
            return False
        # A few may well be most of a small mirror, if there is an index at all.
        return count > _FEW or not self.parts.upstream.has_index()

    @property
    def _policy(self) -> IndexPolicy:
        everything = self.parts.config.projects is Projects.ALL
        return IndexPolicy(everything, self.parts.config.sync.max_age)

    def _has_withdrawn(self) -> bool:
        """Whether files are here that a killed run, or the app, has taken off their pages."""
        tiers = {str(tier.path) for tier in self.parts.config.cache.tiers}
        return any(held.root in tiers for held in self.parts.store.withdrawn())

    def _plan_here(self, fetches: Sequence[Step]) -> list[Step]:
        """Return what is to be done whatever upstream says."""
        outdated = self.parts.index.outdated()
        return plan_here(((one.name, one.rendered, one.legacy) for one in outdated), fetches)

    def _plan_without(self, error: UpstreamUnavailable) -> list[Step]:
        """Return what can be done though upstream could not be asked; raises if nothing can."""
        steps = [step for step in self._plan_here([]) if not step.asks]
        if not steps:
            raise error
        self._away = error
        # Where some are fetched after all, one may turn out to be gone.
        return [*steps, RemoveGone(), Withdraw(), WriteRoot(), AskUpstream()]

    def _plan_projects(self) -> tuple[IndexPlan, list[Step]]:
        """Return the plan, and the note of the list that it carries out."""
        now, store = int(time.time()), self.parts.store
        if not self._policy.everything and not self._worth_a_list():
            return plan_index(self._states(), None, self._policy, now), []
        if self.options.follow and (followed := self._follow(now)) is not None:
            return followed
        found = self.parts.upstream.serials(self._known_list())
        if isinstance(found, NotModified):
            return IndexPlan(plan_retries(self._failing(), now)), []
        if found is None:
            self._need_no_list()
            return plan_index(self._states(), None, self._policy, now), []
        # PyPI's XML-RPC list has no serial of its own: that of its last change stands for it.
        last = found.last if found.last is not None else max(found.serials.values(), default=None)
        self._seen = last
        before = kept_list(store)
        if not self.options.accept_removals:
            believe(found.serials, found.last, before.last)
        plan = plan_index(self._states(), found.serials, self._policy, now)
        if not self.options.accept_removals:
            believe_plan(plan, last, before.last, self.parts.config.sync.max_removals)
        validators = found.validators
        # Who believes an older list believes that serials began anew.
        reached = None if self.options.accept_removals else before.followed
        keep = KeepList(last, validators.etag, validators.last_modified, reached)
        self._refused = found.refused
        return plan, [keep] if plan.steps or keep != before else []

    def _follow(self, now: int) -> tuple[IndexPlan, list[Step]] | None:
        """Return what the changelog names; None where there is none to go by."""
        kept = kept_list(self.parts.store)
        since = kept.known
        changes = None if since is None else self.parts.upstream.changes(since)
        if changes is None:
            return None
        self._seen = max(changes.values(), default=since)
        steps: list[Step] = plan_retries(self._failing(), now)
        tracked = self.parts.store.tracked_among(changes)
        steps += plan_changes(changes, tracked, self._policy)
        # The list's validators stay: the next run that asks for the list gets it whole.
        keep = KeepList(kept.last, followed=self._seen)
        return IndexPlan(steps), [keep] if steps else []

    def _worth_a_list(self) -> bool:
        return self.parts.store.count_tracked() > self.parts.config.sync.whole_list_above

    def _need_no_list(self) -> None:
        if self._policy.everything:
            believe_none(self.parts.config.upstream.pypi_url, kept_list(self.parts.store))
            message = (
                f"{self.parts.config.upstream.pypi_url} has no list of serials, so "
                "index.projects: all cannot work; set index.projects: on-demand"
            )
            raise UsageError(message)

    def _states(self) -> Iterator[ProjectState]:
        """Yield what is known, and folders that nothing is known of: the database was lost."""
        return self.parts.store.states(self.parts.tree.names())

    def _failing(self) -> Iterator[ProjectState]:
        """Yield what is known of the projects that failed."""
        for project in self.parts.store.failing():
            page = self.parts.tree.has(project.name)
            checked, retry = project.checked_at, project.retry_at
            yield ProjectState(project.name, project.serial, checked, page, retry_at=retry)

    def _known_list(self) -> Validators | None:
        """Return what to revalidate the list with, if nothing here is missing from it."""
        if self.options.accept_removals:
            return None
        return validators_of(kept_list(self.parts.store))

    def _keep_list(self, step: KeepList) -> None:
        """Note the list, unless something was left out that it asks for."""
        if self.left:
            return
        keep_list(self.parts.store, step, self._refused)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the job from the command line; return its exit code."""
    return main(SyncIndex, arguments)


if __name__ == "__main__":
    sys.exit(run())
