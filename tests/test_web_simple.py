"""Tests of the pages' part of the application, without nginx."""

import time
from dataclasses import replace
from pathlib import Path

import falcon
import pytest
from falcon.testing import TestClient

from app.locks import LockTimeoutError
from app.names import ProjectName
from app.store import StoreError
from app.upstream import NoSuchProject, UpstreamUnavailable, UpstreamUntrusted
from app.web.application import create_app
from app.web.places import Places
from app.web.simple import Questions
from tests.fake_pypi import FakePypi
from tests.fake_pypi.asking import asking
from tests.web_fakes import Mirror

JSON = "application/vnd.pypi.simple.v1+json"
V1_HTML = "application/vnd.pypi.simple.v1+html"


@pytest.fixture
def mirror(tmp_path: Path, fake_pypi: FakePypi) -> Mirror:
    """Return an application's parts, with no project yet."""
    with asking(fake_pypi) as host:
        return Mirror(tmp_path / "simple", host)


@pytest.fixture
def client(mirror: Mirror) -> TestClient:
    """Return a client of the application."""
    return TestClient(create_app(mirror.parts()))


@pytest.mark.parametrize(
    ("accept", "location"),
    [
        (JSON, "@page_json"),
        ("application/vnd.pypi.simple.latest+json;q=0.3", "@page_json"),
        ("application/vnd.pypi.simple.v1+html", "@page_v1_html"),
        ("text/*", "@page_html"),
        ("*/*", "@page_html"),
    ],
)
def test_a_page_is_left_to_nginx(client: TestClient, accept: str, location: str) -> None:
    """The application says which page; nginx sends it, with a type of its own."""
    answer = client.simulate_get("/simple/six/", headers={"Accept": accept})
    assert location == answer.headers["X-Accel-Redirect"]
    assert "Content-Type" not in answer.headers
    assert b"" == answer.content


def test_format_wins_over_accept(client: TestClient) -> None:
    """`?format=` is for those who cannot set a header; its plus may arrive as a space."""
    for query in ("format=application/vnd.pypi.simple.v1%2Bjson", f"format={JSON}"):
        answer = client.simulate_get(
            "/simple/six/", query_string=query, headers={"Accept": "text/html"}
        )
        assert "@page_json" == answer.headers["X-Accel-Redirect"]


def test_what_cannot_be_offered_is_406_and_asks_nobody(client: TestClient, mirror: Mirror) -> None:
    """An answer that fits nothing says what there is."""
    answer = client.simulate_get("/simple/six/", headers={"Accept": "image/png"})
    assert falcon.HTTP_406 == answer.status
    assert JSON in answer.text
    assert [] == mirror.index.asked


def test_head_is_answered_as_get(client: TestClient) -> None:
    """HEAD is passed on as it is."""
    answer = client.simulate_head("/simple/six/")
    assert "@page_html" == answer.headers["X-Accel-Redirect"]


def test_a_project_that_is_here_is_not_asked_for(client: TestClient, mirror: Mirror) -> None:
    """An odd Accept for a known project waits for no lock and for no upstream."""
    client.simulate_get("/simple/six/")
    client.simulate_get("/simple/six/", headers={"Accept": "text/*"})
    assert ["six"] == mirror.index.asked
    assert 1 == mirror.counted("index_asks", "here")
    assert 1 == mirror.counted("index_asks", "found")


