"""The list of projects, as `sync-index` writes it at the end of a run."""

from itertools import tee

from app import pages
from app.tree import Pages
from jobs.parts import Parts


class RootList:
    """The root pages, written only where they would differ."""

    def __init__(self, parts: Parts) -> None:
        """Remember the parts; nothing is opened yet."""
        self._parts = parts

    def differs(self) -> bool:
        """Whether the pages on disk are of another list, or another format."""
        return self._parts.root.mark() != self._mark()

    def write(self) -> None:
        """Write both pages, where they differ."""
        mark = self._mark()
        if self._parts.root.mark() == mark:
            return
        last = self._parts.store.last_serial()
        # Read once, for both pages: they are written side by side.
        html, json = tee(self._parts.store.listed())
        rendered = Pages(
            html=pages.render_root_html(html, last),
            json=pages.render_root_json(json, last),
            serial=last,
        )
        self._parts.root.write(rendered, mark)

    def _mark(self) -> str:
        return f"{self._parts.store.index_mark()} {self._parts.index.mark}"
