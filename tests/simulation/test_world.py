import random

import attrs
import pytest

from actors.simulation.world import CALM_S, KINDS, CutTrouble, RuleTrouble, VenueTrouble, World, draw
from protocol.prophetx.venue import NAME as PROPHETX
from protocol.satoriex.venue import NAME as SATORIEX

SEEDS = range(400)
HOUR_S = 3600.0


@pytest.fixture(scope="module")
def worlds() -> list[World]:
    return [draw(seed, HOUR_S) for seed in SEEDS]


def venues(world: World) -> set[str]:
    there = {PROPHETX: world.prophetx, SATORIEX: world.satoriex}
    return {name for name, each in there.items() if each is not None}


def moment_s(trouble: object) -> float:
    return getattr(trouble, "at_s", 0.0)


def test_a_world_depends_on_its_seed_alone():
    before = random.getstate()

    first, again, other = draw(7, HOUR_S), draw(7, HOUR_S), draw(8, HOUR_S)

    assert first == again
    assert (first.seed, first.seconds) == (7, HOUR_S)
    assert attrs.evolve(other, seed=7) != first
    assert random.getstate() == before


def test_only_the_named_kinds_are_left_and_all_else_stays():
    kinds = frozenset({"drop", "reset", "kill_send"})

    for seed in range(20):
        whole, part = draw(seed, HOUR_S), draw(seed, HOUR_S, kinds)
        assert part.troubles == tuple(each for each in whole.troubles if each.kind in kinds)
        assert attrs.evolve(part, troubles=whole.troubles) == whole


def test_with_no_kinds_nothing_goes_wrong():
    assert {draw(seed, HOUR_S, frozenset()).troubles for seed in range(20)} == {()}


def test_every_kind_is_drawn_and_has_its_name(worlds):
    assert {trouble.kind for world in worlds for trouble in world.troubles} == KINDS


def test_there_are_worlds_with_each_venue_and_with_both(worlds):
    drawn = [frozenset(venues(world)) for world in worlds]

    assert set(drawn) == {frozenset({PROPHETX}), frozenset({SATORIEX}), frozenset({PROPHETX, SATORIEX})}


def test_only_venues_that_are_there_have_troubles(worlds):
    for world in worlds:
        named = [each for each in world.troubles if isinstance(each, RuleTrouble | CutTrouble | VenueTrouble)]
        assert {trouble.venue for trouble in named} <= venues(world)


@pytest.mark.parametrize("seconds", [HOUR_S, 600.0, 2 * CALM_S])
def test_troubles_come_after_the_start_and_before_the_calm(seconds):
    moments = [moment_s(each) for seed in SEEDS for each in draw(seed, seconds).troubles if moment_s(each)]

    assert min(moments) >= 20
    assert max(moments) <= seconds - CALM_S


@pytest.mark.parametrize("seconds", [60.0, 180.0])
def test_troubles_lie_within_a_short_world_too(seconds):
    moments = [moment_s(each) for seed in SEEDS for each in draw(seed, seconds).troubles]

    assert max(moments) <= seconds
