"""What became of a job, as JSON."""

import json
from itertools import islice, repeat
from types import SimpleNamespace
from typing import Any, cast

from app.names import ProjectName
from app.planning import ProjectSteps
from jobs.exit_codes import ExitCode
from jobs.outcome import Outcome, json_list
from jobs.running import Report


def whole(outcome: Outcome) -> Any:  # noqa: ANN401  JSON is anything
    """Return all of it."""
    return json.loads("".join(outcome.json()))


def test_a_plan_is_a_list_of_its_steps() -> None:
    """An empty one likewise; a report and an answer are as they are."""
    steps = ProjectSteps([], {ProjectName(name): 7 for name in ("aa", "bb")})
    assert [step.data() for step in steps] == whole(Outcome(ExitCode.DONE, plan=steps))
    assert "[]" == "".join(Outcome(ExitCode.DONE).json())
    report = Report("score", 0)
    assert report.data() == whole(Outcome(ExitCode.DONE, report=report))
    assert [{"a": 1}] == whole(Outcome(ExitCode.DONE, answer=[{"a": 1}]))
    assert "[[], [1]]" == "".join(json_list([["[]"], ["[", "1", "]"]]))


def test_a_plan_is_printed_as_it_is_made() -> None:
    """Nothing waits for its end, which this one does not have."""
    endless = cast("Any", repeat(SimpleNamespace(data=lambda: {"step": "add"})))
    pieces = islice(Outcome(ExitCode.DONE, plan=endless).json(), 4)
    assert '[{"step": "add"}, {"step": "add"}' == "".join(pieces)
