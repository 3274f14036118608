"""Entry point of `larder move`."""

import sys
from collections.abc import Sequence

from app.planning import Wished
from app.steps import Step
from jobs.harness import Job, main


class MoveFiles(Job):
    """Carry out the wish: fetch, promote, demote and evict files, checking every byte."""

    name = "move"

    def plan(self) -> Sequence[Step]:
        """Return what leads from the disks, as they are found, to the wish."""
        survey = self.parts.holdings.survey()
        wish = {
            path: Wished(rank, score)
            for path, (rank, score) in self.parts.store.wish().items()
            if rank < len(self.parts.config.cache.tiers)
        }
        return [*survey.repairs, *self.parts.wishing.steps(wish, survey)]

    def execute(self, step: Step) -> None:
        """Carry out one step."""
        self.parts.holdings.execute(step)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the job from the command line; return its exit code."""
    return main(MoveFiles, arguments)


if __name__ == "__main__":
    sys.exit(run())
