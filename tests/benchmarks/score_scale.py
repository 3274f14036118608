"""What scoring costs with many votes: `score`, and the expiry of an hour beside writers.

    .venv/bin/python -m tests.benchmarks.score_scale --votes 50000000 --files 2000000

The votes are written to the tables as seven days of them would stand there.
"""

import argparse
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

from app.config import Config, load
from app.model import Vote
from app.names import FilePath
from app.scoring import Decay, HeatScale
from app.store import Store
from app.store.popularity import scale_value
from jobs.parts import make_folders
from tests.benchmarks.measuring import measured
from tests.benchmarks.mirror import write_mirror
from tests.benchmarks.seeding import Seeds, seeds_of

_HOUR = 3600
_HOURS = 168
_A_DAY = 24


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--votes", type=int, default=50_000_000, help="votes in the window")
    parser.add_argument("--files", type=int, default=2_000_000, help="files voted for")
    parser.add_argument("--folder", type=Path, help="where to work")
    parser.add_argument("--database", help="an empty PostgreSQL database, in place of a file")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="larder-bench-", dir=options.folder) as folder:
        config = write_mirror(Path(folder) / "larder", "http://127.0.0.1:9/")
        text = config.read_text().replace("1g", "512g")
        database = f"database: {options.database}\n" if options.database else ""
        config.write_text(text + database)
        _measure(config, options.votes, options.files)
    return 0


def _measure(config: Path, votes: int, files: int) -> None:
    loaded = load(config)
    make_folders(loaded)
    Store.open(loaded.database).close()
    started = time.monotonic()
    database = seeds_of(loaded.database)
    _seed_files(database, files)
    empty = database.size()
    _seed_votes(database, loaded.database, votes, files)
    size = database.size() - empty
    late = database.size(("window",)) / (votes // _HOURS * (_A_DAY - 1))
    print(f"{votes} votes, {files} files; load {os.getloadavg()[0]:.2f}")
    print(f"(seeded in {time.monotonic() - started:.0f} s)")
    print(f"{'on disk':24}{size / votes:.1f} bytes a vote, {late:.1f} one of the last day")
    log = config.parent / "log"
    for name in ("score", "score, again"):
        cost = measured([sys.executable, "-m", "jobs.score", "-c", str(config)], log)
        print(f"{name:24}{cost}", flush=True)
    _expire(loaded)


def _seed_files(database: Seeds, files: int) -> None:
    """Write the files' rows."""
    chance = random.Random(1)
    rows = (
        (
            1 + number // 8,
            1,
            _folder(number, chance.getrandbits(240))
            + f"/project_{number // 8}-{number % 8}.0-py3-none-any.whl",
            f"{chance.getrandbits(256):064x}",
            min(3 << 30, int(chance.lognormvariate(11.5, 2))),
        )
        for number in range(files)
    )
    projects = ((1 + number, f"project-{number}", 0) for number in range(files // 8 + 1))
    database.put("project", ("id", "name", "tries"), projects)
    database.put("file", ("project_id", "listed", "path", "sha256", "size"), rows)


def _folder(number: int, digest: int) -> str:
    return f"{number & 255:02x}/{number >> 8 & 255:02x}/{digest:060x}"


def _seed_votes(database: Seeds, url: str, votes: int, files: int) -> None:
    """Write the votes of the last day, the others' tallies, and heat."""
    scale = HeatScale(int(time.time()), Decay(1, 1).half_life)
    heat, counts = [0.0] * (files + 1), [0] * (files + 1)
    for hour, tally in _tallies(votes, files):
        weight = scale.weight(hour * _HOUR + _HOUR // 2, scale.reference)
        for file, count in tally:
            heat[file] += weight * count
            counts[file] += count
        if hour > scale.reference // _HOUR - _A_DAY:
            _seed_windows(database, hour, tally)
        else:
            rows = ((hour, 0, *one) for one in tally)
            database.put("tally", ("hour", "source", "file", "votes"), rows)
    store = Store.open(url)
    store.keep("heat", scale_value(scale))
    store.close()
    voted = (file for file in range(1, files + 1) if counts[file])
    wanted = ((file, heat[file], counts[file], counts[file], 0) for file in voted)
    database.put("heat", ("file", "heat", "votes", "ever", "inherited"), wanted)


def _tallies(votes: int, files: int) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Yield each hour's votes a file, as popularity goes: the n-th has some 1/n."""
    chance = random.Random(2)
    weights = list(accumulate(1 / (rank + 20) for rank in range(files)))
    now, an_hour = int(time.time()) // _HOUR, votes // _HOURS
    for hour in range(now - _HOURS, now):
        picked = Counter(chance.choices(range(1, files + 1), cum_weights=weights, k=an_hour))
        yield hour, sorted(picked.items())


def _seed_windows(database: Seeds, hour: int, tally: Sequence[tuple[int, int]]) -> None:
    """Write votes as they come: in the order of time, and of nothing else."""
    chance = random.Random(hour)
    rows = sorted(
        (hour * _HOUR + chance.randrange(_HOUR), chance.getrandbits(63), file, 0)
        for file, count in tally
        for _ in range(count)
    )
    database.put("window", ("time", "network", "file", "source"), rows)


def _expire(config: Config) -> None:
    """Delete the oldest hour, and see how long a writer has to wait meanwhile."""
    store = Store.open(config.database)
    path = next(iter(store.popular(int(time.time())))).path
    waits: list[float] = []
    done = threading.Event()
    writer = threading.Thread(target=_write, args=(config.database, path, done, waits))
    writer.start()
    started = time.monotonic()
    now = int(time.time())
    expired = store.expire_votes(now - (_HOURS - 2) * _HOUR, now - (_A_DAY - 2) * _HOUR, now)
    took = time.monotonic() - started
    done.set()
    writer.join()
    store.close()
    waits.sort()
    print(
        f"{'expiry of two hours':24}{expired} votes in {took:.1f} s; a writer beside it waits "
        f"{1000 * waits[len(waits) // 2]:.0f} ms in the median, {1000 * waits[-1]:.0f} ms at most"
    )


def _write(url: str, path: FilePath, done: threading.Event, waits: list[float]) -> None:
    store = Store.open(url)
    network = 0
    while not (done.is_set() and waits):
        network += 1
        started = time.monotonic()
        store.add_votes([Vote(path, network, int(time.time()))], 300)
        waits.append(time.monotonic() - started)
        done.wait(0.02)
    store.close()


if __name__ == "__main__":
    sys.exit(main())
