"""From the configuration to the parts that both the app and the jobs are built from."""

from app.config import Config
from app.index import Index, IndexParts, IndexPolicy
from app.locks import NameLocks
from app.pages import PackagePlaces
from app.runtime import RunDirectory
from app.spooling import Spool
from app.store import Store
from app.tree import PageTree
from app.upstream import Upstream, UpstreamPolicy


def open_upstream(config: Config, connections: int) -> Upstream:
    """Return the door to upstream, with so many connections kept alive."""
    source, sync = config.upstream, config.sync
    return Upstream(
        UpstreamPolicy(
            pypi_url=source.pypi_url,
            places=PackagePlaces(source.packages_url, source.packages_url_explicit),
            packages_url=source.packages_url,
            proxy=source.proxy,
            user_agent=sync.user_agent,
            retry=sync.retry,
            timeout=config.timeouts.upstream,
            max_page_size=sync.max_page_size,
            connections=connections,
        )
    )


def open_index(config: Config, store: Store, upstream: Upstream) -> Index:
    """Return the use cases of the index."""
    locks = NameLocks(RunDirectory(config.repo_path).project_locks)
    parts = IndexParts(store, upstream, PageTree(config.repo_path), locks)
    policy = IndexPolicy(config.timeouts.upstream, keep_deleted=config.keep_deleted)
    return Index(parts, policy)


def open_spool(config: Config, store: Store) -> Spool:
    """Return the votes that nginx took in the application's place."""
    run = RunDirectory(config.repo_path)
    return Spool(run.spool, store, config.cache.dedup_window, run.nginx_pid)
