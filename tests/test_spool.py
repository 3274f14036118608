"""Tests of `app.spool`."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.model import Vote
from app.names import FilePath, companion_of
from app.spool import SpooledVote, parse_spool_line, spool_line
from tests.web_fakes import WHEEL

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def _line(**changes: object) -> bytes:
    entry = {"time": 1700000000.123, "network": "192.0.2.0/24", "path": WHEEL}
    return json.dumps(entry | changes, separators=(",", ":")).encode()


def test_a_line_tells_a_vote() -> None:
    """Path, network and time come back as they were."""
    expected = SpooledVote(WHEEL, "192.0.2.0/24", 1700000000.123)
    assert expected == parse_spool_line(_line())


@pytest.mark.parametrize(
    ("written", "network"),
    [
        ("2001:db8:0::/48", "2001:db8::/48"),
        ("0:0:0::/48", "::/48"),
        ("192.0.2.7", "192.0.2.0/24"),
    ],
)
def test_a_network_is_read_in_any_spelling(written: str, network: str) -> None:
    """Three groups are what nginx writes; the database has one spelling of each network."""
    vote = parse_spool_line(_line(network=written))
    assert vote is not None
    assert network == vote.network


@pytest.mark.parametrize(
    "changes",
    [
        {"time": "soon"},
        {"time": True},
        {"time": -1},
        {"time": 1e300},
        {"time": None},
        {"took": None},
        {"took": -1},
        {"took": True},
        {"took": 1e12},
        {"network": ""},
        {"network": "unix:"},
        {"network": 7},
        {"number": "7"},
        {"number": True},
        {"number": 1 << 63},
        {"path": "../../etc/passwd"},
        {"path": FilePath("ab/cd/" + "0" * 60 + "/../x")},
        {"path": None},
    ],
)
def test_a_line_with_a_fault_tells_nothing(changes: dict[str, Any]) -> None:
    """A line that is damaged in one place is no vote."""
    assert parse_spool_line(_line(**changes)) is None


@pytest.mark.parametrize("client", [None, "192.0.2.0/24"])
def test_a_vote_that_is_left_behind_comes_back(client: str | None) -> None:
    """By the number of its network, and by the network only where that is kept."""
    vote = Vote(WHEEL, -(1 << 63), 1_700_000_000, client=client)
    expected = SpooledVote(WHEEL, client, 1_700_000_000, -(1 << 63))
    assert expected == parse_spool_line(spool_line(vote, "4711-abcd"))


def test_a_torn_line_tells_nothing() -> None:
    """The disk was full in the middle of a line."""
    assert all(parse_spool_line(_line()[:end]) is None for end in range(len(_line())))


def test_a_companion_has_a_path_of_its_own() -> None:
    """A `.metadata` in the spool would be a path that no file has; it is still a path."""
    vote = parse_spool_line(_line(path=companion_of(WHEEL)))
    assert vote is not None
    assert companion_of(WHEEL) == vote.path


def test_what_follows_a_torn_line_is_whole() -> None:
    """The disk had room again: nginx writes no line's end before it goes on."""
    assert all(parse_spool_line(_line()[:end] + _line()) for end in range(len(_line())))


def test_a_vote_is_of_the_time_when_it_was_asked_for() -> None:
    """A download that took an hour is in the window of its beginning."""
    vote = parse_spool_line(_line(time=1700003600.5, took=3600.5))
    assert vote is not None
    assert 1700000000 == vote.time


@given(st.binary())
def test_no_line_raises(line: bytes) -> None:
    """Whatever stands in the file, the reader goes on."""
    parse_spool_line(line)


@given(_JSON | st.fixed_dictionaries({"time": _JSON, "network": _JSON, "path": _JSON}))
def test_no_json_raises(value: object) -> None:
    """Whatever JSON it is, too."""
    parse_spool_line(json.dumps(value).encode())
