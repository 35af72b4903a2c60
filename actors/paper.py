"""A bot on embedded exchanges, in one process."""

from collections.abc import Awaitable, Callable, Mapping
from random import Random

import attrs
import trio

from actors.bot import Bot, BotSettings, Pair
from actors.console.summary import Summary
from actors.decisions.audit import Audit, Fate, compare_books, compare_orders
from actors.decisions.guard import Limits
from actors.exchange.embedded import FIRST, Embedded, Opening
from actors.io.transport import Dial, dial_tcp
from actors.maker import MarketMaker
from actors.seat import Seat, SeatSettings
from actors.session import SessionSettings
from actors.strategy import Strategy, quoting
from protocol.ids import ClientOrderId, VenueName
from protocol.order import NAMELESS

LOOPBACK = "127.0.0.1"


@attrs.define(kw_only=True)
class Paper:
    """Some exchanges, and a bot that trades on all of them.

    `run_on_loopback` uses real sockets; `run_in_memory` needs no network and works under a mock clock.
    """

    wall_ns: Callable[[], int]
    seed: int = 0
    venues: tuple[Opening, ...] = FIRST
    strategies: Mapping[str, Strategy] = attrs.field(factory=lambda: {"maker": quoting(MarketMaker())})
    session: SessionSettings = attrs.field(factory=lambda: SessionSettings(rest_url=""))
    limits: Limits = attrs.field(factory=Limits)
    pairs: tuple[Pair, ...] = ()
    faults: str = "none"
    fault_scale: float = 1.0  # how many times as seldom what goes wrong by itself does
    embedded: dict[VenueName, Embedded] = attrs.field(init=False)
    bot: Bot = attrs.field(init=False)
    _stopped: bool = attrs.field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        opened = [each.open(self.wall_ns, self.seed, self.faults, self.fault_scale) for each in self.venues]
        self.embedded = {each.venue.traits.venue: each for each in opened}
        self.bot = self._bot({name: f"http://{name}" for name in self.embedded}, in_memory=True)

    def stop(self) -> None:
        """Begin the safe stop, also of a bot that is still to be built."""
        self._stopped = True
        self.bot.stop()

    async def run_on_loopback(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> Summary:
        """Trade over loopback sockets until stopped."""
        async with trio.open_nursery() as nursery:
            addresses = {}
            for name, each in self.embedded.items():
                await nursery.start(each.exchange.run)
                _, port = await nursery.start(each.exchange.serve_tcp, LOOPBACK, 0)
                addresses[name] = f"http://{LOOPBACK}:{port}"
            self.bot = self._bot(addresses, in_memory=False)
            if self._stopped:
                self.bot.stop()
            task_status.started()
            await self.bot.run()
            nursery.cancel_scope.cancel()
        return self.summary()

    async def run_in_memory(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> Summary:
        """Trade over streams in memory until stopped."""
        async with trio.open_nursery() as nursery:
            for each in self.embedded.values():
                await nursery.start(each.exchange.run)
            task_status.started()
            await self.bot.run()
            nursery.cancel_scope.cancel()
        return self.summary()

    async def run_on_loopback_for(self, seconds: float) -> Summary:
        """Trade over loopback sockets for a while, then stop safely."""
        return await self._run_for(self.run_on_loopback, seconds)

    async def run_in_memory_for(self, seconds: float) -> Summary:
        """Trade over streams in memory for a while, then stop safely."""
        return await self._run_for(self.run_in_memory, seconds)

    async def _run_for(self, run: Callable[[], Awaitable[Summary]], seconds: float) -> Summary:
        async def stop() -> None:
            await trio.sleep(seconds)
            self.stop()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(stop)
            summary = await run()
            nursery.cancel_scope.cancel()
        return summary

    def summary(self) -> Summary:
        """Return the numbers of the run, held against the exchanges' own ledgers."""
        return Summary(
            tally=self.bot.tally,
            limit_cents=self.limits.account_cents,
            audit=self.audit(),
            flat_on_exit=self.bot.flat,
            profit_cents=self.bot.profit_cents,
            logged_in=self.bot.stop_logged_in,
        )

    def audit(self) -> Audit:
        """Count the differences between what the bot believes and what the exchanges' ledgers say."""
        found = Audit.sum(self._audit(seat) for seat in self.bot.seats.values())
        truth = {key: sides for each in self.embedded.values() for key, sides in each.books().items()}
        return attrs.evolve(found, books=compare_books(self.bot.books(), truth))

    def _audit(self, seat: Seat) -> Audit:
        truth = self.embedded[seat.name]
        names = {order.venue_order_id: name for name, order in seat.orders().items()}
        unnamed = {
            (order.selection_id, order.size, order.filled): name
            for name, order in seat.own_orders().items()
            if order.venue_order_id is None and order.filled  # known from what the account holds alone
        }
        fates = {}
        for each in truth.orders():
            name = each.client_order_id or names.get(each.venue_order_id)
            name = name or unnamed.pop((each.selection_id, each.size, each.filled), None)
            fates[name or ClientOrderId(f"{NAMELESS}{each.venue_order_id}")] = Fate(each.status, each.filled)
        strangers = seat.orders().keys() - seat.own_orders().keys()
        fates = {name: fate for name, fate in fates.items() if name not in strangers}
        orders, fills = compare_orders(seat.own_orders(), fates)
        return Audit(orders=orders, fills=fills, balance_cents=seat.funds_gap_cents(truth.funds_micro()), books=0)

    def _bot(self, addresses: Mapping[VenueName, str], *, in_memory: bool) -> Bot:
        seats = tuple(
            SeatSettings(
                venue=each.venue,
                session=attrs.evolve(self.session, rest_url=addresses[name] + each.path),
                credentials=each.credentials,
            )
            for name, each in self.embedded.items()
        )
        dials: dict[VenueName, Dial] = {
            name: each.exchange.dial if in_memory else dial_tcp for name, each in self.embedded.items()
        }
        return Bot(
            settings=BotSettings(seats=seats, limits=self.limits, pairs=self.pairs),
            strategies=self.strategies,
            random=Random(f"bot {self.seed}"),
            wall_ns=self.wall_ns,
            id_prefix=f"paper-{self.seed}",
            dials=dials,
            stopping=self._freeze,
        )

    def _freeze(self) -> None:
        for each in self.embedded.values():
            each.exchange.freeze()