@pytest.mark.parametrize(
    ("error", "status", "outcome"),
    [
        (NoSuchProject("https://secret.example.org/six/", "is gone"), 404, "absent"),
        (UpstreamUnavailable("https://secret.example.org/six/", "is off"), 503, "unavailable"),
        (UpstreamUntrusted("https://secret.example.org/six/", "lies"), 502, "untrusted"),
        (LockTimeoutError("six was busy for 60 s"), 503, "unavailable"),
        (StoreError("database is locked"), 503, "unavailable"),
        (OSError(28, "No space left on secret device"), 503, "unavailable"),
    ],
)
def test_an_error_is_one_sentence_without_upstreams_url(
    client: TestClient, mirror: Mirror, error: Exception, status: int, outcome: str
) -> None:
    """A client reads what to do, as plain text; the log has the rest."""
    mirror.index.errors["six"] = error
    answer = client.simulate_get("/simple/six/")
    assert status == answer.status_code
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert 1 == len(answer.text.splitlines())
    assert "secret" not in answer.text
    assert (status == 503) == ("Retry-After" in answer.headers)
    assert 1 == mirror.counted("index_asks", outcome)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UpstreamUnavailable("https://example.org/six/", "is off"), "cannot ask upstream"),
        (LockTimeoutError("six was busy for 60 s"), "cannot ask upstream"),
        (StoreError("database or disk is full"), "cannot write"),
        (OSError(28, "No space left on device"), "cannot write"),
    ],
)
def test_a_503_says_whose_fault_it_is(
    client: TestClient, mirror: Mirror, error: Exception, said: str
) -> None:
    """A full disk is not upstream's."""
    mirror.index.errors["six"] = error
    assert said in client.simulate_get("/simple/six/").text


def test_an_unexpected_error_is_plain_text_too(client: TestClient, mirror: Mirror) -> None:
    """A fault of ours shows no traceback to clients, and no JSON."""
    mirror.index.errors["six"] = KeyError("secret")
    answer = client.simulate_get("/simple/six/")
    assert 500 == answer.status_code
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "secret" not in answer.text


def test_an_absent_project_is_not_asked_for_again_within_a_minute(
    client: TestClient, mirror: Mirror
) -> None:
    """A flood of one unknown name is one question upstream, until a minute has gone."""
    mirror.index.errors["nope"] = NoSuchProject("https://example.org/nope/", "is not there")
    assert [404, 404, 404] == [client.simulate_get("/simple/nope/").status_code for _ in range(3)]
    assert ["nope"] == mirror.index.asked
    mirror.clock.now += 60
    del mirror.index.errors["nope"]
    assert 204 == client.simulate_get("/simple/nope/").status_code
    assert ["nope", "nope"] == mirror.index.asked


def test_an_upstream_that_is_down_is_asked_again_at_once(
    client: TestClient, mirror: Mirror
) -> None:
    """Only "there is no such project" is remembered."""
    mirror.index.errors["six"] = UpstreamUnavailable("https://example.org/six/", "is off")
    client.simulate_get("/simple/six/")
    del mirror.index.errors["six"]
    assert 204 == client.simulate_get("/simple/six/").status_code


@pytest.mark.parametrize("name", ["-", "a b", "café", "_x", "x" * 231, "..", "."])
def test_a_name_that_is_none_is_404_and_asks_nobody(
    client: TestClient, mirror: Mirror, name: str
) -> None:
    """What cannot be a project is not looked for."""
    assert 404 == client.simulate_get(f"/simple/{name}/").status_code
    assert 404 == client.simulate_get(f"/names/{name}").status_code
    assert [] == mirror.index.asked


@pytest.mark.parametrize(
    ("spelling", "location"),
    [
        ("Flask_SQLAlchemy", "/pypi/simple/flask-sqlalchemy/"),
        ("a.-_b", "/pypi/simple/a-b/"),
        ("SIX", "/pypi/simple/six/"),
    ],
)
def test_a_spelling_leads_to_the_name(client: TestClient, spelling: str, location: str) -> None:
    """Once and for ever, with the query, and by path alone."""
    answer = client.simulate_get(f"/names/{spelling}")
    assert falcon.HTTP_301 == answer.status
    assert location == answer.headers["Location"]
    answer = client.simulate_get(f"/names/{spelling}", query_string="format=text/html")
    assert f"{location}?format=text/html" == answer.headers["Location"]


