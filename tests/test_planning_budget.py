"""The plan of moves under a budget, and on tiers that are not what they were."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from app.bounds import MoveBudget
from app.model import Tier
from app.names import FilePath
from app.planning import Facts, Placed, Wished, fit, follow_roots, plan_moves
from app.steps import Evict, Fetch, Lose, Move, PutOff, Step
from tests.test_planning_moves import TIERS, apply, facts, path, situations

ENOUGH = 200
"""Runs within which any budget must have led to the wish."""


def kinds(steps: list[Step]) -> list[str]:
    """Return the steps' verbs."""
    return [step.verb for step in steps]


def test_the_most_valuable_come_first_and_the_rest_is_put_off() -> None:
    """Nothing that is worth less comes in the place of what the budget did not reach."""
    wish = {1: (0, 9.0), 2: (0, 8.0), 3: (0, 7.0), 4: (0, 6.0)}
    situation = facts(wish, {}, {1: 20, 2: 20, 3: 30, 4: 1})
    steps = plan_moves(replace(situation, budget=MoveBudget(fetch=50)))
    assert ["fetch", "fetch", "put-off", "put-off"] == kinds(steps)
    assert [path(3), path(4)] == [s.step.path for s in steps if isinstance(s, PutOff)]  # type: ignore[attr-defined]
    assert "put off: fetch file-3.whl to tier 0: cache.move_budget is used up" == str(steps[2])


def test_what_is_larger_than_the_budget_comes_alone() -> None:
    """It would never come else."""
    situation = facts({1: (0, 9.0), 2: (0, 8.0)}, {}, {1: 60, 2: 10})
    steps = plan_moves(replace(situation, budget=MoveBudget(fetch=50)))
    assert ["fetch", "put-off"] == kinds(steps)


def test_what_is_put_off_evicts_nothing() -> None:
    """Only as much goes as the fetch that is taken needs; the smallest that suffices."""
    held = {1: (0, 30), 2: (0, 40), 3: (0, 20)}
    situation = facts({4: (0, 9.0), 5: (0, 8.0)}, held, {4: 30, 5: 60})
    situation = replace(situation, spare={path(1), path(2), path(3)})
    steps = plan_moves(replace(situation, budget=MoveBudget(fetch=30)))
    assert steps[:2] == [Evict(path(3), 0, 20), Fetch(path(4), 0, 30)]
    assert ["put-off"] == kinds(steps[2:])
    assert [Evict(path(3), 0, 20), Evict(path(1), 0, 30), Evict(path(2), 0, 40)] == sorted(
        (step for step in plan_moves(situation) if isinstance(step, Evict)),
        key=lambda step: step.bytes,
    )


def test_what_does_not_fit_evicts_nothing() -> None:
    """The wish may be older than the tiers' limits."""
    situation = facts({4: (0, 9.0)}, {1: (0, 30)}, {4: 101})
    assert [] == plan_moves(replace(situation, spare={path(1)}))


def test_what_no_page_lists_goes_in_any_case() -> None:
    """No budget keeps it, and no room that is left."""
    situation = facts({}, {1: (0, 30)}, {})
    budget = MoveBudget(1, 1, 1)
    assert [Evict(path(1), 0, 30)] == plan_moves(replace(situation, budget=budget))


def test_a_lowered_limit_is_kept_by_the_next_plan() -> None:
    """Files that nobody wishes for go as far as need be."""
    situation = facts({1: (0, 9.0)}, {1: (0, 60), 2: (0, 30), 3: (0, 10)}, {})
    situation = replace(situation, spare={path(2), path(3)}, tiers=(Tier(0, "/hot", 90), TIERS[1]))
    assert [Evict(path(3), 0, 10)] == plan_moves(situation)


def test_files_of_a_dropped_tier_move_in_or_are_let_go() -> None:
    """Nothing is deleted there: the folder is the operator's again."""
    held = {1: (2, 30), 2: (2, 40)}
    steps = plan_moves(facts({1: (1, 1.0)}, held, {}))
    assert [Move(path(1), 2, 1, 30), Lose((path(2),))] == steps


