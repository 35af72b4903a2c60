"""A strategy that does anything a strategy may do, as the dice fall."""

import math
from collections import Counter
from collections.abc import Callable
from random import Random

import attrs
import trio

from actors.messages import MarketView
from actors.strategy import Desk, Quote
from protocol.commands import TimeInForce
from protocol.events import Level
from protocol.ids import BookKey, ClientOrderId, SelectionId
from protocol.order import Order
from protocol.prices import Price, Probability, opposite

STAKES_CENTS = (500, 8_000)
SHARES = (5, 120)
FIRST_LOOK_S = 5.0
ANEW = 0.01  # of all actions ask for everything to be listened to anew
WILD = 0.06  # of all actions make no sense: risk must say no
ANY = 0.05  # of all actions are in any market there ever was, the others in one that is live
ORDERS = (1, 1, 1, 1, 3)  # at once
STUBBORN = 0.3  # of all books that are seen to die are traded on nevertheless
INSISTING_S = 0.5  # how long one is dead by then
HASTE_S = 0.2  # between two actions while the bot stops
CROWD = 6  # orders that rest in each market at once: beyond the lowest limit of open ones


@attrs.frozen(kw_only=True)
class Asked:
    """An order that the trader asked for, and the book as it was shown to it then."""

    at_s: float
    client_order_id: ClientOrderId
    key: BookKey
    selection_id: SelectionId
    price: Price
    size: int
    market: MarketView
    dead: bool = False  # it had not been live for a while


@attrs.define(kw_only=True)
class Trader:
    """Place, cancel, quote at random moments. `asked` and `cancelled` are told of every order.

    It goes on, faster, while the bot stops, and places on books that are dead: that nothing leaves then is for others
    to see to.
    """

    random: Random
    actions_per_hour: float
    asked: Callable[[Asked], None]
    cancelled: Callable[[ClientOrderId], None]
    filled: Counter[SelectionId] = attrs.field(factory=Counter)  # as the views told
    stopping: trio.Event = attrs.field(factory=trio.Event)

    async def __call__(self, desk: Desk) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._listen, desk, nursery)
            nursery.start_soon(self._act, desk)

    async def _listen(self, desk: Desk, nursery: trio.Nursery) -> None:
        while True:
            views = await desk.views()
            for view in views:
                for selection_id, fill in view.fills:
                    self.filled[selection_id] += fill.size
            dead = next((view.market for view in views if _is_dead(view.market, desk)), None)
            if dead is not None and self.random.random() < STUBBORN:
                nursery.start_soon(self._insist, desk, dead)

    async def _insist(self, desk: Desk, market: MarketView) -> None:
        """Place on a book that is dead and stays so."""
        epoch = desk.epochs.get(market.terms.venue)
        await trio.sleep(INSISTING_S)
        if desk.markets[market.key] is market and desk.epochs.get(market.terms.venue) == epoch:
            self._place(desk, market, dead=True)

    async def _act(self, desk: Desk) -> None:
        await trio.sleep(FIRST_LOOK_S * self.random.random())
        while True:
            with trio.move_on_after(self.random.expovariate(self.actions_per_hour / 3600)):
                await self.stopping.wait()
                await trio.sleep(HASTE_S)
            if desk.markets:
                self._do_something(desk)

    def _do_something(self, desk: Desk) -> None:
        market = self._choose(desk)
        if len(market.sides) != 2:
            return
        roll = self.random.random()
        if roll < ANEW:
            desk.want(market.terms.venue)
        elif roll < WILD:
            self._place_wildly(desk, market)
        elif roll < 0.35 and desk.calls_left(market.terms.venue, trio.current_time()) == math.inf:
            self._quote(desk, market)
        elif roll < 0.7:
            for _ in range(self.random.choice(ORDERS)):
                self._place(desk, market)
        else:
            self._cancel(desk)

    def _choose(self, desk: Desk) -> MarketView:
        live = [market for market in desk.markets.values() if not _is_dead(market, desk)]
        if not live or self.random.random() < ANY:
            return self.random.choice(list(desk.markets.values()))
        return self.random.choice(live)

    def crowd(self, desk: Desk) -> None:
        """Have orders rest in every market at once."""
        two_sided = [market for market in desk.markets.values() if len(market.sides) == 2]
        for market in two_sided * CROWD:
            selection_id = self.random.choice(market.selections)
            price = self._price(market, selection_id, bold=False)
            if price is not None:
                name = desk.place(market.key, selection_id, price, self._size(price))
                self._note(desk.orders[name], market)

    def _cancel(self, desk: Desk) -> None:
        names = [name for name, order in desk.orders.items() if not order.cancel_wanted]
        for name in self.random.sample(names, min(len(names), self.random.choice((1, 1, 2, 50)))):
            desk.cancel(name)
            self.cancelled(name)

    def _quote(self, desk: Desk, market: MarketView) -> None:
        known = set(desk.orders)
        quotes = [quote for each in market.selections if (quote := self._quote_on(market, each)) is not None]
        desk.quote(market.key, quotes)
        for name, order in desk.orders.items():
            if name not in known:
                self._note(order, market)

    def _quote_on(self, market: MarketView, selection_id: SelectionId) -> Quote | None:
        price = self._price(market, selection_id, bold=False)
        return None if price is None else Quote(selection_id=selection_id, price=price, size=self._size(price))

    def _place(self, desk: Desk, market: MarketView, *, dead: bool = False) -> None:
        selection_id = self.random.choice(market.selections)
        price = self._price(market, selection_id, bold=self.random.random() < 0.4)
        if price is None:
            return
        forces = (TimeInForce.REST, TimeInForce.REST, TimeInForce.REST, TimeInForce.FILL_OR_KILL, TimeInForce.POST_ONLY)
        name = desk.place(market.key, selection_id, price, self._size(price), self.random.choice(forces))
        self._note(desk.orders[name], market, dead=dead)

    def _place_wildly(self, desk: Desk, market: MarketView) -> None:
        """Ask for something that must be denied, or is at least odd: too much, or at a price from another world."""
        selection_id = self.random.choice(market.selections)
        price = self._price(market, selection_id, bold=False)
        if price is not None:
            size = self._size(price) * self.random.choice((0, 1, 3, 3, 1000))
            wild = opposite(price) if self.random.random() < 0.5 else price
            name = desk.place(market.key, selection_id, wild, size)
            self._note(desk.orders[name], market)

    def _note(self, order: Order, market: MarketView, *, dead: bool = False) -> None:
        self.asked(
            Asked(
                at_s=trio.current_time(),
                client_order_id=order.client_order_id,
                key=order.key,
                selection_id=order.selection_id,
                price=order.price,
                size=order.size,
                market=market,
                dead=dead,
            )
        )

    def _price(self, market: MarketView, selection_id: SelectionId, *, bold: bool) -> Price | None:
        """Return a price near the best one: to take it, or to rest beside it."""
        other = market.other(selection_id)
        ask, bid = _best(market, selection_id), _best(market, other)
        if bold and ask is not None:
            return ask.price
        if bid is not None:
            return opposite(bid.price)
        return None if ask is None else ask.price

    def _size(self, price: Price) -> int:
        if isinstance(price, Probability):
            return self.random.randint(*SHARES)
        return self.random.randrange(*STAKES_CENTS, 100)


def _is_dead(market: MarketView, desk: Desk) -> bool:
    return not market.live or market.epoch != desk.epochs.get(market.terms.venue)


def _best(market: MarketView, selection_id: SelectionId | None) -> Level | None:
    side = None if selection_id is None else market.side(selection_id)
    return side.levels[0] if side is not None and side.levels else None
