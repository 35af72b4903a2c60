"""What settled orders came to."""

from collections.abc import Iterable, Mapping

import attrs

from protocol.events import OrderStatus, Result
from protocol.ids import BookKey, ClientOrderId, SelectionId, sold_by
from protocol.money import BASIS_POINTS, cents_below, micro
from protocol.order import Order
from protocol.wallet import sale_fees_micro


@attrs.define(kw_only=True)
class Results:
    """Book results in micro-dollars, fees and commission taken off, and tell what a UTC day brought.

    Commission is on a book's net winnings, in whole cents, so each book is reckoned as a whole.
    """

    fee_bp: int = 0  # of what a sale brings
    commission_bp: int = 0  # of a book's net winnings
    total_micro: int = 0
    _settled: dict[BookKey, dict[ClientOrderId, Order]] = attrs.field(factory=dict)
    _net: dict[BookKey, int] = attrs.field(factory=dict)
    _day: int = 0
    _day_micro: int = 0

    def day_micro(self, day: int) -> int:
        return self._day_micro if day == self._day else 0

    def net_micro(self, key: BookKey) -> int:
        """Return what a book has come to."""
        return self._net.get(key, 0)

    def restore(
        self, orders: Iterable[Order], nets: Mapping[BookKey, int], total: int, day: int, day_micro: int
    ) -> None:
        """Take up what was booked before this process began."""
        for order in orders:
            if _decided(order):
                self._settled.setdefault(order.key, {})[order.client_order_id] = order
        self._net = dict(nets)
        self.total_micro, self._day, self._day_micro = total, day, day_micro

    def take(self, order: Order, day: int) -> bool:
        """Learn what an order is now; tell whether it changed what its book came to. A result can be annulled."""
        if not _decided(order) and order.client_order_id not in self._settled.get(order.key, {}):
            return False
        book = self._settled.setdefault(order.key, {})
        book[order.client_order_id] = order
        net = sum(self._net_of(each) for each in book.values())
        net -= micro(cents_below(max(net, 0) * self.commission_bp // BASIS_POINTS))  # charged in whole cents
        change = net - self._net.get(order.key, 0)
        self._net[order.key] = net
        self.total_micro += change
        if day != self._day:
            self._day, self._day_micro = day, 0
        self._day_micro += change
        return change != 0

    def _net_of(self, order: Order) -> int:
        if order.status is not OrderStatus.SETTLED:
            return 0
        return order.realised_micro - sale_fees_micro(order, self.fee_bp)


def _decided(order: Order) -> bool:
    return order.status is OrderStatus.SETTLED and order.result is not Result.TO_BE_DECIDED


def decided(order: Order, winners: frozenset[SelectionId] | None) -> Order:
    """Return an order as it is once its market is settled, where the result stands by itself and not in the order."""
    if winners is None or order.can_match or not order.filled or order.status is OrderStatus.SETTLED:
        return order
    sold = sold_by(order.selection_id)
    won = order.selection_id in winners if sold is None else sold not in winners
    return attrs.evolve(order.move(OrderStatus.SETTLED), result=Result.WON if won else Result.LOST)
