"""Entry point of `larder sync`: cron's one line."""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from typing import Any

from app.config import Config
from jobs.clean import CleanUp
from jobs.exit_codes import ExitCode, JobError
from jobs.hands import own_fault
from jobs.harness import (
    Job,
    Stop,
    job_parser,
    print_line,
    read_config,
    run_job,
    set_up_logging,
)
from jobs.move import MoveFiles
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
        results = [_run_one(kind, config, options, stop) for kind in ORDER if not stop.asked()]
    if options.json:
        print_line(json.dumps([data for _, data in results]))
    return stop.exit_code or max((code for code, _ in results), key=_GRAVITY.index)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line: that of `sync-index`, which has most options."""
    found = job_parser(SyncIndex)
    found.prog = "larder sync"
    found.description = "Run sync-index, score, move and clean, in that order."
    return found


def _run_one(
    kind: type[Job], config: Config, options: argparse.Namespace, stop: Stop
) -> tuple[ExitCode, dict[str, Any]]:
    """Return a job's code and, as data, its report, its plan, or why there is neither."""
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
        return outcome.code, outcome.report.data()
    return outcome.code, {"job": kind.name, "plan": outcome.data()}


def _failed(kind: type[Job], code: ExitCode, why: str) -> tuple[ExitCode, dict[str, Any]]:
    logger.error("%s: %s", kind.name, why)
    return code, {"job": kind.name, "error": why}


if __name__ == "__main__":
    sys.exit(run())
