"""Files that nginx refuses at once, wherever they are held: those with a denied digest.

    run/denied/{ab}/{cd}/{rest}/{filename}     an empty file for each, and for its `.metadata`

nginx looks for it before it looks on any tier (files.conf.j2), so that neither a reload nor
the application is needed, and nothing has to be deleted first.
"""

import shutil
from collections.abc import Collection, Iterable
from pathlib import Path

from app.names import FilePath, companion_of


class Denials:
    """The marks of denied files."""

    def __init__(self, folder: Path) -> None:
        """Make the folder when it is first needed."""
        self._folder = folder

    def add(self, paths: Iterable[FilePath]) -> None:
        """Have files refused from now on."""
        for path in paths:
            for one in (path, companion_of(path)):
                mark = self._folder / one
                mark.parent.mkdir(parents=True, exist_ok=True)
                mark.touch()

    def replace(self, paths: Collection[FilePath]) -> None:
        """Have these files refused, and no others any more."""
        self.add(paths)
        for path in self.paths() - set(paths):
            shutil.rmtree((self._folder / path).parent, ignore_errors=True)

    def paths(self) -> set[FilePath]:
        """Return what is refused."""
        found = {mark.relative_to(self._folder) for mark in self._folder.glob("*/*/*/*")}
        marks = {FilePath(str(path)) for path in found}
        return {path for path in marks if companion_of(path) in marks}
