"""The database: the only user of peewee.

Queries are verbs and return model objects or plain values; rows do not leave here.
"""

from app.store.bulk import BulkQueries
from app.store.documents import DocumentQueries
from app.store.errors import StoreBusyError, StoreError, UnlistedError
from app.store.holdings import Held, HoldingQueries
from app.store.index import Failure, IndexQueries, KnownFile, Settled, TrackedProject
from app.store.verifying import DueFile, VerifyQueries
from app.store.votes import VoteQueries

__all__ = [
    "DueFile",
    "Failure",
    "Held",
    "KnownFile",
    "Settled",
    "Store",
    "StoreBusyError",
    "StoreError",
    "TrackedProject",
    "UnlistedError",
]


class Store(IndexQueries, BulkQueries, VoteQueries, HoldingQueries, VerifyQueries, DocumentQueries):
    """Everything that larder remembers."""
