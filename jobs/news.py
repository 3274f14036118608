"""What `sync-index` finds to do: upstream's list, or its changelog, against what is here."""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass

from app.config import Projects
from app.filters import Judge
from app.names import ProjectName
from app.planning import (
    IndexPlan,
    IndexPolicy,
    ProjectState,
    plan_changes,
    plan_index,
    plan_retries,
)
from app.steps import KeepList, Step
from app.upstream import NoChangelog, NotModified, SerialList, UpstreamUnavailable, Validators
from jobs.exit_codes import UsageError
from jobs.parts import Parts
from jobs.upstream_habits import Habits
from jobs.upstream_list import (
    believe,
    believe_none,
    believe_plan,
    kept_list,
    validators_of,
)


@dataclass(frozen=True, slots=True)
class News:
    """What upstream's word leads to."""

    plan: IndexPlan
    # The note of the list that the plan carries out, where there is one to be made.
    keep: KeepList | None = None
    # What the list names and is no project's name; None where no list was read.
    refused: tuple[str, ...] | None = None
    # The serial that upstream is at, where it said so.
    seen: int | None = None


class Newsreader:
    """Asks upstream what is new; nothing is changed."""

    def __init__(self, parts: Parts, options: argparse.Namespace) -> None:
        """Ask for what the options want."""
        self._parts, self._options = parts, options
        self._judge = Judge(parts.config.filters)
        self._habits = Habits(parts, noting=not options.dry_run)

    def read(self) -> News:
        """Return what is new.

        Raises:
            UpstreamUnavailable: Upstream cannot be asked now.
            UpstreamUntrusted: What it answers is not a list.
            RefusedError: Its list is not to be believed.
            UsageError: It has no list, and the configuration needs one.

        """
        now = int(time.time())
        self._habits.refuse_in_pause(now)
        if not self._needs_a_list() and not self._worth_a_list():
            return self._without_list(now)
        try:
            return self._ask(now)
        except UpstreamUnavailable as error:
            self._habits.note_pause(error.pause, now)
            raise

    def _ask(self, now: int) -> News:
        """Return what upstream says is new; raises as `read` does."""
        if self._options.follow and (followed := self._follow(now)) is not None:
            return followed
        found = self._parts.upstream.serials(self._known_list())
        if isinstance(found, NotModified):
            return News(IndexPlan(plan_retries(self._failing(), now)))
        if found is None:
            self._need_no_list()
            return self._without_list(now)
        return self._compare(found, now)

    def _compare(self, found: SerialList, now: int) -> News:
        """Return what a list leads to, if it can be believed."""
        # PyPI's XML-RPC list has no serial of its own: that of its last change stands for it.
        last = found.last if found.last is not None else max(found.serials.values(), default=None)
        before, accept = kept_list(self._parts.store), self._options.accept_removals
        if not accept:
            believe(found.serials, found.last, before.last)
        plan = plan_index(self._states(), found.serials, self._policy, now)
        if not accept:
            believe_plan(plan, last, before.last, self._parts.config.sync.max_removals)
        validators = found.validators
        # Who believes an older list believes that serials began anew.
        reached = None if accept else before.followed
        keep = KeepList(last, validators.etag, validators.last_modified, reached, self._scope)
        return News(plan, keep if plan.steps or keep != before else None, found.refused, last)

    def _follow(self, now: int) -> News | None:
        """Return what the changelog names; None where there is none to go by."""
        kept = kept_list(self._parts.store)
        since = kept.known if kept.scope == self._scope else None
        if since is None or not self._habits.may_have_changelog(now):
            return None
        changes = self._parts.upstream.changes(since)
        if isinstance(changes, NoChangelog):
            self._habits.note_no_changelog(now)
            return None
        if changes is None:
            return None
        steps: list[Step] = plan_retries(self._failing(), now)
        tracked = self._parts.store.tracked_among(changes)
        steps += plan_changes(changes, tracked, self._policy)
        # The list's validators stay: the next run that asks for the list gets it whole.
        followed = max((one.serial for one in changes.values()), default=since)
        keep = KeepList(kept.last, followed=followed, scope=kept.scope)
        # Also where nothing of it belongs here: else the next call would be for it again.
        return News(IndexPlan(steps), keep if followed != since else None, seen=followed)

    def _without_list(self, now: int) -> News:
        return News(plan_index(self._states(), None, self._policy, now))

    def _needs_a_list(self) -> bool:
        """Whether only a list tells which projects are to be here."""
        if self._listed:
            above = self._parts.config.sync.whole_list_above
            return self._judge.open or len(self._judge.names) > above
        return self._policy.everything

    def _worth_a_list(self) -> bool:
        return self._parts.store.count_tracked() > self._parts.config.sync.whole_list_above

    def _need_no_list(self) -> None:
        if self._policy.everything and (self._judge.open or not self._listed):
            believe_none(self._parts.config.upstream.pypi_url, kept_list(self._parts.store))
            message = (
                f"{self._parts.config.upstream.pypi_url} has no list of serials, so "
                f"index.projects: {self._parts.config.projects} cannot work; set "
                "index.projects: on-demand"
            )
            raise UsageError(message)

    def _states(self) -> Iterator[ProjectState]:
        """Yield what is known, and folders that nothing is known of: the database was lost."""
        return self._parts.store.states(self._parts.tree.names())

    def _failing(self) -> Iterator[ProjectState]:
        """Yield what is known of the projects that failed, or had no page."""
        admits = self._policy.admits
        for project in self._parts.store.failing():
            if admits is not None and not admits(project.name):
                continue
            page = project.hidden is not None or self._parts.tree.has(project.name)
            checked, retry = project.checked_at, project.retry_at
            yield ProjectState(project.name, project.serial, checked, page, retry_at=retry)
        if self._policy.everything:
            fresh = self._parts.store.fresh_tombstones()
            yield from (one for one in fresh if admits is None or admits(one.name))

    def _known_list(self) -> Validators | None:
        """Return what to revalidate the list with, if nothing here is missing from it."""
        if self._options.accept_removals:
            return None
        kept = kept_list(self._parts.store)
        return validators_of(kept) if kept.scope == self._scope else None

    @property
    def _scope(self) -> str:
        """Return what tells the projects that are to be here from another choice of them."""
        config = self._parts.config
        return " ".join(filter(None, (config.projects.value, config.filters.digest)))

    @property
    def _policy(self) -> IndexPolicy:
        config, judge = self._parts.config, self._judge
        return IndexPolicy(
            config.projects is not Projects.ON_DEMAND,
            config.sync.max_age,
            None if judge.empty else lambda name: judge.project_by_name(name).shown,
            frozenset(map(ProjectName, judge.names)) if self._listed else frozenset(),
        )

    @property
    def _listed(self) -> bool:
        return self._parts.config.projects is Projects.LISTED
