"""What a strategy is, and the desk that it works at."""

from collections.abc import Awaitable, Callable, Iterable
from fractions import Fraction

import attrs
import trio

from actors.decisions.quoting import Quote as Quote
from actors.decisions.quoting import changes
from actors.mailbox import Mailbox, Newest
from actors.messages import (
    CancelIntent,
    DenialReason,
    Halt,
    Intent,
    IntentDenied,
    Kill,
    MarketView,
    OrderChanged,
    OrderUpdate,
    RiskMessage,
)
from protocol.commands import PlaceOrder, TimeInForce
from protocol.events import Fill, Level, OrderStatus
from protocol.exposure import Exposure, Stakes
from protocol.ids import BookKey, ClientOrderId, ClientOrderIds, SelectionId
from protocol.odds import Odds, OddsLadder, implied, opposite, profit_cents
from protocol.order import Order

MAX_CHANGES = 256  # changes of liquidity that a view carries; a slow strategy sees the latest
DENIED_PAUSE_S = 0.05
DENIED_REST_S = 1.0  # how long a denied selection is not tried again by `quote`
LEAVING_S = 1.0  # how long the book may still show an order of ours that has left it


@attrs.frozen
class Leaving:
    """Liquidity that was ours, on the selection where it is offered: we hear of our orders before the book shows it."""

    selection_id: SelectionId
    odds: Odds
    takeable_cents: int
    since_s: float

    def shown_cents(self, market: MarketView) -> int:
        """Return what a book offers at its place."""
        side = market.side(self.selection_id)
        return sum(level.takeable_cents for level in side.levels if level.odds == self.odds) if side is not None else 0

    def has_left(self, before: MarketView, after: MarketView, now_s: float) -> bool:
        """Tell whether a newer book has it no more, or must be believed anyhow."""
        fell = self.shown_cents(before) - self.shown_cents(after) >= self.takeable_cents - 1  # a cent is rounding
        return fell or before.epoch != after.epoch or now_s - self.since_s >= LEAVING_S


@attrs.frozen(kw_only=True)
class View:
    """One market, with our part in it. Immutable: what a pure `quote(view)` decides on."""

    market: MarketView
    ladder: OddsLadder
    orders: tuple[Order, ...]  # ours that can still match
    fills: tuple[tuple[SelectionId, Fill], ...]  # ours since the last view
    stakes: tuple[Stakes, ...]  # matched and resting, one for each selection
    denied: tuple[DenialReason, ...] = ()  # since the last view
    ended: tuple[Order, ...] = ()  # ours that ended since the last view; `reason` says why the venue refused one
    leaving: tuple["Leaving", ...] = ()  # ours that is gone, and that the book still shows

    @property
    def key(self) -> BookKey:
        return self.market.key

    @property
    def selections(self) -> tuple[SelectionId, ...]:
        return self.market.selections

    @property
    def live(self) -> bool:
        return self.market.live

    @property
    def in_play(self) -> bool:
        return self.market.in_play

    def levels(self, selection_id: SelectionId) -> tuple[Level, ...]:
        """Return what others offer on a selection, best first: the book without our own orders."""
        side = self.market.side(selection_id)
        if side is None:
            return ()
        ours: dict[Odds, int] = {}
        for order in self.orders:
            if order.selection_id != selection_id and order.status is not OrderStatus.NEW:
                odds = opposite(order.odds)
                ours[odds] = ours.get(odds, 0) + profit_cents(order.remaining_cents, order.odds)
        for gone in self.leaving:
            if gone.selection_id == selection_id:
                ours[gone.odds] = ours.get(gone.odds, 0) + gone.takeable_cents
        others = (
            attrs.evolve(level, takeable_cents=level.takeable_cents - ours.get(level.odds, 0)) for level in side.levels
        )
        return tuple(level for level in others if level.takeable_cents > 1)  # a cent is our own rounding

    def best(self, selection_id: SelectionId) -> Level | None:
        """Return the best price that others offer on a selection."""
        return next(iter(self.levels(selection_id)), None)

    def fair(self, selection_id: SelectionId) -> Fraction | None:
        """Return the middle of what others buy and sell at, as a probability; `None` unless both sides are there."""
        other = self.market.other(selection_id)
        ask = self.best(selection_id)
        bid = None if other is None else self.best(other)
        if ask is None or bid is None:
            return None
        return (implied(ask.odds) + 1 - implied(bid.odds)) / 2

    def net_cents(self, selection_id: SelectionId) -> int:
        """Return how much better off we are when this selection wins than when the other does, in cents."""
        other = self.market.other(selection_id)
        if other is None:
            return 0
        mine, theirs = (self._stakes_on(each) for each in (selection_id, other))
        return (mine.profit_cents - theirs.matched_cents) - (theirs.profit_cents - mine.matched_cents)

    def _stakes_on(self, selection_id: SelectionId) -> Stakes:
        return self.stakes[self.selections.index(selection_id)]


