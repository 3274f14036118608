"""Tests of provenance (PEP 740) through real nginx and gunicorn."""

import gzip
import json
import signal
from collections.abc import Iterator

import pytest

from tests.fake_pypi import FakeFile, FakePypi, Replaced, Status, make_sdist, make_wheel
from tests.serving import Serving

pytestmark = pytest.mark.system

KIND = "application/vnd.pypi.integrity.v1+json"
JSON = "application/vnd.pypi.simple.v1+json"
OBJECT = b'{"version":1,"attestation_bundles":[{"publisher":{"kind":"GitHub"}}]}'


@pytest.fixture(scope="module")
def pypi() -> Iterator[FakePypi]:
    """Return an upstream."""
    with FakePypi() as running:
        yield running


@pytest.fixture(scope="module")
def mirror(pypi: FakePypi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Return a mirror of it."""
    with Serving.of(tmp_path_factory.mktemp("provenance"), pypi) as running:
        yield running


def attest(pypi: FakePypi, name: str, url: str | None = None) -> FakeFile:
    """Add a wheel whose page announces provenance, and have it answered."""
    wheel = make_wheel(name, "1.0")
    path = f"/integrity/{name}/1.0/{wheel.filename}/provenance"
    pypi.inject(Replaced(OBJECT, KIND), at=path)
    return pypi.add(wheel, extra={"provenance": url or pypi.url + path})


def announced(mirror: Serving, name: str) -> str:
    """Return where the page says that the provenance is, as a client resolves it."""
    page = json.loads(mirror.get(f"/pypi/simple/{name}/", Accept=JSON).body)
    (link,) = [file["provenance"] for file in page["files"] if "provenance" in file]
    html = mirror.get(f"/pypi/simple/{name}/").body.decode()
    assert f' data-provenance="{link}"' in html
    assert link.startswith("../../integrity/")
    return "/pypi/" + str(link).removeprefix("../../")


@pytest.mark.parametrize("relative", [True, False])
def test_provenance_is_upstreams_byte_for_byte(
    mirror: Serving,
    pypi: FakePypi,
    relative: bool,  # noqa: FBT001
) -> None:
    """At a link of our own; fetched for the first who asks, and then nginx's alone."""
    name = f"signed-{relative}".lower()
    filename = make_wheel(name, "1.0").filename
    attest(pypi, name, f"../../integrity/{name}/1.0/{filename}/provenance" if relative else None)
    path = announced(mirror, name)
    first = mirror.get(path)
    mirror.signal_app(signal.SIGSTOP)
    try:
        later = mirror.get(path)
        packed = mirror.get(path, Accept_Encoding="gzip")
    finally:
        mirror.signal_app(signal.SIGCONT)
    for answer in (first, later):
        assert (200, KIND, OBJECT) == (answer.status, answer.header("Content-Type"), answer.body)
        assert "*" == answer.header("Access-Control-Allow-Origin")
    assert OBJECT == gzip.decompress(packed.body)
    assert 1 == pypi.count(f"/integrity/{name}/*")


def test_what_no_page_announces_is_404(mirror: Serving, pypi: FakePypi) -> None:
    """Another file, another version, another project: upstream is not even asked."""
    wheel = attest(pypi, "some")
    plain = pypi.add(make_sdist("some", "1.0"))
    for place in (
        f"some/1.0/{plain.filename}",
        f"some/2.0/{wheel.filename}",
        f"other/1.0/{wheel.filename}",
        "some/1.0/%25",
        "some/1.0/some_1.0-py3-none-any.whl",
    ):
        assert 404 == mirror.get(f"/pypi/integrity/{place}/provenance").status
    assert 0 == pypi.count("/integrity/some/*")


def test_another_spelling_is_redirected(mirror: Serving, pypi: FakePypi) -> None:
    """As for pages."""
    attest(pypi, "spelled")
    path = announced(mirror, "spelled")
    answer = mirror.get(path.replace("/spelled/", "/Spelled/"))
    assert (301, path) == (answer.status, answer.header("Location"))


def test_what_is_on_another_host_is_left_to_the_client(mirror: Serving, pypi: FakePypi) -> None:
    """An index may name any host; this machine does not ask there."""
    url = "https://elsewhere.example.org/a b/provenance"
    attest(pypi, "foreign", url)
    answer = mirror.get(announced(mirror, "foreign"))
    assert (302, url.replace(" ", "%20")) == (answer.status, answer.header("Location"))


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Status(404), 404),
        (Status(503), 503),
        (Replaced(b"<html>", KIND), 502),
        (Replaced(b"[]", KIND), 502),
        (Replaced(b" " * (5 << 20), KIND), 502),
    ],
)
def test_upstreams_faults_are_not_kept(
    mirror: Serving, pypi: FakePypi, fault: Status | Replaced, status: int
) -> None:
    """What is no JSON object, or too large, is not passed on."""
    attest(pypi, "faulty")
    path = announced(mirror, "faulty")
    pypi.inject(fault, at="/integrity/faulty/*")
    assert status == mirror.get(path).status
    assert not list((mirror.config.repo_path / "simple" / "faulty").rglob("*.whl.json"))


def test_the_links_that_cannot_be_fetched_are_not_announced(
    mirror: Serving, pypi: FakePypi
) -> None:
    """The file is as good as those without provenance."""
    for number, url in enumerate(("file:///etc/passwd", "javascript:alert(1)", "http://", 7)):
        pypi.add(make_wheel("odd", f"{number}.0"), extra={"provenance": url})
    page = json.loads(mirror.get("/pypi/simple/odd/", Accept=JSON).body)
    assert 4 == len(page["files"])
    assert all("provenance" not in file for file in page["files"])
