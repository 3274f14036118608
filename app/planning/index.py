"""The index's plan: what is here against what upstream announces."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from app.model import Change
from app.names import ProjectName
from app.planning.compact import ProjectStep, ProjectSteps
from app.steps import AddProject, RevalidateProject, Step, UpdateProject

BUSY = "busy"
"""The kind of a failure after which upstream itself asked to be left alone (`Retry-After`)."""


class ProjectState(NamedTuple):
    """How far a project is that is tracked, or that has a tombstone.

    A tuple: there may be a million, and no other kind of object is as quickly made.
    """

    name: ProjectName
    serial: int | None
    # When upstream last confirmed its page; None where no page was ever written.
    checked_at: int | None
    # Whether its folder of pages is on the disk.
    page: bool = True
    # The serial at which upstream listed it and had no page: its tombstone.
    gone_serial: int | None = None
    gone: bool = False
    # When to try again what went wrong; None where all is well.
    retry_at: int | None = None
    # Whether it was upstream that asked for the pause: it is kept whatever is new.
    busy: bool = False


@dataclass(frozen=True, slots=True)
class IndexPolicy:
    """What `plan_index` goes by."""

    # Whether every announced project belongs here, or only those that are tracked.
    everything: bool
    # Seconds after which a page is asked for again where no serial speaks for it.
    max_age: int
    # Whether a project may be here, by its name; what may not is neither added nor updated.
    admits: Callable[[ProjectName], bool] | None = None
    # Projects that are asked for where no list names them.
    named: frozenset[ProjectName] = frozenset()


@dataclass(slots=True)
class IndexPlan:
    """What is to be done about the index."""

    steps: Sequence[Step] = ()
    # Tombstones that have fallen, because the list does not name them any more.
    fallen: list[ProjectName] = field(default_factory=list)
    # Tracked projects that the list does not name, and those that are newer here.
    missing: int = 0
    older: int = 0


def plan_index(
    states: Iterable[ProjectState],
    announced: dict[ProjectName, int] | None,
    policy: IndexPolicy,
    now: int,
) -> IndexPlan:
    """Return what brings the pages in step with upstream, by name.

    `announced` are upstream's serials, None where there are none; it is used up, since
    it may be most of the memory. A project that the list does not name is not removed
    on the list's word: a copy of it may be half an hour old, and a quarantined project
    keeps its page. Its page is asked for, and the answer decides.
    """
    plan, steps = IndexPlan(), list[ProjectStep]()
    missing = set(policy.named) if announced is None else set[ProjectName]()
    for state in states:
        missing.discard(state.name)
        serial = announced.pop(state.name, None) if announced is not None else None
        if announced is not None and serial is None:
            if state.gone:
                plan.fallen.append(state.name)
            else:
                plan.missing += 1
        elif serial is not None and state.serial is not None:
            plan.older += serial < state.serial
        if step := _plan_project(state, serial, policy, now):
            steps.append(step)
    steps += (AddProject(name) for name in sorted(missing))
    added = _admitted(announced, policy) if policy.everything and announced else {}
    plan.steps = ProjectSteps(steps, added)
    return plan


def _admitted(announced: dict[ProjectName, int], policy: IndexPolicy) -> dict[ProjectName, int]:
    """Leave what may be here; in place, for it may be most of the memory."""
    if policy.admits is not None:
        for name in [name for name in announced if not policy.admits(name)]:
            del announced[name]
    return announced


def plan_retries(states: Iterable[ProjectState], now: int) -> list[Step]:
    """Return what is due where the list is as it was: the projects that failed.

    Such a run may come every minute, so each failure has its pause; a run that has a
    new list tries them all, but for those of which upstream wants to hear later. What is
    not told is taken for listed: the next list tells.
    """
    return [
        RevalidateProject(state.name) if state.page else AddProject(state.name, state.gone_serial)
        for state in states
        if _is_due(state, now)
    ]


def plan_changes(
    changes: Mapping[ProjectName, Change], tracked: Collection[ProjectName], policy: IndexPolicy
) -> list[Step]:
    """Return what the changelog asks for: a hint of what the list will say.

    `tracked` are those of the changed projects that are kept in step.
    """
    return [
        UpdateProject(name, change.serial, listed=not change.removed)
        for name, change in sorted(changes.items())
        if (policy.everything or name in tracked) and _may_be_here(name, policy)
    ]


def _may_be_here(name: ProjectName, policy: IndexPolicy) -> bool:
    return policy.admits is None or policy.admits(name)


def _plan_project(
    state: ProjectState, serial: int | None, policy: IndexPolicy, now: int
) -> ProjectStep | None:
    if serial is not None and not _may_be_here(state.name, policy):
        # What is here of it is kept, to be shown again; it is hidden, and grows old.
        return None
    if state.gone:
        # A tombstone stands until the serial moves; a fresh one is looked at again.
        due = serial != state.gone_serial or _is_due(state, now)
        wanted = serial is not None and due and policy.everything
        return AddProject(state.name, serial) if wanted else None
    if state.busy and not _is_due(state, now):
        return None
    if state.checked_at is None or not state.page:
        return AddProject(state.name, serial)
    if serial is not None and state.serial is not None:
        if serial > state.serial:
            return UpdateProject(state.name, serial)
        # The list may be older than the page, or the last try went wrong.
        due = serial < state.serial or state.retry_at is not None
    else:
        due = state.retry_at is not None or now - state.checked_at >= policy.max_age
    return RevalidateProject(state.name, listed=serial is not None) if due else None


def _is_due(state: ProjectState, now: int) -> bool:
    return state.retry_at is not None and state.retry_at <= now


_FIRST_PAUSE = 60
_LONGEST_PAUSE = 6 * 3600


def retry_pause(tries: int) -> int:
    """Return how many seconds to leave a project alone that failed so many times.

    A CDN's stale copy heals within minutes, and a few projects stay wrong for days: the
    pause doubles from a minute to six hours.
    """
    # Beyond some doublings the longest is reached; a huge power would take memory.
    doublings = min(max(0, tries - 1), 20)
    return int(min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**doublings))
