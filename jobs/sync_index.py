"""Entry point of `larder sync-index`."""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from hashlib import blake2b

from app import pages
from app.config import Projects
from app.names import ProjectName
from app.planning import IndexFacts, ProjectState, plan_index
from app.steps import AddProject, RevalidateProject, Step, UpdateProject, WriteRoot
from app.store import TrackedProject
from app.tree import Pages
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
        tracked = self.parts.store.tracked()
        announced = self._announced(tracked)
        facts = IndexFacts(
            tracked=[_state(project) for project in tracked],
            pages=self.parts.tree.names(),
            announced=announced,
            everything=self._everything,
            max_age=self.parts.config.sync.max_age,
        )
        steps = plan_index(facts, int(time.time()))
        return [*steps, WriteRoot()] if steps or self._root_differs() else []

    def execute(self, step: Step) -> None:
        """Write one project, or the list."""
        match step:
            case AddProject(name, serial) | UpdateProject(name, serial):
                self.parts.index.bring(name, serial)
            case RevalidateProject(name):
                self.parts.index.bring(name)
            case WriteRoot():
                self._write_root()
            case _:
                message = f"{step!r} is no step of this job"
                raise TypeError(message)

    @property
    def _everything(self) -> bool:
        return self.parts.config.projects is Projects.ALL

    def _announced(self, tracked: Sequence[TrackedProject]) -> Mapping[ProjectName, int] | None:
        """Return upstream's serials, where asking for the whole list is worth it.

        Raises:
            RefusedError: The list is not to be believed.
            UsageError: There is none, and the configuration cannot do without.

        """
        sync = self.parts.config.sync
        if not self._everything and len(tracked) <= sync.whole_list_above:
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
        self._believe(found.serials, tracked)
        return found.serials

    def _believe(
        self, announced: Mapping[ProjectName, int], tracked: Sequence[TrackedProject]
    ) -> None:
        missing = sum(project.name not in announced for project in tracked)
        limit = self.parts.config.sync.max_removals
        if self.options.accept_removals or (announced and missing <= limit):
            return
        what = f"misses {missing} projects that are here" if announced else "is empty"
        message = (
            f"upstream's list of projects {what}; nothing was changed. If that is right, "
            "run again with --accept-removals"
        )
        raise RefusedError(message)

    def _root_differs(self) -> bool:
        return self.parts.tree.root_mark() != _mark(self.parts.store.tracked())

    def _write_root(self) -> None:
        tracked = self.parts.store.tracked()
        if self.parts.tree.root_mark() == _mark(tracked):
            return
        entries = [(project.name, project.serial) for project in tracked if project.checked_at]
        last = max((serial for _, serial in entries if serial is not None), default=None)
        rendered = Pages(
            html=pages.render_root_html(entries, last), json=pages.render_root_json(entries, last)
        )
        self.parts.tree.write_root(rendered, _mark(tracked))


def _state(project: TrackedProject) -> ProjectState:
    return ProjectState(
        project.name, project.serial, project.checked_at, failing=project.failure is not None
    )


def _mark(tracked: Sequence[TrackedProject]) -> str:
    """Return what tells one list of projects from another."""
    digest = blake2b(digest_size=16)
    for project in tracked:
        if project.checked_at:
            digest.update(f"{project.name} {project.serial}\n".encode())
    return digest.hexdigest()


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the job from the command line; return its exit code."""
    return main(SyncIndex, arguments)


if __name__ == "__main__":
    sys.exit(run())
