"""What the index is made of, and how it is kept."""

from dataclasses import dataclass

from app.filtering import Filtering
from app.legacy import LegacyPages
from app.locks import NameLocks
from app.rerender import OwnPages
from app.store import Store
from app.tree import PageTree
from app.upstream import Upstream


@dataclass(frozen=True, slots=True)
class IndexParts:
    """What the index is made of."""

    store: Store
    upstream: Upstream
    tree: PageTree
    locks: NameLocks
    legacy: LegacyPages
    own: OwnPages
    filtering: Filtering


@dataclass(frozen=True, slots=True)
class IndexPolicy:
    """How the index is kept."""

    # Seconds to wait for another's fetch of the same project.
    patience: float
    # How pages are rendered now: `app.pages.FORMAT`, and what else changes pages.
    mark: str
    # Where clients find upstream's files; None: no pages with upstream's own links.
    canonical_url: str | None = None
    # Whether held files stay though upstream deleted them; never those in quarantine.
    keep_deleted: bool = False
