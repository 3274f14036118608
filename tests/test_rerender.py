"""Pages rendered anew from what is here, without a fetch."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import orjson
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from app.config import load
from app.index import Outcome
from app.model import Project
from app.names import FilePath, ProjectName, parse_filename, parse_version
from app.rerender import OwnPages, render
from app.shelf import Shelf, provenance, release
from app.sources import Sources
from app.steps import AskUpstream, RenderProject, Step
from app.store import Settled, Store, StoreError
from app.tree import PageTree
from app.upstream import UpstreamUnavailable
from jobs.exit_codes import ExitCode
from jobs.harness import job_parser
from jobs.parts import Parts, make_folders
from jobs.running import Report, Runner
from jobs.sync_index import SyncIndex
from tests import strategies
from tests.fake_pypi import FakePypi, Replaced, Status, make_sdist, make_wheel
from tests.mirrors import write_config
from tests.older import make_older, write_page
from tests.test_jobs import run, snapshot

SIX = ProjectName("six")
NAMES = ("aa", "bb", "six")
NEXT = 2
"""A format of pages that is not the present one."""


EACH: Mapping[str, object] = {
    "index": {"projects": "on-demand"},
    "sync": {"retry": 0, "max_age": 0},
}
"""Each project is asked about by itself, in every run."""


def mirror_of(
    folder: Path,
    pypi: FakePypi,
    page_format: int = 1,
    changes: Mapping[str, object] | None = None,
) -> Parts:
    """Return the parts of a mirror of everything, which renders pages in a format."""
    folder.mkdir(exist_ok=True)
    sections = {"index": {"projects": "all"}, "sync": {"retry": 0}, **(changes or {})}
    config = load(write_config(folder, pypi, **sections))
    make_folders(config)
    return Parts(config, page_format=page_format)


def plan(parts: Parts, *options: str) -> tuple[SyncIndex, list[Step]]:
    """Return a job and its plan."""
    job = SyncIndex(parts, job_parser(SyncIndex).parse_args(options))
    return job, list(job.plan())


def sync(parts: Parts, *options: str) -> Report:
    """Run `sync-index`."""
    job, steps = plan(parts, *options)
    return Runner(job, job.workers, lambda: False).run(steps, give_up_after=5)


def pages(parts: Parts) -> dict[str, bytes]:
    """Return every page, and what lies beside them."""
    repo = parts.config.repo_path
    return {
        str(path.relative_to(repo)): path.read_bytes()
        for path in sorted(repo.glob("simple/**/*"))
        if path.is_file()
    }


def rows(parts: Parts) -> list[tuple[object, ...]]:
    """Return what the store knows of projects, but for how they were rendered, and of files."""
    with sqlite3.connect(parts.config.database.removeprefix("sqlite:///")) as database:
        found = database.execute(
            "SELECT name, serial, etag, last_modified, checked_at, status, failure, tries, legacy"
            " FROM project ORDER BY name"
        ).fetchall()
        return found + database.execute("SELECT * FROM file ORDER BY id").fetchall()


def marks(parts: Parts) -> dict[str, str | None]:
    """Return how projects' pages were rendered, as the store has it."""
    return {project.name: project.rendered for project in parts.store.tracked()}


@pytest.fixture
def upstream(fake_pypi: FakePypi) -> FakePypi:
    """Return an upstream that has what pages can have."""
    wheel = make_wheel("six", "1.0")
    link = f"{fake_pypi.url}/integrity/six/1.0/{wheel.filename}/provenance"
    fake_pypi.add(wheel, extra={"provenance": link, "x-new": {"key": [1.5, "<&>"]}})
    fake_pypi.add(make_sdist("six", "1.0"), yanked='"><script>', url="/elsewhere/six-1.0.tar.gz")
    fake_pypi.add(make_wheel("aa", "1"))
    fake_pypi.add_project("aa", ["0.1"], "archived", "done & dusted")
    fake_pypi.add(make_wheel("bb", "1"))
    return fake_pypi


@pytest.fixture
def older(tmp_path: Path, upstream: FakePypi) -> Parts:
    """Return a mirror in step, whose pages are of another format than it now has."""
    parts = mirror_of(tmp_path / "older", upstream)
    assert ExitCode.DONE is sync(parts).exit_code
    for name in NAMES:
        make_older(parts.config.repo_path / "simple" / name)
    return mirror_of(tmp_path / "older", upstream, NEXT)


