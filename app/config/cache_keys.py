"""The keys that say how much is held, and what is worth holding."""

from app.config.kinds import (
    DURATION,
    PATH,
    SIZE,
    Key,
    at_least,
    between,
    choice,
    whole,
)
from app.config.settings import CachePolicy

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
    "A file with fewer votes is not fetched; with `decay` this holds for files larger than"
    " `cache.decay.small_file`.",
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
    example="7d",
    default="7d",
    added=True,
)
DECAY_SMALL_FILE = Key(
    "cache.decay.small_file",
    SIZE,
    "A file of this size is worth twice its votes, a smaller one more: one request that is"
    " answered counts as much as so many bytes that are. One that is no larger is fetched after"
    " its first vote. More answers more requests, less answers more bytes.",
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
    example="3",
    default="3",
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
