"""The exchange's own ledger, in the house's words, for whoever audits a client."""

import attrs

from actors.exchange.satoriex.accounts import Account, Key
from actors.exchange.satoriex.book import BookTruth
from actors.exchange.satoriex.floor import Floor
from actors.exchange.satoriex.orders import Order, Side, Status
from protocol.events import OrderStatus

STATUSES = {
    Status.PENDING: OrderStatus.PENDING,
    Status.OPEN: OrderStatus.OPEN,
    Status.PARTIAL: OrderStatus.OPEN,
    Status.FILLED: OrderStatus.FILLED,
    Status.CANCELLED: OrderStatus.CANCELLED,
}
assert STATUSES.keys() == set(Status)


@attrs.frozen(kw_only=True)
class OrderTruth:
    status: OrderStatus
    market_id: str
    outcome_id: str
    side: Side
    price_bp: int
    shares: int
    filled_shares: int
    cost_micro: int  # price x shares at execution, of either side
    fees_micro: int
    rebates_micro: int

    @property
    def can_match(self) -> bool:
        return self.status in (OrderStatus.PENDING, OrderStatus.OPEN)


@attrs.frozen(kw_only=True)
class Truth:
    """What one account has, and every book, at one moment."""

    orders: dict[str, OrderTruth]
    available_micro: int
    escrow_micro: int
    positions: dict[Key, int]
    books: dict[Key, BookTruth]


def truth_of(floor: Floor, account: Account) -> Truth:
    return Truth(
        orders=true_orders(floor, account),
        available_micro=account.available_micro,
        escrow_micro=account.escrow_micro,
        positions={key: holding.shares for key, holding in account.positions().items()},
        books=true_books(floor),
    )


def true_orders(floor: Floor, account: Account) -> dict[str, OrderTruth]:
    return {order.order_id: order_truth(order) for order in floor.orders.values() if order.account is account}


def true_books(floor: Floor) -> dict[Key, BookTruth]:
    return {outcome.key: outcome.book.depth() for outcome in floor.outcomes()}


def order_truth(order: Order) -> OrderTruth:
    return OrderTruth(
        status=STATUSES[order.status],
        market_id=order.key[0],
        outcome_id=order.key[1],
        side=order.side,
        price_bp=order.price_bp,
        shares=order.shares,
        filled_shares=order.filled_shares,
        cost_micro=order.cost_micro,
        fees_micro=order.fees_micro,
        rebates_micro=order.rebates_micro,
    )
