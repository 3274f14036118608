"""The verdict on a file by itself: by name, tags, size, digest."""

from collections.abc import Collection

from app.filters import filenames, targets
from app.filters.filenames import Named
from app.filters.rules import FileRules
from app.filters.texts import TextPattern
from app.filters.verdicts import IN, Verdict
from app.model import File


def judge_digest(rules: FileRules, sha256: str | None) -> Verdict:
    """Return the verdict by the digest alone: it stands above all others."""
    if sha256 is not None and sha256 in rules.deny_sha256:
        return _out("deny_sha256", "its SHA-256 is denied")
    return IN


def judge_name(rules: FileRules, filename: str, named: Named) -> Verdict:
    """Return the verdict by the name alone, which is all that is known of some files."""
    if rules.kinds and named.kind not in rules.kinds:
        return _out("kinds", f"it is of the kind {named.kind!r}")
    if rules.allow and not _any(rules.allow, filename):
        return _out("allow", "no pattern matches its name")
    if (pattern := _any(rules.deny, filename)) is not None:
        return _out("deny", f"{pattern.text} matches its name")
    # Tags are wheels'; an sdist is for whoever can build it.
    return _judge_tags(rules, named) if named.kind == filenames.WHEEL else IN


def judge_size(rules: FileRules, file: File) -> Verdict:
    """Return the verdict by the size; one that nobody tells is not too large."""
    if rules.max_size is not None and file.size is not None and file.size > rules.max_size:
        return _out("max_size", f"it has {file.size} bytes")
    return IN


def _judge_tags(rules: FileRules, named: Named) -> Verdict:
    tags = named.tags
    if not tags and (rules.pythons or rules.abis or rules.platforms):
        key = "python" if rules.pythons else "abis" if rules.abis else "platforms"
        return _out(key, "its name has no tags of a wheel")
    if rules.pythons and not targets.fits_python(tags, rules.pythons):
        return _out("python", "none of these Pythons can use it")
    if rules.abis and not any(tag.abi in rules.abis for tag in tags):
        return _out("abis", "it has none of these ABIs")
    if rules.platforms and not targets.fits_platform(tags, rules.platforms):
        return _out("platforms", "none of these platforms can use it")
    return IN


def _any(patterns: Collection[TextPattern], text: str) -> TextPattern | None:
    return next((pattern for pattern in patterns if pattern.matches(text)), None)


def _out(key: str, reason: str) -> Verdict:
    return Verdict(shown=False, rule=f"filters.files.{key}", reason=reason)
