"""How much what we believe differs from what is true."""

from collections.abc import Iterable, Mapping

import attrs

from actors.messages import MarketView, SnapshotTaken
from protocol.book import takeable
from protocol.events import OrderReported, OrderStatus, Side
from protocol.ids import BookKey, ClientOrderId
from protocol.money import cents_below
from protocol.order import RESTABLE, Order

# Where results stand by themselves and not in orders, or a copy has not got them yet.
UNSETTLED = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.WIPED})
NEVER_THERE = frozenset({OrderStatus.ABSENT, OrderStatus.REJECTED})


@attrs.frozen
class Audit:
    """Numbers of differences; `None` where the truth could not be read."""

    orders: int | None = None
    fills: int | None = None
    balance_cents: int | None = None
    books: int | None = None

    @classmethod
    def sum(cls, audits: "Iterable[Audit]") -> "Audit":
        """Add up the differences of several accounts: no account hides another's, and what is unknown is not zero."""
        every = [attrs.astuple(audit) for audit in audits]
        return cls(*(_total(column) for column in zip(*every, strict=True)))

    @property
    def clean(self) -> bool:
        return not any((self.orders, self.fills, self.balance_cents, self.books))


def _total(column: tuple[int | None, ...]) -> int | None:
    found = sum(each or 0 for each in column)
    return found if found or None not in column else None


@attrs.frozen
class Fate:
    """What became of an order."""

    status: OrderStatus
    filled: int


def fate_reported(report: OrderReported, size: int) -> Fate:
    """Read a report the way an order does: a stake that shrank is a cancel after a partial fill."""
    status = report.status or OrderStatus.UNKNOWN
    if status is OrderStatus.FILLED and report.filled < size:
        status = OrderStatus.CANCELLED
    return Fate(status, report.filled)


def compare_orders(believed: Mapping[ClientOrderId, Order], truth: Mapping[ClientOrderId, Fate]) -> tuple[int, int]:
    """Count the orders whose status differs, and those whose fills do. Both sides hold only orders of this run."""
    orders = fills = 0
    for client_order_id, order in believed.items():
        fate = truth.get(client_order_id)
        if order.status is OrderStatus.SETTLED and fate is not None and fate.status in UNSETTLED:
            order = attrs.evolve(order, status=fate.status if order.filled == fate.filled else order.status)
        if fate is None:
            orders += order.status not in NEVER_THERE
            fills += order.filled != 0
        else:
            orders += order.status is not fate.status
            fills += order.filled != fate.filled
    for client_order_id, fate in truth.items():
        if client_order_id not in believed:
            orders += fate.status in RESTABLE
            fills += fate.filled != 0
    return orders, fills


def compare_books(believed: Mapping[BookKey, tuple[Side, ...]], truth: Mapping[BookKey, tuple[Side, ...]]) -> int:
    """Count the books that offer something else than they do in truth."""
    return sum(takeable(sides) != takeable(truth.get(key, ())) for key, sides in believed.items())


def compare_snapshots(views: Mapping[BookKey, MarketView], snapshots: tuple[SnapshotTaken, ...]) -> int:
    """Count the believed books that differ from REST and have not moved since it was asked."""
    return sum(
        takeable(view.sides) != takeable(book.sides)
        for snapshot in snapshots
        for book in snapshot.books
        if (view := views.get(book.key)) is not None and view.live and view.moved_s < snapshot.asked_at_s
    )


def funds_gap_cents(expected_micro: tuple[int, int], actual_micro: int) -> int:
    """Return by how many whole cents the money lies outside of what it can be."""
    low, high = expected_micro
    return cents_below(max(low - actual_micro, actual_micro - high, 0))
