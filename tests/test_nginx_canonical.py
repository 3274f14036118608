"""The second index, `/canonical/simple/`, through real nginx and gunicorn."""

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.config import load
from app.pages.accept import CLIENT_ACCEPTS
from jobs.exit_codes import ExitCode
from tests.fake_pypi import FakeFile, FakePypi, make_sdist, make_wheel
from tests.mirrors import write_config
from tests.serving import Answer, Serving

pytestmark = pytest.mark.system

JSON = "application/vnd.pypi.simple.v1+json"
SIX = "/pypi/canonical/simple/six/"
ON = {"projects": "on-demand", "canonical": True}


@pytest.fixture(scope="module")
def pypi() -> Iterator[FakePypi]:
    """Return an upstream with one project."""
    with FakePypi() as running:
        link = f"{running.url}/integrity/six/1.17.0/six-1.17.0-py3-none-any.whl/provenance"
        running.add(make_wheel("six", "1.17.0"), extra={"provenance": link})
        yield running


@pytest.fixture(scope="module")
def mirror(pypi: FakePypi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Return a mirror that has the second index."""
    with Serving.of(tmp_path_factory.mktemp("canonical"), pypi, index=ON) as running:
        yield running


def urls(answer: Answer) -> list[str]:
    """Return the files' URLs of a page in whatever format."""
    assert 200 == answer.status
    if answer.header("Content-Type") == JSON:
        return [file["url"] for file in json.loads(answer.body)["files"]]
    return re.findall(r'<a href="([^"#]*)', answer.body.decode())


def test_its_links_are_upstreams_own(mirror: Serving, pypi: FakePypi) -> None:
    """In every format, from the first request on; and those of the first index are ours."""
    (file,) = pypi.project("six").files
    expected = [f"{pypi.packages_url}{file.path}"]
    for accept in (JSON, "text/html", "*/*", "application/vnd.pypi.simple.v1+html"):
        assert expected == urls(mirror.get(SIX, Accept=accept))
        (ours,) = urls(mirror.get("/pypi/simple/six/", Accept=accept))
        assert f"../../packages/{file.path}" == ours


def test_it_is_the_same_but_for_the_links(mirror: Serving, pypi: FakePypi) -> None:
    """Digests, versions, provenance's place upstream, the serial."""
    for path in (SIX, "/pypi/simple/six/"):
        mirror.get(path)
    found = json.loads(mirror.get(SIX, Accept=JSON).body)
    ours = json.loads(mirror.get("/pypi/simple/six/", Accept=JSON).body)
    assert found["files"][0].pop("provenance").startswith(pypi.url)
    del ours["files"][0]["provenance"]
    for page in (found, ours):
        del page["files"][0]["url"]
    assert ours == found


def test_a_second_request_never_reaches_python(mirror: Serving) -> None:
    """Nor the list of projects, once there is one; gzip, ETags and Vary are as ever."""
    mirror.get(SIX)
    mirror.signal_app(signal.SIGSTOP)
    try:
        for accept, wanted in CLIENT_ACCEPTS.items():
            answer = mirror.get(SIX, Accept=accept, Accept_Encoding="gzip")
            assert (200, "gzip") == (answer.status, answer.header("Content-Encoding"))
            assert wanted.value == answer.header("Content-Type").partition(";")[0]
            assert "Accept-Encoding, Accept" == answer.header("Vary")
            tag = answer.header("ETag")
            again = mirror.get(SIX, Accept=accept, Accept_Encoding="gzip", If_None_Match=tag)
            assert 304 == again.status
    finally:
        mirror.signal_app(signal.SIGCONT)


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/pypi/canonical/simple", "/pypi/canonical/simple/"),
        ("/pypi/canonical/simple/six", SIX),
        ("/pypi/canonical/simple//six/", SIX),
        ("/pypi/canonical/simple/Six/?x=1", f"{SIX}?x=1"),
        ("/pypi/canonical/simple/Foo__Bar", "/pypi/canonical/simple/foo-bar/"),
        ("/pypi/canonical/pypi/Six/json", "/pypi/pypi/Six/json"),
    ],
)
def test_every_spelling_leads_to_one_url(mirror: Serving, path: str, location: str) -> None:
    """Within the second index."""
    answer = mirror.get(path)
    assert (301, location) == (answer.status, answer.header("Location"))


