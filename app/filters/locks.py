"""What files of requirements and locks name, as rules: text to rules, nothing is opened."""

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from app.filters.texts import Rule, TextPattern, rule_of

_COMMENT = re.compile(r"(^|\s)#.*$")
_OPTION = re.compile(r"(?P<name>-[a-zA-Z]|--[a-z-]+)(?:\s*=\s*|\s+|(?<=^-[rc]))?(?P<value>.*)")
_HASH = re.compile(r"\s--hash[= ](?P<kind>[a-z0-9]+):(?P<digest>[0-9a-fA-F]+)")
_SHA256 = re.compile(r"sha256:(?P<digest>[0-9a-f]{64})")
# Options of pip's that say nothing about which projects are named.
_INCLUDES = {"-r": "r", "--requirement": "r", "-c": "c", "--constraint": "c"}
_EDITABLE = frozenset({"-e", "--editable"})
_DEEPEST = 20


class LockError(ValueError):
    """A file cannot be read for what it names; the message is one sentence."""


@dataclass(slots=True)
class _Named:
    """What has been found so far."""

    rules: list[Rule] = field(default_factory=list)
    constraints: dict[str, SpecifierSet] = field(default_factory=dict)


def rules_of_lock(filename: str, text: str) -> tuple[Rule, ...]:
    """Return what a lock in TOML names, by the form that it has.

    `uv.lock`, `poetry.lock` and `pdm.lock` have `[[package]]`, `pylock.toml` (PEP 751) has
    `[[packages]]`; each entry with name and version.

    Raises:
        LockError: It is no TOML, or no lock of a known form.

    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LockError(f"{filename} is no TOML: {error}") from error
    entries = document.get("packages", document.get("package"))
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise LockError(f"{filename} has no list of packages; is it a lock?")
    separate = document.get("metadata")
    files = separate.get("files") if isinstance(separate, dict) else None
    elsewhere = files if isinstance(files, dict) else {}
    return tuple(_lock_rules(filename, entries, elsewhere))


def _lock_rules(
    filename: str, entries: Iterable[Mapping[str, Any]], elsewhere: Mapping[str, Any]
) -> Iterator[Rule]:
    for number, entry in enumerate(entries, 1):
        name, version = entry.get("name"), entry.get("version")
        if not isinstance(name, str):
            raise LockError(f"{filename}: package {number} has no name")
        if _is_local(entry):
            continue
        if version is None:
            # PEP 751: "packages.version: optional"; the files then decide.
            version_of, text = SpecifierSet(), name
        else:
            version_of, text = _exactly(filename, name, version), f"{name}=={version}"
        digests = {*_digests(entry), *_digests({"files": elsewhere.get(name)})}
        normal = canonicalize_name(name)
        yield Rule(text, TextPattern(normal, normal), version_of, tuple(sorted(digests)))


def _exactly(filename: str, name: str, version: object) -> SpecifierSet:
    try:
        return SpecifierSet(f"=={version}")
    except InvalidSpecifier as error:
        raise LockError(f"{filename}: {name} has no version but {str(version)[:80]!r}") from error


def _is_local(entry: Mapping[str, Any]) -> bool:
    """Whether an entry is no project of an index: a folder, a repository, a file elsewhere."""
    source = entry.get("source")
    kinds = source if isinstance(source, dict) else {}
    if kinds.keys() & {"editable", "virtual", "directory", "path", "git"}:
        return True
    if kinds.get("type") in {"directory", "file", "git", "url"}:
        return True
    return bool(entry.keys() & {"vcs", "directory", "git", "path"})


def _digests(entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield the SHA-256 digests of an entry's files, whichever key they stand below."""
    for key in ("files", "wheels", "sdist", "archive"):
        found = entry.get(key)
        for one in found if isinstance(found, list) else [found]:
            if not isinstance(one, dict):
                continue
            if match := _SHA256.fullmatch(str(one.get("hash", ""))):
                yield match["digest"]
            hashes = one.get("hashes")
            if isinstance(hashes, dict) and isinstance(hashes.get("sha256"), str):
                yield hashes["sha256"].lower()


def rules_of_requirements(filename: str, read: Callable[[str, str], str]) -> tuple[Rule, ...]:
    """Return what a file of requirements in pip's form names, with those that it leads to.

    `read` returns the text of a file, given the name of the one that names it (empty for the
    first) and its own as it is written there; the names are then joined by `read`'s owner.

    Raises:
        LockError: A line cannot be understood, or names no project.

    """
    named = _Named()
    _read_into(named, "", filename, read, constrain=False, depth=0)
    return tuple(
        rule.constrained(named.constraints[rule.name.text])
        if rule.name.text in named.constraints
        else rule
        for rule in named.rules
    )


def _read_into(  # noqa: PLR0913
    named: _Named,
    parent: str,
    filename: str,
    read: Callable[[str, str], str],
    *,
    constrain: bool,
    depth: int,
) -> None:
    if depth > _DEEPEST:
        raise LockError(f"{filename} is included within itself")
    text = read(parent, filename)
    for number, line in _lines(text):
        if line.startswith("-"):
            match = _OPTION.fullmatch(line)
            option, value = (match["name"], match["value"].strip()) if match else (line, "")
            if option in _EDITABLE:
                raise LockError(f"{filename}:{number}: {line[:80]!r} names no project of an index")
            kind = _INCLUDES.get(option)
            if kind:
                inner = _joined(filename, value)
                deep = constrain or kind == "c"
                _read_into(named, filename, inner, read, constrain=deep, depth=depth + 1)
            continue
        requirement, digests = _requirement(f"{filename}:{number}", line)
        rule = rule_of(requirement, line.split(" --")[0].strip(), digests)
        if constrain:
            before = named.constraints.get(rule.name.text, SpecifierSet())
            named.constraints[rule.name.text] = before & rule.specifiers
        else:
            named.rules.append(rule)


def _joined(filename: str, value: str) -> str:
    folder, slash, _ = filename.rpartition("/")
    return value if value.startswith("/") else f"{folder}{slash}{value}"


def _requirement(place: str, line: str) -> tuple[Requirement, list[str]]:
    digests = [
        match["digest"].lower() for match in _HASH.finditer(line) if match["kind"] == "sha256"
    ]
    text = re.split(r"\s--", line, maxsplit=1)[0]
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise LockError(
            f"{place}: {text[:80]!r} is no requirement of a project; write such as numpy>=1.24"
        ) from error
    if requirement.url:
        raise LockError(f"{place}: {text[:80]!r} is a URL, and no index has it")
    return requirement, digests


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield logical lines, each with its number: pip's continuations and comments."""
    pending, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        start = start if pending else number
        bare = _COMMENT.sub("", line)
        if bare.endswith("\\"):
            pending += bare[:-1] + " "
            continue
        whole = (pending + bare).strip()
        pending = ""
        if whole:
            yield start, whole
    if pending.strip():
        yield start, pending.strip()
