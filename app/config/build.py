"""From values that are right, alone and together, to the frozen Config."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from app.bounds import MinFree, MoveBudget
from app.config import cache_keys as cache
from app.config import filter_keys, vote_keys
from app.config import mirror_keys as mirror
from app.config import moving_keys as moving
from app.config import serving_keys as serving
from app.config.checks import RULES, TIERS
from app.config.filters import build_filters
from app.config.found import Values
from app.config.layout import database_file
from app.config.settings import (
    Cache,
    Config,
    DecaySettings,
    IpModes,
    LegacyJson,
    Log,
    ModeRule,
    Projects,
    Schedule,
    Sync,
    TierSettings,
    Timeouts,
    Tls,
    Upstream,
    Verify,
    Votes,
)
from app.filters.texts import Rule


def build_config(values: Values, folder: Path, required: tuple[Rule, ...] = ()) -> Config:
    """Return the configuration that the values of a file without problems are.

    `required` is what files of requirements name.

    Raises:
        LookupError: There was a problem after all.

    """
    return Config(
        listen=values.need(serving.LISTEN),
        repo_path=values.need(mirror.REPO_PATH),
        prefix=values.need(serving.PREFIX_KEY),
        upstream=_upstream(values),
        tls=_tls(values),
        trusted_proxies=values.get(serving.TRUSTED_PROXIES) or (),
        ip_modes=_ip_modes(values),
        cache=_cache(values),
        votes=_votes(values),
        sync=_sync(values),
        log=Log(values.get(serving.LOG_PATH), values.need(serving.LOG_FORMAT)),
        timeouts=_timeouts(values),
        projects=values.need(mirror.PROJECTS),
        canonical=values.need(mirror.CANONICAL),
        filters=build_filters(values, required),
        hidden=values.need(filter_keys.HIDDEN),
        keep=values.need(mirror.KEEP),
        keep_deleted=values.need(mirror.KEEP_DELETED),
        database=_database(values, folder),
        schedule=_schedule(values),
        verify=Verify(values.need(moving.VERIFY_EVERY), values.need(moving.VERIFY_BANDWIDTH)),
        workers=values.need(serving.WORKERS),
        threads=values.need(serving.THREADS),
        metrics_listen=values.get(serving.METRICS_LISTEN),
    )


def _database(values: Values, folder: Path) -> str:
    file = database_file(values, folder)
    return f"sqlite:///{file}" if file else values.need(mirror.DATABASE_URL)


def _upstream(values: Values) -> Upstream:
    packages_url = values.need(mirror.PACKAGES_URL)
    return Upstream(
        pypi_url=values.need(mirror.PYPI_URL),
        packages_url=packages_url,
        packages_url_explicit=values.has(mirror.PACKAGES_URL),
        redirect_url=values.get(mirror.REDIRECT_URL) or packages_url,
        proxy=values.get(mirror.UPSTREAM_PROXY),
        probe_interval=values.need(mirror.PROBE_INTERVAL),
        proxied_range=values.need(mirror.PROXIED_RANGE),
        redirects_to=values.get(mirror.REDIRECTS_TO) or (),
    )


def _tls(values: Values) -> Tls | None:
    if not values.has(serving.TLS_CERT):
        return None
    cert, key = values.need(serving.TLS_CERT), values.need(serving.TLS_KEY)
    return Tls(cert, key, values.get(serving.TLS_HSTS))


def _ip_modes(values: Values) -> IpModes:
    return IpModes(
        default=values.need(serving.MODE_DEFAULT),
        rules=tuple(
            ModeRule(row.need(serving.RULE_CIDR), row.need(serving.RULE_MODE))
            for row in values.rows(RULES)
        ),
    )


def _cache(values: Values) -> Cache:
    tiers = tuple(
        TierSettings(row.need(cache.TIER_PATH), row.need(cache.TIER_SIZE))
        for row in values.rows(TIERS)
    )
    if not tiers:
        packages = values.need(mirror.REPO_PATH) / "packages"
        tiers = (TierSettings(packages, values.need(cache.CACHE_SIZE)),)
    return Cache(
        filesize_limit=values.need(cache.FILESIZE_LIMIT),
        min_vote_count=values.need(cache.MIN_VOTE_COUNT),
        vote_window=values.need(cache.VOTE_WINDOW),
        dedup_window=values.need(cache.DEDUP_WINDOW),
        size_db_ttl=values.need(cache.SIZE_DB_TTL),
        tiers=tiers,
        min_free=MinFree(values.get(moving.MIN_FREE_BYTES), values.get(moving.MIN_FREE_INODES)),
        move_budget=MoveBudget(
            fetch=values.get(moving.BUDGET_FETCH),
            promote=values.get(moving.BUDGET_PROMOTE),
            demote=values.get(moving.BUDGET_DEMOTE),
        ),
        policy=values.need(cache.CACHE_POLICY),
        decay=DecaySettings(
            half_life=values.need(cache.DECAY_HALF_LIFE),
            small_file=values.need(cache.DECAY_SMALL_FILE),
            held_bonus=values.need(cache.DECAY_HELD_BONUS),
            hot_bonus=values.need(cache.DECAY_HOT_BONUS),
            coldest=values.need(cache.DECAY_COLDEST),
            inherit=values.need(cache.DECAY_INHERIT),
        ),
    )


def _votes(values: Values) -> Votes:
    agents = values.get(vote_keys.IGNORE_AGENTS)
    return Votes(
        via=values.need(vote_keys.VIA),
        keep_networks=values.need(vote_keys.KEEP_NETWORKS),
        ignore_agents=vote_keys.IGNORED_AGENTS if agents is None else tuple(filter(None, agents)),
    )


def _sync(values: Values) -> Sync:
    return Sync(
        retry=values.need(mirror.RETRY),
        download_error_threshold=values.need(mirror.DOWNLOAD_ERROR_THRESHOLD),
        user_agent=values.get(mirror.USER_AGENT) or _own_name(),
        concurrent_downloads=values.need(mirror.CONCURRENT_DOWNLOADS),
        whole_list_above=values.need(mirror.WHOLE_LIST_ABOVE),
        max_age=values.need(mirror.MAX_AGE),
        max_removals=values.need(mirror.MAX_REMOVALS),
        max_page_size=values.need(mirror.MAX_PAGE_SIZE),
        stuck_after=values.need(mirror.STUCK_AFTER),
        follow=values.need(mirror.FOLLOW),
        legacy_json=values.get(mirror.LEGACY_JSON) or _legacy_json(values),
        bandwidth=values.get(moving.BANDWIDTH),
    )


def _legacy_json(values: Values) -> LegacyJson:
    whole = values.need(mirror.PROJECTS) is Projects.ALL
    return LegacyJson.MIRROR if whole else LegacyJson.ON_DEMAND


def _timeouts(values: Values) -> Timeouts:
    return Timeouts(
        read=values.need(serving.TIMEOUT_READ),
        write=values.need(serving.TIMEOUT_WRITE),
        idle=values.need(serving.TIMEOUT_IDLE),
        upstream=values.need(serving.TIMEOUT_UPSTREAM),
    )


def _schedule(values: Values) -> Schedule:
    return Schedule(
        sync_index=values.need(mirror.SCHEDULE_SYNC_INDEX),
        score=values.need(mirror.SCHEDULE_SCORE),
        move=values.need(mirror.SCHEDULE_MOVE),
        clean=values.need(mirror.SCHEDULE_CLEAN),
        verify=values.need(moving.SCHEDULE_VERIFY),
        read_spool=values.need(mirror.SCHEDULE_READ_SPOOL),
    )


def _own_name() -> str:
    try:
        number = version("larder")
    except PackageNotFoundError:
        # Run from a folder that nobody installed.
        number = "0"
    return f"larder/{number} (+https://pypi.org/project/larder/)"
