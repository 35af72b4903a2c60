from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.simulation.auditor import Violation
from actors.simulation.shrink import fewest, shrink
from actors.simulation.simulate import Outcome
from actors.simulation.world import World, draw

SECONDS = 3600.0
AT_S = 20.5
FOUND = Violation(at_s=AT_S, rule="truth", text="seen")


@given(st.lists(st.integers(0, 99), unique=True, max_size=30), st.data())
def test_the_fewest_are_those_that_are_needed(items, data):
    needed = data.draw(st.sets(st.sampled_from(items), max_size=5)) if items else set()

    found = fewest(items, lambda kept: needed <= set(kept))

    assert list(found) == [each for each in items if each in needed]


@given(st.lists(st.integers(0, 30), max_size=20), st.integers(1, 60))
def test_of_the_fewest_none_can_be_left_out(items, least):
    if sum(items) < least:
        return

    found = fewest(items, lambda kept: sum(kept) >= least)

    assert sum(found) >= least
    assert all(sum(found) - each < least for each in found)


def test_few_of_many_take_few_tries():
    tries = []

    def fails(kept) -> bool:
        tries.append(kept)
        return {17, 60} <= set(kept)

    fewest(range(100), fails)

    assert len(tries) < 70


@pytest.fixture
def world() -> World:
    return next(world for seed in range(100) if len(set((world := draw(seed, SECONDS)).troubles)) >= 4)


@pytest.fixture
def simulate(world) -> Callable[[World], Outcome]:
    """A rule is broken when the second trouble comes with the last one, in a world that lasts long enough."""
    needed = {world.troubles[1], world.troubles[-1]}

    def simulate(world: World) -> Outcome:
        broken = needed <= set(world.troubles) and world.seconds >= AT_S
        return Outcome(
            seed=world.seed,
            seconds=world.seconds,
            trace="",
            violations=(Violation(at_s=AT_S, rule="other", text=""), FOUND) if broken else (),
            injected={},
            reached={},
            counts={},
        )

    return simulate


def test_a_world_is_cut_to_what_breaks_the_same_rule(world, simulate):
    smallest = shrink(world, FOUND, simulate, lambda _: None)

    assert set(smallest.world.troubles) == {world.troubles[1], world.troubles[-1]}
    assert smallest.violation == FOUND
    assert AT_S <= smallest.world.seconds <= AT_S + 2


def test_the_same_world_is_cut_in_the_same_way(world, simulate):
    told: list[str] = []
    again: list[str] = []

    first = shrink(world, FOUND, simulate, told.append)
    second = shrink(world, FOUND, simulate, again.append)

    assert first == second
    assert told == again != []


def test_what_breaks_without_any_trouble_is_shown_without(world, outcome):
    smallest = shrink(world, FOUND, lambda world: outcome(world.seed, "truth"), lambda _: None)

    assert smallest.world.troubles == ()
