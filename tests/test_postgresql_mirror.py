"""A whole mirror whose database is on a PostgreSQL server: jobs, dry runs, votes."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from app.config import load
from app.names import ProjectName
from app.store import Store
from jobs.parts import make_folders
from tests.fake_pypi import FakeFile, FakePypi, Hang, make_wheel
from tests.mirrors import write_config
from tests.postgresql import Server, running_server
from tests.running import larder_up
from tests.serving import Serving, wait_until
from tests.test_jobs import JOBS, ask, held, run, vote

pytestmark = [pytest.mark.postgresql, pytest.mark.slow]


@pytest.fixture
def url(postgresql: Server) -> str:
    """Return the URL of a fresh place."""
    return postgresql.fresh()


@pytest.fixture
def mirror(tmp_path: Path, fake_pypi: FakePypi, url: str) -> Path:
    """Write the configuration of a mirror whose database is there."""
    path = write_config(tmp_path, fake_pypi, database=url)
    make_folders(load(path))
    return path


@pytest.fixture
def six(mirror: Path, fake_pypi: FakePypi) -> FakeFile:
    """Make a project with a wheel that the mirror tracks."""
    file = fake_pypi.add(make_wheel("six", "1.16.0", padding=20_000))
    ask(mirror, "six")
    return file


@pytest.fixture(scope="module")
def mortal() -> Iterator[Server]:
    """Run a server that tests may stop."""
    with running_server() as server:
        yield server


def rows(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Return all that the tables hold."""
    with psycopg.connect(url) as session:
        named = session.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        )
        names = [name for (name,) in named]
        return {name: session.execute(f'TABLE "{name}"').fetchall() for name in sorted(names)}


def test_a_mirror_works_as_with_a_file(mirror: Path, fake_pypi: FakePypi, six: FakeFile) -> None:
    """Index, votes, scores, files, cleaning, hashing again, and status."""
    vote(mirror, six)
    newer = fake_pypi.add(make_wheel("six", "1.17.0"))
    done = run("sync", mirror)
    assert (0, "") == (done.returncode, done.stdout), done.stderr
    assert held(mirror)[six.filename] == 0
    page = load(mirror).repo_path / "simple" / "six" / "index.v1.json"
    assert newer.filename in page.read_text()
    for job in ("sync", "verify"):
        again = run(job, mirror)
        assert 0 == again.returncode, again.stderr
    told = run("status", mirror, "--json")
    assert (0, True) == (told.returncode, '"projects": 1' in told.stdout)
    assert not list(load(mirror).repo_path.glob("*.db"))


@pytest.mark.parametrize("job", JOBS)
def test_a_dry_run_changes_no_row(
    mirror: Path, fake_pypi: FakePypi, six: FakeFile, url: str, job: str
) -> None:
    """The server would not let it."""
    vote(mirror, six)
    vote(mirror, six, age=30 * 86_400)
    fake_pypi.add(make_wheel("six", "1.17.0"))
    if job == "move":
        run("score", mirror)
    before = rows(url)
    done = run(job, mirror, "--dry-run")
    assert 0 == done.returncode, done.stderr
    assert done.stdout.strip()
    assert before == rows(url)


@pytest.mark.parametrize("job", JOBS)
def test_a_dry_run_makes_no_tables(mirror: Path, url: str, job: str) -> None:
    """Of a mirror that has not been made yet."""
    done = run(job, mirror, "--dry-run")
    assert 0 == done.returncode, done.stderr
    assert {} == rows(url)


@pytest.mark.parametrize("job", [*JOBS, "status"])
def test_a_job_tries_later_while_the_server_is_away(
    tmp_path: Path, fake_pypi: FakePypi, mortal: Server, job: str
) -> None:
    """One sentence, without a traceback; a dry run says so too."""
    path = write_config(tmp_path, fake_pypi, database=mortal.url(port="54322"))
    for options in ([], *([["--dry-run"]] if job in JOBS else [])):
        done = run(job, path, *options)
        assert (75, "") == (done.returncode, done.stdout), done.stderr
        assert "cannot be opened: No such file or directory; is the" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.system
def test_a_mirror_starts_while_the_server_is_away(
    tmp_path: Path, fake_pypi: FakePypi, mortal: Server
) -> None:
    """It serves what is here, says so in a sentence, and is whole once the server is back."""
    file = fake_pypi.add(make_wheel("six", "1.16.0", padding=20_000))
    fake_pypi.add(make_wheel("seven", "1.0"))
    path = write_config(tmp_path, fake_pypi, database=mortal.fresh())
    make_folders(load(path))
    ask(path, "six")
    vote(path, file)
    assert 0 == run("sync", path).returncode
    mortal.stop()
    with larder_up(path) as up:
        assert file.filename in up.get("/simple/six/").text
        assert file.content == up.get(f"/packages/{file.path}").content
        assert 503 == up.get("/simple/seven/").status_code
        mortal.start()
        wait_until(lambda: 200 == up.get("/simple/seven/").status_code)
        said = up.stop()
    assert 1 == said.count("serving what is here, and trying the database again: the database")
    assert "Traceback" not in said


@pytest.mark.system
def test_an_empty_mirror_starts_while_the_server_is_away(
    tmp_path: Path, fake_pypi: FakePypi, mortal: Server
) -> None:
    """Its first project is there as soon as the database is."""
    fake_pypi.add(make_wheel("six", "1.16.0"))
    path = write_config(tmp_path, fake_pypi, database=mortal.fresh())
    mortal.stop()
    try:
        with larder_up(path) as up:
            assert 503 == up.get("/simple/six/").status_code
            mortal.start()
            wait_until(lambda: 200 == up.get("/simple/six/").status_code)
    finally:
        if mortal.process is None:
            mortal.start()


