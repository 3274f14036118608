"""The index's plan at full size: what is in step is left out before it is planned."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.names import ProjectName
from app.planning.index import ProjectState


@dataclass(frozen=True, slots=True)
class Difference:
    """What is not in step, and how much there was."""

    # Of each the part that `plan_index` must look at.
    tracked: list[ProjectState]
    pages: set[ProjectName]
    announced: dict[ProjectName, int]
    # All tracked projects, and those of them that upstream's list lacks.
    count: int
    missing: int


def differing(
    states: Iterable[ProjectState],
    pages: Iterable[ProjectName],
    announced: dict[ProjectName, int],
) -> Difference:
    """Return what is not in step; `announced` is used up.

    Of 800,000 projects all but a few are in step. States and pages are streams, and the
    one map in memory is the list's own: a project whose serial is right is marked there
    by the complement of the serial, and leaves it when its page is found, too.
    """
    tracked = []
    count = missing = 0
    for state in states:
        count += 1
        serial = announced.get(state.name)
        missing += serial is None
        if serial is not None and _in_step(state, serial):
            announced[state.name] = ~serial
        else:
            tracked.append(state)
    found = set()
    for name in pages:
        if announced.get(name, 0) < 0:
            del announced[name]
        else:
            found.add(name)
    for name, serial in announced.items():
        if serial < 0:
            # Its page is gone: it is as if none had ever been written.
            announced[name] = ~serial
            tracked.append(ProjectState(name, ~serial, checked_at=None))
    return Difference(tracked, found, announced, count, missing)


def _in_step(state: ProjectState, serial: int) -> bool:
    return serial == state.serial and state.checked_at is not None and not state.failing
