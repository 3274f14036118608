"""The list of serials is taken where it is, and only if it is one."""

import pytest

from app.names import ProjectName
from app.upstream import NotModified, SerialList, Upstream, UpstreamUnavailable, UpstreamUntrusted
from app.upstream.projects import Validators
from tests.fake_pypi import FakePypi, Replaced, Status
from tests.fake_pypi.asking import asking

JSON = "application/vnd.pypi.simple.v1+json"
FAULT = (
    b"<?xml version='1.0'?>\n<methodResponse><fault><value><struct><member><name>faultCode</name>"
    b"<value><int>-32500</int></value></member><member><name>faultString</name><value><string>"
    b"HTTPTooManyRequests: rate\n limit</string></value></member></struct></value></fault>"
    b"</methodResponse>"
)


def listed(upstream: Upstream, known: Validators | None = None) -> SerialList:
    """Return the list, which must be one."""
    found = upstream.serials(known)
    assert isinstance(found, SerialList)
    return found


def test_json_root() -> None:
    """The JSON root has all serials, under normalised names."""
    with FakePypi() as pypi, asking(pypi) as upstream:
        flask = pypi.add_project("Flask_SQLAlchemy").serial
        six = pypi.add_project("six").serial
        found = listed(upstream)
    assert {"flask-sqlalchemy": flask, "six": six} == found.serials
    assert six == found.last
    assert () == found.refused
    assert JSON == pypi.requests[0].headers["accept"]
    assert ["/simple/"] == [request.path for request in pypi.requests]


def test_json_root_not_modified() -> None:
    """A list that is as known is not fetched again."""
    with FakePypi() as pypi, asking(pypi) as upstream:
        pypi.add_project("six")
        known = listed(upstream).validators
        assert isinstance(upstream.serials(known), NotModified)
        pypi.touch("six")
        assert known != listed(upstream, known).validators


def test_xmlrpc() -> None:
    """Where the root has no serials, XML-RPC is asked."""
    with FakePypi(serials="xmlrpc") as pypi, asking(pypi) as upstream:
        serial = pypi.add_project("Six.Pack").serial
        pypi.add_project("bad", status="quarantined")
        found = listed(upstream)
    assert serial == found.serials[ProjectName("six-pack")]
    assert "bad" in found.serials
    assert Validators() == found.validators
    assert [("GET", "/simple/"), ("POST", "/pypi")] == [
        (request.method, request.path) for request in pypi.requests
    ]


def test_xmlrpc_beside_html() -> None:
    """An index of HTML alone may have XML-RPC; its root is not read for nothing."""
    with FakePypi(kind="html", serials="xmlrpc") as pypi:
        serial = pypi.add_project("six").serial
        with asking(pypi, pypi_url=pypi.url + "/simple") as upstream:
            assert {"six": serial} == listed(upstream).serials


@pytest.mark.parametrize("kind", ["json", "html"])
def test_no_serials(kind: str) -> None:
    """An index without serials has none, and that is no error."""
    with FakePypi(kind="json" if kind == "json" else "html", serials=None) as pypi:
        pypi.add_project("six")
        with asking(pypi) as upstream:
            assert upstream.serials() is None


@pytest.mark.parametrize("status", [404, 405, 406, 410, 501])
def test_no_root(status: int) -> None:
    """An index without a root page has no serials."""
    with FakePypi(serials=None) as pypi, asking(pypi, retry=0) as upstream:
        pypi.inject(Status(status), at="/simple/")
        assert upstream.serials() is None


def test_empty_list() -> None:
    """An empty list is handed out as it is, so that the planner can refuse it."""
    for serials in ("json", "xmlrpc"):
        with FakePypi(serials="json" if serials == "json" else "xmlrpc") as pypi:
            if serials == "xmlrpc":
                pypi.inject(Status(404), at="/simple/")
            with asking(pypi) as upstream:
                assert {} == listed(upstream).serials


def test_names_that_are_none() -> None:
    """A name that is none is named, and the others stay."""
    with FakePypi() as pypi, asking(pypi) as upstream:
        pypi.add_project("six")
        pypi.announce("../etc", 5)
        found = listed(upstream)
    assert ["six"] == list(found.serials)
    assert ("../etc",) == found.refused


@pytest.mark.parametrize("where", ["/simple/", "/pypi"])
@pytest.mark.parametrize("status", [429, 500, 503])
def test_try_later(where: str, status: int) -> None:
    """A list that cannot be had now is not "no list"."""
    with FakePypi(serials="xmlrpc") as pypi, asking(pypi) as upstream:
        pypi.add_project("six")
        pypi.inject(Status(status), at=where)
        with pytest.raises(UpstreamUnavailable, match=f"{where} answers {status}"):
            upstream.serials()


@pytest.mark.parametrize("where", ["/simple/", "/pypi"])
def test_refused(where: str) -> None:
    """A door that is closed to us says nothing about the list."""
    with FakePypi(serials="xmlrpc") as pypi, asking(pypi) as upstream:
        pypi.add_project("six")
        pypi.inject(Status(403), at=where)
        with pytest.raises(UpstreamUntrusted, match=f"{where} answers 403"):
            upstream.serials()


def test_a_fault_is_not_an_empty_list() -> None:
    """An XML-RPC fault comes with 200, and is refused with its own words."""
    with FakePypi(serials="xmlrpc") as pypi, asking(pypi) as upstream:
        pypi.add_project("six")
        pypi.inject(Replaced(FAULT, "text/xml"), at="/pypi")
        with pytest.raises(UpstreamUntrusted, match="with a fault: HTTPTooManyRequests: rate lim"):
            upstream.serials()


@pytest.mark.parametrize("body", [b"", b"<methodResponse>", b"<html></html>", FAULT[:-20]])
def test_xml_that_is_no_list(body: bytes) -> None:
    """XML that is cut, or of something else, is refused."""
    with FakePypi(serials="xmlrpc") as pypi, asking(pypi) as upstream:
        pypi.add_project("six")
        pypi.inject(Replaced(body, "text/xml"), at="/pypi")
        with pytest.raises(UpstreamUntrusted, match="/pypi cannot be believed"):
            upstream.serials()


@pytest.mark.parametrize("body", [b"", b"{}", b'{"projects":{}}', b'{"projects":[1]}'])
def test_json_that_is_no_list(body: bytes) -> None:
    """JSON that is cut, or of something else, is refused."""
    with FakePypi() as pypi, asking(pypi) as upstream:
        pypi.inject(Replaced(body, JSON), at="/simple/")
        with pytest.raises(UpstreamUntrusted, match="/simple/ cannot be believed"):
            upstream.serials()


def test_a_server_that_redirects_or_ignores_a_post() -> None:
    """A static server's answer to a POST is that there is no XML-RPC."""
    with FakePypi(serials=None) as pypi, asking(pypi) as upstream:
        pypi.add_project("six")
        for answer in (Status(301), Replaced(b"<html>Welcome</html>")):
            pypi.inject(answer, at="/pypi")
            assert upstream.serials() is None