@attrs.define(kw_only=True)
class Desk:
    """What a strategy has: the newest books, its orders and fills, and a way to ask for more.

    Everything it asks passes Risk. Nothing here waits except `views`.
    """

    name: str
    ids: ClientOrderIds
    ladder: OddsLadder
    risk: Mailbox[RiskMessage]
    books: Newest[BookKey, MarketView] = attrs.field(factory=Newest)
    updates: Newest[ClientOrderId, OrderUpdate] = attrs.field(factory=Newest)
    epoch: int | None = None  # of the session that is up; a book of another one is not quoted on
    markets: dict[BookKey, MarketView] = attrs.field(factory=dict)
    orders: dict[ClientOrderId, Order] = attrs.field(factory=dict)  # those that can still match
    positions: Exposure = attrs.field(factory=Exposure)
    _bell: Mailbox[None] = attrs.field(factory=lambda: Mailbox("bell", 1))
    _fills: dict[BookKey, list[tuple[SelectionId, Fill]]] = attrs.field(factory=dict)
    _booked: dict[ClientOrderId, int] = attrs.field(factory=dict)
    _denied: dict[BookKey, list[DenialReason]] = attrs.field(factory=dict)
    _ended: dict[BookKey, list[Order]] = attrs.field(factory=dict)
    _leaving: dict[BookKey, list[Leaving]] = attrs.field(factory=dict)
    _rests: dict[SelectionId, float] = attrs.field(factory=dict)

    # --- seeing ---

    async def views(self) -> list[View]:
        """Wait for something new; return a view of each market that changed, newest book first seen last."""
        while True:
            await self._bell.take()
            changed = self._take_updates() | self._take_books()
            if any(key in self._denied for key in changed):
                await trio.sleep(DENIED_PAUSE_S)  # who asks again at once shall not spin
            if changed:
                return [self.view(key) for key in changed]

    def view(self, key: BookKey) -> View:
        """Return one market as it is known now. Raises `KeyError` for a market that was never seen."""
        market = self.markets[key]
        return View(
            market=market,
            ladder=self.ladder,
            orders=tuple(order for order in self.orders.values() if order.key == key),
            fills=tuple(self._fills.pop(key, ())),
            stakes=tuple(self.positions.stakes(key, each) for each in market.selections),
            denied=tuple(self._denied.pop(key, ())),
            ended=tuple(self._ended.pop(key, ())),
            leaving=tuple(self._leaving.get(key, ())),
        )

    # --- asking ---

    def place(
        self,
        key: BookKey,
        selection_id: SelectionId,
        odds: Odds,
        stake_cents: int,
        time_in_force: TimeInForce = TimeInForce.REST,
    ) -> ClientOrderId:
        """Ask for an order. Whether it left is seen in the views: in `orders`, or in `denied` with the reason."""
        command = PlaceOrder(
            client_order_id=self.ids.next(),
            key=key,
            selection_id=selection_id,
            odds=odds,
            stake_cents=stake_cents,
            time_in_force=time_in_force,
        )
        order = Order.placed(command)
        self._learn(order)
        if not self.risk.offer(Intent(strategy=self.name, order=command)):
            denial = IntentDenied(client_order_id=order.client_order_id, key=key, reason=DenialReason.QUEUE_FULL)
            self.tell(denial.client_order_id, denial)
        return command.client_order_id

    def cancel(self, client_order_id: ClientOrderId) -> None:
        """Ask for a cancel. It is never refused."""
        order = self.orders.get(client_order_id)
        if order is not None:
            self.orders[client_order_id] = attrs.evolve(order, cancel_wanted=True)
            self.risk.put(CancelIntent(strategy=self.name, client_order_id=client_order_id))

    def quote(self, key: BookKey, quotes: Iterable[Quote]) -> None:
        """Make the wanted quotes the only orders in a market, with as few changes as it takes."""
        mine = [order for order in self.orders.values() if order.key == key]
        needed = changes(quotes, mine)
        for client_order_id in needed.cancel:
            self.cancel(client_order_id)
        if self.markets[key].epoch != self.epoch or not self.markets[key].live:
            return
        now_s = trio.current_time()
        for quote in needed.place:
            if self._rests.get(quote.selection_id, now_s) <= now_s:
                self.place(key, quote.selection_id, quote.odds, quote.stake_cents, quote.time_in_force)

    def halt(self) -> None:
        """Let no new order leave, of any strategy."""
        self.risk.put(Halt())

    def kill(self) -> None:
        """Halt, and cancel everything."""
        self.risk.put(Kill())

    # --- hearing: called by the composition root ---

    def connect(self, epoch: int | None) -> None:
        """Learn which session is up, if any, and that orders may leave; every market is then looked at again."""
        self.epoch = epoch
        if epoch is not None:
            for key, view in self.markets.items():
                if self.books.peek(key) is None:
                    self.books.put(key, attrs.evolve(view, changes=()))
            self._bell.offer(None)

    def show(self, view: MarketView) -> None:
        waiting = self.books.peek(view.key)
        if waiting is not None:
            view = attrs.evolve(view, changes=(waiting.changes + view.changes)[-MAX_CHANGES:])
        self.books.put(view.key, view)
        self._bell.offer(None)

    def tell(self, client_order_id: ClientOrderId, update: OrderUpdate) -> None:
        self.updates.put(client_order_id, update)
        self._bell.offer(None)

    def _take_books(self) -> dict[BookKey, None]:
        changed: dict[BookKey, None] = {}
        for key, view in self.books.take_nowait().items():
            known = self.markets.get(key)
            if known is None and len(view.sides) == 2:
                self.positions.pair(key, *view.selections)
            if known is not None and key in self._leaving:
                now_s = trio.current_time()
                left = [each for each in self._leaving.pop(key) if not each.has_left(known, view, now_s)]
                if left:
                    self._leaving[key] = left
            self.markets[key] = view
            changed[key] = None
        return changed

    def _take_updates(self) -> dict[BookKey, None]:
        changed: dict[BookKey, None] = {}
        for client_order_id, update in self.updates.take_nowait().items():
            match update:
                case OrderChanged(order=order):
                    self._learn(order)
                    key = order.key
                case IntentDenied(key=key, reason=reason):
                    order = self.orders.pop(client_order_id)
                    self.positions.update(order.move(OrderStatus.REJECTED))
                    self._denied.setdefault(key, []).append(reason)
                    self._rests[order.selection_id] = trio.current_time() + DENIED_REST_S
            if key in self.markets:
                changed[key] = None
        return changed

    def _learn(self, order: Order) -> None:
        known = self.orders.get(order.client_order_id)
        if known is not None and known.cancel_wanted and not order.cancel_wanted:
            order = attrs.evolve(order, cancel_wanted=True)  # our wish is still on its way
        if known is not None and known.status is OrderStatus.OPEN:
            self._leave(known, order)
        if order.can_match:
            self.orders[order.client_order_id] = order
        elif self.orders.pop(order.client_order_id, None) is not None:
            self._ended.setdefault(order.key, []).append(order)
        booked = self._booked.get(order.client_order_id, 0)
        if order.filled_cents > booked:
            self._booked[order.client_order_id] = order.filled_cents
            seen = 0
            for fill in order.fills:
                seen += fill.stake_cents
                if seen > booked:
                    self._fills.setdefault(order.key, []).append((order.selection_id, fill))
        self.positions.update(order)

    def _leave(self, before: Order, after: Order) -> None:
        """Remember what an order no longer offers, for as long as the book shows it."""
        market = self.markets.get(before.key)
        other = None if market is None else market.other(before.selection_id)
        cents = profit_cents(before.remaining_cents, before.odds) - profit_cents(after.remaining_cents, before.odds)
        if market is None or other is None or cents <= 0:
            return
        leaving = Leaving(other, opposite(before.odds), cents, trio.current_time())
        if leaving.shown_cents(market) >= cents - 1:
            self._leaving.setdefault(before.key, []).append(leaving)


Strategy = Callable[[Desk], Awaitable[None]]
"""A strategy is an async function, or an object that is called like one. It runs until it is cancelled."""

Quoter = Callable[[View], Iterable[Quote]]
"""The pure form: from a view of a market to the quotes that should rest in it."""


def quoting(quote: Quoter) -> Strategy:
    """Make a strategy of a pure function. It is asked again whenever its market or its orders change."""

    async def strategy(desk: Desk) -> None:
        while True:
            for view in await desk.views():
                desk.quote(view.key, quote(view))

    return strategy
