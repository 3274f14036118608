"""The cache as a whole: whatever happens, and wherever it dies, one clean run puts it right."""

import json
import os
import shutil
import signal
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app.bounds import MoveBudget
from app.config import Config, TierSettings, load
from app.model import Vote
from app.names import COMPANION, FilePath, InvalidNameError, ProjectName, parse_file_path
from jobs.harness import job_parser
from jobs.move import MoveFiles
from jobs.parts import Parts, make_folders, tiers
from tests.conftest import NewDatabase
from tests.crashing import in_child, move, score, scrub, withdraw
from tests.fake_pypi import CutBody, FakeFile, FakePypi, WrongContent, make_wheel
from tests.mirrors import write_config

pytestmark = pytest.mark.slow

NAMES = ("hot", "warm", "cold")
"""The first two are on one filesystem, the last where there is another."""
LAYOUTS = (NAMES, ("hot", "cold"), ("warm", "cold"), ("hot", "warm"), ("cold", "hot"))
EXAMPLES = int(os.environ.get("LARDER_EXAMPLES", "16"))
"""As many on a file, and a quarter of them on a server."""


class Cache(RuleBasedStateMachine):
    """A mirror on real files and a real database, with a simulated upstream."""

    files = Bundle("files")

    def __init__(self, database: str) -> None:
        """Make an empty mirror, on an empty database."""
        super().__init__()
        self._folder = Path(tempfile.mkdtemp())
        memory = Path("/dev/shm")  # noqa: S108
        self._cold = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
        self._pypi = FakePypi()
        self._pypi.start()
        self._config = load(write_config(self._folder, self._pypi, database=database))
        self._roots = {name: self._folder / "repo" / name for name in NAMES} | {"cold": self._cold}
        for root in self._roots.values():
            root.mkdir(exist_ok=True)
        self._limits = dict.fromkeys(NAMES, 200_000)
        self._layout: tuple[str, ...] = NAMES
        self._budget = MoveBudget()
        self._listed: dict[FilePath, FakeFile] = {}
        self._votes: Counter[FilePath] = Counter()
        # All of one time, so that heat goes by their number and not by the machine's speed.
        self._now = int(time.time()) - 60
        # By hand, behind the cache's back.
        self._spoiled: set[FilePath] = set()
        self._count = 0
        make_folders(self._config)

    def teardown(self) -> None:
        """End upstream, and delete everything."""
        self._pypi.stop()
        shutil.rmtree(self._folder)
        shutil.rmtree(self._cold)

    @property
    def config(self) -> Config:
        """The configuration as it is now."""
        found = tuple(TierSettings(self._roots[n], self._limits[n]) for n in self._layout)
        cache = replace(self._config.cache, tiers=found, move_budget=self._budget)
        return replace(self._config, cache=cache)

    # What happens to a mirror.

    @rule(target=files, size=st.integers(1_000, 90_000), votes=st.integers(0, 3))
    def enter(self, size: int, votes: int) -> FilePath:
        """Upstream has a new project, and somebody may want it."""
        self._count += 1
        return self._release(f"p{self._count}", size, votes)

    @rule(target=files, before=files, size=st.integers(1_000, 90_000))
    def release(self, before: FilePath, size: int) -> FilePath:
        """A project has a new release, which takes over from the one before."""
        return self._release(before.rpartition("/")[2].partition("-")[0], size, 0)

    def _release(self, name: str, size: int, votes: int) -> FilePath:
        self._count += 1
        # Core metadata of a tenth of the file.
        requires = [f"{'x' * 83}{number}" for number in range(size // 1000)]
        file = self._pypi.add(make_wheel(name, str(self._count), requires, padding=size))
        parts = Parts(self.config)
        parts.index.bring(ProjectName(name))
        parts.store.close()
        path = FilePath(file.path)
        self._listed[path] = file
        self.vote(path, votes, spooled=False)
        return path

    @rule(path=files, votes=st.integers(1, 50), spooled=st.booleans())
    def vote(self, path: FilePath, votes: int, *, spooled: bool) -> None:
        """Somebody wants a file; the app is told, or is away."""
        if path not in self._listed:
            return
        networks = range(self._votes[path], self._votes[path] + votes)
        self._votes[path] += votes
        parts = Parts(self.config)
        if spooled:
            spool = parts.run.spool
            spool.parent.mkdir(parents=True, exist_ok=True)
            with spool.open("a") as stream:
                for number in networks:
                    network = f"10.{number >> 8}.{number & 255}.0/24"
                    entry = {"time": self._now, "network": network, "path": path}
                    print(json.dumps(entry, separators=(",", ":")), file=stream)
        else:
            cast = [Vote(path, number, self._now) for number in networks]
            assert votes == parts.store.add_votes(cast, 300)
        parts.store.close()

    @rule(path=consumes(files))
    def delete(self, path: FilePath) -> None:
        """Upstream takes a file off its page."""
        file = self._listed.pop(path)
        name = ProjectName(file.filename.partition("-")[0])
        self._pypi.remove_file(name, file.filename)
        parts = Parts(self.config)
        parts.index.bring(name)
        parts.store.close()

    @rule(name=st.sampled_from(NAMES), limit=st.sampled_from([60_000, 200_000, 700_000]))
    def resize(self, name: str, limit: int) -> None:
        """The operator changes a tier's limit."""
        self._limits[name] = limit

    @rule(layout=st.sampled_from(LAYOUTS))
    def rearrange(self, layout: tuple[str, ...]) -> None:
        """The operator drops a tier, takes one back, or changes their order."""
        self._layout = layout

    @rule(size=st.none() | st.integers(20_000, 100_000))
    def limit_moves(self, size: int | None) -> None:
        """The operator sets a budget."""
        self._budget = MoveBudget(size, size, size)

    @rule(
        path=files, name=st.sampled_from(NAMES), how=st.sampled_from(["put", "junk", "rot", "rm"])
    )
    def tamper(self, path: FilePath, name: str, how: str) -> None:
        """Somebody has his hands in a tier."""
        place = self._roots[name] / path
        if how in {"put", "junk"}:
            place.parent.mkdir(parents=True, exist_ok=True)
            known = self._listed.get(path)
            place.write_bytes(known.content if known and how == "put" else b"junk")
        elif place.exists():
            place.unlink() if how == "rm" else place.write_bytes(bytes(place.stat().st_size))
        self._spoiled.add(path)

    @rule(
        work=st.sampled_from([move, move, move, score, scrub, withdraw]),
        line=st.integers(0, 1500),
        fault=st.sampled_from([None, None, WrongContent(), CutBody(5_000)]),
    )
    def crash(self, work: object, line: int, fault: object) -> None:
        """A job begins, and is killed at some line, or not; upstream may be ill."""
        if work is not score:
            assert in_child(self.config, score, None) == 0
        if fault is not None:
            self._pypi.inject(fault, at="/packages/*.whl")  # type: ignore[arg-type]
        code = in_child(self.config, work, line)  # type: ignore[arg-type]
        self._pypi.heal()
        assert code in (0, -signal.SIGKILL)

    @precondition(lambda self: self._listed)
    @rule()
    def run_clean(self) -> None:
        """A run that nobody disturbs ends right, and leaves nothing to do."""
        budget, self._budget = self._budget, MoveBudget()
        # What was put there and is wrong is deleted by one run, and fetched by the next.
        for work in (withdraw, scrub, *[score, move] * (1 + bool(self._spoiled))):
            assert in_child(self.config, work, None) == 0
        # Nobody has voted since.
        assert in_child(self.config, score, None) == 0
        # A tier that is dropped is nobody's to put right.
        dropped = [self._roots[name] for name in NAMES if name not in self._layout]
        self._spoiled = {
            path for path in self._spoiled if any((root / path).exists() for root in dropped)
        }
        parts = Parts(self.config)
        try:
            self._check_end(parts)
        finally:
            parts.store.close()
        self._budget = budget

    # What must be true.

    @invariant()
    def no_visible_file_is_half_written(self) -> None:
        """Nor has it other bytes than the index lists, unless somebody put them there."""
        for root in self._roots.values():
            for path, place in _visible(root):
                if path in self._listed and path not in self._spoiled:
                    assert self._listed[path].content == place.read_bytes()

    def _check_end(self, parts: Parts) -> None:
        counted = {one.path: one.votes for one in parts.store.popular(self._now) if one.votes}
        assert {path: self._votes[path] for path in self._listed if self._votes[path]} == counted
        options = job_parser(MoveFiles).parse_args([])
        assert [] == list(MoveFiles(parts, options).plan())
        roots = [tier.path for tier in self.config.cache.tiers]
        on_disk = {path: root for root in roots for path, _ in _visible(root)}
        assert sum(1 for root in roots for _ in _visible(root)) == len(on_disk)
        assert {held.path: Path(held.root) for held in parts.store.holdings()} == on_disk
        assert on_disk.keys() <= self._listed.keys()
        wish = parts.wishing.stored()
        ranks = {tier.root: tier.rank for tier in tiers(self.config)}
        placed = {path: ranks[str(root)] for path, root in on_disk.items()}
        assert {path: wished.rank for path, wished in wish.items()}.items() <= placed.items()
        for root in roots:
            own = root / ".larder"
            assert {path.name for path in own.iterdir()} <= {"tier"} if own.exists() else True
            assert self._within(root)

    def _within(self, root: Path) -> bool:
        name = next(name for name, found in self._roots.items() if found == root)
        size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
        return size <= self._limits[name]


def _visible(root: Path) -> list[tuple[FilePath, Path]]:
    """Return the files that a reader can see; companions are their files'."""
    found = []
    for place in root.rglob("*"):
        try:
            path = parse_file_path(place.relative_to(root).as_posix())
        except InvalidNameError:
            continue
        if place.is_file() and not path.endswith(COMPANION):
            found.append((path, place))
    return found


@pytest.mark.timeout(900)
def test_one_clean_run_puts_everything_right(
    new_database: NewDatabase, request: pytest.FixtureRequest
) -> None:
    """Votes, releases, deletions, other limits and tiers, hands in the tiers, and crashes."""
    on_server = "postgresql" in request.keywords
    run_state_machine_as_test(
        lambda: Cache(new_database()),  # type: ignore[arg-type]
        settings=settings(
            max_examples=max(1, EXAMPLES // 4) if on_server else EXAMPLES,
            derandomize=True,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
