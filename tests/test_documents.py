"""Documents that are fetched for those who ask, against a simulated upstream."""

from pathlib import Path

import orjson
import pytest

from app import documents as documents_module
from app.assembly import open_documents
from app.config import load
from app.documents import Documents, Kept, Unkept
from app.locks import LockTimeoutError
from app.names import ProjectName, parse_filename, parse_version
from app.shelf import PROJECT
from app.upstream import NoSuchProject, UpstreamUnavailable
from jobs.parts import Parts
from tests.fake_pypi import FakePypi, Replaced, make_wheel
from tests.mirrors import write_config

SIX = ProjectName("six")


@pytest.fixture
def documents(parts: Parts, fake_pypi: FakePypi) -> Documents:
    """Return the use cases, with a project's page here."""
    for version in ("1.0", "1.1", "2.0"):
        fake_pypi.add(make_wheel("six", version))
    parts.index.ask(SIX)
    fake_pypi.forget_requests()
    return open_documents(parts.config, parts.store, parts.upstream, parts.index)


def test_what_is_kept_is_not_fetched_again(documents: Documents, fake_pypi: FakePypi) -> None:
    """The first asks upstream, the second nobody."""
    folder = f"serial-{fake_pypi.project('six').serial}"
    for _ in range(2):
        assert Kept(folder, PROJECT) == documents.legacy(SIX)
        found = documents.release(SIX, parse_version("1.0"))
        assert Kept(folder, "releases/1.0.json") == found
    assert 2 == len(fake_pypi.requests)


def test_nothing_is_put_beside_pages_that_are_being_written(
    tmp_path: Path, fake_pypi: FakePypi
) -> None:
    """Those who fetch pages and those who fetch documents wait for each other, also as threads."""
    fake_pypi.add(make_wheel("six", "1.0"))
    parts = Parts(load(write_config(tmp_path, fake_pypi, timeouts={"upstream": "1s"})))
    parts.index.ask(SIX)
    documents = open_documents(parts.config, parts.store, parts.upstream, parts.index)
    with parts.index.locks.hold(SIX, 1), pytest.raises(LockTimeoutError):
        documents.legacy(SIX)
    assert isinstance(documents.legacy(SIX), Kept)


def test_only_so_many_releases_are_kept(
    documents: Documents, fake_pypi: FakePypi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are passed on; what is kept stays."""
    monkeypatch.setattr(documents_module, "MAX_RELEASES", 2)
    versions = [parse_version(text) for text in ("1.0", "1.1", "2.0")]
    kinds = [type(documents.release(SIX, version)) for version in versions]
    assert [Kept, Kept, Unkept] == kinds
    last = documents.release(SIX, versions[2])
    assert isinstance(last, Unkept)
    assert "2.0" == orjson.loads(last.body)["info"]["version"]
    assert fake_pypi.project("six").serial == last.serial
    assert isinstance(documents.release(SIX, versions[0]), Kept)


def test_without_a_list_of_versions_nothing_is_kept(parts: Parts, fake_pypi: FakePypi) -> None:
    """Upstream knows which there are, in whatever spelling."""
    documents = open_documents(parts.config, parts.store, parts.upstream, parts.index)
    fake_pypi.add(make_wheel("six", "1.0"))
    parts.index.ask(SIX)
    page = parts.config.repo_path / "simple" / "six" / "index.v1.json"
    content = orjson.loads(page.read_bytes())
    del content["versions"]
    page.write_bytes(orjson.dumps(content))
    assert isinstance(documents.release(SIX, parse_version("1.0")), Unkept)
    with pytest.raises(NoSuchProject):
        documents.release(SIX, parse_version("9.0"))


def test_a_page_that_upstream_lags_behind_with_is_told_later(
    parts: Parts, documents: Documents, fake_pypi: FakePypi
) -> None:
    """Legacy JSON of a serial that the page does not get is not served."""
    newer = {"info": {"name": "six"}, "last_serial": fake_pypi.project("six").serial + 1}
    fake_pypi.inject(Replaced(orjson.dumps(newer), "application/json"), at="/pypi/six/json")
    with pytest.raises(UpstreamUnavailable, match="newer"):
        documents.legacy(SIX)
    assert not (parts.config.repo_path / "json" / "six").exists()


def test_legacy_json_without_a_serial_is_believed(
    documents: Documents, fake_pypi: FakePypi
) -> None:
    """Some mirrors have none: it cannot be told."""
    fake_pypi.inject(Replaced(b'{"info":{}}', "application/json"), at="/pypi/six/json")
    assert isinstance(documents.legacy(SIX), Kept)


def test_projects_without_any_do_not_cost_the_others_theirs(
    documents: Documents, fake_pypi: FakePypi, parts: Parts
) -> None:
    """Whoever asks for ten quarantined projects ends nobody's legacy JSON."""
    for number in range(10):
        name = ProjectName(f"bad-{number}")
        fake_pypi.add_project(name, ["1.0"], status="quarantined")
        parts.index.ask(name)
        with pytest.raises(NoSuchProject):
            documents.legacy(name)
    assert isinstance(documents.legacy(SIX), Kept)


def test_the_provenance_of_a_file_is_told_by_its_exact_name(
    parts: Parts, fake_pypi: FakePypi
) -> None:
    """Letters' case counts, an underscore is no wildcard, and a withdrawn file has none."""
    links = {}
    for name in ("a_b-1.0.tar.gz", "A_B-1.0.tar.gz", "a-b-1.0.tar.gz", "aXb-1.0.tar.gz"):
        links[name] = f"https://elsewhere.example.org/{name}"
        fake_pypi.add_file("a-b", name, name.encode(), extra={"provenance": links[name]})
    project = ProjectName("a-b")
    parts.index.ask(project)
    for name, link in links.items():
        assert link == parts.store.provenance(project, parse_filename(name))
    fake_pypi.remove_file("a-b", "a_b-1.0.tar.gz")
    parts.index.bring(project)
    assert parts.store.provenance(project, parse_filename("a_b-1.0.tar.gz")) is None
    assert parts.store.provenance(SIX, parse_filename("a-b-1.0.tar.gz")) is None
