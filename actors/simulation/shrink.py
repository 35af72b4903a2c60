"""The smallest world that still breaks the same rule."""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import attrs

from actors.simulation.auditor import Violation
from actors.simulation.simulate import Outcome
from actors.simulation.world import World

SHORTER_BY = 0.75
SECONDS_LEAST = 1.0

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Smallest:
    """A world from which nothing can be left out, what it breaks, and how many were tried for it."""

    world: World
    violation: Violation
    tried: int


@attrs.define
class _Search:
    """Try worlds, keep the smallest one that breaks the rule."""

    world: World
    violation: Violation
    simulate: Callable[[World], Outcome]
    told: Callable[[str], None]
    tried: int = 0

    def breaks(self, world: World) -> bool:
        """Tell whether a world breaks the rule; if so it is the smallest one yet."""
        self.tried += 1
        found = broken(self.simulate(world), self.violation.rule)
        if found is None:
            return False
        self.world, self.violation = world, found
        self.told(f"{self.tried} tried: {len(world.troubles)} troubles, {world.seconds:g} s")
        return True

    def cut_time(self) -> None:
        """End the world soon after the violation, then ever sooner."""
        soon = math.ceil(self.violation.at_s) + SECONDS_LEAST
        if soon < self.world.seconds:
            self.breaks(attrs.evolve(self.world, seconds=soon))
        shorter = math.floor(self.world.seconds * SHORTER_BY)
        while shorter >= SECONDS_LEAST and self.breaks(attrs.evolve(self.world, seconds=float(shorter))):
            shorter = math.floor(self.world.seconds * SHORTER_BY)

    def cut_troubles(self) -> None:
        fewest(self.world.troubles, lambda kept: self.breaks(attrs.evolve(self.world, troubles=tuple(kept))))


def broken(outcome: Outcome, rule: str) -> Violation | None:
    """Return the first violation of a rule."""
    return next((each for each in outcome.violations if each.rule == rule), None)


def shrink(
    world: World, violation: Violation, simulate: Callable[[World], Outcome], told: Callable[[str], None]
) -> Smallest:
    """Return the smallest world found that breaks the rule of a violation that was seen in the given one."""
    search = _Search(world, violation, simulate, told)
    search.cut_time()
    search.cut_troubles()
    search.cut_time()
    return Smallest(world=search.world, violation=search.violation, tried=search.tried)


def fewest(items: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> Sequence[T]:
    """Return a part that still fails, of which no single item can be left out: delta debugging, by complements.

    The order stays. The whole is taken to fail, and is not tried.
    """
    if not items or fails(()):
        return ()
    parts = 2
    while len(items) > 1:
        smaller = next((rest for rest in _without_each(items, parts) if fails(rest)), None)
        if smaller is not None:
            items, parts = smaller, max(parts - 1, 2)
        elif parts < len(items):
            parts = min(parts * 2, len(items))
        else:
            return items
    return items


def _without_each(items: Sequence[T], parts: int) -> list[Sequence[T]]:
    """Return what is left without the first of so many parts, without the second, and so on."""
    edges = [len(items) * part // parts for part in range(parts + 1)]
    return [[*items[:start], *items[end:]] for start, end in itertools.pairwise(edges)]
