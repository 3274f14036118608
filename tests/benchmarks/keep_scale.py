"""What the plan of a whole mirror costs: `packages.keep: all`, for millions of files.

    .venv/bin/python -m tests.benchmarks.keep_scale --files 15000000

The index is simulated: rows of files, of which one in `--voted` has votes. No file is here,
so every one of them is a step of the plan.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from app.config import load
from app.store import Store
from jobs.parts import Parts, make_folders
from tests.benchmarks.measuring import measured
from tests.benchmarks.mirror import write_mirror
from tests.benchmarks.seeding import Seeds, seeds_of

_A_PROJECT = 20
"""Files of one project."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2_000_000, help="files in the index")
    parser.add_argument("--voted", type=int, default=50, help="one in so many has votes")
    parser.add_argument("--folder", type=Path, help="where to work")
    parser.add_argument("--database", help="an empty PostgreSQL database, in place of a file")
    parser.add_argument("--plan", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.plan:
        return _plan(options.plan)
    with tempfile.TemporaryDirectory(prefix="larder-bench-", dir=options.folder) as folder:
        config = write_mirror(Path(folder) / "larder", "http://127.0.0.1:9/")
        database = f"database: {options.database}\n" if options.database else ""
        tiers = [f"{Path(folder) / name}" for name in ("hot", "cold")]
        for tier in tiers:
            Path(tier).mkdir()
        _keep_all(config, tiers, database)
        _measure(config, options.files, options.voted)
    return 0


def _keep_all(config: Path, tiers: Sequence[str], database: str) -> None:
    """Have the mirror keep all files on two tiers."""
    hot, cold = (
        f"{{path: {path}, size_limit: {size}}}"
        for path, size in zip(tiers, ("1t", "90t"), strict=True)
    )
    text = config.read_text().replace("size_limit: 1g", f"tiers: [{hot}, {cold}]")
    config.write_text(f"{text}{database}packages: {{keep: all}}\n")


def _measure(config: Path, files: int, voted: int) -> None:
    loaded = load(config)
    make_folders(loaded)
    Store.open(loaded.database).close()
    started = time.monotonic()
    database = seeds_of(loaded.database)
    _seed(database, files, voted)
    print(f"{files} files, one in {voted} voted for; load {os.getloadavg()[0]:.2f}")
    print(f"(seeded in {time.monotonic() - started:.0f} s, {database.size() >> 20} MiB)")
    log = config.parent / "log"
    plan = [sys.executable, "-m", "tests.benchmarks.keep_scale", "--plan", str(config)]
    cost = measured(plan, log)
    print(f"{log.read_text()}{'both':24}{cost}", flush=True)


def _plan(config: Path) -> int:
    """Decide and plan as `score` and `move` do, on disks that have the room of their tiers."""
    parts = Parts(load(config))
    survey = replace(parts.holdings.survey(), taken={0: 0, 1: 0})
    wishing, started = parts.wishing, time.monotonic()
    rows = [(file, one.rank, one.score) for file, one in wishing.wish(survey, int(time.time()))]
    wishing.put_down(rows)
    scored = time.monotonic()
    print(f"{'the wish of votes':24}{scored - started:.1f} s, {len(rows)} files")
    steps = wishing.steps(wishing.stored(), survey)
    print(f"{'the plan':24}{time.monotonic() - scored:.1f} s, {len(steps)} steps")
    return 0


def _seed(database: Seeds, files: int, voted: int) -> None:
    projects = ((1 + number, f"project-{number}", 0) for number in range(files // _A_PROJECT + 1))
    database.put("project", ("id", "name", "tries"), projects)
    columns = ("project_id", "listed", "path", "sha256", "size", "metadata_sha256", "upload_time")
    database.put("file", columns, _files(files))
    heat = ((number, 1 + number % 97, 3, 3, 0) for number in range(1, files + 1, voted))
    database.put("heat", ("file", "heat", "votes", "ever", "inherited"), heat)


def _files(count: int) -> Iterator[tuple[object, ...]]:
    """Yield rows as PyPI's are: long paths, digests, and 2.5 MB in the mean."""
    chance = random.Random(1)
    for number in range(count):
        project, release = divmod(number, _A_PROJECT)
        digest = f"{chance.getrandbits(256):064x}"
        path = (
            f"{digest[:2]}/{digest[2:4]}/{digest[4:]}"
            f"/project_{project}-{release}.0-cp312-cp312-manylinux_2_17_x86_64.whl"
        )
        size = min(1 << 30, int(chance.lognormvariate(12, 2.2)))
        companion = digest[::-1] if number % 2 else None
        yield 1 + project, 1, path, digest, size, companion, "2024-05-06T07:08:09.123456Z"


if __name__ == "__main__":
    sys.exit(main())
