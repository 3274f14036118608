"""Entry point of `larder load`."""

import argparse
import sys
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from app.bundle import Bundle, BundleError, check_signature
from app.bundle.taking import (
    DELETIONS,
    FACTS,
    FILES,
    PAGES,
    LoadedState,
    Receiver,
    Taking,
    refuse_wrong_base,
)
from app.fetching import StoppedError
from app.locks import FileLock
from app.steps import LoadPart, Step
from app.survey import survey
from app.tiers import Folder, open_folders
from jobs.exit_codes import JobError, RefusedError, UsageError
from jobs.harness import Job, main
from jobs.parts import tiers

_OTHERS = ("sync-index", "score", "move", "clean", "verify")
"""Jobs that change what a bundle changes: none runs meanwhile."""


class LoadBundle(Job):
    """Take in a bundle, after its signature, its base and every hash were checked."""

    name = "load"

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Add the bundle, and whose it must be."""
        parser.add_argument(
            "bundle", metavar="DIR|FILE.tar", type=Path, help="the bundle, or its first part (.000)"
        )
        trust = parser.add_mutually_exclusive_group()
        trust.add_argument("--key", metavar="FILE", type=Path, help="the sender's public key")
        trust.add_argument("--unsigned", action="store_true", help="check the hashes alone")

    def plan(self) -> Sequence[Step]:
        """Check the whole bundle, and return its parts.

        Raises:
            RefusedError: It is not what it must be, or not for this mirror.

        """
        if self.options.key is None and not self.options.unsigned:
            raise UsageError("whose bundle is it? give --key FILE, or --unsigned")
        if not self.options.dry_run:
            self._keep_others_out()
        try:
            refuse_wrong_base(self._bundle, self._state, self.parts.store.count_tracked())
            if (self._state.identity, self._state.loading) == (self._bundle.identity, None):
                return []
            self._bundle.check(self.parts.stopping)
            counts = self._taking.counts()
        except BundleError as error:
            raise RefusedError(f"{self.options.bundle}: {error}") from error
        if self.parts.stopping():
            raise JobError("stopped")
        return [LoadPart(part, *counts[part]) for part in (FACTS, FILES, PAGES, DELETIONS)]

    def execute(self, step: Step) -> None:
        """Take in one part; after one that failed, none."""
        if not isinstance(step, LoadPart):
            message = f"{step!r} is no step of this job"
            raise TypeError(message)
        if self._broken:
            raise StoppedError
        self._broken = True
        try:
            self._taking.take(step.part)
        except BundleError as error:
            raise RefusedError(str(error)) from error
        self._broken = False

    _broken = False

    def _keep_others_out(self) -> None:
        """Take the locks of the other jobs, until this process ends; raises LockedError."""
        self._locks = [FileLock(self.parts.run.job_lock(name)) for name in _OTHERS]
        for lock in self._locks:
            lock.__enter__()

    @cached_property
    def _bundle(self) -> Bundle:
        return Bundle(self.options.bundle, self._trust)

    def _trust(self, header: bytes, signature: bytes | None) -> None:
        if self.options.key is None:
            return
        try:
            check_signature(header, signature, self.options.key)
        except OSError as error:
            raise UsageError(f"{self.options.key}: {error.strerror}") from error

    @cached_property
    def _state(self) -> LoadedState:
        return LoadedState(self.parts.config.repo_path)

    @cached_property
    def _taking(self) -> Taking:
        parts = self.parts
        receiver = Receiver(
            parts.config.repo_path,
            parts.store,
            parts.tree,
            parts.index,
            self._folders,
            parts.config.timeouts.upstream,
            parts.stopping,
        )
        return Taking(receiver, self._bundle, self._state)

    def _folders(self) -> dict[int, Folder]:
        """Return the tiers, with what is in use of each."""
        folders = open_folders(tiers(self.parts.config), self.parts.config.cache.min_free)
        survey(self.parts.store, folders)
        return folders


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the job from the command line; return its exit code."""
    return main(LoadBundle, arguments)


if __name__ == "__main__":
    sys.exit(run())
