"""The whole mirror, as a user runs it: real nginx, gunicorn, pip and uv."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from app.config import load
from app.pages import CLIENT_ACCEPTS
from app.store import Store
from tests.fake_pypi import FakeFile, FakePypi, Hang, Slow, Status, make_sdist, make_wheel
from tests.mirrors import free_port, write_config
from tests.running import LARDER, Up, larder_up, start_up, until, wait_until_ready

pytestmark = pytest.mark.slow


@pytest.fixture
def app(fake_pypi: FakePypi) -> FakeFile:
    """Offer a project with dependencies upstream."""
    fake_pypi.add(make_wheel("Lib.One", "1.5", padding=5_000))
    fake_pypi.add(make_sdist("lib-two", "0.9"))
    return fake_pypi.add(make_wheel("the-app", "2.0", ["lib-one>=1", "lib_two"], padding=100_000))


@pytest.fixture
def up(config_path: Path, app: FakeFile) -> Iterator[Up]:
    """Run a mirror of the simulated upstream; `app` is offered there."""
    del app
    with larder_up(config_path) as running:
        yield running


def pip_install(up: Up, target: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Install the app with pip, as the README says it."""
    return client(
        [sys.executable, "-m", "pip", "install", "--isolated", "--no-cache-dir"],
        ["--disable-pip-version-check", "--root-user-action", "ignore"],
        ["--target", str(target), "--index-url", up.simple, *options, "the-app"],
    )


