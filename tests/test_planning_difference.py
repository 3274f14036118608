"""What is in step is left out, and the plan is the same."""

from hypothesis import given
from hypothesis import strategies as st

from app.names import ProjectName
from app.planning import IndexFacts, ProjectState, differing, plan_index

NOW = 1_000
NAMES = st.sampled_from([ProjectName(name) for name in ("aa", "bb", "cc", "dd")])
SERIALS = st.integers(0, 3)
STATES = st.builds(
    ProjectState,
    name=NAMES,
    serial=st.one_of(st.none(), SERIALS),
    checked_at=st.sampled_from([None, NOW - 5, NOW - 900]),
    failing=st.booleans(),
)


@given(
    st.lists(STATES, unique_by=lambda state: state.name),
    st.sets(NAMES),
    st.dictionaries(NAMES, SERIALS),
    st.booleans(),
)
def test_the_plan_is_the_same(
    states: list[ProjectState],
    pages: set[ProjectName],
    announced: dict[ProjectName, int],
    everything: bool,  # noqa: FBT001
) -> None:
    """Whether `plan_index` sees all facts or only what differs."""
    whole = IndexFacts(states, pages, dict(announced), everything, 600)
    found = differing(iter(states), iter(pages), dict(announced))
    part = IndexFacts(found.tracked, found.pages, found.announced, everything, 600)
    assert plan_index(whole, NOW) == plan_index(part, NOW)
    missing = sum(state.name not in announced for state in states)
    assert (len(states), missing) == (found.count, found.missing)
