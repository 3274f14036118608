"""Entry point of `larder score`."""

import sys
import time
from collections.abc import Mapping, Sequence

from app.names import FilePath
from app.planning import Wished
from app.steps import AskSize, ReadSpool, Step, StoreWish
from app.upstream import UpstreamError
from jobs.exit_codes import JobError
from jobs.harness import Job, main


class Score(Job):
    """Count the votes, ask for missing sizes, and decide which files should be here."""

    name = "score"

    def plan(self) -> Sequence[Step]:
        """Return the spool to read, the sizes to ask for, and the wish as it stands."""
        now, store = int(time.time()), self.parts.store
        pending = self.parts.spool.pending()
        spool: list[Step] = [ReadSpool(pending)] if pending else []
        transfers = self.parts.releases.transfers(now)
        heirs: list[Step] = [HandOn(len(transfers))] if transfers or not releases.begun else []
        cache = self.parts.config.cache
        unsized = store.unsized(cache.min_vote_count, now - cache.size_db_ttl)
        sizes = [AskSize(file.path) for file in unsized]
        return [*spool, *heirs, *sizes, self._store_wish(*self._wish())]

    def _ask_size(self, path: FilePath) -> None:
        """Ask each place in turn; what none of them tells is asked again after a while."""
        file = self.parts.store.file(path)
        if file is None:
            return
        size, problem = None, None
        for url in self.parts.upstream.url_of(path, file.origin):
            try:
                size = self.parts.upstream.file_size(url)
            except UpstreamError as error:
                problem = error
            if size is not None:
                break
        self.parts.store.set_size(path, size, int(time.time()))
        if size is None:
            raise problem or JobError(f"no file host tells the size of {path}")


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the job from the command line; return its exit code."""
    return main(Score, arguments)


if __name__ == "__main__":
    sys.exit(run())
