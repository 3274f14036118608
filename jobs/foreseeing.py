"""What a dry run says of pages that would be rendered anew: what would come, and what go."""

from collections.abc import Iterable

from app.names import ProjectName
from app.rerender import LostPageError
from app.steps import ChangeProject, RenderProject, Step
from jobs.parts import Parts


def foresee(parts: Parts, steps: Iterable[Step]) -> list[Step]:
    """Return the steps, those about pages with what they would change.

    Pages are read for it, and so a dry run after a change of the filters takes as long as
    half of the run itself.
    """
    return [
        _foreseen(parts, step.project) if isinstance(step, RenderProject) else step
        for step in steps
    ]


def _foreseen(parts: Parts, name: ProjectName) -> Step:
    known = parts.store.tracked_project(name)
    if known is None:
        return RenderProject(name)
    try:
        screened = parts.index.screened(known)
    except LostPageError as error:
        return ChangeProject(name, why=f"it is fetched again: {error}")
    hidden = screened.filtered.hidden
    if hidden is not None:
        return ChangeProject(name, why=f"hidden: {hidden}")
    before = parts.store.listed_paths(name)
    after = {file.path: file.filename for file in screened.shown.files}
    come = sorted(after[path] for path in after.keys() - before)
    go = sorted(path.rpartition("/")[2] for path in before - after.keys())
    why = "it was hidden" if known.hidden else ""
    if not (come or go or why):
        return RenderProject(name)
    return ChangeProject(name, tuple(come), tuple(go), why)
