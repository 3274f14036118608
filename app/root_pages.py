"""The list of projects on disk: the only writer of the root pages and their mark."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path

from app.atomic import replacing
from app.packing import packing
from app.shelf import Shelf
from app.tree import HTML, JSON, SECONDS, Pages, next_stamp


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
        with self._page(HTML, stamp) as html, self._page(JSON, stamp) as json:
            # In turn, so that what both are made of need not be kept for the second.
            for one, other in zip_longest(pages.html, pages.json, fillvalue=b""):
                html(one)
                json(other)
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

    @contextmanager
    def _page(self, filename: str, stamp: int) -> Iterator[Callable[[bytes], None]]:
        """Hand out what writes to a page and to its compressed copy."""
        packed = filename + ".gz"
        with (
            replacing(self._simple / filename, self._staging, stamp + SECONDS[filename]) as stream,
            replacing(self._simple / packed, self._staging, stamp + SECONDS[packed]) as raw,
            packing(raw) as pack,
        ):

            def write(chunk: bytes) -> None:
                stream.write(chunk)
                pack(chunk)

            yield write
