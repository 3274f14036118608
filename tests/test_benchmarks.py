"""The benchmarks run, on a handful of projects; how long they take is not looked at."""

from pathlib import Path

import pytest

from tests.benchmarks import file_moves, index_scale, index_sync, keep_scale, serving, unheld, votes

pytestmark = pytest.mark.system


def test_the_first_sync_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also from far away, and with nothing or one project changed."""
    options = ["--projects", "40", "--rounds", "1", "--latency", "5", "--alone"]
    assert index_sync.main([*options, "--folder", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    for what in ("40 projects", "10 connections allow 2000 requests/s", "no change", "one changed"):
        assert what in said


def test_the_whole_list_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the plan of its first sync to one changed project."""
    assert index_scale.main(["--projects", "40", "--folder", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    for what in (
        "a first sync's plan",
        "plan, store and root",
        "no change",
        "one changed",
        "one, by the changelog",
    ):
        assert what in said


def test_votes_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    """Each way that a vote may take, with several workers; in a folder of a short name."""
    options = ["--votes", "200", "--probes", "5", "--workers", "2"]
    assert votes.main(options) == 0
    said = capsys.readouterr().out
    for what in ("patient, 2 workers:", "as shipped, 2 workers:", "log, 2 workers:", "store alone"):
        assert what in said


def test_serving_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    """Beside a plain nginx, with the app well, overloaded, hung and gone, and slow clients."""
    options = ["--small-client", "--rounds", "1", "--seconds", "0.1", "--slow", "20"]
    assert serving.main(options) == 0
    said = capsys.readouterr().out
    for what in (
        "a page, as a browser asks",
        "100 KB, its vote in the window",
        "5 MB",
        "every vote new, 1 app worker ",
        "a new vote adds to a download: p50",
        "the app overloaded",
        "the app hung",
        "the app stopped",
        "with 20 connections of slow clients on each",
        "0 were closed",
    ):
        assert what in said


def test_moves_and_fetches_are_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside what copies and downloads without looking at the bytes."""
    options = ["--files", "2", "--megabytes", "1", "--rounds", "1"]
    folders = ["--folder", str(tmp_path), "--source", str(tmp_path)]
    assert file_moves.main([*options, *folders]) == 0
    said = capsys.readouterr().out
    for what in ("2 files", "cp, flushed", "move beside cp"):
        assert what in said


def test_what_is_not_held_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    """Decisions, memory, and a stream beside one of nginx alone; in a folder of a short name."""
    options = ["--decisions", "200", "--megabytes", "1", "--rounds", "1", "--workers", "2"]
    assert unheld.main(options) == 0
    said = capsys.readouterr().out
    for what in ("redirect, 2 workers:", "proxy, 2 workers:", "memory, 2 workers:", "stream, 2"):
        assert what in said


def test_the_plan_of_everything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each file is a step."""
    assert keep_scale.main(["--files", "500", "--folder", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    for what in ("500 files, one in 50", "the wish of votes", "10 files", "the plan", "500 steps"):
        assert what in said
