"""Facts to plans: pure, so that the same facts give the same steps."""

from app.planning.fitting import fit, follow_roots
from app.planning.index import (
    IndexPlan,
    IndexPolicy,
    ProjectState,
    plan_changes,
    plan_index,
    plan_retries,
    retry_pause,
)
from app.planning.moves import Facts, Placed, Wished, assign, plan_moves

__all__ = [
    "Facts",
    "IndexPlan",
    "IndexPolicy",
    "Placed",
    "ProjectState",
    "Wished",
    "assign",
    "fit",
    "follow_roots",
    "plan_changes",
    "plan_index",
    "plan_moves",
    "plan_retries",
    "retry_pause",
]
