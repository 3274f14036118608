"""The table of keys, whole and in order: what a configuration may hold.

The reader, the default file and docs/configuration.md all come from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from app.config import cache_keys, filter_keys, mirror_keys, moving_keys, serving_keys, vote_keys
from app.config.kinds import Key

LIST_MARK = "[]"
"""After the name of a section that is a list of mappings."""

SECTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "": "The mirror as a whole.",
        "upstream": "Where the index and the files come from.",
        "tls": "For HTTPS; both or neither. Without them the mirror speaks plain HTTP.",
        "ip_modes": "How files that are not held are answered, by the client's network.",
        "ip_modes.rules[]": "Networks with a mode of their own.",
        "index": "Which projects the index has.",
        "filters": "Which projects, releases and files there are: in the index, in the wish and at"
        " the files' URLs. docs/filters.md explains them.",
        "filters.projects": "Which projects there are.",
        "filters.projects.metadata": "Which projects, by what they say of themselves in legacy"
        " JSON, which must be mirrored.",
        "filters.releases": "Which releases of them.",
        "filters.exceptions[]": "Who may have something before `filters.releases.min_age`.",
        "filters.files": "Which files of those.",
        "cache": "Which files are worth their disk.",
        "cache.decay": "The parameters of the policy `decay`. docs/scoring.md has the formula.",
        "cache.tiers[]": "The folders for held files, hottest first."
        " Without tiers it is `{repo_path}/packages`, with `cache.size_limit`.",
        "cache.min_free": "What tiers leave of their filesystems.",
        "cache.move_budget": "How much one run of `larder move` may do; without a limit, all there"
        " is. Files that no page lists go in any case.",
        "votes": "How it is taken in who wants what.",
        "packages": "Which files are kept.",
        "sync": "How upstream is asked.",
        "verify": "Held files are hashed again, for disks forget.",
        "schedule": "How often `larder up` runs each job, where neither cron nor systemd does."
        " `0` is never.",
        "log": "The access log.",
        "timeouts": "All of them are times of silence, not of the whole.",
        "app": "The application behind nginx.",
        "metrics": "For monitoring.",
    }
)
"""Every section in the order of the reference, with what it is about."""

# Every constant of the modules is a row, so that none can be forgotten here.
_MODULES = (serving_keys, mirror_keys, cache_keys, moving_keys, vote_keys, filter_keys)
_ROWS = tuple(row for module in _MODULES for row in vars(module).values())
_ORDER = tuple(SECTIONS)
KEYS: Final[tuple[Key[Any], ...]] = tuple(
    sorted(
        (row for row in _ROWS if isinstance(row, Key)), key=lambda key: _ORDER.index(key.section)
    )
)
"""Every key, by section."""


@dataclass(frozen=True, slots=True)
class Section:
    """What one mapping in the file may hold: keys and further sections, by word."""

    name: str
    children: "dict[str, Key[Any] | Section]" = field(default_factory=dict)

    @property
    def is_list(self) -> bool:
        """Whether the file has a list of such mappings."""
        return self.name.endswith(LIST_MARK)

    @property
    def required(self) -> tuple[Key[Any], ...]:
        """The keys that the mapping cannot do without."""
        children = self.children.values()
        return tuple(child for child in children if isinstance(child, Key) and child.required)


def build_tree() -> Section:
    """Return the section that is the whole file."""
    root = Section("")
    for key in KEYS:
        section = root
        for depth, part in enumerate(key.section.split(".") if key.section else ()):
            word = part.removesuffix(LIST_MARK)
            name = ".".join(key.section.split(".")[: depth + 1])
            child = section.children.setdefault(word, Section(name))
            if not isinstance(child, Section):
                raise TypeError(name)
            section = child
        section.children[key.word] = key
    return root
