"""What `larder status` tells of the traffic."""

import json
import time
from pathlib import Path

from app.store import Store
from app.traffic import Amount, Answer, Kind
from jobs.parts import Parts
from jobs.served import TierTraffic, served
from tests.test_jobs import run

DAY = 24 * 3600
NOW = 20_000 * DAY + 5 * 3600 + 60
HOUR_NOW = NOW // 3600
HOT = Kind(Answer.HELD, "/srv/hot", "hit")


def fill(store: Store, hour_now: int) -> None:
    """Have something served now, yesterday, six days and eight days ago."""
    sums = {
        (hour_now, HOT): Amount(3, 300),
        (hour_now, Kind(Answer.HELD, "/srv/hot", "moved")): Amount(1, 100),
        (hour_now, Kind(Answer.REDIRECT, "", "not-held")): Amount(1, 5, 600),
        (hour_now, Kind(Answer.ERROR, "", "404")): Amount(7, 70),
        (hour_now - 24, Kind(Answer.PROXY, "", "not-held")): Amount(3, 1000),
        (hour_now - 6 * 24, HOT): Amount(2, 2),
        (hour_now - 8 * 24, HOT): Amount(1000, 1000),
    }
    store.add_traffic(sums, 1, 1)


def test_today_and_the_week_are_told(store: Store) -> None:
    """From midnight (UTC), and the last 168 hours; errors apart."""
    fill(store, HOUR_NOW)
    today, week = served(store, NOW)
    assert ("today", 5, 405, 600, 7) == (
        today.span,
        today.requests,
        today.bytes,
        today.elsewhere,
        today.errors,
    )
    assert (0.8, 0.4) == (today.request_hit_ratio, today.byte_hit_ratio)
    assert [TierTraffic("/srv/hot", 4, 400)] == today.tiers
    assert ("week", 10, 0.6) == (week.span, week.requests, week.request_hit_ratio)
    assert "today (UTC): 80.0% of 5 requests and 40.0% of the bytes from here" == str(today)


def test_nothing_is_no_ratio(store: Store) -> None:
    """A new mirror has none."""
    today, week = served(store, NOW)
    assert (None, None) == (today.request_hit_ratio, week.byte_hit_ratio)
    assert "in the last seven days: no file was asked for" == str(week)


def test_status_tells_it(config_path: Path, parts: Parts) -> None:
    """In words and as data."""
    fill(parts.store, int(time.time()) // 3600)
    said = run("status", config_path).stdout
    assert "60.0% of 10 requests" in said
    told = json.loads(run("status", config_path, "--json").stdout)["traffic"]
    assert ["today", "week"] == [one["span"] for one in told]
    assert [{"path": "/srv/hot", "requests": 6, "bytes": 402}] == told[1]["tiers"]


def test_hours_of_more_than_a_year_are_deleted(config_path: Path, parts: Parts) -> None:
    """By `clean`; the sums stay."""
    fill(parts.store, 1000)
    said = run("clean", config_path, "--dry-run").stdout
    assert "delete 4 hours of traffic" in said
    before = parts.store.traffic_ever()
    assert 0 == run("clean", config_path).returncode
    assert {} == parts.store.traffic(0, 2000)
    assert before == parts.store.traffic_ever()
