"""Entry point of `larder verify`."""

import argparse
import sys
from collections.abc import Sequence
from functools import cached_property

from app.scrubbing import Scrub, ScrubPolicy
from app.steps import Step, Verify
from jobs.harness import Job, main
from jobs.parts import tiers
from jobs.running import Report

_TURN = 300
"""Seconds that a run may read for: `up` has one job at a time, and others wait."""

_SLACK = 1.5
"""A run's share is larger than it need be, so that a missed run is made up for."""


class VerifyFiles(Job):
    """Hash held files again, those first that were not for longest.

    Each run does the share that is due, so that `verify.every` is kept.
    """

    name = "verify"

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Add the word for somebody who does not trust a disk any more."""
        parser.add_argument("--all", action="store_true", help="every held file, due or not")

    def plan(self) -> Sequence[Step]:
        """Return the files that are due, as far as this run goes."""
        return list(self._scrub.due())

    def execute(self, step: Step) -> None:
        """Hash one file."""
        if not isinstance(step, Verify):
            message = f"{step!r} is no step of this job"
            raise TypeError(message)
        self._scrub.verify(step)

    def conclude(self, report: Report) -> None:
        """Say when `verify.every` is not kept."""
        if not report.left and not self.options.all and (late := self._scrub.overdue()):
            report.problems.append(
                f"{late} held files were not hashed within verify.every; let `larder verify` "
                "run more often, or raise verify.bandwidth"
            )

    @cached_property
    def _scrub(self) -> Scrub:
        wanted, parts = self.parts.config.verify, self.parts
        policy = ScrubPolicy(wanted.every, wanted.bandwidth, self._share())
        if self.options.all:
            policy = ScrubPolicy(0, wanted.bandwidth)
        return Scrub(parts.store, tiers(parts.config), policy, parts.stopping)

    def _share(self) -> int:
        """Return the bytes that one run may read: its turn's, or more where it must."""
        wanted, interval = self.parts.config.verify, self.parts.config.schedule.verify
        needed = _SLACK * 2 * self.parts.store.held_bytes() * interval / wanted.every
        return max(_TURN * wanted.bandwidth, int(needed))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the job from the command line; return its exit code."""
    return main(VerifyFiles, arguments)


if __name__ == "__main__":
    sys.exit(run())
