"""Facts to plans: pure, so that the same facts give the same steps."""

from app.planning.compact import Joined, ProjectSteps
from app.planning.fitting import fit, follow_roots
from app.planning.here import plan_here
from app.planning.index import (
    BUSY,
    IndexPlan,
    IndexPolicy,
    ProjectState,
    plan_changes,
    plan_index,
    plan_retries,
    retry_pause,
)
from app.planning.moves import Facts, Placed, plan_moves
from app.planning.pins import PinFacts, plan_pins
from app.planning.wish import Contenders, Wished, assign

__all__ = [
    "BUSY",
    "Contenders",
    "Facts",
    "IndexPlan",
    "IndexPolicy",
    "Joined",
    "PinFacts",
    "Placed",
    "ProjectState",
    "ProjectSteps",
    "Wished",
    "assign",
    "fit",
    "follow_roots",
    "plan_changes",
    "plan_here",
    "plan_index",
    "plan_moves",
    "plan_pins",
    "plan_retries",
    "retry_pause",
]
