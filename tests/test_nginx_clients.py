"""What programs ask a mirror for, beside pip's and uv's pages and files."""

import json
from collections.abc import Iterator

import pytest

from tests.fake_pypi import FakeFile, FakePypi, make_wheel
from tests.serving import Serving
from tests.web_fakes import WHEEL

pytestmark = pytest.mark.system

MICROPIP = "application/vnd.pypi.simple.v1+json, */*;q=0.01"


@pytest.fixture(scope="module")
def pypi() -> Iterator[FakePypi]:
    """Return an upstream."""
    with FakePypi() as running:
        yield running


@pytest.fixture(scope="module")
def wheel(pypi: FakePypi) -> FakeFile:
    """Return a file of it."""
    return pypi.add(make_wheel("six", "1.17.0"))


@pytest.fixture(scope="module")
def mirror(
    pypi: FakePypi, wheel: FakeFile, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving]:
    """Return a mirror that knows the project."""
    with Serving.of(tmp_path_factory.mktemp("clients"), pypi) as running:
        assert wheel.filename in running.get("/pypi/simple/six/").body.decode()
        yield running


@pytest.mark.parametrize(
    "path",
    [
        # Dependabot: the index with `/simple/` replaced by `/pypi/`, and a name as it is
        # written in somebody's requirements.
        "/pypi/pypi/Six/json",
        "/pypi/pypi/six/json",
        # Renovate, and Dependabot with `…/pypi/` for the index.
        "/pypi/six/json",
        "/pypi/six/json/",
        # poetry.
        "/pypi/six/1.17.0/json",
        "/pypi/pypi/six/1.17.0/json",
        # A pip.conf of bandersnatch's time, turned round as Dependabot does.
        "/pypi/web/pypi/Six/json",
        "/pypi/web/json/six",
    ],
)
def test_legacy_json_is_found_where_tools_look(mirror: Serving, path: str) -> None:
    """By redirects within the mirror, if any."""
    answer = mirror.get(path)
    for _ in range(2):
        if answer.status == 301:
            assert answer.header("Location").startswith("/pypi/")
            answer = mirror.get(answer.header("Location"))
    assert (200, "six") == (answer.status, json.loads(answer.body)["info"]["name"])


def test_web_is_a_project_too(mirror: Serving, pypi: FakePypi) -> None:
    """Its legacy JSON is where every project's is."""
    pypi.add(make_wheel("web", "1.0"))
    for path in ("/pypi/web/json", "/pypi/web/1.0/json", "/pypi/pypi/web/json"):
        answer = mirror.get(path)
        assert (200, "web") == (answer.status, json.loads(answer.body)["info"]["name"])


@pytest.mark.parametrize(
    ("path", "status", "location"),
    [
        ("/pypi/web/simple", 301, "/pypi/simple/"),
        ("/pypi/web/simple/", 301, "/pypi/simple/"),
        ("/pypi/web/simple/six/", 301, "/pypi/simple/six/"),
        ("/pypi/web/simple/six", 301, "/pypi/simple/six/"),
        ("/pypi//web/simple//six//?format=text/html", 301, "/pypi/simple/six/?format=text/html"),
        ("/pypi/web/simple/Foo__Bar", 301, "/pypi/simple/foo-bar/"),
        ("/pypi/web/Six/", 302, "{upstream}project/Six/"),
        ("/pypi/web/project/six", 302, "{upstream}project/six/"),
    ],
)
def test_what_lay_below_web_is_found(
    mirror: Serving, path: str, status: int, location: str
) -> None:
    """Bandersnatch's layout; and a project's page for people, which is upstream's."""
    answer = mirror.get(path, Host="evil.example.org")
    expected = location.replace("{upstream}", mirror.config.upstream.pypi_url)
    assert (status, expected) == (answer.status, answer.header("Location"))


def test_files_below_web_are_files(mirror: Serving, wheel: FakeFile) -> None:
    """With their ranges, which uv would not have through a redirect."""
    held = mirror.hold("hot", wheel.path, wheel.content)
    answer = mirror.get(f"/pypi/web/packages/{wheel.path}", Range="bytes=-10")
    assert (206, wheel.content[-10:]) == (answer.status, answer.body)
    held.unlink()
    assert 302 == mirror.get(f"/pypi/web/packages/{wheel.path}").status


@pytest.mark.parametrize("path", ["/pypi/simple//six/", "/pypi/simple//six", "//pypi/simple/six/"])
def test_pipenv_gets_its_page_in_one_redirect(mirror: Serving, path: str) -> None:
    """It joins an index that ends in a slash with another slash."""
    answer = mirror.get(path, Accept="*/*")
    assert (301, "/pypi/simple/six/") == (answer.status, answer.header("Location"))
    assert 200 == mirror.get(answer.header("Location"), Accept="*/*").status


def test_pixi_gets_a_file_that_is_newer_than_the_index(mirror: Serving) -> None:
    """It maps PyPI's file URLs onto the mirror: what is well formed goes upstream."""
    answer = mirror.get(f"/pypi/packages/{WHEEL}")
    expected = mirror.config.upstream.redirect_url[0] + WHEEL
    assert (302, expected) == (answer.status, answer.header("Location"))


@pytest.mark.parametrize(
    ("path", "status", "headers"),
    [
        ("/pypi/simple/six/", 200, {"Accept": MICROPIP}),
        ("/pypi/simple/", 200, {"Accept": MICROPIP}),
        ("/pypi/simple/Six/", 301, {}),
        ("/pypi/simple/six", 301, {}),
        ("/pypi/web/simple/six/", 301, {}),
        ("/pypi/simple/nobody/", 404, {}),
        ("/pypi/simple/six/", 406, {"Accept": "image/png"}),
        ("/pypi/six/json", 200, {}),
        ("/pypi/six/9.9/json", 404, {}),
        (f"/pypi/packages/{WHEEL}", 302, {}),
        (f"/pypi/packages/{WHEEL}.metadata", 302, {}),
        ("/pypi/packages/x", 404, {}),
        ("/pypi/simple/%2e%2e/", 400, {}),
        ("/nowhere", 404, {}),
    ],
)
def test_micropip_may_read_every_answer(
    mirror: Serving, path: str, status: int, headers: dict[str, str]
) -> None:
    """It runs in browsers, which hide an answer, a redirect too, without this one header."""
    answer = mirror.get(path, Origin="https://example.org", **headers)
    assert (status, "*") == (answer.status, answer.header("Access-Control-Allow-Origin"))


def test_no_folder_is_403_or_a_list(mirror: Serving, wheel: FakeFile) -> None:
    """With a slash at its end or without, wherever it lies: at a 403 uv stops."""
    mirror.hold("hot", wheel.path, wheel.content)
    repo = mirror.config.repo_path
    folders = [path for path in repo.rglob("*") if path.is_dir()]
    assert len(folders) > 20
    for folder in folders:
        place = folder.relative_to(repo)
        roots = [f"/pypi/{place}", f"/{place}", f"/pypi/packages/{'/'.join(place.parts[1:])}"]
        for path in roots:
            for end in ("", "/"):
                answer = mirror.get(path.rstrip("/") + end)
                assert answer.status in {200, 301, 302, 404}
                assert b"Index of" not in answer.body
