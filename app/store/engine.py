"""What each kind of database does in its own way: the seam below the queries."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Any, ClassVar

import peewee

from app.store.errors import StoreError
from app.store.statements import Statements


class Engine(ABC):
    """One database: opened, written to by one at a time, and its errors in one sentence."""

    # What peewee raises, and the library below it where peewee does not see it.
    raises: ClassVar[tuple[type[Exception], ...]] = (peewee.PeeweeException,)
    statements: ClassVar[Statements]
    # From each version of the tables the next, and what leads there.
    upgrades: ClassVar[Mapping[bytes, tuple[bytes, tuple[str, ...]]]] = MappingProxyType({})

    def __init__(self, database: peewee.Database, place: str) -> None:
        """Use a database; `place` names it to people, without a password."""
        self.database, self.place = database, place

    @abstractmethod
    def present(self) -> bool:
        """Whether there is a database with larder's tables; asking makes none."""

    @abstractmethod
    def refresh(self) -> None:
        """See that this thread's connection can be used: one that died is opened again."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[object]:
        """Open a transaction that has the one write lock from its start."""

    @abstractmethod
    def stream(self, statement: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a large result, of which few are in memory at a time."""

    @abstractmethod
    def noted(self, names: Iterable[str]) -> AbstractContextManager[int]:
        """Have a table `folder` of names, for this connection alone; how many they are.

        It needs no write lock, and is made where nothing else may be changed.
        """

    @abstractmethod
    def insert_many(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Run one of `statements` that is for rows, with many of them."""

    @abstractmethod
    def create(self, table: type[peewee.Model]) -> None:
        """Make a table and its indexes."""

    @abstractmethod
    def store_error(self, error: Exception) -> StoreError:
        """Return what an error of the libraries is to whoever uses the store."""

    def sql(self, statement: str, parameters: Sequence[Any] = ()) -> Any:
        """Run one plain statement; return its cursor."""
        return self.database.execute_sql(statement, parameters)  # type: ignore[no-untyped-call]


def first_cause(error: BaseException, kind: type[BaseException]) -> BaseException:
    """Return what the database said first: peewee wraps it, and its rollback may fail after it.

    On a full disk SQLite has rolled back by itself, and "cannot rollback" would hide why.
    """
    found, cause = error, error.__cause__ or error.__context__
    while cause is not None:
        if isinstance(cause, kind):
            found = cause
        cause = cause.__cause__ or cause.__context__
    return found
