"""Filters and the index: what pages show, both ways, without a fetch."""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.config import load
from app.index import HiddenProjectError
from app.names import FilePath, ProjectName
from app.store import UnlistedError
from jobs.exit_codes import ExitCode
from jobs.parts import Parts, make_folders
from tests.fake_pypi import FakePypi, make_sdist, make_wheel
from tests.mirrors import write_config
from tests.test_rerender import pages, plan, sync

SIX, FLASK = ProjectName("six"), ProjectName("flask")
DAY = 86_400
ROOT = Path(__file__).resolve().parent.parent


def mirror_of(
    folder: Path, pypi: FakePypi, filters: Mapping[str, object] | None = None, **sections: object
) -> Parts:
    """Return a mirror with filters; the same folder is the same mirror."""
    folder.mkdir(exist_ok=True)
    known = {"index": {"projects": "all"}, "sync": {"retry": 0, "legacy_json": "on-demand"}}
    chosen = {"filters": filters} if filters else {}
    config = load(write_config(folder, pypi, **{**known, **sections, **chosen}))
    make_folders(config)
    return Parts(config)


def files(parts: Parts, name: str = "six") -> list[str]:
    """Return what a project's page lists; raises FileNotFoundError where there is none."""
    page = parts.config.repo_path / "simple" / name / "index.v1.json"
    return [file["filename"] for file in json.loads(page.read_bytes())["files"]]


def root(parts: Parts) -> list[str]:
    """Return the list of projects."""
    page = parts.config.repo_path / "simple" / "index.v1.json"
    return [project["name"] for project in json.loads(page.read_bytes())["projects"]]


@pytest.fixture
def upstream(fake_pypi: FakePypi) -> FakePypi:
    """Return an upstream of three projects."""
    fake_pypi.add(make_wheel("six", "1.0"))
    fake_pypi.add(make_sdist("six", "1.0"))
    fake_pypi.add(make_wheel("six", "2.0rc1"))
    fake_pypi.add(make_wheel("flask", "3.0"))
    fake_pypi.add(make_wheel("evil", "1.0"))
    return fake_pypi


WHEELS = {"files": {"kinds": "wheel"}, "releases": {"prereleases": False}}
CASES: Mapping[str, Mapping[str, object]] = {
    "files": WHEELS,
    "names": {"projects": {"deny": ["evil", "si*"]}},
    "releases": {"projects": {"allow": ["six<2", "flask"]}},
    "size": {"projects": {"max_releases": 1}},
    "everything": {"projects": {"allow": "nothing-at-all"}},
}


@pytest.mark.parametrize("filters", CASES.values(), ids=CASES.keys())
def test_a_filter_flips_both_ways(
    tmp_path: Path, upstream: FakePypi, filters: Mapping[str, object]
) -> None:
    """With it, without it, with it: each run leads to what a new mirror would be."""
    plain = mirror_of(tmp_path / "plain", upstream)
    assert ExitCode.DONE is sync(plain).exit_code
    new = mirror_of(tmp_path / "new", upstream, filters)
    assert ExitCode.DONE is sync(new).exit_code
    expected, all_of_it = pages(new), pages(plain)
    assert expected != all_of_it
    flipped = tmp_path / "flipped"
    assert ExitCode.DONE is sync(mirror_of(flipped, upstream)).exit_code
    upstream.forget_requests()
    for chosen, wanted in ((filters, expected), (None, all_of_it), (filters, expected)):
        parts = mirror_of(flipped, upstream, chosen)
        assert ExitCode.DONE is sync(parts).exit_code
        assert wanted.keys() == pages(parts).keys()
        assert contents(wanted) == contents(pages(parts))
        assert [] == plan(parts)[1]
    # Nothing but the list was asked for.
    assert {"/simple/"} >= {request.path for request in upstream.requests}


