"""The plan of moves: right, minimal, and safe at every step of the way."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from app.model import Tier
from app.names import FilePath, parse_file_path
from app.planning import Facts, Placed, Wished, plan_moves
from app.steps import Evict, Fetch, FetchCompanion, Move, Step

TIERS = (Tier(0, "/hot", 100), Tier(1, "/cold", 300))


def path(number: int) -> FilePath:
    """Return a path of our own for each number."""
    return parse_file_path(f"aa/bb/{number:060x}/file-{number}.whl")


def facts(
    wish: Mapping[int, tuple[int, float]],
    held: Mapping[int, tuple[int, int]],
    sizes: Mapping[int, int],
) -> Facts:
    """Return facts with numbers in place of paths."""
    return Facts(
        wish={path(number): Wished(*wished) for number, wished in wish.items()},
        holdings={path(number): Placed(*placed) for number, placed in held.items()},
        sizes={path(number): size for number, size in sizes.items()},
        tiers=TIERS,
        taken={},
    )


def test_what_is_wished_for_and_not_here_is_fetched() -> None:
    """A wish without a holding is a fetch, best first."""
    steps = plan_moves(facts({1: (0, 1.0), 2: (1, 2.0)}, {}, {1: 10, 2: 20}))
    assert steps == [Fetch(path(2), 1, 20), Fetch(path(1), 0, 10)]


def test_what_is_here_and_not_wished_for_is_evicted() -> None:
    """A holding without a wish is an eviction."""
    assert plan_moves(facts({}, {1: (1, 10)}, {})) == [Evict(path(1), 1, 10)]


def test_room_is_made_before_it_is_used() -> None:
    """A full hot tier demotes before it promotes, and the plan says so in that order."""
    steps = plan_moves(facts({1: (1, 1.0), 2: (0, 9.0)}, {1: (0, 100), 2: (1, 80)}, {}))
    assert steps == [Move(path(1), 0, 1, 100), Move(path(2), 1, 0, 80)]


def test_two_full_tiers_that_want_to_swap_do() -> None:
    """Where each waits for the other's place, the lesser is evicted and fetched again."""
    tight = Facts(
        wish={path(1): Wished(1, 1.0), path(2): Wished(0, 9.0)},
        holdings={path(1): Placed(0, 100), path(2): Placed(1, 100)},
        sizes={},
        tiers=(Tier(0, "/hot", 100), Tier(1, "/cold", 100)),
        taken={},
    )
    assert plan_moves(tight) == [
        Evict(path(1), 0, 100),
        Move(path(2), 1, 0, 100),
        Fetch(path(1), 1, 100),
    ]


def test_a_move_up_is_a_promotion_and_a_move_down_a_demotion() -> None:
    """A step's verb is the field's word."""
    assert (Move(path(1), 1, 0, 5).verb, Move(path(1), 0, 1, 5).verb) == ("promote", "demote")


def test_missing_metadata_comes_last_and_where_there_is_room() -> None:
    """Nobody knows its size, and a full tier must not plan what fails."""
    tiers = (Tier(0, "/hot", 1 << 20), Tier(1, "/cold", 1 << 20))
    held = {path(1): Placed(0, 1 << 20), path(2): Placed(1, 10), path(3): Placed(1, 10)}
    wish = {path(1): Wished(0, 2.0), path(2): Wished(1, 1.0)}
    full = Facts(wish, held, {}, tiers, {}, incomplete={path(1), path(2), path(3)})
    assert [Evict(path(3), 1, 10), FetchCompanion(path(2), 1)] == plan_moves(full)


@st.composite
def situations(draw: st.DrawFn) -> Facts:
    """Draw holdings that fit their tiers, and a wish that does too."""
    sizes = draw(st.dictionaries(st.integers(1, 30), st.integers(1, 60), max_size=30))
    held: dict[int, tuple[int, int]] = {}
    wish: dict[int, tuple[int, float]] = {}
    for target in (held, wish):
        room = {tier.rank: tier.size_limit for tier in TIERS}
        for number, size in sizes.items():
            rank = draw(st.sampled_from([0, 1, None]))
            if rank is not None and room[rank] >= size:
                room[rank] -= size
                score = float(draw(st.integers(0, 5)))
                if target is held:
                    held[number] = (rank, size)
                else:
                    wish[number] = (rank, score)
    return facts(wish, held, sizes)


@st.composite
def resumed(draw: st.DrawFn) -> Facts:
    """Draw a situation in which earlier downloads have left their parts, within the limits."""
    found = draw(situations())
    partials = {}
    room = {tier.rank: tier.size_limit for tier in TIERS}
    for placed in found.holdings.values():
        room[placed.rank] -= placed.bytes
    for wanted, wished in found.wish.items():
        left = draw(st.integers(0, found.sizes[wanted]))
        if wanted not in found.holdings and left <= room[wished.rank]:
            room[wished.rank] -= left
            partials[wanted] = left
    return replace(found, partials=partials)


def apply(holdings: dict[FilePath, Placed], step: Step) -> None:
    """Do to the holdings what a step does."""
    match step:
        case Evict(gone):
            del holdings[gone]
        case Move(moved, _, target, size) | Fetch(moved, target, size):
            holdings[moved] = Placed(target, size)


@given(resumed())
def test_every_prefix_of_a_plan_respects_every_limit(situation: Facts) -> None:
    """No tier is over its limit at any moment, partial files included; the end is the wish."""
    holdings = dict(situation.holdings)
    for step in plan_moves(situation):
        apply(holdings, step)
        parts = {
            path: Placed(situation.wish[path].rank, left)
            for path, left in situation.partials.items()
            if path not in holdings
        }
        for tier in TIERS:
            lying = (*holdings.values(), *parts.values())
            used = sum(placed.bytes for placed in lying if placed.rank == tier.rank)
            assert used <= tier.size_limit
    wished = {path: wished.rank for path, wished in situation.wish.items()}
    assert wished == {path: placed.rank for path, placed in holdings.items()}


@given(situations())
def test_the_plan_of_a_finished_state_is_empty(situation: Facts) -> None:
    """Carrying a plan out leaves nothing to plan."""
    holdings = dict(situation.holdings)
    for step in plan_moves(situation):
        apply(holdings, step)
    done = Facts(situation.wish, holdings, situation.sizes, TIERS, {})
    assert plan_moves(done) == []


@given(situations(), st.randoms())
def test_the_same_facts_give_the_same_plan_in_any_order(situation: Facts, random: Random) -> None:
    """The order in which facts come from the database does not matter."""
    wish, held = list(situation.wish.items()), list(situation.holdings.items())
    random.shuffle(wish)
    random.shuffle(held)
    other = Facts(dict(wish), dict(held), situation.sizes, TIERS, {})
    assert plan_moves(situation) == plan_moves(other)
