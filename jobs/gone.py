"""The projects that turned out to be gone upstream, and whether to believe that."""

import argparse
import logging
import threading

from app.names import ProjectName
from jobs.exit_codes import RefusedError
from jobs.parts import Parts

logger = logging.getLogger("larder")

_FEW = 3
"""So many projects may go from a small mirror in one run without anybody's word."""


class Gone:
    """What the steps of one run found gone; they run side by side."""

    def __init__(self, parts: Parts, options: argparse.Namespace) -> None:
        """Know of none yet."""
        self._parts, self._options = parts, options
        self._counting = threading.Lock()
        self._found: list[tuple[ProjectName, int | None]] = []

    def note(self, name: ProjectName, serial: int | None) -> None:
        """Note that a page was not there, and at which serial upstream's list named it."""
        with self._counting:
            self._found.append((name, serial))

    def remove(self) -> None:
        """Remove what answered 404, unless it is upstream that is not what it was.

        Raises:
            RefusedError: It is; nothing was removed.

        """
        count = len(self._found)
        if self._doubtful(count) and not self._options.accept_removals:
            raise RefusedError(
                f"{count} projects that are here are not at "
                f"{self._parts.config.upstream.pypi_url}; they were kept. Correct "
                "upstream.pypi_url, or, if that is right, run again with --accept-removals"
            )
        for name, serial in self._found:
            self._parts.index.remove(name, serial)
            logger.info("removed %s: upstream has it no more", name)

    def _doubtful(self, count: int) -> bool:
        """Whether it is more likely that the URL is another index's than that all are gone."""
        if count > self._parts.config.sync.max_removals:
            return True
        if 2 * count <= self._parts.store.count_tracked():
            return False
        # A few may well be most of a small mirror, if there is an index at all.
        return count > _FEW or not self._parts.upstream.has_index()
