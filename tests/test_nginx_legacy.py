"""Tests of legacy JSON through real nginx and gunicorn."""

import gzip
import json
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from app.names import ProjectName
from jobs.parts import Parts
from jobs.sync_index import run as sync_index
from tests.fake_pypi import FakePypi, GzipBomb, Replaced, Status, make_wheel
from tests.serving import Serving

pytestmark = pytest.mark.system

JSON = "application/vnd.pypi.simple.v1+json"
SERIAL = "X-PyPI-Last-Serial"


@pytest.fixture(scope="module")
def pypi() -> Iterator[FakePypi]:
    """Return an upstream."""
    with FakePypi() as running:
        running.add(make_wheel("six", "1.17.0"))
        running.add(make_wheel("Flask-SQLAlchemy", "3.1.1"))
        yield running


@pytest.fixture(scope="module")
def mirror(pypi: FakePypi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Return a mirror of it."""
    with Serving.of(tmp_path_factory.mktemp("legacy"), pypi) as running:
        yield running


def sent(pypi: FakePypi, path: str) -> bytes:
    """Return what upstream sends."""
    return requests.get(f"{pypi.url}/pypi/{path}", timeout=5).content


def bring(mirror: Serving, name: str) -> None:
    """Bring a project in step, as `sync-index` does."""
    parts = Parts(mirror.config)
    try:
        parts.index.bring(ProjectName(name))
    finally:
        parts.store.close()
        parts.upstream.close()


@pytest.mark.parametrize(
    "path",
    [
        "six/json",
        "pypi/six/json",
        "six/1.17.0/json",
        "pypi/six/1.17.0/json",
        "six/json/",
    ],
)
def test_legacy_json_is_upstreams_byte_for_byte(mirror: Serving, pypi: FakePypi, path: str) -> None:
    """Brought in by the first who asks, and sent by nginx alone from then on."""
    expected = sent(pypi, path.removeprefix("pypi/").rstrip("/"))
    serial = str(pypi.project("six").serial)
    first = mirror.get(f"/pypi/{path}")
    mirror.signal_app(signal.SIGSTOP)
    try:
        later = mirror.get(f"/pypi/{path}")
        packed = mirror.get(f"/pypi/{path}", Accept_Encoding="gzip")
        head = mirror.get(f"/pypi/{path}", "HEAD")
        same = mirror.get(f"/pypi/{path}", If_None_Match=later.header("ETag"))
    finally:
        mirror.signal_app(signal.SIGCONT)
    for answer in (first, later, head):
        assert (200, "application/json") == (answer.status, answer.header("Content-Type"))
        assert serial == answer.header(SERIAL)
        assert "*" == answer.header("Access-Control-Allow-Origin")
        assert "public, max-age=600" == answer.header("Cache-Control")
        assert "Accept-Encoding" == answer.header("Vary")
        assert not answer.header("X-Larder-Folder")
    assert [expected] * 2 == [first.body, later.body]
    assert expected == gzip.decompress(packed.body)
    assert packed.header("ETag") != later.header("ETag")
    assert (304, serial) == (same.status, same.header(SERIAL))


def test_the_file_has_the_name_that_the_design_gives_it(mirror: Serving, pypi: FakePypi) -> None:
    """`json/{project}` is what bandersnatch's users look for."""
    mirror.get("/pypi/six/json")
    kept = mirror.config.repo_path / "json" / "six"
    assert sent(pypi, "six/json") == kept.read_bytes()


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/pypi/Flask_SQLAlchemy/json", "/pypi/flask-sqlalchemy/json"),
        ("/pypi/pypi/Flask-SQLAlchemy/json", "/pypi/flask-sqlalchemy/json"),
        ("/pypi/pypi/Flask.SQLAlchemy/json/", "/pypi/flask-sqlalchemy/json"),
        ("/pypi/Flask-SQLAlchemy/3.1.1/json", "/pypi/flask-sqlalchemy/3.1.1/json"),
        ("//pypi//six/json", "/pypi/six/json"),
    ],
)
def test_every_spelling_leads_to_the_document(mirror: Serving, path: str, location: str) -> None:
    """By one redirect that names no host; Dependabot asks with upstream's spelling."""
    answer = mirror.get(path, Host="evil.example.org")
    if answer.status != 200:
        assert (301, location) == (answer.status, answer.header("Location"))
        answer = mirror.get(location)
    assert 200 == answer.status


def test_another_spelling_of_a_version_is_the_pages_own(mirror: Serving, pypi: FakePypi) -> None:
    """Endless spellings make one file."""
    pypi.add(make_wheel("round", "2.0"))
    for version in ("2", "2.0", "2.0.0", "v2.0"):
        assert sent(pypi, "round/2.0/json") == mirror.get(f"/pypi/round/{version}/json").body
    folder = mirror.config.repo_path / "simple" / "round" / "legacy" / "releases"
    assert ["2.0.json", "2.0.json.gz"] == sorted(path.name for path in folder.iterdir())


def test_what_upstream_has_not_is_404_and_asked_for_once(mirror: Serving, pypi: FakePypi) -> None:
    """A project, a release that no page lists, a quarantined project."""
    pypi.add(make_wheel("bad", "1.0"))
    pypi.add_project("bad", status="quarantined")
    for path in ("nobody/json", "six/9.9/json", "six/no_such/json", "bad/json", "bad/1.0/json"):
        for _ in range(2):
            assert 404 == mirror.get(f"/pypi/{path}").status
    assert 0 == pypi.count("/pypi/six/9.9/json")
    assert 1 == pypi.count("/pypi/bad/json")


