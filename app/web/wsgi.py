"""The composition root of the application: `gunicorn 'app.web.wsgi:get_app()'`."""

import atexit
import logging
import os
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import falcon

from app.assembly import (
    known_hosts,
    open_core_metadata,
    open_documents,
    open_index,
    open_lost_votes,
    open_spool,
    open_traffic_spool,
    open_upstream,
)
from app.clients import NetworkTable
from app.config import Config, load
from app.filters import Judge
from app.index import Index
from app.lost_votes import Ledger, LostVotes
from app.runtime import RunDirectory
from app.store import Store, StoreError
from app.tree import JSON
from app.upstream import Addresses
from app.web.application import Parts, create_app
from app.web.core_metadata import MetadataResource
from app.web.decisions import Desk, Sources
from app.web.documents import LegacyDesk, ProvenanceResource
from app.web.environment import CONFIG_VARIABLE
from app.web.gate import Gate, Screen
from app.web.metrics import Metrics
from app.web.network_key import NetworkKey
from app.web.places import READERS, Places
from app.web.prober import Prober
from app.web.simple import Questions
from app.web.spool_reader import TRAFFIC_INTERVAL, SpoolReader
from app.web.standing import Facts, Standing
from app.web.targets import Targets
from app.web.vote_buffer import Safe, VoteBuffer
from app.web.votes import BallotBox

logger = logging.getLogger(__name__)

_ASK_PATIENCE = 5.0
_METADATA_PATIENCE = 5.0
_STREAM_PATIENCE = 0.5
"""Seconds to wait for a place: a client that cannot be passed a file is redirected."""


def get_app() -> "falcon.App[Any, Any]":
    """Return the application for the configuration that the environment names."""
    logging.basicConfig(format="%(levelname)s app: %(message)s", level=logging.INFO)
    config = load(Path(os.environ[CONFIG_VARIABLE]))
    # Without the database all but new pages are served; a worker that ended for it would
    # have gunicorn end the others, with the votes that wait in them.
    store = Store.open_later(config.database)
    lost_votes = open_lost_votes(config, store)
    _settle(lost_votes)
    spool, traffic_spool = open_spool(config, store), open_traffic_spool(config, store)
    facts = Facts(
        store,
        [(str(tier.path), tier.size_limit) for tier in config.cache.tiers],
        lost_votes,
        {"votes": spool, "traffic": traffic_spool},
        config.sync.stuck_after,
    )
    targets = _targets(config)
    metrics = Metrics(Standing(facts), targets)
    upstream = open_upstream(config, config.threads)
    upstream.order = targets.ordered
    prober = Prober(
        targets, upstream, RunDirectory(config.repo_path).path, config.upstream.redirect_url
    )
    ledger = Ledger.open(lost_votes.folder)
    safe = Safe(spool.leave)
    buffer = VoteBuffer(store, config.cache.dedup_window, metrics, ledger, safe)
    network_key = NetworkKey(store.network_key)
    # A worker that ends well ends through here, after its last request (`gunicorn_conf`);
    # the last first.
    atexit.register(network_key.close)
    atexit.register(SpoolReader(spool).close)
    atexit.register(SpoolReader(traffic_spool, TRAFFIC_INTERVAL).close)
    atexit.register(buffer.close)
    index = open_index(config, store, upstream)
    questions = _questions(config, index, metrics)
    documents = open_documents(config, store, upstream, index)
    parts = Parts(
        prefix=config.prefix,
        simple=config.repo_path / "simple",
        questions=questions,
        legacy=LegacyDesk(config.prefix, questions, documents),
        provenance=ProvenanceResource(config.prefix, questions, documents),
        metadata=MetadataResource(
            open_core_metadata(config, store, upstream),
            Places(max(1, config.threads // 4), _METADATA_PATIENCE),
        ),
        ballot_box=BallotBox(
            buffer,
            network_key,
            time.time,
            config.votes.keep_networks,
        ),
        desk=_desk(config, store, targets),
        # Not again and again while a client waits: the next place is asked.
        file_host=open_upstream(config, config.threads, retry=0),
        stream_places=Places(_slow_threads(config), _STREAM_PATIENCE),
        reader_places=Places(READERS, 0, queue=0),
        shared=RunDirectory(config.repo_path).shared,
        metrics=metrics,
        gate=Gate(
            Judge(config.filters),
            store,
            time.time,
            lambda name: (config.repo_path / "simple" / name / JSON).exists(),
        ),
        screen=Screen(config.hidden, Addresses.parse(config.upstream.pypi_url).page),
    )
    app = create_app(parts)
    prober.start()
    atexit.register(prober.close)
    return app


def _targets(config: Config) -> Targets:
    source = config.upstream
    places = (*source.packages_url, *source.redirect_url)
    return Targets(RunDirectory(config.repo_path).path, places, source.probe_interval)


def _settle(lost_votes: LostVotes) -> None:
    """Count what the workers before this one have lost, if it can be done now."""
    try:
        lost_votes.settle()
    except (StoreError, OSError) as error:
        logger.warning("lost votes are counted later: %s", error)


def _questions(config: Config, index: Index, metrics: Metrics) -> Questions:
    places = Places(_slow_threads(config), _ASK_PATIENCE)
    return Questions(index, config.repo_path / "simple", places, metrics, time.monotonic)


def _slow_threads(config: Config) -> int:
    """Return how many threads may be busy with upstream, for pages and for files each.

    At least half of all stay free for votes and decisions.
    """
    return max(1, config.threads // (4 if behind_proxy(config) else 2))


def _desk(config: Config, store: Store, targets: Targets) -> Desk:
    rules = [(rule.cidr, rule.mode) for rule in config.ip_modes.rules]
    source = config.upstream
    sources = Sources(
        packages_urls=source.packages_url,
        redirect_urls=source.redirect_url,
        through_app=behind_proxy(config),
        hosts=known_hosts(config),
        proxied_range=source.proxied_range,
    )
    return Desk(store, NetworkTable(config.ip_modes.default, rules), sources, targets)


def behind_proxy(config: Config) -> bool:
    """Whether files come through an HTTP proxy, by the configuration or the environment."""
    url = urlsplit(config.upstream.packages_url[0])
    if config.upstream.proxy:
        return True
    return url.scheme in getproxies() and not proxy_bypass(url.hostname or "")
