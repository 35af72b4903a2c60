"""What became of an order that no list shows, as the account's own money says."""

import attrs

from actors.decisions.results import decided
from actors.messages import FundsRead
from protocol.events import OrderStatus
from protocol.ids import BookKey, SelectionId, sold_by
from protocol.order import UNPROVED, Order
from protocol.prices import cost_micro
from protocol.wallet import shares_bought, taken_micro

DOUBTFUL = 4  # a difference up to this fraction of what the order would hold is fees, rebates and better prices


@attrs.frozen
class Baseline:
    """What the account would have without any order, as one reading said."""

    free_micro: int
    shares: dict[BookKey, int]


@attrs.define(kw_only=True)
class MoneyTrail:
    """Follow the account's free money and shares, and tell what an order that is lost did to them.

    A reading taken while nothing was in doubt says what the account would have without any order; a later one shows
    whether the order in question holds some of it. Two such readings are kept: the first, which was taken before any
    order left, and the newest, which knows of the rebates since; but it may have a fill that we had not heard of. Where
    both say something, they must agree.
    """

    fee_bp: int = 0
    _recalled: bool = False  # the first is what the journal says, until there is a reading
    _first: Baseline | None = None
    _newest: Baseline | None = None
    _last: FundsRead | None = None

    def recall(self, baseline: Baseline) -> None:
        """Begin with what the account would have, as the journal says: a process that died may have lost an order."""
        self._first, self._recalled = baseline, True

    def read(self, funds: FundsRead, orders: list[Order], *, calm: bool) -> None:
        """Take a reading. `calm` is that nothing was unknown or under way when it was asked for."""
        self._last = funds
        if not calm:
            return
        free = funds.balance.free_micro + sum(taken_micro(order, self.fee_bp) for order in orders)
        keys = {order.key for order in orders} | {holding.key for holding in funds.holdings}
        self._newest = Baseline(free, {key: _held(funds, key) - _bought(orders, key) for key in keys})
        self._first = self._newest if self._recalled or self._first is None else self._first
        self._recalled = False

    @property
    def grounded(self) -> bool:
        """Tell whether it is known what the account would have without any order."""
        return self._first is not None

    @property
    def as_of_ns(self) -> int:
        """Return of which moment the last reading is; 0 before there is one."""
        return 0 if self._last is None else self._last.as_of_ns

    def verdict(
        self, lost: Order, orders: list[Order], since_s: float, winners: frozenset[SelectionId] | None = None
    ) -> OrderStatus | None:
        """Tell what a reading asked for after `since_s` shows of a lost order.

        ABSENT where the account has everything that it would have without it, FILLED where exactly what it would have
        bought or sold is there; `None` where that is not known yet. `winners` are those of its market, once it is
        settled: the shares are gone by then, and the money tells.
        """
        if self._last is None or self._last.asked_at_s < since_s:
            return None
        others = [order for order in orders if order.status not in UNPROVED]
        baselines = [each for each in (self._first, self._newest) if each is not None]
        if winners is None:
            verdicts = {self._compared(each, self._last, lost, others) for each in baselines} - {None}
        else:
            verdicts = {self._paid(each, self._last, lost, others, winners) for each in baselines} - {None}
        return verdicts.pop() if len(verdicts) == 1 else None

    def _compared(self, baseline: Baseline, funds: FundsRead, lost: Order, others: list[Order]) -> OrderStatus | None:
        sells = sold_by(lost.selection_id) is not None
        more = _held(funds, lost.key) - baseline.shares.get(lost.key, 0) - _bought(others, lost.key)
        if more == (-lost.size if sells else lost.size):
            return OrderStatus.FILLED
        if more:
            return None
        if sells:
            return OrderStatus.ABSENT
        free = baseline.free_micro - sum(taken_micro(order, self.fee_bp) for order in others)
        missing = abs(free - funds.balance.free_micro)
        return OrderStatus.ABSENT if missing * DOUBTFUL <= cost_micro(lost.price, lost.size) else None

    def _paid(
        self, baseline: Baseline, funds: FundsRead, lost: Order, others: list[Order], winners: frozenset[SelectionId]
    ) -> OrderStatus | None:
        """Tell by the money alone: what is missing is nothing, or just what the order would have cost or brought."""
        free = baseline.free_micro - sum(taken_micro(order, self.fee_bp) for order in others)
        missing = free - funds.balance.free_micro
        filled = taken_micro(decided(lost.filled_whole(), winners), self.fee_bp)
        if abs(missing) * DOUBTFUL <= abs(filled):
            return OrderStatus.ABSENT
        return OrderStatus.FILLED if abs(missing - filled) * DOUBTFUL <= abs(filled) else None


def _held(funds: FundsRead, key: BookKey) -> int:
    return sum(holding.shares for holding in funds.holdings if holding.key == key)


def _bought(orders: list[Order], key: BookKey) -> int:
    return shares_bought(order for order in orders if order.key == key)
