"""The plan of what needs no news from upstream: pages that larder would write otherwise."""

from collections.abc import Iterable, Sequence

from app.names import ProjectName
from app.steps import (
    AddProject,
    CompleteProject,
    RenderProject,
    RevalidateProject,
    Step,
    UpdateProject,
)

_FETCHES = (AddProject, UpdateProject, RevalidateProject)


def plan_here(
    outdated: Iterable[tuple[ProjectName, bool, bool]], fetches: Sequence[Step]
) -> list[Step]:
    """Return what brings outdated pages up to date, but for those that `fetches` bring.

    With each name comes whether its pages were rendered in another way, and whether its
    legacy JSON may be missing. What asks upstream comes first, as `fetches` do.
    """
    fetched: set[ProjectName] | None = None
    completed: list[Step] = []
    rendered: list[Step] = []
    for name, render, complete in outdated:
        if fetched is None:
            # Most runs find nothing outdated, and need no second list of what they fetch.
            fetched = {step.project for step in fetches if isinstance(step, _FETCHES)}
        if name in fetched:
            continue
        if complete:
            completed.append(CompleteProject(name))
        if render:
            rendered.append(RenderProject(name))
    return completed + rendered
