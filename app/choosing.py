"""Which files of a project some Pythons and platforms can use: pure, by names and tags."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import product
from typing import Final

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from app.filters import filenames
from app.filters.targets import fits_platform, fits_python, parse_platform, parse_python
from app.model import File

_PATCH: Final = re.compile(r"(?P<python>3\.[0-9]{1,2})\.(?P<patch>[0-9]{1,2})")
# A Python without a patch level stands for all of them: what is for 3.9.2 is for 3.9.
_FIRST, _LAST = 0, 99


class Kinds(StrEnum):
    """Which kinds of files are wanted."""

    ALL = "all"
    WHEELS = "wheels"
    SDISTS = "sdists"


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """A Python on a platform: what a client is."""

    # Such as `3.12` or `3.13t`.
    python: str
    # Such as `linux-x86_64`.
    platform: str
    # The patch level, where it is known.
    patch: int | None = None

    @property
    def version(self) -> str:
        """The version of the Python, as resolvers take it."""
        plain = self.python.removesuffix("t")
        return plain if self.patch is None else f"{plain}.{self.patch}"

    def __str__(self) -> str:
        """Return the words for it."""
        threaded = "t" if self.python.endswith("t") else ""
        return f"Python {self.version}{threaded} on {self.platform}"


def parse_targets(pythons: Iterable[str], platforms: Iterable[str]) -> tuple[Target, ...]:
    """Return every Python on every platform.

    >>> [str(one) for one in parse_targets(["3.9.18"], ["linux-x86_64"])]
    ['Python 3.9.18 on linux-x86_64']

    Raises:
        ValueError: One is none, or one that no resolver takes.

    """
    found = [_parse_python(text) for text in pythons]
    return tuple(
        sorted(
            {
                Target(python, parse_platform(platform), patch)
                for (python, patch), platform in product(found, platforms)
            },
            key=lambda one: (Version(one.version), one.python, one.platform),
        )
    )


def _parse_python(text: str) -> tuple[str, int | None]:
    match = _PATCH.fullmatch(text)
    python = parse_python(match["python"] if match else text)
    if python.startswith("pypy"):
        raise ValueError(f"{text!r}: only CPython can be resolved for; write such as 3.12 or 3.13t")
    return python, int(match["patch"]) if match else None


def usable(
    files: Iterable[File], targets: Collection[Target], kinds: Kinds = Kinds.ALL
) -> Iterator[File]:
    """Yield the files that one of the targets can use; an sdist is for every platform."""
    for file in files:
        if any(_fits(file, target, kinds) for target in targets):
            yield file


def _fits(file: File, target: Target, kinds: Kinds) -> bool:
    named = filenames.read(file.filename)
    if named.kind == filenames.WHEEL and kinds is not Kinds.SDISTS:
        # A wheel is for each combination of its tags (PEP 425, "Compressed Tag Sets").
        tags = named.tags
        right = fits_python(tags, [target.python]) and fits_platform(tags, [target.platform])
    else:
        right = named.kind == filenames.SDIST and kinds is not Kinds.WHEELS
    return right and _admits(file.requires_python, target)


@lru_cache(maxsize=4096)
def _admits(requires_python: str | None, target: Target) -> bool:
    """Whether a file's Requires-Python lets a target in; a broken one keeps nobody out."""
    if not requires_python:
        return True
    try:
        specifiers = SpecifierSet(requires_python)
    except InvalidSpecifier:
        return True
    if target.patch is not None:
        return specifiers.contains(target.version, prereleases=True)
    # Without a patch level, the newest of them; but also the first: `<3.9.5`.
    return any(specifiers.contains(f"{target.version}.{patch}") for patch in (_FIRST, _LAST))
