"""What a bundle is made of, on the disk while it is gathered: it may be more than memory."""

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from app.bundle.load import Entry
from app.names import ProjectName

_TABLES = """
PRAGMA journal_mode = off;
PRAGMA synchronous = off;
CREATE TABLE entry (path TEXT PRIMARY KEY, size INT, sha256 TEXT, mtime INT, static INT,
    tier INT, source TEXT) WITHOUT ROWID;
CREATE TABLE base (path TEXT PRIMARY KEY, size INT, sha256 TEXT, mtime INT, static INT)
    WITHOUT ROWID;
CREATE TABLE shown (name TEXT PRIMARY KEY, serial INT) WITHOUT ROWID;
"""
# Paths compare as bytes of UTF-8, which sort as Python's strings do.
_LINES = """
SELECT entry.path, entry.size, entry.sha256, entry.mtime, base.path IS NULL, 0, entry.static,
    entry.tier, entry.source
FROM entry LEFT JOIN base USING (path, size, sha256, mtime, static)
UNION ALL
SELECT path, 0, '', 0, 0, 1, 0, 0, NULL FROM base WHERE path NOT IN (SELECT path FROM entry)
ORDER BY 1
"""
_TOTALS = """
SELECT count(*), coalesce(sum(size), 0),
    (SELECT count(*) FROM base WHERE path NOT IN (SELECT path FROM entry))
FROM entry WHERE NOT EXISTS (SELECT 1 FROM base WHERE base.path = entry.path
    AND base.size = entry.size AND base.sha256 = entry.sha256 AND base.mtime = entry.mtime
    AND base.static = entry.static)
"""


class Totals(NamedTuple):
    """How many files a bundle brings, their bytes, and how many it takes away."""

    files: int
    bytes: int
    gone: int


class Ledger:
    """The files of a state, and those of the state before it."""

    def __init__(self, place: str | Path) -> None:
        """Make it, in a file that is not there yet, or in memory."""
        self._database = sqlite3.connect(place)
        self._database.executescript(_TABLES)

    def add(self, entry: Entry, source: Path | None = None) -> None:
        """Add a file; `source` is where it lies, unless a copy was made of it."""
        row = (*entry[:4], entry.static, entry.tier, str(source) if source else None)
        self._database.execute("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def has(self, path: str) -> bool:
        """Whether a path was added."""
        query = "SELECT 1 FROM entry WHERE path = ?"
        return self._database.execute(query, (path,)).fetchone() is not None

    def follow(self, entries: Iterable[Entry]) -> None:
        """Take the files of another bundle's state for those of the state before."""
        rows = ((*entry[:4], entry.static) for entry in entries if not entry.gone)
        self._database.executemany("INSERT INTO base VALUES (?, ?, ?, ?, ?)", rows)

    def show(self, name: ProjectName, serial: int | None) -> None:
        """Add a project of which something is held."""
        self._database.execute("INSERT INTO shown VALUES (?, ?)", (name, serial))

    def shown(self) -> Iterator[tuple[ProjectName, int | None]]:
        """Yield those projects, by name."""
        yield from self._database.execute("SELECT name, serial FROM shown ORDER BY name")

    def lines(self) -> Iterator[tuple[Entry, Path | None]]:
        """Yield what the manifest lists, by path, each with where it lies."""
        for *row, source in self._database.execute(_LINES):
            path, size, sha256, mtime, here, gone, static, tier = row
            flags = bool(here), bool(gone), bool(static)
            yield Entry(path, size, sha256, mtime, *flags, tier), source and Path(source)

    def totals(self) -> Totals:
        """Return what the bundle brings and takes away."""
        return Totals(*self._database.execute(_TOTALS).fetchone())

    def close(self) -> None:
        """Close it; its file is whoever's who named it."""
        self._database.close()
