"""Entry point of `larder move`."""

import logging
import sys
from collections.abc import Sequence
from typing import ClassVar

from app.locks import LockTimeoutError
from app.names import FilePath
from app.planning import Joined
from app.steps import Fetch, Step
from app.tiers import WrongContentError
from app.upstream import UpstreamError
from jobs.harness import Job, main

logger = logging.getLogger("larder")


class MoveFiles(Job):
    """Carry out the wish: fetch, promote, demote and evict files, checking every byte."""

    name = "move"
    # Wrong bytes and files that are not there are failed downloads as well.
    telling: ClassVar[tuple[type[Exception], ...]] = (UpstreamError, WrongContentError)

    def plan(self) -> Sequence[Step]:
        """Return what leads from the disks, as they are found, to the wish."""
        survey = self.parts.holdings.survey()
        wishing = self.parts.wishing
        return Joined(survey.repairs, wishing.steps(wishing.stored(), survey))

    def execute(self, step: Step) -> None:
        """Carry out one step."""
        self.parts.holdings.execute(step)
        if isinstance(step, Fetch):
            self._keep_provenance(step.path)

    def _keep_provenance(self, path: FilePath) -> None:
        """Keep the provenance of a file that is here now; else who asks for it fetches it."""
        try:
            self.parts.documents.keep_beside(path)
        except (UpstreamError, LockTimeoutError, OSError) as error:
            logger.warning("no provenance of %s: %s", path, error)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the job from the command line; return its exit code."""
    return main(MoveFiles, arguments)


if __name__ == "__main__":
    sys.exit(run())
