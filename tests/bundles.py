"""Mirrors with something held, for the tests of bundles, and how their trees are compared."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from app.config import Config, load
from app.names import FilePath, ProjectName
from jobs.harness import job_parser
from jobs.move import MoveFiles
from jobs.parts import Parts, make_folders
from jobs.root_list import RootList
from tests.fake_pypi import FakeFile, FakePypi, make_sdist, make_wheel
from tests.mirrors import numbered, write_config


@contextmanager
def mirror(folder: Path, pypi: FakePypi, **changes: object) -> Iterator[Parts]:
    """Return the parts of a mirror of its own, in a folder that is made."""
    folder.mkdir(exist_ok=True)
    config = load(write_config(folder, pypi, **changes))
    make_folders(config)
    parts = Parts(config)
    yield parts
    parts.store.close()
    parts.upstream.close()


def fill(pypi: FakePypi) -> dict[str, FakeFile]:
    """Put three projects upstream: one all of whose files will be held, one with some, one none."""
    return {
        "six": pypi.add(make_wheel("six", "1", padding=30_000)),
        "old": pypi.add(make_wheel("flask", "1", requires=["six"])),
        "new": pypi.add(make_wheel("flask", "2", requires=["six"])),
        "sdist": pypi.add(make_sdist("flask", "1")),
        "none": pypi.add(make_wheel("unheld", "1")),
    }


def hold(parts: Parts, wish: Mapping[str, int], *names: str) -> None:
    """Bring projects in step, hold just these paths, each on a tier, and write the root."""
    for name in names:
        parts.index.bring(ProjectName(name))
    rows = {FilePath(path): (rank, 1.0) for path, rank in wish.items()}
    parts.wishing.put_down(numbered(parts.store, rows))
    job = MoveFiles(parts, job_parser(MoveFiles).parse_args([]))
    for step in job.plan():
        job.execute(step)
    RootList(parts).write()


def tree(config: Config) -> dict[str, str]:
    """Return every file and link that readers see, by its path below the repository."""
    found: dict[str, str] = {}
    for top in ("simple", "json", "hot", "cold"):
        for folder, folders, names in os.walk(config.repo_path / top):
            if ".larder" in folders:
                folders.remove(".larder")
            for name in (*names, *folders):
                place = Path(folder, name)
                path = str(place.relative_to(config.repo_path))
                if place.is_symlink():
                    found[path] = f"-> {place.readlink()}"
                elif place.is_file():
                    digest = hashlib.sha256(place.read_bytes()).hexdigest()
                    found[path] = f"{digest} {int(place.stat().st_mtime)}"
    return found


def run(command: str, config: Config, *options: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command on a mirror."""
    words = [
        sys.executable,
        "-m",
        "jobs.cli",
        command,
        "-c",
        str(config.repo_path.parent / "larder.yaml"),
    ]
    return subprocess.run([*words, *map(str, options)], capture_output=True, text=True, check=False)