@pytest.mark.parametrize("job", ["score", "status"])
def test_a_server_that_refuses_is_a_matter_of_configuration(
    tmp_path: Path, fake_pypi: FakePypi, postgresql: Server, job: str
) -> None:
    """And the password stands nowhere."""
    database = postgresql.url("larder", "guarded", password="wr0ng")  # noqa: S106
    done = run(job, write_config(tmp_path, fake_pypi, database=database))
    assert (2, "") == (done.returncode, done.stdout), done.stderr
    assert 'password authentication failed for user "guarded"' in done.stderr
    assert "wr0ng" not in done.stderr


@pytest.mark.system
def test_votes_wait_for_the_server(tmp_path: Path, fake_pypi: FakePypi, mortal: Server) -> None:
    """What came while it was away is counted when it is back, each once; files are served."""
    file = fake_pypi.add_file("six", "six-1.0.tar.gz", b"x")
    database = mortal.url()
    serving = Serving.of(tmp_path, fake_pypi, trusted_proxies=["127.0.0.1"], database=database)
    serving.edits = {"_timeout 20ms": "_timeout 5s"}
    with serving as mirror:
        assert 200 == mirror.get("/pypi/simple/six/").status
        path = f"/pypi/packages/{file.path}"
        for number in range(60):
            if number == 20:
                wait_until(lambda: mirror.counted("votes", "accepted") == 20)
                mortal.stop()
            if number == 40:
                mortal.start()
            answer = mirror.get(path, X_Forwarded_For=f"192.0.{number}.1")
            assert 302 == answer.status
        wait_until(lambda: 60 == mirror.counted("votes", "accepted"))
    store = Store.open(database)
    assert 60 == store.counted()
    assert store.tracked_project(ProjectName("six")) is not None
    store.close()


@pytest.mark.system
@pytest.mark.parametrize("workers", [1, 2])
def test_votes_that_wait_when_the_app_ends_are_not_lost(
    tmp_path: Path, fake_pypi: FakePypi, mortal: Server, workers: int
) -> None:
    """They are left in the spool's folder, as numbers alone, and counted after the next start.

    Also where a client still waits for a page, for longer than a worker waits for him.
    """
    file = fake_pypi.add_file("six", "six-1.0.tar.gz", b"x")
    fake_pypi.add_file("slow", "slow-1.0.tar.gz", b"x")
    database = mortal.fresh()
    serving = Serving.of(
        tmp_path,
        fake_pypi,
        trusted_proxies=["127.0.0.1"],
        database=database,
        app={"workers": workers},
        timeouts={"upstream": "30s"},
    )
    serving.edits = {"_timeout 20ms": "_timeout 5s"}
    with serving as mirror, ThreadPoolExecutor(1) as client:
        assert 200 == mirror.get("/pypi/simple/six/").status
        fake_pypi.inject(Hang(), at="/simple/slow/")
        waiting = client.submit(mirror.get, "/pypi/simple/slow/")
        wait_until(lambda: 1 == fake_pypi.count("/simple/slow/"))
        mortal.stop()
        for number in range(30):
            path, address = f"/pypi/packages/{file.path}", f"192.0.{number}.1"
            assert 302 == mirror.get(path, X_Forwarded_For=address).status
        mirror.stop_app()
        left = list(mirror.runtime.spool.parent.glob("left-*.jsonl"))
        lines = [line for one in left for line in one.read_bytes().splitlines()]
        assert 30 == len(lines) + len(mirror.spooled())
        assert not any(b"192.0." in line for line in lines)
        assert waiting.result().status != 200
        fake_pypi.heal()
        mortal.start()
        mirror.start_app()
        with closing(Store.open(database)) as store:
            wait_until(lambda: 30 == store.counted())
        assert 0 == mirror.counted_lost()
    assert [] == list(mirror.runtime.spool.parent.glob("left-*"))


@pytest.mark.system
def test_a_worker_that_starts_while_the_server_is_away_ends_nothing(
    tmp_path: Path, fake_pypi: FakePypi, mortal: Server
) -> None:
    """Votes go to the spool, and each is counted once it is back; so are new projects seen."""
    file = fake_pypi.add_file("six", "six-1.0.tar.gz", b"x")
    fake_pypi.add_file("seven", "seven-1.0.tar.gz", b"y")
    database, proxies = mortal.fresh(), ["127.0.0.1"]
    serving = Serving.of(tmp_path, fake_pypi, trusted_proxies=proxies, database=database)
    serving.edits = {"_timeout 20ms": "_timeout 5s"}

    with serving as mirror:
        assert 200 == mirror.get("/pypi/simple/six/").status
        app = mirror.app
        assert app is not None
        mortal.stop()
        children = Path(f"/proc/{app.pid}/task/{app.pid}/children")
        (worker,) = children.read_text().split()
        os.kill(int(worker), signal.SIGKILL)
        wait_until(lambda: children.read_text().split() not in ([], [worker]))
        for number in range(20):
            path, address = f"/pypi/packages/{file.path}", f"192.0.{number}.1"
            assert 302 == mirror.get(path, X_Forwarded_For=address).status
        assert 20 == len(mirror.spooled())
        assert 503 == mirror.get("/pypi/simple/seven/").status
        assert app.poll() is None
        mortal.start()
        with closing(Store.open(database)) as store:
            wait_until(lambda: 20 == store.counted())
        wait_until(lambda: 200 == mirror.get("/pypi/simple/seven/").status)
        assert app.poll() is None
