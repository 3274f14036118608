"""From the operator's URL to those of the index."""

import pytest

from app.names import ProjectName
from app.upstream.errors import UpstreamError, shown
from app.upstream.policy import Addresses, Credentials


@pytest.mark.parametrize(
    ("pypi_url", "base", "simple"),
    [
        ("https://pypi.org", "https://pypi.org", "https://pypi.org/simple"),
        ("https://pypi.org/", "https://pypi.org", "https://pypi.org/simple"),
        ("https://pypi.org/simple/", "https://pypi.org", "https://pypi.org/simple"),
        ("http://[::1]:80/pypi", "http://[::1]:80/pypi", "http://[::1]:80/pypi/simple"),
        ("http://h/root/pypi/+simple", "http://h/root/pypi", "http://h/root/pypi/+simple"),
        ("http://h/root/notsimple", "http://h/root/notsimple", "http://h/root/notsimple/simple"),
    ],
)
def test_addresses(pypi_url: str, base: str, simple: str) -> None:
    """A base and the simple index itself are told apart."""
    found = Addresses.parse(pypi_url)
    assert Addresses(base, simple) == found
    assert f"{simple}/six/" == found.page(ProjectName("six"))
    assert f"{simple}/" == found.root
    assert f"{base}/pypi" == found.xmlrpc
    assert (f"{base}/pypi/{{}}/json", f"{base}/{{}}/json") == found.legacy


def test_credentials() -> None:
    """A user and a password are taken out of the URL, and decoded."""
    found = Addresses.parse("https://me%40home:s%3Acret@example.org:8443/simple/")
    assert "https://example.org:8443" == found.base
    assert Credentials("example.org:8443", "me@home", "s:cret") == found.credentials


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://me:secret@example.org/a@b?c=d#e", "https://example.org/a@b"),
        ("https://example.org", "https://example.org"),
        ("http://me:secret@[::1", "http://[::1"),
        ("", ""),
    ],
)
def test_shown(url: str, expected: str) -> None:
    """Messages name the URL, and no secret of it."""
    assert expected == shown(url)
    assert f"{expected} fails" == str(UpstreamError(url, "fails"))
