"""Entry point of `larder status`."""

import argparse
import json
import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from app.config import Config
from app.store import Store, StoreBusyError, StoreError, TrackedProject
from jobs.exit_codes import ExitCode, JobError, TryLaterError, UsageError
from jobs.harness import add_config_option, read_config, set_up_logging
from jobs.parts import Parts
from jobs.served import Traffic, served
from jobs.upstream_list import kept_list, refused_names

logger = logging.getLogger("larder")

_SHOWN = 20
"""Failing projects that a terminal shows; `--json` has them all."""


@dataclass(frozen=True, slots=True)
class FailingProject:
    """A project that could not be brought in step."""

    project: str
    # stale, missing, busy, unavailable, untrusted or local; what to do for each stands in
    # docs/operations.md.
    kind: str
    reason: str
    # For how long, and whether that is longer than `sync.stuck_after`.
    seconds: int
    stuck: bool
    tries: int


@dataclass(frozen=True, slots=True)
class TierUse:
    """What one tier holds, in bytes."""

    path: str
    files: int
    bytes: int
    limit: int


@dataclass(frozen=True, slots=True)
class Status:
    """What `larder status` tells."""

    projects: int
    # Of those, the ones that filters hide.
    hidden: int
    # The highest serial of the pages here, and of the last list that was carried out.
    serial: int | None
    upstream_serial: int | None
    failing: list[FailingProject]
    # What upstream lists and larder takes for no project's name.
    refused_names: list[str]
    tiers: list[TierUse]
    # Votes that were taken and never counted, since the database was made.
    lost_votes: int
    traffic: list[Traffic]


def run(arguments: Sequence[str] | None = None) -> int:
    """Say how fresh the mirror is, what it holds, and what is stuck; return the exit code."""
    options = _parser().parse_args(arguments)
    set_up_logging(options)
    try:
        status = _status(read_config(options.config), int(time.time()))
    except JobError as error:
        logger.error("status: %s", error)
        return error.code
    if options.json:
        print(json.dumps(asdict(status)))
    else:
        _show(status, Console())
    return ExitCode.DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="larder status",
        description="Say how fresh the mirror is, what it holds, and which projects are stuck.",
    )
    add_config_option(parser)
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    parser.set_defaults(verbose=False, quiet=False)
    return parser


def _status(config: Config, now: int) -> Status:
    try:
        return _gather(config, Parts(config), now)
    except StoreBusyError as error:
        raise TryLaterError(str(error)) from error
    except StoreError as error:
        raise UsageError(str(error)) from error


def _gather(config: Config, parts: Parts, now: int) -> Status:
    store = parts.store
    bound = config.sync.stuck_after
    return Status(
        projects=store.count_tracked(),
        hidden=store.count_hidden(),
        serial=store.last_serial(),
        upstream_serial=kept_list(store).known,
        failing=[_failing(project, now, bound) for project in store.failing()],
        refused_names=refused_names(store),
        tiers=_tiers(config, store),
        lost_votes=parts.lost_votes.count(),
        traffic=served(store, now),
    )


def _failing(project: TrackedProject, now: int, bound: int) -> FailingProject:
    seconds = now - (project.failing_since or now)
    return FailingProject(
        project.name,
        project.failure_kind or "",
        project.failure or "",
        seconds,
        seconds > bound,
        project.tries,
    )


def _tiers(config: Config, store: Store) -> list[TierUse]:
    held = store.held_by_tier()
    return [
        TierUse(str(tier.path), *held.get(str(tier.path), (0, 0)), tier.size_limit)
        for tier in config.cache.tiers
    ]


def _show(status: Status, console: Console) -> None:
    serial = "none" if status.serial is None else status.serial
    console.print(f"{status.projects} projects, last serial {serial}")
    if status.hidden:
        console.print(f"{status.hidden} of them are hidden by filters")
    if status.upstream_serial is not None:
        console.print(f"in step with upstream's list at serial {status.upstream_serial}")
    for tier in status.tiers:
        used = f"{decimal(tier.bytes)} of {decimal(tier.limit)}"
        console.print(f"{tier.path}: {tier.files} files, {used}", soft_wrap=True)
    for one in status.traffic:
        console.print(str(one), soft_wrap=True, markup=False)
    if status.lost_votes:
        console.print(f"{status.lost_votes} votes were lost")
    if status.refused_names:
        names = ", ".join(map(repr, status.refused_names))
        console.print(f"not names of projects: {names}", soft_wrap=True, markup=False)
    if status.failing:
        console.print(_failing_table(status.failing[:_SHOWN]))
    if len(status.failing) > _SHOWN:
        console.print(f"and {len(status.failing) - _SHOWN} more; --json has them all")


def _failing_table(failing: Sequence[FailingProject]) -> Table:
    table = Table("project", "since", "tries", "kind", "reason")
    for one in failing:
        since = f"{one.seconds // 60} min" + (" (stuck)" if one.stuck else "")
        # Reasons quote what upstream sends: nothing in them is markup.
        reason = one.reason.replace("[", r"\[")
        table.add_row(one.project, since, str(one.tries), one.kind, reason)
    return table


if __name__ == "__main__":
    sys.exit(run())
