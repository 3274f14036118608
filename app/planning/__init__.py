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
from app.planning.moves import Facts, Placed, Plan, plan_moves, plan_with_room
from app.planning.pins import PinFacts, plan_pins
from app.planning.rest import Rest, RestSteps, Unheld, place_rest
from app.planning.wish import PINNED, Contenders, Wished, assign

__all__ = [
    "BUSY",
    "PINNED",
    "Contenders",
    "Facts",
    "IndexPlan",
    "IndexPolicy",
    "Joined",
    "PinFacts",
    "Placed",
    "Plan",
    "ProjectState",
    "ProjectSteps",
    "Rest",
    "RestSteps",
    "Unheld",
    "Wished",
    "assign",
    "fit",
    "follow_roots",
    "place_rest",
    "plan_changes",
    "plan_here",
    "plan_index",
    "plan_moves",
    "plan_pins",
    "plan_retries",
    "plan_with_room",
    "retry_pause",
]
