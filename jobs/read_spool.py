"""Entry point of `larder read-spool`."""

import sys
from collections.abc import Sequence

from app.steps import ReadSpool, SettleVotes, Step
from jobs.harness import Job, main


class SpoolRead(Job):
    """Count the votes that nginx wrote by itself, and those that killed workers have lost."""

    name = "read-spool"

    def plan(self) -> Sequence[Step]:
        """Return what there is to read, and whom to settle."""
        pending = self.parts.spool.pending()
        workers, lost = self.parts.lost_votes.unsettled()
        spool: list[Step] = [ReadSpool(pending)] if pending else []
        return [*spool, SettleVotes(workers, lost)] if workers else spool

    def execute(self, step: Step) -> None:
        """Carry out one step."""
        match step:
            case ReadSpool():
                self.parts.spool.read()
            case SettleVotes():
                self.parts.lost_votes.settle()
            case _:
                message = f"{step!r} is no step of this job"
                raise TypeError(message)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the job from the command line; return its exit code."""
    return main(SpoolRead, arguments)


if __name__ == "__main__":
    sys.exit(run())
