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
        now = int(time.time())
        pending = self.parts.spool.pending()
        spool: list[Step] = [ReadSpool(pending)] if pending else []
        wanted = self.parts.wishing.wanted(self.parts.wishing.popularity(now))
        asked_before = now - self.parts.config.cache.size_db_ttl
        sizes = [AskSize(file.path) for file in self.parts.store.unsized(wanted, asked_before)]
        return [*spool, *sizes, self._store_wish(*self._wish())]

    def execute(self, step: Step) -> None:
        """Carry out one step; the wish is computed anew from what is known by then."""
        match step:
            case ReadSpool():
                self.parts.spool.read()
            case AskSize(path):
                self._ask_size(path)
            case StoreWish():
                wish, _ = self._wish()
                self.parts.wishing.put_down(wish)
            case _:
                message = f"{step!r} is no step of this job"
                raise TypeError(message)

    def _wish(self) -> tuple[Mapping[FilePath, Wished], Sequence[Step]]:
        wishing, survey = self.parts.wishing, self.parts.holdings.survey()
        wish = wishing.wish(wishing.popularity(int(time.time())), survey)
        return wish, wishing.steps(wish, survey)

    def _store_wish(self, wish: Mapping[FilePath, Wished], steps: Sequence[Step]) -> StoreWish:
        size = sum(int(step.data().get("bytes", 0)) for step in steps if step.verb == "fetch")
        return StoreWish(len(wish), size, tuple(steps))

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
