"""Carrying out a plan: what one failed step does to the others."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import overload

import pytest

from app.names import ProjectName
from app.steps import RenderProject, RevalidateProject, Step
from app.store import StoreAwayError
from app.upstream import UpstreamUnavailable
from jobs.exit_codes import ExitCode
from jobs.running import Runner


@dataclass
class Faulty:
    """A job with a fault in one of its steps."""

    name: str = "faulty"
    telling: tuple[type[Exception], ...] = (UpstreamUnavailable,)
    left: int = 0
    tried: list[str] = field(default_factory=list)

    def execute(self, step: Step) -> None:
        """Fail as no step may."""
        assert isinstance(step, RevalidateProject)
        self.tried.append(step.project)
        if step.project == "bb":
            raise KeyError("bb")

    def failed(self, step: Step, error: Exception) -> None:
        """Do nothing about it."""

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


def test_steps_are_made_when_they_are_taken() -> None:
    """A first sync has a million of them; those that a stop leaves are counted all the same."""
    made: list[Step] = []

    class Endless(Sequence[Step]):
        @overload
        def __getitem__(self, index: int) -> Step: ...

        @overload
        def __getitem__(self, index: slice) -> list[Step]: ...

        def __getitem__(self, index: int | slice) -> Step | list[Step]:
            if isinstance(index, slice) or index >= len(self):
                raise IndexError(index)
            step = RevalidateProject(ProjectName(f"p{index}"))
            made.append(step)
            return step

        def __len__(self) -> int:
            return 1000

    job = Faulty()
    before: list[int] = []

    def stopping() -> bool:
        before.append(len(made))
        return len(job.tried) >= 3

    report = Runner(job, 1, stopping).run(Endless(), give_up_after=5)
    assert (1000, 997, 997) == (report.steps, report.left, job.left)
    assert max(before) <= 4


@dataclass
class Cut(Faulty):
    """A job whose upstream is away."""

    def execute(self, step: Step) -> None:
        """Fail where upstream is asked."""
        assert isinstance(step, RevalidateProject | RenderProject)
        self.tried.append(step.project)
        if step.asks:
            raise UpstreamUnavailable("https://example.org/", "is away")


def test_steps_that_do_not_ask_upstream_are_done_without_it() -> None:
    """They do not make it look reachable, and it is asked no more than the bound says."""
    job = Cut()
    names = [ProjectName(name) for name in ("aa", "bb", "cc", "dd")]
    steps = [*map(RevalidateProject, names), *map(RenderProject, names)]
    report = Runner(job, 1, lambda: False).run(steps, give_up_after=2)
    assert ["aa", "bb", "aa", "bb", "cc", "dd"] == job.tried
    assert (4, 2, 2) == (report.done["render"], len(report.failures), report.left)
    assert ExitCode.TRY_LATER is report.exit_code


def test_nothing_more_is_tried_once_the_database_is_away() -> None:
    """Neither steps that ask upstream nor others: the run ends 75, the next one does the rest."""

    class Away(Faulty):
        def execute(self, step: Step) -> None:
            assert isinstance(step, RevalidateProject)
            self.tried.append(step.project)
            if step.project == "bb":
                raise StoreAwayError("no server")

    job = Away()
    steps = [RevalidateProject(ProjectName(name)) for name in ("aa", "bb", "cc", "dd")]
    report = Runner(job, 1, lambda: False).run(steps, give_up_after=5)
    assert ["aa", "bb"] == job.tried
    assert (ExitCode.TRY_LATER, 2) == (report.exit_code, report.left)
