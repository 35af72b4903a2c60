"""What a strategy is, and the desk that it works at."""

import math
from collections.abc import Awaitable, Callable, Collection, Iterable
from fractions import Fraction
from typing import Protocol

import attrs
import trio

from actors.decisions.guard import MAX_VIEWS, list_book
from actors.decisions.positions import Word, held_by, positions
from actors.decisions.quoting import Quote as Quote
from actors.decisions.quoting import changes, steps
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
from protocol.belief import Belief, Known, Source
from protocol.commands import PlaceOrder, TimeInForce
from protocol.events import Fill, Level, OrderStatus
from protocol.exposure import Exposure, Stakes
from protocol.ids import (
    BookKey,
    ClientOrderId,
    ClientOrderIds,
    CompetitionId,
    EventId,
    SelectionId,
    VenueName,
)
from protocol.money import micro
from protocol.order import STAKED, Order
from protocol.prices import Ladder, Price, Probability, implied, opposite, size_costing, takeable
from protocol.wallet import shares_bought

MAX_CHANGES = 256  # changes of liquidity that a view carries; a slow strategy sees the latest
DENIED_PAUSE_S = 0.05
WANTED_AGAIN_S = 1.0  # when quotes wait for the venue to take more order calls
DENIED_REST_S = 1.0  # how long a denied selection is not tried again by `quote`
LEAVING_S = 1.0  # how long the book may still show an order of ours that has left it


class Want(Protocol):
    """Change what is listened to at a venue: to everything, where nothing is named. Raises `LocalProtocolError`."""

    def __call__(
        self, venue: VenueName, competitions: Collection[CompetitionId] = ..., events: Collection[EventId] = ...
    ) -> None: ...


@attrs.frozen
class Leaving:
    """Liquidity that was ours, on the selection where it is offered: we hear of our orders before the book shows it."""

    selection_id: SelectionId
    price: Price
    takeable: int
    since_s: float

    def shown(self, market: MarketView) -> int:
        """Return the size that a book offers at its place."""
        side = market.side(self.selection_id)
        return sum(level.takeable for level in side.levels if level.price == self.price) if side is not None else 0

    def has_left(self, before: MarketView, after: MarketView, now_s: float) -> bool:
        """Tell whether a newer book has it no more, or must be believed anyhow."""
        fell = self.shown(before) - self.shown(after) >= self.takeable - 1  # one is rounding
        return fell or before.epoch != after.epoch or now_s - self.since_s >= LEAVING_S


@attrs.frozen(kw_only=True)
class View:
    """One market, with our part in it. Immutable: what a pure `quote(view)` decides on."""

    market: MarketView
    orders: tuple[Order, ...]  # ours that can still match
    stakes: tuple[Stakes, ...]  # matched and resting, one for each selection
    fills: tuple[tuple[SelectionId, Fill], ...] = ()  # ours since the last view
    denied: tuple[DenialReason, ...] = ()  # since the last view
    ended: tuple[Order, ...] = ()  # ours that ended since the last view; `reason` says why the venue refused one
    leaving: tuple["Leaving", ...] = ()  # ours that is gone, and that the book still shows
    held: int = 0  # shares that this strategy bought and did not sell, where a sale needs them
    calls_left: float = math.inf  # orders that may leave at once, as the venue counts them

    @property
    def ladder(self) -> Ladder:
        return self.market.terms.ladder

    def calls_for(self, quotes: Iterable[Quote]) -> int:
        """Return how many of the venue's order calls it takes to quote so from here."""
        return changes(quotes, self.orders).calls

    def size_for(self, price: Price, stake_cents: int) -> int:
        """Return the size that puts so many cents at risk, in the price's own unit."""
        return size_costing(price, micro(stake_cents))

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
        ours: dict[Price, int] = {}
        for order in self.orders:
            if order.selection_id != selection_id and order.status is not OrderStatus.NEW:
                price = opposite(order.price)
                ours[price] = ours.get(price, 0) + takeable(order.price, order.remaining)
        for gone in self.leaving:
            if gone.selection_id == selection_id:
                ours[gone.price] = ours.get(gone.price, 0) + gone.takeable
        others = (attrs.evolve(level, takeable=level.takeable - ours.get(level.price, 0)) for level in side.levels)
        return tuple(level for level in others if level.takeable > dust(level.price))

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
        return (implied(ask.price) + 1 - implied(bid.price)) / 2

    def net_micro(self, selection_id: SelectionId) -> int:
        """Return how much better off we are when this selection wins than when the other does, in micro-dollars."""
        other = self.market.other(selection_id)
        if other is None:
            return 0
        mine, theirs = (self._stakes_on(each) for each in (selection_id, other))
        return (mine.gain_micro - theirs.matched_micro) - (theirs.gain_micro - mine.matched_micro)

    def _stakes_on(self, selection_id: SelectionId) -> Stakes:
        return self.stakes[self.selections.index(selection_id)]