def test_the_list_of_projects_is_the_same(mirror: Serving) -> None:
    """Its links are relative."""
    for accept in (JSON, "text/html", "text/html;q=0.9, image/x"):
        found = mirror.get("/pypi/canonical/simple/", Accept=accept)
        assert 200 == found.status
        assert found.body == mirror.get("/pypi/simple/", Accept=accept).body


def test_an_unknown_project_is_404(mirror: Serving) -> None:
    """As in the first index."""
    assert 404 == mirror.get("/pypi/canonical/simple/nobody/").status


def test_a_file_of_another_place_keeps_its_place(mirror: Serving, pypi: FakePypi) -> None:
    """Whatever characters are in its URL."""
    url = f"{pypi.url}/root/a b&c/other-1.0.tar.gz"
    pypi.add_file("other", "other-1.0.tar.gz", b"x", url=url)
    expected = [url.replace(" ", "%20")]
    assert expected == urls(mirror.get("/pypi/canonical/simple/other/", Accept=JSON))


def test_a_page_that_was_lost_comes_back(mirror: Serving, pypi: FakePypi) -> None:
    """From what is here: upstream is not asked."""
    pypi.add(make_wheel("lost", "1.0"))
    path = "/pypi/canonical/simple/lost/"
    expected = mirror.get(path).body
    (mirror.config.repo_path / "simple" / "lost" / "canonical.html").unlink()
    pypi.forget_requests()
    assert expected == mirror.get(path).body
    assert () == pypi.requests


def test_the_key_may_come_and_go(tmp_path: Path, pypi: FakePypi) -> None:
    """The next run writes, or deletes, the pages of what is here, and fetches none anew."""
    for name in ("here", "there"):
        pypi.add(make_wheel(name, "1.0"))
    with Serving.of(tmp_path, pypi) as first:
        for name in ("here", "there"):
            assert 200 == first.get(f"/pypi/simple/{name}/").status
        assert 404 == first.get("/pypi/canonical/simple/here/").status
        assert 404 == first.get("/pypi/canonical/simple/").status
    page = tmp_path / "repo" / "simple" / "there" / "canonical.html"
    assert not page.exists()
    pypi.forget_requests()
    with Serving.of(tmp_path, pypi, index=ON) as second:
        # Before any job has run: whoever asks gets it, from what is here.
        assert 200 == second.get("/pypi/canonical/simple/here/").status
        assert 0 == pypi.count("/simple/here/")
        assert ExitCode.DONE == _sync(second.path)
        assert page.exists()
        assert 0 == pypi.count("/simple/there/") - _not_modified(pypi)
    assert load(write_config(tmp_path, pypi)).canonical is False
    assert ExitCode.DONE == _sync(tmp_path / "larder.yaml")
    assert not page.exists()


def _sync(path: Path) -> int:
    return subprocess.run(
        [sys.executable, "-m", "jobs.sync_index", "-c", str(path)], check=False
    ).returncode


def _not_modified(pypi: FakePypi) -> int:
    """Return how often upstream was only asked whether it has changed."""
    return sum(
        1
        for request in pypi.requests
        if request.path == "/simple/there/" and "if-none-match" in request.headers
    )


def test_uv_locks_upstreams_urls(mirror: Serving, pypi: FakePypi, tmp_path: Path) -> None:
    """A lock that is made through the second index names no mirror's file."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        pytest.skip("uv is not installed")
    file: FakeFile = pypi.add(make_sdist("locked", "1.0"))
    wheel = pypi.add(make_wheel("locked", "1.0"))
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.11"\n'
        'dependencies = ["locked"]\n'
    )
    index = f"http://127.0.0.1:{mirror.config.listen.port}/pypi/canonical/simple/"
    command = [uv, "lock", "--no-config", "--default-index", index, "--cache-dir", "cache"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    lock = (tmp_path / "uv.lock").read_text()
    for one in (file, wheel):
        assert f'url = "{pypi.packages_url}{one.path}"' in lock
