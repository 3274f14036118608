"""`sync-index`: in step, and never wrong because upstream was."""

import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.config import load
from app.freshness import Freshness
from app.model import Project, Vote
from app.names import FilePath, ProjectName
from app.store import Store
from app.upstream import NoChangelog, Upstream
from jobs.parts import Parts
from tests.fake_pypi import FakePypi, Fault, Replaced, Status, make_wheel
from tests.fake_pypi.pages import xmlrpc_fault
from tests.mirrors import write_config
from tests.test_jobs import ask, held, run, snapshot, vote

NAMES = ("aa", "bb", "cc")


@pytest.fixture
def everything(tmp_path: Path, fake_pypi: FakePypi) -> Path:
    """Return the configuration of a mirror in step with three projects."""
    for name in NAMES:
        fake_pypi.add(make_wheel(name, "1", padding=5_000))
    config = configure(tmp_path, fake_pypi)
    assert run("sync-index", config).returncode == 0
    return config


def configure(folder: Path, pypi: FakePypi, **sync: object) -> Path:
    """Write the configuration of a mirror of everything."""
    return write_config(
        folder, pypi, index={"projects": "all"}, sync={"retry": 0, "max_age": 0, **sync}
    )


def simple(config: Path) -> Path:
    """Return the folder of the pages."""
    return load(config).repo_path / "simple"


def status(config: Path) -> dict[str, Any]:
    """Return what `larder status --json` tells."""
    told = run("status", config, "--json")
    assert told.returncode == 0, told.stderr
    report: dict[str, Any] = json.loads(told.stdout)
    return report


def page(config: Path, name: str) -> dict[str, Any]:
    """Return a project's JSON page."""
    content: dict[str, Any] = orjson.loads((simple(config) / name / "index.v1.json").read_bytes())
    return content


def hold(config: Path, pypi: FakePypi, name: str) -> str:
    """Have a project's file held, and return its name."""
    file = pypi.project(name).files[0]
    vote(config, file)
    assert run("score", config).returncode == 0
    assert run("move", config).returncode == 0
    assert file.filename in held(config)
    return file.filename


def test_a_run_that_finds_nothing_changed_costs_one_conditional_request(
    everything: Path, fake_pypi: FakePypi
) -> None:
    """A follow run likewise, but for the one in a day that finds that there is no changelog."""
    for options, methods in (
        ((), ["GET"]),
        (("--follow",), ["POST", "GET"]),
        (("--follow",), ["GET"]),
        ((), ["GET"]),
    ):
        fake_pypi.forget_requests()
        assert run("sync-index", everything, *options).returncode == 0
        assert methods == [request.method for request in fake_pypi.requests]
        assert "if-none-match" in fake_pypi.requests[-1].headers


def test_a_changelog_is_asked_for_again_after_a_day(everything: Path, fake_pypi: FakePypi) -> None:
    """Upstream may have one by then; or it is another upstream, which is asked at once."""
    run("sync-index", everything, "--follow")
    store = Parts(load(everything)).store
    url, noted = json.loads(store.setting("upstream_has_no_changelog") or b"")
    for known, posts in (([url, noted - 86_400], 1), ([url, noted], 0), (["another", noted], 1)):
        store.keep("upstream_has_no_changelog", json.dumps(known).encode())
        fake_pypi.forget_requests()
        assert run("sync-index", everything, "--follow").returncode == 0
        assert posts == fake_pypi.count(method="POST")
    store.close()


def test_a_stale_page_is_put_off_and_holds_nobody_up(everything: Path, fake_pypi: FakePypi) -> None:
    """It is not written, the run ends 0, and when upstream heals the next run clears it."""
    fake_pypi.freeze("bb")
    for name in NAMES:
        fake_pypi.add(make_wheel(name, "2"))
    done = run("sync-index", everything)
    assert done.returncode == 0
    assert "1 put off" in done.stderr
    assert [2, 1, 2] == [len(page(everything, name)["files"]) for name in NAMES]
    (failing,) = status(everything)["failing"]
    assert ("bb", "stale", False) == (failing["project"], failing["kind"], failing["stuck"])
    fake_pypi.thaw("bb")
    fake_pypi.touch("cc")
    assert run("sync-index", everything).returncode == 0
    assert len(page(everything, "bb")["files"]) == 2
    assert status(everything)["failing"] == []


