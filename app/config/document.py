"""The file as a tree of YAML nodes, each with its place: the only door to ruamel.yaml.

Nothing is constructed: a node's text is what the file says, and `app.config.kinds`
alone decides what it means. So YAML 1.1's surprises (`on`, `010`, `12:30`) cannot
happen, no tag can create an object, and an alias is one more reference to the same
node, never a copy.
"""

from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from app.config.problems import WHOLE_FILE, Place, shown

__all__ = [
    "DocumentError",
    "MappingNode",
    "Node",
    "ScalarNode",
    "SequenceNode",
    "compose",
    "is_null",
    "place_of",
    "read_body",
    "strange_tag",
]

# Room for two thousand rules; parsing more in pure Python takes seconds.
_MOST_BYTES = 128 * 1024
# The keys need five levels. A limit below Python's own for recursion.
_MOST_LEVELS = 20

_CORE = "tag:yaml.org,2002:"
# What a node has without any tag in the file; "value" and "merge" are `=` and `<<`.
_OWN_TAGS = frozenset(
    f"{_CORE}{kind}"
    for kind in ("str", "int", "float", "bool", "null", "timestamp", "map", "seq", "value", "merge")
)
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})

# What is in ruamel's message, and what to do about it.
_ADVICE = {
    "found another document": "a second document begins here; keep one and remove the '---'",
    "maximum depth": "nested too deeply; no key has so many levels",
    "'\\t'": "a tab; indent with spaces",
    "but found '<scalar>'": "text after the end of a value; put all of it in quotes",
    "cannot start any token": "no value begins like this; put it in quotes",
    "mapping values are not allowed": "no key can stand here; mend the indentation of this line"
    " or the one before, and put a value with ': ' in it in quotes",
    "could not find expected ':'": "a key without its colon; write 'key: value'",
    "undefined alias": "no anchor has this name; put a value that begins with '*' in quotes",
}


class DocumentError(Exception):
    """The file is not one YAML document."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place
        self.message = message


def read_body(path: Path) -> bytes:
    """Return what the file holds.

    Raises:
        DocumentError: It cannot be read, or is too large to be a configuration.

    """
    try:
        with path.open("rb") as file:
            body = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        message = (
            "no such file; name an existing one with --config, "
            "or run 'larder up' without it to have a first one written"
        )
        raise DocumentError(WHOLE_FILE, message) from None
    except IsADirectoryError:
        raise DocumentError(WHOLE_FILE, "is a folder; name the file in it") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        message = f"cannot be read: {reason}; name a file that you may read"
        raise DocumentError(WHOLE_FILE, message) from error
    if len(body) > _MOST_BYTES:
        message = f"is larger than {_MOST_BYTES // 1024} KiB; name larder's configuration"
        raise DocumentError(WHOLE_FILE, message)
    return body


def compose(body: bytes) -> MappingNode:
    """Return the root of the one document in a file, a mapping.

    Raises:
        DocumentError: It is not UTF-8, not YAML, not a mapping, empty, or several documents.

    """
    text = _decode(body)
    yaml = YAML(typ="safe", pure=True)
    yaml.max_depth = _MOST_LEVELS
    # An anchor may be named again (YAML 1.2.2, 3.2.2.2); ruamel would warn.
    yaml.composer.warn_double_anchors = False
    try:
        root: Node | None = yaml.compose(text)
    except YAMLError as error:
        raise _fault(error, text) from error
    except (ValueError, OverflowError) as error:
        # ruamel does not look whether `"\UFFFFFFFF"` is a character.
        place = _place_at(text, max(text.find("\\U"), 0))
        raise DocumentError(place, "no character has this number; mend the escape") from error
    if not isinstance(root, MappingNode):
        what = "is empty" if root is None else "has no keys"
        message = f"{what}; begin with a line such as 'repo_path: /srv/larder'"
        raise DocumentError(place_of(root) if root else Place(1, 1), message)
    if tag := strange_tag(root):
        raise DocumentError(place_of(root), f"the tag {shown(tag)} means nothing here; remove it")
    return root


def place_of(node: Node) -> Place:
    """Return where a node begins."""
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)


def strange_tag(node: Node) -> str | None:
    """Return the tag of a node where it is none of YAML's own, as the file has it."""
    tag = str(node.tag)
    return None if tag in _OWN_TAGS else tag.replace(_CORE, "!!")


def is_null(node: Node) -> bool:
    """Tell whether the file says nothing here, or `~` or `null` without quotes."""
    return isinstance(node, ScalarNode) and not node.style and node.value in _NULLS


def _decode(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line_start = body.rfind(b"\n", 0, error.start) + 1
        column = len(body[line_start : error.start].decode("utf-8-sig", "replace")) + 1
        place = Place(body.count(b"\n", 0, error.start) + 1, column)
        raise DocumentError(place, "not UTF-8 from here on; save the file as UTF-8") from error


def _fault(error: YAMLError, text: str) -> DocumentError:
    if isinstance(error, ReaderError):
        return DocumentError(_place_at(text, error.position), "a control character; remove it")
    if not isinstance(error, MarkedYAMLError):
        return DocumentError(WHOLE_FILE, f"not YAML: {_one_line(str(error))}")
    mark = error.problem_mark or error.context_mark
    place = Place(mark.line + 1, mark.column + 1) if mark else WHOLE_FILE
    problem = _one_line(error.problem or error.context or "cannot be read")
    advice = next((advice for part, advice in _ADVICE.items() if part in problem), None)
    return DocumentError(place, advice or f"not YAML: {problem}; mend this line or one before")


def _place_at(text: str, index: int) -> Place:
    before = text[:index]
    return Place(before.count("\n") + 1, len(before) - before.rfind("\n"))


def _one_line(text: str) -> str:
    printable = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(printable.split())[:200]
