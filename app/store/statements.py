"""The statements that each kind of database has its own words for, and what they are given.

JSON carries lists into them and out of them, so that one statement does for any number.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar

Row = tuple[Any, ...]
"""A file's project, path, digest, size, origin, companion, upload time, provenance, and
whether it is listed."""

Run = Callable[..., Any]
"""Runs a statement with its parameters, and returns its cursor."""

SLICE = 5_000
"""Rows deleted in one transaction: no writer waits for longer than some tenth of a second."""


class Statements(ABC):
    """The statements in the words of one kind of database."""

    # Makes projects known that are not, each a list of name and status.
    enter: ClassVar[str]
    # From a list of names to an object with their numbers.
    numbers: ClassVar[str]
    # Those of a list of numbers of whose project a file is listed already: for the
    # others none can have gone.
    listing: ClassVar[str]
    # Of a project's number, the paths that it lists, and whether to keep what is held.
    unlist: ClassVar[str]
    # Of a project's number: its hidden files that are still held are to be withdrawn.
    conceal: ClassVar[str]
    # Wishes for a file, by its number, with rank and score; some may have been forgotten.
    wish: ClassVar[str]
    # Of lists of name, serial, ETag, Last-Modified, time, mark, whether legacy JSON is here,
    # and what filters say of it.
    settle: ClassVar[str]
    # Of a time, to a row as `projects.IndexCounts`.
    count_index: ClassVar[str]
    # Of lists of name, mark, and what filters say. Serial, validators and failure stay:
    # upstream was not asked. With the page of a hidden one its legacy JSON goes.
    mark: ClassVar[str]
    # Path, root and bytes of what is held and not listed, or hidden, by path.
    withdrawn: ClassVar[str]
    # Of a mark, the time, and whether legacy JSON is wanted, to rows as
    # `rendering.Outdated`, by name.
    outdated: ClassVar[str]

    @abstractmethod
    def upserts(self, rows: Sequence[Row]) -> Iterator[tuple[str, Iterable[Any]]]:
        """Yield what writes the rows of files, one after the other, with parameters.

        A path belongs to the project that listed it first, for as long as it does:
        another project's page must not take its file over. A row that would stay as it
        is is not written: most updates add a few files to many. A size that was asked
        of the file host stays known where the index tells none.
        """

    @abstractmethod
    def cut_windows(self, run: Run, before: int, after: Row) -> tuple[Sequence[Row], Row | None]:
        """Delete some windows that started before a time; return the rows, and how to go on.

        Each row is time, file and source. What comes back second is given to the next
        call, as `after`, which is empty at the start; None at the end.
        """