@pytest.fixture
def fresh(tmp_path: Path, upstream: FakePypi) -> Parts:
    """Return a mirror that was filled by a larder with the next format."""
    parts = mirror_of(tmp_path / "fresh", upstream, NEXT)
    sync(parts)
    return parts


@pytest.mark.parametrize("options", [(), ("--follow",)])
def test_a_new_format_costs_one_conditional_request(
    older: Parts, fresh: Parts, upstream: FakePypi, options: tuple[str, ...]
) -> None:
    """Pages are those that a fetch would have written, and all else is known as before."""
    known = rows(older)
    assert pages(older) != pages(fresh)
    upstream.forget_requests()
    report = sync(older, *options)
    assert (ExitCode.DONE, 3) == (report.exit_code, report.done["render"])
    # A light run asks for a changelog first, which this upstream has not.
    (request,) = [one for one in upstream.requests if one.method == "GET"]
    assert "if-none-match" in request.headers
    assert pages(older) == pages(fresh)
    assert known == rows(older)
    assert dict.fromkeys(NAMES, "2") == marks(older)
    assert [] == plan(older, *options)[1]


def test_the_former_format_comes_back_as_it_went(
    older: Parts, tmp_path: Path, upstream: FakePypi
) -> None:
    """Both ways: who returns to the larder of before has its pages again."""
    sync(older)
    for name in NAMES:
        make_older(older.config.repo_path / "simple" / name)
    again = mirror_of(tmp_path / "older", upstream)
    assert 3 == sync(again).done["render"]
    assert dict.fromkeys(NAMES, "1") == marks(again)
    assert pages(mirror_of(tmp_path / "older", upstream)) == pages(again)


def test_a_page_that_would_be_the_same_is_not_written(tmp_path: Path, upstream: FakePypi) -> None:
    """A format that changes some pages costs the readers of the others nothing."""
    sync(mirror_of(tmp_path, upstream))
    folder = tmp_path / "repo" / "simple" / "six"
    make_older(folder)
    before = snapshot(tmp_path / "repo" / "simple")
    parts = mirror_of(tmp_path, upstream, NEXT)
    assert 3 == sync(parts).done["render"]
    after = snapshot(tmp_path / "repo" / "simple")
    changed = {path for path in after if before[path] != after[path]}
    kinds = ("index.html", "index.html.gz", "index.v1.json", "index.v1.json.gz")
    # The list of projects is of the format, too.
    assert {f"six/{kind}" for kind in kinds} | set(kinds) == changed
    assert dict.fromkeys(NAMES, "2") == marks(parts)


def test_the_documents_beside_the_pages_stay(older: Parts) -> None:
    """Legacy JSON, that of releases, and provenance are of the serial that stays."""
    shelf = Shelf(older.config.repo_path)
    known = older.store.tracked_project(SIX)
    assert known is not None
    version = parse_version("1.0")
    shelf.put_legacy(SIX, known.serial, release(version), b"release")
    shelf.put(SIX, provenance(version, parse_filename("six-1.0.zip")), b"provenance")
    before = pages(older)
    sync(older)
    after = pages(older)
    beside = {path for path in before if "/serial-" in path or "/provenance/" in path}
    assert beside
    assert {path: before[path] for path in beside} == {path: after[path] for path in beside}
    assert before.keys() == after.keys()
    assert b"last_serial" in (older.config.repo_path / "json" / "six").read_bytes()


def test_a_dry_run_shows_it(older: Parts) -> None:
    """As lines, and as data."""
    config = older.config.repo_path.parent / "larder.yaml"
    with sqlite3.connect(older.config.repo_path / "larder.db") as database:
        database.execute("UPDATE project SET rendered = NULL WHERE name = 'six'")
    before = pages(older)
    assert "render six anew" in run("sync-index", config, "--dry-run").stdout.splitlines()
    steps = json.loads(run("sync-index", config, "--dry-run", "--json").stdout)
    assert {"step": "render", "project": "six"} in steps
    assert before == pages(older)
    assert 0 == run("sync-index", config).returncode
    assert before != pages(older)
    assert "[]\n" == run("sync-index", config, "--dry-run", "--json").stdout


def test_it_needs_no_upstream(older: Parts, upstream: FakePypi, fresh: Parts) -> None:
    """The pages are rendered; that upstream is away is still what the run ends with."""
    upstream.inject(Status(503))
    _, steps = plan(older)
    assert [RenderProject(ProjectName(name)) for name in NAMES] == steps[:3]
    assert AskUpstream() == steps[-1]
    report = sync(older)
    assert (ExitCode.TRY_LATER, 3) == (report.exit_code, report.done["render"])
    assert pages(older) == pages(fresh)
    with pytest.raises(UpstreamUnavailable):
        plan(older)


