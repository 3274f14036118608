"""The index's plan: what is done about each project."""

from collections.abc import Mapping

import pytest

from app.model import Change
from app.names import ProjectName
from app.planning import (
    IndexPolicy,
    ProjectState,
    plan_changes,
    plan_index,
    plan_retries,
    retry_pause,
)
from app.steps import AddProject, RevalidateProject, Step, UpdateProject

NOW = 10_000
SIX = ProjectName("six")
ON_DEMAND = IndexPolicy(everything=False, max_age=600)
EVERYTHING = IndexPolicy(everything=True, max_age=600)


def plan(
    state: ProjectState | None,
    announced: Mapping[ProjectName, int] | None,
    policy: IndexPolicy = ON_DEMAND,
) -> list[Step]:
    """Plan for one project."""
    serials = dict(announced) if announced is not None else None
    return list(plan_index([state] if state else [], serials, policy, NOW).steps)


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
    found = plan_index([ProjectState(SIX, 7, NOW - 9000)], {}, ON_DEMAND, NOW)
    assert ([RevalidateProject(SIX, listed=False)], 1) == (list(found.steps), found.missing)


def test_without_serials_age_decides() -> None:
    """A page is revalidated once it is older than `sync.max_age`."""
    assert plan(ProjectState(SIX, None, NOW - 599), None) == []
    assert plan(ProjectState(SIX, None, NOW - 600), None) == [RevalidateProject(SIX, listed=False)]


def test_a_failing_project_is_tried_again_whenever_there_is_a_list() -> None:
    """Neither its age nor its serial nor its pause excuses it: upstream may have healed."""
    failing = ProjectState(SIX, 7, NOW, retry_at=NOW + 1)
    assert plan(failing, None) == [RevalidateProject(SIX, listed=False)]
    assert plan(failing, {SIX: 7}) == [RevalidateProject(SIX)]
    assert plan(failing, {SIX: 8}) == [UpdateProject(SIX, 8)]


def test_a_light_run_tries_again_what_is_due() -> None:
    """It may come every minute, so a failure has its pause."""
    states = [ProjectState(SIX, 7, NOW, retry_at=NOW + late) for late in (0, 1)]
    assert plan_retries(states, NOW) == [RevalidateProject(SIX)]
    fresh = ProjectState(SIX, None, None, page=False, gone=True, gone_serial=7, retry_at=NOW)
    assert plan_retries([fresh], NOW) == [AddProject(SIX, 7)]


@pytest.mark.parametrize(
    ("tries", "pause"), [(0, 60), (1, 60), (2, 120), (6, 1920), (10, 21_600), (10**9, 21_600)]
)
def test_the_pause_doubles_up_to_a_bound(tries: int, pause: int) -> None:
    """From a minute to six hours."""
    assert pause == retry_pause(tries)


def test_a_page_without_a_record_is_brought_in() -> None:
    """The database was lost, or a kill came in between."""
    assert plan(ProjectState(SIX, None, None), None) == [AddProject(SIX)]


def test_a_record_without_a_page_is_brought_in() -> None:
    """Somebody deleted the folder."""
    assert plan(ProjectState(SIX, 7, NOW, page=False), {SIX: 7}) == [AddProject(SIX, 7)]


def test_an_announced_project_is_added_only_where_everything_belongs_here() -> None:
    """`index.projects: on-demand` does not follow the list."""
    assert plan(None, {SIX: 7}) == []
    assert plan(None, {SIX: 7}, EVERYTHING) == [AddProject(SIX, 7)]


def test_a_tombstone_stands_until_the_serial_moves() -> None:
    """A listed project without a page is not asked for again and again."""
    buried = ProjectState(SIX, None, None, page=False, gone=True, gone_serial=7)
    assert plan(buried, {SIX: 7}, EVERYTHING) == []
    assert plan(buried, {SIX: 8}, EVERYTHING) == [AddProject(SIX, 8)]


def test_a_fresh_tombstone_is_looked_at_again_when_that_is_due() -> None:
    """Its page may only have been late."""
    for late, steps in ((0, [AddProject(SIX, 7)]), (1, [])):
        fresh = ProjectState(SIX, None, None, False, 7, gone=True, retry_at=NOW + late)  # noqa: FBT003
        assert plan(fresh, {SIX: 7}, EVERYTHING) == steps
        assert plan(fresh, {SIX: 7}, ON_DEMAND) == []


def test_a_tombstone_falls_when_the_list_lacks_the_project() -> None:
    """The name may come back, with any serial."""
    buried = ProjectState(SIX, None, None, page=False, gone=True, gone_serial=7)
    found = plan_index([buried], {}, EVERYTHING, NOW)
    assert ([], [SIX], 0) == (list(found.steps), found.fallen, found.missing)


def test_the_steps_are_in_the_order_of_names() -> None:
    """New and changed projects alike: two runs of one plan are one."""
    states = [ProjectState(ProjectName(name), 1, NOW) for name in ("b", "d")]
    announced = {ProjectName(name): 2 for name in ("d", "c", "b", "a")}
    steps = list(plan_index(states, announced, EVERYTHING, NOW).steps)
    assert [
        AddProject(ProjectName("a"), 2),
        UpdateProject(ProjectName("b"), 2),
        AddProject(ProjectName("c"), 2),
        UpdateProject(ProjectName("d"), 2),
    ] == steps


def test_the_changelog_names_what_is_ours_or_everything() -> None:
    """On demand, only what is tracked."""
    changes = {SIX: Change(8), ProjectName("idna"): Change(9, removed=True)}
    assert plan_changes(changes, [SIX], ON_DEMAND) == [UpdateProject(SIX, 8)]
    deleted = UpdateProject(ProjectName("idna"), 9, listed=False)
    assert plan_changes(changes, [SIX], EVERYTHING) == [deleted, UpdateProject(SIX, 8)]
