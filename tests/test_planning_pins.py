"""Room for pins: what makes way for them, and what does not."""

from collections.abc import Mapping

from app.model import Tier
from app.planning import PinFacts, Placed, Wished, plan_pins
from app.steps import Evict, Fetch, Move
from tests.test_planning_moves import path

TIERS = (Tier(0, "/hot", 100), Tier(1, "/cold", 300))


def facts(
    sizes: Mapping[int, int],
    held: Mapping[int, tuple[int, int]] | None = None,
    wish: Mapping[int, float] | None = None,
    pinned: tuple[int, ...] = (),
) -> PinFacts:
    """Return facts with numbers in place of paths."""
    held = held or {}
    return PinFacts(
        sizes={path(number): size for number, size in sizes.items()},
        pinned={path(number) for number in pinned},
        wish={path(n): Wished(held[n][0], score) for n, score in (wish or {}).items()},
        holdings={path(number): Placed(*placed) for number, placed in held.items()},
        tiers=TIERS,
        taken={},
    )


def test_pins_go_to_the_coldest_tier_with_room() -> None:
    """Votes may bring them up later; what finds no room there goes to a hotter one."""
    steps, homeless = plan_pins(facts({1: 250, 2: 90, 3: 90}))
    assert {Fetch(path(1), 1, 250), Fetch(path(2), 0, 90)} == set(steps)
    assert [path(3)] == homeless


def test_what_nobody_wishes_for_makes_way_first() -> None:
    """Then what is worth least; no more than is needed goes."""
    held = {1: (1, 100), 2: (1, 100), 3: (1, 100)}
    steps, _ = plan_pins(facts({9: 150}, held, {1: 5.0, 2: 1.0}))
    assert [Evict(path(3), 1, 100), Evict(path(2), 1, 100), Fetch(path(9), 1, 150)] == sorted(
        steps, key=lambda step: (isinstance(step, Fetch), str(step) != str(Evict(path(3), 1, 100)))
    )


def test_no_pin_makes_way_for_another() -> None:
    """Nor does anything, for a file that finds no room all the same."""
    held = {1: (0, 100), 2: (1, 300), 3: (0, 0)}
    steps, homeless = plan_pins(facts({9: 50}, held, {1: 1.0}, pinned=(1, 2)))
    assert ([], [path(9)]) == (steps, homeless)


def test_nothing_moves_where_there_is_room() -> None:
    """Another wish is `move`'s to carry out."""
    steps, _ = plan_pins(facts({9: 10}, {1: (1, 50), 2: (0, 50)}, {1: 9.0}))
    assert [Fetch(path(9), 1, 10)] == steps
    assert not any(isinstance(step, Move) for step in steps)


def test_a_tier_that_the_configuration_has_dropped_is_left_alone() -> None:
    """Its files are neither lost nor moved here."""
    steps, _ = plan_pins(facts({9: 10}, {1: (5, 50)}))
    assert [Fetch(path(9), 1, 10)] == steps
