"""Entry point of `larder score`."""

import argparse
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from app.bounds import Keep
from app.names import FilePath
from app.steps import AskSize, Fetch, HandOn, ReadSpool, ReadTraffic, SettleVotes, Step, StoreWish
from app.upstream import UpstreamError
from jobs.exit_codes import JobError
from jobs.harness import Job, main
from jobs.questions import Questions
from jobs.read_spool import intake, take_in

logger = logging.getLogger("larder")


class Score(Job):
    """Count the votes, ask for missing sizes, and decide which files should be here."""

    name = "score"

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Add the questions that may be asked."""
        parser.add_argument(
            "--explain",
            metavar="FILE",
            help="say what decides about a file, by its name or its path below /packages/",
        )
        parser.add_argument(
            "--what-if",
            metavar="KEY=VALUE",
            action="append",
            default=[],
            help="say how much another cache would answer, by the votes seen: "
            "size_limit=2t, filesize_limit=1g, min_vote_count=1",
        )

    def answer(self) -> Sequence[Mapping[str, Any]]:
        """Answer the questions, if any was asked."""
        if not (self.options.explain or self.options.what_if):
            return ()
        return Questions(self.parts, int(time.time())).answer(self.options)

    def plan(self) -> Sequence[Step]:
        """Return the votes to take in, the sizes to ask for, and the wish as it stands."""
        now, cache = int(time.time()), self.parts.config.cache
        # Here already, so that a tier that is not there ends the run before its first step.
        self._survey = self.parts.holdings.survey()
        transfers = self.parts.releases.plan(now)
        releases: list[Step] = [] if transfers is None else [HandOn(len(transfers))]
        store, asked_before = self.parts.store, now - cache.size_db_ttl
        everything = self.parts.config.keep is Keep.ALL
        unsized = chain(
            store.unsized(cache.min_vote_count, asked_before),
            store.unsized_unvoted(asked_before, everything=everything),
        )
        sizes = [AskSize(path) for path in dict.fromkeys(file.path for file in unsized)]
        return [*intake(self.parts), *releases, *sizes, self._plan_wish(now)]

    def execute(self, step: Step) -> None:
        """Carry out one step; the wish is computed anew from what is known by then."""
        now = int(time.time())
        match step:
            case ReadSpool() | ReadTraffic() | SettleVotes():
                take_in(self.parts, step)
            case HandOn():
                self.parts.releases.hand_on(now)
            case AskSize(path):
                self._ask_size(path)
            case StoreWish():
                self._store_wish(now)
            case _:
                message = f"{step!r} is no step of this job"
                raise TypeError(message)

    def _plan_wish(self, now: int) -> StoreWish:
        """Return the last step; only a dry run says beforehand what it will come to."""
        if not self.options.dry_run:
            return StoreWish()
        wishing, survey = self.parts.wishing, self._survey
        wish = dict(wishing.wish(survey, now))
        paths = list(self.parts.store.paths(list(wish)))
        steps = wishing.steps({path: wish[file] for file, path in paths}, survey)
        files = len(wish)
        if self.parts.config.keep is Keep.ALL:
            # What is here and has no votes stays; of the steps, those beyond the wish fetch.
            wished = {path for _, path in paths}
            here = survey.holdings.keys()
            files += len(here - wished)
            files += sum(isinstance(step, Fetch) and step.path not in wished for step in steps)
        return StoreWish(files, steps)

    def _store_wish(self, now: int) -> None:
        self.parts.store.keep_heat(self.parts.config.cache.decay.half_life, now)
        wish = self.parts.wishing.wish(self._survey, now)
        rows = [(file, wished.rank, wished.score) for file, wished in wish]
        self.parts.wishing.put_down(rows)
        logger.info("wished for %d files", len(rows))

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