@attrs.define(kw_only=True)
class Desk:
    """What a strategy has: the newest books, its orders and fills, and a way to ask for more.

    Everything it asks passes Risk. Nothing here waits except `views`.
    """

    name: str
    ids: ClientOrderIds
    calls_left: Callable[[VenueName, float], float] = lambda _venue, _now_s: math.inf
    want: Want = lambda venue, competitions=(), events=(): None
    risk: Mailbox[RiskMessage]
    wall_ns: Callable[[], int] = lambda: 0
    books: Newest[BookKey, MarketView] = attrs.field(factory=Newest)
    updates: Newest[ClientOrderId, OrderUpdate] = attrs.field(factory=Newest)
    epochs: dict[VenueName, int | None] = attrs.field(factory=dict)  # of the sessions that are up
    markets: dict[BookKey, MarketView] = attrs.field(factory=dict)
    orders: dict[ClientOrderId, Order] = attrs.field(factory=dict)  # those that can still match
    positions: Exposure = attrs.field(factory=Exposure)
    _bell: Mailbox[None] = attrs.field(factory=lambda: Mailbox("bell", 1))
    _fills: dict[BookKey, list[tuple[SelectionId, Fill]]] = attrs.field(factory=dict)
    _booked: dict[ClientOrderId, int] = attrs.field(factory=dict)
    _words: dict[ClientOrderId, Word] = attrs.field(factory=dict)  # on those that can match, or are held
    _denied: dict[BookKey, list[DenialReason]] = attrs.field(factory=dict)
    _ended: dict[BookKey, list[Order]] = attrs.field(factory=dict)
    _leaving: dict[BookKey, list[Leaving]] = attrs.field(factory=dict)
    _held: dict[BookKey, int] = attrs.field(factory=dict)
    _wanted: dict[BookKey, tuple[Quote, ...]] = attrs.field(factory=dict)  # where every call counts
    _rests: dict[SelectionId, float] = attrs.field(factory=dict)
    _room: int = MAX_VIEWS

    # --- seeing ---

    async def views(self) -> list[View]:
        """Wait for something new; return a view of each market that changed, newest book first seen last."""
        while True:
            self._drop_dead_markets()
            waiting = self._send_wanted()
            with trio.move_on_after(WANTED_AGAIN_S if waiting else math.inf):
                await self._bell.take()
            changed = self._take_updates() | self._take_books()
            if any(key in self._denied for key in changed):
                await trio.sleep(DENIED_PAUSE_S)  # who asks again at once shall not spin
            if changed:
                return [self.view(key) for key in changed]

    def view(self, key: BookKey) -> View:
        """Return one market as it is known now. Raises `KeyError` for one that was never seen, or died long ago."""
        return attrs.evolve(
            self._glance(key),
            fills=tuple(self._fills.pop(key, ())),
            denied=tuple(self._denied.pop(key, ())),
            ended=tuple(self._ended.pop(key, ())),
        )

    def _glance(self, key: BookKey) -> View:
        """Return a market without the news about it, which stay for the next `view`."""
        market = self.markets[key]
        return View(
            market=market,
            orders=tuple(order for order in self.orders.values() if order.key == key),
            stakes=tuple(self.positions.stakes(key, each) for each in market.selections),
            leaving=tuple(self._leaving.get(key, ())),
            held=self._held.get(key, 0),
            calls_left=self.calls_left(market.terms.venue, trio.current_time()),
        )

    def belief(self, client_order_id: ClientOrderId) -> Belief[Order]:
        """Return what is believed of an order of this strategy that can match, or that filled and is not settled.

        Raises `KeyError` for any other.
        """
        _, belief = self._words[client_order_id]
        return belief

    def position(self, selection_id: SelectionId) -> Belief[int]:
        """Return what this strategy holds of a selection and is not settled, in the price's own unit.

        It is unknown while an order on the selection, or on its sale, is not proved to exist: also while one leaves.
        """
        nothing = Known(0, Source.RECKONED, self.wall_ns())
        return positions(self._words.values()).get(held_by(selection_id), nothing)

    # --- asking ---

    def place(
        self,
        key: BookKey,
        selection_id: SelectionId,
        price: Price,
        size: int,
        time_in_force: TimeInForce = TimeInForce.REST,
    ) -> ClientOrderId:
        """Ask for an order. Whether it left is seen in the views: in `orders`, or in `denied` with the reason.

        Where orders carry no ids, the size may be a little smaller, so that no two of ours look the same.
        """
        command = PlaceOrder(
            client_order_id=self.ids.next(),
            key=key,
            selection_id=selection_id,
            price=price,
            size=self._distinct(key, selection_id, price, size),
            time_in_force=time_in_force,
        )
        order = Order.placed(command)
        self._learn(order, order.belief(Source.RECKONED, self.wall_ns()))
        if not self.risk.offer(Intent(strategy=self.name, order=command)):
            denial = IntentDenied(client_order_id=order.client_order_id, key=key, reason=DenialReason.QUEUE_FULL)
            self.tell(denial.client_order_id, denial)
        return command.client_order_id

    def cancel(self, client_order_id: ClientOrderId) -> None:
        """Ask for a cancel. It is never refused."""
        order = self.orders.get(client_order_id)
        if order is not None:
            self.orders[client_order_id] = attrs.evolve(order, cancel_wanted=True)
            self.risk.put(CancelIntent(strategy=self.name, client_order_id=client_order_id, key=order.key))

    def quote(self, key: BookKey, quotes: Iterable[Quote]) -> None:
        """Make the wanted quotes the only orders in a market, with as few changes as it takes.

        Where the venue counts every order call, the changes of all markets wait for the end of the batch, and the most
        valuable leave first.
        """
        wanted = tuple(quotes)
        market = self.markets[key]
        if self.calls_left(market.terms.venue, trio.current_time()) < math.inf:
            self._wanted[key] = wanted
            return
        needed = changes(wanted, [order for order in self.orders.values() if order.key == key])
        for client_order_id in needed.cancel:
            self.cancel(client_order_id)
        for quote in needed.place:
            self._place_quote(key, quote)

    def _place_quote(self, key: BookKey, quote: Quote) -> bool:
        """Place a quote unless its book is dead, or it was denied a moment ago."""
        market, now_s = self.markets[key], trio.current_time()
        if market.epoch != self.epochs.get(market.terms.venue) or not market.live:
            return False
        if self._rests.get(quote.selection_id, now_s) > now_s:
            return False
        self.place(key, quote.selection_id, quote.price, quote.size, quote.time_in_force)
        return True

    def _send_wanted(self) -> bool:
        """Send what fits into the venues' quotas, the most valuable first; tell whether something is left."""
        left: dict[VenueName, float] = {}
        todo = []
        for key, wanted in self._wanted.items():
            view = self._glance(key)
            fair = {each: fair for each in view.selections if (fair := view.fair(each)) is not None}
            todo += steps(key, wanted, view.orders, fair)
        for step in sorted(todo, key=lambda step: -step.worth):
            venue = self.markets[step.key].terms.venue
            room = left.setdefault(venue, self.calls_left(venue, trio.current_time()))
            if step.cancel is not None and (room >= 2 or step.worth > 0):
                self.cancel(step.cancel)
                left[venue] -= 1
            elif step.place is not None and room >= 1 and self._place_quote(step.key, step.place):
                left[venue] -= 1
        return bool(todo)

    def _distinct(self, key: BookKey, selection_id: SelectionId, price: Price, size: int) -> int:
        terms = self.markets[key].terms if key in self.markets else None
        if terms is None or terms.named:
            return size
        taken = {each.size for each in self.orders.values() if (each.selection_id, each.price) == (selection_id, price)}
        smaller = (each for each in range(size, terms.min_size - 1, -1) if each not in taken)
        return next(smaller, size)

    def halt(self, reason: str = "") -> None:
        """Let no new order leave, of any strategy, until an operator lifts it."""
        self.risk.put(Halt(reason or f"strategy {self.name}"))

    def kill(self, reason: str = "") -> None:
        """Halt, and cancel everything."""
        self.risk.put(Kill(reason or f"strategy {self.name}"))

    # --- hearing: called by the composition root ---

    def connect(self, venue: VenueName, epoch: int | None) -> None:
        """Learn which session is up, if any, and that orders may leave; every market is then looked at again."""
        self.epochs[venue] = epoch
        if epoch is not None:
            for key, view in self.markets.items():
                if view.terms.venue == venue and self.books.peek(key) is None:
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

    def _drop_dead_markets(self) -> None:
        """Make room: a market that comes to life again is shown again."""
        if len(self.markets) < self._room:
            return
        busy = {order.key for order in self.orders.values()}
        for key in [key for key, view in self.markets.items() if not view.live and key not in busy]:
            for news in (self._fills, self._denied, self._ended, self._leaving, self._wanted):
                news.pop(key, None)
            del self.markets[key]
        self._room = max(MAX_VIEWS, 2 * len(self.markets))

    def _take_books(self) -> dict[BookKey, None]:
        changed: dict[BookKey, None] = {}
        for key, view in self.books.take_nowait().items():
            known = self.markets.get(key)
            if known is None and len(view.sides) == 2:
                list_book(self.positions, view)
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
                    self._learn(order, update.belief)
                    key = order.key
                case IntentDenied(key=key, reason=reason):
                    order = self.orders.pop(client_order_id)
                    del self._words[client_order_id]
                    self.positions.update(order.move(OrderStatus.REJECTED))
                    self._denied.setdefault(key, []).append(reason)
                    self._rests[order.selection_id] = trio.current_time() + DENIED_REST_S
            if key in self.markets:
                changed[key] = None
        return changed

    def _learn(self, order: Order, belief: Belief[Order]) -> None:
        if order.can_match or (order.filled and order.status in STAKED):
            self._words[order.client_order_id] = (order.selection_id, belief)
        else:
            self._words.pop(order.client_order_id, None)
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
        if order.filled > booked:
            more = attrs.evolve(order, filled=order.filled - booked)
            self._held[order.key] = self._held.get(order.key, 0) + shares_bought([more])
            self._booked[order.client_order_id] = order.filled
            seen = 0
            for fill in order.fills:
                seen += fill.size
                if seen > booked:
                    self._fills.setdefault(order.key, []).append((order.selection_id, fill))
        self.positions.update(order)

    def _leave(self, before: Order, after: Order) -> None:
        """Remember what an order no longer offers, for as long as the book shows it."""
        market = self.markets.get(before.key)
        other = None if market is None else market.other(before.selection_id)
        size = takeable(before.price, before.remaining) - takeable(before.price, after.remaining)
        if market is None or other is None or size <= 0:
            return
        leaving = Leaving(other, opposite(before.price), size, trio.current_time())
        if leaving.shown(market) >= size - 1:
            self._leaving.setdefault(before.key, []).append(leaving)


def dust(price: Price) -> int:
    """Return the size that is our own rounding: a cent where sizes are money, nothing where they are shares."""
    return 0 if isinstance(price, Probability) else 1


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
