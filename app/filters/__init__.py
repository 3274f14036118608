"""Filters: from rules to what the index shows, what may be held, and what is refused.

Pure: no disk, no network, no clock. `rules` are the rules as data, `judge` makes verdicts of
them, each with the rule that decided and the reason; `locks` reads what requirement files and
locks name.
"""

from app.filters.judge import Judge
from app.filters.rules import (
    Ages,
    FileRules,
    Filters,
    MetadataRules,
    ProjectRules,
    ReleaseRules,
    Waiver,
)
from app.filters.texts import (
    FilePattern,
    RuleError,
    TextPattern,
    parse_file_pattern,
    parse_rule,
    parse_text_pattern,
)
from app.filters.verdicts import Facts, Judged, Judgement, Verdict

__all__ = [
    "Ages",
    "Facts",
    "FilePattern",
    "FileRules",
    "Filters",
    "Judge",
    "Judged",
    "Judgement",
    "MetadataRules",
    "ProjectRules",
    "ReleaseRules",
    "RuleError",
    "TextPattern",
    "Verdict",
    "Waiver",
    "parse_file_pattern",
    "parse_rule",
    "parse_text_pattern",
]
