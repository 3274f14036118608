"""The door to files of requirements and locks: from their paths to the rules that they are."""

from collections.abc import Sequence
from pathlib import Path

from app.config.filter_keys import FILES
from app.config.found import Values
from app.config.problems import Problems
from app.filters.locks import LockError, rules_of_lock, rules_of_requirements
from app.filters.texts import Rule

_MOST_BYTES = 64 << 20
"""The largest locks have some ten megabytes."""


def read_required(values: Values, problems: Problems) -> tuple[Rule, ...]:
    """Return what the files that `filters.projects.files` names name; note what is wrong."""
    paths = values.get(FILES) or ()
    found = values.found.get(FILES.name)
    places = found.items if found and found.items else [values.place_of(FILES)] * len(paths)
    rules: list[Rule] = []
    for index, (path, place) in enumerate(zip(paths, places, strict=False)):
        try:
            rules += rules_of_file(path)
        except LockError as error:
            label = f"{FILES.name}[{index}]" if len(paths) > 1 else FILES.name
            problems.add(place, f"{label}: {error}")
    return tuple(rules)


def rules_of_file(path: Path) -> Sequence[Rule]:
    """Return what one file names: a lock where it ends in `.lock` or `.toml`.

    Raises:
        LockError: It is missing, or broken.

    """
    if path.suffix in {".lock", ".toml"}:
        return rules_of_lock(str(path), _text(path))
    return rules_of_requirements(str(path), _read)


def _read(_parent: str, filename: str) -> str:
    return _text(Path(filename))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            body = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise LockError(f"{path} cannot be read: {error.strerror}") from error
    if len(body) > _MOST_BYTES:
        raise LockError(f"{path} is larger than {_MOST_BYTES >> 20} MiB")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LockError(f"{path} is not UTF-8") from error