def test_a_wish_that_fits_stays_as_it_is() -> None:
    """However full the tiers are."""
    wish = {path(1): Wished(0, 1.0), path(2): Wished(1, 9.0)}
    assert wish == fit(wish, {path(1): 100, path(2): 300}, TIERS, {})


def test_what_a_smaller_tier_cannot_hold_goes_colder_the_least_valuable_first() -> None:
    """And from the coldest nowhere."""
    wish = {path(n): Wished(0, float(n)) for n in (1, 2, 3)}
    sizes = {path(n): 100 for n in (1, 2, 3)}
    tiers = (Tier(0, "/hot", 100), Tier(1, "/cold", 150))
    fitted = fit(wish, sizes, tiers, {1: 50})
    assert {path(3): Wished(0, 3.0), path(2): Wished(1, 2.0)} == fitted


def test_a_wish_follows_its_tiers() -> None:
    """By their folders: ranks change when a tier comes or goes."""
    wish = {path(n): Wished(n, 1.0) for n in (0, 1, 2)}
    then = ("/hot", "/warm", "/cold")

    def ranks(*now: str) -> list[int]:
        return [found.rank for found in follow_roots(wish, then, now).values()]

    assert [0, 1, 2] == ranks(*then)
    assert [0, 0, 1] == ranks("/warm", "/cold")
    assert [0, 1, 1] == ranks("/hot", "/cold")
    assert [1, 2, 3] == ranks("/nvme", *then)
    assert [0, 0, 0] == ranks("/other")


budgets = st.builds(
    MoveBudget, *(st.none() | st.integers(1, 80) for _ in ("fetch", "promote", "demote"))
)


@st.composite
def spared(draw: st.DrawFn) -> Facts:
    """Draw a situation in which some files may stay, under a budget."""
    found = draw(situations())
    unwished = sorted(found.holdings.keys() - found.wish.keys())
    spare = draw(st.sets(st.sampled_from(unwished))) if unwished else set()
    return replace(found, spare=spare, budget=draw(budgets))


def used(holdings: dict[FilePath, Placed], rank: int) -> int:
    """Return the bytes on a tier."""
    return sum(placed.bytes for placed in holdings.values() if placed.rank == rank)


@given(spared())
def test_any_budget_leads_to_the_wish_in_the_end(situation: Facts) -> None:
    """Within every limit on the way; and then nothing is left to do."""
    holdings = dict(situation.holdings)
    for _ in range(ENOUGH):
        steps = plan_moves(replace(situation, holdings=dict(holdings)))
        if not steps:
            break
        for step in steps:
            apply(holdings, step)
            assert all(used(holdings, tier.rank) <= tier.size_limit for tier in TIERS)
    assert [] == plan_moves(replace(situation, holdings=dict(holdings)))
    assert set(situation.wish) <= set(holdings)
    assert all(holdings[one].rank == wished.rank for one, wished in situation.wish.items())
    assert holdings.keys() <= situation.wish.keys() | set(situation.spare)


@given(spared())
def test_a_run_keeps_to_its_budget(situation: Facts) -> None:
    """But for one step that is larger than all of it, and for files that a swap has parted."""
    steps = plan_moves(situation)
    for verb in ("fetch", "promote"):
        limit = situation.budget.of(verb)
        parted = {step.path for step in steps if isinstance(step, Evict)}
        sizes = [
            step.bytes
            for step in steps
            if isinstance(step, Fetch | Move) and step.verb == verb and step.path not in parted
        ]
        assert limit is None or sum(sizes) <= limit or len(sizes) == 1


@given(spared())
def test_a_spare_file_goes_only_for_one_that_comes(situation: Facts) -> None:
    """A tier that gets nothing loses nothing but what must go."""
    steps = plan_moves(situation)
    comes = {step.target if isinstance(step, Move) else step.tier for step in _coming(steps)}
    for step in steps:
        if isinstance(step, Evict) and step.path in situation.spare:
            assert step.tier in comes


def _coming(steps: list[Step]) -> list[Fetch | Move]:
    return [step for step in steps if isinstance(step, Fetch | Move)]
