"""Entry point of `larder sync-index`."""

import argparse
import json
import logging
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from app import pages
from app.config import Projects
from app.index import Outcome
from app.names import ProjectName
from app.planning import (
    IndexPlan,
    IndexPolicy,
    ProjectState,
    plan_changes,
    plan_index,
    plan_retries,
)
from app.steps import (
    AddProject,
    KeepList,
    RemoveGone,
    RevalidateProject,
    Step,
    UpdateProject,
    Withdraw,
    WriteRoot,
)
from app.store import Store, TrackedProject
from app.tree import Pages
from app.upstream import NotModified, Validators
from jobs.exit_codes import RefusedError, UsageError
from jobs.harness import Job, main
from jobs.parts import Parts
from jobs.running import Report

logger = logging.getLogger("larder")

_LIST = "upstream_list"
"""The setting that tells which list of upstream's the index is in step with."""

_REFUSED = "refused_names"
"""The setting that tells what upstream's list names and is no name of a project."""

_FEW = 3
"""So many projects may go from a small mirror in one run without anybody's word."""

_SHOWN = 100
"""So many of those are kept."""

_WORKERS_PER_CONNECTION = 3


class SyncIndex(Job):
    """Bring the index in step with upstream, by serial where upstream has serials."""

    name = "sync-index"

    def __init__(self, parts: Parts, options: argparse.Namespace) -> None:
        """Remember the parts; nothing is opened yet."""
        super().__init__(parts, options)
        # What the plan found beside its steps.
        self._fallen: list[ProjectName] = []
        self._refused: tuple[str, ...] = ()
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

    def plan(self) -> Sequence[Step]:
        """Return the projects to write, and what follows from that."""
        plan, keep = self._plan_projects()
        self._fallen = plan.fallen
        if not plan.steps and not keep and not self._root_differs():
            return []
        tail: list[Step] = [RemoveGone(), Withdraw()] if plan.steps else []
        return [*plan.steps, *tail, WriteRoot(), *keep]

    def execute(self, step: Step) -> None:
        """Carry out one step."""
        match step:
            case AddProject(name, serial) | UpdateProject(name, serial):
                self._bring(name, serial)
            case RevalidateProject(name):
                self._bring(name, None)
            case RemoveGone():
                self._remove_gone()
            case Withdraw():
                self.parts.store.exhume(self._fallen)
                self.parts.holdings.withdraw()
                self.parts.core_metadata.withdraw()
            case WriteRoot():
                self._write_root()
            case KeepList():
                self._keep_list(step)
            case _:
                message = f"{step!r} is no step of this job"
                raise TypeError(message)

    def conclude(self, report: Report) -> None:
        """Say which projects are stuck: the run has not done what it is for."""
        bound = int(time.time()) - self.parts.config.sync.stuck_after
        if stuck := self.parts.store.count_stuck(bound):
            report.problems.append(f"{stuck} projects are stuck; `larder status` names them")

    def _bring(self, name: ProjectName, serial: int | None) -> None:
        outcome = self.parts.index.bring(name, serial)
        with self._counting:
            if outcome is Outcome.GONE:
                self._gone.append((name, serial))

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

    def _plan_projects(self) -> tuple[IndexPlan, list[Step]]:
        """Return the plan, and the note of the list that it carries out."""
        now, store = int(time.time()), self.parts.store
        if not self._policy.everything and not self._worth_a_list():
            return plan_index(self._states(), None, self._policy, now), []
        if self.options.follow and (followed := self._follow(now)) is not None:
            return followed
        found = self.parts.upstream.serials(self._known_list())
        if isinstance(found, NotModified):
            failing = map(self._state, store.failing())
            return IndexPlan(plan_retries(failing, now)), []
        if found is None:
            self._need_no_list()
            return plan_index(self._states(), None, self._policy, now), []
        # PyPI's XML-RPC list has no serial of its own: that of its last change stands for it.
        last = found.last if found.last is not None else max(found.serials.values(), default=None)
        self._believe(found.serials, last)
        plan = plan_index(self._states(), found.serials, self._policy, now)
        self._believe_removals(plan)
        validators = found.validators
        keep = KeepList(last, validators.etag, validators.last_modified)
        self._refused = found.refused[:_SHOWN]
        return plan, [keep] if plan.steps or keep != kept_list(store) else []

    def _follow(self, now: int) -> tuple[IndexPlan, list[Step]] | None:
        """Return what the changelog names; None where there is none to go by."""
        since = kept_list(self.parts.store).last
        changes = None if since is None else self.parts.upstream.changes(since)
        if changes is None:
            return None
        steps: list[Step] = plan_retries(map(self._state, self.parts.store.failing()), now)
        tracked = (project.name for project in self.parts.store.tracked())
        steps += plan_changes(changes, tracked, self._policy)
        # The list's validators stay: the next run that asks for the list gets it whole.
        return IndexPlan(steps), [KeepList(max(changes.values(), default=since))] if steps else []

    def _worth_a_list(self) -> bool:
        return self.parts.store.count_tracked() > self.parts.config.sync.whole_list_above

    def _need_no_list(self) -> None:
        if self._policy.everything:
            message = (
                f"{self.parts.config.upstream.pypi_url} has no list of serials, so "
                "index.projects: all cannot work; set index.projects: on-demand"
            )
            raise UsageError(message)

    def _states(self) -> Iterator[ProjectState]:
        """Yield what is known, and folders that nothing is known of, by name."""
        yield from map(self._state, self.parts.store.known_projects())
        folders = sum(1 for _ in self.parts.tree.names())
        if folders > self.parts.store.count_tracked():
            # The database was lost: seldom, and worth the memory then.
            known = {project.name for project in self.parts.store.known_projects()}
            for name in sorted(set(self.parts.tree.names()) - known):
                yield ProjectState(name, None, None)

    def _state(self, project: TrackedProject) -> ProjectState:
        return ProjectState(
            project.name,
            project.serial,
            project.checked_at,
            page=not project.gone and self.parts.tree.has(project.name),
            gone_serial=project.gone_serial,
            gone=project.gone,
            retry_at=project.retry_at,
        )

    def _believe(self, serials: Mapping[ProjectName, int], last: int | None) -> None:
        """Refuse a list that cannot be right; raises RefusedError."""
        if self.options.accept_removals:
            return
        before = kept_list(self.parts.store).last
        if not serials:
            raise RefusedError(_refusal("is empty"))
        if before is not None and last is not None and last < before:
            raise RefusedError(_refusal(f"is at serial {last}, and was at {before} before"))

    def _believe_removals(self, plan: IndexPlan) -> None:
        limit = self.parts.config.sync.max_removals
        if plan.missing > limit and not self.options.accept_removals:
            raise RefusedError(_refusal(f"lacks {plan.missing} projects that are here"))

    def _known_list(self) -> Validators | None:
        """Return what to revalidate the list with, if nothing here is missing from it."""
        kept = kept_list(self.parts.store)
        if self.options.accept_removals or not (kept.etag or kept.last_modified):
            return None
        return Validators(kept.etag, kept.last_modified)

    def _keep_list(self, step: KeepList) -> None:
        """Note the list, unless a project was left out that it asks for."""
        if self.left:
            return
        self.parts.store.keep(_REFUSED, json.dumps(self._refused).encode())
        self.parts.store.keep(_LIST, json.dumps(asdict(step)).encode())

    def _root_differs(self) -> bool:
        return self.parts.tree.root_mark() != self.parts.store.index_mark()

    def _write_root(self) -> None:
        mark = self.parts.store.index_mark()
        if self.parts.tree.root_mark() == mark:
            return
        last = self.parts.store.last_serial()
        rendered = Pages(
            html=pages.render_root_html(self._entries(), last),
            json=pages.render_root_json(self._entries(), last),
            serial=last,
        )
        self.parts.tree.write_root(rendered, mark)

    def _entries(self) -> Iterator[tuple[ProjectName, int | None]]:
        tracked = self.parts.store.tracked()
        return ((one.name, one.serial) for one in tracked if one.checked_at is not None)


def kept_list(store: Store) -> KeepList:
    """Return which list of upstream's the index is in step with."""
    value = store.setting(_LIST)
    return KeepList(**json.loads(value)) if value else KeepList(None)


def refused_names(store: Store) -> list[str]:
    """Return what upstream's list names and is no name of a project."""
    value = store.setting(_REFUSED)
    names: list[str] = json.loads(value) if value else []
    return names


def _refusal(what: str) -> str:
    return (
        f"upstream's list of projects {what}; nothing was changed. If that is right, "
        "run again with --accept-removals"
    )


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the job from the command line; return its exit code."""
    return main(SyncIndex, arguments)


if __name__ == "__main__":
    sys.exit(run())
