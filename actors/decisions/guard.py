"""Whether an order may leave, decided in one step with its reservation."""

import math
from fractions import Fraction

import attrs

from actors.messages import DenialReason, Intent, MarketView
from actors.tally import Tally
from protocol.commands import PlaceOrder
from protocol.events import OrderStatus, Result
from protocol.exposure import Exposure
from protocol.ids import BookKey, ClientOrderId, SelectionId
from protocol.money import BASIS_POINTS
from protocol.odds import OddsLadder, implied, opposite
from protocol.order import Order

FIRST_REST_S = 5.0  # after `invalid` or `insufficient_amount` a selection rests, doubling
MAX_REST_S = 640.0
DAY_S = 86_400
RATE_BURST_S = 2.0  # of the order budget that may be spent at once


@attrs.frozen(kw_only=True)
class Limits:
    """What the account may do. Money in cents."""

    min_stake_cents: int = 100
    max_stake_cents: int = 10_000
    market_cents: int = 50_000  # worst outcome of one market
    event_cents: int = 100_000
    account_cents: int = 250_000
    open_orders: int = 100
    daily_loss_cents: int = 50_000
    collar_bp: int = 1_000  # how far from the market's middle an order's probability may lie
    orders_per_s: float = 25.0
    commission_bp: int = 200  # of the net winnings of a market, for the profit and loss of the day


@attrs.define
class _Pause:
    until_s: float
    next_s: float


