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

_WRITTEN = (AddProject, UpdateProject)
# What is revalidated is seldom written, and then its rendering finds nothing to do.
_ASKED = (*_WRITTEN, RevalidateProject)


def plan_here(
    outdated: Iterable[tuple[ProjectName, bool, bool]], fetches: Sequence[Step]
) -> list[Step]:
    """Return what brings outdated pages up to date, but for what `fetches` do of it.

    With each name comes whether its pages were rendered in another way, and whether its
    legacy JSON may be missing. What asks upstream comes first, as `fetches` do.
    """
    asked: set[ProjectName] | None = None
    written: set[ProjectName] = set()
    completed: list[Step] = []
    rendered: list[Step] = []
    for name, render, complete in outdated:
        if asked is None:
            # Most runs find nothing outdated, and need no second list of what they fetch.
            asked = {step.project for step in fetches if isinstance(step, _ASKED)}
            written = {step.project for step in fetches if isinstance(step, _WRITTEN)}
        if complete and name not in asked:
            completed.append(CompleteProject(name))
        if render and name not in written:
            rendered.append(RenderProject(name))
    return completed + rendered
