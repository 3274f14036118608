"""The index's plan: what is done about each project."""

from collections.abc import Mapping

from app.names import ProjectName
from app.planning import IndexFacts, ProjectState, plan_index
from app.steps import AddProject, RevalidateProject, Step, UpdateProject

NOW = 10_000
SIX = ProjectName("six")


def plan(
    state: ProjectState | None,
    announced: Mapping[ProjectName, int] | None,
    *,
    page: bool = True,
    everything: bool = False,
) -> list[Step]:
    """Plan for one project."""
    facts = IndexFacts(
        tracked=[state] if state else [],
        pages=[SIX] if page else [],
        announced=announced,
        everything=everything,
        max_age=600,
    )
    return plan_index(facts, NOW)


def test_a_project_at_the_announced_serial_is_left_alone() -> None:
    """The plan of a finished state is empty."""
    assert plan(ProjectState(SIX, 7, NOW - 9000), {SIX: 7}) == []


def test_a_newer_serial_is_an_update() -> None:
    """The list says that the page has changed."""
    assert plan(ProjectState(SIX, 7, NOW), {SIX: 8}) == [UpdateProject(SIX, 8)]


def test_an_older_serial_is_asked_about() -> None:
    """The list may be an old copy: the page decides, and nothing goes back."""
    assert plan(ProjectState(SIX, 7, NOW), {SIX: 6}) == [RevalidateProject(SIX)]


def test_a_project_that_the_list_lacks_is_asked_about_not_removed() -> None:
    """The root list lacks quarantined projects, and new ones for half an hour."""
    assert plan(ProjectState(SIX, 7, NOW - 9000), {}) == [RevalidateProject(SIX)]


def test_without_serials_age_decides() -> None:
    """A page is revalidated once it is older than `sync.max_age`."""
    assert plan(ProjectState(SIX, None, NOW - 599), None) == []
    assert plan(ProjectState(SIX, None, NOW - 600), None) == [RevalidateProject(SIX)]


def test_a_failing_project_is_tried_again_every_time() -> None:
    """Neither its age nor its serial excuses it."""
    failing = ProjectState(SIX, 7, NOW, failing=True)
    assert plan(failing, None) == [RevalidateProject(SIX)]
    assert plan(failing, {SIX: 7}) == [RevalidateProject(SIX)]


def test_a_page_without_a_record_is_brought_in() -> None:
    """The database was lost, or a kill came in between."""
    assert plan(None, None) == [AddProject(SIX)]
    assert plan(ProjectState(SIX, None, None), None) == [AddProject(SIX)]


def test_a_record_without_a_page_is_brought_in() -> None:
    """Somebody deleted the folder."""
    assert plan(ProjectState(SIX, 7, NOW), {SIX: 7}, page=False) == [AddProject(SIX, 7)]


def test_an_announced_project_is_added_only_where_everything_belongs_here() -> None:
    """`index.projects: on-demand` does not follow the list."""
    assert plan(None, {SIX: 7}, page=False) == []
    assert plan(None, {SIX: 7}, page=False, everything=True) == [AddProject(SIX, 7)]