def test_a_project_that_is_stale_for_long_makes_the_run_end_one(
    tmp_path: Path, fake_pypi: FakePypi
) -> None:
    """Past `sync.stuck_after`, and the message says where to look."""
    fake_pypi.add(make_wheel("bb", "1"))
    config = configure(tmp_path, fake_pypi, stuck_after="30s")
    run("sync-index", config)
    fake_pypi.freeze("bb")
    fake_pypi.touch("bb")
    assert run("sync-index", config).returncode == 0
    made_old = "UPDATE project SET failing_since = failing_since - 60 WHERE name = 'bb'"
    with sqlite3.connect(load(config).repo_path / "larder.db") as database:
        assert database.execute(made_old).rowcount == 1
    done = run("sync-index", config)
    assert done.returncode == 1
    assert "`larder status` names them" in done.stderr
    assert status(config)["failing"][0]["stuck"] is True
    shown = run("status", config)
    assert "bb" in shown.stdout
    assert "(stuck)" in shown.stdout


def test_a_listed_project_without_a_page_gets_a_tombstone(
    everything: Path, fake_pypi: FakePypi
) -> None:
    """It is not asked for again until its serial moves, and falls when the list lacks it."""
    serial = fake_pypi.touch("aa")
    fake_pypi.announce("ghost", serial + 5)
    run("sync-index", everything)
    fake_pypi.forget_requests()
    fake_pypi.touch("aa")
    assert run("sync-index", everything).returncode == 0
    assert fake_pypi.count("/simple/ghost/") == 0
    fake_pypi.add(make_wheel("ghost", "1"))
    fake_pypi.announce("ghost", serial + 9)
    fake_pypi.inject(Status(404), at="/simple/ghost/")
    run("sync-index", everything)
    assert fake_pypi.count("/simple/ghost/") == 1
    fake_pypi.heal()
    fake_pypi.touch("ghost")
    fake_pypi.announce("ghost", fake_pypi.project("ghost").serial)
    run("sync-index", everything)
    assert (simple(everything) / "ghost").exists()


def test_a_deleted_project_goes_with_its_held_files_in_one_run(
    everything: Path, fake_pypi: FakePypi
) -> None:
    """Page and file, by `sync-index` alone."""
    name = hold(everything, fake_pypi, "bb")
    fake_pypi.remove_project("bb")
    done = run("sync-index", everything)
    assert done.returncode == 0
    assert "removed bb" in done.stderr
    assert not (simple(everything) / "bb").exists()
    assert name not in held(everything)
    assert '"bb"' not in (simple(everything) / "index.v1.json").read_text()


def test_a_deleted_file_goes_in_one_run(everything: Path, fake_pypi: FakePypi) -> None:
    """Its project's page stays."""
    name = hold(everything, fake_pypi, "bb")
    fake_pypi.add(make_wheel("bb", "2"))
    fake_pypi.remove_file("bb", name)
    assert run("sync-index", everything).returncode == 0
    assert len(page(everything, "bb")["files"]) == 1
    assert name not in held(everything)


def test_a_deleted_file_goes_from_every_tier(everything: Path, fake_pypi: FakePypi) -> None:
    """A killed move, or somebody's hand, left a copy that no record names."""
    name = hold(everything, fake_pypi, "bb")
    hot, cold = (tier.path for tier in load(everything).cache.tiers)
    shutil.copytree(hot, cold, dirs_exist_ok=True)
    fake_pypi.remove_project("bb")
    assert run("sync-index", everything).returncode == 0
    left = [path for tier in (hot, cold) for path in tier.rglob(f"{name}*")]
    assert [] == left


def test_a_file_that_a_killed_run_took_off_its_page_goes_with_the_next(
    everything: Path, fake_pypi: FakePypi
) -> None:
    """Though upstream has nothing new by then."""
    name = hold(everything, fake_pypi, "bb")
    parts = Parts(load(everything))
    parts.store.record(Project(ProjectName("bb")))
    parts.store.close()
    assert run("sync-index", everything).returncode == 0
    assert name not in held(everything)
    again = run("sync-index", everything, "--dry-run")
    assert (0, "") == (again.returncode, again.stdout)


def test_folders_that_went_or_came_by_hand_are_set_right(
    everything: Path, fake_pypi: FakePypi
) -> None:
    """The next run that has a new list writes the one again and asks about the other."""
    shutil.rmtree(simple(everything) / "bb")
    (simple(everything) / "zz").mkdir()
    fake_pypi.touch("aa")
    assert run("sync-index", everything).returncode == 0
    assert len(page(everything, "bb")["files"]) == 1
    assert not (simple(everything) / "zz").exists()


