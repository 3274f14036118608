"""What the list of all of PyPI costs: planning, the store, and the root pages.

    .venv/bin/python -m tests.benchmarks.index_scale --projects 800000

The mirror is made as a first sync leaves it, but for the project pages: each project
has its row, that of a file, and its folder, and the pages there are empty.
"""

import argparse
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.config import load
from app.pages import FORMAT
from app.store import Store
from app.tree import HTML, JSON
from jobs.parts import make_folders
from tests.benchmarks.corpus import name_of, write_changelog, write_list, write_page
from tests.benchmarks.measuring import sync_index
from tests.benchmarks.mirror import write_mirror
from tests.benchmarks.upstream import serving

_SERIAL = 1_000_000
_PROJECT = """
INSERT INTO project (name, serial, checked_at, tries, rendered, legacy) VALUES (?, ?, ?, 0, ?, 1)
"""
# A file each, so that a run which goes through all of them shows.
_FILES = """
INSERT INTO file (project_id, path, listed)
SELECT id, 'aa/bb/' || name || '.whl', 1 FROM project
"""
_CHANGED: Mapping[str, Sequence[str]] = {
    "one changed": (),
    "one, by the changelog": ("--follow",),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--projects", type=int, default=800_000, help="how many upstream has")
    parser.add_argument("--folder", type=Path, help="where to work")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="larder-bench-", dir=options.folder) as folder:
        _measure(Path(folder), options.projects)
    return 0


def _measure(folder: Path, projects: int) -> None:
    serials = {name_of(number): _SERIAL + number for number in range(projects)}
    corpus = folder / "corpus"
    write_list(corpus, serials)
    size = (corpus / "root.json").stat().st_size
    print(f"{projects} projects, {size >> 20} MB of root JSON; load {os.getloadavg()[0]:.2f}")
    with serving(corpus, folder / "nginx") as url:
        config = write_mirror(folder / "larder", url)
        _run("a first sync's plan", config, "--dry-run")
        _run("the same, as JSON", config, "--dry-run", "--json")
        started = time.monotonic()
        _seed(config, serials)
        print(f"(seeded in {time.monotonic() - started:.1f} s)")
        _run("plan, store and root", config)
        _run("no change", config)
        for number, (what, options) in enumerate(_CHANGED.items(), start=1):
            name, serial = name_of(projects // 2 + number), _SERIAL + projects + number
            serials[name] = serial
            write_page(corpus, name, serial, [])
            if "--follow" in options:
                write_changelog(corpus, name, serial)
            else:
                write_list(corpus, serials)
            _run(what, config, *options)


def _run(what: str, config: Path, *options: str) -> None:
    print(f"{what:24}{sync_index(config, config.with_name('log'), *options)}", flush=True)


def _seed(config: Path, serials: dict[str, int]) -> None:
    """Make a mirror that is in step, without asking for any page."""
    loaded = load(config)
    make_folders(loaded)
    Store.open(loaded.database).close()
    now = int(time.time())
    with sqlite3.connect(loaded.database.removeprefix("sqlite:///")) as database:
        database.executemany(
            _PROJECT, ((name, serial, now, str(FORMAT)) for name, serial in serials.items())
        )
        database.execute(_FILES)
    database.close()
    simple = loaded.repo_path / "simple"
    simple.mkdir()
    for name in serials:
        os.mkdir(f"{simple}/{name}")  # noqa: PTH102  800,000 of them
        for filename in (HTML, JSON):
            os.close(os.open(f"{simple}/{name}/{filename}", os.O_WRONLY | os.O_CREAT))


if __name__ == "__main__":
    sys.exit(main())
