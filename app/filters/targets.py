"""Which wheels are for which Pythons and platforms, by their tags (PEP 425, 600, 656, 730)."""

import re
from collections.abc import Collection, Iterable
from functools import cache
from typing import Final

from packaging.tags import Tag, compatible_tags, cpython_tags, generic_tags

_PYTHON: Final = re.compile(r"(?P<pypy>pypy)?3\.(?P<minor>[0-9]{1,2})(?P<threaded>t)?")
_ABI: Final = re.compile(r"[a-z0-9_]+")
# PEP 425's platform tags of binary wheels, and what each is called here.
_LINUX: Final = re.compile(r"(?:manylinux(?:1|2010|2014|_[0-9]+_[0-9]+)|linux)_(?P<cpu>\w+)")
_MUSL: Final = re.compile(r"musllinux_[0-9]+_[0-9]+_(?P<cpu>\w+)")
_MAC: Final = re.compile(r"macosx_[0-9]+_[0-9]+_(?P<cpu>\w+)")
_WINDOWS: Final = {"win32": "x86", "win_amd64": "amd64", "win_arm64": "arm64"}
# What a Mac's fat wheels hold (packaging.tags.mac_platforms).
_FAT: Final = {
    "universal2": ("x86_64", "arm64"),
    "universal": ("x86_64", "i386", "ppc", "ppc64"),
    "intel": ("x86_64", "i386"),
    "fat": ("i386", "ppc"),
    "fat32": ("i386", "ppc"),
    "fat64": ("x86_64", "ppc64"),
}
_PLATFORM: Final = re.compile(r"(linux|musllinux|macos|windows)-[a-z0-9_]+")
_ABI_FLAG_UNTIL: Final = 7


def parse_python(text: str) -> str:
    """Return the text of a Python, such as `3.12`, `3.13t` or `pypy3.10`.

    Raises:
        ValueError: It is none.

    """
    if not _PYTHON.fullmatch(text) or (text.startswith("pypy") and text.endswith("t")):
        raise ValueError(f"{text[:40]!r} is no Python; write such as 3.12, 3.13t or pypy3.10")
    return text


def parse_abi(text: str) -> str:
    """Return the text of an ABI tag, such as `cp312`, `abi3` or `none`; raises ValueError."""
    if not _ABI.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is no ABI's tag; write such as cp312, abi3 or none")
    return text


def parse_platform(text: str) -> str:
    """Return the text of a platform, such as `linux-x86_64`; raises ValueError."""
    if not _PLATFORM.fullmatch(text):
        raise ValueError(
            f"{text[:40]!r} is no platform; write such as linux-x86_64, musllinux-aarch64,"
            " macos-arm64 or windows-amd64"
        )
    return text


def fits_python(tags: Iterable[Tag], pythons: Collection[str]) -> bool:
    """Whether one of the Pythons can use a wheel, whatever the platform."""
    return any((tag.interpreter, tag.abi) in _pairs(python) for python in pythons for tag in tags)


def fits_platform(tags: Iterable[Tag], platforms: Collection[str]) -> bool:
    """Whether one of the platforms can use a wheel; what is for any is for all."""
    return any(
        tag.platform == "any" or not platforms_of(tag.platform).isdisjoint(platforms)
        for tag in tags
    )


@cache
def platforms_of(tag: str) -> frozenset[str]:
    """Return the platforms that a platform tag stands for; none, where it is not known."""
    if tag in _WINDOWS:
        return frozenset({f"windows-{_WINDOWS[tag]}"})
    if match := _LINUX.fullmatch(tag):
        return frozenset({f"linux-{match['cpu']}"})
    if match := _MUSL.fullmatch(tag):
        return frozenset({f"musllinux-{match['cpu']}"})
    if match := _MAC.fullmatch(tag):
        cpus = _FAT.get(match["cpu"], (match["cpu"],))
        return frozenset(f"macos-{cpu}" for cpu in cpus)
    return frozenset()


@cache
def _pairs(python: str) -> frozenset[tuple[str, str]]:
    """Return the interpreter and ABI tags that a Python takes."""
    match = _PYTHON.fullmatch(python)
    minor = int(match["minor"]) if match else 0
    version, anywhere = (3, minor), ["any"]
    if match and match["pypy"]:
        interpreter = f"pp3{minor}"
        own = generic_tags(interpreter, [f"pypy3{minor}_pp73"], anywhere)
    else:
        interpreter = f"cp3{minor}"
        flag = "t" if match and match["threaded"] else "m" if minor <= _ABI_FLAG_UNTIL else ""
        own = cpython_tags(version, [interpreter + flag], anywhere)
    tags = [*own, *compatible_tags(version, interpreter, anywhere)]
    return frozenset((tag.interpreter, tag.abi) for tag in tags)
