"""One outcome's resting orders, by price and then time."""

import attrs

from actors.exchange.satoriex.orders import Order, Side

Levels = tuple[tuple[int, int], ...]
"""Price in basis points and shares, best first."""


@attrs.frozen(kw_only=True)
class BookTruth:
    """What rests on both sides of an outcome."""

    bids: Levels = ()
    asks: Levels = ()


@attrs.define(eq=False)
class Book:
    _levels: dict[Side, dict[int, list[Order]]] = attrs.field(factory=lambda: {side: {} for side in Side}, init=False)

    def add(self, order: Order) -> None:
        self._levels[order.side].setdefault(order.price_bp, []).append(order)

    def remove(self, order: Order) -> None:
        level = self._levels[order.side][order.price_bp]
        level.remove(order)
        if not level:
            del self._levels[order.side][order.price_bp]

    def best_bp(self, side: Side) -> int | None:
        prices = self._levels[side]
        return _best(side, prices) if prices else None

    def first(self, side: Side) -> Order | None:
        """Return the order that trades next."""
        prices = self._levels[side]
        return prices[_best(side, prices)][0] if prices else None

    def depth(self) -> BookTruth:
        return BookTruth(bids=self._side(Side.BUY), asks=self._side(Side.SELL))

    def _side(self, side: Side) -> Levels:
        levels = [(price, sum(each.remaining_shares for each in found)) for price, found in self._levels[side].items()]
        return tuple(sorted(levels, reverse=side is Side.BUY))


def _best(side: Side, prices: dict[int, list[Order]]) -> int:
    return max(prices) if side is Side.BUY else min(prices)
