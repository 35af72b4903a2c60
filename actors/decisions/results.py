"""What settled orders came to."""

import attrs

from protocol.events import OrderStatus, Result
from protocol.ids import BookKey, ClientOrderId, SelectionId, sold_by
from protocol.money import BASIS_POINTS, cents_below, micro
from protocol.order import Order
from protocol.venue import Terms
from protocol.wallet import sale_fees_micro


@attrs.define
class Results:
    """Book results in micro-dollars, fees and commission taken off, and tell what a UTC day brought.

    Commission is on a book's net winnings, in whole cents, so each book is reckoned as a whole.
    """

    total_micro: int = 0
    _settled: dict[BookKey, dict[ClientOrderId, Order]] = attrs.field(factory=dict)
    _net: dict[BookKey, int] = attrs.field(factory=dict)
    _day: int = 0
    _day_micro: int = 0

    def day_micro(self, day: int) -> int:
        return self._day_micro if day == self._day else 0

    def take(self, order: Order, terms: Terms | None, day: int) -> None:
        """Learn what an order is now. A result can be annulled."""
        decided = order.status is OrderStatus.SETTLED and order.result is not Result.TO_BE_DECIDED
        book = self._settled.setdefault(order.key, {})
        if not decided and order.client_order_id not in book:
            return
        book[order.client_order_id] = order
        fee_bp, commission_bp = (terms.fee_bp, terms.commission_bp) if terms is not None else (0, 0)
        net = sum(_net(each, fee_bp) for each in book.values())
        net -= micro(cents_below(max(net, 0) * commission_bp // BASIS_POINTS))  # charged in whole cents
        change = net - self._net.get(order.key, 0)
        self._net[order.key] = net
        self.total_micro += change
        if day != self._day:
            self._day, self._day_micro = day, 0
        self._day_micro += change


def _net(order: Order, fee_bp: int) -> int:
    return order.realised_micro - sale_fees_micro(order, fee_bp) if order.status is OrderStatus.SETTLED else 0


def decided(order: Order, winners: frozenset[SelectionId] | None) -> Order:
    """Return an order as it is once its market is settled, where the result stands by itself and not in the order."""
    if winners is None or order.can_match or not order.filled or order.status is OrderStatus.SETTLED:
        return order
    sold = sold_by(order.selection_id)
    won = order.selection_id in winners if sold is None else sold not in winners
    return attrs.evolve(order.move(OrderStatus.SETTLED), result=Result.WON if won else Result.LOST)
