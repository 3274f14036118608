"""The plan of what needs no news from upstream."""

from collections.abc import Iterator

from app.names import ProjectName
from app.planning import plan_here
from app.steps import AddProject, CompleteProject, RenderProject, RevalidateProject, WriteRoot

AA, BB, CC = map(ProjectName, ("aa", "bb", "cc"))


def test_nothing_outdated_is_nothing_to_do() -> None:
    """Whatever is fetched."""
    assert [] == plan_here([], [AddProject(AA)])


def test_what_asks_upstream_comes_first() -> None:
    """With the fetches, so that the steps that do not ask are one group behind them."""
    outdated = [(AA, True, True), (BB, True, False), (CC, False, True)]
    expected = [CompleteProject(AA), CompleteProject(CC), RenderProject(AA), RenderProject(BB)]
    assert expected == plan_here(outdated, [])


def test_what_is_fetched_needs_no_step_of_its_own() -> None:
    """A fetch renders what it brings; and whatever it finds, the legacy JSON comes with it."""
    outdated = [(AA, True, True), (BB, True, False), (CC, True, True)]
    fetches = [AddProject(AA, 1), RevalidateProject(CC), WriteRoot()]
    assert [RenderProject(BB), RenderProject(CC)] == plan_here(outdated, fetches)


def test_what_is_outdated_is_read_once() -> None:
    """It may be a stream."""

    def stream() -> Iterator[tuple[ProjectName, bool, bool]]:
        yield AA, True, False
        yield BB, True, False

    assert [RenderProject(BB)] == plan_here(stream(), [AddProject(AA)])
