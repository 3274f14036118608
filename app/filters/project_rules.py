"""The verdict on a project: by its name, and by what upstream tells of it."""

from collections.abc import Iterable, Sequence

from app.filters.rules import MetadataRules, ProjectRules
from app.filters.texts import TextPattern
from app.filters.verdicts import IN, Facts, Verdict
from app.model import File


def judge_whole(
    rules: ProjectRules, files: Sequence[File], versions: int, facts: Facts | None
) -> Verdict:
    """Return the verdict by all that upstream lists, whatever other filters leave of it."""
    total = sum(file.size or 0 for file in files)
    if rules.max_size is not None and total > rules.max_size:
        return _out("max_size", f"its files have {total} bytes")
    if rules.max_releases is not None and versions > rules.max_releases:
        return _out("max_releases", f"it has {versions} releases")
    return _judge_metadata(rules.metadata, facts)


def _judge_metadata(rules: MetadataRules, facts: Facts | None) -> Verdict:
    known = facts or Facts()
    for word, allow, deny, said in (
        ("classifiers", rules.allow_classifiers, rules.deny_classifiers, known.classifiers),
        ("licences", rules.allow_licences, rules.deny_licences, known.licences),
        ("keywords", rules.allow_keywords, rules.deny_keywords, known.keywords),
    ):
        if (denied := _first(deny, said)) is not None:
            return _out(f"metadata.deny_{word}", f"it says {denied!r}")
        if allow and _first(allow, said) is None:
            reason = f"none of its {word} is allowed" if facts else "nobody tells its metadata"
            return _out(f"metadata.allow_{word}", reason)
    return IN


def _first(patterns: Sequence[TextPattern], said: Iterable[str]) -> str | None:
    return next((text for text in said for one in patterns if one.matches(text)), None)


def _out(key: str, reason: str) -> Verdict:
    return Verdict(shown=False, rule=f"filters.projects.{key}", reason=reason)
