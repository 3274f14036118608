"""Other mirrors' programs, from PyPI, with larder as their upstream."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.sync_index import run as sync_index
from tests.fake_pypi import FakeFile, FakePypi, make_sdist, make_wheel
from tests.serving import Serving

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.system]

NAMES = ("six", "flask-thing")
BANDERSNATCH = """
[mirror]
directory = {directory}
master = {master}
allow-non-https = true
api-method = simple
json = true
release-files = true
simple-format = ALL
compare-method = hash
hash-index = false
stop-on-error = true
timeout = 10
global-timeout = 60
workers = 2
verifiers = 1
cleanup = false
"""


@pytest.fixture
def files(fake_pypi: FakePypi) -> list[FakeFile]:
    """Fill an upstream with two projects."""
    return [
        fake_pypi.add(build(name, version), requires_python=">=3.8")
        for name in ("six", "Flask.Thing")
        for version, build in (("1.0", make_wheel), ("1.1", make_sdist))
    ]


@pytest.fixture
def mirror(tmp_path: Path, fake_pypi: FakePypi, files: list[FakeFile]) -> Iterator[Serving]:
    """Return a mirror that has both projects, and a root that names them."""
    assert files
    with Serving.of(tmp_path, fake_pypi) as running:
        for name in NAMES:
            assert 200 == running.get(f"/pypi/simple/{name}/").status
        assert 0 == sync_index(["-q", "-c", str(running.path)])
        yield running


def tool(package: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program of a package from PyPI, or skip where that is out of reach."""
    uv = [str(Path(sys.executable).parent / "uv"), "tool", "run", "--no-config", "--from", package]
    probe = subprocess.run([*uv, package, "--help"], capture_output=True, text=True, check=False)
    if probe.returncode:
        pytest.skip(f"{package} is out of reach: {probe.stderr[-300:]}")
    return subprocess.run([*uv, package, *arguments], capture_output=True, text=True, check=False)


def test_bandersnatch_mirrors_the_mirror(
    tmp_path: Path, mirror: Serving, files: list[FakeFile]
) -> None:
    """It insists on X-PyPI-Last-Serial, and takes legacy JSON and every file."""
    directory = tmp_path / "bandersnatch"
    config = tmp_path / "bandersnatch.conf"
    master = f"http://127.0.0.1:{mirror.config.listen.port}{mirror.config.prefix}"
    config.write_text(BANDERSNATCH.format(directory=directory, master=master))
    done = tool("bandersnatch", "-c", str(config), "mirror")
    assert 0 == done.returncode, done.stderr
    web = directory / "web"
    for file in files:
        assert file.content == (web / "packages" / file.path).read_bytes()
    for name in NAMES:
        sent = json.loads(mirror.get(f"/pypi/{name}/json").body)
        assert sent == json.loads((web / "json" / name).read_bytes())
        page = json.loads((web / "simple" / name / "index.v1_json").read_bytes())
        assert 2 == len(page["files"])
    root = json.loads(
        mirror.get("/pypi/simple/", Accept="application/vnd.pypi.simple.v1+json").body
    )
    assert str(root["meta"]["_last-serial"]) == (directory / "status").read_text().strip()
