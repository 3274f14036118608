"""The texts of single values."""

import re
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.config.addresses import parse_address, parse_network, parse_proxy, parse_url
from app.config.settings import Address
from app.config.values import (
    InvalidValueError,
    parse_database,
    parse_duration,
    parse_header,
    parse_path,
    parse_prefix,
    parse_size,
    parse_whole,
)

PARSERS: tuple[Callable[[str], object], ...] = (
    parse_address,
    parse_database,
    parse_duration,
    parse_header,
    parse_network,
    parse_path,
    parse_prefix,
    parse_proxy,
    parse_size,
    parse_url,
    parse_whole,
)
# Close to what the parsers accept, so that they get far into it.
nearly_right = st.text("0123456789abfgkmstx.:/[]@-_~%\\{}$'\"#; é\n\ud800\x00", max_size=30)


@pytest.mark.parametrize("parse", PARSERS)
@given(text=st.text() | nearly_right)
def test_any_text_has_a_value_or_a_printable_sentence(
    parse: Callable[[str], object], text: str
) -> None:
    """Nothing else is raised, and the sentence can be printed on one line."""
    try:
        parse(text)
    except InvalidValueError as error:
        sentence = str(error)
    else:
        return
    assert sentence.isprintable()
    assert 300 > len(sentence)


@given(number=st.integers(1, 10**6), unit=st.sampled_from("bkmgtBKMGT"))
def test_a_size_is_a_number_of_a_unit(number: int, unit: str) -> None:
    """Each unit is 1024 times the one before, in either case."""
    assert number * 1024 ** "bkmgt".index(unit.lower()) == parse_size(f"{number}{unit}")


@pytest.mark.parametrize(
    ("text", "size"), [("1.5k", 1536), ("0.5m", 524288), ("1", 1), ("007k", 7168)]
)
def test_a_size_may_have_a_fraction(text: str, size: int) -> None:
    """A fraction of a unit is a whole number of bytes, rounded down."""
    assert size == parse_size(text)


@pytest.mark.parametrize(
    "text", ["", "g", "1.5", "1.5b", "0", "0.0001k", "-1g", "1e3", "1gb", "8388608t", "\u0661g"]
)
def test_other_sizes_are_refused(text: str) -> None:
    """No size is nothing, negative, part of a byte, or more than SQLite can hold."""
    with pytest.raises(InvalidValueError):
        parse_size(text)


@given(number=st.integers(0, 3650), unit=st.sampled_from("smhd"))
def test_a_duration_is_a_number_of_a_unit(number: int, unit: str) -> None:
    """Seconds, minutes, hours and days are those of every clock."""
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86400}[unit]
    assert number * seconds == parse_duration(f"{number}{unit}")
    assert number == parse_duration(str(number))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (":8080", Address("", 8080)),
        ("127.0.0.1:1", Address("127.0.0.1", 1)),
        ("mirror.example.org:65535", Address("mirror.example.org", 65535)),
        ("py_pi:80", Address("py_pi", 80)),
        ("[::1]:8080", Address("::1", 8080)),
        ("[2001:DB8:0::1]:8080", Address("2001:db8::1", 8080)),
    ],
)
def test_an_address_has_a_port_and_perhaps_a_host(text: str, address: Address) -> None:
    """No host is every address of the machine."""
    assert address == parse_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "8080",
        "host",
        "host:",
        "host:0",
        "host:65536",
        "::1:8080",
        "[::1]",
        "[::g]:1",
        "[fe80::1%eth0]:80",
        "12:30",
        "1.2.3:80",
        "-x:80",
        "a..b:80",
        "*:80",
        "unix:/run/x",
        "host:80\n",
    ],
)
def test_other_addresses_are_refused(text: str) -> None:
    """An IPv6 address needs its brackets, digits and dots are a whole IPv4 address."""
    with pytest.raises(InvalidValueError):
        parse_address(text)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://pypi.org", "https://pypi.org/"),
        ("HTTPS://PyPI.org/Root//", "https://pypi.org/Root/"),
        ("http://[::1]:3141/root/pypi/+simple", "http://[::1]:3141/root/pypi/+simple/"),
    ],
)
def test_a_url_ends_in_one_slash(text: str, url: str) -> None:
    """Scheme and host are in lower case, the path is as it was."""
    assert url == parse_url(text)


