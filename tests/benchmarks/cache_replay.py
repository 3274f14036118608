"""What the cache policies make of synthetic traffic, by the project's own code.

    nice .venv/bin/python -m tests.benchmarks.cache_replay

Four kinds of sites, 35 days each, of which 30 are measured; a run every 6 hours scores,
inherits and assigns as `larder score` does, and its moves take no time. The capacity is
a share of the bytes of all files that were asked for; a tenth of it is the hottest tier.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from app.scoring import Decay, Policy, Votes
from tests.benchmarks.replay.lru import OnDemand
from tests.benchmarks.replay.simulate import (
    FILESIZE_LIMIT,
    MIN_VOTES,
    Figures,
    clairvoyant,
    replay,
)
from tests.benchmarks.replay.trace import Shape, Trace, make_trace
from tests.benchmarks.replay.traffic import SITES

DECAY, VOTES = "decay", "votes"
Results = Mapping[tuple[str, float], Figures]

_HEADER = (
    f"{'':24}{'requests':>9}{'bytes':>7}{'GB down':>9}{'GB moved':>10}"
    f"{'GB written':>11}{'to SSD':>8}{'moves':>8}{'SSD':>6}"
)
_RATIOS = (
    f"{'decay by votes':24}{'misses':>9}{'bytes':>8}{'down':>7}{'moved':>7}"
    f"{'written':>9}{'to SSD':>8}"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Replay the traces, and print tables."""
    options = _parser().parse_args(arguments)
    shape = Shape(options.days, options.warm_up, options.daily)
    found: list[Results] = []
    for name in options.sites:
        started = time.monotonic()
        results = _site(name, options.seed, shape, options.capacities)
        print(f"({time.monotonic() - started:.0f} s)\n", flush=True)
        found.append(results)
    print(f"medians of {len(found)} traces\n{_RATIOS}")
    for share in options.capacities:
        ratios = [_ratios(results, share) for results in found]
        print(_ratio_line(share, [median(column) for column in zip(*ratios, strict=True)]))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", nargs="+", choices=list(SITES), default=list(SITES))
    parser.add_argument("--seed", type=int, default=1, help="another one is another trace")
    parser.add_argument(
        "--capacities", nargs="+", type=float, default=[0.1, 1, 5, 10], help="percent"
    )
    parser.add_argument("--days", type=int, default=35, help="the warm-up included")
    parser.add_argument("--warm-up", type=int, default=5, help="days that are not measured")
    parser.add_argument("--daily", type=int, default=82_000, help="requests a day")
    return parser


def _site(name: str, seed: int, shape: Shape, shares: Sequence[float]) -> Results:
    decay = Decay(MIN_VOTES, FILESIZE_LIMIT)
    policies: Mapping[str, Policy] = {DECAY: decay, VOTES: Votes(MIN_VOTES, FILESIZE_LIMIT)}
    trace = make_trace(name, seed, shape, decay)
    capacities = {share: round(trace.distinct_bytes * share / 100) for share in shares}
    size = trace.distinct_bytes / 10**9
    print(f"{name} {seed}: {trace.measured} requests, {size:.0f} GB of distinct files")
    print(_HEADER, flush=True)
    results = replay(trace, policies, capacities)
    for share, capacity in capacities.items():
        print("\n".join(_figure_lines(trace, results, share, capacity)), flush=True)
    print(_RATIOS)
    for share in shares:
        print(_ratio_line(share, _ratios(results, share)))
    return results


def _figure_lines(trace: Trace, results: Results, share: float, capacity: int) -> Iterator[str]:
    rows = {
        DECAY: results[DECAY, share],
        VOTES: results[VOTES, share],
        "LRU on demand": OnDemand(trace, capacity).replay(),
    }
    for name, one in rows.items():
        yield (
            f"{share:5g} %  {name:16}{one.by_request:9.3f}{one.by_bytes:7.3f}"
            f"{one.a_day(one.downloaded):9.2f}{one.a_day(one.moved):10.2f}"
            f"{one.a_day(one.written):11.2f}{one.a_day(one.hot_written):8.2f}"
            f"{one.moves / max(1e-9, one.days):8.0f}{one.hot_share:6.2f}"
        )
    bound = clairvoyant(trace, capacity)
    yield f"{share:5g} %  {'clairvoyant':16}{bound.by_request:9.3f}{bound.by_bytes:7.3f}"


def _ratios(results: Results, share: float) -> tuple[float, ...]:
    """Return decay's figures by those of votes; of the bytes that hit, the difference."""
    ours, theirs = results[DECAY, share], results[VOTES, share]
    return (
        (1 - ours.by_request) / max(1e-9, 1 - theirs.by_request),
        ours.by_bytes - theirs.by_bytes,
        ours.downloaded / max(1, theirs.downloaded),
        ours.moved / max(1, theirs.moved),
        ours.written / max(1, theirs.written),
        ours.hot_written / max(1, theirs.hot_written),
    )


def _ratio_line(share: float, ratios: Sequence[float]) -> str:
    misses, by_bytes, downloaded, moved, written, hot = ratios
    return (
        f"{share:5g} %{'':17}{misses:9.2f}{by_bytes:+8.3f}{downloaded:7.2f}{moved:7.2f}"
        f"{written:9.2f}{hot:8.2f}"
    )


if __name__ == "__main__":
    sys.exit(main())
