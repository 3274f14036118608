"""The keys that say what the mirror holds, and how it is kept in step."""

from app.bounds import Keep
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
    choice,
    several,
    whole,
)
from app.config.settings import LegacyJson, Projects

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
PROBE_INTERVAL = Key(
    "upstream.probe_interval",
    DURATION,
    "How often each of `packages_url` and `redirect_url` is asked whether it answers. One that"
    " failed is asked again after as long, then after twice as long, up to sixteen times.",
    example="10s",
    default="10s",
    added=True,
)
PROXIED_RANGE = Key(
    "upstream.proxied_range",
    SIZE,
    "Ranges up to this size, and HEAD, of a file that is not held are passed through for everybody:"
    " uv and pip read a wheel's metadata so, and fail at a redirect or fetch the whole wheel."
    " They ask for some 10 KB at a time, and for no more than a large wheel's list of files.",
    example="1m",
    default="1m",
    added=True,
)
REDIRECTS_TO = Key(
    "upstream.redirects_to",
    several(URL),
    "Internal hosts that upstream may redirect this machine to: an object store behind an index"
    " of your own, say. Elsewhere in an internal network its redirects are not followed.",
    example="https://store.example.org/",
    added=True,
)
PROJECTS = Key(
    "index.projects",
    choice({projects.value: projects for projects in Projects}),
    "`all`: every project of upstream's. `on-demand`: a project enters when it is first asked"
    " for, and is kept in step from then on. `listed`: only those that `filters.projects` allows.",
    example="on-demand",
    default=Projects.ALL.value,
    added=True,
)
CANONICAL = Key(
    "index.canonical",
    TRUTH,
    "Whether there is a second index, `{prefix}/canonical/simple/`, whose pages link to upstream's"
    " own files (below the first `upstream.redirect_url`): lock files that are made through it"
    " name no mirror. Its pages take as much disk again as the others.",
    example="true",
    default="false",
    added=True,
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
KEEP = Key(
    "packages.keep",
    choice({keep.value: keep for keep in Keep}),
    "Which files are to be here. `popular`: those that are worth their disk, by their votes."
    " `all`: every file that the filters let through; by their votes the best are on the hottest"
    " tier, the others where there is room. `pinned`: only those that somebody has pinned; what"
    " is pinned comes first in any case, and is never evicted.",
    example="all",
    default=Keep.POPULAR.value,
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
    "`larder read-spool` counts the votes that nginx wrote while the application was away, and"
    " adds up what it has answered.",
    example="1m",
    default="1m",
    added=True,
)
