"""What filters refuse, through real nginx and gunicorn."""

import hashlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.config import Config, load
from app.names import FilePath
from app.steps import DenyFiles
from app.traffic import Answer, Kind
from jobs.exit_codes import ExitCode
from jobs.parts import Parts
from tests.fake_pypi import FakeFile, FakePypi, make_sdist, make_wheel
from tests.mirrors import write_config
from tests.serving import Serving, wait_until
from tests.test_nginx_traffic import served
from tests.test_rerender import sync

pytestmark = pytest.mark.system


@dataclass
class Filtered:
    """A mirror with filters, and what its upstream has."""

    mirror: Serving
    pypi: FakePypi
    wheel: FakeFile
    sdist: FakeFile
    young: FakeFile
    bad: FakeFile
    only: FakeFile

    def url(self, file: FakeFile, suffix: str = "") -> str:
        """Return where a client asks for a file."""
        return f"/pypi/packages/{file.path}{suffix}"


@pytest.fixture(scope="module")
def filtered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filtered]:
    """Return a mirror, in step, that proxies for whoever asks."""
    folder = tmp_path_factory.mktemp("filters")
    with FakePypi() as pypi:
        wheel, sdist = pypi.add(make_wheel("six", "1.0")), pypi.add(make_sdist("six", "1.0"))
        young = pypi.add(make_wheel("six", "2.0"), upload_time="2999-01-01T00:00:00.000000Z")
        bad = pypi.add(make_wheel("bad", "1.0"))
        only = pypi.add(make_wheel("only", "1.0"))
        pypi.add(make_wheel("evil", "1.0"))
        digest = hashlib.sha256(bad.content).hexdigest()
        filters = {
            "hidden": "403",
            "projects": {"deny": ["evil"], "metadata_only": ["only"], "max_releases": 2},
            "releases": {"min_age": "3d"},
            "files": {"kinds": "wheel", "deny_sha256": digest},
        }
        modes = {"default": "proxy"}
        with Serving.of(folder, pypi, filters=filters, ip_modes=modes) as mirror:
            for name in ("six", "bad", "only"):
                assert 200 == mirror.get(f"/pypi/simple/{name}/").status
            yield Filtered(mirror, pypi, wheel, sdist, young, bad, only)


def test_what_is_let_through_is_passed_through(filtered: Filtered) -> None:
    """As without filters, and its core metadata too."""
    answer = filtered.mirror.get(filtered.url(filtered.wheel))
    assert (200, filtered.wheel.content) == (answer.status, answer.body)
    answer = filtered.mirror.get(filtered.url(filtered.wheel, ".metadata"))
    assert (200, filtered.wheel.metadata) == (answer.status, answer.body)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("sdist", "filters.files.kinds: it is of the kind 'sdist'."),
        ("young", "filters.releases.min_age: it is younger than that."),
        ("bad", "filters.files.deny_sha256: its SHA-256 is denied."),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_is_hidden_is_refused_with_the_reason(
    filtered: Filtered, name: str, reason: str, method: str
) -> None:
    """At its URL, and at that of its core metadata; nobody is sent to upstream."""
    file: FakeFile = getattr(filtered, name)
    for suffix in ("", ".metadata"):
        answer = filtered.mirror.get(filtered.url(file, suffix), method)
        assert (403, "") == (answer.status, answer.header("Location"))
        assert "no-store" == answer.header("Cache-Control")
        assert "*" == answer.header("Access-Control-Allow-Origin")
        assert "" == answer.header("X-Larder-Reason")
        if method == "GET":
            assert reason == answer.body.decode().strip().removesuffix(".") + "."


def test_what_no_page_lists_is_refused_where_its_age_counts(filtered: Filtered) -> None:
    """A client with a newer list than ours is no way around."""
    path = f"/pypi/packages/ab/cd/{'0' * 60}/six-3.0-py3-none-any.whl"
    answer = filtered.mirror.get(path)
    assert 403 == answer.status
    assert b"filters.releases.min_age" in answer.body


def test_a_file_of_a_project_that_nobody_asked_for_is_judged_by_its_page(
    filtered: Filtered,
) -> None:
    """Locks name files by their URLs: the project is brought in, and then it is decided."""
    old = filtered.pypi.add(make_wheel("locked", "1.0"), upload_time="2020-01-01T00:00:00Z")
    new = filtered.pypi.add(make_wheel("locked", "2.0"), upload_time="2999-01-01T00:00:00Z")
    answer = filtered.mirror.get(filtered.url(old))
    assert (200, old.content) == (answer.status, answer.body)
    assert 1 == filtered.pypi.count("/simple/locked/")
    assert 403 == filtered.mirror.get(filtered.url(new)).status
    path = f"/pypi/packages/ab/cd/{'0' * 60}/nowhere-3.0-py3-none-any.whl"
    assert 404 == filtered.mirror.get(path).status


def test_a_project_of_metadata_only_is_listed_and_redirected(filtered: Filtered) -> None:
    """Though this client is one to be proxied for, and HEAD and small ranges are for all."""
    url = filtered.url(filtered.only)
    for answer in (
        filtered.mirror.get(url),
        filtered.mirror.get(url),
        filtered.mirror.get(url, "HEAD"),
        filtered.mirror.get(url, Range="bytes=0-99"),
    ):
        assert 302 == answer.status
        assert answer.header("Location").endswith(filtered.only.path)