@pytest.mark.parametrize("keep", [False, True])
def test_a_quarantined_projects_files_go_in_one_run(
    tmp_path: Path,
    fake_pypi: FakePypi,
    keep: bool,  # noqa: FBT001
) -> None:
    """Its page says so (PEP 792) and lists nothing; `keep_deleted` keeps none of it."""
    for name in NAMES:
        fake_pypi.add(make_wheel(name, "1"))
    config = write_config(
        tmp_path, fake_pypi, index={"projects": "all"}, packages={"keep_deleted": keep}
    )
    run("sync-index", config)
    name = hold(config, fake_pypi, "bb")
    fake_pypi.add_project("bb", status="quarantined")
    assert run("sync-index", config).returncode == 0
    assert ([], "quarantined") == (
        page(config, "bb")["files"],
        page(config, "bb")["project-status"]["status"],
    )
    assert name not in held(config)


def test_an_archive_keeps_what_upstream_deleted(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """`packages.keep_deleted: true`, through `move` and `clean` as well."""
    for name in NAMES:
        fake_pypi.add(make_wheel(name, "1"))
    config = write_config(
        tmp_path, fake_pypi, index={"projects": "all"}, packages={"keep_deleted": True}
    )
    run("sync-index", config)
    name = hold(config, fake_pypi, "bb")
    fake_pypi.remove_project("bb")
    assert run("sync", config).returncode == 0
    assert name in held(config)


def test_a_serial_that_goes_backwards_is_refused(everything: Path, fake_pypi: FakePypi) -> None:
    """Nothing is changed, until the operator says that it is right."""
    before = snapshot(simple(everything))
    projects = [{"name": name, "_last-serial": 1} for name in NAMES]
    old = {"meta": {"api-version": "1.4", "_last-serial": 1}, "projects": projects}
    json_type = "application/vnd.pypi.simple.v1+json"
    fake_pypi.inject(Replaced(orjson.dumps(old), json_type), at="/simple/")
    done = run("sync-index", everything)
    assert done.returncode == 3
    assert "is at serial 1, and was at" in done.stderr
    assert "--accept-removals" in done.stderr
    assert before == snapshot(simple(everything))
    assert run("sync-index", everything, "--accept-removals").returncode == 0


@pytest.mark.parametrize("age", ["deleted", "older"])
def test_a_list_without_a_serial_is_older_if_its_projects_are(tmp_path: Path, age: str) -> None:
    """XML-RPC's has none of its own; the project with the highest may just be deleted."""
    with FakePypi(serials="xmlrpc") as pypi:
        for name in NAMES:
            pypi.add(make_wheel(name, "1"))
        config = configure(tmp_path, pypi)
        run("sync-index", config)
        last = pypi.project("cc").serial
        if age == "deleted":
            pypi.remove_project("cc")
        else:
            pypi.announce("cc", 1)
        done = run("sync-index", config)
    assert done.returncode == (0 if age == "deleted" else 3), done.stderr
    assert (f"was at {last} before" in done.stderr) == (age == "older")
    assert (simple(config) / "cc").exists() == (age == "older")


@pytest.mark.parametrize("fault", [Status(404), Replaced(b"<html>We are moving</html>")])
def test_a_list_that_is_not_there_any_more_is_refused(
    everything: Path, fake_pypi: FakePypi, fault: Fault
) -> None:
    """A mirror that was in step is not configured wrongly; the next run goes on."""
    fake_pypi.inject(fault, at="/simple/")
    done = run("sync-index", everything)
    assert done.returncode == 3
    assert "had a list of serials and has none now" in done.stderr
    fake_pypi.heal()
    fake_pypi.add(make_wheel("dd", "1"))
    assert run("sync-index", everything).returncode == 0
    assert (simple(everything) / "dd").exists()


@pytest.mark.parametrize("page", [b'{"projects": [' + b"[" * 9_000_000, b'{"projects": [{"name'])
def test_a_list_that_makes_no_sense_is_refused(
    everything: Path, fake_pypi: FakePypi, page: bytes
) -> None:
    """In one sentence, and nothing is changed."""
    before = snapshot(simple(everything))
    fake_pypi.inject(Replaced(page, "application/vnd.pypi.simple.v1+json"), at="/simple/")
    done = run("sync-index", everything)
    assert (3, 1) == (done.returncode, len(done.stderr.splitlines())), done.stderr
    assert "/simple/ cannot be believed: it is n" in done.stderr
    assert before == snapshot(simple(everything))


def test_a_list_that_lacks_too_many_is_refused(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """More than `sync.max_removals`; one fewer is believed."""
    for name in NAMES:
        fake_pypi.add(make_wheel(name, "1"))
    config = configure(tmp_path, fake_pypi, max_removals=1)
    run("sync-index", config)
    fake_pypi.remove_project("aa")
    fake_pypi.remove_project("bb")
    assert run("sync-index", config).returncode == 3
    assert (simple(config) / "aa").exists()
    assert run("sync-index", config, "--accept-removals").returncode == 0
    assert not (simple(config) / "aa").exists()


def test_a_fault_inside_a_200_is_refused(tmp_path: Path) -> None:
    """Read as "no projects" it would delete everything."""
    with FakePypi(serials="xmlrpc") as pypi:
        pypi.add(make_wheel("aa", "1"))
        config = configure(tmp_path, pypi)
        run("sync-index", config)
        fault = xmlrpc_fault(-32500, "HTTPTooManyRequests: slow down")
        pypi.inject(Replaced(fault, "text/xml"), at="/pypi")
        done = run("sync-index", config)
    assert done.returncode == 3
    assert "slow down" in done.stderr
    assert (simple(config) / "aa").exists()


def test_a_wrong_upstream_removes_nothing(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """Every page is 404 there, and so is the list: the URL is wrong, not the projects."""
    for name in NAMES:
        fake_pypi.add(make_wheel(name, "1"))
    config = write_config(tmp_path, fake_pypi)
    ask(config, *NAMES)
    before = snapshot(simple(config) / "aa")
    config.write_text(config.read_text().replace(fake_pypi.pypi_url, f"{fake_pypi.url}/nosuch"))
    done = run("sync-index", config)
    assert done.returncode == 3
    assert "Correct upstream.pypi_url" in done.stderr
    assert before == snapshot(simple(config) / "aa")


@pytest.mark.parametrize("others", [0, 1, 30])
def test_another_index_removes_nothing(tmp_path: Path, fake_pypi: FakePypi, others: int) -> None:
    """It has a list, empty or of other projects: then the URL has changed, not the world."""
    names = [f"project-{number}" for number in range(10)]
    for name in names:
        fake_pypi.add(make_wheel(name, "1"))
    config = write_config(tmp_path, fake_pypi)
    ask(config, *names)
    file = hold(config, fake_pypi, names[0])
    with FakePypi() as other:
        for number in range(others):
            other.add(make_wheel(f"other-{number}", "1"))
        text = config.read_text()
        config.write_text(text.replace(fake_pypi.pypi_url, other.pypi_url))
        done = run("sync", config)
        assert done.returncode == 3
        assert "10 projects that are here are not at" in done.stderr
        assert {*names} == {path.name for path in simple(config).iterdir() if path.is_dir()}
        assert file in held(config)
        assert run("sync", config, "--accept-removals").returncode == 0
        assert not (simple(config) / names[0]).exists()


def test_a_name_that_is_no_name_is_told_and_never_a_path(
    everything: Path, fake_pypi: FakePypi
) -> None:
    """The others are written."""
    serial = fake_pypi.touch("aa")
    for number, name in enumerate(("../../etc", "a b", "-x-")):
        fake_pypi.announce(name, serial + 1 + number)
    fake_pypi.add(make_wheel("dd", "1"))
    assert run("sync-index", everything).returncode == 0
    assert {"../../etc", "a b", "-x-"} == set(status(everything)["refused_names"])
    assert (simple(everything) / "dd").exists()


def test_a_changelog_tells_a_light_run_what_is_new(tmp_path: Path) -> None:
    """One call, and then only the pages that it names."""
    with FakePypi(serials="xmlrpc") as pypi:
        for name in NAMES:
            pypi.add(make_wheel(name, "1"))
        config = configure(tmp_path, pypi)
        run("sync-index", config)
        pypi.add(make_wheel("bb", "2"))
        pypi.forget_requests()
        assert run("sync-index", config, "--follow").returncode == 0
        assert ["/pypi", "/simple/bb/"] == [
            request.path for request in pypi.requests if "json" not in request.path
        ]
        assert len(page(config, "bb")["files"]) == 2
        pypi.forget_requests()
        assert run("sync-index", config, "--follow").returncode == 0
        assert len(pypi.requests) == 1


def test_a_light_run_forgets_no_name_that_is_none(tmp_path: Path) -> None:
    """The changelog does not tell them; the last list's stand until the next one."""
    with FakePypi(serials="xmlrpc") as pypi:
        pypi.add(make_wheel("aa", "1"))
        config = configure(tmp_path, pypi)
        pypi.announce("a b", pypi.project("aa").serial)
        run("sync-index", config)
        pypi.add(make_wheel("aa", "2"))
        assert run("sync-index", config, "--follow").returncode == 0
        assert (2, ["a b"]) == (len(page(config, "aa")["files"]), status(config)["refused_names"])


def test_a_light_run_notes_what_the_changelog_names_and_filters_hide(tmp_path: Path) -> None:
    """The mirror is in step with that, and does not hear of it again."""
    with FakePypi(serials="xmlrpc") as pypi:
        for name in NAMES:
            pypi.add(make_wheel(name, "1"))
        config = write_config(
            tmp_path,
            pypi,
            index={"projects": "all"},
            filters={"projects": {"deny": ["bb"]}},
        )
        run("sync-index", config)
        pypi.add(make_wheel("bb", "2"))
        for planned in (True, False):
            done = run("sync-index", config, "--follow", "--dry-run")
            assert planned is ("note that upstream's list to serial" in done.stdout)
            assert run("sync-index", config, "--follow").returncode == 0
        with closing(Store.open(load(config).database)) as store:
            assert Freshness(store).lag(time.time()).serials == 0
            assert Freshness(store).kept_list().known == pypi.project("bb").serial


def test_a_list_may_lag_behind_the_changelog(tmp_path: Path) -> None:
    """PyPI's is cached for half an hour: an older copy of it than of before is what counts."""
    with FakePypi(serials="xmlrpc") as pypi:
        for name in NAMES:
            pypi.add(make_wheel(name, "1"))
        config = configure(tmp_path, pypi)
        serials = {name: pypi.project(name).serial for name in NAMES}
        cached = {
            "meta": {"api-version": "1.4", "_last-serial": max(serials.values())},
            "projects": [{"name": name, "_last-serial": serials[name]} for name in NAMES],
        }
        json_type = "application/vnd.pypi.simple.v1+json"
        pypi.inject(Replaced(orjson.dumps(cached), json_type), at="/simple/")
        run("sync-index", config)
        pypi.add(make_wheel("bb", "2"))
        assert run("sync-index", config, "--follow").returncode == 0
        assert run("sync-index", config).returncode == 0
        assert len(page(config, "bb")["files"]) == 2
        assert status(config)["upstream_serial"] == pypi.project("bb").serial
        pypi.forget_requests()
        assert run("sync-index", config, "--follow").returncode == 0
        assert [request.path for request in pypi.requests] == ["/pypi"]


@pytest.fixture
def upstream(fake_pypi: FakePypi, config_path: Path) -> Iterator[Upstream]:
    """Return the door to a simulated upstream."""
    parts = Parts(load(config_path))
    del fake_pypi
    yield parts.upstream
    parts.upstream.close()


_ANSWER = (
    "<?xml version='1.0'?>{}<methodResponse><params><param><value>{}</value></param></params>"
    "</methodResponse>"
)
_ROW = (
    "<array><data><value><array><data><value>aa</value><value>1</value><value><int>1</int></value>"
    "<value>x</value><value>{}</value></data></array></value></data></array>"
)


@pytest.mark.parametrize(
    "answer",
    [
        b"no xml",
        b"<?xml version='1.0'?><methodResponse/>",
        xmlrpc_fault(1, "no"),
        _ANSWER.format("", "<bigdecimal>x</bigdecimal>").encode(),
        _ANSWER.format("", "<struct><member><name>x</name></member></struct>").encode(),
        _ANSWER.format("", _ROW.format(f"<biginteger>{2**64}</biginteger>")).encode(),
        _ANSWER.format("", _ROW.format("<int>-1</int>")).encode(),
        _ANSWER.format("<!DOCTYPE x [<!ENTITY a '1'>]>", _ROW.format("<int>&a;</int>")).encode(),
    ],
)
def test_a_changelog_that_makes_no_sense_is_none(
    upstream: Upstream, fake_pypi: FakePypi, answer: bytes
) -> None:
    """Then the list tells."""
    fake_pypi.inject(Replaced(answer, "text/xml"), at="/pypi")
    assert upstream.changes(1) is None


def test_a_server_without_the_call_has_no_changelog(
    upstream: Upstream, fake_pypi: FakePypi
) -> None:
    """As one without XML-RPC has none."""
    assert NoChangelog() == upstream.changes(1)
    fake_pypi.inject(Replaced(xmlrpc_fault(-32601, "method not found"), "text/xml"), at="/pypi")
    assert NoChangelog() == upstream.changes(1)


def test_a_serial_that_xml_rpc_cannot_say_is_not_asked_for(
    upstream: Upstream, fake_pypi: FakePypi
) -> None:
    """The list's may be of any size; a light run does without the changelog then."""
    assert upstream.changes(2**31) is None
    assert fake_pypi.requests == ()


def test_a_serial_that_no_database_holds_is_no_serial(tmp_path: Path) -> None:
    """It costs nobody else anything."""
    with FakePypi(serials=None, kind="html", legacy_json=False) as pypi:
        for name in NAMES:
            pypi.add(make_wheel(name, "1"))
        config = write_config(tmp_path, pypi)
        headers = {"X-PyPI-Last-Serial": "9" * 30}
        body = b"<!DOCTYPE html><title>Links for bb</title><body></body>"
        pypi.inject(Replaced(body, headers=headers), at="/simple/bb/")
        ask(config, *NAMES)
        assert run("sync-index", config).returncode == 0
        tracked = Parts(load(config)).store.tracked_project(ProjectName("bb"))
        assert tracked is not None
        assert tracked.serial is None


def let_retries_be_due(config: Path) -> None:
    """Let a minute pass for the failing projects."""
    made_old = "UPDATE project SET retry_at = retry_at - 60 WHERE retry_at IS NOT NULL"
    with sqlite3.connect(load(config).repo_path / "larder.db") as database:
        assert database.execute(made_old).rowcount


def test_what_this_machine_could_not_write_is_tried_again(
    everything: Path, fake_pypi: FakePypi
) -> None:
    """Also where upstream's list is the same by then; `status` says why it is not here."""
    fake_pypi.add(make_wheel("dd", "1"))
    in_the_way = simple(everything) / "dd"
    in_the_way.write_text("")
    assert run("sync-index", everything).returncode == 1
    (failing,) = status(everything)["failing"]
    assert ("dd", "local") == (failing["project"], failing["kind"])
    in_the_way.unlink()
    let_retries_be_due(everything)
    assert run("sync-index", everything).returncode == 0
    assert len(page(everything, "dd")["files"]) == 1
    assert status(everything)["failing"] == []


def test_on_a_full_disk_little_is_fetched_in_vain(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """So many failures in a row end the run; the next one does what was not tried."""
    names = [f"project-{number}" for number in range(8)]
    for name in names:
        fake_pypi.add(make_wheel(name, "1"))
    config = configure(tmp_path, fake_pypi, concurrent_downloads=1, download_error_threshold=3)
    simple(config).mkdir()
    for name in names:
        (simple(config) / name).write_text("in the way")
    done = run("sync-index", config)
    assert done.returncode == 1
    assert "3 failed; 5 not tried" in done.stderr
    assert fake_pypi.count("/simple/project-*/") == 3
    for name in names:
        (simple(config) / name).unlink()
    assert run("sync-index", config).returncode == 0
    assert all(page(config, name)["files"] for name in names)


def test_removals_that_were_refused_are_refused_again(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """A list that was not carried out is asked for again, though it is the same."""
    for number in range(8):
        fake_pypi.add(make_wheel(f"project-{number}", "1"))
    config = configure(tmp_path, fake_pypi)
    run("sync-index", config)
    for number in range(5):
        fake_pypi.remove_project(f"project-{number}")
    for _ in range(2):
        done = run("sync-index", config)
        assert done.returncode == 3
        assert "5 projects that are here are not at" in done.stderr
    assert run("sync-index", config, "--accept-removals").returncode == 0
    assert not (simple(config) / "project-0").exists()


def test_votes_for_a_removed_project_do_no_harm(everything: Path, fake_pypi: FakePypi) -> None:
    """They are of files that nobody can wish for."""
    file = fake_pypi.project("bb").files[0]
    vote(everything, file)
    fake_pypi.remove_project("bb")
    assert run("sync", everything).returncode == 0
    store = Parts(load(everything)).store
    assert store.add_votes([Vote(FilePath(file.path), 9, int(time.time()))], 300) == 0
    store.close()
