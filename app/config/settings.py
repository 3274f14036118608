"""The configuration as frozen data: what the YAML file says, parsed and complete.

Units: sizes are bytes, durations are seconds, paths are absolute.
"""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from app.bounds import Keep, MinFree, MoveBudget
from app.filters import Filters

Network = IPv4Network | IPv6Network


class Mode(StrEnum):
    """How a file that is not held is answered."""

    REDIRECT = "302"
    PROXY = "proxy"


class Projects(StrEnum):
    """Which projects the index has (`index.projects`)."""

    ALL = "all"
    ON_DEMAND = "on-demand"
    LISTED = "listed"


class HiddenAnswer(StrEnum):
    """How the page of a hidden project is answered (`filters.hidden`)."""

    NOT_FOUND = "404"
    FORBIDDEN = "403"
    UPSTREAM = "upstream"


class LegacyJson(StrEnum):
    """When legacy JSON is fetched (`sync.legacy_json`)."""

    MIRROR = "mirror"
    ON_DEMAND = "on-demand"


class CachePolicy(StrEnum):
    """What makes a file worth its disk (`cache.policy`)."""

    DECAY = "decay"
    VOTES = "votes"


class VotesVia(StrEnum):
    """How votes reach the database (`votes.via`)."""

    AUTH_REQUEST = "auth_request"
    LOG = "log"


class LogFormat(StrEnum):
    """How nginx writes its access log (`log.format`)."""

    JSON = "mirror-json"
    COMBINED = "combined"


@dataclass(frozen=True, slots=True)
class Address:
    """`host:port`; an empty host is every address of the machine."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where the index and the files come from. URLs end in one slash."""

    pypi_url: str
    # The first good one serves; explicit where the YAML names them (see File.origin).
    packages_url: tuple[str, ...]
    packages_url_explicit: bool
    redirect_url: tuple[str, ...]
    # An HTTP proxy for everything that is fetched upstream.
    proxy: str | None
    # Seconds between two probes of each place of files.
    probe_interval: int = 10
    # Bytes of a range that is passed through for everybody.
    proxied_range: int = 1 << 20
    # Internal hosts that upstream's redirects may lead to.
    redirects_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tls:
    """The certificate chain and the key that nginx serves with."""

    cert: Path
    key: Path
    # For how long browsers shall use nothing but HTTPS; None: they are told nothing.
    hsts: int | None = None


@dataclass(frozen=True, slots=True)
class ModeRule:
    """Clients of this network get this mode; the longest prefix wins."""

    cidr: Network
    mode: Mode


@dataclass(frozen=True, slots=True)
class IpModes:
    """The mode for each client network."""

    default: Mode
    rules: tuple[ModeRule, ...]


@dataclass(frozen=True, slots=True)
class TierSettings:
    """One folder for held files."""

    path: Path
    size_limit: int


@dataclass(frozen=True, slots=True)
class DecaySettings:
    """The parameters of the policy `decay` (docs/scoring.md)."""

    half_life: int
    small_file: int
    held_bonus: float
    hot_bonus: float
    coldest: float
    inherit: float


@dataclass(frozen=True, slots=True)
class Cache:
    """What is worth its disk."""

    filesize_limit: int
    min_vote_count: int
    vote_window: int
    dedup_window: int
    size_db_ttl: int
    # Hottest first. Without `cache.tiers` it is one: `{repo_path}/packages` with
    # `cache.size_limit`.
    tiers: tuple[TierSettings, ...]
    min_free: MinFree
    move_budget: MoveBudget
    policy: CachePolicy
    decay: DecaySettings


@dataclass(frozen=True, slots=True)
class Votes:
    """How votes are taken in."""

    via: VotesVia
    # Whether networks are kept in plain text, beside their hashes.
    keep_networks: bool
    # Whoever has one of these in its User-Agent does not vote.
    ignore_agents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sync:
    """How upstream is asked."""

    retry: int
    download_error_threshold: int
    user_agent: str
    concurrent_downloads: int
    # At most so many tracked projects are revalidated one by one; above, upstream's
    # whole list of serials is asked for.
    whole_list_above: int
    # Without serials or validators, a page older than this is fetched again.
    max_age: int
    # A list that would remove more projects than this is not believed.
    max_removals: int
    # A larger page is refused.
    max_page_size: int
    # A project that fails for longer than this is stuck.
    stuck_after: int
    # Whether the timetable has a light run every minute.
    follow: bool
    legacy_json: LegacyJson
    # Bytes a second of all that a job fetches.
    bandwidth: int | None


@dataclass(frozen=True, slots=True)
class Log:
    """nginx's access log."""

    path: Path | None
    format: LogFormat


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds of silence, not of the whole: a big wheel may take its time."""

    read: int
    write: int
    idle: int
    upstream: int


@dataclass(frozen=True, slots=True)
class Verify:
    """How held files are hashed again."""

    # In so many seconds, all of them.
    every: int
    # Bytes a second.
    bandwidth: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often `up` runs each job, in seconds; 0 is never."""

    sync_index: int
    score: int
    move: int
    clean: int
    verify: int
    read_spool: int


@dataclass(frozen=True, slots=True)
class Config:
    """A whole mirror."""

    listen: Address
    repo_path: Path
    prefix: str
    upstream: Upstream
    tls: Tls | None
    trusted_proxies: tuple[Network, ...]
    ip_modes: IpModes
    cache: Cache
    votes: Votes
    sync: Sync
    log: Log
    timeouts: Timeouts
    projects: Projects
    # Whether there is a second index, with upstream's own links.
    canonical: bool
    filters: Filters
    hidden: HiddenAnswer
    # Which files are to be here.
    keep: Keep
    # Whether held files stay although upstream deleted them.
    keep_deleted: bool
    database: str
    schedule: Schedule
    verify: Verify
    # gunicorn's processes and the threads of each.
    workers: int
    threads: int
    # Where /metrics and /healthz are served; None: not at all.
    metrics_listen: Address | None
