"""The list of projects: rendered from the store as a stream, and only when it changes."""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import islice

from app import pages
from app.names import ProjectName
from app.store import Store
from app.tree import Pages, PageTree

_CHUNK = 5000


class Roots:
    """The root pages, and the store that they list."""

    def __init__(self, store: Store, tree: PageTree) -> None:
        """Keep these in step."""
        self._store, self._tree = store, tree

    def differs(self) -> bool:
        """Whether the root pages list other than the store does."""
        return self._tree.root_mark() != self._mark()

    def write(self) -> None:
        """Write the root pages anew, if they differ; in constant memory."""
        mark, last = self._mark(), self._store.last_serial()
        if self._tree.root_mark() == mark:
            return
        rendered = Pages(
            html=pages.render_root_html(self._store.each_listed(), last),
            json=pages.render_root_json(self._store.each_listed(), last),
        )
        self._tree.write_root(rendered, mark)

    def _mark(self) -> str:
        """Return what tells one list of projects from another."""
        digest = blake2b(digest_size=16)
        for chunk in _chunks(self._store.each_listed()):
            digest.update("".join([f"{name} {serial}\n" for name, serial in chunk]).encode())
        return digest.hexdigest()


def _chunks(
    entries: Iterable[tuple[ProjectName, int | None]],
) -> Iterator[list[tuple[ProjectName, int | None]]]:
    stream = iter(entries)
    while chunk := list(islice(stream, _CHUNK)):
        yield chunk
