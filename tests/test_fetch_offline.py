"""What `larder fetch` brought is installed from the mirror, with upstream gone."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fake_pypi import FakePypi, make_wheel
from tests.serving import Serving
from tests.test_fetch import fetch, pypi

__all__ = ["pypi"]


@pytest.mark.system
@pytest.mark.slow
def test_clients_install_what_was_fetched_with_upstream_gone(
    tmp_path: Path, pypi: FakePypi
) -> None:
    """Uv for another Python on another platform, and pip for this one; with all that is needed."""
    own = f"3.{sys.version_info.minor}"
    with Serving.of(tmp_path, pypi) as serving:
        pypi.add(make_wheel("own", "1.0", ["fast==1.1"]))
        pythons = ("--python", f"3.9,{own}", "--platform", "linux-x86_64,windows-amd64")
        fetch(serving.path, "the-app", "own", *pythons)
        pypi.stop()
        index = f"http://127.0.0.1:{serving.config.listen.port}{serving.config.prefix}/simple/"
        uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or "uv"
        command = [uv, "pip", "install", "--no-config", "--no-cache", "--python", sys.executable]
        command += ["--python-version", "3.9", "--python-platform", "windows", "--no-build"]
        there, here = tmp_path / "there", tmp_path / "here"
        client([*command, "--target", str(there), "--default-index", index, "the-app"])
        wheel = there / "fast-1.1.dist-info" / "WHEEL"
        assert "Tag: cp39-cp39-win_amd64\n" in wheel.read_text()
        assert {"the_app", "fast", "old"} <= {path.name for path in there.iterdir()}
        pip = [sys.executable, "-m", "pip", "install", "--isolated", "--no-cache-dir"]
        client([*pip, "--index-url", index, "--target", str(here), "own"])
        assert {"own", "fast"} <= {path.name for path in here.iterdir()}


def client(command: list[str]) -> None:
    """Run a client whose environment names no other index; it must end well."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_"))}
    done = subprocess.run(command, capture_output=True, text=True, env=clean, check=False)
    assert 0 == done.returncode, done.stderr
