"""The README is true: every command in it is run, as a newcomer would, in a fresh copy."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.config import default_yaml
from jobs.cli import COMMANDS
from jobs.exit_codes import ExitCode
from tests.fake_pypi import FakePypi, make_wheel
from tests.mirrors import free_port
from tests.running import until, wait_until_ready

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
SHOWN_URL = "http://127.0.0.1:8080/pypi"
COMMAND_LINES = [
    line
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
]
# The clients that the suite does not install; uv fetches and runs them, with what they
# depend on as it was on a day when they worked.
TOOLS = {"poetry": "poetry==2.2.1", "pdm": "pdm==2.26.1"}
TOOLS_OF = "2025-12-20"


@dataclass
class Newcomer:
    """Somebody with a fresh copy of the repository, and a mirror that runs in it."""

    clone: Path
    project: Path
    url: str
    environment: dict[str, str]

    def type(self, line: str) -> subprocess.CompletedProcess[str]:
        """Type a line of the README, with the port that is free here."""
        folder = self.clone if line.startswith((".", "larder")) else self.project
        return subprocess.run(
            ["sh", "-ec", line.replace(SHOWN_URL, self.url)],
            cwd=folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    """Start `./larder up` in a copy; the simulated upstream offers six."""
    folder = tmp_path_factory.mktemp("newcomer")
    clone, project = folder / "larder", folder / "project"
    ignored = shutil.ignore_patterns(".venv*", ".git", ".*_cache", "var", "__pycache__")
    shutil.copytree(ROOT, clone, ignore=ignored)
    with FakePypi() as pypi:
        pypi.add(make_wheel("six", "1.17.0", requires_python=">=3.8"))
        url = _configure(clone / "var", pypi)
        person = Newcomer(clone, project, url, _environment(folder, project))
        up = subprocess.Popen(
            ["./larder", "up"],
            cwd=clone,
            env=person.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            wait_until_ready(up)
            yield person
        finally:
            up.send_signal(signal.SIGINT)
            up.communicate(timeout=60)
    assert up.returncode == 130


def _configure(var: Path, pypi: FakePypi) -> str:
    """Write the configuration of a first start, but for the port and the upstream."""
    var.mkdir()
    listen = f"127.0.0.1:{free_port()}"
    text = default_yaml(var, listen=listen)
    assert "https://pypi.org" in text
    (var / "larder.yaml").write_text(text.replace("https://pypi.org", pypi.pypi_url))
    return f"http://{listen}/pypi"


def _environment(folder: Path, project: Path) -> dict[str, str]:
    """Return the environment of somebody who has a virtual environment, uv, poetry and pdm."""
    project.mkdir()
    (project / "pyproject.toml").write_text(
        '[project]\nname = "mine"\nversion = "1"\nrequires-python = ">=3.11"\n'
    )
    venv.create(folder / "venv", with_pip=True)
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or "uv"
    for name, source in TOOLS.items():
        shim = folder / "venv" / "bin" / name
        fetch = f"{uv} tool run --no-config --exclude-newer {TOOLS_OF} --from {source}"
        shim.write_text(f'#!/bin/sh\nexec {fetch} {name} "$@"\n')
        shim.chmod(0o755)
    (folder / "venv" / "bin" / "uv").symlink_to(uv)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_", "LARDER"))}
    return kept | {
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "PIP_CONFIG_FILE": str(folder / "pip.conf"),
        "VIRTUAL_ENV": str(folder / "venv"),
        "PATH": f"{folder / 'venv' / 'bin'}:{os.environ['PATH']}",
    }


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.timeout(600)
def test_every_command_of_the_readme_works(newcomer: Newcomer) -> None:
    """One after the other, in the order of the page."""
    for line in COMMAND_LINES:
        if line == "./larder up":
            continue  # It is running.
        typed = "./larder test tests/test_scoring.py" if line == "./larder test" else line
        done = newcomer.type(typed)
        assert done.returncode == 0, f"{typed}\n{done.stdout}\n{done.stderr}"
    for _ in until("a page that was asked for is on the disk"):
        if (newcomer.clone / "var" / "simple" / "six" / "index.html").exists():
            break


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.timeout(600)
def test_what_the_readme_configures_is_used(newcomer: Newcomer) -> None:
    """pip, uv, poetry and pdm find six on the mirror, and nowhere else."""
    snippet = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)[0]
    (newcomer.project / "uv.toml").write_text(snippet.replace(SHOWN_URL, newcomer.url))
    for line in (
        f"pip config set global.index-url {SHOWN_URL}/simple/",
        f"poetry source add --priority=primary larder {SHOWN_URL}/simple/ || true",
        f"pdm config pypi.url {SHOWN_URL}/simple/",
        "pip download --no-deps -d downloads six",
        "echo six | uv pip compile --no-cache -",
        "poetry add --lock six",
        "pdm add --no-sync --no-self six",
    ):
        done = newcomer.type(line)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    assert (newcomer.project / "downloads" / "six-1.17.0-py3-none-any.whl").exists()
    locks = [(newcomer.project / name).read_text() for name in ("poetry.lock", "pdm.lock")]
    assert ["1.17.0"] * 2 == [tomllib.loads(lock)["package"][0]["version"] for lock in locks]


def test_the_readme_shows_the_two_commands_first() -> None:
    """A newcomer needs no other."""
    assert ["./larder up", "./larder test"] == COMMAND_LINES[:2]


def test_the_readme_and_the_command_tell_the_same_exit_codes() -> None:
    """Every code has a row in the table."""
    rows = set(re.findall(r"^\| (\d+)", README, re.MULTILINE))
    assert {str(int(code)) for code in ExitCode} <= rows


def test_every_link_of_the_documents_leads_somewhere() -> None:
    """Files that the Markdown names exist."""
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for link in re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command: str) -> None:
    """README or docs name it."""
    texts = [README, *(path.read_text() for path in (ROOT / "docs").glob("*.md"))]
    assert any(f"{command}" in text for text in texts)
