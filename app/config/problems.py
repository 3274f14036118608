"""What is wrong with a configuration: every fault with its place, in one error."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

# Somebody who gave the wrong file needs no thousand lines to see it.
_MOST_PROBLEMS = 100
_LONGEST_QUOTE = 60


class Place(NamedTuple):
    """A place in the file, both numbers from 1; line 0 is the file as a whole."""

    line: int
    column: int


WHOLE_FILE = Place(0, 0)
"""The place of a problem with the file itself."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault: where it is, and one sentence that says what to do."""

    line: int
    column: int
    message: str


class ConfigError(Exception):
    """The file is no configuration; `problems` says all that is wrong, by line."""

    def __init__(self, path: Path, problems: Iterable[Problem]) -> None:
        self.path = path
        self.problems = tuple(sorted(set(problems)))
        super().__init__(path, self.problems)

    def __str__(self) -> str:
        """Return one line a problem, `file:line:column: what is wrong`."""
        return "\n".join(self._line(problem) for problem in self.problems)

    def _line(self, problem: Problem) -> str:
        if problem.line == WHOLE_FILE.line:
            return f"{self.path}: {problem.message}"
        return f"{self.path}:{problem.line}:{problem.column}: {problem.message}"


class TooManyProblemsError(Exception):
    """There is no use in looking further."""


class Problems:
    """The problems found so far."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def add(self, place: Place, message: str) -> None:
        """Note a problem.

        Raises:
            TooManyProblemsError: This was one more than anybody reads. It also bounds
                the work on a file whose aliases repeat a faulty part endlessly.

        """
        if len(self._found) == _MOST_PROBLEMS:
            self._found.append(
                Problem(*place, f"more than {_MOST_PROBLEMS} problems; mend these first")
            )
            raise TooManyProblemsError
        self._found.append(Problem(*place, message))

    @property
    def found(self) -> tuple[Problem, ...]:
        """All of them, in the order of finding."""
        return tuple(self._found)


def shown(text: str) -> str:
    """Return a text of the file's in quotes, on one line, printable and not too long."""
    quoted = repr(text[: _LONGEST_QUOTE + 1])
    fits = len(quoted) <= _LONGEST_QUOTE + len("''")
    return quoted if fits else f"{quoted[:_LONGEST_QUOTE]}…{quoted[0]}"
