"""How fast the index is brought in, beside what the other mirrors do.

.venv/bin/python -m tests.benchmarks.index_sync --projects 5000 --rounds 3
.venv/bin/python -m tests.benchmarks.index_sync --projects 2000 --latency 50
"""

import argparse
import os
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks.corpus import MIXES, name_of, write_corpus, write_list, write_project
from tests.benchmarks.measuring import Cost, FailedError, sync_index
from tests.benchmarks.mirror import CONNECTIONS, write_mirror
from tests.benchmarks.peers import MissingError, bandersnatch, version
from tests.benchmarks.upstream import far_away, serving
from tests.older import make_older


@dataclass(frozen=True, slots=True)
class Site:
    """Where the upstream is, and what is measured there."""

    folder: Path
    url: str
    projects: int
    # Milliseconds of a round trip.
    latency: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a table."""
    options = _parser().parse_args(arguments)
    with _folder(options.folder) as folder:
        written = write_corpus(folder / "corpus", options.projects, MIXES[options.mix])
        print(
            f"{written.projects} projects, {written.files} files, {written.bytes >> 20} MB of JSON,"
            f" {written.bytes // written.projects >> 10} kB a project;"
            f" {options.latency:g} ms away; load {os.getloadavg()[0]:.2f}"
        )
        with (
            serving(folder / "corpus", folder / "nginx") as near,
            far_away(near, options.latency) as url,
        ):
            site = Site(folder, url, options.projects, options.latency)
            _first_syncs(site, options.rounds, _peers(alone=options.alone))
            _later_syncs(site)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--projects", type=int, default=2000, help="how many upstream has")
    parser.add_argument("--latency", type=float, default=0, help="milliseconds of a round trip")
    parser.add_argument("--mix", choices=sorted(MIXES), default="all", help="how large they are")
    parser.add_argument("--rounds", type=int, default=3, help="first syncs of each")
    parser.add_argument("--alone", action="store_true", help="measure larder only")
    parser.add_argument("--folder", type=Path, help="where to work; must be on a real disk")
    return parser


@contextmanager
def _folder(wanted: Path | None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="larder-bench-", dir=wanted) as folder:
        yield Path(folder)


def _first_syncs(site: Site, rounds: int, peers: Sequence[str]) -> None:
    """Bring everything in with each in turn, again and again; print the medians.

    Nothing is deleted in between: for minutes ext4 goes round the inodes of deleted
    files, and everybody pays for it.
    """
    rates: dict[str, list[float]] = {name: [] for name in ("larder", *peers)}
    for number in range(rounds):
        for name, found in rates.items():
            folder = site.folder / f"{name}-{number}"
            cost = _larder(folder, site) if name == "larder" else _bandersnatch(folder, site)
            found.append(_print_rate(f"{name}, round {number + 1}", site, cost))
    mine = median(rates["larder"])
    print(f"larder, median: {mine:.0f} projects/s; load {os.getloadavg()[0]:.2f}")
    if site.latency:
        most = CONNECTIONS * 1000 / site.latency
        # A project takes two: its page and its legacy JSON.
        used = 2 * mine / most
        print(
            f"{CONNECTIONS} connections allow {most:.0f} requests/s; {used:.2f} of them were used"
        )
    for name in peers:
        theirs = median(rates[name])
        print(
            f"{name}, median: {theirs:.0f} projects/s; larder is {mine / theirs:.1f} times as fast"
        )


def _larder(folder: Path, site: Site) -> Cost:
    return sync_index(write_mirror(folder, site.url), folder / "log")


def _bandersnatch(folder: Path, site: Site) -> Cost:
    cost = bandersnatch(folder, site.url)
    count = sum(1 for _ in folder.glob("mirror/web/simple/*/index.html"))
    if count < site.projects:
        message = f"bandersnatch wrote {count} pages of {site.projects}"
        raise FailedError(message)
    return cost


def _peers(*, alone: bool) -> list[str]:
    """Return the mirrors to compare with, as far as they can be had."""
    found = []
    for name in () if alone else ("bandersnatch",):
        try:
            print(version(name))
        except MissingError as error:
            print(f"{name}: left out, since {error}")
        else:
            found.append(name)
    return found


def _later_syncs(site: Site) -> None:
    """Run again: with nothing changed, one project changed, and another format of pages."""
    config = site.folder / "larder-0" / "larder.yaml"
    log = site.folder / "larder-0" / "log"
    print(f"{'larder, no change':24}{sync_index(config, log)}")
    corpus = site.folder / "corpus"
    serials = {name_of(number): 1_000_000 + number for number in range(site.projects)}
    name = name_of(site.projects // 2)
    serials[name] = 2_000_000
    write_list(corpus, serials)
    write_project(corpus, name, serials[name], [])
    print(f"{'larder, one changed':24}{sync_index(config, log)}")
    for what, change in (("same pages", _forget), ("other pages", _make_older)):
        change(site)
        _print_rate(f"larder, {what}", site, sync_index(config, log))


def _forget(site: Site) -> None:
    """Let all pages count as those of another format, which they are not."""
    database = site.folder / "larder-0" / "repo" / "larder.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE project SET rendered = NULL")


def _make_older(site: Site) -> None:
    """Let all pages be of another format."""
    for folder in (site.folder / "larder-0" / "repo" / "simple").iterdir():
        if folder.is_dir():
            make_older(folder)
    _forget(site)


def _print_rate(who: str, site: Site, cost: Cost) -> float:
    rate = site.projects / cost.seconds
    milliseconds = 1000 * cost.cpu / site.projects
    print(
        f"{who:24}{rate:8.0f} projects/s {milliseconds:6.2f} ms of CPU a project "
        f"{cost.peak_mb:6.0f} MB",
        flush=True,
    )
    return rate


if __name__ == "__main__":
    sys.exit(main())
