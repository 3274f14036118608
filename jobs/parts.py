"""The composition root of the jobs: the configuration's parts, built when needed."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from app import model
from app.assembly import (
    make_policy,
    open_core_metadata,
    open_denials,
    open_documents,
    open_index,
    open_lost_votes,
    open_resolver,
    open_spool,
    open_traffic_spool,
    open_upstream,
)
from app.config import Config
from app.core_metadata import CoreMetadata
from app.denying import Denying
from app.documents import Documents
from app.filters import Judge
from app.foresight import Foresight
from app.freshness import Freshness
from app.holdings import Holdings
from app.index import Index
from app.lost_votes import LostVotes
from app.pacing import Pace
from app.pages import FORMAT
from app.releases import Releases
from app.resolving import Resolver
from app.root_pages import RootPages
from app.runs import Runs
from app.runtime import RunDirectory
from app.spooling import Spool
from app.store import Store
from app.tree import PageTree
from app.upstream import Upstream
from app.wishing import Wishing


def never() -> bool:
    """Say that no signal came."""
    return False


@dataclass
class Parts:
    """What jobs work with."""

    config: Config
    # Whether a signal asked for the end.
    stopping: Callable[[], bool] = field(default=never)
    # How pages are rendered.
    page_format: int = FORMAT
    # The time that filters go by.
    clock: Callable[[], float] = time.time

    @cached_property
    def run(self) -> RunDirectory:
        """The folder of sockets, locks and the spool."""
        return RunDirectory(self.config.repo_path)

    @cached_property
    def store(self) -> Store:
        """The database."""
        return Store.open(self.config.database)

    @cached_property
    def upstream(self) -> Upstream:
        """The index and the files' hosts."""
        sync = self.config.sync
        pace = Pace(sync.bandwidth, self.stopping)
        return open_upstream(self.config, sync.concurrent_downloads, pace)

    def resolver(self, *, traces: bool) -> Resolver:
        """Return who finds out what requirements need; without `traces` it keeps nothing."""
        return open_resolver(self.config, self.stopping, traces=traces)

    @cached_property
    def tree(self) -> PageTree:
        """The pages on disk."""
        return PageTree(self.config.repo_path)

    @cached_property
    def root(self) -> RootPages:
        """The list of projects on disk."""
        return RootPages(self.config.repo_path)

    @cached_property
    def index(self) -> Index:
        """The use cases of the index."""
        return open_index(self.config, self.store, self.upstream, self.page_format, self.clock)

    @cached_property
    def denying(self) -> Denying:
        """The use case of known-bad files."""
        digests = self.config.filters.files.deny_sha256
        return Denying(self.store, open_denials(self.config), digests)

    @cached_property
    def core_metadata(self) -> CoreMetadata:
        """The use cases of core metadata without its file."""
        return open_core_metadata(self.config, self.store, self.upstream)

    @cached_property
    def documents(self) -> Documents:
        """The use cases of what lies beside the pages."""
        return open_documents(self.config, self.store, self.upstream, self.index)

    @cached_property
    def holdings(self) -> Holdings:
        """The use cases of held files."""
        free = self.config.cache.min_free
        return Holdings(self.store, self.upstream, tiers(self.config), self.stopping, free)

    @cached_property
    def wishing(self) -> Wishing:
        """The use cases of the wish."""
        cache = self.config.cache
        return Wishing(
            self.store,
            make_policy(self.config),
            tiers(self.config),
            cache.move_budget,
            cache.filesize_limit,
            Judge(self.config.filters),
            self.config.keep,
        )

    @cached_property
    def foresight(self) -> Foresight:
        """The use cases of questions about the wish."""
        return Foresight(self.store, self.wishing, self.config.cache.decay.half_life)

    @cached_property
    def releases(self) -> Releases:
        """The use cases of what comes to files that nobody voted for yet."""
        return Releases(self.store, self.config.cache.decay.inherit)

    @cached_property
    def runs(self) -> Runs:
        """What became of each job."""
        return Runs(self.store)

    @cached_property
    def freshness(self) -> Freshness:
        """How far the index is behind."""
        return Freshness(self.store)

    @cached_property
    def spool(self) -> Spool:
        """The votes that nginx wrote while the app was away."""
        return open_spool(self.config, self.store)

    @cached_property
    def traffic_spool(self) -> Spool:
        """What nginx wrote of its answers."""
        return open_traffic_spool(self.config, self.store)

    @cached_property
    def lost_votes(self) -> LostVotes:
        """The count of votes that were taken and never written."""
        return open_lost_votes(self.config, self.store)


def tiers(config: Config) -> list[model.Tier]:
    """Return the configuration's tiers, hottest first, as the planner sees them."""
    return [
        model.Tier(rank, str(tier.path), tier.size_limit)
        for rank, tier in enumerate(config.cache.tiers)
    ]


def make_folders(config: Config) -> None:
    """Make what is ours to make: the repository's own folders, not a tier's mount."""
    config.repo_path.mkdir(exist_ok=True)
    for tier in config.cache.tiers:
        if Path(tier.path).is_relative_to(config.repo_path):
            tier.path.mkdir(parents=True, exist_ok=True)
