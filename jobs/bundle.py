"""Entry point of `larder bundle`."""

import argparse
import logging
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path

from app.bundle import (
    Bundle,
    BundleError,
    Draft,
    Gatherer,
    GatheringError,
    KeyFileError,
    Ledger,
    Order,
    Sender,
    Signer,
    new_key,
    write,
)
from app.config.values import InvalidValueError, parse_size
from app.fetching import StoppedError
from app.locks import LockTimeoutError
from app.steps import Step, WriteBundle
from jobs.exit_codes import ExitCode, JobError, TryLaterError, UsageError
from jobs.harness import Job, job_parser, main, set_up_logging
from jobs.parts import tiers

logger = logging.getLogger("larder")

_LEAST = 1 << 16
"""Bytes of a part: with fewer, there would be no end of parts."""


class WriteOne(Job):
    """Write the mirror's pages and held files as a bundle, to be carried across an air gap."""

    name = "bundle"

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Add what is written, and how."""
        parser.add_argument(
            "-o", "--output", metavar="DIR|FILE.tar", type=Path, help="where the bundle goes"
        )
        parser.add_argument(
            "--since",
            metavar="BASE",
            type=Path,
            help="write only what changed since this earlier bundle",
        )
        parser.add_argument(
            "--split", metavar="SIZE", help="cut FILE.tar into parts of so many bytes: 4g"
        )
        parser.add_argument(
            "--key", metavar="FILE", type=Path, help="the private key to sign it with"
        )
        parser.add_argument(
            "--new-key", metavar="FILE", type=Path, help="make a key, and do nothing else"
        )

    def plan(self) -> Sequence[Step]:
        """Return the one step; a dry run counts what it would bring."""
        order = self._order()
        if not self.options.dry_run:
            return [WriteBundle(str(order.target))]
        ledger = Ledger(":memory:")
        try:
            self._follow(ledger)
            self._gather(Gatherer(self._sender, ledger, None, self.parts.stopping))
            return [WriteBundle(str(order.target), *ledger.totals())]
        finally:
            ledger.close()

    def execute(self, step: Step) -> None:
        """Write it."""
        if not isinstance(step, WriteBundle):
            message = f"{step!r} is no step of this job"
            raise TypeError(message)
        order = self._order()
        with ExitStack() as stack:
            draft = Draft(order.target)
            stack.callback(draft.discard)
            self._follow(draft.ledger)
            gatherer = Gatherer(self._sender, draft.ledger, draft.copies, self.parts.stopping)
            self._gather(gatherer)
            if not write(draft, order, gatherer.root_serial(), self.parts.stopping):
                raise StoppedError
            what = "wrote %s: %d files, %d bytes, %d deletions"
            logger.info(what, order.first, *draft.ledger.totals())

    def _gather(self, gatherer: Gatherer) -> None:
        try:
            if not gatherer.gather():
                raise JobError("stopped")
        except GatheringError as error:
            raise JobError(str(error)) from error
        except LockTimeoutError as error:
            raise TryLaterError(str(error)) from error

    def _follow(self, ledger: Ledger) -> None:
        if self._base:
            ledger.follow(self._base.entries())

    @property
    def _sender(self) -> Sender:
        parts = self.parts
        return Sender(
            parts.config.repo_path,
            parts.store,
            parts.tree,
            parts.index.locks,
            {tier.root: tier.rank for tier in tiers(parts.config)},
            parts.config.timeouts.upstream,
        )

    @cached_property
    def _base(self) -> Bundle | None:
        """Return the bundle that this one follows; it is the operator's own, so it is trusted."""
        if self.options.since is None:
            return None
        try:
            return Bundle(self.options.since, lambda _header, _signature: None)
        except BundleError as error:
            raise UsageError(f"--since {self.options.since}: {error}") from error

    def _order(self) -> Order:
        """Return what is to be written.

        Raises:
            UsageError: It cannot be.

        """
        target, key = self.options.output, self.options.key
        if target is None:
            raise UsageError("where to? give -o DIR or -o FILE.tar")
        try:
            signer = Signer(key) if key else None
            split = parse_size(self.options.split) if self.options.split else None
        except (KeyFileError, InvalidValueError) as error:
            raise UsageError(str(error)) from error
        base = self._base.identity if self._base else None
        order = Order(target.absolute(), base, split, signer)
        if split is not None and (order.whole or split < _LEAST):
            raise UsageError(f"--split cuts a FILE.tar into parts of {_LEAST} bytes or more")
        for place in (order.target, order.first):
            if place.exists() or place.is_symlink():
                raise UsageError(f"{place} is there already")
        if not target.absolute().parent.is_dir():
            raise UsageError(f"there is no folder {target.parent}")
        return order


def make_key(place: Path) -> int:
    """Make a key, and print its public half; return the exit code."""
    try:
        print(new_key(place), end="")
    except KeyFileError as error:
        logger.error("bundle: %s", error)
        return ExitCode.USAGE
    logger.info("the private key is in %s; load with --key %s.pub", place, place)
    return ExitCode.DONE


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the job from the command line; return its exit code."""
    options = job_parser(WriteOne).parse_args(arguments)
    if options.new_key is not None:
        # That needs no mirror.
        set_up_logging(options)
        return make_key(options.new_key)
    return main(WriteOne, arguments)


if __name__ == "__main__":
    sys.exit(run())
