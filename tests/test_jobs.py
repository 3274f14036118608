"""The jobs as child processes: what they do, print, and end with."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.config import load
from app.locks import FileLock
from app.model import Vote
from app.names import FilePath, ProjectName
from app.store import Store
from jobs.cli import COMMANDS
from jobs.parts import Parts
from tests.fake_pypi import (
    FakeFile,
    FakePypi,
    Slow,
    Status,
    WrongContent,
    make_sdist,
    make_wheel,
)
from tests.mirrors import put_wish, write_config

ROOT = Path(__file__).resolve().parent.parent
SIX = ProjectName("six")
JOBS = ("sync-index", "score", "move", "clean")


def run(
    job: str, config: Path, *options: str, by: str = "module"
) -> subprocess.CompletedProcess[str]:
    """Run a job to its end, as a module or through the command."""
    return subprocess.run(
        [*command(job, by), "-c", str(config), *options],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def command(job: str, by: str = "module") -> Sequence[str]:
    """Return the command line of a job."""
    if by == "module":
        return [sys.executable, "-m", f"jobs.{job.replace('-', '_')}"]
    return [str(Path(sys.executable).parent / "larder"), job]


def vote(config: Path, *files: FakeFile, count: int = 1, age: int = 0) -> None:
    """Cast votes of several networks for files."""
    store = Parts(load(config)).store
    now = int(time.time()) - age
    votes = [Vote(FilePath(file.path), network, now) for file in files for network in range(count)]
    assert store.add_votes(votes, 300) == len(votes)
    store.close()


def ask(config: Path, *names: str) -> None:
    """Have projects tracked, as clients that ask for them do."""
    parts = Parts(load(config))
    for name in names:
        parts.index.ask(ProjectName(name))
    parts.store.close()


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return every file below a folder, but for logs and locks."""
    return {
        str(path.relative_to(folder)): (int(path.stat().st_mtime), path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in (".lock", ".db-wal", ".db-shm")
    }


@pytest.fixture
def six(config_path: Path, fake_pypi: FakePypi) -> FakeFile:
    """Make a project with a wheel that the mirror tracks."""
    file = fake_pypi.add(make_wheel("six", "1.16.0", padding=20_000))
    Parts(load(config_path)).config.repo_path.mkdir(exist_ok=True)
    ask(config_path, "six")
    return file


def held(config: Path) -> dict[str, int]:
    """Return which files lie on which tier's disk."""
    return {
        path.name: rank
        for rank, tier in enumerate(load(config).cache.tiers)
        for path in tier.path.rglob("*")
        if path.is_file() and path.suffix != ".metadata" and ".larder" not in path.parts
    }


def test_a_voted_file_is_fetched_and_a_new_release_is_seen(
    config_path: Path, fake_pypi: FakePypi, six: FakeFile
) -> None:
    """`sync` does the four jobs: index, scores, files, and cleaning."""
    vote(config_path, six)
    newer = fake_pypi.add(make_wheel("six", "1.17.0"))
    done = run("sync", config_path)
    assert (0, "") == (done.returncode, done.stdout)
    assert {six.filename: 0} == held(config_path)
    page = load(config_path).repo_path / "simple" / "six" / "index.v1.json"
    assert newer.filename in page.read_text()
    root = json.loads((page.parent.parent / "index.v1.json").read_text())
    assert ["six"] == [project["name"] for project in root["projects"]]


def test_a_second_sync_has_nothing_to_do(config_path: Path, six: FakeFile) -> None:
    """Not a byte changes, and no file is fetched again."""
    vote(config_path, six)
    run("sync", config_path)
    before = snapshot(load(config_path).repo_path)
    done = run("sync", config_path)
    after = snapshot(load(config_path).repo_path)
    assert done.returncode == 0
    for name in ("larder.db",):
        before.pop(name), after.pop(name)
    assert before == after


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize("by", ["module", "command"])
def test_a_dry_run_prints_the_plan_and_changes_nothing(
    config_path: Path, fake_pypi: FakePypi, six: FakeFile, job: str, by: str
) -> None:
    """Each job, run either way; and as JSON it is data."""
    vote(config_path, six)
    vote(config_path, six, age=30 * 86_400)
    fake_pypi.add(make_wheel("six", "1.17.0"))
    if job == "move":
        run("score", config_path)
    before = snapshot(load(config_path).repo_path)
    plain = run(job, config_path, "--dry-run", by=by)
    data = run(job, config_path, "--dry-run", "--json", by=by)
    assert before == snapshot(load(config_path).repo_path)
    assert (0, 0) == (plain.returncode, data.returncode)
    expected = {
        "sync-index": ("revalidate six", "revalidate"),
        "score": ("wish for 1 files", "wish"),
        "move": (f"fetch {six.filename} to tier 0", "fetch"),
        "clean": ("delete 1 expired votes", "clean"),
    }[job]
    assert expected[0] in plain.stdout
    assert expected[1] in [step["step"] for step in json.loads(data.stdout)]


@pytest.mark.parametrize("made", ["repository", "nothing"])
@pytest.mark.parametrize("job", [*JOBS, "sync", "read-spool"])
def test_a_dry_run_makes_nothing(tmp_path: Path, fake_pypi: FakePypi, job: str, made: str) -> None:
    """No folder, no database, no lock, where the mirror has not been made yet."""
    config = write_config(tmp_path, fake_pypi)
    shutil.rmtree(tmp_path / "repo")
    if made == "repository":
        (tmp_path / "repo").mkdir()
    before = sorted(tmp_path.rglob("*"))
    done = run(job, config, "--dry-run")
    assert (0, before) == (done.returncode, sorted(tmp_path.rglob("*"))), done.stderr


@pytest.mark.usefixtures("six")
def test_a_sync_prints_one_document(config_path: Path, fake_pypi: FakePypi) -> None:
    """A list of the jobs' reports, or plans, or of what kept them from either."""
    plans = json.loads(run("sync", config_path, "--json", "--dry-run").stdout)
    assert list(JOBS) == [plan["job"] for plan in plans]
    assert "revalidate" in [step["step"] for step in plans[0]["plan"]]
    reports = json.loads(run("sync", config_path, "--json").stdout)
    assert [(job, 0) for job in JOBS] == [(found["job"], found["left"]) for found in reports]
    with FileLock(load(config_path).repo_path / "run" / "score.lock"):
        done = run("sync", config_path, "--json")
    assert done.returncode == 75
    assert "another run is at it" in json.loads(done.stdout)[1]["error"]
    assert fake_pypi.count("/simple/six/") == 3


BROKEN_SYNC = """
import sys
from jobs import sync
class Broken(sync.SyncIndex):
    def plan(self):
        raise IndexError("nobody expected this")
sync.ORDER = (Broken, *sync.ORDER[1:])
sys.exit(sync.run())
"""


def test_a_fault_in_one_job_does_not_keep_the_others(config_path: Path, six: FakeFile) -> None:
    """It is told in one line, and the run ends 1."""
    vote(config_path, six)
    done = subprocess.run(
        [sys.executable, "-c", BROKEN_SYNC, "-c", str(config_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "sync-index: larder's own fault, please report: IndexError: nobody" in done.stderr
    assert "Traceback" not in done.stderr
    assert {six.filename: 0} == held(config_path)


def test_the_least_popular_go_cold_and_then_out(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """The hottest tier has the best, the next has the next, and the rest has no place."""
    hot, cold = tmp_path / "repo" / "hot", tmp_path / "repo" / "cold"
    tiers = [
        {"path": str(hot), "size_limit": "30k"},
        {"path": str(cold), "size_limit": "30k"},
    ]
    config = write_config(tmp_path, fake_pypi, cache={"min_vote_count": 1, "tiers": tiers})
    files = [fake_pypi.add(make_wheel(name, "1", padding=20_000)) for name in ("aa", "bb", "cc")]
    ask(config, "aa", "bb", "cc")
    for file, count in zip(files, (1, 5, 10), strict=True):
        vote(config, file, count=count)
    assert run("sync", config).returncode == 0
    assert {files[2].filename: 0, files[1].filename: 1} == held(config)
    vote(config, files[0], count=200, age=400)
    assert run("sync", config).returncode == 0
    assert {files[0].filename: 0, files[2].filename: 1} == held(config)


def test_a_file_with_the_wrong_bytes_is_not_held(
    config_path: Path, fake_pypi: FakePypi, six: FakeFile
) -> None:
    """The run ends 1, says which file and why, and the next one tries again."""
    vote(config_path, six)
    fake_pypi.inject(WrongContent(), at="/packages/*.whl")
    failed = run("sync", config_path)
    assert failed.returncode == 1
    assert f"could not fetch {six.filename} to tier 0: its SHA-256 is" in failed.stderr
    assert held(config_path) == {}
    fake_pypi.heal()
    assert run("sync", config_path).returncode == 0
    assert {six.filename: 0} == held(config_path)


def test_a_project_deleted_upstream_goes_with_its_files(
    config_path: Path, fake_pypi: FakePypi, six: FakeFile
) -> None:
    """Page and held file are gone after one run."""
    vote(config_path, six)
    run("sync", config_path)
    fake_pypi.remove_project("six")
    assert run("sync", config_path).returncode == 0
    assert held(config_path) == {}
    assert not (load(config_path).repo_path / "simple" / "six").exists()


@pytest.mark.usefixtures("six")
def test_an_unreachable_upstream_is_try_later(config_path: Path, fake_pypi: FakePypi) -> None:
    """What is here stays, and the code is 75."""
    fake_pypi.stop()
    before = snapshot(load(config_path).repo_path / "simple" / "six")
    done = run("sync-index", config_path)
    assert done.returncode == 75
    assert "could not revalidate six" in done.stderr
    assert before == snapshot(load(config_path).repo_path / "simple" / "six")
    fake_pypi.start()


@pytest.mark.parametrize("serials", ["json", "xmlrpc"])
def test_serials_tell_what_has_changed(tmp_path: Path, serials: str) -> None:
    """With more projects than `sync.whole_list_above`, one list says which pages to ask for."""
    with FakePypi(serials=serials) as pypi:  # type: ignore[arg-type]
        for name in ("aa", "bb", "cc"):
            pypi.add(make_wheel(name, "1"))
        config = write_config(tmp_path, pypi, sync={"retry": 0, "whole_list_above": 0})
        ask(config, "aa", "bb", "cc")
        pypi.add(make_wheel("bb", "2"))
        pypi.forget_requests()
        assert run("sync-index", config).returncode == 0
        assert (0, 1, 0) == tuple(pypi.count(f"/simple/{name}/") for name in ("aa", "bb", "cc"))


def test_every_project_of_upstream_is_added(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """`index.projects: all` follows the list."""
    names = [f"project-{number}" for number in range(25)]
    for name in names:
        fake_pypi.add(make_sdist(name, "1"))
    config = write_config(tmp_path, fake_pypi, index={"projects": "all"})
    assert run("sync-index", config).returncode == 0
    assert set(names) == set(Parts(load(config)).tree.names())


def test_an_empty_list_is_refused(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """Nothing is changed, the code is 3, and the message says what to do."""
    fake_pypi.add(make_wheel("aa", "1"))
    config = write_config(tmp_path, fake_pypi, index={"projects": "all"})
    run("sync-index", config)
    before = snapshot(load(config).repo_path / "simple")
    fake_pypi.announce("aa", None)
    done = run("sync-index", config)
    assert done.returncode == 3
    assert "--accept-removals" in done.stderr
    assert before == snapshot(load(config).repo_path / "simple")


def test_all_projects_of_an_index_without_serials_is_a_wrong_configuration(
    tmp_path: Path,
) -> None:
    """The message says what to write in its place."""
    with FakePypi(serials=None, kind="html") as pypi:
        config = write_config(tmp_path, pypi, index={"projects": "all"})
        done = run("sync-index", config)
    assert done.returncode == 2
    assert "index.projects: on-demand" in done.stderr


@pytest.mark.usefixtures("six")
def test_a_second_run_of_a_job_tries_later(config_path: Path, fake_pypi: FakePypi) -> None:
    """Two runs of one job never overlap."""
    fake_pypi.inject(Slow(delay=5), at="/simple/six/")
    first = subprocess.Popen(
        [*command("sync-index"), "-c", str(config_path)], stderr=subprocess.PIPE
    )
    wait_for_request(fake_pypi, "/simple/six/", 2)
    assert run("sync-index", config_path).returncode == 75
    first.kill()
    first.communicate()
    fake_pypi.heal()
    assert run("sync-index", config_path).returncode == 0


def wait_for_partial_file(config: Path) -> None:
    """Wait until a download has begun to reach the disk."""
    deadline = time.monotonic() + 20
    roots = [tier.path / ".larder" for tier in load(config).cache.tiers]
    while not any(path.name.endswith(".part") for root in roots for path in root.glob("*")):
        assert time.monotonic() < deadline, "no partial file"
        time.sleep(0.01)


def wait_for_request(pypi: FakePypi, path: str, count: int) -> None:
    """Wait until so many requests for a path have come."""
    deadline = time.monotonic() + 20
    while pypi.count(path) < count:
        assert time.monotonic() < deadline, f"no {count} requests for {path}"
        time.sleep(0.01)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_job_between_two_blocks(
    config_path: Path, fake_pypi: FakePypi, six: FakeFile, number: signal.Signals, code: int
) -> None:
    """What is done is kept, the rest is for the next run."""
    vote(config_path, six)
    assert run("score", config_path).returncode == 0
    fake_pypi.inject(Slow(chunk=1000, pause=0.2), at="/packages/*.whl")
    fake_pypi.forget_requests()
    job = subprocess.Popen([*command("move"), "-c", str(config_path)], stderr=subprocess.PIPE)
    wait_for_request(fake_pypi, "/packages/*.whl", 1)
    wait_for_partial_file(config_path)
    job.send_signal(number)
    job.communicate(timeout=20)
    assert job.returncode == code
    assert held(config_path) == {}
    fake_pypi.heal()
    assert run("move", config_path).returncode == 0
    assert {six.filename: 0} == held(config_path)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("repo_path: /tmp\nlisten: 8080x\n", "listen"),
        ("databse: x\n", "did you mean 'database'"),
        ("", "repo_path"),
    ],
)
def test_a_wrong_configuration_is_two_and_a_sentence(tmp_path: Path, text: str, what: str) -> None:
    """No traceback, and nothing is done."""
    path = tmp_path / "mirror.yaml"
    path.write_text(text)
    done = run("sync", path)
    assert done.returncode == 2
    assert what in done.stderr
    assert "Traceback" not in done.stderr


def test_no_configuration_is_two_and_says_how_to_give_one(tmp_path: Path) -> None:
    """Either option or environment."""
    environment = {key: value for key, value in os.environ.items() if key != "LARDER_CONFIG"}
    done = subprocess.run(
        command("move"),
        capture_output=True,
        text=True,
        env={**environment, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 2
    assert "LARDER_CONFIG" in done.stderr


def test_the_configuration_of_a_first_start_is_found(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """Where `larder up` wrote one, the jobs need no option."""
    (tmp_path / "var").mkdir()
    write_config(tmp_path / "var", fake_pypi)
    (tmp_path / "var" / "repo").mkdir(exist_ok=True)
    done = subprocess.run(
        command("clean"),
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_lost_database_costs_no_file(
    config_path: Path, fake_pypi: FakePypi, six: FakeFile
) -> None:
    """What is held is taken back and stays, though nobody's votes are known any more."""
    vote(config_path, six)
    assert run("sync", config_path).returncode == 0
    for path in load(config_path).repo_path.glob("larder.db*"):
        path.unlink()
    fake_pypi.forget_requests()
    for _ in range(2):
        assert run("sync", config_path).returncode == 0
        assert {six.filename: 0} == held(config_path)
    assert fake_pypi.count("/packages/*") == 0


def test_a_file_just_within_the_limit_stays(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """Its companion does not count against `cache.filesize_limit`, before or after."""
    wheel = make_wheel("six", "1", padding=20_000)
    tiers = [{"path": str(tmp_path / "repo" / "hot"), "size_limit": "1m"}]
    limit = len(wheel.content) + 10
    cache = {"min_vote_count": 1, "filesize_limit": limit, "tiers": tiers}
    config = write_config(tmp_path, fake_pypi, cache=cache)
    file = fake_pypi.add(wheel)
    ask(config, "six")
    vote(config, file)
    for _ in range(2):
        assert run("sync", config).returncode == 0
        assert {file.filename: 0} == held(config)


def test_networks_are_forgotten_though_no_vote_expires(config_path: Path, six: FakeFile) -> None:
    """After a day a window tells nobody's vote from another: not even its hash stays."""
    vote(config_path, six, age=2 * 86_400)
    store = Store.open(load(config_path).database)
    assert (1, 1) == (store.counted(), store.count_windows(1 << 62))
    assert run("clean", config_path).returncode == 0
    assert (1, 0) == (store.counted(), store.count_windows(1 << 62))
    store.close()
    again = run("clean", config_path, "--dry-run")
    assert (0, "") == (again.returncode, again.stdout)


def test_clean_leaves_a_running_move_its_partial_files(
    config_path: Path, fake_pypi: FakePypi
) -> None:
    """Even where the wish has changed meanwhile; afterwards they go."""
    file = fake_pypi.add(make_wheel("six", "1", padding=200_000))
    ask(config_path, "six")
    vote(config_path, file)
    run("score", config_path)
    fake_pypi.inject(Slow(chunk=20_000, pause=0.2), at="/packages/*.whl")
    move = subprocess.Popen([*command("move"), "-q", "-c", str(config_path)])
    wait_for_request(fake_pypi, "/packages/*.whl", 1)
    store = Parts(load(config_path)).store
    wish = store.wish()
    store.replace_wish([])
    assert run("clean", config_path).returncode == 0
    assert move.wait(20) == 0
    assert {file.filename: 0} == held(config_path)
    put_wish(store, wish)
    left = load(config_path).cache.tiers[1].path / ".larder" / "left.part"
    left.parent.mkdir()
    left.touch()
    assert run("clean", config_path).returncode == 0
    assert not left.exists()
    store.close()


def test_a_full_disk_is_a_sentence(config_path: Path, fake_pypi: FakePypi) -> None:
    """A filesystem without room: the run ends 1, and nothing half-done is visible."""
    file = fake_pypi.add(make_wheel("six", "1", padding=200_000))
    ask(config_path, "six")
    vote(config_path, file)
    assert run("score", config_path).returncode == 0
    # A limit on the size of files is the kernel's refusal to write, as a full disk's is.
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 100; exec "$@"', "sh", *command("move"), "-c", str(config_path)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGXFSZ, signal.SIG_IGN) and None,
    )
    assert done.returncode == 1
    assert "cannot write" in done.stderr
    assert "Traceback" not in done.stderr
    assert held(config_path) == {}
    assert [] == list(config_path.parent.rglob("*.part"))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    """Each tells its options and ends 0."""
    done = subprocess.run(
        [*command("help", "command")[:1], name, "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "--config FILE" in done.stdout


@pytest.fixture(autouse=True)
def _no_configuration_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of whoever runs the suite does not matter."""
    monkeypatch.delenv("LARDER_CONFIG", raising=False)


def test_an_upstream_that_fails_again_and_again_is_left_in_peace(
    tmp_path: Path, fake_pypi: FakePypi
) -> None:
    """After `sync.download_error_threshold` in a row no more are tried, and it is said."""
    names = [f"p{number}" for number in range(30)]
    for name in names:
        fake_pypi.add(make_wheel(name, "1"))
    sync = {"retry": 0, "max_age": 0, "download_error_threshold": 3, "concurrent_downloads": 1}
    config = write_config(tmp_path, fake_pypi, sync=sync)
    ask(config, *names)
    fake_pypi.inject(Status(503))
    fake_pypi.forget_requests()
    done = run("sync-index", config)
    assert done.returncode == 75
    assert "27 not tried" in done.stderr or "28 not tried" in done.stderr
    assert fake_pypi.count("/simple/*") == 3
