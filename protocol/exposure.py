"""What we stand to lose, in the worst outcome."""

from collections import defaultdict
from collections.abc import Iterable

import attrs

from protocol.ids import BookKey, ClientOrderId, EventId, SelectionId
from protocol.order import Order


@attrs.frozen
class Stakes:
    """What orders put on one selection."""

    matched_cents: int = 0
    profit_cents: int = 0  # what the matched stakes gain if the selection wins
    resting_cents: int = 0  # can still be matched; orders whose fate is unknown included

    def plus(self, other: "Stakes") -> "Stakes":
        return Stakes(
            self.matched_cents + other.matched_cents,
            self.profit_cents + other.profit_cents,
            self.resting_cents + other.resting_cents,
        )

    def minus(self, other: "Stakes") -> "Stakes":
        return self.plus(Stakes(-other.matched_cents, -other.profit_cents, -other.resting_cents))


NOTHING = Stakes()


def stakes_of(order: Order) -> Stakes:
    staked = order.staked_cents
    return Stakes(staked, order.profit_cents if staked else 0, order.remaining_cents)


def worst_cents(stakes: Iterable[Stakes], *, complementary: bool) -> int:
    """Return the largest loss over the outcomes of one market, in cents, never negative.

    Every subset of the resting orders may be matched, so an outcome's loss counts what rests against it and ignores
    what rests for it. Where the selections are not known to be complementary, none of them may win.
    """
    every = tuple(stakes)
    at_risk = sum(each.matched_cents + each.resting_cents for each in every)
    if not complementary or len(every) < 2:
        return at_risk
    return max(0, *(at_risk - each.matched_cents - each.resting_cents - each.profit_cents for each in every))


@attrs.define
class Exposure:
    """Keep the worst outcome per market, per event and for the account, order by order.

    Outcomes of different markets are not netted against each other: the sum over markets is an upper bound.
    """

    _pairs: dict[SelectionId, tuple[BookKey, SelectionId]] = attrs.field(factory=dict)
    _contributions: dict[ClientOrderId, tuple[BookKey, SelectionId, Stakes]] = attrs.field(factory=dict)
    _stakes: dict[BookKey, dict[SelectionId, Stakes]] = attrs.field(factory=lambda: defaultdict(dict))
    _markets: dict[BookKey, int] = attrs.field(factory=dict)
    _events: dict[EventId, int] = attrs.field(factory=lambda: defaultdict(int))
    account_cents: int = 0

    def pair(self, key: BookKey, first: SelectionId, second: SelectionId) -> None:
        """Learn that exactly one of two selections wins, so that stakes on both offset each other."""
        if first in self._pairs:
            return
        self._pairs[first] = (key, second)
        self._pairs[second] = (key, first)
        for client_order_id, (old_key, selection_id, stakes) in list(self._contributions.items()):
            if selection_id in (first, second) and old_key != key:
                self._add(old_key, selection_id, NOTHING.minus(stakes))
                self._add(key, selection_id, stakes)
                self._contributions[client_order_id] = (key, selection_id, stakes)
        self._reckon(key)

    def update(self, order: Order) -> None:
        """Replace what the order contributed by what it contributes now."""
        stakes = stakes_of(order)
        known = self._contributions.get(order.client_order_id)
        if known is None:
            key = self._pairs[order.selection_id][0] if order.selection_id in self._pairs else order.key
            selection_id, before = order.selection_id, NOTHING
        else:
            key, selection_id, before = known
        if stakes == before:
            return
        if stakes == NOTHING:
            self._contributions.pop(order.client_order_id, None)
        else:
            self._contributions[order.client_order_id] = (key, selection_id, stakes)
        self._add(key, selection_id, stakes.minus(before))

    def stakes(self, key: BookKey, selection_id: SelectionId) -> Stakes:
        return self._stakes.get(key, {}).get(selection_id, NOTHING)

    def market_cents(self, key: BookKey) -> int:
        return self._markets.get(key, 0)

    def event_cents(self, event_id: EventId) -> int:
        return self._events.get(event_id, 0)

    def market_cents_with(self, key: BookKey, selection_id: SelectionId, stake_cents: int) -> int:
        """Return the market's worst outcome if a stake more rested on the selection."""
        stakes = dict(self._stakes.get(key, {}))
        stakes[selection_id] = stakes.get(selection_id, NOTHING).plus(Stakes(resting_cents=stake_cents))
        return self._worst(stakes)

    def _add(self, key: BookKey, selection_id: SelectionId, change: Stakes) -> None:
        stakes = self._stakes[key]
        stakes[selection_id] = stakes.get(selection_id, NOTHING).plus(change)
        if stakes[selection_id] == NOTHING:
            del stakes[selection_id]
        self._reckon(key)

    def _reckon(self, key: BookKey) -> None:
        worst = self._worst(self._stakes.get(key, {}))
        change = worst - self._markets.get(key, 0)
        self._markets[key] = worst
        self._events[key.event_id] += change
        self.account_cents += change

    def _worst(self, stakes: dict[SelectionId, Stakes]) -> int:
        paired = len(stakes) == 2 and self._pairs.get(next(iter(stakes)), (None, None))[1] in stakes
        return worst_cents(stakes.values(), complementary=paired)
