"""The YAML tree against the table of keys: every value, and every problem of shape."""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from app.config.disk import absolute
from app.config.document import (
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    is_null,
    place_of,
    strange_tag,
)
from app.config.found import Found, Values
from app.config.kinds import Key
from app.config.problems import Place, Problems, shown
from app.config.table import KEYS, Section
from app.config.values import InvalidValueError, parse_path

# A longer word is no misspelt key, and comparing it would take its time.
_LONGEST_WORD = 60


def read_values(root: MappingNode, tree: Section, folder: Path, problems: Problems) -> Values:
    """Return the values of a file; relative paths in it start at `folder`."""
    values = Values("", Place(1, 1))
    _Walker(folder, problems).read_section(root, tree, values)
    return values


class _Spot(NamedTuple):
    """What a value is called in messages, and where it is."""

    label: str
    place: Place


class _Walker:
    """Reads one node after the other, noting what is wrong with it."""

    def __init__(self, folder: Path, problems: Problems) -> None:
        self._folder = folder
        self._problems = problems

    def read_section(
        self, node: MappingNode, section: Section, into: Values, label: str = ""
    ) -> None:
        """Read one mapping and all that is in it."""
        for word, place, value in self._entries(node, section, label):
            child = section.children[word]
            spot = _Spot(_joined(label, word), place)
            if isinstance(child, Key):
                self._read_key(value, child, spot, into)
            else:
                self._read_child(value, child, spot, into)
        for key in section.required:
            if not into.has(key):
                message = f"{_joined(label, key.word)} is missing; add '{key.word}: {key.example}'"
                self._problems.add(into.place_of(key), message)

    def _entries(
        self, node: MappingNode, section: Section, label: str
    ) -> Iterator[tuple[str, Place, Node]]:
        """Yield the entries whose keys are known and not there before."""
        seen: dict[str, Place] = {}
        for key_node, value in node.value:
            place = place_of(key_node)
            word = key_node.value if isinstance(key_node, ScalarNode) else None
            if word is None or strange_tag(key_node):
                self._problems.add(place, "this is no key; write 'key: value' with a plain word")
            elif word in seen:
                message = (
                    f"duplicate key '{_joined(label, word)}'; keep this or line {seen[word].line}"
                )
                self._problems.add(place, message)
            elif word not in section.children:
                self._problems.add(place, _unknown(word, section, label))
            else:
                seen[word] = place
                yield word, place, value

    def _read_child(self, node: Node, section: Section, spot: _Spot, into: Values) -> None:
        into.sections[section.name] = spot.place
        if not self._says_something(node, spot):
            into.faulty.add(section.name)
        elif section.is_list:
            into.lists[section.name] = list(self._rows(node, section, spot, into))
        elif isinstance(node, MappingNode):
            self.read_section(node, section, into, spot.label)
        else:
            into.faulty.add(section.name)
            self._add(spot, f"expected keys of its own, indented below it: {_listed(section)}")

    def _rows(self, node: Node, section: Section, spot: _Spot, into: Values) -> Iterator[Values]:
        if not isinstance(node, SequenceNode):
            into.faulty.add(section.name)
            first = next(iter(section.children))
            self._add(spot, f"expected a list; begin each entry with '- {first}:'")
            return
        for row, item in _numbered(node, spot):
            if not self._says_something(item, row):
                into.faulty.add(section.name)
            elif isinstance(item, MappingNode):
                values = Values(row.label, row.place)
                self.read_section(item, section, values, row.label)
                yield values
            else:
                into.faulty.add(section.name)
                self._add(row, f"expected keys: {_listed(section)}")

    def _read_key(self, node: Node, key: Key[Any], spot: _Spot, into: Values) -> None:
        if key.may_be_empty and _is_empty(node, key):
            return
        if not key.kind.several:
            found = Found(spot.place, self._parse(node, key, spot))
        elif not isinstance(node, SequenceNode):
            one = self._parse(node, key, spot)
            found = Found(spot.place, None if one is None else (one,))
        else:
            found = self._read_list(node, key, spot)
        into.found[key.name] = found

    def _read_list(self, node: SequenceNode, key: Key[Any], spot: _Spot) -> Found:
        if not self._says_something(node, spot):
            return Found(spot.place, None)
        items = tuple(_numbered(node, spot))
        if not items:
            self._add(spot, f"is an empty list; write {key.example}, or remove the line")
        parsed = tuple(self._parse(item, key, item_spot) for item_spot, item in items)
        value = parsed if parsed and None not in parsed else None
        return Found(spot.place, value, tuple(item_spot.place for item_spot, _ in items))

    def _parse(self, node: Node, key: Key[Any], spot: _Spot) -> object:
        """Return the value of one scalar; None, and a problem noted, where it is faulty."""
        if not self._says_something(node, spot):
            return None
        if not isinstance(node, ScalarNode):
            self._add(spot, f"expected {key.kind.name} such as {key.example}")
            return None
        try:
            return self._placed(key.kind.parse(node.value))
        except InvalidValueError as error:
            self._add(spot, str(error))
            return None

    def _placed(self, value: object) -> object:
        if not isinstance(value, Path):
            return value
        # The folder's own name may hold what the text does not.
        return parse_path(str(absolute(self._folder, value)))

    def _says_something(self, node: Node, spot: _Spot) -> bool:
        if tag := strange_tag(node):
            self._add(spot, f"the tag {shown(tag)} means nothing here; remove it")
        elif is_null(node):
            self._add(spot, "has no value; write one, or remove the line")
        else:
            return True
        return False

    def _add(self, spot: _Spot, message: str) -> None:
        self._problems.add(spot.place, f"{spot.label}: {message}")


def _numbered(node: SequenceNode, spot: _Spot) -> Iterator[tuple[_Spot, Node]]:
    for index, item in enumerate(node.value):
        yield _Spot(f"{spot.label}[{index}]", place_of(item)), item


def _joined(label: str, word: str) -> str:
    short = word if len(word) <= _LONGEST_WORD else f"{word[:_LONGEST_WORD]}…"
    printable = "".join(char if char.isprintable() else "?" for char in short)
    return f"{label}.{printable}" if label else printable


def _is_empty(node: Node, key: Key[Any]) -> bool:
    if key.kind.several and isinstance(node, SequenceNode):
        return not node.value
    return isinstance(node, ScalarNode) and bool(node.style) and not node.value


def _listed(section: Section) -> str:
    *most, last = section.children
    return f"{', '.join(most)} and {last}" if most else last


def _unknown(word: str, section: Section, label: str) -> str:
    """Return the sentence on a key that is not known, with what may have been meant."""
    unknown = f"unknown key '{_joined(label, word)}'"
    if word == "<<":
        return f"{unknown}; YAML's merge key is not supported, write the keys out"
    plain = word[:_LONGEST_WORD].lower().replace("-", "_")
    if near := get_close_matches(plain, section.children, n=1):
        return f"{unknown}; did you mean '{_joined(label, near[0])}'?"
    if elsewhere := [key.name for key in KEYS if plain == key.word]:
        return f"{unknown}; did you mean '{elsewhere[0]}'?"
    return f"{unknown}; remove it: here are known {_listed(section)}"
