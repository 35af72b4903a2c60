"""American odds: the ladder, the arithmetic, the mirror."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import NewType

import attrs

from protocol.errors import LocalProtocolError

Odds = NewType("Odds", int)
"""American odds. Plain integer order is payout order: -25000 pays least, +25000 most."""

EVEN = Odds(100)  # -100 does not exist


def is_american(odds: int) -> bool:
    return odds >= 100 or odds < -100


def implied(odds: Odds) -> Fraction:
    """Return the probability at which a bet at these odds is fair."""
    return Fraction(100, odds + 100) if odds > 0 else Fraction(-odds, 100 - odds)


def opposite(odds: Odds) -> Odds:
    """Return what the taker gets from an order resting at `odds`: the mirror on the other selection."""
    return EVEN if odds == EVEN else Odds(-odds)


def profit_cents(stake_cents: int, odds: Odds) -> int:
    """Return what a winning stake gains, rounded down to the cent (the venue keeps the fraction)."""
    return stake_cents * odds // 100 if odds > 0 else stake_cents * 100 // -odds


def stake_for_cents(profit: int, odds: Odds) -> int:
    """Return the smallest stake that gains `profit` cents at `odds`: rounded up, the inverse of `profit_cents`."""
    return -(-profit * 100 // odds) if odds > 0 else -(-profit * -odds // 100)


@attrs.frozen
class OddsLadder:
    """The prices that the venue takes, ascending in payout."""

    steps: tuple[Odds, ...] = attrs.field(repr=False)

    @classmethod
    def of(cls, values: Iterable[int]) -> "OddsLadder":
        """Build a ladder. Raises `LocalProtocolError` when it is empty or holds something that is not American odds."""
        steps = tuple(Odds(value) for value in sorted(set(values)))
        if not steps:
            raise LocalProtocolError("a ladder needs at least one step")
        for step in steps:
            if not is_american(step):
                raise LocalProtocolError(f"{step} is not American odds")
        return cls(steps)

    def __contains__(self, odds: object) -> bool:
        if not isinstance(odds, int):
            return False
        index = bisect_left(self.steps, odds)
        return index < len(self.steps) and self.steps[index] == odds

    def __iter__(self) -> Iterator[Odds]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def paying_at_least(self, probability: Fraction) -> Odds | None:
        """Return the shortest odds that cost no more than `probability`; `None` beyond the ladder's end."""
        index = bisect_left(self.steps, -probability, key=lambda step: -implied(step))
        return self.steps[index] if index < len(self.steps) else None

    def better(self, odds: object, ticks: int = 1) -> Odds:
        """Return the step that pays more by `ticks`, clamped to the ladder's ends; negative ticks pay less."""
        if not isinstance(odds, int):
            raise LocalProtocolError(f"{odds!r} is not American odds")
        index = bisect_right(self.steps, odds) - 1 + ticks
        return self.steps[min(max(index, 0), len(self.steps) - 1)]


def _steps(*runs: tuple[int, int, int]) -> set[int]:
    return {step for first, last, width in runs for step in range(first, last + 1, width)}


def generate_ladder() -> OddsLadder:
    """Return the venue's ladder as it stood on 2026-09-12 (555 steps), for when it cannot be fetched."""
    positive = _steps(
        (100, 130, 1),
        (132, 200, 2),
        (205, 500, 5),
        (510, 1000, 10),
        (1050, 2000, 50),
        (2100, 5000, 100),
        (2250, 2750, 500),
        (5250, 10_000, 250),
        (10_500, 25_000, 500),
    )
    return OddsLadder.of(positive | {-step for step in positive if step != EVEN})
