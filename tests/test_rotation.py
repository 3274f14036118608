"""Logs set aside: by logrotate where there is one, and by `larder up`, which passes USR1 on."""

import json
import os
import shutil
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from app.config import Config
from app.config.settings import Log, LogFormat
from app.nginx import UnsafeValueError, render_logrotate
from tests.fake_pypi import FakePypi
from tests.mirrors import write_config
from tests.running import Up, larder_up, until
from tests.serving import Serving, runtime_of, wait_until
from tests.test_jobs import run

pytestmark = pytest.mark.system


def requests_in(path: Path) -> list[str]:
    """Return what was asked for, by a log."""
    return [json.loads(line)["request_uri"] for line in path.read_text().splitlines()]


def test_logrotate_loses_no_line(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """The lines of before are in the old file, and those of afterwards in the new one."""
    logrotate = shutil.which("logrotate")
    if logrotate is None:
        pytest.skip("logrotate is not installed")
    log = tmp_path / "access.log"
    with Serving.of(tmp_path, fake_pypi, log={"path": str(log)}) as mirror:
        said = run("nginx-config", mirror.path, "--logrotate", by="command").stdout
        conf = tmp_path / "logrotate.conf"
        # logrotate(8) asks that a folder be closed to others, unless it is told whose it is.
        tmp_path.chmod(0o755)
        conf.write_text(said)
        conf.chmod(0o644)
        for number in range(20):
            mirror.get(f"/before/{number}")
        command = [logrotate, "--force", "--state", str(tmp_path / "state"), str(conf)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (0, "") == (done.returncode, done.stderr)
        wait_until(log.exists)
        wait_until(lambda: mirror.get("/after").status == 404 and log.stat().st_size > 0)
    old = requests_in(tmp_path / "access.log.1")
    found = old + requests_in(log)
    assert {f"/before/{number}" for number in range(20)} == {
        path for path in found if "before" in path
    }
    assert "/after" in requests_in(log)


def test_the_file_names_the_logs_and_their_owner(config: Config) -> None:
    """The access log only where there is one."""
    runtime = runtime_of(config)
    logged = replace(config, log=Log(Path("/var/log/larder/access.log"), LogFormat.JSON))
    with_log = render_logrotate(logged, runtime, "larder larder")
    assert '"/var/log/larder/access.log"\n"' in with_log
    assert "    su larder larder\n" in with_log
    without = render_logrotate(config, runtime, None)
    assert ("access.log" in without, " su " in without) == (False, False)


@pytest.mark.parametrize("bad", [*'"\\$;{}\n', "'"])
def test_no_value_can_end_a_string(config: Config, bad: str) -> None:
    """Of the file's, or of the shell's."""
    runtime = runtime_of(config)
    logged = replace(config, log=Log(Path(f"/var/log/a{bad}"), LogFormat.JSON))
    elsewhere = replace(runtime, run_dir=Path(f"/srv/a{bad}"))
    for settings, machine in ((logged, runtime), (config, elsewhere)):
        with pytest.raises(UnsafeValueError):
            render_logrotate(settings, machine, None)


@pytest.mark.slow
def test_up_passes_usr1_on(tmp_path: Path, fake_pypi: FakePypi) -> None:
    """It does not end by it; nginx writes to a new file, and loses no line."""
    log = tmp_path / "access.log"
    with larder_up(write_config(tmp_path, fake_pypi, log={"path": str(log)})) as up:
        for number in range(20):
            _get(up, f"/before/{number}")
        old = log.rename(tmp_path / "access.log.1")
        os.kill(up.process.pid, signal.SIGUSR1)
        for _ in until("there is a new log", 20):
            if log.exists():
                break
        for _ in until("it is written to", 20):
            _get(up, "/after")
            if log.stat().st_size:
                break
        assert up.process.poll() is None
        up.stop()
    found = requests_in(old) + requests_in(log)
    assert 20 == sum("before" in path for path in found)


def _get(up: Up, path: str) -> None:
    requests.get(up.url + path, timeout=15)
