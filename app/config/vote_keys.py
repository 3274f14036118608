"""The keys that say how votes are taken in."""

from app.config.kinds import AGENT, TRUTH, Key, choice, several
from app.config.settings import VotesVia

IGNORED_AGENTS = (
    # Mirrors: they fetch by a plan of their own, not because somebody wants the file.
    "bandersnatch",
    "shadowmire",
    "yukina",
    "larder/",
    # Search engines and other crawlers: `Googlebot/2.1`, `bingbot/2.0`, `CCBot/2.0`, …
    "bot/",
    "bot;",
    "crawler",
    "spider",
    "Yahoo! Slurp",
    "facebookexternalhit",
)
"""The default of `votes.ignore_agents`."""

VIA = Key(
    "votes.via",
    choice({via.value: via for via in VotesVia}),
    "How votes reach the database. `auth_request`: nginx asks the application before it serves a"
    " file, and writes the vote to its spool where the application does not answer. `log`: nginx"
    " always writes it to the spool and asks nobody; for the largest sites.",
    example="log",
    default=VotesVia.AUTH_REQUEST.value,
    added=True,
)
KEEP_NETWORKS = Key(
    "votes.keep_networks",
    TRUTH,
    "Whether the networks of those who voted are kept in plain text (`192.0.2.0/24`), as long as"
    " `cache.vote_window`, for reports of your own. Without it there are only keyed hashes.",
    example="true",
    default="false",
    added=True,
)
IGNORE_AGENTS = Key(
    "votes.ignore_agents",
    several(AGENT),
    "Who does not vote: clients whose `User-Agent` has one of these texts in it, in upper or lower"
    " case. What is written here takes the place of the default; `none` lets everybody vote.",
    example="[bandersnatch, bot/]",
    absent=", ".join(f"`{agent}`" for agent in IGNORED_AGENTS),
    added=True,
)
