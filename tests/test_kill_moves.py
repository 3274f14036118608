"""Each kind of step, killed at one line after the other: the next clean run ends right."""

import os
import signal
from collections.abc import Callable

import pytest

from app.names import FilePath, ProjectName, companion_of
from jobs.harness import job_parser
from jobs.move import MoveFiles
from jobs.parts import Parts
from tests.crashing import in_child, move, scrub
from tests.fake_pypi import FakeFile, FakePypi, make_wheel
from tests.mirrors import numbered

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("LARDER_KILLS", "12"))
"""So many lines of each kind of step, if it has as many as this; 300 is every one."""
LINES = 300


def wish_for(parts: Parts, wish: dict[FilePath, int]) -> None:
    """Put down what should be here."""
    rows = {path: (rank, 1.0) for path, rank in wish.items()}
    parts.wishing.put_down(numbered(parts.store, rows))


def rot(parts: Parts, file: FakeFile) -> None:
    """Let a held file rot."""
    for tier in parts.config.cache.tiers:
        place = tier.path / file.path
        if place.exists():
            place.write_bytes(bytes(len(file.content)))


def check(parts: Parts, file: FakeFile, rank: int | None) -> None:
    """One copy, whole, with its metadata, and nothing else; store and disk agree."""
    path = FilePath(file.path)
    options = job_parser(MoveFiles).parse_args([])
    assert [] == list(MoveFiles(parts, options).plan())
    for tier, settings in enumerate(parts.config.cache.tiers):
        visible = {
            str(place.relative_to(settings.path)): place.read_bytes()
            for place in settings.path.rglob("*")
            if place.is_file() and place.name != "tier"
        }
        expected = {str(path): file.content, str(companion_of(path)): file.metadata}
        assert (expected if tier == rank else {}) == visible
    held = [one.root for one in parts.store.holdings()]
    assert ([] if rank is None else [str(parts.config.cache.tiers[rank].path)]) == held


# What is there before, what is wished for, and what is done.
KINDS: dict[str, tuple[int | None, int | None, Callable[[Parts], None]]] = {
    "fetch": (None, 0, move),
    "promote": (1, 0, move),
    "demote": (0, 1, move),
    "evict": (0, None, move),
    "scrub": (0, 0, scrub),
}


@pytest.mark.parametrize("where", ["", "elsewhere"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.timeout(120 + 5 * KILLS)
def test_a_step_that_is_killed_anywhere(
    request: pytest.FixtureRequest, kind: str, where: str
) -> None:
    """With one filesystem or two, before the record or after it: it is done again."""
    if where:
        request.getfixturevalue(where)
    pypi: FakePypi = request.getfixturevalue("fake_pypi")
    parts: Parts = request.getfixturevalue("parts")
    before, after, work = KINDS[kind]
    file = pypi.add(make_wheel("six", "1", padding=20_000))
    line, code = 0, -signal.SIGKILL
    while code:
        bring_to(parts, pypi, file, before)
        if kind == "scrub":
            rot(parts, file)
        list_it(parts, pypi, file, after)
        code = in_child(parts.config, work, line)
        assert code in (0, -signal.SIGKILL)
        for job in (work, move):
            assert in_child(parts.config, job, None) == 0
        check(parts, file, after)
        line += max(1, LINES // KILLS)


def bring_to(parts: Parts, pypi: FakePypi, file: FakeFile, rank: int | None) -> None:
    """Have the file on a tier, or on none."""
    list_it(parts, pypi, file, rank)
    assert in_child(parts.config, move, None) == 0
    check(parts, file, rank)


def list_it(parts: Parts, pypi: FakePypi, file: FakeFile, rank: int | None) -> None:
    """List the file and wish for it, or take it off its page."""
    pypi.remove_file("six", file.filename)
    if rank is not None:
        pypi.add(make_wheel("six", "1", padding=20_000))
    parts.index.bring(ProjectName("six"))
    wish_for(parts, {} if rank is None else {FilePath(file.path): rank})
