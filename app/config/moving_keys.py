"""The keys that bound what moving and checking files may take."""

from app.config.kinds import DURATION, INTERVAL, SIZE, Key, at_least, whole

MIN_FREE_BYTES = Key(
    "cache.min_free.bytes",
    SIZE,
    "What stays free of each filesystem that a tier lies on, whatever the tiers' limits say:"
    " database and pages may lie there too.",
    example="1g",
    absent="`64m`, or a hundredth of a smaller filesystem",
    added=True,
)
MIN_FREE_INODES = Key(
    "cache.min_free.inodes",
    whole(0, None, "inodes"),
    "So many more files can always be made there.",
    example="10000",
    absent="1000, or a hundredth of a smaller filesystem's",
    added=True,
)
BUDGET_FETCH = Key(
    "cache.move_budget.fetch",
    SIZE,
    "Bytes that one run may download: the most valuable files first, the others at the next run."
    " A larger file comes alone.",
    example="50g",
    added=True,
)
BUDGET_PROMOTE = Key(
    "cache.move_budget.promote",
    SIZE,
    "Bytes that one run may carry to a hotter tier.",
    example="10g",
    added=True,
)
BUDGET_DEMOTE = Key(
    "cache.move_budget.demote",
    SIZE,
    "Bytes that one run may carry to a colder tier.",
    example="10g",
    added=True,
)
BANDWIDTH = Key(
    "sync.bandwidth",
    at_least(SIZE, 1024),
    "Bytes a second that all that a job fetches may take together: lists, pages, files.",
    example="20m",
    added=True,
)
VERIFY_EVERY = Key(
    "verify.every",
    DURATION,
    "In this time every held file is hashed again.",
    example="30d",
    default="30d",
    added=True,
)
VERIFY_BANDWIDTH = Key(
    "verify.bandwidth",
    at_least(SIZE, 1024),
    "Bytes a second that are read for that.",
    example="50m",
    default="50m",
    added=True,
)
SCHEDULE_VERIFY = Key(
    "schedule.verify",
    INTERVAL,
    "`larder verify` hashes those held files again that are due.",
    example="1h",
    default="1h",
    added=True,
)
