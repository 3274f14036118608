"""Tests of the simple index through real nginx and gunicorn."""

import gzip
import json
import signal
import threading
from collections.abc import Iterator

import pytest

from app.model import PageFormat
from app.pages.accept import CLIENT_ACCEPTS
from tests.fake_pypi import CutBody, FakePypi, Slow, Status, make_wheel
from tests.serving import Answer, Serving, wait_until

pytestmark = pytest.mark.system

JSON = PageFormat.JSON.value


@pytest.fixture(scope="module")
def pypi() -> Iterator[FakePypi]:
    """Return an upstream with one project."""
    with FakePypi() as running:
        running.add(make_wheel("six", "1.17.0"))
        yield running


@pytest.fixture(scope="module")
def mirror(pypi: FakePypi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Return a mirror of it."""
    with Serving.of(tmp_path_factory.mktemp("pages"), pypi) as running:
        yield running


@pytest.fixture
def known(mirror: Serving) -> Serving:
    """Return the mirror with the project brought in."""
    assert 200 == mirror.get("/pypi/simple/six/").status
    return mirror


def test_a_second_request_never_reaches_python(known: Serving) -> None:
    """Not in any of the formats that clients ask for, nor compressed, nor by HEAD."""
    known.signal_app(signal.SIGSTOP)
    try:
        for accept, wanted in CLIENT_ACCEPTS.items():
            for headers in ({"Accept": accept}, {"Accept": accept, "Accept_Encoding": "gzip"}):
                for method in ("GET", "HEAD"):
                    answer = known.get("/pypi/simple/six/", method, **headers)
                    assert 200 == answer.status
                    assert wanted.value == _kind(answer)
        assert "text/html" == _kind(known.get("/pypi/simple/six/"))
    finally:
        known.signal_app(signal.SIGCONT)


def test_a_project_is_fetched_once_for_all_who_ask_at_once(mirror: Serving, pypi: FakePypi) -> None:
    """Ten clients that ask for a new project cause one fetch."""
    pypi.add(make_wheel("crowd", "1.0"))
    pypi.inject(Slow(0.3), at="/simple/crowd/")
    answers: list[Answer] = []
    threads = [
        threading.Thread(target=lambda: answers.append(mirror.get("/pypi/simple/crowd/")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [200] * 8 == [answer.status for answer in answers]
    assert 1 == pypi.count("/simple/crowd/")


def test_the_formats_say_what_they_are(known: Serving) -> None:
    """Type, caching, and what the answer depends on; the same when the app is asked."""
    for accept, kind in (
        ("", "text/html; charset=utf-8"),
        ("text/*;q=0.5", "text/html; charset=utf-8"),
        (JSON, JSON),
        (f"{JSON};q=0.9", JSON),
        (PageFormat.V1_HTML.value, f"{PageFormat.V1_HTML.value}; charset=utf-8"),
    ):
        answer = known.get("/pypi/simple/six/", Accept=accept)
        assert kind == answer.header("Content-Type")
        assert "public, max-age=600" == answer.header("Cache-Control")
        assert {"Accept", "Accept-Encoding"} == set(answer.header("Vary").split(", "))
        assert "*" == answer.header("Access-Control-Allow-Origin")
        assert "nosniff" == answer.header("X-Content-Type-Options")


def test_the_pages_list_the_file_below_packages(known: Serving) -> None:
    """Links are relative, so that any host name will do."""
    page = json.loads(known.get("/pypi/simple/six/", Accept=JSON).body)
    assert page["files"][0]["url"].startswith("../../packages/")
    assert b'href="../../packages/' in known.get("/pypi/simple/six/").body


def test_format_is_decided_by_the_application(known: Serving) -> None:
    """`?format=` wins over Accept."""
    answer = known.get(f"/pypi/simple/six/?format={JSON}", Accept="text/html")
    assert JSON == _kind(answer)
    assert 406 == known.get("/pypi/simple/six/?format=nonsense").status
    assert 406 == known.get("/pypi/simple/six/", Accept="image/png").status


def test_a_compressed_page_is_the_same_page(known: Serving) -> None:
    """And has an ETag of its own, as each format has."""
    tags = set()
    for accept in ("text/html", JSON):
        plain = known.get("/pypi/simple/six/", Accept=accept)
        packed = known.get("/pypi/simple/six/", Accept=accept, Accept_Encoding="gzip")
        assert "gzip" == packed.header("Content-Encoding")
        assert plain.body == gzip.decompress(packed.body)
        tags |= {plain.header("ETag"), packed.header("ETag")}
    assert 4 == len(tags)


def test_an_unchanged_page_is_304(known: Serving) -> None:
    """With the headers that a cache needs."""
    tag = known.get("/pypi/simple/six/", Accept=JSON).header("ETag")
    answer = known.get("/pypi/simple/six/", Accept=JSON, If_None_Match=tag)
    assert 304 == answer.status
    assert "Accept" in answer.header("Vary")
    assert "public, max-age=600" == answer.header("Cache-Control")


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/pypi/simple/six", "/pypi/simple/six/"),
        ("/pypi/simple//six/", "/pypi/simple/six/"),
        ("/pypi//simple/six//", "/pypi/simple/six/"),
        ("//pypi/simple/six/", "/pypi/simple/six/"),
        ("/pypi/simple/Six/", "/pypi/simple/six/"),
        ("/pypi/simple/Flask_SQLAlchemy", "/pypi/simple/flask-sqlalchemy/"),
        ("/pypi/simple/a.b__c/?format=text/html", "/pypi/simple/a-b-c/?format=text/html"),
        ("/pypi/simple", "/pypi/simple/"),
        ("/pypi/simple//", "/pypi/simple/"),
        ("/pypi", "/pypi/"),
    ],
)
def test_every_spelling_leads_to_one_url(mirror: Serving, path: str, location: str) -> None:
    """By a permanent redirect that names a path and no host."""
    answer = mirror.get(path, Host="evil.example.org")
    assert 301 == answer.status
    assert location == answer.header("Location")


def test_a_redirect_does_not_bring_a_project_in(mirror: Serving, pypi: FakePypi) -> None:
    """Only the normalised URL asks upstream."""
    mirror.get("/pypi/simple/Never_Asked/")
    assert 0 == pypi.count("/simple/never-asked/")


def test_an_unknown_project_is_404_and_asked_for_once(mirror: Serving, pypi: FakePypi) -> None:
    """The second client gets the answer that the first one waited for."""
    for _ in range(3):
        answer = mirror.get("/pypi/simple/nobody/")
        assert 404 == answer.status
        assert "text/plain" == _kind(answer)
    assert 1 == pypi.count("/simple/nobody/")


def test_upstream_down_is_short_for_a_new_project_and_nothing_for_a_known_one(
    known: Serving, pypi: FakePypi
) -> None:
    """A clear 503 that says when to come back; what is here is served as ever."""
    pypi.inject(Status(503), at="/simple/*")
    try:
        answer = known.get("/pypi/simple/new/")
        assert 503 == answer.status
        assert "text/plain" == _kind(answer)
        assert answer.header("Retry-After")
        assert 200 == known.get("/pypi/simple/six/", Accept="text/*").status
    finally:
        pypi.heal()


def test_an_upstream_that_cannot_be_believed_is_502(mirror: Serving, pypi: FakePypi) -> None:
    """Nothing is written, so the next try can be right."""
    pypi.add(make_wheel("odd", "1.0"))
    pypi.inject(CutBody(100), at="/simple/odd/")
    try:
        answer = mirror.get("/pypi/simple/odd/")
        assert 502 == answer.status
        assert "text/plain" == _kind(answer)
    finally:
        pypi.heal()
    assert not (mirror.config.repo_path / "simple" / "odd").exists()


def test_the_root_is_an_index_from_the_start(mirror: Serving) -> None:
    """Empty, valid, in both formats; and a file once a job has written one."""
    page = mirror.get("/pypi/simple/", Accept=JSON)
    assert [] == json.loads(page.body)["projects"]
    simple = mirror.config.repo_path / "simple"
    (simple / "index.html").write_text("<!DOCTYPE html>")
    (simple / "index.v1.json").write_text("{}")
    try:
        for accept in (JSON, f"{JSON};q=0.9"):
            assert b"{}" == mirror.get("/pypi/simple/", Accept=accept).body
        assert b"<!DOCTYPE html>" == mirror.get("/pypi/simple/").body
    finally:
        (simple / "index.html").unlink()
        (simple / "index.v1.json").unlink()


def test_a_root_in_one_format_is_no_empty_list_in_the_other(mirror: Serving) -> None:
    """What is on disk is served, and what is missing is not made up."""
    simple = mirror.config.repo_path / "simple"
    (simple / "index.v1.json").write_text("{}")
    try:
        assert b"{}" == mirror.get("/pypi/simple/", Accept=JSON).body
        # nginx keeps what another test has put there open for two seconds.
        wait_until(lambda: mirror.get("/pypi/simple/").status == 503)
    finally:
        (simple / "index.v1.json").unlink()


@pytest.mark.parametrize(("lost", "kind"), [("index.v1.json", JSON), ("index.html", "text/html")])
def test_a_page_that_was_lost_comes_back(known: Serving, lost: str, kind: str) -> None:
    """The project is brought in once more."""
    page = known.config.repo_path / "simple" / "six" / lost
    page.unlink()
    # This value is the application's to read: nginx may know the page as open for a while.
    answer = known.get("/pypi/simple/six/", Accept=f"{kind};q=0.9")
    assert (200, kind) == (answer.status, _kind(answer))
    assert page.exists()


def test_a_page_that_vanished_is_404_and_no_loop(mirror: Serving) -> None:
    """The application sends nginx to a page once, and that is the end."""
    folder = mirror.config.repo_path / "simple" / "half"
    folder.mkdir()
    (folder / "index.html").touch()
    (folder / "index.v1.json").mkdir()
    assert 404 == mirror.get("/pypi/simple/half/", Accept=JSON).status


@pytest.mark.parametrize("path", ["/pypi/simple/empty/", "/pypi/packages/", "/pypi/packages/ab/"])
def test_a_folder_is_never_403(mirror: Serving, path: str) -> None:
    """At a 403 uv stops."""
    (mirror.config.repo_path / "simple" / "empty").mkdir(exist_ok=True)
    assert 404 == mirror.get(path).status


def test_the_front_door_says_what_this_is(mirror: Serving) -> None:
    """With the line to copy."""
    answer = mirror.get("/pypi/", Host="mirror.example.org:81")
    expected = b"pip install --index-url http://mirror.example.org:81/pypi/simple/ NAME"
    assert expected in answer.body
    answer = mirror.get("/")
    assert (302, "/pypi/") == (answer.status, answer.header("Location"))


def _kind(answer: Answer) -> str:
    return answer.header("Content-Type").partition(";")[0]
