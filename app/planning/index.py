"""The index's plan: what is here against what upstream announces."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.names import ProjectName
from app.steps import AddProject, RevalidateProject, Step, UpdateProject


@dataclass(frozen=True, slots=True)
class ProjectState:
    """How far a tracked project is."""

    name: ProjectName
    serial: int | None
    # When upstream last confirmed its page; None where no page was ever written.
    checked_at: int | None
    failing: bool = False


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """What `plan_index` decides from."""

    tracked: Sequence[ProjectState]
    # The projects whose pages are on the disk.
    pages: Collection[ProjectName]
    # Upstream's serials; None where it has none, or was not asked for them.
    announced: Mapping[ProjectName, int] | None
    # Whether every announced project belongs here, or only those that are tracked.
    everything: bool
    # Seconds after which a page is asked for again where no serial speaks for it.
    max_age: int


def plan_index(facts: IndexFacts, now: int) -> list[Step]:
    """Return what brings the pages in step with upstream, by name.

    A project that the list does not name is not removed on the list's word: a copy of
    the list may be half an hour old, and a quarantined project keeps its page. Its
    page is asked for, and the answer decides.
    """
    states = {state.name: state for state in facts.tracked}
    names = set(states) | set(facts.pages)
    if facts.everything and facts.announced is not None:
        names |= set(facts.announced)
    return [step for name in sorted(names) for step in _plan_project(name, states, facts, now)]


def _plan_project(
    name: ProjectName, states: Mapping[ProjectName, ProjectState], facts: IndexFacts, now: int
) -> Iterator[Step]:
    state = states.get(name)
    serial = facts.announced.get(name) if facts.announced is not None else None
    if state is None or state.checked_at is None or name not in facts.pages:
        yield AddProject(name, serial)
    elif serial is not None and state.serial is not None:
        if serial > state.serial:
            yield UpdateProject(name, serial)
        elif serial < state.serial or state.failing:
            # The list is older than the page, or the last try went wrong.
            yield RevalidateProject(name)
    elif state.failing or now - state.checked_at >= facts.max_age:
        yield RevalidateProject(name)
