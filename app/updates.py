"""Making fetched projects visible, several in one go."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.model import Project
from app.store import Rendered, Settled, Store, StoreBusyError, StoreError
from app.tree import PageTree, Staged


@dataclass(frozen=True, slots=True)
class Update:
    """A project, fetched or rendered anew, and its pages, which no reader sees yet."""

    project: Project
    settled: Settled | Rendered
    staged: Staged
    # Whether held files stay known that its page lists no more.
    keep_held: bool = False


class Updates:
    """Writes to the store and to the tree, in the one order that a kill does not hurt."""

    def __init__(self, store: Store, tree: PageTree) -> None:
        """Write there."""
        self._store, self._tree = store, tree

    def carry_out(self, updates: Sequence[Update]) -> Sequence[Exception | None]:
        """Make updates visible; return what went wrong with each.

        The files before the page, the serial after it: a reader of the page can use
        what it lists, and a kill in between leaves the project to be done again.
        """
        try:
            self._store.record_all([(update.project, update.keep_held) for update in updates])
        except StoreError as error:
            return self._one_by_one(updates, error)
        errors = self._tree.publish([update.staged for update in updates])
        self._store.settle_all(
            (update.project.name, update.settled)
            for update, error in zip(updates, errors, strict=True)
            if error is None
        )
        return errors

    def _one_by_one(
        self, updates: Sequence[Update], error: StoreError
    ) -> Sequence[Exception | None]:
        """Let only those fail that the store does not take."""
        if len(updates) > 1 and not isinstance(error, StoreBusyError):
            return [self.carry_out([update])[0] for update in updates]
        for update in updates:
            self._tree.discard(update.staged)
        return [error] * len(updates)
