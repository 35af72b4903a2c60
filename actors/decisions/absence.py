"""What became of an order that no list shows, as the account's own money says."""

import attrs

from actors.messages import FundsRead
from protocol.events import OrderStatus
from protocol.ids import BookKey, sold_by
from protocol.order import UNPROVED, Order
from protocol.prices import cost_micro
from protocol.wallet import shares_bought, taken_micro

DOUBTFUL = 4  # a difference up to this fraction of what the order would hold is fees, rebates and better prices


@attrs.define(kw_only=True)
class MoneyTrail:
    """Follow the account's free money and shares, and tell what an order that is lost did to them.

    A reading taken while nothing was in doubt says what the account would have without any order; a later one shows
    whether the order in question holds some of it.
    """

    fee_bp: int = 0
    _base_micro: int | None = None
    _base_shares: dict[BookKey, int] = attrs.field(factory=dict)
    _last: FundsRead | None = None

    def read(self, funds: FundsRead, orders: list[Order], *, calm: bool) -> None:
        """Take a reading. `calm` is that nothing was unknown or under way when it was asked for."""
        self._last = funds
        if calm:
            self._base_micro = funds.balance.free_micro + sum(taken_micro(order, self.fee_bp) for order in orders)
            self._base_shares = {}
            for key in {order.key for order in orders} | {holding.key for holding in funds.held or ()}:
                self._base_shares[key] = _held(funds, key) - shares_bought(each for each in orders if each.key == key)

    def verdict(self, lost: Order, orders: list[Order], since_s: float) -> OrderStatus | None:
        """Tell what a reading asked for after `since_s` shows of a lost order.

        ABSENT where the account has everything that it would have without it, FILLED where exactly what it would have
        bought or sold is there; `None` where that is not known yet.
        """
        funds = self._last
        if funds is None or funds.asked_at_s < since_s or self._base_micro is None:
            return None
        others = [order for order in orders if order.status not in UNPROVED]
        same = [order for order in others if order.key == lost.key]
        expected = self._base_shares.get(lost.key, 0) + shares_bought(same)
        sells = sold_by(lost.selection_id) is not None
        more = _held(funds, lost.key) - expected
        if more == (-lost.size if sells else lost.size):
            return OrderStatus.FILLED
        if more:
            return None
        if sells:
            return OrderStatus.ABSENT
        free = self._base_micro - sum(taken_micro(order, self.fee_bp) for order in others)
        missing = abs(free - funds.balance.free_micro)
        return OrderStatus.ABSENT if missing * DOUBTFUL <= cost_micro(lost.price, lost.size) else None


def _held(funds: FundsRead, key: BookKey) -> int:
    return sum(holding.shares for holding in funds.held or () if holding.key == key)