def test_what_is_fetched_anyway_is_not_rendered_before(older: Parts, upstream: FakePypi) -> None:
    """It is written once, in the format of now."""
    upstream.add(make_wheel("six", "2.0"))
    report = sync(older)
    assert {"render": 2, "update": 1} == {
        verb: report.done[verb] for verb in ("render", "update", "add") if report.done[verb]
    }
    assert [] == plan(older)[1]


@pytest.mark.parametrize("fault", [None, Status(503, retry_after=None)])
def test_what_upstream_says_is_unchanged_is_rendered_too(
    tmp_path: Path, fault: Status | None
) -> None:
    """Where each page is asked about by itself; also where that fails."""
    with FakePypi(serials=None) as pypi:
        pypi.add(make_wheel("six", "1.0"))
        mirror_of(tmp_path, pypi, changes=EACH).index.ask(SIX)
        whole = pages(mirror_of(tmp_path, pypi, changes=EACH))
        make_older(tmp_path / "repo" / "simple" / "six")
        pypi.forget_requests()
        if fault:
            pypi.inject(fault, at="/simple/six/")
        parts = mirror_of(tmp_path, pypi, NEXT, EACH)
        report = sync(parts)
        assert bool(fault) == bool(report.failures)
        assert 1 == pypi.count("/simple/six/")
        assert {"six": "2"} == marks(parts)
        assert whole.items() <= pages(parts).items()


def remove(folder: Path) -> None:
    """Delete the page."""
    (folder / "index.v1.json").unlink()


def remove_twin(folder: Path) -> None:
    """Delete its compressed twin."""
    (folder / "index.v1.json.gz").unlink()


def cut(folder: Path) -> None:
    """Cut the page and its twin, as a disk may."""
    for name in ("index.v1.json", "index.v1.json.gz"):
        path = folder / name
        path.write_bytes(path.read_bytes()[:-9])


def rot(folder: Path) -> None:
    """Change one bit of the twin."""
    path = folder / "index.v1.json.gz"
    content = bytearray(path.read_bytes())
    content[-12] ^= 1
    path.write_bytes(content)


def edit(folder: Path) -> None:
    """Take a yank away by hand."""
    path = folder / "index.v1.json"
    page = orjson.loads(path.read_bytes())
    page["files"][-1]["yanked"] = False
    path.write_bytes(orjson.dumps(page))


def edit_both(folder: Path) -> None:
    """Take a file away by hand, from the twin, too."""
    page = orjson.loads((folder / "index.v1.json").read_bytes())
    del page["files"][0]
    write_page(folder, "index.v1.json", orjson.dumps(page))


def set_back(folder: Path) -> None:
    """Put a page of another serial there."""
    page = orjson.loads((folder / "index.v1.json").read_bytes())
    page["meta"]["_last-serial"] -= 1
    write_page(folder, "index.v1.json", orjson.dumps(page))


@pytest.mark.parametrize(
    "damage",
    [remove, remove_twin, cut, rot, edit, edit_both, set_back],
    ids=lambda one: one.__name__,
)
def test_what_cannot_be_read_back_is_fetched(
    older: Parts, fresh: Parts, upstream: FakePypi, damage: Callable[[Path], None]
) -> None:
    """As if it were new; nobody else is."""
    damage(older.config.repo_path / "simple" / "six")
    upstream.forget_requests()
    assert ExitCode.DONE is sync(older).exit_code
    assert pages(older) == pages(fresh)
    assert {"/simple/", "/simple/six/", "/pypi/six/json"} == {
        request.path for request in upstream.requests
    }
    assert [] == plan(older)[1]


def test_a_damaged_page_that_upstream_lacks_is_gone(older: Parts, upstream: FakePypi) -> None:
    """As one is that is asked about."""
    remove_twin(older.config.repo_path / "simple" / "six")
    upstream.remove_project("six")
    report = sync(older)
    assert ExitCode.DONE is report.exit_code
    assert not older.tree.has(SIX)


def test_a_damaged_page_is_not_replaced_by_an_older_one(older: Parts, upstream: FakePypi) -> None:
    """A stale copy is none that may heal it."""
    edit(older.config.repo_path / "simple" / "six")
    upstream.freeze("six")
    known = older.store.tracked_project(SIX)
    assert known is not None
    with sqlite3.connect(older.config.repo_path / "larder.db") as database:
        database.execute("UPDATE project SET serial = serial + 1 WHERE name = 'six'")
    assert [] == [step for step, _ in sync(older).failures]
    failing = {project.name: project.failure_kind for project in older.store.failing()}
    assert {"six": "stale"} == failing


