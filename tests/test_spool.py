"""Tests of `app.spool`."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.names import FilePath, companion_of
from app.spool import SpooledVote, parse_spool_line
from tests.web_fakes import WHEEL

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def _line(**changes: object) -> str:
    entry = {"time": 1700000000.123, "network": "192.0.2.0/24", "path": WHEEL}
    return json.dumps(entry | changes)


def test_a_line_tells_a_vote() -> None:
    """Path, network and time come back as they were."""
    expected = SpooledVote(WHEEL, "192.0.2.0/24", 1700000000.123)
    assert expected == parse_spool_line(_line())
    assert expected == parse_spool_line(_line().encode())


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
        {"network": ""},
        {"network": "unix:"},
        {"network": 7},
        {"path": "../../etc/passwd"},
        {"path": FilePath("ab/cd/" + "0" * 60 + "/../x")},
        {"path": None},
    ],
)
def test_a_line_with_a_fault_tells_nothing(changes: dict[str, Any]) -> None:
    """A line that is damaged in one place is no vote."""
    assert parse_spool_line(_line(**changes)) is None


def test_a_torn_line_tells_nothing() -> None:
    """The disk was full in the middle of a line."""
    assert all(parse_spool_line(_line()[:end]) is None for end in range(len(_line())))


def test_a_companion_has_a_path_of_its_own() -> None:
    """A `.metadata` in the spool would be a path that no file has; it is still a path."""
    vote = parse_spool_line(_line(path=companion_of(WHEEL)))
    assert vote is not None
    assert companion_of(WHEEL) == vote.path


@given(st.text() | st.binary())
def test_no_line_raises(line: str | bytes) -> None:
    """Whatever stands in the file, the reader goes on."""
    parse_spool_line(line)


@given(_JSON | st.fixed_dictionaries({"time": _JSON, "network": _JSON, "path": _JSON}))
def test_no_json_raises(value: object) -> None:
    """Whatever JSON it is, too."""
    parse_spool_line(json.dumps(value))
