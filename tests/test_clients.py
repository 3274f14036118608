"""Tests of `app.clients`."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clients import NetworkTable, network_id, network_of

_FOUR = st.ip_addresses(v=4)
_SIX = st.integers(0, 2**128 - 1).map(IPv6Address)


@given(_FOUR)
def test_an_ipv4_client_votes_as_its_slash_24(address: IPv4Address) -> None:
    """Every address of a /24 is one network, and it is that one."""
    assert str(IPv4Network((address, 24), strict=False)) == network_of(str(address))


@given(_FOUR)
def test_a_mapped_address_is_the_ipv4_address(address: IPv4Address) -> None:
    """A dual socket does not give a client a second vote."""
    assert network_of(str(address)) == network_of(f"::ffff:{address}")


@given(_SIX.filter(lambda address: address.ipv4_mapped is None))
def test_an_ipv6_client_votes_as_its_slash_48(address: IPv6Address) -> None:
    """Every address of a /48 is one network, however it is written."""
    expected = str(IPv6Network((address, 48), strict=False))
    assert expected == network_of(str(address))
    assert expected == network_of(address.exploded)


@given(st.one_of(_FOUR, _SIX))
def test_a_network_is_its_own_network(address: IPv4Address | IPv6Address) -> None:
    """What was made a network once may be read again."""
    network = network_of(str(address))
    assert network == network_of(network)


@pytest.mark.parametrize("text", ["", "unix:", "1.2.3", "1.2.3.4.5", "localhost", "::g", "/24"])
def test_what_is_no_address_is_refused(text: str) -> None:
    """A text that is no address has no network."""
    with pytest.raises(ValueError, match="does not appear to be"):
        network_of(text)


@given(st.text())
def test_nothing_but_value_error_is_raised(text: str) -> None:
    """No text breaks the parser."""
    try:
        network_of(text)
    except ValueError:
        return


def test_a_networks_number_is_keyed() -> None:
    """Without the key nobody can tell which network a number stands for."""
    one, other = network_id(b"one", "192.0.2.0/24"), network_id(b"other", "192.0.2.0/24")
    assert one == network_id(b"one", "192.0.2.0/24")
    assert one != other


@given(st.binary(min_size=1, max_size=64), st.ip_addresses())
def test_a_networks_number_is_one_that_sqlite_has(
    key: bytes, address: IPv4Address | IPv6Address
) -> None:
    """SQLite's integers are signed and have 64 bits."""
    assert -(2**63) <= network_id(key, network_of(str(address))) < 2**63


def test_the_longest_prefix_wins_in_any_order() -> None:
    """The order of the rules says nothing."""
    rules = [
        (ip_network("10.0.0.0/8"), "site"),
        (ip_network("10.1.0.0/16"), "building"),
        (ip_network("10.1.2.3/32"), "machine"),
        (ip_network("2001:db8::/32"), "six"),
        (ip_network("2001:db8:1::/48"), "floor"),
    ]
    for table in (NetworkTable("rest", rules), NetworkTable("rest", reversed(rules))):
        assert "machine" == table.find("10.1.2.3")
        assert "building" == table.find("10.1.2.4")
        assert "site" == table.find("10.2.0.1")
        assert "rest" == table.find("11.0.0.1")
        assert "building" == table.find("::ffff:10.1.2.4")
        assert "floor" == table.find("2001:db8:1::7")
        assert "six" == table.find("2001:db8:2::7")
        assert "rest" == table.find("2001:db9::")
        assert "rest" == table.find("no address")


def test_a_rule_for_mapped_addresses_is_one_for_ipv4() -> None:
    """`::ffff:10.0.0.0/104` says the same as `10.0.0.0/8`."""
    table = NetworkTable("rest", [(ip_network("::ffff:10.0.0.0/104"), "site")])
    assert "site" == table.find("10.9.8.7")
    assert "site" == table.find("::ffff:10.9.8.7")
    assert "rest" == table.find("::10.9.8.7")


@given(
    st.lists(st.tuples(st.ip_addresses(), st.integers(0, 32)), max_size=8),
    st.ip_addresses(),
)
def test_the_table_agrees_with_looking_through_all_rules(
    places: list[tuple[IPv4Address | IPv6Address, int]], client: IPv4Address | IPv6Address
) -> None:
    """The quick way finds what the slow way finds."""
    networks = {ip_network((address, length), strict=False) for address, length in places}
    rules = [(network, str(network)) for network in networks]
    one = getattr(client, "ipv4_mapped", None) or client
    matching = [network for network in networks if one in network]
    longest = max(matching, key=lambda network: network.prefixlen, default=None)
    expected = str(longest) if longest else "rest"
    assert expected == NetworkTable("rest", rules).find(str(client))
