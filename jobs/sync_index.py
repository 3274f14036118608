"""Entry point of `larder sync-index`."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

from app.index import Outcome
from app.names import ProjectName
from app.planning import Joined, plan_here
from app.steps import (
    AddProject,
    AskUpstream,
    CompleteProject,
    DenyFiles,
    KeepList,
    RemoveGone,
    RevalidateProject,
    Step,
    UpdateProject,
    Withdraw,
    WriteRoot,
)
from app.store import StoreBusyError, StoreError
from app.upstream import UpstreamError, UpstreamUnavailable
from jobs.bringing import OneProject, bring
from jobs.crew import Crew
from jobs.foreseeing import foresee
from jobs.gone import Gone
from jobs.hands import Hands
from jobs.harness import Job, main, noting
from jobs.news import Newsreader
from jobs.parts import Parts
from jobs.root_list import RootList
from jobs.running import Report
from jobs.upstream_habits import Habits
from jobs.upstream_list import keep_list

_WORKERS_PER_CONNECTION = 4
"""One is at upstream, one computes (`app.baton`), the others wait for the flush that ends
a batch: the more there are, the more projects share it."""

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
        self._refused: tuple[str, ...] | None = None
        # When upstream was asked, and the serial that it was at.
        self._asked_at = time.time()
        self._seen: int | None = None
        # Why upstream could not be asked for it.
        self._away: UpstreamUnavailable | None = None
        self._gone = Gone(parts, options)
        # What pages asked for, one after the other, to be left alone.
        self._pauses: list[float] = []

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

        # For the tests, which have no thousand projects.
        parser.add_argument("--crew-from", type=int, default=_MANY, help=argparse.SUPPRESS)

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
        if steps < self.options.crew_from or processes == 1:
            return None
        # This process has asked for the list, and its connection would be one too many.
        self.parts.upstream.close()
        shares = [len(range(first, connections, processes)) for first in range(processes)]
        return Crew(self.parts.config, shares, _WORKERS_PER_CONNECTION, self._note)

    def plan(self) -> Sequence[Step]:
        """Return the projects to write, and what follows from that."""
        self._asked_at = time.time()
        try:
            news = Newsreader(self.parts, self.options).read()
        except UpstreamUnavailable as error:
            return self._plan_without(error)
        self._fallen, self._refused = news.plan.fallen, news.refused
        self._seen = news.seen
        here = self._plan_here(news.plan.steps)
        if self.options.dry_run:
            here = foresee(self.parts, here)
        steps = Joined([*self._plan_denials()], Joined(news.plan.steps, here))
        left = not steps and self._has_withdrawn()
        keep = [news.keep] if news.keep else []
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
            case DenyFiles():
                self.parts.denying.carry_out(self.parts.holdings, self.parts.index)
            case RemoveGone():
                self._gone.remove()
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
        if isinstance(error, UpstreamUnavailable) and error.pause is not None:
            self._pauses.append(error.pause)
        else:
            self._pauses.clear()
        match step:
            case AddProject(name) | UpdateProject(name) | RevalidateProject(name):
                if not isinstance(error, UpstreamError):
                    self._note_failure(name, error)
            case RemoveGone() | Withdraw() | DenyFiles():
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
        sync = self.parts.config.sync
        if report.left and len(self._pauses) >= sync.download_error_threshold:
            # That is why the run gave up: whoever says so of every page means them all.
            with noting():
                Habits(self.parts, noting=True).note_pause(max(self._pauses), time.time())
        bound = int(time.time()) - sync.stuck_after
        if stuck := self.parts.store.count_stuck(bound):
            report.problems.append(f"{stuck} projects are stuck; `larder status` names them")

    def _note(self, step: Step, outcome: Outcome) -> None:
        self._pauses.clear()
        if outcome is Outcome.GONE and isinstance(step, OneProject):
            self._gone.note(step.project, getattr(step, "serial", None))

    def _note_failure(self, name: ProjectName, error: Exception) -> None:
        """Note what this machine is at fault for; of the rest, the index has taken note."""
        if not isinstance(error, StoreBusyError):
            with suppress(StoreError):
                self.parts.index.fail(name, error)
                return
        self.left += 1

    def _has_withdrawn(self) -> bool:
        """Whether files are here that a killed run, or the app, has taken off their pages."""
        tiers = {str(tier.path) for tier in self.parts.config.cache.tiers}
        return any(held.root in tiers for held in self.parts.store.withdrawn())

    def _plan_here(self, fetches: Sequence[Step]) -> list[Step]:
        """Return what is to be done whatever upstream says."""
        index = self.parts.index
        outdated = ((one.name, one.rendered, one.legacy) for one in index.outdated())
        doubtful = [CompleteProject(name) for name in index.doubtful()]
        return [*doubtful, *plan_here(outdated, fetches)]

    def _plan_denials(self) -> list[Step]:
        denying = self.parts.denying
        return [DenyFiles(len(denying.digests))] if denying.due else []

    def _plan_without(self, error: UpstreamUnavailable) -> list[Step]:
        """Return what can be done though upstream could not be asked; raises if nothing can."""
        here = [step for step in self._plan_here([]) if not step.asks]
        steps = [*self._plan_denials(), *here]
        if not steps:
            raise error
        self._away = error
        # Where some are fetched after all, one may turn out to be gone.
        return [*steps, RemoveGone(), Withdraw(), WriteRoot(), AskUpstream()]

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
