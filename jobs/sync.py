"""Entry point of `larder sync`: cron's one line."""

import argparse
import json
import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from app.config import Config
from jobs.clean import CleanUp
from jobs.exit_codes import ExitCode, JobError
from jobs.hands import own_fault
from jobs.harness import (
    Job,
    Stop,
    job_parser,
    read_config,
    run_job,
    set_up_logging,
)
from jobs.move import MoveFiles
from jobs.outcome import json_list, print_pieces
from jobs.score import Score
from jobs.sync_index import SyncIndex

logger = logging.getLogger("larder")

ORDER: tuple[type[Job], ...] = (SyncIndex, Score, MoveFiles, CleanUp)

# The gravest code of the four is the whole run's: an operator should look at a refusal
# before a failed step, and at that before something that may pass by itself.
_GRAVITY = (
    ExitCode.DONE,
    ExitCode.TRY_LATER,
    ExitCode.FAILED_STEPS,
    ExitCode.REFUSED,
    ExitCode.USAGE,
)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the four jobs in their order, each whatever became of the one before."""
    options = parser().parse_args(arguments)
    set_up_logging(options)
    stop = Stop()
    with stop.listening():
        try:
            config = read_config(options.config)
        except JobError as error:
            logger.error("sync: %s", error)
            return error.code
        codes: list[ExitCode] = []
        told = _run_each(config, options, stop, codes)
        if options.json:
            print_pieces(chain(json_list(told), "\n"))
        else:
            for _ in told:
                pass
    return stop.exit_code or max(codes, key=_GRAVITY.index)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line: that of `sync-index`, which has most options."""
    found = job_parser(SyncIndex)
    found.prog = "larder sync"
    found.description = "Run sync-index, score, move and clean, in that order."
    return found


def _run_each(
    config: Config, options: argparse.Namespace, stop: Stop, codes: list[ExitCode]
) -> Iterator[Iterable[str]]:
    """Run each job when the one before is told; yield its outcome as JSON, and note its code."""
    for kind in ORDER:
        if not stop.asked():
            code, told = _run_one(kind, config, options, stop)
            codes.append(code)
            yield told


def _run_one(
    kind: type[Job], config: Config, options: argparse.Namespace, stop: Stop
) -> tuple[ExitCode, Iterable[str]]:
    """Return a job's code and, as JSON, its report, its plan, or why there is neither."""
    # What a job may be asked alone stays as it is where nobody asks.
    own = argparse.Namespace(**{**vars(job_parser(kind).parse_args([])), **vars(options)})
    try:
        outcome = run_job(kind, config, own, stop)
    except JobError as error:
        return _failed(kind, error.code, str(error))
    except Exception as error:  # noqa: BLE001 - the other jobs do not depend on it.
        return _failed(kind, ExitCode.FAILED_STEPS, str(own_fault(error)))
    if not options.json:
        outcome.print_plan()
    if outcome.report:
        return outcome.code, outcome.json()
    return outcome.code, chain([f'{{"job": "{kind.name}", "plan": '], outcome.json(), "}")


def _failed(kind: type[Job], code: ExitCode, why: str) -> tuple[ExitCode, Iterable[str]]:
    logger.error("%s: %s", kind.name, why)
    return code, [json.dumps({"job": kind.name, "error": why})]


if __name__ == "__main__":
    sys.exit(run())
