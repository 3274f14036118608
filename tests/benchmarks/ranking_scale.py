"""What ranking costs: two million candidates, from facts to places on two tiers.

.venv/bin/python -m tests.benchmarks.ranking_scale
"""

import argparse
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from random import Random

from app.model import Candidate, Tier
from app.planning import assign
from app.scoring import Decay, Votes, ranking

_LIMIT = 1 << 40


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2_000_000, help="how many candidates")
    options = parser.parse_args(arguments)
    before = _peak_mb()
    started = time.monotonic()
    total = sum(one.size for one in _candidates(options.files))
    print(f"making {options.files} candidates: {time.monotonic() - started:.1f} s, each time")
    tiers = (Tier(0, "/hot", total // 30), Tier(1, "/cold", total // 3))
    for policy in (Decay(2, _LIMIT), Votes(2, _LIMIT)):
        started = time.monotonic()
        ranked = ranking(_candidates(options.files), policy)
        packed = time.monotonic()
        placed = sum(1 for _ in assign(ranked, tiers, {}))
        print(
            f"{type(policy).__name__:6} making and packing {packed - started:.1f} s,"
            f" {placed} places in {time.monotonic() - packed:.1f} s;"
            f" {_peak_mb() - before:.0f} MB above the start at the peak",
            flush=True,
        )
        del ranked
    return 0


def _candidates(count: int) -> Iterator[Candidate]:
    random = Random(1)
    for number in range(count):
        size = round(10 ** (3 + 5 * random.random()))
        held = None if number % 3 else int(number % 30 > 0)
        votes = 2 + int(random.random() * 50)
        heat = votes * random.random()
        yield Candidate(number, random.getrandbits(60), size, votes, heat, held=held)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