def uv_install(up: Up, target: Path) -> subprocess.CompletedProcess[str]:
    """Install the app with uv."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or "uv"
    return client(
        [uv, "pip", "install", "--no-config", "--no-cache", "--python", sys.executable],
        ["--target", str(target), "--index-url", up.simple, "the-app"],
    )


def client(*parts: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a client whose environment names no other index."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_"))}
    command = [word for part in parts for word in part]
    return subprocess.run(command, capture_output=True, text=True, env=clean, check=False)


def votes(up: Up) -> Counter[str]:
    """Return the number of counted votes by file name."""
    store = Store.open(up.config.database)
    try:
        return Counter(path.rpartition("/")[2] for path, _ in store.votes(0))
    finally:
        store.close()


def job(up: Up, config: Path, name: str = "sync") -> None:
    """Run a job beside the mirror; it must end well."""
    del up
    subprocess.run([LARDER, name, "-c", str(config)], check=True, capture_output=True)


@pytest.mark.parametrize("install", [pip_install, uv_install])
def test_a_client_installs_from_an_empty_mirror_and_then_from_disk(
    up: Up, config_path: Path, fake_pypi: FakePypi, tmp_path: Path, install: object
) -> None:
    """First upstream is asked once for each page; after `sync` upstream may be gone."""
    assert callable(install)
    first = install(up, tmp_path / "first")
    assert first.returncode == 0, first.stderr
    assert {"the_app", "lib_one", "lib_two"} <= {
        path.name for path in (tmp_path / "first").iterdir()
    }
    assert [1, 1, 1] == [
        fake_pypi.count(f"/simple/{name}/") for name in ("the-app", "lib-one", "lib-two")
    ]
    for _ in until("three votes are counted"):
        if len(votes(up)) == 3:
            break
    job(up, config_path)
    fake_pypi.stop()
    second = install(up, tmp_path / "second")
    assert second.returncode == 0, second.stderr
    fake_pypi.start()


def test_known_pages_need_no_python(up: Up, fake_pypi: FakePypi) -> None:
    """With the app stopped, pages and their formats are served all the same."""
    assert up.get("/simple/the-app/").status_code == 200
    for pid in up.processes("gunicorn"):
        os.kill(pid, signal.SIGSTOP)
    fake_pypi.stop()
    for accept in CLIENT_ACCEPTS:
        started = time.monotonic()
        answer = up.get("/simple/the-app/", Accept=accept)
        assert answer.status_code == 200
        assert time.monotonic() - started < 1
    for pid in up.processes("gunicorn"):
        os.kill(pid, signal.SIGCONT)
    fake_pypi.start()


def test_what_is_served_is_right_to_the_letter(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """What `up` runs is what the tests of nginx look at: a sample of docs/serving-rules.md."""
    file = fake_pypi.add(make_sdist("lib-two", "0.9"))
    index = {"projects": "on-demand", "canonical": True}
    html, json = "text/html;q=0.4", "application/vnd.pypi.simple.latest+json;q=0.5"
    with larder_up(write_config(tmp_path, fake_pypi, index=index)) as up:
        for path, link in (
            ("/simple/lib-two/", "../../packages/"),
            ("/canonical/simple/lib-two/", fake_pypi.packages_url),
        ):
            answer = up.get(path, Accept=f"{html}, {json}")
            assert "application/vnd.pypi.simple.v1+json" == answer.headers["Content-Type"]
            assert f"{link}{file.path}" == answer.json()["files"][0]["url"]
            tag = answer.headers["ETag"]
            assert 304 == up.get(path, Accept=json, **{"If-None-Match": tag}).status_code
            assert 200 == up.get(path, Accept=html, **{"If-None-Match": tag}).status_code
            assert 406 == up.get(path, Accept="image/png").status_code
        for spelling in ("/simple/Lib.Two", "/web/simple/lib__two/"):
            answer = up.get(spelling)
            found = (answer.status_code, answer.headers["Location"])
            assert (301, f"{up.config.prefix}/simple/lib-two/") == found
        unknown = f"/packages/ab/cd/{'0' * 60}/caf%C3%A9%2B1.whl"
        assert up.get(unknown).headers["Location"].endswith("/caf%C3%A9%2B1.whl")


def test_clients_that_ask_at_once_cause_one_fetch(up: Up, fake_pypi: FakePypi) -> None:
    """And all of them are answered."""
    fake_pypi.inject(Slow(delay=0.5), at="/simple/the-app/")
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(up.get("/simple/the-app/").status_code))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [200] * 6 == answers
    assert fake_pypi.count("/simple/the-app/") == 1


def test_an_unknown_project_is_404_and_an_absent_upstream_503(up: Up, fake_pypi: FakePypi) -> None:
    """Short and clear; and what is here does not change."""
    assert up.get("/simple/the-app/").status_code == 200
    missing = up.get("/simple/no-such-project/")
    fake_pypi.stop()
    absent = up.get("/simple/lib-one/")
    assert (404, 503) == (missing.status_code, absent.status_code)
    assert all(len(answer.text.splitlines()) == 1 for answer in (missing, absent))
    assert up.get("/simple/the-app/").status_code == 200
    fake_pypi.start()
    assert up.get("/simple/lib-one/").status_code == 200


def test_a_held_file_is_served_from_disk_in_every_way(
    up: Up, config_path: Path, fake_pypi: FakePypi, app: FakeFile
) -> None:
    """Type, ETag, Range and companion; and upstream is not asked."""
    page = up.get("/simple/the-app/", Accept="application/vnd.pypi.simple.v1+json").json()
    path = page["files"][0]["url"].removeprefix("../..")
    redirect = up.get(path)
    assert (302, fake_pypi.packages_url + app.path) == (
        redirect.status_code,
        redirect.headers["Location"],
    )
    for _ in until("the vote is counted"):
        if votes(up):
            break
    job(up, config_path)
    fake_pypi.forget_requests()
    whole, part = up.get(path), up.get(path, Range="bytes=10-19")
    again = up.get(path, **{"If-None-Match": whole.headers["ETag"]})
    assert (200, 206, 304) == (whole.status_code, part.status_code, again.status_code)
    assert (app.content, app.content[10:20]) == (whole.content, part.content)
    assert whole.headers["Content-Type"] == "application/zip"
    assert up.get(path + ".metadata").content == app.metadata
    assert fake_pypi.requests == ()


def test_a_dead_or_hung_app_fails_and_slows_no_held_file(
    up: Up, config_path: Path, app: FakeFile
) -> None:
    """Downloads go on, misses are redirected by nginx, and no vote is lost."""
    path = f"/packages/{app.path}"
    up.get("/simple/the-app/")
    up.get(path)
    for _ in until("the vote is counted"):
        if votes(up):
            break
    job(up, config_path)
    gunicorns = up.processes("gunicorn")
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in gunicorns:
            os.kill(pid, number)
        times = []
        for _ in range(20):
            started = time.monotonic()
            assert up.get(path).content == app.content
            times.append(time.monotonic() - started)
        assert sorted(times)[15] < 0.5
        assert up.get("/packages/" + "ab/cd/" + "e" * 60 + "/new-1.0.tar.gz").status_code == 302


def test_every_process_may_be_killed(up: Up, config_path: Path, app: FakeFile) -> None:
    """`up` starts again what died, and serves what it served before."""
    path = f"/packages/{app.path}"
    up.get("/simple/the-app/")
    up.get(path)
    for _ in until("the vote is counted"):
        if votes(up):
            break
    job(up, config_path)
    for name in ("nginx", "gunicorn"):
        for position in (0, -1):
            os.kill(up.processes(name)[position], signal.SIGKILL)
            for _ in until(f"{name} is back"):
                if content(up, path) == app.content:
                    break
    # A project that is not here yet needs both.
    for _ in until("the app answers again"):
        if content(up, "/simple/lib-one/"):
            break


def content(up: Up, path: str, client: str = "127.0.0.1") -> bytes | None:
    """Return what a client gets, or None while nobody listens or nothing is found."""
    try:
        answer = up.get(path, **{"X-Forwarded-For": client})
    except requests.ConnectionError:
        return None
    return answer.content if answer.ok else None


def test_a_killed_up_leaves_nothing_in_the_way(
    config_path: Path, fake_pypi: FakePypi, app: FakeFile
) -> None:
    """The next one takes the port, and serves everything that was served."""
    first = start_up(config_path)
    wait_until_ready(first)
    up = Up(first, load(config_path))
    assert up.get("/simple/the-app/").status_code == 200
    # The worst case: nginx's master goes first, and its workers hold the port.
    os.kill(up.processes("nginx")[0], signal.SIGKILL)
    first.kill()
    # Its pipes are held by what it leaves behind.
    first.wait()
    for pipe in (first.stdout, first.stderr):
        assert pipe is not None
        pipe.close()
    fake_pypi.stop()
    with larder_up(config_path) as second:
        assert app.filename in second.get("/simple/the-app/").text
    fake_pypi.start()


def test_ctrl_c_stops_every_child(config_path: Path) -> None:
    """No process is left, and the code is the signal's."""
    with larder_up(config_path) as up:
        pids = up.processes("nginx") + up.processes("gunicorn")
        assert len(pids) >= 4
        said = up.stop()
    assert up.process.returncode == 130
    assert "Traceback" not in said
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_what_lies_where_it_is_started_is_not_run(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """An operator's own `app.py` or `jobs.py` is none of larder's; the jobs run as well."""
    fake_pypi.add(make_wheel("six", "1"))
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for name in ("app", "jobs", "json", "gunicorn", "nginx"):
        (folder / f"{name}.py").write_text("raise SystemExit('not this one')\n")
    schedule = {"sync_index": "1s", "score": 0, "move": 0, "clean": 0, "verify": 0}
    config = write_config(
        tmp_path, fake_pypi, schedule={**schedule, "read_spool": 0}, index={"projects": "all"}
    )
    with larder_up(config, folder=folder) as up:
        for _ in until("the job has brought the project in"):
            if (up.config.repo_path / "simple" / "six" / "index.html").exists():
                break
        assert up.get("/simple/six/").status_code == 200
        # The application itself answers what nginx does not have.
        assert up.get("/simple/no-such-project/").status_code == 404
        assert "not this one" not in up.stop()


def test_the_timetable_runs_the_jobs(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """A change upstream is here without anybody's hand."""
    fake_pypi.add(make_wheel("six", "1"))
    schedule = {"sync_index": "1s", "score": "1s", "move": "1s", "clean": "1s", "verify": "1s"}
    with larder_up(write_config(tmp_path, fake_pypi, schedule=schedule)) as up:
        path = up.get("/simple/six/", Accept="application/vnd.pypi.simple.v1+json").json()["files"][
            0
        ]["url"]
        up.get(path.removeprefix("../.."))
        newer = fake_pypi.add(make_wheel("six", "2"))
        for _ in until("the new release is here", 20):
            if newer.filename in up.get("/simple/six/").text:
                break
        for _ in until("the voted file is held", 20):
            if list((up.config.repo_path / "hot").rglob("six-1*.whl")):
                break


def test_who_follows_upstream_waits_for_no_move(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """A download may take for ever: with `sync.follow` a release is here all the same."""
    fake_pypi.add(make_wheel("six", "1"))
    schedule = {"sync_index": "1s", "score": "1s", "move": "1s", "clean": "1s", "verify": "1s"}
    sync, timeouts = {"follow": True, "max_age": 0, "retry": 0}, {"upstream": "10m"}
    config = write_config(tmp_path, fake_pypi, schedule=schedule, sync=sync, timeouts=timeouts)
    with larder_up(config) as up:
        page = up.get("/simple/six/", Accept="application/vnd.pypi.simple.v1+json").json()
        for _ in until("the place of files is known to be good"):
            if (config.parent / "repo" / "run" / "targets.json").exists():
                break
        fake_pypi.inject(Hang(), at="/packages/*")
        asked = fake_pypi.count("/packages/*")
        up.get(page["files"][0]["url"].removeprefix("../.."))
        for _ in until("a download hangs", 60):
            if fake_pypi.count("/packages/*") > asked:
                break
        newer = fake_pypi.add(make_wheel("six", "2"))
        for _ in until("the new release is here", 60):
            if newer.filename in up.get("/simple/six/").text:
                break
        fake_pypi.stop()


def test_without_a_configuration_one_is_written_and_used(tmp_path: Path) -> None:
    """`larder up` in an empty folder prints the lines to copy."""
    port = free_port()
    (tmp_path / "var").mkdir()
    process = subprocess.Popen(
        [LARDER, "up"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    written = tmp_path / "var" / "larder.yaml"
    for _ in until("the configuration is written"):
        if written.exists() or process.poll() is not None:
            break
    process.terminate()
    process.communicate(timeout=40)
    text = written.read_text().replace("127.0.0.1:8080", f"127.0.0.1:{port}")
    written.write_text(text)
    process = subprocess.Popen(
        [LARDER, "up"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    ready = wait_until_ready(process)
    assert ready == f"ready: http://127.0.0.1:{port}/pypi/simple/"
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(2)]
    assert ["pip install", "uv pip install"] == [
        " ".join(line.split("--index-url")[0].split()) for line in lines
    ]
    process.terminate()
    process.communicate(timeout=40)
    assert process.returncode == 143


def refused(config: Path, **environment: str) -> tuple[int, str]:
    """Return the exit code and the message of an `up` that cannot start."""
    process = start_up(config, environment)
    out, said = process.communicate(timeout=40)
    assert out == ""
    assert "Traceback" not in said
    assert process.returncode is not None
    return process.returncode, said


def test_a_port_in_use_is_a_sentence(config_path: Path) -> None:
    """It says which, and what to do; nothing is started."""
    config = load(config_path)
    with socket.create_server((config.listen.host, config.listen.port)):
        code, said = refused(config_path)
    assert code == 2
    assert f"cannot listen on 127.0.0.1 port {config.listen.port}" in said
    assert "change `listen`" in said


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("nobody.invalid", "nobody here knows that host"),
        ("203.0.113.5", "that address is not this machine's"),
    ],
)
def test_a_wrong_address_is_a_sentence(
    tmp_path: Path, fake_pypi: FakePypi, host: str, why: str
) -> None:
    """No program is in the way that could be stopped."""
    code, said = refused(write_config(tmp_path, fake_pypi, listen=f"{host}:{free_port()}"))
    assert code == 2
    assert f"cannot listen on {host}" in said
    assert f"{why}: correct `listen` in the configuration" in said
    assert "stop the program" not in said


def test_a_start_leaves_nothing_in_the_error_log(config_path: Path) -> None:
    """A line there is a fault that somebody should look at, so a good start has none."""
    with larder_up(config_path) as up:
        assert (up.config.repo_path / "run" / "error.log").read_text() == ""
        # Also where sockets are left from before.
        up.process.kill()
    with larder_up(config_path) as up:
        assert "connect()" not in (up.config.repo_path / "run" / "error.log").read_text()


def test_a_second_up_on_the_same_folder_is_told(up: Up, config_path: Path) -> None:
    """Try later, and the first one goes on."""
    code, said = refused(config_path)
    assert code == 75
    assert "another `larder up` is running" in said
    assert up.get("/simple/").status_code == 200


def test_without_nginx_it_says_what_to_install(config_path: Path, tmp_path: Path) -> None:
    """The places where nginx usually is are looked at, too."""
    empty = tmp_path / "bin"
    empty.mkdir()
    wrapper = (
        "import jobs.machine, sys; jobs.machine._NGINX_PLACES = (); import jobs.up;"
        f"sys.exit(jobs.up.run(['-c', {str(config_path)!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", wrapper],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": str(empty)},
        check=False,
    )
    assert done.returncode == 2
    assert "apt-get install nginx" in done.stderr


def test_a_wrong_configuration_starts_nothing(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """Two tiers on one path, and an unknown key, are both told at once."""
    path = write_config(
        tmp_path,
        fake_pypi,
        cache={"tiers": [{"path": str(tmp_path), "size_limit": "1g"}] * 2},
        databse="x",
    )
    code, said = refused(path)
    assert code == 2
    assert "databse" in said
    assert "tiers" in said
    assert not (tmp_path / "repo" / "run").exists()


def test_metrics_are_served_where_the_configuration_says(
    tmp_path: Path, fake_pypi: FakePypi
) -> None:
    """And nowhere else."""
    listen = f"127.0.0.1:{free_port()}"
    with larder_up(write_config(tmp_path, fake_pypi, metrics={"listen": listen})) as up:
        assert "larder_" in requests.get(f"http://{listen}/metrics", timeout=5).text
        assert requests.get(f"http://{listen}/healthz", timeout=5).status_code == 200
        for path in ("/metrics", "/healthz"):
            assert requests.get(f"{up.url}{path}", timeout=5).status_code == 404
    assert not (tmp_path / "repo" / "run" / "children.json").exists()


@pytest.fixture
def small_repo(tmp_path: Path) -> Iterator[Path]:
    """Return a repository on a disk of a few megabytes."""
    repo = tmp_path / "repo"
    repo.mkdir()
    options = ["-t", "tmpfs", "-o", "size=24m", "tmpfs", str(repo)]
    done = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small disk takes the right to mount one: {done.stderr.strip()}")
    yield repo
    # Lazily: a process that a failed test has left must not keep it.
    subprocess.run(["umount", "--lazy", str(repo)], check=True)


def fill(disk: Path) -> Path:
    """Leave no byte of a disk free; return the file that takes all."""
    filling = disk / "filling"
    with filling.open("wb", buffering=0) as stream, suppress(OSError):
        while stream.write(bytes(1 << 12)):
            pass
    return filling


def test_a_full_disk_ends_nothing(
    small_repo: Path, tmp_path: Path, fake_pypi: FakePypi, app: FakeFile
) -> None:
    """What is here is served, `up` says once what it cannot do, and all works again later."""
    path = f"/packages/{app.path}"
    # Not `move`: it would evict the file, to have `cache.min_free` again.
    schedule = {"sync_index": 0, "score": "1s", "move": 0, "clean": 0, "verify": 0}
    config = write_config(tmp_path, fake_pypi, schedule=schedule)
    with larder_up(config) as up:
        up.get("/simple/the-app/")
        up.get(path)
        for _ in until("the vote is counted"):
            if votes(up):
                break
        for _ in until("the voted file is held", 20):
            done = subprocess.run([LARDER, "sync", "-c", str(config)], check=False)
            if done.returncode == 0 and up.get(path).status_code == 200:
                break
        filling = fill(small_repo)
        # Jobs come and go meanwhile, so that there is something to be noted.
        ends = time.monotonic() + 4
        while time.monotonic() < ends:
            assert up.get(path).content == app.content
            assert up.get("/simple/the-app/").status_code == 200
            assert up.process.poll() is None
        refused_page = up.get("/simple/lib-one/")
        assert refused_page.status_code == 503
        assert "cannot write" in refused_page.text
        filling.unlink()
        for _ in until("a new project comes in"):
            if up.get("/simple/lib-one/").status_code == 200:
                break
        for _ in until("the processes are noted again"):
            if (small_repo / "run" / "children.json").stat().st_size:
                break
        said = up.stop()
        assert "Traceback" not in said
        assert said.count("up cannot note its processes") == 1
        assert up.process.returncode == 130


def test_a_full_disk_breaks_off_no_download_of_a_new_network(
    small_repo: Path, tmp_path: Path, fake_pypi: FakePypi, app: FakeFile
) -> None:
    """Nginx cannot keep what it would not have to ask the app again; the file goes out."""
    held, other = f"/packages/{app.path}", f"/packages/ab/cd/{'e' * 60}/new-1.0.tar.gz"
    config = write_config(tmp_path, fake_pypi, trusted_proxies=["127.0.0.0/8"])
    with larder_up(config) as up:
        up.get("/simple/the-app/")
        up.get(held)
        for _ in until("the vote is counted"):
            if votes(up):
                break
        job(up, config)
        fill(small_repo)
        for number in until("the app has seen that the disk is full"):
            if content(up, held, f"10.{number}.0.1") == app.content:
                break
        for number in range(200, 220):
            client = {"X-Forwarded-For": f"10.{number}.1.1"}
            assert up.get(held, **client).content == app.content
            assert up.get(other, **client).status_code == 302


def test_a_disk_that_is_full_at_the_end_changes_no_exit_code(
    small_repo: Path, tmp_path: Path, fake_pypi: FakePypi
) -> None:
    """Ctrl-C is obeyed there, too."""
    with larder_up(write_config(tmp_path, fake_pypi)) as up:
        fill(small_repo)
        assert "Traceback" not in up.stop()
        assert up.process.returncode == 130


@pytest.mark.parametrize("mode", ["302", "proxy"])
def test_core_metadata_that_the_host_lacks_is_served_all_the_same(
    tmp_path: Path, fake_pypi: FakePypi, mode: str
) -> None:
    """It is announced, so pip stops without it; the wheel has it."""
    fake_pypi.add(make_wheel("Lib.One", "1.5", padding=200_000))
    fake_pypi.add(make_sdist("lib-two", "0.9"))
    wheel = make_wheel("the-app", "2.0", ["lib-one>=1", "lib_two"], padding=100_000)
    file = fake_pypi.add(wheel)
    fake_pypi.inject(Status(404), at="*.metadata")
    config = write_config(tmp_path, fake_pypi, ip_modes={"default": mode})
    with larder_up(config) as up:
        assert up.get("/simple/the-app/").status_code == 200
        answer = up.get(f"/packages/{file.path}.metadata")
        assert (200, wheel.metadata) == (answer.status_code, answer.content)
        for number, install in enumerate((pip_install, uv_install)):
            done = install(up, tmp_path / str(number))
            assert done.returncode == 0, done.stderr
