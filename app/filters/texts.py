"""What single rules are written as: names, globs, regular expressions, requirements.

A name or a glob (`*`, `?`) is compared with the whole of a name; a regular expression stands
between slashes and is looked for anywhere in it (`re.search`), so it is anchored exactly
where it says so: `/^django/` is a beginning, `/django/` any part.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

_RULE = re.compile(
    r"(?P<name>[A-Za-z0-9*?](?:[A-Za-z0-9._*?-]*[A-Za-z0-9*?])?)\s*(?P<specifiers>[(<>=!~].*)?"
)
_SEPARATORS = re.compile(r"[-_.]+")
_GLOB = frozenset("*?")
_LONGEST = 1000


class RuleError(ValueError):
    """The text is no rule; the message is one sentence that says what to write."""


@dataclass(frozen=True, slots=True)
class TextPattern:
    """A pattern for a text: all of it, or a regular expression to be found in it."""

    text: str
    # Of a name without a glob, all that it matches; None for the others.
    exact: str | None = None
    found: re.Pattern[str] | None = field(default=None, repr=False, compare=False)

    def matches(self, text: str) -> bool:
        """Whether a text is what the pattern is for."""
        if self.found is None:
            return text == self.exact
        return self.found.search(text) is not None


FilePattern = TextPattern
"""A pattern for file names: these are compared as they are written."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Some projects, or some of their releases, or some files of those."""

    text: str
    name: TextPattern
    # Empty: every release.
    specifiers: SpecifierSet = field(default_factory=SpecifierSet)
    # SHA-256 digests, where a lock names them: no other file is meant.
    hashes: tuple[str, ...] = ()

    def takes(self, version: Version | None) -> bool:
        """Whether a release is meant; one whose version is unknown only where all are.

        Pre-releases count like all others here: `filters.releases.prereleases` is about them.
        """
        if not self.specifiers:
            return True
        return version is not None and self.specifiers.contains(version, prereleases=True)

    def constrained(self, specifiers: SpecifierSet) -> "Rule":
        """Return the rule for fewer releases."""
        return replace(self, specifiers=self.specifiers & specifiers)

    @property
    def whole(self) -> bool:
        """Whether it means whole projects."""
        return not self.specifiers and not self.hashes


def parse_rule(text: str) -> Rule:
    """Return a rule about projects or their releases.

    >>> parse_rule("numpy>=1.24,<3").name.exact
    'numpy'
    >>> parse_rule("django-*").name.matches("django-cors-headers")
    True

    Raises:
        RuleError: It is neither a name, a glob, `/a regular expression/` nor a requirement.

    """
    text = text.strip()
    if text.startswith("/"):
        return Rule(text, _regex(text))
    match = _RULE.fullmatch(text)
    if match is None:
        raise RuleError(_complaint(text))
    specifiers = (match["specifiers"] or "").strip()
    if specifiers.startswith("(") and specifiers.endswith(")"):
        specifiers = specifiers[1:-1]
    try:
        return Rule(text, _name(match["name"]), SpecifierSet(specifiers))
    except InvalidSpecifier as error:
        raise RuleError(
            f"{text[:80]!r} has specifiers that are none; write such as numpy>=1.24,<3"
        ) from error


def parse_text_pattern(text: str) -> TextPattern:
    """Return a pattern for words of metadata; capitals make no difference."""
    if text.startswith("/"):
        return _regex(text, re.IGNORECASE)
    if _GLOB & set(text):
        return TextPattern(text, found=re.compile(_translated(text), re.IGNORECASE))
    return TextPattern(text, found=re.compile(rf"\A{re.escape(text)}\Z", re.IGNORECASE))


def parse_file_pattern(text: str) -> TextPattern:
    """Return a pattern for file names."""
    if text.startswith("/"):
        return _regex(text)
    if _GLOB & set(text):
        return TextPattern(text, found=re.compile(_translated(text)))
    return TextPattern(text, text)


def rule_of(requirement: Requirement, text: str, hashes: Collection[str] = ()) -> Rule:
    """Return the rule that a requirement of a file is."""
    name = canonicalize_name(requirement.name)
    return Rule(text, TextPattern(name, name), requirement.specifier, tuple(sorted(hashes)))


def _name(text: str) -> TextPattern:
    name = _SEPARATORS.sub("-", text).lower()
    if _GLOB & set(text):
        return TextPattern(name, found=re.compile(_translated(name)))
    return TextPattern(name, name)


def _translated(glob: str) -> str:
    """Return the regular expression of a glob; brackets mean nothing in it."""
    parts = {"*": ".*", "?": "."}
    return rf"(?s:\A{''.join(parts.get(char, re.escape(char)) for char in glob)}\Z)"


def _regex(text: str, flags: int = 0) -> TextPattern:
    if len(text) < len("/x/") or not text.endswith("/"):
        raise RuleError(
            f"{text[:80]!r} begins with a slash; write a regular expression between two, /^a/"
        )
    try:
        return TextPattern(text, found=re.compile(text[1:-1], flags))
    except (re.error, OverflowError) as error:
        raise RuleError(f"{text[:80]!r} is no regular expression: {error}") from error


def _complaint(text: str) -> str:
    advice = "write a name, a glob such as 'django-*', /a regular expression/, or numpy>=1.24,<3"
    if len(text) > _LONGEST:
        return f"{text[:40]!r}… is too long for a rule; {advice}"
    try:
        found = Requirement(text)
    except InvalidRequirement:
        return f"{text[:80]!r} is no rule; {advice}"
    what = "a URL" if found.url else "a marker" if found.marker else "extras"
    return f"{text[:80]!r} has {what}, which no filter goes by; {advice}"
