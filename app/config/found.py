"""What was found in a file: the values of keys, each with its place."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from app.config.kinds import Key
from app.config.problems import Place

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """A key that the file has."""

    place: Place
    # None where it is faulty.
    value: object
    # Where each item of a list is.
    items: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Values:
    """The values of the whole file, or of one mapping in a list."""

    # What stands for the section's name in messages: "", or "cache.tiers[1]".
    label: str
    place: Place
    found: dict[str, Found] = field(default_factory=dict)
    # Where the sections are, and the mappings of those that are lists.
    sections: dict[str, Place] = field(default_factory=dict)
    lists: "dict[str, list[Values]]" = field(default_factory=dict)
    # Sections that are there but cannot be read.
    faulty: set[str] = field(default_factory=set)

    def get(self, key: Key[T]) -> T | None:
        """Return a key's value or default; None where there is neither, or a fault."""
        if key.name in self.found:
            return cast("T | None", self.found[key.name].value)
        return None if key.default is None else key.kind.default(key.default)

    def need(self, key: Key[T]) -> T:
        """Return the value of a key that has a default or was found without fault.

        Raises:
            LookupError: It was not; a file with problems is not built.

        """
        value = self.get(key)
        if value is None:
            raise LookupError(key.name)
        return value

    def has(self, key: Key[Any]) -> bool:
        """Tell whether the file has the key, right or wrong."""
        return key.name in self.found

    def place_of(self, key: Key[Any]) -> Place:
        """Return where a key is, or else its section."""
        found = self.found.get(key.name)
        return found.place if found else self.sections.get(key.section, self.place)

    def label_of(self, key: Key[Any]) -> str:
        """Return a key's name for messages."""
        return f"{self.label}.{key.word}" if self.label else key.name

    def rows(self, section: str) -> Iterator["Values"]:
        """Yield the mappings of a list."""
        yield from self.lists.get(section, ())
