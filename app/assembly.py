"""From the configuration to the parts that both the app and the jobs are built from."""

import time
from collections.abc import Callable
from urllib.parse import urlsplit

from app.companions import Companions
from app.config import CachePolicy, Config, LegacyJson, own_mark
from app.core_metadata import CoreMetadata, MetadataParts
from app.denials import Denials
from app.documents import DocumentParts, Documents
from app.filtering import Filtering
from app.filters import Judge
from app.index import Index, IndexParts, IndexPolicy
from app.intakes import TrafficIntake, VoteIntake
from app.legacy import LegacyPages
from app.locks import NameLocks
from app.lost_votes import LostVotes
from app.pacing import Pace
from app.pages import FORMAT, PackagePlaces
from app.rerender import OwnPages
from app.resolving import Resolver, ResolverPolicy
from app.runtime import RunDirectory
from app.scoring import Decay, Policy, Votes
from app.shelf import Shelf
from app.sources import Sources
from app.spooling import Spool
from app.store import Store
from app.tree import PageTree
from app.upstream import Addresses, Upstream, UpstreamPolicy


def open_upstream(
    config: Config, connections: int, pace: Pace | None = None, retry: int | None = None
) -> Upstream:
    """Return the door to upstream, with so many connections kept alive.

    `retry` is how often a failed request is repeated, where `sync.retry` is too often.
    """
    source, sync = config.upstream, config.sync
    return Upstream(
        UpstreamPolicy(
            pypi_url=source.pypi_url,
            places=PackagePlaces(source.packages_url, source.packages_url_explicit),
            packages_url=source.packages_url,
            proxy=source.proxy,
            user_agent=sync.user_agent,
            retry=sync.retry if retry is None else retry,
            timeout=config.timeouts.upstream,
            max_page_size=sync.max_page_size,
            connections=connections,
            redirects_to=(*source.redirect_url, *source.redirects_to),
            via=own_mark(config),
        ),
        pace,
    )


def open_resolver(config: Config, stopping: Callable[[], bool], *, traces: bool) -> Resolver:
    """Return who finds out what requirements need, by upstream's index."""
    source = config.upstream
    # Credentials come back in: `Addresses` takes them out.
    netloc = urlsplit(source.pypi_url).netloc
    url = urlsplit(Addresses.parse(source.pypi_url).root)._replace(netloc=netloc).geturl()
    cache = RunDirectory(config.repo_path).resolver_cache if traces else None
    policy = ResolverPolicy(url, source.proxy, config.sync.retry, config.timeouts.upstream, cache)
    return Resolver(policy, stopping)


def make_policy(config: Config) -> Policy:
    """Return the policy that the configuration names."""
    cache, decay = config.cache, config.cache.decay
    if cache.policy is CachePolicy.VOTES:
        return Votes(cache.min_vote_count, cache.filesize_limit)
    return Decay(
        cache.min_vote_count,
        cache.filesize_limit,
        half_life=decay.half_life,
        small_file=decay.small_file,
        held_bonus=decay.held_bonus,
        hot_bonus=decay.hot_bonus,
        coldest=decay.coldest,
        inherit=decay.inherit,
    )


def open_index(
    config: Config,
    store: Store,
    upstream: Upstream,
    page_format: int = FORMAT,
    clock: Callable[[], float] = time.time,
) -> Index:
    """Return the use cases of the index."""
    locks = NameLocks(RunDirectory(config.repo_path).project_locks)
    mirrored = config.sync.legacy_json is LegacyJson.MIRROR
    shelf, keep = Shelf(config.repo_path), config.keep_deleted
    legacy = LegacyPages(upstream, store, shelf, mirrored=mirrored)
    sources = Sources(config.repo_path)
    own = OwnPages(store, shelf, sources, keep_deleted=keep)
    filtering = Filtering(Judge(config.filters), sources, shelf, open_denials(config))
    tree = PageTree(config.repo_path)
    parts = IndexParts(store, upstream, tree, locks, legacy, own, filtering)
    canonical = config.upstream.redirect_url[0] if config.canonical else None
    mark = _page_mark(page_format, canonical, config.filters.digest)
    policy = IndexPolicy(config.timeouts.upstream, mark, canonical, keep_deleted=keep)
    return Index(parts, policy, clock)


def open_denials(config: Config) -> Denials:
    """Return the marks of files that nginx refuses."""
    return Denials(RunDirectory(config.repo_path).denied)


def _page_mark(page_format: int, canonical_url: str | None, filters: str) -> str:
    """Return the words for how pages are written: each key that changes them adds its own.

    Most change none, since links are relative.
    """
    canonical = f"canonical={canonical_url}" if canonical_url else ""
    return " ".join(filter(None, (str(page_format), canonical, filters)))


def open_documents(config: Config, store: Store, upstream: Upstream, index: Index) -> Documents:
    """Return the use cases of what lies beside the pages of an index, for those who ask for it."""
    shelf = Shelf(config.repo_path)
    parts = DocumentParts(store, upstream, shelf, index.locks, index.bring)
    return Documents(parts, known_hosts(config), config.timeouts.upstream)


def open_core_metadata(config: Config, store: Store, upstream: Upstream) -> CoreMetadata:
    """Return the use cases of core metadata without its file."""
    locks = NameLocks(RunDirectory(config.repo_path).metadata_locks)
    parts = MetadataParts(store, upstream, Companions(config.repo_path), locks)
    return CoreMetadata(parts, known_hosts(config), config.timeouts.upstream)


def known_hosts(config: Config) -> frozenset[str]:
    """Return `host[:port]` of every URL of upstream's that the configuration names."""
    source = config.upstream
    urls = [source.pypi_url, *source.packages_url, *source.redirect_url]
    return frozenset(urlsplit(url).netloc.rpartition("@")[2].lower() for url in urls)


def open_spool(config: Config, store: Store) -> Spool:
    """Return the votes that nginx took in the application's place."""
    run = RunDirectory(config.repo_path)
    intake = VoteIntake(store, config.cache.dedup_window, config.votes.keep_networks)
    return Spool(run.spool, intake, run.nginx_pid)


def open_traffic_spool(config: Config, store: Store) -> Spool:
    """Return what nginx wrote of its answers below `/packages/`."""
    run = RunDirectory(config.repo_path)
    return Spool(run.traffic_spool, TrafficIntake(store), run.nginx_pid)


def open_lost_votes(config: Config, store: Store) -> LostVotes:
    """Return the count of votes that were taken and never written."""
    return LostVotes(RunDirectory(config.repo_path).votes, store)
