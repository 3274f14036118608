"""What a file's name tells: of which kind it is, of which version, and a wheel's tags."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from packaging.tags import Tag, parse_tag
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

WHEEL: Final = "wheel"
SDIST: Final = "sdist"
OTHER: Final = "other"
KINDS: Final = (WHEEL, SDIST, OTHER)
"""The kinds of files: eggs, installers and the like are `other`."""

# PEP 625 knows the first; PyPI has all of them.
_SDISTS: Final = (".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz", ".tar.Z", ".tar")
_EGG: Final = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+)(?:-py[0-9.]+(?:-.+)?)?\.egg")
# bdist_wininst, bdist_msi, bdist_dumb: `six-1.0.win32-py2.7.exe`, `six-1.0.linux-x86_64.zip`.
_BINARY: Final = re.compile(
    r"\.(?:win32|win-amd64|linux-[a-z0-9_]+|macosx-[a-z0-9._-]+)(?:-py.*)?$"
)
_WHEEL_PARTS: Final = (5, 6)


@dataclass(frozen=True, slots=True)
class Named:
    """What a name told."""

    kind: str
    # The project's normalised name; None where that cannot be told.
    project: str | None
    # None where it has none by PEP 440.
    version: Version | None
    # Of wheels alone.
    tags: frozenset[Tag] = frozenset()


@lru_cache(maxsize=256)
def read(filename: str) -> Named:
    """Return what a file's name tells; a name that tells nothing is no error."""
    lower = filename.lower()
    if lower.endswith(".whl"):
        return _wheel(filename[:-4])
    if lower.endswith(".egg"):
        match = _EGG.fullmatch(filename)
        return _named(OTHER, match["name"], match["version"]) if match else Named(OTHER, None, None)
    suffix = next((suffix for suffix in _SDISTS if lower.endswith(suffix.lower())), None)
    stem = filename[: -len(suffix)] if suffix else filename.rpartition(".")[0]
    plain = _BINARY.sub("", stem)
    kind = SDIST if suffix and plain == stem else OTHER
    # The version has no hyphen (PEP 625); names of old had.
    name, _, version = plain.rpartition("-")
    return _named(kind, name, version)


def _wheel(stem: str) -> Named:
    """Read `{name}-{version}(-{build})?-{python}-{abi}-{platform}` (PEP 427)."""
    parts = stem.split("-")
    if len(parts) not in _WHEEL_PARTS:
        return Named(WHEEL, None, None)
    tags = parse_tag("-".join(parts[-3:]))
    named = _named(WHEEL, parts[0], parts[1])
    return Named(WHEEL, named.project, named.version, frozenset(tags))


def _named(kind: str, name: str, version: str) -> Named:
    project = canonicalize_name(name) if name else None
    try:
        return Named(kind, project, Version(version))
    except InvalidVersion:
        return Named(kind, project, None)