def test_a_run_that_dies_between_page_and_store_is_done_again(
    older: Parts, fresh: Parts, upstream: FakePypi
) -> None:
    """The page is new, the mark is not: the next run sees that nothing is left but the mark."""
    with sqlite3.connect(older.config.repo_path / "larder.db") as database:
        database.execute(
            "CREATE TRIGGER dies BEFORE UPDATE OF rendered ON project"
            " BEGIN SELECT RAISE(ABORT, 'the power is gone'); END"
        )
    with pytest.raises(StoreError, match="the power is gone"):
        older.index.render(SIX)
    assert pages(fresh)["simple/six/index.html"] == pages(older)["simple/six/index.html"]
    assert dict.fromkeys(NAMES, "1") == marks(older)
    with sqlite3.connect(older.config.repo_path / "larder.db") as database:
        database.execute("DROP TRIGGER dies")
    upstream.forget_requests()
    sync(older)
    assert 1 == len(upstream.requests)
    assert pages(older) == pages(fresh)
    assert dict.fromkeys(NAMES, "2") == marks(older)


def test_failing_projects_stay_failing(older: Parts, upstream: FakePypi) -> None:
    """A new format heals nothing, and forgets nothing."""
    upstream.inject(Status(503), at="/simple/six/")
    upstream.touch("six")
    assert sync(older).failures
    assert dict.fromkeys(NAMES, "2") == marks(older)
    (failing,) = older.store.failing()
    assert ("six", "unavailable", 1) == (failing.name, failing.failure_kind, failing.tries)


def test_what_is_kept_though_upstream_deleted_it_stays_kept(
    tmp_path: Path, upstream: FakePypi
) -> None:
    """The store lists a file that no page does; that is no reason to fetch the page."""
    archive: Mapping[str, object] = {"packages": {"keep_deleted": True}}
    parts = mirror_of(tmp_path, upstream, changes=archive)
    sync(parts)
    file = upstream.project("six").files[0]
    path = FilePath(file.path)
    parts.store.hold(path, str(parts.config.repo_path / "hot"), len(file.content))
    upstream.remove_file("six", file.filename)
    sync(parts)
    make_older(parts.config.repo_path / "simple" / "six")
    upstream.forget_requests()
    parts = mirror_of(tmp_path, upstream, NEXT, archive)
    assert 3 == sync(parts).done["render"]
    assert 1 == len(upstream.requests)
    assert [(path, True)] == [(held.path, held.listed) for held in parts.store.holdings()]


def test_what_is_not_tracked_is_not_rendered(older: Parts) -> None:
    """A project may go while the plan is carried out."""
    older.index.remove(SIX)
    assert Outcome.UNCHANGED is older.index.render(SIX)
    assert not older.tree.has(SIX)
    older.index.complete(SIX)
    assert not older.tree.has(SIX)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Store]]:
    """Return a folder for pages, and a database."""
    folder = tmp_path_factory.mktemp("disk")
    store = Store.open(f"sqlite:///{folder}/larder.db")
    yield folder, store
    store.close()


@given(project=strategies.projects(), older=st.booleans())
@settings(max_examples=50, deadline=None)
def test_disk_and_store_hold_all_that_a_fetch_brought(
    disk: tuple[Path, Store],
    project: Project,
    older: bool,  # noqa: FBT001
) -> None:
    """Whatever its texts are: what is read back has the very pages that were written."""
    folder, store = disk
    fetched = render(project)
    store.record(project)
    store.settle(project.name, Settled(project.serial, None, None, 1, rendered="1"))
    PageTree(folder).write(project.name, fetched)
    own = OwnPages(store, Shelf(folder), Sources(folder), keep_deleted=False)
    assert own.same(project.name, fetched)
    if older:
        make_older(folder / "simple" / project.name)
    known = store.tracked_project(project.name)
    assert known is not None
    try:
        assert fetched == render(own.read(known))
    finally:
        # The next may list the same files.
        store.bury(project.name, None, 2)


# Legacy JSON: `sync.legacy_json`, both ways.

MIRROR: Mapping[str, object] = {"sync": {"retry": 0, "legacy_json": "mirror"}}
ON_DEMAND: Mapping[str, object] = {"sync": {"retry": 0, "legacy_json": "on-demand"}}


