"""How we stand with one venue: what it lets us do, and what the account there has left."""

import math
from collections.abc import Callable

import attrs

from actors.decisions.claims import shape_of
from actors.decisions.results import Results
from actors.entries import AccountOpened
from actors.messages import FundsRead
from protocol.belief import NEVER_READ, Belief, Known, Source, Unknown
from protocol.events import OrderStatus
from protocol.ids import BookKey, ClientOrderId, SelectionId, sold_by
from protocol.order import UNPROVED, Order
from protocol.prices import cost_micro
from protocol.venue import Balance, Query, Traits
from protocol.wallet import shares_bought


def _without_limit(_now_s: float) -> float:
    return math.inf


def _at_once(_orders: int, _now_s: float, _coming: int) -> float:
    return 0.0


@attrs.define(kw_only=True)
class Standing:
    """Hold what Risk must know of a venue beyond its books. Times are trio's."""

    traits: Traits
    placing_left: Callable[[float], float] = _without_limit  # orders that the venue's quotas have room for
    flat_in_s: Callable[[int, float, int], float] = _at_once  # to cancel so many orders, when so many calls come before
    epoch: int | None = None  # of the session that is up; None while none is
    ready: bool = False
    held_until_s: float = -math.inf
    budget_s: float = -math.inf  # when the pace of orders that was used will have come back
    orders: dict[ClientOrderId, Order] = attrs.field(factory=dict)  # those that can still match
    results: Results = attrs.field(init=False)
    _bought: dict[BookKey, dict[ClientOrderId, Order]] = attrs.field(factory=dict)  # all that have fills
    _before: dict[BookKey, int] = attrs.field(factory=dict)  # shares that were held before our first order
    _filled_s: dict[BookKey, float] = attrs.field(factory=dict)  # when a book had its newest fill
    _names: dict[BookKey, SelectionId] = attrs.field(factory=dict)  # of what was held
    _recalled: bool = False  # and no others are
    _balance: Belief[Balance] = NEVER_READ
    _spent: dict[ClientOrderId, tuple[float, int]] = attrs.field(factory=dict)  # when that was answered, and how much

    def __attrs_post_init__(self) -> None:
        self.results = Results(fee_bp=self.traits.sale_fee_bp, commission_bp=self.traits.commission_bp)

    def recall(self, opening: AccountOpened) -> None:
        """Take up what was held before our first order, as the journal says."""
        self._before = {holding.key: holding.shares for holding in opening.held}
        self._names = {holding.key: holding.selection_id for holding in opening.held}
        self._recalled = True

    @property
    def _reads_funds(self) -> bool:
        return self.traits.polls[Query.FUNDS].every_s < math.inf

    def change(self, order: Order, now_s: float) -> None:
        """Learn what an order is now."""
        if order.can_match:
            self.orders[order.client_order_id] = order
        else:
            self.orders.pop(order.client_order_id, None)
        if order.filled:
            bought = self._bought.setdefault(order.key, {})
            if order.client_order_id not in bought or bought[order.client_order_id].filled < order.filled:
                self._filled_s[order.key] = now_s
            bought[order.client_order_id] = order
        if order.status in (OrderStatus.REJECTED, OrderStatus.ABSENT):
            self._spent.pop(order.client_order_id, None)
        elif self._reads_funds and order.status is OrderStatus.NEW and sold_by(order.selection_id) is None:
            self._spent[order.client_order_id] = (math.inf, cost_micro(order.price, order.size))
        elif order.status not in UNPROVED and order.client_order_id in self._spent:
            answered_s, cost = self._spent[order.client_order_id]
            self._spent[order.client_order_id] = (min(answered_s, now_s), cost)

    def read(self, funds: FundsRead) -> dict[BookKey, int]:
        """Take a reading; return the shares of each book that were held before this run, as far as can be told.

        An order whose answer had come before the question is part of the reading. What was held before can only fall,
        and shares that turn up later are first taken for what our orders bid for: a reading that already has a fill
        which we have not heard of would count it twice.
        """
        first = isinstance(self._balance, Unknown)
        self._balance = Known(funds.balance, Source.FUNDS, funds.as_of_ns)
        for name, (answered_s, _) in list(self._spent.items()):
            if answered_s < funds.asked_at_s:
                del self._spent[name]
        held: dict[BookKey, int] = {}
        for holding in funds.holdings:
            held[holding.key] = held.get(holding.key, 0) + holding.shares
            self._names[holding.key] = holding.selection_id
        for key in {*held, *self._before} if not isinstance(funds.held, Unknown) else ():
            if self._filled_s.get(key, -math.inf) >= funds.asked_at_s:
                continue  # the reading may be from before that fill: the next one tells
            unheard = 0 if first or key in self._before else self._resting_bids(key)  # new shares may be theirs
            before = max(held.get(key, 0) - shares_bought(self._bought.get(key, {}).values()) - unheard, 0)
            self._before[key] = min(before, self._before.get(key, 0 if self._recalled else before))
        return dict(self._before)

    def can_pay(self, micro: int) -> bool:
        """Tell whether the wallet is not known to be too small."""
        if isinstance(self._balance, Unknown):
            return True
        return micro <= self._balance.value.free_micro - sum(spent for _, spent in self._spent.values())

    def held_before(self) -> dict[SelectionId, Belief[int]]:
        """Return the shares of each selection that were held before our first order."""
        if isinstance(self._balance, Unknown):
            return dict.fromkeys(self._names.values(), self._balance)
        source, as_of_ns = self._balance.source, self._balance.as_of_ns
        return {name: Known(self._before.get(key, 0), source, as_of_ns) for key, name in self._names.items()}

    def for_sale(self, key: BookKey) -> int:
        """Return how many shares of a book's outcome are held and not offered yet."""
        held = self._before.get(key, 0) + shares_bought(self._bought.get(key, {}).values())
        return held - sum(
            order.remaining for order in self.orders.values() if order.key == key and sold_by(order.selection_id)
        )

    def _resting_bids(self, key: BookKey) -> int:
        return sum(
            order.remaining for order in self.orders.values() if order.key == key and not sold_by(order.selection_id)
        )

    def looks_like(self, order: Order) -> bool:
        """Tell whether the venue could not tell an order from another one of ours."""
        return any(shape_of(each) == shape_of(order) for each in self.orders.values())

    def lost_one_like(self, order: Order) -> bool:
        """Tell whether it is not known what became of an order on the same selection."""
        return any(
            each.status is OrderStatus.UNKNOWN and each.selection_id == order.selection_id
            for each in self.orders.values()
        )

    def unsent(self) -> int:
        """Return how many orders await their answers: they may not have been counted against the quotas yet."""
        return sum(order.status is OrderStatus.NEW for order in self.orders.values())
