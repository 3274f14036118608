"""The index's plan where filters say by name what may be here."""

import pytest

from app.model import Change
from app.names import ProjectName
from app.planning import IndexPolicy, ProjectState, plan_changes, plan_index

NOW = 1_000_000
POLICY = IndexPolicy(everything=True, max_age=600, admits=lambda name: not name.startswith("x"))


def state(name: str) -> ProjectState:
    """Return a project in step."""
    return ProjectState(ProjectName(name), 5, NOW)


TOMBSTONE = ProjectState(ProjectName("xa"), None, NOW, gone=True, gone_serial=5)


@pytest.mark.parametrize(
    ("states", "announced", "expected"),
    [
        ([], {"a": 5, "xa": 5}, ["add a to serial 5"]),
        ([state("xa")], {"xa": 6}, []),
        ([state("a"), state("xa")], {"a": 6, "xa": 6}, ["update a to serial 6"]),
        # What upstream's list has no more is asked about, hidden or not.
        ([state("xa")._replace(checked_at=0)], {"a": 5}, ["add a to serial 5", "revalidate xa"]),
        # A tombstone of what may not be here stands.
        ([TOMBSTONE], {"xa": 6}, []),
    ],
)
def test_what_may_not_be_here_is_not_asked_for(
    states: list[ProjectState], announced: dict[str, int], expected: list[str]
) -> None:
    """Neither new nor changed."""
    serials = {ProjectName(name): serial for name, serial in announced.items()}
    assert expected == [str(step) for step in plan_index(states, serials, POLICY, NOW).steps]


def test_the_changelog_asks_for_nothing_hidden() -> None:
    """As the list."""
    changes = {ProjectName(name): Change(6) for name in ("a", "xa")}
    assert ["update a to serial 6"] == [str(one) for one in plan_changes(changes, (), POLICY)]


def test_what_is_named_is_asked_for_without_a_list() -> None:
    """Unless it is here already."""
    policy = IndexPolicy(
        everything=True, max_age=600, named=frozenset(map(ProjectName, ("b", "a", "c")))
    )
    plan = plan_index([state("b")], None, policy, NOW)
    assert ["add a", "add c"] == [str(step) for step in plan.steps]
