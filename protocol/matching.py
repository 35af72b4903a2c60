"""Price-time matching of two complementary selections, as a pure engine."""

from bisect import insort
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

import attrs

from protocol.errors import LocalProtocolError
from protocol.ids import SelectionId
from protocol.odds import Odds, opposite, profit_cents, stake_for_cents

OrderKey = TypeVar("OrderKey", bound=Hashable)

LEVELS_SHOWN = 10


@attrs.define(order=False)
class Resting(Generic[OrderKey]):
    """An order in the book. It backs `selection_id` and waits for somebody to back the other selection."""

    order_id: OrderKey
    owner: str  # orders of one owner never match each other
    selection_id: SelectionId
    odds: Odds
    remaining_cents: int
    arrival: int

    @property
    def takeable_cents(self) -> int:
        """Return the stake that a taker can place against it: what it would win."""
        return profit_cents(self.remaining_cents, self.odds)


@attrs.frozen(kw_only=True)
class Match(Generic[OrderKey]):
    """Two orders met. The maker has its own price, the taker the mirror of it, which is its own or better."""

    maker: OrderKey
    taker: OrderKey
    maker_cents: int
    taker_cents: int
    maker_odds: Odds
    taker_odds: Odds


@attrs.frozen
class ShownLevel:
    """A level as the venue displays it, under the selection that a taker would back."""

    odds: Odds
    takeable_cents: int
    payout_cents: int  # what the resting orders stake: the taker's winnings


class SelfMatch(Exception):
    """The order would match one of the same owner; it was not entered."""


@attrs.define
class MatchingBook(Generic[OrderKey]):
    """Hold the resting orders of one market's two selections, best price first, then oldest first.

    Rounding is written here once. A taker's stake is what the maker would win, rounded down. A maker that is not used
    up gives the smallest stake that wins the taker's. What is left of an order and can win no cent any more is dust:
    it stays in the book until cancelled, and is never shown nor matched.
    """

    first: SelectionId
    second: SelectionId
    _sides: dict[SelectionId, list[Resting[OrderKey]]] = attrs.field(init=False)
    _orders: dict[OrderKey, Resting[OrderKey]] = attrs.field(factory=dict, init=False)
    _arrivals: int = attrs.field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._sides = {self.first: [], self.second: []}

    def __contains__(self, order_id: OrderKey) -> bool:
        return order_id in self._orders

    def __iter__(self) -> Iterator[Resting[OrderKey]]:
        return iter(self._orders.values())

    def other(self, selection_id: SelectionId) -> SelectionId:
        return self.second if selection_id == self.first else self.first

    def crosses(self, selection_id: SelectionId, odds: Odds) -> bool:
        """Tell whether an order at these odds would take something at once."""
        return next(self._makers(selection_id, odds), None) is not None

    def enter(
        self, order_id: OrderKey, owner: str, selection_id: SelectionId, odds: Odds, stake_cents: int
    ) -> list[Match[OrderKey]]:
        """Match an order and rest what is left of it.

        Raises `SelfMatch` when it would meet an order of its owner before it is filled; then nothing has changed.
        """
        if order_id in self._orders:
            raise LocalProtocolError(f"order {order_id!r} is in the book already")
        if stake_cents <= 0:
            raise LocalProtocolError(f"a stake of {stake_cents} cents")
        plan, left = self._plan(owner, selection_id, odds, stake_cents)
        matches = [self._match(order_id, maker, taker_cents) for maker, taker_cents in plan]
        if left:
            self._arrivals += 1
            resting = Resting(order_id, owner, selection_id, odds, left, self._arrivals)
            insort(self._sides[selection_id], resting, key=_priority)
            self._orders[order_id] = resting
        return matches

    def remove(self, order_id: OrderKey) -> int:
        """Take an order out and return the stake that was left of it; 0 when it is not there."""
        resting = self._orders.pop(order_id, None)
        if resting is None:
            return 0
        self._sides[resting.selection_id].remove(resting)
        return resting.remaining_cents

    def shown(self, selection_id: SelectionId, limit: int = LEVELS_SHOWN) -> tuple[ShownLevel, ...]:
        """Return what can be taken on a selection: the opposite orders mirrored, best first."""
        levels: dict[Odds, ShownLevel] = {}
        for maker in self._sides[self.other(selection_id)]:
            if not maker.takeable_cents:
                continue
            odds = opposite(maker.odds)
            level = levels.get(odds, ShownLevel(odds, 0, 0))
            if odds not in levels and len(levels) == limit:
                break
            levels[odds] = ShownLevel(
                odds, level.takeable_cents + maker.takeable_cents, level.payout_cents + maker.remaining_cents
            )
        return tuple(levels.values())

    def _makers(self, selection_id: SelectionId, odds: Odds) -> Iterator[Resting[OrderKey]]:
        for maker in self._sides[self.other(selection_id)]:
            if opposite(maker.odds) < odds:
                return
            if maker.takeable_cents:
                yield maker

    def _plan(
        self, owner: str, selection_id: SelectionId, odds: Odds, stake_cents: int
    ) -> tuple[list[tuple[Resting[OrderKey], int]], int]:
        plan = []
        left = stake_cents
        for maker in self._makers(selection_id, odds):
            if not left:
                break
            if maker.owner == owner:
                raise SelfMatch(f"{maker.order_id!r} rests on the other side")
            taken = min(left, maker.takeable_cents)
            plan.append((maker, taken))
            left -= taken
        return plan, left

    def _match(self, taker: OrderKey, maker: Resting[OrderKey], taker_cents: int) -> Match[OrderKey]:
        used_up = taker_cents == maker.takeable_cents
        maker_cents = maker.remaining_cents if used_up else stake_for_cents(taker_cents, maker.odds)
        maker.remaining_cents -= maker_cents
        if not maker.remaining_cents:
            self.remove(maker.order_id)
        return Match(
            maker=maker.order_id,
            taker=taker,
            maker_cents=maker_cents,
            taker_cents=taker_cents,
            maker_odds=maker.odds,
            taker_odds=opposite(maker.odds),
        )


def _priority(resting: Resting[OrderKey]) -> tuple[int, int]:
    return resting.odds, resting.arrival  # a maker that asks for less pays a taker more
