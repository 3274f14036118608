"""XML-RPC is read as the standard library reads it, and with less trust."""

import xmlrpc.client as standard
from itertools import chain, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.upstream.xmlrpc import FaultError, NotXmlRpcError, read_list

NAMES = st.from_regex(r"[a-z0-9]{1,9}", fullmatch=True)


@given(st.dictionaries(NAMES, st.integers(0, 2**31 - 1)), st.integers(1, 50))
def test_lists(serials: dict[str, int], size: int) -> None:
    """Whatever the standard library writes is read, in pieces of any size."""
    written = standard.dumps((serials,), methodresponse=True).encode()
    pieces = [written[start : start + size] for start in range(0, len(written), size)]
    found = read_list(pieces)
    assert serials == found.serials
    assert [] == found.refused


@given(st.binary())
def test_any_bytes(body: bytes) -> None:
    """Whatever comes in, only the two errors come out."""
    with pytest.raises(NotXmlRpcError):
        read_list([body])


def test_a_fault() -> None:
    """A fault is an error with its own words."""
    written = standard.dumps(standard.Fault(-32500, "rate\nlimit"), methodresponse=True)
    with pytest.raises(FaultError, match=r"^rate limit$"):
        read_list([written.encode()])


@pytest.mark.parametrize("serial", [-1, "x", 1.5, True, {"a": 1}, [1]])
def test_serials_that_are_none(serial: object) -> None:
    """A struct of anything else than serials is no list."""
    written = standard.dumps(({"six": serial},), methodresponse=True)
    with pytest.raises(NotXmlRpcError):
        read_list([written.encode()])


def test_entities() -> None:
    """Nothing is expanded."""
    bomb = b'<!DOCTYPE a [<!ENTITY a "b">]><methodResponse>&a;</methodResponse>'
    with pytest.raises(NotXmlRpcError, match="entity"):
        read_list([bomb])


@pytest.mark.parametrize("endless", [b"<a>", b"a"])
def test_what_has_no_end_is_not_kept(endless: bytes) -> None:
    """Neither tags in tags nor a text without any."""
    with pytest.raises(NotXmlRpcError, match="too"):
        read_list(chain([b"<a>"], repeat(endless * 1000)))
