"""The keys that say which projects, releases and files there are."""

from collections.abc import Callable
from datetime import UTC, datetime, time
from typing import TypeVar

from app.config.kinds import DURATION, HEADER, PATH, SIZE, TRUTH, Key, Kind, choice, several, whole
from app.config.problems import shown
from app.config.settings import HiddenAnswer
from app.config.values import InvalidValueError
from app.filters import parse_file_pattern, parse_rule, parse_text_pattern
from app.filters.filenames import KINDS
from app.filters.targets import parse_abi, parse_platform, parse_python
from app.filters.texts import Rule, TextPattern
from app.names import parse_sha256

T = TypeVar("T")


def parse_moment(text: str) -> int:
    """Return a moment in seconds since the epoch; a date alone is the end of that day."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidValueError(
            f"{shown(text)} is no moment; write a date such as 2027-01-31, whose end is meant"
            " (UTC), or 2027-01-31T12:00:00Z"
        ) from error
    if len(text) == len("2027-01-31"):
        moment = datetime.combine(moment, time(23, 59, 59))
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _told(parse: Callable[[str], T]) -> Callable[[str], T]:
    """Return a parser whose ValueError is a problem of the file's."""

    def parse_value(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise InvalidValueError(str(error)) from error

    return parse_value


RULE: Kind[Rule] = Kind("a rule", "", _told(parse_rule))
FILE: Kind[TextPattern] = Kind("a pattern of file names", "", _told(parse_file_pattern))
TEXT: Kind[TextPattern] = Kind("a pattern", "", _told(parse_text_pattern))
MOMENT: Kind[int] = Kind("a date", "", parse_moment)
DIGEST: Kind[str] = Kind("a SHA-256 digest", "", _told(parse_sha256))
PYTHON: Kind[str] = Kind("a Python", "", _told(parse_python))
ABI: Kind[str] = Kind("an ABI's tag", "", _told(parse_abi))
PLATFORM: Kind[str] = Kind("a platform", "", _told(parse_platform))

HIDDEN = Key(
    "filters.hidden",
    choice({answer.value: answer for answer in HiddenAnswer}),
    "What is answered for the page of a hidden project: `404`, `403` with the reason (uv stops at"
    " it), or `upstream`, a redirect to upstream's page.",
    example="403",
    default=HiddenAnswer.NOT_FOUND.value,
    added=True,
)
ALLOW = Key(
    "filters.projects.allow",
    several(RULE),
    "With any rule, or file of requirements, there are no other projects than these. One with"
    " specifiers lets only such releases through.",
    example="[numpy>=1.24, 'django-*', /^flask(-|$)/]",
    added=True,
)
FILES = Key(
    "filters.projects.files",
    several(PATH),
    "Files of requirements (`-r` and `-c` in them are followed) and locks: `uv.lock`,"
    " `pylock.toml`, `pdm.lock`, `poetry.lock`. What they name is allowed, as by `allow`; where"
    " they have digests, only such files.",
    example="[requirements.txt, uv.lock]",
    added=True,
)
DENY = Key(
    "filters.projects.deny",
    several(RULE),
    "Projects that are hidden, whatever allows them. With specifiers, only such releases are.",
    example="['tensorflow*', 'urllib3<1.26']",
    added=True,
)
METADATA_ONLY = Key(
    "filters.projects.metadata_only",
    several(RULE),
    "Projects that are listed, and whose files are never held nor passed through: clients are"
    " redirected.",
    example="[torch, 'nvidia-*']",
    added=True,
)
PROJECT_SIZE = Key(
    "filters.projects.max_size",
    SIZE,
    "A project is hidden whose files have more bytes, all those together that upstream lists.",
    example="50g",
    added=True,
)
MAX_RELEASES = Key(
    "filters.projects.max_releases",
    whole(1, None, "releases"),
    "A project is hidden of which upstream has more releases.",
    example="1000",
    added=True,
)
ALLOW_CLASSIFIERS = Key(
    "filters.projects.metadata.allow_classifiers",
    several(TEXT),
    "With any, a project is hidden that has none of them.",
    example="['Framework :: Django*']",
    added=True,
)
DENY_CLASSIFIERS = Key(
    "filters.projects.metadata.deny_classifiers",
    several(TEXT),
    "A project is hidden that has one of them.",
    example="['Development Status :: 7 - Inactive']",
    added=True,
)
ALLOW_LICENCES = Key(
    "filters.projects.metadata.allow_licences",
    several(TEXT),
    "Likewise for its licence: the expression (PEP 639), else the old field, and each part of a"
    " licence's classifier.",
    example="[MIT, 'BSD*', 'Apache-2.0']",
    added=True,
)
DENY_LICENCES = Key(
    "filters.projects.metadata.deny_licences",
    several(TEXT),
    "Likewise.",
    example="['*AGPL*']",
    added=True,
)
ALLOW_KEYWORDS = Key(
    "filters.projects.metadata.allow_keywords",
    several(TEXT),
    "Likewise for its keywords.",
    example="[astronomy]",
    added=True,
)
DENY_KEYWORDS = Key(
    "filters.projects.metadata.deny_keywords",
    several(TEXT),
    "Likewise.",
    example="[spam]",
    added=True,
)
PRERELEASES = Key(
    "filters.releases.prereleases",
    TRUTH,
    "Whether there are pre-releases and development releases (PEP 440).",
    example="false",
    default="true",
    added=True,
)
PRERELEASES_OF = Key(
    "filters.releases.prereleases_of",
    several(RULE),
    "Projects whose pre-releases are there all the same.",
    example="[black, 'ruff>=0.9']",
    added=True,
)
YANKED = Key(
    "filters.releases.yanked",
    TRUTH,
    "Whether yanked files are there (marked as such, PEP 592).",
    example="false",
    default="true",
    added=True,
)
NEWEST = Key(
    "filters.releases.newest",
    whole(1, None, "releases"),
    "Only so many releases of each project, the highest versions of those that the other filters"
    " let through.",
    example="10",
    added=True,
)
MAX_AGE = Key(
    "filters.releases.max_age",
    DURATION,
    "No file that was uploaded longer ago.",
    example="3650d",
    added=True,
)
MIN_AGE = Key(
    "filters.releases.min_age",
    DURATION,
    "No file that was uploaded since: malicious releases are mostly found within days."
    " `filters.exceptions` are exceptions.",
    example="3d",
    added=True,
)
FREEZE = Key(
    "filters.releases.freeze",
    MOMENT,
    "No file that was uploaded later than this; without exceptions.",
    example="2026-12-31",
    added=True,
)
WHAT = Key(
    "filters.exceptions[].what",
    RULE,
    "The project, or its releases, that `filters.releases.min_age` does not hold back.",
    example="requests==2.33.1",
    required=True,
    added=True,
)
OWNER = Key(
    "filters.exceptions[].owner",
    HEADER,
    "Who answers for it.",
    example="security@example.org",
    required=True,
    added=True,
)
UNTIL = Key(
    "filters.exceptions[].until",
    MOMENT,
    "When it ends.",
    example="2027-01-31",
    required=True,
    added=True,
)
KINDS_KEY = Key(
    "filters.files.kinds",
    several(choice({kind: kind for kind in KINDS})),
    "Only files of these kinds; eggs and installers are `other`.",
    example="[wheel, sdist]",
    added=True,
)
PYTHON_KEY = Key(
    "filters.files.python",
    several(PYTHON),
    "Only wheels that one of these Pythons can use, by their tags. Sdists stay.",
    example="['3.11', '3.12', 3.13t]",
    added=True,
)
ABIS = Key(
    "filters.files.abis",
    several(ABI),
    "Only wheels with one of these ABI tags. Sdists stay.",
    example="[none, abi3, cp312]",
    added=True,
)
PLATFORMS = Key(
    "filters.files.platforms",
    several(PLATFORM),
    "Only wheels for one of these platforms, or for any. Sdists stay.",
    example="[linux-x86_64, musllinux-aarch64, macos-arm64, windows-amd64]",
    added=True,
)
FILE_SIZE = Key(
    "filters.files.max_size",
    SIZE,
    "No larger file.",
    example="2g",
    added=True,
)
ALLOW_FILES = Key(
    "filters.files.allow",
    several(FILE),
    "Only files whose names match one of these.",
    example="['*.whl', '/\\.tar\\.gz$/']",
    added=True,
)
DENY_FILES = Key(
    "filters.files.deny",
    several(FILE),
    "No file whose name matches one of these.",
    example="['*.exe', '/-nightly-/']",
    added=True,
)
DENY_SHA256 = Key(
    "filters.files.deny_sha256",
    several(DIGEST),
    "No file with one of these digests; it is refused at its URL too, at once.",
    example=f"[{'0123456789abcdef' * 4}]",
    added=True,
)
