"""The database: the only user of peewee.

Queries are verbs and return model objects or plain values; rows do not leave here.
"""

from app.store.bulk import BulkQueries, StateRow
from app.store.errors import StoreBusyError, StoreError
from app.store.holdings import Held, HoldingQueries
from app.store.index import IndexQueries, KnownFile, Settled, TrackedProject
from app.store.votes import VoteQueries

__all__ = [
    "Held",
    "KnownFile",
    "Settled",
    "StateRow",
    "Store",
    "StoreBusyError",
    "StoreError",
    "TrackedProject",
]


class Store(IndexQueries, BulkQueries, VoteQueries, HoldingQueries):
    """Everything that larder remembers."""
