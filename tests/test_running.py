"""Carrying out a plan: what one failed step does to the others."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from app.names import ProjectName
from app.steps import RevalidateProject, Step
from jobs.exit_codes import ExitCode
from jobs.running import Runner


@dataclass
class Faulty:
    """A job with a fault in one of its steps."""

    name: str = "faulty"
    telling: tuple[type[Exception], ...] = (KeyError,)
    left: int = 0
    tried: list[str] = field(default_factory=list)

    def execute(self, step: Step) -> None:
        """Fail as no step may."""
        assert isinstance(step, RevalidateProject)
        self.tried.append(step.project)
        if step.project == "bb":
            raise KeyError("bb")

    def conclude(self, report: object) -> None:
        """Add nothing."""


class Records(logging.Handler):
    """What was logged."""

    def __init__(self) -> None:
        """Nothing yet."""
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Remember a record."""
        self.records.append(record)


@pytest.fixture
def log() -> Iterator[Records]:
    """Catch what `larder` logs."""
    logger, records = logging.getLogger("larder"), Records()
    level = logger.level
    logger.addHandler(records)
    logger.setLevel(logging.DEBUG)
    yield records
    logger.setLevel(level)
    logger.removeHandler(records)


def test_a_fault_of_larders_own_costs_one_step(log: Records) -> None:
    """The others are done, the code is 1, and the line asks for a report."""
    job = Faulty()
    steps = [RevalidateProject(ProjectName(name)) for name in ("aa", "bb", "cc")]
    report = Runner(job, 1, lambda: False).run(steps, give_up_after=5)
    assert ["aa", "bb", "cc"] == job.tried
    assert ExitCode.FAILED_STEPS == report.exit_code
    (told,) = [record for record in log.records if record.levelno == logging.ERROR]
    expected = "could not revalidate bb: larder's own fault, please report: KeyError: 'bb'"
    assert expected == told.getMessage()
    (traced,) = [record for record in log.records if record.exc_info]
    assert logging.DEBUG == traced.levelno
