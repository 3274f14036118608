"""Sequences of steps that take little memory: as the lists that they stand for."""

from hypothesis import given
from hypothesis import strategies as st

from app.names import parse_project
from app.planning import Joined, ProjectSteps
from app.steps import AddProject, RevalidateProject, UpdateProject, WriteRoot

NAMES = st.text("abc", min_size=1, max_size=3).map(parse_project)
SERIALS = st.integers(0, 2**63 - 1)
STEPS = st.lists(
    st.one_of(
        st.builds(AddProject, NAMES, st.none() | SERIALS),
        st.builds(UpdateProject, NAMES, SERIALS),
        st.builds(RevalidateProject, NAMES),
    ),
    unique_by=lambda step: step.project,
)


@given(STEPS, st.dictionaries(NAMES, SERIALS))
def test_steps_and_additions_are_in_the_order_of_names(
    steps: list[AddProject | UpdateProject | RevalidateProject],
    added: dict[str, int],
) -> None:
    """And are a sequence in every way: length, places from both ends, slices."""
    others = {parse_project(name): serial for name, serial in added.items()}
    for step in steps:
        others.pop(step.project, None)
    additions = [AddProject(name, serial) for name, serial in others.items()]
    expected = sorted([*steps, *additions], key=lambda step: step.project)
    found = ProjectSteps(steps, others)
    assert expected == list(found)
    assert (len(expected), bool(expected)) == (len(found), bool(found))
    assert expected[::-1] == [found[-1 - place] for place in range(len(found))]
    assert expected[1:3] == found[1:3]


@given(STEPS, st.integers(0, 2))
def test_one_sequence_follows_the_other(
    steps: list[AddProject | UpdateProject | RevalidateProject], count: int
) -> None:
    """Nothing is lost where they meet."""
    tail = [WriteRoot()] * count
    assert [*steps, *tail] == list(Joined(steps, tail))
    assert [*steps, *tail][-3:] == Joined(steps, tail)[-3:]
