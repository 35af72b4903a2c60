"""Whether an order may leave, decided in one step with its reservation."""

import math
from collections.abc import Mapping
from fractions import Fraction

import attrs
import structlog

from actors.decisions.recollection import Recollection
from actors.decisions.standing import Standing
from actors.entries import Entry, EventTraded, Latch, Latched, LimitBreached, ResultBooked
from actors.messages import DenialReason, FundsRead, Intent, MarketView
from actors.tally import Tally
from protocol.belief import Proof, Unknown
from protocol.commands import PlaceOrder, TimeInForce
from protocol.events import OrderStatus
from protocol.exposure import Exposure, stakes_of
from protocol.ids import BookKey, ClientOrderId, EventId, SelectionId, VenueName, sold_by
from protocol.money import BASIS_POINTS, cents_above, cents_below, dollars, micro
from protocol.order import Order
from protocol.prices import cost_micro, implied, meets
from protocol.venue import Traits

log = structlog.get_logger()

FIRST_REST_S = 5.0  # after an order that failed for want of money, or for no known reason, a selection rests, doubling
MAX_REST_S = 640.0
DAY_S = 86_400
NOTED_AGAIN_S = 1800.0  # what is traded is told anew: what was idle for an hour may be forgotten
MAX_VIEWS = 2_000  # markets; beyond, those that are dead are forgotten
MAX_SEEN = 100_000  # ids; ours are counted up, so that an older one cannot come again
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
    tally: Tally
    standings: Mapping[VenueName, Standing]
    exposure: Exposure = attrs.field(factory=Exposure)
    views: dict[BookKey, MarketView] = attrs.field(factory=dict)
    closing: bool = False  # the run ends
    latches: dict[Latch, str] = attrs.field(factory=dict)  # with their reasons; an operator lifts them
    notes: list[Entry] = attrs.field(factory=list)  # what the journal has still to be told
    _forgiven: tuple[int, int] = (0, 0)  # a day, and the result of it up to where an operator let trading go on
    _held_before: dict[BookKey, SelectionId] = attrs.field(factory=dict)
    _traded: dict[tuple[VenueName, EventId], float] = attrs.field(factory=dict)  # when the journal was told of it
    _seen: dict[ClientOrderId, None] = attrs.field(factory=dict)  # the oldest first
    _pauses: dict[SelectionId, _Pause] = attrs.field(factory=dict)
    _refused_s: dict[EventId, float] = attrs.field(factory=dict)  # when a market refused an order for no known reason

    @property
    def halted(self) -> bool:
        """Tell whether no new order may leave, whatever it is."""
        return self.closing or bool(self.latches)

    def latch(self, latch: Latch, reason: str) -> None:
        """Let no new order leave until an operator lifts it. The first reason stays."""
        if latch not in self.latches:
            log.warning("latched", latch=latch.value, reason=reason)
            self.latches[latch] = reason
            self.notes.append(Latched(latch=latch, reason=reason))

    def take_notes(self) -> list[Entry]:
        """Return what the journal has still to be told, once."""
        notes, self.notes = self.notes, []
        return notes

    def recall(self, memory: Recollection) -> None:
        """Take up what was decided before this process began."""
        self.latches = dict(memory.latches)
        self._forgiven = (memory.day, memory.forgiven_micro)
        for name, standing in self.standings.items():
            standing.results.restore(
                [each.order for (venue, _), each in memory.orders.items() if venue == name],
                {key: net for (venue, key), net in memory.nets.items() if venue == name},
                memory.totals.get(name, 0),
                memory.day,
                memory.day_micro.get(name, 0),
            )
        if not memory.ended_in_order:
            self._mind_the_loss(memory.day)  # the process may have died between the result and the latch

    def view(self, view: MarketView) -> None:
        """Take the newest view of a market."""
        known = self.views.get(view.key)
        if known is None and len(self.views) >= MAX_VIEWS:
            self._drop_dead_views()
        self.views[view.key] = view
        self.tally.markets = len(self.views)
        if known is None and len(view.sides) == 2:
            list_book(self.exposure, view)
        if self._refused_s.get(view.key.event_id, math.inf) < view.listed_s and view.event.active:
            del self._refused_s[view.key.event_id]

    def _drop_dead_views(self) -> None:
        """Make room: a market that comes to life again is shown again."""
        busy = {order.key for standing in self.standings.values() for order in standing.orders.values()}
        self.views = {key: view for key, view in self.views.items() if view.live or key in busy}

    def _see(self, client_order_id: ClientOrderId) -> None:
        self._seen[client_order_id] = None
        if len(self._seen) > MAX_SEEN:
            del self._seen[next(iter(self._seen))]

    def check(self, intent: Intent, now_s: float, day: int) -> DenialReason | None:
        """Reserve an order, or say why it may not leave."""
        order = Order.placed(intent.order)
        reason = self._deny(order, now_s)
        if reason is None:
            self._see(order.client_order_id)
            standing = self.standings[self.views[order.key].terms.venue]
            self._note_event(self.views[order.key], now_s)
            standing.budget_s = max(standing.budget_s, now_s) + 1.0 / self.limits.orders_per_s
            self.change(order, standing.traits.venue, now_s, day)
        else:
            self.tally.denied += 1
        return reason

    def release(self, order: PlaceOrder, now_s: float, day: int) -> None:
        """Take a reservation back: the order went no further."""
        self.tally.denied += 1
        unsent = Order.placed(order).move(OrderStatus.UNKNOWN).absent(Proof.UNSENT)
        self.change(unsent, self.views[order.key].terms.venue, now_s, day)

    def change(self, order: Order, venue: VenueName, now_s: float, day: int) -> None:
        """Learn what an order is now."""
        standing = self.standings[venue]
        standing.change(order, now_s)
        self.exposure.update(order)
        self._pause(order, standing.traits, now_s)
        if standing.results.take(order, day):
            self._book(order.key, standing, day)
        worst = cents_above(self.exposure.account_micro)
        if worst > self.limits.account_cents and worst > self.tally.exposure_cents_max:
            self.tally.breaches += 1
            self.notes.append(LimitBreached(worst_cents=worst, limit_cents=self.limits.account_cents))
        self.tally.exposure_cents_max = max(self.tally.exposure_cents_max, worst)

    def funds(self, funds: FundsRead) -> None:
        """Take a reading of what an account has: what was held before this run is at risk like what it buys."""
        before = self.standings[funds.venue].read(funds)
        if isinstance(funds.held, Unknown):
            return
        held = {holding.key: holding for holding in funds.held}
        for key in self._held_before.keys() - held.keys():
            self.exposure.hold(key, self._held_before.pop(key), 0, 0)  # sold, or settled
        for key, holding in held.items():
            shares = before.get(key, 0)
            cost = holding.cost_micro * shares // holding.shares if holding.shares else 0
            self.exposure.hold(key, holding.selection_id, shares, cost)
            self._held_before[key] = holding.selection_id

    def _note_event(self, view: MarketView, now_s: float) -> None:
        """Have the journal know the outcomes of what is traded: its result may come when nobody lists it any more."""
        name = (view.terms.venue, view.key.event_id)
        if now_s - self._traded.get(name, -math.inf) >= NOTED_AGAIN_S:
            self._traded[name] = now_s
            self.notes.append(
                EventTraded(venue=view.terms.venue, event_id=view.key.event_id, outcomes=view.event.outcomes)
            )

    def _book(self, key: BookKey, standing: Standing, day: int) -> None:
        results = standing.results
        self.notes.append(
            ResultBooked(
                venue=standing.traits.venue,
                key=key,
                net_micro=results.net_micro(key),
                total_micro=results.total_micro,
                day=day,
                day_micro=results.day_micro(day),
            )
        )
        self._mind_the_loss(day)

    def _mind_the_loss(self, day: int) -> None:
        forgiven = self._forgiven[1] if self._forgiven[0] == day else 0
        lost = forgiven - self.day_micro(day)
        if lost >= micro(self.limits.daily_loss_cents):
            self.latch(
                Latch.DAILY_LOSS,
                f"{dollars(cents_below(lost))} lost in the UTC day, limit {dollars(self.limits.daily_loss_cents)}",
            )

    def day_micro(self, day: int) -> int:
        """Return the profit and loss of a UTC day over all venues, fees and commission taken off."""
        return sum(standing.results.day_micro(day) for standing in self.standings.values())

    @property
    def realised_micro(self) -> int:
        """Return the same of the whole run."""
        return sum(standing.results.total_micro for standing in self.standings.values())

    @property
    def open_orders(self) -> int:
        return sum(len(standing.orders) for standing in self.standings.values())

    # --- the checks, cheapest and broadest first ---

    def _deny(self, order: Order, now_s: float) -> DenialReason | None:
        if self.halted:
            return DenialReason.DAILY_LOSS if self.latches.keys() == {Latch.DAILY_LOSS} else DenialReason.HALTED
        view = self.views.get(order.key)
        if view is None:
            ready = all(each.ready for each in self.standings.values())
            return DenialReason.BOOK_NOT_LIVE if ready else DenialReason.NOT_READY
        standing = self.standings[view.terms.venue]
        if not standing.ready:
            return DenialReason.NOT_READY
        if order.client_order_id in self._seen:
            return DenialReason.DUPLICATE_ID
        if order.key.event_id in self._refused_s:
            return DenialReason.MARKET_HALTED
        if not view.live or view.epoch != standing.epoch:
            return DenialReason.BOOK_NOT_LIVE
        return (
            self._deny_form(order, view)
            or self._deny_money(order, standing)
            or self._deny_price(order, view, standing)
            or self._deny_twin(order, standing)
            or self._deny_pace(order, standing, now_s)
        )

    def _deny_form(self, order: Order, view: MarketView) -> DenialReason | None:
        cost = cost_micro(order.price, order.size)
        if order.selection_id not in view.selections:
            return DenialReason.UNKNOWN_SELECTION
        if order.price not in view.terms.ladder:
            return DenialReason.OFF_LADDER
        too_cheap = cost < micro(self.limits.min_stake_cents) and sold_by(order.selection_id) is None
        if order.size < view.terms.min_size or too_cheap:
            return DenialReason.STAKE_TOO_SMALL
        if cost > micro(self.limits.max_stake_cents):
            return DenialReason.STAKE_TOO_LARGE
        return None

    def _deny_money(self, order: Order, standing: Standing) -> DenialReason | None:
        if self.open_orders >= self.limits.open_orders:
            return DenialReason.OPEN_ORDERS
        if sold_by(order.selection_id) is not None:
            if order.size > standing.for_sale(order.key):
                return DenialReason.NOT_HELD
        elif not standing.can_pay(cost_micro(order.price, order.size)):
            return DenialReason.NO_FUNDS
        before = self.exposure.market_micro(order.key)
        fee_bp = self.exposure.fee_bp(order.selection_id)
        after = self.exposure.micro_with(order.key, order.selection_id, stakes_of(order, fee_bp))
        more = after - before
        if more <= 0:
            return None  # it can only make the worst outcome better: a hedge is never denied for exposure
        if after > micro(self.limits.market_cents):
            return DenialReason.MARKET_EXPOSURE
        if self.exposure.event_micro(order.key.event_id) + more > micro(self.limits.event_cents):
            return DenialReason.EVENT_EXPOSURE
        if self.exposure.account_micro + more > micro(self.limits.account_cents):
            return DenialReason.ACCOUNT_EXPOSURE
        return None

    def _deny_price(self, order: Order, view: MarketView, standing: Standing) -> DenialReason | None:
        middle = _middle(view, order.selection_id)
        if middle is not None and abs(implied(order.price) - middle) * BASIS_POINTS > self.limits.collar_bp:
            return DenialReason.PRICE_COLLAR
        best = view.side(order.selection_id)
        takes = best is not None and best.levels and implied(best.levels[0].price) <= implied(order.price)
        if takes and order.time_in_force is TimeInForce.POST_ONLY and not standing.traits.times_in_force:
            return DenialReason.WOULD_TAKE
        other = view.other(order.selection_id)
        for resting in standing.orders.values():
            if resting.selection_id == other and meets(order.price, resting.price):
                return DenialReason.CROSSES_OWN
        return None

    def _deny_twin(self, order: Order, standing: Standing) -> DenialReason | None:
        """Keep orders apart where the venue knows them only by what they look like."""
        if standing.traits.orders_named:
            return None
        if standing.lost_one_like(order):
            return DenialReason.OUTCOME_UNKNOWN
        return DenialReason.INDISTINGUISHABLE if standing.looks_like(order) else None

    def _deny_pace(self, order: Order, standing: Standing, now_s: float) -> DenialReason | None:
        pause = self._pauses.get(order.selection_id)
        if pause is not None and now_s < pause.until_s:
            return DenialReason.COOLING_DOWN
        if now_s < standing.held_until_s or standing.budget_s > now_s + RATE_BURST_S:
            return DenialReason.RATE_BUDGET
        unsent = standing.unsent()
        if standing.placing_left(now_s) - unsent < 1:
            return DenialReason.RATE_BUDGET
        if standing.flat_in_s(len(standing.orders) + 1, now_s, unsent + 1) > standing.traits.time_to_flat_s:
            return DenialReason.TIME_TO_FLAT
        return None

    # --- what it keeps ---

    def _pause(self, order: Order, traits: Traits, now_s: float) -> None:
        refused = order.status is OrderStatus.REJECTED and not traits.refusals_explained
        if refused:
            self._refused_s[order.key.event_id] = now_s
        broke = order.status is OrderStatus.REJECTED and order.reason == "insufficient_amount"
        dropped = order.status is OrderStatus.CANCELLED and not order.opened and not order.cancel_wanted
        dropped = dropped and not traits.refusals_explained
        if order.status is OrderStatus.INVALID or broke or refused or dropped:
            wait_s = self._pauses[order.selection_id].next_s if order.selection_id in self._pauses else FIRST_REST_S
            self._pauses[order.selection_id] = _Pause(now_s + wait_s, min(wait_s * 2, MAX_REST_S))
        elif order.opened:
            self._pauses.pop(order.selection_id, None)


def list_book(exposure: Exposure, view: MarketView) -> None:
    """Tell which outcomes a book's two selections stand for."""
    first, second = view.selections
    if sold_by(second) == first:
        exposure.list_outcome(view.key, view.event.outcomes, first, second, fee_bp=view.terms.fee_bp)
    else:
        exposure.pair(view.key, first, second, commission_bp=view.terms.commission_bp)


def _middle(view: MarketView, selection_id: SelectionId) -> Fraction | None:
    """Return the probability between what can be bought and what can be sold; one of them where the other is not."""
    prices = []
    for side in view.sides[:2]:
        if side.levels:
            price = implied(side.levels[0].price)
            prices.append(price if side.selection_id == selection_id else 1 - price)
    return sum(prices, start=Fraction(0)) / len(prices) if prices else None