def legacy(parts: Parts) -> dict[str, bytes]:
    """Return the legacy JSON that is here, as clients find it."""
    folder = parts.config.repo_path / "json"
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def sent(pypi: FakePypi) -> dict[str, bytes]:
    """Return the legacy JSON that upstream sends."""
    return {name: requests.get(f"{pypi.url}/pypi/{name}/json", timeout=5).content for name in NAMES}


def test_legacy_json_that_is_to_be_mirrored_is_completed(
    tmp_path: Path, upstream: FakePypi
) -> None:
    """By one request each; what was fetched on demand is not fetched again."""
    parts = mirror_of(tmp_path, upstream, changes=ON_DEMAND)
    sync(parts)
    assert {} == legacy(parts)
    known = parts.store.tracked_project(SIX)
    assert known is not None
    Shelf(parts.config.repo_path).put_legacy(
        SIX, known.serial, "project.json", sent(upstream)["six"]
    )
    parts = mirror_of(tmp_path, upstream, changes=MIRROR)
    upstream.forget_requests()
    report = sync(parts)
    assert (ExitCode.DONE, 3) == (report.exit_code, report.done["complete"])
    paths = [request.path for request in upstream.requests]
    assert ["/pypi/aa/json", "/pypi/bb/json", "/simple/"] == sorted(paths)
    assert sent(upstream) == legacy(parts)
    assert [] == plan(parts)[1]


def test_legacy_json_that_is_mirrored_no_more_may_stay(tmp_path: Path, upstream: FakePypi) -> None:
    """Nothing is done at the switch; a project's own goes with its next page."""
    sync(mirror_of(tmp_path, upstream, changes=MIRROR))
    parts = mirror_of(tmp_path, upstream, changes=ON_DEMAND)
    assert [] == plan(parts)[1]
    assert sent(upstream) == legacy(parts)
    upstream.touch("six")
    sync(parts)
    assert {"aa", "bb"} == legacy(parts).keys()
    parts = mirror_of(tmp_path, upstream, changes=MIRROR)
    assert 1 == sync(parts).done["complete"]
    assert sent(upstream) == legacy(parts)


def test_a_project_without_legacy_json_is_asked_once(tmp_path: Path, upstream: FakePypi) -> None:
    """That upstream has none is known, as what it has is."""
    sync(mirror_of(tmp_path, upstream, changes=ON_DEMAND))
    upstream.inject(Status(404), at="/pypi/six/json")
    parts = mirror_of(tmp_path, upstream, changes=MIRROR)
    assert 3 == sync(parts).done["complete"]
    assert {"aa", "bb"} == legacy(parts).keys()
    assert [] == plan(parts)[1]


@pytest.mark.parametrize("newer", [1, -1])
def test_legacy_json_of_another_serial_is_a_stale_copy(
    tmp_path: Path, upstream: FakePypi, newer: int
) -> None:
    """The page is written, the rest is put off, the run ends well; then it heals."""
    parts = mirror_of(tmp_path, upstream, changes=MIRROR)
    body = orjson.loads(sent(upstream)["six"])
    body["last_serial"] += newer
    upstream.inject(Replaced(orjson.dumps(body), "application/json"), at="/pypi/six/json")
    report = sync(parts)
    assert ExitCode.DONE is report.exit_code
    assert ["add"] == [step.verb for step, _ in report.put_off]
    assert parts.tree.has(SIX)
    assert {"aa", "bb"} == legacy(parts).keys()
    (failing,) = parts.store.failing()
    assert ("six", "stale") == (failing.name, failing.failure_kind)
    # It has its pause, as every failure has.
    assert [] == plan(parts)[1]
    upstream.heal()
    assert Outcome.UNCHANGED is parts.index.bring(SIX)
    assert sent(upstream) == legacy(parts)
    assert [] == list(parts.store.failing())
    assert [] == list(parts.index.outdated())


def test_a_project_that_cannot_be_completed_fails_alone(tmp_path: Path, upstream: FakePypi) -> None:
    """It is known why, and tried again when its time has come."""
    sync(mirror_of(tmp_path, upstream, changes=ON_DEMAND))
    upstream.inject(Status(500), at="/pypi/six/json")
    parts = mirror_of(tmp_path, upstream, NEXT, MIRROR)
    report = sync(parts)
    assert ["complete six with its legacy JSON"] == [str(step) for step, _ in report.failures]
    assert ExitCode.FAILED_STEPS is report.exit_code
    (failing,) = parts.store.failing()
    assert ("six", "unavailable") == (failing.name, failing.failure_kind)
    assert dict.fromkeys(NAMES, "2") == marks(parts)
