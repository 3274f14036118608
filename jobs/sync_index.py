"""Entry point of `larder sync-index`."""

import argparse
import sys
import time
from collections.abc import Sequence

from app.config import Projects
from app.names import ProjectName
from app.planning import Difference, IndexFacts, ProjectState, differing, plan_index
from app.roots import Roots
from app.steps import AddProject, RevalidateProject, Step, UpdateProject, WriteRoot
from app.upstream import NotModified
from jobs.exit_codes import RefusedError, UsageError
from jobs.harness import Job, main

_WORKERS_PER_CONNECTION = 3


class SyncIndex(Job):
    """Bring the index in step with upstream, by serial where upstream has serials."""

    name = "sync-index"

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Add the word for an operator who knows better than the guard."""
        parser.add_argument(
            "--accept-removals",
            action="store_true",
            help="believe a list of projects that is empty or much smaller than before",
        )

    @property
    def workers(self) -> int:
        """While some wait for upstream, others write, the more the better, in one go.

        Upstream itself bounds the connections. Who allows one wants one thing at a time.
        """
        connections = super().workers
        return connections if connections == 1 else _WORKERS_PER_CONNECTION * connections

    def plan(self) -> Sequence[Step]:
        """Return the projects to write, and the list of projects if they change it."""
        facts = self._facts(self._announced())
        steps = plan_index(facts, int(time.time()))
        return [*steps, WriteRoot()] if steps or self._roots.differs() else []

    def _facts(self, announced: dict[ProjectName, int] | None) -> IndexFacts:
        """Return what the plan is made of; where there is a list, what differs from it.

        Raises:
            RefusedError: The list is not to be believed.

        """
        states = (
            ProjectState(row.name, row.serial, row.checked_at, failing=bool(row.failing))
            for row in self.parts.store.each_state()
        )
        pages = self.parts.tree.each_name()
        max_age = self.parts.config.sync.max_age
        if announced is None:
            return IndexFacts(list(states), set(pages), None, self._everything, max_age)
        empty = not announced
        found = differing(states, pages, announced)
        self._believe(found, empty=empty)
        return IndexFacts(found.tracked, found.pages, found.announced, self._everything, max_age)

    def execute(self, step: Step) -> None:
        """Write one project, or the list."""
        match step:
            case AddProject(name, serial) | UpdateProject(name, serial):
                self.parts.index.bring(name, serial)
            case RevalidateProject(name):
                self.parts.index.bring(name)
            case WriteRoot():
                self._roots.write()
            case _:
                message = f"{step!r} is no step of this job"
                raise TypeError(message)

    @property
    def _everything(self) -> bool:
        return self.parts.config.projects is Projects.ALL

    @property
    def _roots(self) -> Roots:
        return Roots(self.parts.store, self.parts.tree)

    def _announced(self) -> dict[ProjectName, int] | None:
        """Return upstream's serials, where asking for the whole list is worth it.

        Raises:
            UsageError: There is none, and the configuration cannot do without.

        """
        sync = self.parts.config.sync
        if not self._everything and self.parts.store.tracked_count() <= sync.whole_list_above:
            return None
        found = self.parts.upstream.serials(None)
        if found is None or isinstance(found, NotModified):
            if self._everything:
                message = (
                    f"{self.parts.config.upstream.pypi_url} has no list of serials, so "
                    "index.projects: all cannot work; set index.projects: on-demand"
                )
                raise UsageError(message)
            return None
        return found.serials

    def _believe(self, found: Difference, *, empty: bool) -> None:
        limit = self.parts.config.sync.max_removals
        if self.options.accept_removals or (not empty and found.missing <= limit):
            return
        what = "is empty" if empty else f"misses {found.missing} projects that are here"
        message = (
            f"upstream's list of projects {what}; nothing was changed. If that is right, "
            "run again with --accept-removals"
        )
        raise RefusedError(message)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the job from the command line; return its exit code."""
    return main(SyncIndex, arguments)


if __name__ == "__main__":
    sys.exit(run())