@attrs.define(kw_only=True)
class Guard:
    """Own exposure, limits and the switch. Every method is synchronous; `now_s` is trio's clock, `day` the UTC day.

    An order that is allowed is reserved in the same call, so that nothing can come between the check and its effect.
    """

    limits: Limits
    ladder: OddsLadder
    tally: Tally
    exposure: Exposure = attrs.field(factory=Exposure)
    views: dict[BookKey, MarketView] = attrs.field(factory=dict)
    epoch: int | None = None  # of the session that is up; None while none is
    ready: bool = False
    halted: bool = False
    held_until_s: float = -math.inf
    orders: dict[ClientOrderId, Order] = attrs.field(factory=dict)  # those that can still match
    _seen: set[ClientOrderId] = attrs.field(factory=set)
    _pauses: dict[SelectionId, _Pause] = attrs.field(factory=dict)
    _budget_s: float = -math.inf
    _settled: dict[BookKey, dict[ClientOrderId, Order]] = attrs.field(factory=dict)
    _realised: dict[BookKey, int] = attrs.field(factory=dict)
    _day: int = 0
    _day_cents: int = 0
    realised_cents: int = 0  # of the run, commission taken off

    def view(self, view: MarketView) -> None:
        """Take the newest view of a market."""
        known = self.views.get(view.key)
        self.views[view.key] = view
        self.tally.markets = len(self.views)
        if known is None and len(view.sides) == 2:
            self.exposure.pair(view.key, *view.selections)

    def check(self, intent: Intent, now_s: float, day: int) -> DenialReason | None:
        """Reserve an order, or say why it may not leave."""
        order = intent.order
        reason = self._deny(order, now_s, day)
        if reason is None:
            self._seen.add(order.client_order_id)
            self._budget_s = max(self._budget_s, now_s) + 1.0 / self.limits.orders_per_s
            self.change(Order.placed(order), now_s, day)
        else:
            self.tally.denied += 1
        return reason

    def release(self, order: PlaceOrder, now_s: float, day: int) -> None:
        """Take a reservation back: the order went no further."""
        self.tally.denied += 1
        unsent = Order.placed(order).move(OrderStatus.UNKNOWN).move(OrderStatus.ABSENT)
        self.change(unsent, now_s, day)

    def change(self, order: Order, now_s: float, day: int) -> None:
        """Learn what an order is now."""
        if order.can_match:
            self.orders[order.client_order_id] = order
        else:
            self.orders.pop(order.client_order_id, None)
        self.exposure.update(order)
        self._pause(order, now_s)
        decided = order.status is OrderStatus.SETTLED and order.result is not Result.TO_BE_DECIDED
        if decided or order.client_order_id in self._settled.get(order.key, {}):  # a result can be annulled
            self._settle(order, day)
        worst = self.exposure.account_cents
        if worst > self.limits.account_cents and worst > self.tally.exposure_cents_max:
            self.tally.breaches += 1
        self.tally.exposure_cents_max = max(self.tally.exposure_cents_max, worst)

    # --- the checks, cheapest and broadest first ---

    def _deny(self, order: PlaceOrder, now_s: float, day: int) -> DenialReason | None:
        view = self.views.get(order.key)
        if self.halted:
            return DenialReason.HALTED
        if not self.ready:
            return DenialReason.NOT_READY
        if order.client_order_id in self._seen:
            return DenialReason.DUPLICATE_ID
        if view is None or not view.live or view.epoch != self.epoch:
            return DenialReason.BOOK_NOT_LIVE
        return (
            self._deny_form(order, view)
            or self._deny_money(order, day)
            or self._deny_price(order, view)
            or self._deny_pace(order, now_s)
        )

    def _deny_form(self, order: PlaceOrder, view: MarketView) -> DenialReason | None:
        if order.selection_id not in view.selections:
            return DenialReason.UNKNOWN_SELECTION
        if order.odds not in self.ladder:
            return DenialReason.OFF_LADDER
        if order.stake_cents < self.limits.min_stake_cents:
            return DenialReason.STAKE_TOO_SMALL
        if order.stake_cents > self.limits.max_stake_cents:
            return DenialReason.STAKE_TOO_LARGE
        return None

    def _deny_money(self, order: PlaceOrder, day: int) -> DenialReason | None:
        if self.day_cents(day) <= -self.limits.daily_loss_cents:
            return DenialReason.DAILY_LOSS
        if len(self.orders) >= self.limits.open_orders:
            return DenialReason.OPEN_ORDERS
        before = self.exposure.market_cents(order.key)
        after = self.exposure.market_cents_with(order.key, order.selection_id, order.stake_cents)
        more = after - before
        if more <= 0:
            return None  # it can only make the worst outcome better: a hedge is never denied for exposure
        if after > self.limits.market_cents:
            return DenialReason.MARKET_EXPOSURE
        if self.exposure.event_cents(order.key.event_id) + more > self.limits.event_cents:
            return DenialReason.EVENT_EXPOSURE
        if self.exposure.account_cents + more > self.limits.account_cents:
            return DenialReason.ACCOUNT_EXPOSURE
        return None

    def _deny_price(self, order: PlaceOrder, view: MarketView) -> DenialReason | None:
        middle = _middle(view, order.selection_id)
        if middle is not None and abs(implied(order.odds) - middle) * BASIS_POINTS > self.limits.collar_bp:
            return DenialReason.PRICE_COLLAR
        other = view.other(order.selection_id)
        for resting in self.orders.values():
            if resting.selection_id == other and order.odds <= opposite(resting.odds):
                return DenialReason.CROSSES_OWN
        return None

    def _deny_pace(self, order: PlaceOrder, now_s: float) -> DenialReason | None:
        pause = self._pauses.get(order.selection_id)
        if pause is not None and now_s < pause.until_s:
            return DenialReason.COOLING_DOWN
        if now_s < self.held_until_s or self._budget_s > now_s + RATE_BURST_S:
            return DenialReason.RATE_BUDGET
        return None

    # --- what it keeps ---

    def _pause(self, order: Order, now_s: float) -> None:
        broke = order.status is OrderStatus.REJECTED and order.reason == "insufficient_amount"
        if order.status is OrderStatus.INVALID or broke:
            wait_s = self._pauses[order.selection_id].next_s if order.selection_id in self._pauses else FIRST_REST_S
            self._pauses[order.selection_id] = _Pause(now_s + wait_s, min(wait_s * 2, MAX_REST_S))
        elif order.opened:
            self._pauses.pop(order.selection_id, None)

    def day_cents(self, day: int) -> int:
        """Return the profit and loss of a UTC day: what settled in it, commission taken off."""
        return self._day_cents if day == self._day else 0

    def _settle(self, order: Order, day: int) -> None:
        """Book a result. Commission is on a market's net winnings, so the market is reckoned as a whole."""
        market = self._settled.setdefault(order.key, {})
        market[order.client_order_id] = order
        net = sum(each.realised_cents for each in market.values())
        net -= max(net, 0) * self.limits.commission_bp // BASIS_POINTS
        change = net - self._realised.get(order.key, 0)
        self._realised[order.key] = net
        self.realised_cents += change
        if day != self._day:
            self._day, self._day_cents = day, 0
        self._day_cents += change


def _middle(view: MarketView, selection_id: SelectionId) -> Fraction | None:
    """Return the probability between what can be bought and what can be sold; one of them where the other is not."""
    prices = []
    for side in view.sides[:2]:
        if side.levels:
            price = implied(side.levels[0].odds)
            prices.append(price if side.selection_id == selection_id else 1 - price)
    return sum(prices, start=Fraction(0)) / len(prices) if prices else None
