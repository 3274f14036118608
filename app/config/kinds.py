"""Kinds of values and the shape of a key: the vocabulary of the table of keys."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar, cast

from app.config.addresses import parse_address, parse_network, parse_proxy, parse_url
from app.config.problems import shown
from app.config.settings import Address, Network
from app.config.values import (
    InvalidValueError,
    parse_agent,
    parse_database,
    parse_duration,
    parse_fraction,
    parse_header,
    parse_path,
    parse_prefix,
    parse_size,
    parse_whole,
)

T = TypeVar("T")
E = TypeVar("E")

# What YAML 1.1 or 1.2 reads as something else than text.
_NOT_TEXT = re.compile(
    r"true|false|yes|no|on|off|y|n|[-+]?(?:0[xob])?[0-9][0-9_.:]*(?:e[-+]?[0-9]+)?|[-+]?\.(?:inf|nan)",
    re.IGNORECASE,
)

_MANY = 10**9


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """How a value is read, and what the reference says of it."""

    # With its article, as in "expected a size".
    name: str
    # Of the number that a Config holds; empty where the value is no number.
    unit: str
    # Of one item, where there may be several.
    parse: Callable[[str], object]
    several: bool = False

    def default(self, text: str) -> T:
        """Return what a default in the table means."""
        value = self.parse(text)
        return cast("T", (value,) if self.several else value)


@dataclass(frozen=True, slots=True)
class Key(Generic[T]):
    """One key of the file."""

    # All of it, `[]` after the name of a list: "cache.tiers[].path".
    name: str
    kind: Kind[T]
    # Sentences for the reference, the first of them also for the default file.
    meaning: str
    # As it is written in YAML.
    example: str
    default: str | None = None
    # What the reference shows where there is no fixed default.
    absent: str = "none"
    required: bool = False
    # By larder; the others are the predecessor's.
    added: bool = False

    @property
    def section(self) -> str:
        """The name of the section that holds the key; empty for the file itself."""
        return self.name.rpartition(".")[0]

    @property
    def word(self) -> str:
        """The key as it is written in its section."""
        return self.name.rpartition(".")[2]

    @property
    def may_be_empty(self) -> bool:
        """Whether `''` says the same as leaving the key out."""
        return self.default is None and not self.required


def several(kind: Kind[T]) -> Kind[tuple[T, ...]]:
    """Return the kind of one value or a list of them."""
    return Kind(f"{kind.name}, or a list of them", kind.unit, kind.parse, several=True)


def at_least(kind: Kind[int], least: int) -> Kind[int]:
    """Return a kind of numbers without the small ones."""

    def parse(text: str) -> int:
        value = cast("int", kind.parse(text))
        if value < least:
            raise InvalidValueError(f"{shown(text)} is too small; write at least {least}")
        return value

    return replace(kind, parse=parse)


def whole(least: int, most: int | None, unit: str) -> Kind[int]:
    """Return the kind of whole numbers in a range; without `most` a billion is enough."""

    def parse(text: str) -> int:
        value = parse_whole(text)
        if not least <= value <= highest:
            raise InvalidValueError(
                f"{text} is out of range; write a number from {least} to {highest}"
            )
        return value

    highest = _MANY if most is None else most
    name = f"a whole number from {least}" + ("" if most is None else f" to {most}")
    return Kind(name, unit, parse)


def between(least: float, most: float, unit: str) -> Kind[float]:
    """Return the kind of numbers in a range."""

    def parse(text: str) -> float:
        value = parse_fraction(text)
        if not least <= value <= most:
            raise InvalidValueError(
                f"{text} is out of range; write a number from {least:g} to {most:g}"
            )
        return value

    return Kind(f"a number from {least:g} to {most:g}", unit, parse)


def choice(values: Mapping[str, E]) -> Kind[E]:
    """Return the kind of a word out of a few."""

    def parse(text: str) -> E:
        if text not in values:
            raise InvalidValueError(f"{shown(text)} is not known; write {words}")
        return values[text]

    *most, last = values
    words = f"{', '.join(most)} or {last}"
    return Kind(words, "", parse)


def _text(parse: Callable[[str], T], hint: str) -> Callable[[str], T]:
    def parse_text(text: str) -> T:
        if _NOT_TEXT.fullmatch(text):
            raise InvalidValueError(f"{shown(text)} is a number or a truth value to YAML; {hint}")
        return parse(text)

    return parse_text


TRUTH: Kind[bool] = choice({"true": True, "false": False})
SIZE: Kind[int] = Kind("a size", "bytes", parse_size)
INTERVAL: Kind[int] = Kind("a duration", "seconds", parse_duration)
DURATION: Kind[int] = at_least(INTERVAL, 1)
ADDRESS: Kind[Address] = Kind("an address", "", parse_address)
URL: Kind[str] = Kind("a URL", "", parse_url)
PROXY: Kind[str] = Kind("a proxy's URL", "", parse_proxy)
NETWORK: Kind[Network] = Kind("a network", "", parse_network)
PREFIX: Kind[str] = Kind("a path in URLs", "", parse_prefix)
PATH: Kind[Path] = Kind(
    "a path", "", _text(parse_path, "for a path of that name, write './' before it")
)
AGENT: Kind[str] = Kind("a text, or `none`", "", _text(parse_agent, "write words of a User-Agent"))
HEADER: Kind[str] = Kind("a text", "", _text(parse_header, "write words"))
DATABASE: Kind[str] = Kind("a database's URL", "", parse_database)