def test_a_new_generation_has_no_old_legacy_json(mirror: Serving, pypi: FakePypi) -> None:
    """Once the page has changed, whoever asks gets what is of the page's serial."""
    pypi.add(make_wheel("grow", "1.0"))
    old = [mirror.get(f"/pypi/grow/{path}json") for path in ("", "1.0/")]
    pypi.add(make_wheel("grow", "2.0"))
    bring(mirror, "grow")
    assert not (mirror.config.repo_path / "json" / "grow").is_symlink()
    new = [mirror.get(f"/pypi/grow/{path}json") for path in ("", "1.0/")]
    assert {str(pypi.project("grow").serial)} == {answer.header(SERIAL) for answer in new}
    assert [sent(pypi, f"grow/{path}json") for path in ("", "1.0/")] == [one.body for one in new]
    assert not {one.header("ETag") for one in old} & {one.header("ETag") for one in new}


def test_legacy_json_that_is_newer_brings_the_page_in_step(mirror: Serving, pypi: FakePypi) -> None:
    """A client never sees the two of different generations."""
    pypi.add(make_wheel("lead", "1.0"))
    mirror.get("/pypi/simple/lead/")
    pypi.add(make_wheel("lead", "2.0"))
    assert b"2.0" in mirror.get("/pypi/lead/json").body
    page = mirror.config.repo_path / "simple" / "lead" / "index.v1.json"
    assert ["1.0", "2.0"] == json.loads(page.read_bytes())["versions"]


def test_a_stale_copy_of_legacy_json_is_not_served(mirror: Serving, pypi: FakePypi) -> None:
    """Older than the page: later, and then it heals without anybody's hand."""
    pypi.add(make_wheel("lag", "1.0"))
    stale = sent(pypi, "lag/json")
    pypi.add(make_wheel("lag", "2.0"))
    mirror.get("/pypi/simple/lag/")
    pypi.inject(Replaced(stale, "application/json"), at="/pypi/lag/json")
    try:
        answer = mirror.get("/pypi/lag/json")
    finally:
        pypi.heal()
    assert 503 == answer.status
    assert answer.header("Retry-After")
    assert sent(pypi, "lag/json") == mirror.get("/pypi/lag/json").body


def test_whoever_polls_never_sees_two_generations(tmp_path: Path, pypi: FakePypi) -> None:
    """What is asked for later is never older; legacy JSON is of the serial over it."""
    changes = {"sync": {"retry": 0, "max_age": 0, "legacy_json": "mirror"}}
    pypi.add(make_wheel("poll", "1.0"))
    with Serving.of(tmp_path, pypi, **changes) as mirror:
        bring(mirror, "poll")
        stop = threading.Event()
        seen: list[tuple[int, int, int, int, int]] = []

        def poll() -> None:
            while not stop.is_set():
                html = html_serial(mirror)
                page = json.loads(mirror.get("/pypi/simple/poll/", Accept=JSON).body)
                answer = mirror.get("/pypi/poll/json")
                inside = json.loads(answer.body)["last_serial"]
                over = int(answer.header(SERIAL))
                seen.append((html, page["meta"]["_last-serial"], inside, over, html_serial(mirror)))

        poller = threading.Thread(target=poll)
        poller.start()
        try:
            # As many as it takes a slow poller to see some of them.
            for _ in range(1000):
                pypi.touch("poll")
                bring(mirror, "poll")
                if len({one[2] for one in tuple(seen)}) > 20:
                    break
        finally:
            stop.set()
            poller.join()
        assert 20 < len(seen)
        for html, page, inside, over, again in seen:
            assert html <= page <= inside == over <= again
        assert 20 < len({one[2] for one in seen})


def html_serial(mirror: Serving) -> int:
    """Return the serial at the end of the HTML page, where PyPI has it."""
    page = mirror.get("/pypi/simple/poll/", Accept="text/html").body
    found = re.search(rb"<!--SERIAL (\d+)-->", page)
    assert found is not None
    return int(found[1])


@pytest.mark.parametrize(("fault", "status"), [(Status(503), 503), (GzipBomb(200 << 20), 502)])
def test_upstreams_faults_leave_nothing_behind(
    mirror: Serving, pypi: FakePypi, fault: Status | GzipBomb, status: int
) -> None:
    """The next try is right; a bomb is put down."""
    name = f"fault-{status}"
    pypi.add(make_wheel(name, "1.0"))
    pypi.inject(fault, at=f"/pypi/{name}/json")
    try:
        assert status == mirror.get(f"/pypi/{name}/json").status
    finally:
        pypi.heal()
    assert 200 == mirror.get(f"/pypi/{name}/json").status


def test_the_root_says_its_serial(mirror: Serving, pypi: FakePypi) -> None:
    """As its body does; before there is a root there is none to say."""
    assert not mirror.get("/pypi/simple/").header(SERIAL)
    assert 200 == mirror.get("/pypi/simple/six/").status
    for _ in range(2):
        pypi.touch("six")
        assert 0 == sync_index(["-q", "-c", str(mirror.path)])
        for accept in ("text/html", JSON, f"{JSON};q=0.9", "application/vnd.pypi.simple.v1+html"):
            answer = mirror.get("/pypi/simple/", Accept=accept)
            assert answer.header(SERIAL).encode() in answer.body
            assert not mirror.get("/pypi/simple/six/", Accept=accept).header(SERIAL)
    assert [] == mirror.errors()