def contents(found: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """Return plain pages: how they were packed makes no difference."""
    return {place: body for place, body in found.items() if not place.endswith(".gz")}


def canonical(parts: Parts, name: str = "six") -> list[str]:
    """Return the URLs of a project's page with upstream's own links."""
    page = parts.config.repo_path / "simple" / name / "canonical.v1.json"
    return [file["url"] for file in json.loads(page.read_bytes())["files"]]


BOTH = {"projects": "all", "canonical": True}


def test_canonical_pages_show_what_filters_leave(tmp_path: Path, upstream: FakePypi) -> None:
    """Whichever of the two keys comes or goes: as in a new mirror, and nothing is fetched."""
    settings: list[tuple[Mapping[str, object] | None, Mapping[str, object]]] = [
        (None, {"projects": "all"}),
        (WHEELS, BOTH),
        (None, BOTH),
        (WHEELS, {"projects": "all"}),
        (WHEELS, BOTH),
    ]
    new = mirror_of(tmp_path / "new", upstream, WHEELS, index=BOTH)
    assert ExitCode.DONE is sync(new).exit_code
    (wheel,) = [
        file for file in upstream.project("six").files if file.filename.startswith("six-1.0-")
    ]
    assert [f"{upstream.packages_url}{wheel.path}"] == canonical(new)
    marks = set()
    for number, (filters, index) in enumerate(settings):
        fresh = mirror_of(tmp_path / f"fresh-{number}", upstream, filters, index=index)
        sync(fresh)
        upstream.forget_requests()
        parts = mirror_of(tmp_path / "flipped", upstream, filters, index=index)
        marks.add(parts.index.mark)
        assert ExitCode.DONE is sync(parts).exit_code
        assert contents(pages(fresh)) == contents(pages(parts))
        assert [] == plan(parts)[1]
        asked = {request.path for request in upstream.requests}
        assert not number or {"/simple/"} >= asked
    assert 4 == len(marks)


def test_a_canonical_page_that_was_lost_comes_back_as_filters_leave_it(
    tmp_path: Path, upstream: FakePypi
) -> None:
    """From what is here; and not at all where filters hide the project by now."""
    sections: Mapping[str, object] = {"index": {"projects": "on-demand", "canonical": True}}
    parts = mirror_of(tmp_path / "m", upstream, WHEELS, **sections)
    parts.index.ask(SIX)
    expected = canonical(parts)
    lost = parts.config.repo_path / "simple" / "six" / "canonical.v1.json"
    upstream.forget_requests()
    lost.unlink()
    parts.index.ask(SIX)
    assert expected == canonical(parts)
    lost.unlink()
    parts = mirror_of(tmp_path / "m", upstream, {"projects": {"max_releases": 1}}, **sections)
    with pytest.raises(HiddenProjectError, match="it has 2 releases"):
        parts.index.ask(SIX)
    assert not lost.parent.exists()
    assert () == upstream.requests


def test_only_pages_that_differ_are_written(tmp_path: Path, upstream: FakePypi) -> None:
    """The others keep their files, times and all."""
    parts = mirror_of(tmp_path / "m", upstream)
    sync(parts)
    page = parts.config.repo_path / "simple" / "flask" / "index.html"
    before = page.stat().st_ino, page.stat().st_mtime_ns
    parts = mirror_of(tmp_path / "m", upstream, WHEELS)
    assert 3 == sync(parts).done["render"]
    assert before == (page.stat().st_ino, page.stat().st_mtime_ns)
    assert ["six-1.0-py3-none-any.whl"] == files(parts)


def test_versions_go_with_their_files(tmp_path: Path, upstream: FakePypi) -> None:
    """PEP 700: a page's versions are those that it has something of."""
    upstream.add_project("six", ["0.1", "2.0rc2"])
    parts = mirror_of(tmp_path / "m", upstream, WHEELS)
    sync(parts)
    page = parts.config.repo_path / "simple" / "six" / "index.v1.json"
    assert ["1.0", "0.1"] == json.loads(page.read_bytes())["versions"]


def test_hidden_projects_are_not_asked_for(tmp_path: Path, upstream: FakePypi) -> None:
    """Neither by the job nor for a client, and the list does not name them."""
    parts = mirror_of(tmp_path / "m", upstream, {"projects": {"deny": ["evil"]}})
    sync(parts)
    assert ["flask", "six"] == root(parts)
    with pytest.raises(HiddenProjectError, match="evil denies evil"):
        parts.index.ask(ProjectName("evil"))
    assert not any("evil" in request.path for request in upstream.requests)


def test_a_project_that_is_hidden_by_what_it_is_stays_in_step(
    tmp_path: Path, upstream: FakePypi
) -> None:
    """When upstream changes it, it may be shown, and the other way round."""
    parts = mirror_of(tmp_path / "m", upstream, {"projects": {"max_releases": 1}})
    sync(parts)
    assert ["evil", "flask"] == root(parts)
    with pytest.raises(HiddenProjectError, match="it has 2 releases"):
        parts.index.ask(SIX)
    upstream.add(make_wheel("flask", "3.1"))
    for name in ("six-1.0-py3-none-any.whl", "six-1.0.tar.gz", "six-2.0rc1-py3-none-any.whl"):
        upstream.remove_file("six", name)
    upstream.add(make_wheel("six", "4.0"))
    assert ExitCode.DONE is sync(parts).exit_code
    assert ["evil", "six"] == root(parts)
    assert ["six-4.0-py3-none-any.whl"] == files(parts)
    assert not (parts.config.repo_path / "simple" / "flask").exists()


def test_what_hides_a_project_goes_with_it(tmp_path: Path, upstream: FakePypi) -> None:
    """Nothing is kept of what upstream deleted."""
    at_once = {"retry": 0, "max_age": 0, "legacy_json": "on-demand"}
    filters = {"projects": {"max_releases": 1}}
    parts = mirror_of(tmp_path / "m", upstream, filters, sync=at_once)
    sync(parts)
    kept = parts.config.repo_path / "sources" / "six.json.gz"
    assert kept.exists()
    upstream.remove_project("six")
    assert ExitCode.DONE is sync(parts).exit_code
    assert not kept.exists()
    assert parts.store.tracked_project(SIX) is None


def test_listed_projects_are_all_that_there_are(tmp_path: Path, upstream: FakePypi) -> None:
    """Named ones are asked for, without a list; the others are not there."""
    (tmp_path / "uv.lock").write_text('[[package]]\nname = "flask"\nversion = "3.0"\n')
    filters = {"projects": {"allow": ["six"], "files": str(tmp_path / "uv.lock")}}
    sections = {"index": {"projects": "listed"}}
    parts = mirror_of(tmp_path / "m", upstream, filters, **sections)
    assert ["add flask", "add six", "remove", "delete", "write"] == [
        str(step) if str(step).startswith("add") else str(step).split()[0]
        for step in plan(parts)[1]
    ]
    sync(parts)
    assert ["flask", "six"] == root(parts)
    assert not any(request.path == "/simple/" for request in upstream.requests)
    filters = {"projects": {"allow": ["s*"]}}
    parts = mirror_of(tmp_path / "m", upstream, filters, **sections)
    sync(parts)
    assert ["six"] == root(parts)


def aged(days: float) -> str:
    """Return the upload time of a file that is so many days old."""
    moment = datetime.fromtimestamp(time.time() - days * DAY, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_a_file_comes_of_age_though_its_serial_stays(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """The next run after that moment shows it; the runs before have nothing to do."""
    fake_pypi.add(make_wheel("six", "1.0"), upload_time=aged(10))
    fake_pypi.add(make_wheel("six", "2.0"), upload_time=aged(2))
    parts = mirror_of(tmp_path / "m", fake_pypi, {"releases": {"min_age": "3d"}})
    sync(parts)
    assert ["six-1.0-py3-none-any.whl"] == files(parts)
    assert [] == plan(parts)[1]
    fake_pypi.forget_requests()
    later = Parts(parts.config, clock=lambda: time.time() + 1.1 * DAY)
    assert 1 == sync(later).done["render"]
    assert ["six-1.0-py3-none-any.whl", "six-2.0-py3-none-any.whl"] == files(later)
    assert [] == plan(later)[1]
    assert {"/simple/"} >= {request.path for request in fake_pypi.requests}


def test_a_hidden_file_is_neither_held_nor_wished_for(tmp_path: Path, upstream: FakePypi) -> None:
    """It leaves its tier in the run that hides it, and comes back only by being wished for."""
    parts = mirror_of(tmp_path / "m", upstream)
    sync(parts)
    sdist = next(file for file in upstream.project("six").files if file.filename.endswith(".gz"))
    path = FilePath(sdist.path)
    tier = parts.config.cache.tiers[0].path
    (tier / path).parent.mkdir(parents=True)
    (tier / path).write_bytes(sdist.content)
    parts.store.hold(path, str(tier), len(sdist.content))
    parts = mirror_of(tmp_path / "m", upstream, WHEELS)
    report = sync(parts)
    assert ExitCode.DONE is report.exit_code
    assert not (tier / path).exists()
    assert [] == list(parts.store.holdings())
    assert parts.store.file(path) is None
    hidden = parts.store.hidden_file(path)
    assert hidden is not None
    assert SIX == hidden.project
    assert [] == list(parts.store.unpopular([path]))
    with pytest.raises(UnlistedError):
        parts.store.hold(path, str(tier), 1)
    # It stays known, and refused, however often the forgotten is swept.
    parts.store.forget_gone()
    assert parts.store.hidden_file(path) is not None
    parts = mirror_of(tmp_path / "m", upstream)
    sync(parts)
    assert parts.store.file(path) is not None


def test_files_of_metadata_only_projects_are_listed_and_never_held(
    tmp_path: Path, upstream: FakePypi
) -> None:
    """No candidate for the wish, whoever votes."""
    parts = mirror_of(tmp_path / "m", upstream, {"projects": {"metadata_only": "six"}})
    sync(parts)
    assert 3 == len(files(parts))
    paths = {
        name: [FilePath(file.path) for file in upstream.project(name).files]
        for name in ("six", "flask")
    }
    assert [] == list(parts.store.unpopular(paths["six"]))
    assert 1 == len(list(parts.store.unpopular(paths["flask"])))
    parts = mirror_of(tmp_path / "m", upstream)
    sync(parts)
    assert 3 == len(list(parts.store.unpopular(paths["six"])))


@pytest.mark.parametrize("damage", [b"", b"\x1f\x8bnonsense"])
def test_what_was_kept_and_is_damaged_is_fetched_again(
    tmp_path: Path, upstream: FakePypi, damage: bytes
) -> None:
    """As any page that does not suffice."""
    parts = mirror_of(tmp_path / "m", upstream, WHEELS)
    sync(parts)
    kept = parts.config.repo_path / "sources" / "six.json.gz"
    kept.write_bytes(damage)
    parts = mirror_of(tmp_path / "m", upstream)
    assert ExitCode.DONE is sync(parts).exit_code
    assert 3 == len(files(parts))
    assert not kept.exists()


def test_projects_are_chosen_by_what_legacy_json_says(tmp_path: Path, upstream: FakePypi) -> None:
    """Both ways, without a fetch; and again when upstream says something else."""
    upstream.describe("flask", license="BSD-3-Clause", keywords="web, wsgi")
    upstream.describe("six", license_expression="MIT OR AGPL-3.0-only")
    upstream.describe("evil", classifiers=["License :: OSI Approved :: MIT License"])
    mirrored = {"retry": 0, "legacy_json": "mirror"}
    metadata = {"deny_licences": ["AGPL*"], "allow_licences": ["BSD*", "MIT*"]}
    filters = {"projects": {"metadata": metadata}}
    parts = mirror_of(tmp_path / "m", upstream, sync=mirrored)
    assert ExitCode.DONE is sync(parts).exit_code
    upstream.forget_requests()
    for chosen, expected in ((filters, ["evil", "flask"]), (None, ["evil", "flask", "six"])) * 2:
        parts = mirror_of(tmp_path / "m", upstream, chosen, sync=mirrored)
        assert ExitCode.DONE is sync(parts).exit_code
        assert expected == root(parts)
    # The legacy JSON went with the page, and the next run has it again; no page is fetched.
    kept = parts.config.repo_path / "json" / "six"
    assert not kept.exists()
    assert 1 == sync(parts).done["complete"]
    assert kept.exists()
    assert not any(request.path.startswith("/simple/s") for request in upstream.requests)
    upstream.describe("flask", license="Proprietary")
    parts = mirror_of(tmp_path / "m", upstream, filters, sync=mirrored)
    assert ExitCode.DONE is sync(parts).exit_code
    assert ["evil"] == root(parts)
    assert "none of its licences is allowed" in str(
        next(one.hidden for one in parts.store.tracked() if one.name == FLASK)
    )


def test_the_examples_of_the_documentation_are_right(tmp_path: Path, upstream: FakePypi) -> None:
    """All of docs/filters.md's, together."""
    text = (ROOT / "docs" / "filters.md").read_text()
    example = text.partition("```yaml\n")[2].partition("```")[0]
    for name in ("requirements.txt", "uv.lock"):
        (tmp_path / name).write_text("" if name.endswith("txt") else "package = []\n")
    path = write_config(tmp_path, upstream)
    path.write_text(path.read_text() + example)
    assert not load(path).filters.empty


@pytest.mark.parametrize("options", [(), ("--follow",)])
def test_what_was_never_here_comes_though_the_list_is_as_it_was(
    tmp_path: Path, upstream: FakePypi, options: tuple[str, ...]
) -> None:
    """Upstream would say that nothing has changed; but there is another wish for it."""
    parts = mirror_of(tmp_path / "m", upstream, {"projects": {"deny": ["evil"]}})
    sync(parts)
    assert [] == plan(parts, *options)[1]
    parts = mirror_of(tmp_path / "m", upstream)
    assert ExitCode.DONE is sync(parts, *options).exit_code
    assert ["evil", "flask", "six"] == root(parts)
    assert [] == plan(parts, *options)[1]
    parts = mirror_of(tmp_path / "n", upstream, index={"projects": "on-demand"})
    parts = mirror_of(tmp_path / "n", upstream)
    sync(parts, *options)
    assert 3 == len(root(parts))
