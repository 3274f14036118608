"""The mirror's numbers for Prometheus, from a real database."""

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.lost_votes import Ledger, LostVotes
from app.model import Project
from app.names import ProjectName
from app.runs import Run, Runs
from app.store import Failure, Settled, Store
from app.traffic import Amount, Answer, Kind
from app.web.metrics import Metrics
from app.web.standing import COUNTED_FOR, Facts, Standing
from app.web.targets import Targets
from tests.test_store import SIX, file

METRIC = re.compile(r"^\| `(larder_\w+)` \| (\w+) \| ([^|]*) \|", re.MULTILINE)
DOCUMENT = Path(__file__).parent.parent / "docs" / "metrics.md"

SETTINGS = {
    "upstream_seen": b"10",
    "index_in_step": b"940.5",
}


class Waiting:
    """A spool that nobody has read."""

    def pending(self) -> int:
        """Return its bytes."""
        return 70


@pytest.fixture
def store(store: Store) -> Store:
    """Return a database that knows something of everything."""
    for name, since in (("aa", None), ("bb", 900), ("cc", 100)):
        store.record(Project(ProjectName(name)))
        store.settle(ProjectName(name), Settled(7, None, None, 1))
        if since is not None:
            store.fail(ProjectName(name), Failure("stale", "a stale copy", since, since + 60))
    store.record(Project(SIX, (file(1),)))
    store.bury(SIX, None, 5)
    for key, value in SETTINGS.items():
        store.keep(key, value)
    sums = {
        (5, Kind(Answer.HELD, "/srv/hot", "hit")): Amount(3, 300),
        (6, Kind(Answer.HELD, "/srv/hot", "hit")): Amount(1, 100),
        (6, Kind(Answer.REDIRECT, "", "not-held")): Amount(1, 10, 5000),
        (6, Kind(Answer.PROXY, "", "unknown")): Amount(1, 10),
        (6, Kind(Answer.ERROR, "", "404")): Amount(2, 20),
    }
    store.add_traffic(sums, 1, 10)
    Runs(store).end(Run("move", 100.0, 4, 103.5, 0, outcomes={"done": 4, "failed": 0}))
    Runs(store).begin("score", 300.0, 2)
    return store


@pytest.fixture
def facts(store: Store, tmp_path: Path) -> Facts:
    """Return them, with a worker that has taken more votes than it has written."""
    ledger = Ledger.open(tmp_path / "votes")
    for _ in range(9):
        ledger.take()
    ledger.write(4)
    ledger.lose(2)
    tiers = [("/srv/hot", 1000), ("/srv/cold", 5000)]
    votes = LostVotes(tmp_path / "votes", store)
    return Facts(store, tiers, votes, {"votes": Waiting()}, 500)


def told(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Return every sample: its name, its labels' values by the labels' names, its number."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


def test_everything_is_told(facts: Facts) -> None:
    """In base units, and counters as counters."""
    found = told(Metrics(Standing(facts, lambda: 1000.5)))
    expected = {
        ("larder_projects",): 3,
        ("larder_failing_projects",): 2,
        ("larder_stuck_projects",): 1,
        ("larder_index_serial",): 7,
        ("larder_index_lag_serials",): 10,
        ("larder_index_lag_seconds",): 60,
        ("larder_tier_files", "/srv/hot"): 0,
        ("larder_tier_bytes", "/srv/hot"): 0,
        ("larder_tier_limit_bytes", "/srv/cold"): 5000,
        ("larder_file_requests_total", "held", "hit", "/srv/hot"): 4,
        ("larder_file_sent_bytes_total", "held", "hit", "/srv/hot"): 400,
        ("larder_file_requests_total", "error", "404", ""): 2,
        ("larder_file_elsewhere_bytes_total", "not-held"): 5000,
        ("larder_lost_votes_total",): 2,
        ("larder_waiting_votes",): 3,
        ("larder_spool_pending_bytes", "votes"): 70,
        ("larder_job_started_timestamp_seconds", "score"): 300,
        ("larder_job_success_timestamp_seconds", "move"): 103.5,
        ("larder_job_duration_seconds", "move"): 3.5,
        ("larder_job_exit_code", "move"): 0,
        ("larder_job_plan_steps", "score"): 2,
        ("larder_job_steps", "move", "done"): 4,
    }
    assert expected == {key: found.get(key) for key in expected}
    assert ("larder_job_exit_code", "score") not in found


def test_the_projects_are_counted_once_a_minute(facts: Facts) -> None:
    """The rest is told as it is."""
    times = [1000.0]
    metrics = Metrics(Standing(facts, lambda: times[0]))
    assert 3 == told(metrics)["larder_projects",]
    facts.store.record(Project(SIX))
    assert 3 == told(metrics)["larder_projects",]
    times[0] += COUNTED_FOR
    assert 4 == told(metrics)["larder_projects",]


def test_a_database_that_cannot_be_read_costs_only_its_numbers(
    tmp_path: Path, facts: Facts
) -> None:
    """The counters are in memory."""
    store = Store.open(f"sqlite:///{tmp_path}/broken.db")
    store.close()
    (tmp_path / "broken.db").write_bytes(b"no database any more" * 500)
    metrics = Metrics(Standing(Facts(store, (), facts.lost_votes, {}, 500)))
    metrics.votes.labels("lost").inc()
    assert [("larder_votes_total", "lost")] == list(told(metrics))


def test_failures_are_told_by_target(facts: Facts) -> None:
    """And by kind."""
    metrics = Metrics(Standing(facts))
    metrics.failed("files.example.org", "429")
    assert 1 == told(metrics)["larder_target_failures_total", "429", "files.example.org"]


def test_every_metric_is_documented(facts: Facts, tmp_path: Path) -> None:
    """docs/metrics.md has a row for each, with its type and its labels, and for nothing else."""
    metrics = Metrics(Standing(facts), Targets(tmp_path, ["https://files.example.org/"], 30))
    metrics.failed("a", "5xx")
    for counter in (metrics.votes, metrics.decisions, metrics.asks):
        counter.labels("x").inc()
    found = {
        (
            family.name + "_total" * (family.type == "counter"),
            family.type,
            ", ".join(f"`{label}`" for label in family.samples[0].labels),
        )
        for family in text_string_to_metric_families(metrics.exposition().decode())
    }
    assert found == set(METRIC.findall(DOCUMENT.read_text()))


def test_the_exposition_is_what_promtool_would_have(facts: Facts) -> None:
    """Names begin alike, counters alone end in _total, units are base ones, and all has help."""
    metrics = Metrics(Standing(facts))
    families = list(text_string_to_metric_families(metrics.exposition().decode()))
    names = [family.name for family in families]
    assert len(names) == len(set(names))
    for family in families:
        assert re.fullmatch(r"larder(_[a-z]+)+", family.name), family.name
        assert family.documentation.endswith("."), family.name
        assert family.type in {"counter", "gauge"}
        assert not re.search(r"_(ms|minutes|hours|kb|mb|percent|total|count)(_|$)", family.name)
        keys = [tuple(sample.labels.items()) for sample in family.samples]
        assert len(keys) == len(set(keys)), family.name
