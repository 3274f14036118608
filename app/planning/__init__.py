"""Facts to plans: pure, so that the same facts give the same steps."""

from app.planning.difference import Difference, differing
from app.planning.index import IndexFacts, ProjectState, plan_index
from app.planning.moves import Facts, Placed, Wished, assign, plan_moves

__all__ = [
    "Difference",
    "Facts",
    "IndexFacts",
    "Placed",
    "ProjectState",
    "Wished",
    "assign",
    "differing",
    "plan_index",
    "plan_moves",
]
