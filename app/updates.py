"""Making fetched projects visible, several in one go."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.model import Project
from app.names import FilePath
from app.store import Rendered, Settled, Store, StoreBusyError, StoreError
from app.tree import PageTree, Staged


@dataclass(frozen=True, slots=True)
class Update:
    """A project, fetched or rendered anew, and its pages, which no reader sees yet."""

    # With all the files that upstream lists.
    project: Project
    settled: Settled | Rendered
    # None: filters hide it, and its pages go.
    staged: Staged | None
    # Whether held files stay known that its page lists no more.
    keep_held: bool = False
    # Those of the files that filters hide.
    hidden: frozenset[FilePath] = frozenset()


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
            self._store.record_all(
                [(update.project, update.keep_held) for update in updates],
                {update.project.name: update.hidden for update in updates if update.hidden},
            )
        except StoreError as error:
            return self._one_by_one(updates, error)
        errors = self._show(updates)
        self._store.settle_all(
            (update.project.name, update.settled)
            for update, error in zip(updates, errors, strict=True)
            if error is None
        )
        return errors

    def _show(self, updates: Sequence[Update]) -> Sequence[Exception | None]:
        """Put pages in place, and take those of hidden projects away."""
        staged = [update.staged for update in updates if update.staged]
        errors = iter(self._tree.publish(staged) if staged else ())
        return [next(errors) if update.staged else self._hide(update) for update in updates]

    def _hide(self, update: Update) -> Exception | None:
        try:
            self._tree.remove(update.project.name)
        except OSError as error:
            return error
        return None

    def _one_by_one(
        self, updates: Sequence[Update], error: StoreError
    ) -> Sequence[Exception | None]:
        """Let only those fail that the store does not take."""
        if len(updates) > 1 and not isinstance(error, StoreBusyError):
            return [self.carry_out([update])[0] for update in updates]
        for update in updates:
            if update.staged:
                self._tree.discard(update.staged)
        return [error] * len(updates)
