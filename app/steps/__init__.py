"""The steps that plans are made of: data, each printing as one sentence.

The sentence is a step's line in a dry run, in the log, and when it fails.
"""

from app.steps.bundle import LoadPart, WriteBundle
from app.steps.holdings import (
    Adopt,
    Drop,
    DropPartial,
    Evict,
    Fetch,
    FetchCompanion,
    Lose,
    Move,
    PutOff,
    Verify,
)
from app.steps.index import (
    AddProject,
    AskUpstream,
    ChangeProject,
    CompleteProject,
    DenyFiles,
    KeepList,
    RemoveGone,
    RenderProject,
    RevalidateProject,
    UpdateProject,
    Withdraw,
    WriteRoot,
)
from app.steps.pins import PinFiles
from app.steps.step import Step
from app.steps.wish import (
    MOVES,
    AskSize,
    Clean,
    HandOn,
    ReadSpool,
    ReadTraffic,
    SettleVotes,
    StoreWish,
)

__all__ = [
    "MOVES",
    "AddProject",
    "Adopt",
    "AskSize",
    "AskUpstream",
    "ChangeProject",
    "Clean",
    "CompleteProject",
    "DenyFiles",
    "Drop",
    "DropPartial",
    "Evict",
    "Fetch",
    "FetchCompanion",
    "HandOn",
    "KeepList",
    "LoadPart",
    "Lose",
    "Move",
    "PinFiles",
    "PutOff",
    "ReadSpool",
    "ReadTraffic",
    "RemoveGone",
    "RenderProject",
    "RevalidateProject",
    "SettleVotes",
    "Step",
    "StoreWish",
    "UpdateProject",
    "Verify",
    "Withdraw",
    "WriteBundle",
    "WriteRoot",
]
