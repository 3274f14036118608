"""The database: the only user of peewee.

Queries are verbs and return model objects or plain values; rows do not leave here.
"""

from app.store.bulk import BulkQueries
from app.store.documents import DocumentQueries
from app.store.errors import StoreAwayError, StoreBusyError, StoreError, UnlistedError
from app.store.expiry import ExpiryQueries
from app.store.holdings import Held, HoldingQueries
from app.store.index import Failure, Filtered, IndexQueries, KnownFile, Rendered, Settled
from app.store.networks import NetworkQueries
from app.store.pins import Pinned, PinQueries
from app.store.popularity import Popular
from app.store.projects import IndexCounts, ProjectQueries, TrackedProject
from app.store.releases import ReleaseQueries
from app.store.rendering import Outdated, RenderingQueries
from app.store.rest import RestQueries
from app.store.traffic import TrafficQueries
from app.store.verifying import DueFile, VerifyQueries
from app.store.votes import VoteQueries

__all__ = [
    "DueFile",
    "Failure",
    "Filtered",
    "Held",
    "IndexCounts",
    "KnownFile",
    "Outdated",
    "Pinned",
    "Popular",
    "Rendered",
    "Settled",
    "Store",
    "StoreAwayError",
    "StoreBusyError",
    "StoreError",
    "TrackedProject",
    "UnlistedError",
]


class Store(
    ProjectQueries,
    IndexQueries,
    BulkQueries,
    RenderingQueries,
    VoteQueries,
    NetworkQueries,
    ReleaseQueries,
    ExpiryQueries,
    HoldingQueries,
    PinQueries,
    RestQueries,
    VerifyQueries,
    DocumentQueries,
    TrafficQueries,
):
    """Everything that larder remembers."""
