"""The plan of what nobody voted for."""

from collections.abc import Iterable, Sequence

import pytest

from app.bounds import MoveBudget
from app.model import Tier
from app.names import FilePath
from app.planning import Facts, Joined, Placed, Rest, RestSteps, Wished, place_rest, plan_moves
from app.planning.purse import Purse
from app.steps import Evict, Fetch, FetchCompanion, Lose, Move
from tests.test_planning_moves import path

KIB = 1 << 10


def place(sizes: Sequence[int], room: dict[int, int], budget: int | None = None) -> Rest:
    """Place files 1, 2, 3…; the second was begun on tier 1, and has 4 bytes there."""
    unheld = [(number, path(number), size, False) for number, size in enumerate(sizes, 1)]
    purse = Purse(MoveBudget(fetch=budget))
    return place_rest(unheld, room, purse, lambda one: (1, 4) if one == path(2) else None)


def test_each_has_the_hottest_tier_with_room() -> None:
    """One that does not fit takes nothing from a later, smaller one."""
    rest = place([6, 2, 30, 5, 4], {1: 10, 0: 10})
    assert [1, 2, 4, 5] == list(rest.files)
    assert [0, 1, 1, 0] == list(rest.ranks)
    assert [6, 2, 5, 4] == list(rest.sizes)


def test_what_was_begun_needs_only_what_is_missing() -> None:
    """It stays on its tier as long as that has the room."""
    assert [1] == list(place([20, 6], {0: 10, 1: 2}).ranks)
    assert [0] == list(place([20, 6], {0: 10, 1: 1}).ranks)


def test_the_budget_ends_it() -> None:
    """What comes later has to wait, however small."""
    assert [1] == list(place([5, 5, 1], {0: 10, 1: 10}, 8).files)


def lookup(files: Sequence[int]) -> Iterable[tuple[int, FilePath]]:
    """Know all files but the third."""
    return [(number, path(number)) for number in files if number != 3]


def test_steps_are_made_when_they_are_asked_for() -> None:
    """Those of a file that was forgotten meanwhile are left out."""
    first = [Lose((path(9),))]
    steps = Joined(first, RestSteps([], place([5, 5, 5, 5], {0: 100}), lookup))
    fetches = [Fetch(path(number), 0, 5) for number in (1, 2, 4)]
    assert [*first, *fetches] == list(steps)
    assert 5 == len(steps)
    assert fetches[-1] == steps[-1]
    assert [*first, fetches[0]] == steps[:2]
    with pytest.raises(LookupError):
        steps[3]


TIERS = (Tier(0, "/hot", 100 * KIB), Tier(1, "/cold", 200 * KIB))


def test_what_is_spare_gives_way_to_a_colder_tier() -> None:
    """Where it is to be kept, and as long as there is room; its metadata comes where it stays."""
    facts = Facts(
        wish={path(1): Wished(0, 2.0)},
        holdings={path(2): Placed(0, 60 * KIB), path(3): Placed(1, 10 * KIB)},
        sizes={path(1): 60 * KIB},
        tiers=TIERS,
        taken={},
        spare={path(2), path(3)},
        incomplete={path(2), path(3)},
        keep_spare=True,
    )
    assert [
        Move(path(2), 0, 1, 60 * KIB),
        Fetch(path(1), 0, 60 * KIB),
        FetchCompanion(path(3), 1),
    ] == plan_moves(facts)


def test_it_is_evicted_where_no_colder_tier_has_room() -> None:
    """Or where the budget for demotions is used up."""
    facts = Facts(
        wish={path(1): Wished(1, 2.0)},
        holdings={path(2): Placed(1, 150 * KIB)},
        sizes={path(1): 60 * KIB},
        tiers=TIERS,
        taken={},
        spare={path(2)},
        keep_spare=True,
    )
    expected = [Evict(path(2), 1, 150 * KIB), Fetch(path(1), 1, 60 * KIB)]
    assert expected == plan_moves(facts)


def test_a_pin_is_not_parted_from_its_place() -> None:
    """Two pins in each other's way stay where they are: behind an air gap they are all there is."""
    facts = Facts(
        wish={path(1): Wished(1, 1e300), path(2): Wished(0, 1e300)},
        holdings={path(1): Placed(0, 90 * KIB), path(2): Placed(1, 190 * KIB)},
        sizes={},
        tiers=TIERS,
        taken={},
    )
    assert not [step for step in plan_moves(facts) if isinstance(step, Evict)]
