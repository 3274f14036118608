"""The index's numbers for Prometheus, from a real database."""

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.model import Project
from app.names import ProjectName
from app.store import Failure, Settled, Store
from app.web.metrics import Metrics
from app.web.standing import Standing


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return a database with a project in step, one that fails, and one that is stuck."""
    opened = Store.open(f"sqlite:///{tmp_path}/larder.db")
    for name, since in (("aa", None), ("bb", 900), ("cc", 100)):
        opened.record(Project(ProjectName(name)))
        opened.settle(ProjectName(name), Settled(7, None, None, 1))
        if since is not None:
            opened.fail(ProjectName(name), Failure("stale", "a stale copy", since, since + 60))
    return opened


def test_the_numbers_are_told_beside_the_counters(store: Store) -> None:
    """One exposition for Prometheus."""
    text = Metrics(Standing(store, 500, lambda: 5, lambda: 1000.0)).exposition().decode()
    for line in (
        "larder_projects 3.0",
        "larder_failing_projects 2.0",
        "larder_stuck_projects 1.0",
        "larder_index_serial 7.0",
        "larder_lost_votes_total 5.0",
        "# TYPE larder_votes_total counter",
    ):
        assert line in text.splitlines(), text


def test_a_database_that_cannot_be_read_costs_only_its_numbers(
    store: Store, tmp_path: Path
) -> None:
    """The counters are in memory."""
    store.close()
    (tmp_path / "larder.db").write_bytes(b"no database any more" * 500)
    text = Metrics(Standing(store, 500, lambda: 5)).exposition().decode()
    assert "larder_votes" in text
    assert "larder_projects" not in text


def test_every_metric_is_documented(store: Store) -> None:
    """docs/metrics.md has a row for each, with its type, and for nothing else."""
    text = Metrics(Standing(store, 500, lambda: 5)).exposition().decode()
    told = {
        (family.name + "_total" * (family.type == "counter"), family.type)
        for family in text_string_to_metric_families(text)
    }
    documented = (Path(__file__).parent.parent / "docs" / "metrics.md").read_text()
    assert set(re.findall(r"^\| `(larder_\w+)` \| (\w+) \|", documented, re.MULTILINE)) == told
