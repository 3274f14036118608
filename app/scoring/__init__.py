"""What a file is worth: votes and sizes to a ranking. Pure: no clock, no disk.

`heat` turns votes into one number a file, `inheritance` gives a release's new files
their predecessors' share of it, a policy makes a score of it, and `ranking` puts the
files in order.
"""

from app.scoring.heat import HeatScale
from app.scoring.inheritance import Released, Transfer, inherit
from app.scoring.policies import GIB, HOUR, MIB, Decay, Policy, Votes
from app.scoring.ranking import Ranking, ranking

__all__ = [
    "GIB",
    "HOUR",
    "MIB",
    "Decay",
    "HeatScale",
    "Policy",
    "Ranking",
    "Released",
    "Transfer",
    "Votes",
    "inherit",
    "ranking",
]
