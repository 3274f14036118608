"""The configuration file that `larder up` writes when there is none."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

from app.config import cache_keys as cache
from app.config import mirror_keys as mirror
from app.config import moving_keys as moving
from app.config.checks import TIERS
from app.config.kinds import Key
from app.config.serving_keys import LISTEN
from app.config.table import KEYS, LIST_MARK, SECTIONS

_WIDTH = 88
_INTRODUCTION = """\
The configuration of larder, a mirror of PyPI.
Change what you like, look it over with `larder check-config -c FILE`, start larder again.

A line with a '#' right before its key is switched off.
larder then takes the default, which is what the line shows unless 'For example' is above it.
Remove the '#', there and in the line of the section's name, and change the value.

Sizes are 512m, 20g, 2t (1024 each), durations 30s, 5m, 2h, 7d.
Relative paths start at this file's folder."""
_TIER_WORDS = (
    "What is asked for most: put it on your fastest disk.",
    "What has no room above. Add more of these, or remove it.",
)
# Text that YAML takes for the same text without quotes.
_PLAIN = re.compile(r"[:/.\w](?:[\w./+()~@-]|:(?=[\w/]))*", re.ASCII)


def default_yaml(repo_path: Path, listen: str = "127.0.0.1:8080") -> str:
    """Return the text of a configuration to begin with: every key, explained.

    Two tiers in `repo_path`, and an index that grows as projects are asked for. What is
    not decided here is there as a comment, with its default.
    """
    root = repo_path.absolute()
    chosen: Mapping[Key[Any], str] = {
        LISTEN: listen,
        mirror.REPO_PATH: str(root),
        mirror.PYPI_URL: "https://pypi.org",
        mirror.PROJECTS: "on-demand",
        cache.MIN_VOTE_COUNT: "2",
        mirror.SCHEDULE_SYNC_INDEX: "10m",
        mirror.SCHEDULE_SCORE: "1h",
        mirror.SCHEDULE_MOVE: "1h",
        mirror.SCHEDULE_CLEAN: "1d",
        moving.SCHEDULE_VERIFY: "1h",
    }
    tiers: Sequence[Mapping[Key[Any], str]] = (
        {cache.TIER_PATH: str(root / "hot"), cache.TIER_SIZE: "5g"},
        {cache.TIER_PATH: str(root / "cold"), cache.TIER_SIZE: "20g"},
    )
    text = _Text(chosen, tiers)
    lines = [f"# {line}".rstrip() for line in _INTRODUCTION.replace("`", "").split("\n")]
    for section in SECTIONS:
        lines += text.section(section)
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class _Text:
    """The lines of the file, section by section."""

    chosen: Mapping[Key[Any], str]
    tiers: Sequence[Mapping[Key[Any], str]]

    def section(self, name: str) -> Iterator[str]:
        """Yield the lines of one section; one without any choice is a comment as a whole."""
        live = name == TIERS or any(key.section == name for key in self.chosen)
        indent = "  " * name.count(".")
        mark = "" if live else "#"
        if name:
            yield ""
            yield from _comment(SECTIONS[name], indent if live else "")
            yield f"{mark}{indent}{name.rpartition('.')[2].removesuffix(LIST_MARK)}:"
            indent += "  "
        if name == TIERS:
            yield from self._tiers(indent)
            return
        dash = "- " if name.endswith(LIST_MARK) else ""
        for key in (key for key in KEYS if key.section == name):
            yield ""
            yield from _comment(_meaning(key), indent if live else "")
            yield f"{mark}{indent}{dash}{self._line(key, live=live)}"
            dash = "  " if dash else ""

    def _line(self, key: Key[Any], *, live: bool) -> str:
        if key in self.chosen:
            return f"{key.word}: {quoted(self.chosen[key])}"
        value = key.example if key.default is None else quoted(key.default)
        return f"{'#' if live else ''}{key.word}: {value}"

    def _tiers(self, indent: str) -> Iterator[str]:
        for words, row in zip(_TIER_WORDS, self.tiers, strict=True):
            yield ""
            yield from _comment(words, indent)
            for dash, (key, value) in zip("- ", row.items(), strict=True):
                yield f"{indent}{dash} {key.word}: {quoted(value)}"


def quoted(text: str) -> str:
    """Return a text as YAML, in quotes where it needs them."""
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _meaning(key: Key[Any]) -> str:
    if key.default is not None or key.required:
        return key.meaning
    without = "" if key.absent == "none" else f" Without it: {key.absent}."
    return f"{key.meaning}{without}\nFor example:"


def _comment(words: str, indent: str) -> list[str]:
    start = f"{indent}# "
    return [
        line
        for paragraph in words.replace("`", "").split("\n")
        for line in wrap(
            paragraph, _WIDTH, initial_indent=start, subsequent_indent=start, break_on_hyphens=False
        )
    ]
