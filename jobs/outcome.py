"""What became of a job, and how it is printed: standard output is for this alone."""

import json
import logging
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from app.steps import Step
from jobs.exit_codes import ExitCode
from jobs.running import Report
from jobs.summary import Summary

logger = logging.getLogger("larder")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job: the plan of a dry run, the report of a run, or an answer."""

    code: ExitCode
    plan: Sequence[Step] = ()
    report: Report | None = None
    answer: Sequence[Mapping[str, Any]] = ()
    # What a plan or a run comes to, where the job tells it.
    summary: Summary | None = None

    def json(self) -> Iterator[str]:
        """Yield it as JSON, step by step: the plan of a first sync has a million of them."""
        if self.answer:
            yield json.dumps([dict(part) for part in self.answer])
        elif self.summary:
            steps = (
                self.report.data() if self.report else {"plan": [one.data() for one in self.plan]}
            )
            yield json.dumps(steps | self.summary.data())
        elif self.report:
            yield json.dumps(self.report.data())
        else:
            yield from json_list([json.dumps(step.data())] for step in self.plan)

    def print_plan(self) -> None:
        """Print a dry run's steps, or an answer; a report is a line of the log."""
        if self.summary:
            self.summary.print(Console(), files=self.report is None)
        if self.report or self.summary:
            return
        if self.answer:
            for number, part in enumerate(self.answer):
                if number:
                    print_line("")
                for key, value in part.items():
                    print_line(f"{key.replace('_', ' ')}: {_words(value)}")
            return
        for step in self.plan:
            print_line(str(step))
        number = len(self.plan)
        count = f"{number} step{'s' * (number != 1)}" if number else "nothing to do"
        logger.info("%s; nothing was changed", count)


def json_list(items: Iterable[Iterable[str]]) -> Iterator[str]:
    """Yield a list of JSON, each of whose items comes in pieces."""
    yield "["
    for number, item in enumerate(items):
        if number:
            yield ", "
        yield from item
    yield "]"


def print_line(line: str) -> None:
    """Print a line to standard output."""
    print(line)


def print_pieces(pieces: Iterable[str]) -> None:
    """Print to standard output what may be larger than memory."""
    for piece in pieces:
        sys.stdout.write(piece)


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
