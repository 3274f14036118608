"""What the command line of `larder fetch` asks for."""

import argparse
import platform
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.choosing import Kinds, Target, parse_targets
from app.config import rules_of_file
from app.filters.locks import LockError
from app.filters.texts import Rule
from app.requested import Requested, RequestError, parse_requested, rounds
from app.resolving import PLATFORMS, Question
from jobs.exit_codes import UsageError

# What is no lock, though it ends like one.
_SOURCES: Final = frozenset({"pyproject.toml", "setup.cfg", "setup.py"})
_LOCKS: Final = frozenset({".lock", ".toml"})
_CPUS: Final = {"amd64": "x86_64", "arm64": "aarch64"}
_MOST_WORDS = 200


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks for, and for which clients."""

    asked: tuple[Requested, ...]
    # Files of requirements, and what locks name: that is resolved already.
    sources: tuple[Path, ...]
    locked: tuple[Rule, ...]
    constraints: tuple[Path, ...]
    targets: tuple[Target, ...]
    kinds: Kinds
    prereleases: bool
    dependencies: bool
    all_versions: bool
    # In words, for the pins.
    words: str

    def questions(self) -> Iterator[Question]:
        """Yield what is resolved together: everything, but for projects that are named twice."""
        requirements = [one for one in self.asked if one.filename is None]
        together = rounds(requirements) or [[]]
        for number, asked in enumerate(together):
            sources = () if number else self.sources
            if asked or sources:
                yield self.question((one.requirement for one in asked), sources)

    def question(self, requirements: Iterable[str], sources: Iterable[Path]) -> Question:
        """Return a question about some of it."""
        return Question(
            tuple(requirements),
            tuple(sources),
            self.constraints,
            self.kinds,
            prereleases=self.prereleases,
            dependencies=self.dependencies,
        )

    def named(self) -> Iterator[Requested]:
        """Yield the projects that are asked for by name, here or in a file of requirements."""
        yield from (one for one in self.asked if one.filename is None)
        for path in self.sources:
            if path.name not in _SOURCES:
                for rule in _rules(path):
                    yield _asked(rule.text)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what `read_request` reads."""
    add = parser.add_argument
    add("what", nargs="*", metavar="REQ", help="numpy, 'numpy>=2', numpy==2.1.0, or a file's name")
    add(
        *("-r", "--requirement"),
        action="append",
        default=[],
        metavar="FILE",
        help="a file of requirements, or a lock (uv.lock, pylock.toml, poetry.lock, pdm.lock)",
    )
    add(
        "--constraint",
        action="append",
        default=[],
        metavar="FILE",
        help="a file of constraints (-c is the configuration)",
    )
    many = "; may be given more than once, or as a list with commas"
    add("--python", action="append", default=[], metavar="3.N", help=f"such as 3.9,3.12{many}")
    add("--platform", action="append", default=[], help=f"{', '.join(PLATFORMS)}{many}")
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--only-binary", action="store_true", help="wheels only; builds nothing")
    kinds.add_argument("--no-binary", action="store_true", help="sdists only")
    add("--pre", action="store_true", help="pre-releases too")
    add("--no-deps", action="store_true", help="without dependencies")
    add("--all-versions", action="store_true", help="every release of what is named that fits")
    add("--ignore-errors", action="store_true", help="go on without what cannot be had")
    add("--url-list", type=Path, metavar="FILE", help="write the URLs, for wget -i or aria2c -i")


def read_request(options: argparse.Namespace) -> Request:
    """Return what is asked for.

    Raises:
        UsageError: It is nothing, or cannot be understood.

    """
    words, files = _sorted(options.what)
    files += [Path(name) for name in options.requirement]
    if not words and not files:
        raise UsageError("name something to fetch: a requirement, a file's name, or -r FILE")
    locks = [path for path in files if path.suffix in _LOCKS and path.name not in _SOURCES]
    sources = [path for path in files if path not in locks]
    for path in (*sources, *map(Path, options.constraint)):
        if not path.is_file():
            raise UsageError(f"{path} cannot be read: there is no such file")
    return Request(
        asked=tuple(map(_asked, words)),
        sources=tuple(sources),
        locked=tuple(rule for path in locks for rule in _rules(path)),
        constraints=tuple(map(Path, options.constraint)),
        targets=_targets(options),
        kinds=_kinds(options),
        prereleases=options.pre,
        dependencies=not options.no_deps,
        all_versions=options.all_versions,
        words=f"fetch {' '.join([*words, *map(str, files)])}"[:_MOST_WORDS],
    )


def _sorted(what: Iterable[str]) -> tuple[list[str], list[Path]]:
    """Return requirements and file names, and paths of files of requirements."""
    words, files = list[str](), list[Path]()
    for text in what:
        if text.endswith((".txt", ".in", *_LOCKS)) and Path(text).is_file():
            files.append(Path(text))
        else:
            words.append(text)
    return words, files


def _asked(text: str) -> Requested:
    try:
        return parse_requested(text)
    except RequestError as error:
        raise UsageError(str(error)) from error


def _rules(path: Path) -> tuple[Rule, ...]:
    try:
        return tuple(rules_of_file(path))
    except LockError as error:
        raise UsageError(str(error)) from error


def _kinds(options: argparse.Namespace) -> Kinds:
    if options.only_binary:
        return Kinds.WHEELS
    return Kinds.SDISTS if options.no_binary else Kinds.ALL


def _targets(options: argparse.Namespace) -> tuple[Target, ...]:
    pythons = _listed(options.python) or [f"3.{sys.version_info.minor}"]
    platforms = _listed(options.platform) or [_own_platform()]
    for one in platforms:
        if one not in PLATFORMS:
            raise UsageError(f"--platform {one}: give one of {', '.join(PLATFORMS)}")
    try:
        return parse_targets(pythons, platforms)
    except ValueError as error:
        raise UsageError(f"--python: {error}") from error


def _listed(texts: Iterable[str]) -> list[str]:
    return [one for text in texts for one in re.split(r"[,\s]+", text) if one]


def _own_platform() -> str:
    """Return what this machine is, as far as larder runs on it: Linux."""
    machine = platform.machine().lower()
    return f"linux-{_CPUS.get(machine, machine)}"
