"""Entry point of `larder read-spool`: what `score` begins with, by itself."""

import sys
from collections.abc import Sequence

from app.steps import ReadSpool, ReadTraffic, SettleVotes, Step
from jobs.harness import Job, main
from jobs.parts import Parts


class SpoolReading(Job):
    """Count what nginx wrote by itself, votes and answers, and what killed workers have lost."""

    name = "read-spool"

    def plan(self) -> Sequence[Step]:
        """Return what there is to read, and whom to settle."""
        return intake(self.parts)

    def execute(self, step: Step) -> None:
        """Carry out one step."""
        if not take_in(self.parts, step):
            message = f"{step!r} is no step of this job"
            raise TypeError(message)


def intake(parts: Parts) -> Sequence[Step]:
    """Return what is to be done before all votes, and all answers, are in the database."""
    votes, answers = parts.spool.pending(), parts.traffic_spool.pending()
    workers, lost = parts.lost_votes.unsettled()
    steps: list[Step] = [ReadSpool(votes)] if votes else []
    steps += [ReadTraffic(answers)] if answers else []
    return [*steps, SettleVotes(workers, lost)] if workers else steps


def take_in(parts: Parts, step: Step) -> bool:
    """Carry out a step of the intake; return whether it was one."""
    match step:
        case ReadSpool():
            parts.spool.read()
        case ReadTraffic():
            parts.traffic_spool.read()
        case SettleVotes():
            parts.lost_votes.settle()
        case _:
            return False
    return True


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the job from the command line; return its exit code."""
    return main(SpoolReading, arguments)


if __name__ == "__main__":
    sys.exit(run())