@pytest.mark.parametrize(("accept", "kind"), [(JSON, JSON), ("text/html", "text/html")])
def test_the_root_is_an_empty_list_until_there_is_one(
    client: TestClient, accept: str, kind: str
) -> None:
    """A fresh mirror has a valid index, which no cache keeps."""
    answer = client.simulate_get("/simple/", headers={"Accept": accept})
    assert 200 == answer.status_code
    assert answer.headers["Content-Type"].startswith(kind)
    assert "no-cache" == answer.headers["Cache-Control"]
    assert "Accept" == answer.headers["Vary"]
    if kind == JSON:
        assert [] == answer.json["projects"]
    else:
        assert "<a " not in answer.text


def test_the_root_is_nginxs_once_it_is_there(client: TestClient, mirror: Mirror) -> None:
    """A written list is sent from disk."""
    mirror.simple.mkdir()
    for page in ("index.html", "index.v1.json"):
        (mirror.simple / page).touch()
    answer = client.simulate_get("/simple/", headers={"Accept": JSON})
    assert "@page_json" == answer.headers["X-Accel-Redirect"]


@pytest.mark.parametrize(
    ("page", "good", "bad"),
    [
        ("index.html", ["text/html", V1_HTML], [JSON]),
        ("index.v1.json", [JSON], ["text/html", V1_HTML]),
    ],
)
def test_a_root_in_one_format_is_no_empty_list_in_the_other(
    client: TestClient, mirror: Mirror, page: str, good: list[str], bad: list[str]
) -> None:
    """A client that believes an empty list would forget every project."""
    mirror.simple.mkdir()
    (mirror.simple / page).touch()
    for accept in good:
        answer = client.simulate_get("/simple/", headers={"Accept": accept})
        assert "X-Accel-Redirect" in answer.headers
    for accept in bad:
        answer = client.simulate_get("/simple/", headers={"Accept": accept})
        assert 503 == answer.status_code
        assert answer.headers["Retry-After"]


@pytest.mark.parametrize("page", ["index.html", "index.v1.json"])
def test_a_project_with_one_page_is_asked_for_again(
    client: TestClient, mirror: Mirror, page: str
) -> None:
    """Both formats are here, or the project is not."""
    client.simulate_get("/simple/six/")
    (mirror.simple / "six" / page).unlink()
    assert 204 == client.simulate_get("/simple/six/", headers={"Accept": "text/*"}).status_code
    assert ["six", "six"] == mirror.index.asked
    assert (mirror.simple / "six" / page).exists()


def test_who_finds_no_place_is_told_to_come_again(mirror: Mirror) -> None:
    """Upstream's slowness takes a part of the threads, never all."""
    places = Places(1, 0.01)
    questions = Questions(mirror.index, mirror.simple, places, mirror.metrics, mirror.clock)
    parts = mirror.parts()
    client = TestClient(create_app(replace(parts, questions=questions)))
    with places.one():
        answer = client.simulate_get("/simple/six/")
    assert 503 == answer.status_code
    assert [] == mirror.index.asked
    assert 204 == client.simulate_get("/simple/six/").status_code


def test_who_finds_no_place_in_the_queue_is_told_at_once(mirror: Mirror) -> None:
    """Each who waits takes a thread, so not everybody may."""
    places = Places(1, 30, queue=0)
    questions = Questions(mirror.index, mirror.simple, places, mirror.metrics, mirror.clock)
    client = TestClient(create_app(replace(mirror.parts(), questions=questions)))
    with places.one():
        began = time.monotonic()
        answer = client.simulate_get("/simple/six/")
    assert 503 == answer.status_code
    assert answer.headers["Retry-After"]
    assert time.monotonic() - began < 1
    # Whoever was turned away has taken nothing from those who come later.
    for name in ("six", "seven"):
        assert 204 == client.simulate_get(f"/simple/{name}/").status_code


def test_a_name_is_forgotten_when_too_many_others_came(mirror: Mirror) -> None:
    """The memory for absent names is bounded."""
    questions = mirror.parts().questions
    for number in range(10_001):
        questions.absent.add(ProjectName(f"p{number}"), 0)
    assert not questions.absent.has(ProjectName("p0"), 1)
    assert questions.absent.has(ProjectName("p1"), 1)
