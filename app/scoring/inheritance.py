"""What a release takes over from the one before it, before anybody has asked for it.

Most who fetched the last version's file will fetch the new version's: the new one is
given a share of its heat. The share is moved, not copied, so that the two together are
as hot as the one was.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

_WHEEL = ".whl"
_SDISTS = (".tar.gz", ".zip")
_TAGS = 3
"""A wheel's name ends in three tags: Python, ABI and platform (binary distribution
format, "File name convention")."""

# What comes before the architecture says how old a system may be, not which one it is.
_PLATFORM = re.compile(r"(manylinux|musllinux|macosx)(?:1|2010|2014|_\d+_\d+)_(\w+)")
_STABLE_ABI = re.compile(r"cp3\d+-abi3")

_Order = tuple[Version, tuple[int, str] | tuple[()]]


@dataclass(frozen=True, slots=True)
class Released:
    """A file of a project, as far as its release matters."""

    file: int
    filename: str
    heat: float
    # Whether the last run did not know it yet.
    new: bool


@dataclass(frozen=True, slots=True)
class Transfer:
    """A share of one file's heat that goes over to another's."""

    source: int
    target: int
    share: float


@dataclass(frozen=True, slots=True)
class _Heir:
    """A file with its place in the order of releases."""

    order: _Order
    tag: str
    released: Released


def inherit(files: Iterable[Released], share: float) -> list[Transfer]:
    """Return what the new files of one project take over, in the order to carry it out.

    A wheel's predecessor is the next lower version's with the same tags, an sdist's
    the next lower version's sdist. Where a platform's oldest system has changed
    (`manylinux_2_17` to `manylinux_2_28`), or a stable ABI's oldest Python, the tags
    count as the same for want of better: to the clients that fetch it, it is the same
    file. A pre-release follows pre-releases, a stable one stable ones.

    A file inherits once, when it is new. Of several new releases each takes over what
    the one before it did. One without a predecessor to take from takes nothing, and
    neither do files whose names tell no version (PEP 440).
    """
    families: dict[str, list[tuple[str, Released]]] = defaultdict(list)
    for released in files:
        tag = _tag(released.filename)
        if tag is not None:
            families[_family(tag)].append((tag, released))
    transfers: list[Transfer] = []
    for _, family in sorted(families.items()):
        if any(released.new for _, released in family):
            transfers += _hand_down(_heirs(family), share)
    return transfers


def _hand_down(heirs: Iterable[_Heir], share: float) -> Iterator[Transfer]:
    """Yield the transfers within one family, from the lowest version on."""
    releases: dict[_Order, list[_Heir]] = defaultdict(list)
    for heir in sorted(heirs, key=lambda heir: (heir.order, heir.tag, heir.released.file)):
        releases[heir.order].append(heir)
    heat: dict[int, float] = {}
    before: dict[bool, list[_Heir]] = {}
    for order, release in releases.items():
        kind = order[0].is_prerelease
        for source, target in _pairs(before.get(kind, []), release):
            given = heat[source.file] * share
            if target.new and given:
                heat[source.file] -= given
                heat[target.file] = target.heat + given
                yield Transfer(source.file, target.file, share)
        for one in (heir.released for heir in release):
            # What is new and has not inherited has nothing to hand down.
            heat.setdefault(one.file, 0.0 if one.new else one.heat)
        before[kind] = release


def _pairs(before: Iterable[_Heir], after: Iterable[_Heir]) -> Iterator[tuple[Released, Released]]:
    """Yield who follows whom in two releases: by tag, and the others one by one.

    Files that the last run knew come first, so that nobody who has handed down to one
    of them does so again.
    """
    old = {heir.tag: heir.released for heir in before}
    rest = []
    for heir in after:
        if heir.tag in old:
            yield old.pop(heir.tag), heir.released
        else:
            rest.append(heir.released)
    yield from zip(old.values(), sorted(rest, key=lambda one: one.new), strict=False)


def _heirs(family: Iterable[tuple[str, Released]]) -> Iterator[_Heir]:
    """Yield the files whose names tell a version."""
    for tag, released in family:
        order = _order(released.filename)
        if order is not None:
            yield _Heir(order, tag, released)


def _order(filename: str) -> _Order | None:
    try:
        if filename.endswith(_WHEEL):
            _, version, build, _ = parse_wheel_filename(filename)
            return version, build
        return parse_sdist_filename(filename)[1], ()
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None


def _tag(filename: str) -> str | None:
    """Return what two releases' files of the same use have in common."""
    if filename.endswith(_WHEEL):
        tags = filename.removesuffix(_WHEEL).split("-")[-_TAGS:]
        # PEP 425: compressed sets; their order means nothing.
        return "-".join(".".join(sorted(set(tag.split(".")))) for tag in tags)
    return next((suffix for suffix in _SDISTS if filename.endswith(suffix)), None)


def _family(tag: str) -> str:
    """Return a tag without what says how old a system or a Python may be."""
    if tag in _SDISTS:
        return "sdist"
    python, abi, platforms = tag.split("-") if tag.count("-") == _TAGS - 1 else (tag, "", "")
    python = "py3" if "py3" in python.split(".") else python
    places = sorted({_PLATFORM.sub(r"\1_\2", one) for one in platforms.split(".")})
    return _STABLE_ABI.sub("abi3", f"{python}-{abi}") + "-" + ".".join(places)
