"""What a line of the traffic spool counts as, and the hit ratios."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.intakes import TrafficIntake
from app.spooling import Spool
from app.store import Store
from app.traffic import Amount, Answer, Kind, Served, add_up, hit_ratio, parse_traffic_line

HOT = "/srv/hot"
HIT = Kind(Answer.HELD, HOT, "hit")
AWAY = Kind(Answer.REDIRECT, "", "not-held")
PASSED = Kind(Answer.PROXY, "", "not-held")
GONE = Kind(Answer.ERROR, "", "404")
DENIED = Kind(Answer.ERROR, "", "denied")

_JSON = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


def line(**changes: object) -> bytes:
    """Return a line as nginx writes it."""
    entry = {
        "time": 7205.25,
        "way": "held",
        "cache": "hit",
        "tier": HOT,
        "status": 200,
        "bytes": 10,
        "elsewhere": 0,
        "connection": 3,
    }
    return json.dumps(entry | changes, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("changes", "kind", "amount"),
    [
        ({}, HIT, Amount(1, 10)),
        ({"status": 206}, HIT, Amount(1, 10)),
        ({"status": 304, "bytes": 0}, HIT, Amount(1, 0)),
        ({"tier": "", "cache": "fetched"}, Kind(Answer.HELD, "", "fetched"), Amount(1, 10)),
        ({"way": "proxy", "cache": "not-held"}, PASSED, Amount(1, 10)),
        (
            {"way": "app", "status": 302, "cache": "not-held", "tier": "", "elsewhere": 99},
            AWAY,
            Amount(1, 10, 99),
        ),
        (
            # So said upstream.
            {"way": "redirect", "status": 302, "cache": "proxy-failed", "elsewhere": 5},
            Kind(Answer.REDIRECT, "", "proxy-failed"),
            Amount(1, 10),
        ),
        # What a client was not sent elsewhere for is not elsewhere.
        ({"elsewhere": 5}, HIT, Amount(1, 10)),
        ({"way": "nowhere", "status": 404}, GONE, Amount(1, 10)),
        ({"way": "app", "status": 404, "cache": ""}, GONE, Amount(1, 10)),
        # Filters refuse it; a client that went away before, or a word alone, is not that.
        ({"way": "app", "status": 403, "cache": "denied"}, DENIED, Amount(1, 10)),
        ({"way": "nowhere", "status": 403, "cache": "denied"}, DENIED, Amount(1, 10)),
        ({"status": 403}, Kind(Answer.ERROR, "", "403"), Amount(1, 10)),
        (
            {"way": "app", "status": 499, "cache": "denied", "bytes": 0},
            Kind(Answer.ERROR, "", "499"),
            Amount(1, 0),
        ),
        ({"status": 416}, Kind(Answer.ERROR, "", "416"), Amount(1, 10)),
        ({"status": 0, "bytes": 0}, Kind(Answer.ERROR, "", "0"), Amount(1, 0)),
        # A word that nobody of ours says would be a label of its own for ever.
        ({"cache": 'x"} 1'}, Kind(Answer.HELD, HOT, "other"), Amount(1, 10)),
        ({"cache": ""}, Kind(Answer.HELD, HOT, "other"), Amount(1, 10)),
    ],
)
def test_a_line_counts_as_one_kind(changes: dict[str, Any], kind: Kind, amount: Amount) -> None:
    """In the hour when the answer ended."""
    assert Served(2, kind, amount) == parse_traffic_line(line(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"time": -1},
        {"time": True},
        {"time": "now"},
        {"time": 1 << 50},
        {"status": "200"},
        {"status": True},
        {"status": 1000},
        {"status": -1},
        {"bytes": -1},
        {"bytes": 1 << 60},
        {"bytes": 1.5},
        {"elsewhere": -1},
        {"way": "nowhere"},
        {"way": ""},
        {"way": []},
        {"tier": 7},
        {"tier": "x" * 5000},
        {"cache": None},
    ],
)
def test_a_line_with_a_fault_tells_nothing(changes: dict[str, Any]) -> None:
    """A damaged line neither counts nor ends the reading."""
    assert parse_traffic_line(line(**changes)) is None


def test_what_follows_a_torn_line_is_whole() -> None:
    """The disk was full, and had room again."""
    assert all(parse_traffic_line(line()[:end] + line()) for end in range(len(line())))
    assert not any(parse_traffic_line(line()[:end]) for end in range(len(line())))


@given(st.binary() | st.fixed_dictionaries(dict.fromkeys(json.loads(line()), _JSON)))
def test_no_line_raises(value: object) -> None:
    """Whatever stands in the file."""
    parse_traffic_line(value if isinstance(value, bytes) else json.dumps(value).encode())


def test_lines_add_up_by_hour_and_kind() -> None:
    """Damaged ones cost only themselves."""
    lines = [line(), line(bytes=5), b"\xff", line(time=7199.9), line(way="proxy")]
    expected = {
        (2, HIT): Amount(2, 15),
        (1, HIT): Amount(1, 10),
        (2, Kind(Answer.PROXY, "", "hit")): Amount(1, 10),
    }
    assert expected == add_up(lines)


def test_the_hit_ratio_is_of_what_could_have_been_here() -> None:
    """Errors count neither way; of a redirect, the bytes that the client got elsewhere."""
    sums = {
        HIT: Amount(6, 600),
        AWAY: Amount(1, 100_000, 300),
        PASSED: Amount(1, 100),
        GONE: Amount(50, 5000),
    }
    assert (0.75, 0.6) == hit_ratio(sums.items())


def test_there_is_no_ratio_of_nothing() -> None:
    """Nor one of bytes where none were sent."""
    assert (None, None) == hit_ratio([])
    assert (1.0, None) == hit_ratio([(HIT, Amount(1, 0))])


def test_answers_are_read_in_once(store: Store, tmp_path: Path) -> None:
    """From where the last reading ended, in the transaction that counts."""
    spool = Spool(tmp_path / "traffic.jsonl", TrafficIntake(store), tmp_path / "nginx.pid")
    spool.path.write_bytes(line() + b"\n" + line(way="proxy", cache="not-held") + b"\n")
    assert (2, 0, 0) == (spool.read(), spool.read(), spool.pending())
    with spool.path.open("ab") as stream:
        stream.write(line(bytes=1) + b"\n" + line()[:20])
    assert 1 == spool.read()
    assert {HIT: Amount(2, 11), PASSED: Amount(1, 10)} == store.traffic_ever()
    assert store.traffic_ever() == store.traffic(2, 3)


def test_a_kill_at_any_moment_neither_loses_nor_repeats_an_answer(
    database: str, tmp_path: Path
) -> None:
    """A reader is killed again and again while nginx writes and files are set aside."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from app import spooling\n"
        "from app.intakes import TrafficIntake\n"
        "from app.store import Store\n"
        "spooling._ROTATE_AT, spooling._BATCH, spooling._SETTLED = 5000, 1000, -1\n"
        "path = Path(sys.argv[1])\n"
        "intake = TrafficIntake(Store.open(sys.argv[2]))\n"
        "spool = spooling.Spool(path, intake, path.with_name('nginx.pid'))\n"
        "print('reads', flush=True)\n"
        "while True:\n"
        "    spool.read()\n"
    )
    path = tmp_path / "traffic.jsonl"
    command = [sys.executable, "-c", program, str(path), database]
    Store.open(database).close()
    chance = random.Random(4)
    for _ in range(8):
        reader = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert reader.stdout is not None
        reader.stdout.readline()
        for number in range(50):
            with path.open("ab") as stream:
                stream.write(line(time=chance.uniform(0, 7000), connection=number) + b"\n")
        time.sleep(chance.uniform(0, 0.05))
        reader.kill()
        reader.communicate()
    store = Store.open(database)
    spool = Spool(path, TrafficIntake(store), tmp_path / "nginx.pid")
    spool.read()
    assert {HIT: Amount(400, 4000)} == store.traffic_ever()
    assert 0 == spool.pending()
    store.close()