def test_what_is_refused_is_counted_as_denied(filtered: Filtered, tmp_path: Path) -> None:
    """By the application, by nginx alone, and where the project had to be asked for first."""
    for version in ("1.0", "1.1"):
        filtered.pypi.add(make_sdist("asked", version))
    asked = filtered.pypi.add(make_wheel("asked", "2.0"))
    filtered.mirror.stop_nginx()
    filtered.mirror.runtime.traffic_spool.unlink(missing_ok=True)
    filtered.mirror.start_nginx()
    before = filtered.mirror.counted("decisions", "denied")
    for file in (filtered.sdist, filtered.bad, asked):
        assert 403 == filtered.mirror.get(filtered.url(file)).status
    path = f"/pypi/packages/ab/cd/{'0' * 60}/evil-1.0-py3-none-any.whl"
    assert 403 == filtered.mirror.get(path).status
    assert 302 == filtered.mirror.get(filtered.url(filtered.only)).status
    # One of them never came to the application.
    assert before + 3 == filtered.mirror.counted("decisions", "denied")
    try:
        found = served(filtered.mirror, tmp_path)
    finally:
        filtered.mirror.start_nginx()
    expected = {Kind(Answer.ERROR, "", "denied"): 4, Kind(Answer.REDIRECT, "", "not-held"): 1}
    assert expected == {kind: amount.requests for kind, amount in found.items()}


def test_a_hidden_project_is_answered_as_configured(filtered: Filtered) -> None:
    """Its page, its legacy JSON; upstream is not asked."""
    filtered.pypi.forget_requests()
    for path in ("/pypi/simple/evil/", "/pypi/evil/json"):
        answer = filtered.mirror.get(path)
        assert (403, b"evil: filters.projects.deny: evil denies evil.\n") == (
            answer.status,
            answer.body,
        )
    assert () == filtered.pypi.requests


def test_nobody_is_sent_around_the_filters_while_the_app_is_away(filtered: Filtered) -> None:
    """What is held is served; for the rest nobody can tell; what is known-bad is refused."""
    held = filtered.mirror.hold("hot", filtered.wheel.path, filtered.wheel.content)
    marked = filtered.mirror.hold("hot", filtered.bad.path, filtered.bad.content)
    filtered.mirror.stop_app(signal.SIGKILL)
    try:
        answer = filtered.mirror.get(filtered.url(filtered.wheel))
        assert (200, filtered.wheel.content) == (answer.status, answer.body)
        answer = filtered.mirror.get(filtered.url(filtered.sdist))
        assert (503, "") == (answer.status, answer.header("Location"))
        answer = filtered.mirror.get(filtered.url(filtered.bad))
        assert (403, b"filters.files.deny_sha256: its SHA-256 is denied.\n") == (
            answer.status,
            answer.body,
        )
    finally:
        held.unlink()
        marked.unlink()
        filtered.mirror.start_app()
        # The breaker lets it be asked again.
        url = filtered.url(filtered.wheel)
        wait_until(lambda: filtered.mirror.get(url).status == 200, 40)


def test_a_hidden_project_has_no_canonical_page(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """The client is sent to upstream's, where it is to be sent."""
    filters = {"hidden": "upstream", "projects": {"deny": ["evil"]}}
    index = {"projects": "on-demand", "canonical": True}
    with Serving.of(tmp_path, fake_pypi, filters=filters, index=index) as mirror:
        found = mirror.get("/pypi/canonical/simple/evil/")
        expected = f"{fake_pypi.url}/simple/evil/"
        assert (302, expected) == (found.status, found.header("Location"))


@pytest.mark.parametrize("answer", ["404", "upstream"])
def test_hidden_projects_are_not_found_or_upstreams(
    tmp_path: Path, fake_pypi: FakePypi, answer: str
) -> None:
    """By default they are not there; or the client is shown where to look."""
    filters = {"hidden": answer, "projects": {"deny": ["evil"]}}
    with Serving.of(tmp_path, fake_pypi, filters=filters) as mirror:
        found = mirror.get("/pypi/simple/evil/")
        if answer == "404":
            assert (404, b"There is nothing of this name.\n") == (found.status, found.body)
        else:
            expected = f"{fake_pypi.url}/simple/evil/"
            assert (302, expected) == (found.status, found.header("Location"))
        assert 404 == mirror.get("/pypi/evil/json").status


def test_a_digest_that_is_denied_later_is_refused_first_of_all(
    tmp_path: Path, fake_pypi: FakePypi
) -> None:
    """Its marks, its tiers, its page, all in one run; and back again."""
    file = fake_pypi.add(make_wheel("bad", "1.0"))
    fake_pypi.add(make_wheel("bad", "1.1"))
    path = FilePath(file.path)
    config = load_with(tmp_path, fake_pypi)
    parts = Parts(config)
    assert ExitCode.DONE is sync(parts).exit_code
    tier = config.cache.tiers[0].path
    (tier / path).parent.mkdir(parents=True)
    (tier / path).write_bytes(file.content)
    parts.store.hold(path, str(tier), len(file.content))
    digest = hashlib.sha256(file.content).hexdigest()
    denying = Parts(load_with(tmp_path, fake_pypi, filters={"files": {"deny_sha256": digest}}))
    report = sync(denying)
    assert (ExitCode.DONE, 1) == (report.exit_code, report.done[DenyFiles.verb])
    mark = denying.run.denied / path
    assert mark.exists()
    assert not (tier / path).exists()
    assert denying.store.file(path) is None
    again = Parts(load_with(tmp_path, fake_pypi))
    assert ExitCode.DONE is sync(again).exit_code
    assert not mark.exists()
    assert again.store.file(path) is not None


def load_with(folder: Path, pypi: FakePypi, **sections: object) -> Config:
    """Return the configuration of one and the same mirror of everything."""
    known = {"index": {"projects": "all"}, "sync": {"retry": 0, "legacy_json": "on-demand"}}
    return load(write_config(folder, pypi, **(known | sections)))