@pytest.mark.parametrize(
    "text",
    [
        "pypi.org",
        "ftp://example.org/",
        "https://",
        "https:///simple",
        "https://example.org/?a=b",
        "https://example.org/#a",
        "https://example.org/$uri",
        "https://example.org/a b",
        "https://example.org/;return",
        "https://exämple.org/",
        "https://example.org:0/",
        "https://1.2.3.4.5/",
    ],
)
def test_other_urls_are_refused(text: str) -> None:
    """Nothing that nginx would read as its own gets into a URL, and no query."""
    with pytest.raises(InvalidValueError):
        parse_url(text)


@pytest.mark.parametrize("parse", [parse_url, parse_proxy, parse_database])
@pytest.mark.parametrize("secret", ["user:hunter2", "user:hunter2/x", "user:hunter2ö"])
def test_a_password_is_not_repeated(parse: Callable[[str], str], secret: str) -> None:
    """Messages go to logs and terminals."""
    with pytest.raises(InvalidValueError, match=r"^(?!.*hunter2)"):
        parse(f"http://{secret}@example.org/path")


def test_a_proxy_may_have_a_password() -> None:
    """Its URL has no path, and keeps its user."""
    assert parse_proxy("http://u:p%40@Proxy:3128/") == "http://u:p%40@proxy:3128"
    assert parse_proxy("http://proxy.example.org") == "http://proxy.example.org"


@pytest.mark.parametrize(
    ("text", "prefix"), [("", ""), ("/", ""), ("/pypi", "/pypi"), ("/a/b-~_.c/", "/a/b-~_.c")]
)
def test_a_prefix_has_no_slash_at_its_end(text: str, prefix: str) -> None:
    """So it can stand before any path."""
    assert prefix == parse_prefix(text)


@pytest.mark.parametrize(
    "text", ["pypi", "//", "/a//b", "/..", "/a/./b", "/a b", "/ä", "/a$", "/a\n"]
)
def test_other_prefixes_are_refused(text: str) -> None:
    """A prefix is a plain path that no server rewrites."""
    with pytest.raises(InvalidValueError):
        parse_prefix(text)


@given(st.ip_addresses(), st.data())
def test_a_network_is_what_the_standard_library_says(address: object, data: st.DataObject) -> None:
    """With a prefix length, or one address alone."""
    bits = ip_network(str(address)).max_prefixlen
    network = ip_network(f"{address}/{data.draw(st.integers(0, bits))}", strict=False)
    assert network == parse_network(str(network))
    assert ip_network(str(address)) == parse_network(str(address))


def test_an_address_inside_a_network_is_not_a_network() -> None:
    """The message says what was probably meant."""
    with pytest.raises(InvalidValueError, match=re.escape("write 10.0.0.0/8")):
        parse_network("10.1.2.3/8")


@pytest.mark.parametrize(
    "text", ["", "~", "~/x", "a b", "a\nb", "a;b", "a{b", "a$b", "a'b", "a%b", "a?b"]
)
def test_a_path_holds_nothing_of_nginx(text: str) -> None:
    """Quotes, variables, blocks and spaces would change nginx's configuration."""
    with pytest.raises(InvalidValueError):
        parse_path(text)


def test_a_path_is_kept_as_it_is() -> None:
    """Also with letters of any language; two slashes at the start are one."""
    assert Path("größe/x,y") == parse_path("größe/x,y")
    assert Path("/srv") == parse_path("//srv")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("sqlite:////srv/x.db", "/srv/x.db"),
        ("sqlite:///x.db", "x.db"),
        ("sqlite:///{repo_path}/x.db", "{repo_path}/x.db"),
        ("sqlite:///{repo_path}//x.db", "{repo_path}/x.db"),
    ],
)
def test_a_database_is_a_path(text: str, path: str) -> None:
    """Three slashes stand before a relative path, the fourth is the path's own."""
    assert path == parse_database(text)


@pytest.mark.parametrize(
    "text",
    [
        *("sqlite:///", "sqlite:///:memory:", "sqlite://x", "x.db", "sqlite:///a?mode=ro"),
        *("mysql://a/b", "postgres://a/b", "postgresql://", "postgresql://host/"),
    ],
)
def test_other_databases_are_refused(text: str) -> None:
    """Only a file, or a database by its name on a server, is shared by all processes."""
    with pytest.raises(InvalidValueError):
        parse_database(text)


@pytest.mark.parametrize("text", ["", " x", "a\nb", 'a"b', "a$b", "ä", "x" * 201])
def test_a_header_is_plain_ascii(text: str) -> None:
    """No text breaks out of the header or of nginx's quotes."""
    with pytest.raises(InvalidValueError):
        parse_header(text)
