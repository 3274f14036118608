"""The keys that say what the mirror holds, and how it is kept in step."""

from app.config.kinds import (
    DATABASE,
    DURATION,
    HEADER,
    INTERVAL,
    PATH,
    PROXY,
    SIZE,
    TRUTH,
    URL,
    Key,
    at_least,
    between,
    choice,
    several,
    whole,
)
from app.config.settings import CachePolicy, LegacyJson, Projects

REPO_PATH = Key(
    "repo_path",
    PATH,
    "The folder that the mirror lives in: the index, the database and, without `cache.tiers`,"
    " the files. It is made where only its last part is missing.",
    example="/srv/larder",
    required=True,
)
DATABASE_URL = Key(
    "database",
    DATABASE,
    "Where votes, sizes and serials are: an SQLite file, which belongs on a local disk, or a"
    " database on a PostgreSQL server, for several machines (docs/operations.md).",
    example="postgresql://larder@db.example.org/larder",
    default="sqlite:///{repo_path}/larder.db",
    added=True,
)
PYPI_URL = Key(
    "upstream.pypi_url",
    URL,
    "Where the index comes from: PyPI, another mirror, devpi or any other simple index."
    " It may end in `/simple`.",
    example="https://pypi.org",
    default="https://pypi.org",
)
PACKAGES_URL = Key(
    "upstream.packages_url",
    several(URL),
    "Where files come from: what stands for `/packages/` upstream, its last part included."
    " Of several the first good one serves. Once it is written here, every file with such a"
    " path is fetched from here, whatever the index says.",
    example="https://files.pythonhosted.org/packages/",
    default="https://files.pythonhosted.org/packages/",
)
REDIRECT_URL = Key(
    "upstream.redirect_url",
    several(URL),
    "Where clients are sent for a file that is not held, in the form of `upstream.packages_url`.",
    example="https://files.pythonhosted.org/packages/",
    absent="the value of `upstream.packages_url`",
)
UPSTREAM_PROXY = Key(
    "upstream.proxy",
    PROXY,
    "An HTTP proxy for everything that is fetched from upstream.",
    example="http://proxy.example.org:3128",
)
PROJECTS = Key(
    "index.projects",
    choice({projects.value: projects for projects in Projects}),
    "`all`: every project of upstream's. `on-demand`: a project enters when it is first asked"
    " for, and is kept in step from then on.",
    example="on-demand",
    default=Projects.ALL.value,
    added=True,
)
CACHE_SIZE = Key(
    "cache.size_limit",
    SIZE,
    "The disk space that held files may take together. Either this or `cache.tiers` is needed;"
    " with both, the tiers may not exceed it.",
    example="512g",
)
FILESIZE_LIMIT = Key(
    "cache.filesize_limit",
    SIZE,
    "A larger file is never held.",
    example="4g",
    default="4g",
)
MIN_VOTE_COUNT = Key(
    "cache.min_vote_count",
    whole(1, None, "votes"),
    "A file with fewer votes is not fetched.",
    example="2",
    default="2",
)
VOTE_WINDOW = Key(
    "cache.vote_window",
    DURATION,
    "How long a vote counts.",
    example="7d",
    default="7d",
)
DEDUP_WINDOW = Key(
    "cache.dedup_window",
    DURATION,
    "In this time one network votes at most once for a file.",
    example="5m",
    default="5m",
)
SIZE_DB_TTL = Key(
    "cache.size_db_ttl",
    DURATION,
    "How long a file's size, once asked for, is taken as known.",
    example="2d",
    default="2d",
)
CACHE_POLICY = Key(
    "cache.policy",
    choice({policy.value: policy for policy in CachePolicy}),
    "What makes a file worth its disk (docs/scoring.md). `decay`: votes that fade, and a new"
    " release takes over from the one before. `votes`: the number of votes in"
    " `cache.vote_window`, as the predecessor has it.",
    example="decay",
    default=CachePolicy.DECAY.value,
    added=True,
)
DECAY_HALF_LIFE = Key(
    "cache.decay.half_life",
    at_least(DURATION, 3600),
    "The time in which a vote loses half its weight. Shorter follows the news, and moves more;"
    " longer keeps what was wanted once.",
    example="3d",
    default="3d",
    added=True,
)
DECAY_SMALL_FILE = Key(
    "cache.decay.small_file",
    SIZE,
    "A file of this size is worth twice its votes, a smaller one more: one request that is"
    " answered counts as much as so many bytes that are. More answers more requests, less"
    " answers more bytes.",
    example="1m",
    default="1m",
    added=True,
)
DECAY_HELD_BONUS = Key(
    "cache.decay.held_bonus",
    between(1, 100, ""),
    "By how much a file counts for more because it is here. 1 downloads for the smallest gain.",
    example="1.25",
    default="1.25",
    added=True,
)
DECAY_HOT_BONUS = Key(
    "cache.decay.hot_bonus",
    between(1, 100, ""),
    "By how much a file counts for more, once again, because it is on the hottest tier. 1 moves"
    " files between tiers for the smallest gain.",
    example="1.6",
    default="1.6",
    added=True,
)
DECAY_COLDEST = Key(
    "cache.decay.coldest",
    between(0, 1000, "votes"),
    "Faded to less than this, votes are not worth a download, not even to an empty place.",
    example="0.05",
    default="0.05",
    added=True,
)
DECAY_INHERIT = Key(
    "cache.decay.inherit",
    between(0, 1, ""),
    "The share of its heat that a release hands down to the next: the share of its clients that"
    " will want the new one. 0: none.",
    example="0.8",
    default="0.8",
    added=True,
)
TIER_PATH = Key(
    "cache.tiers[].path",
    PATH,
    "The folder of one tier, the fastest disk first. It must exist, unless it is inside"
    " `repo_path`.",
    example="/srv/ssd",
    required=True,
)
TIER_SIZE = Key(
    "cache.tiers[].size_limit",
    SIZE,
    "The disk space that the files on this tier may take.",
    example="200g",
    required=True,
)
RETRY = Key(
    "sync.retry",
    whole(0, 20, "attempts"),
    "How often a failed request is tried again.",
    example="3",
    default="3",
)
DOWNLOAD_ERROR_THRESHOLD = Key(
    "sync.download_error_threshold",
    whole(1, None, "failures"),
    "After so many failures in a row, of upstream or of the disk, a run fetches nothing more;"
    " the next run goes on.",
    example="5",
    default="5",
)
USER_AGENT = Key(
    "sync.user_agent",
    HEADER,
    "How the mirror names itself to upstream. Name somebody who can be reached.",
    example="example.org-mirror (mirror@example.org)",
    absent="`larder/{version} (+https://pypi.org/project/larder/)`",
)
CONCURRENT_DOWNLOADS = Key(
    "sync.concurrent_downloads",
    whole(1, 64, "connections"),
    "How many requests to upstream run at once.",
    example="10",
    default="10",
)
WHOLE_LIST_ABOVE = Key(
    "sync.whole_list_above",
    whole(0, None, "projects"),
    "With more projects than this in the index, upstream's whole list of serials is asked for;"
    " with fewer, each project is asked about.",
    example="100",
    default="100",
    added=True,
)
MAX_AGE = Key(
    "sync.max_age",
    INTERVAL,
    "Where upstream's list does not tell what is new, a page that was confirmed longer ago "
    "is asked for again (0: at every run).",
    example="10m",
    default="10m",
    added=True,
)
MAX_REMOVALS = Key(
    "sync.max_removals",
    whole(0, None, "projects"),
    "A list from upstream that would remove more projects than this is not believed.",
    example="50000",
    default="50000",
    added=True,
)
STUCK_AFTER = Key(
    "sync.stuck_after",
    DURATION,
    "A project that could not be brought in step for longer than this is stuck: the run ends 1.",
    example="1d",
    default="1d",
    added=True,
)
FOLLOW = Key(
    "sync.follow",
    TRUTH,
    "Whether `larder up` asks upstream every minute what has changed, so that a release is here"
    " within two minutes. It waits for no other job then, `move` say.",
    example="true",
    default="false",
    added=True,
)
KEEP_DELETED = Key(
    "packages.keep_deleted",
    TRUTH,
    "Whether held files stay although upstream deleted them; for archives. Files of a"
    " quarantined project never stay.",
    example="true",
    default="false",
    added=True,
)
MAX_PAGE_SIZE = Key(
    "sync.max_page_size",
    SIZE,
    "A larger page of upstream's is refused.",
    example="100m",
    default="100m",
    added=True,
)
LEGACY_JSON = Key(
    "sync.legacy_json",
    choice({when.value: when for when in LegacyJson}),
    "PyPI's legacy JSON, `/{project}/json`: `mirror` fetches it with each page, and in the next run"
    " what is missing; `on-demand` when it is first asked for, and again after the page has"
    " changed.",
    example="mirror",
    absent="`mirror` with `index.projects: all`, else `on-demand`",
    added=True,
)
SCHEDULE_SYNC_INDEX = Key(
    "schedule.sync_index",
    INTERVAL,
    "`larder sync-index` brings the index in step with upstream.",
    example="10m",
    default="10m",
    added=True,
)
SCHEDULE_SCORE = Key(
    "schedule.score",
    INTERVAL,
    "`larder score` decides which files are worth their disk.",
    example="1h",
    default="1h",
    added=True,
)
SCHEDULE_MOVE = Key(
    "schedule.move",
    INTERVAL,
    "`larder move` fetches, moves and removes files accordingly.",
    example="1h",
    default="1h",
    added=True,
)
SCHEDULE_CLEAN = Key(
    "schedule.clean",
    INTERVAL,
    "`larder clean` forgets what is too old.",
    example="1d",
    default="1d",
    added=True,
)
SCHEDULE_READ_SPOOL = Key(
    "schedule.read_spool",
    INTERVAL,
    "`larder read-spool` counts the votes that nginx wrote while the application was away.",
    example="1m",
    default="1m",
    added=True,
)
