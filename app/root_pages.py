"""The list of projects on disk: the only writer of the root pages and their mark."""

import gzip
from collections.abc import Iterable
from pathlib import Path

from app.atomic import replacing
from app.shelf import Shelf
from app.tree import HTML, JSON, SECONDS, Pages, next_stamp

_GZIP_LEVEL = 6


class RootPages:
    """Writes the root pages of `{repo_path}/simple/`."""

    def __init__(self, repo_path: Path) -> None:
        """Make the folders if they are missing."""
        self._simple = repo_path / "simple"
        self._staging = repo_path / "run" / "staging"
        self._mark = repo_path / "run" / "root.mark"
        self._shelf = Shelf(repo_path)

    def write(self, pages: Pages, mark: str) -> None:
        """Put the root pages in place; they may be larger than memory.

        `mark` tells this list of projects from another; the method of that name returns it.
        """
        stamp = next_stamp(self._simple / HTML)
        for filename, chunks in ((HTML, pages.html), (JSON, pages.json)):
            self._write_page(filename, chunks, stamp)
        self._shelf.note_root(pages.serial)
        with replacing(self._mark, self._staging) as stream:
            stream.write(mark.encode())

    def mark(self) -> str | None:
        """Return the mark of the root pages, or None where there are none."""
        if not all((self._simple / name).exists() for name in SECONDS):
            return None
        try:
            return self._mark.read_text()
        except FileNotFoundError:
            return None

    def _write_page(self, filename: str, chunks: Iterable[bytes], stamp: int) -> None:
        packed = filename + ".gz"
        with (
            replacing(self._simple / filename, self._staging, stamp + SECONDS[filename]) as stream,
            replacing(self._simple / packed, self._staging, stamp + SECONDS[packed]) as raw,
            gzip.GzipFile("", "wb", _GZIP_LEVEL, raw, mtime=0) as zipped,
        ):
            for chunk in chunks:
                stream.write(chunk)
                zipped.write(chunk)
