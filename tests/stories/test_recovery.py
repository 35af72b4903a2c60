"""What a process left when it was killed is found, reckoned and cleared away by the next one."""

import string
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random

import attrs
import pytest
import trio

from actors.bot import Bot, BotSettings
from actors.decisions.audit import Audit
from actors.decisions.guard import Limits
from actors.entries import Latch, Lifted, OrderIntended, ResultBooked
from actors.exchange.embedded import Embedded, Opening, OpenProphetX, OpenSatoriEx, TrueOrder
from actors.exchange.faults import Fault, Rule
from actors.exchange.prophetx.board import Ticket
from actors.exchange.prophetx.settings import ExchangeSettings
from actors.exchange.satoriex.orders import Side
from actors.exchange.satoriex.orders import Ticket as OutcomeTicket
from actors.exchange.satoriex.settings import SatoriexSettings
from actors.io.disk import Disk
from actors.io.store import Stamped
from actors.journal import Journal, JournalFailed
from actors.messages import DenialReason
from actors.seat import SeatSettings
from actors.session import SessionSettings
from actors.simulation.network import Network
from actors.simulation.process import Process, ProcessKilled
from actors.strategy import Desk
from protocol.events import OrderStatus
from protocol.ids import BookKey, ClientOrderId
from protocol.money import micro
from protocol.odds import Odds
from protocol.order import Order
from protocol.prices import Probability
from protocol.prophetx.wire import Dialect
from protocol.satoriex.venue import SatoriEx
from protocol.venue import Tokens

EPOCH_NS = 1_790_000_000 * 10**9
LOOK_S = 0.01
CLEAN = Audit(orders=0, fills=0, balance_cents=0, books=0)
PROPHETX = OpenProphetX(
    settings=ExchangeSettings(tournaments=1, events=1, crowd_actions_per_s=0, commission_bp=0), dialect=Dialect.V4
)
LEGACY = attrs.evolve(PROPHETX, dialect=Dialect.LEGACY)
SATORIEX = OpenSatoriEx(
    settings=SatoriexSettings(markets=1, crowd_actions_per_s=0, trading_s=None, dispute_s=2),
    venue=SatoriEx(absence_after_s=8.0),
)
EVERYWHERE = pytest.mark.parametrize("opening", [PROPHETX, LEGACY, SATORIEX], ids=["v4", "legacy", "satoriex"])
ON_BOTH = pytest.mark.parametrize("opening", [PROPHETX, SATORIEX], ids=["v4", "satoriex"])


def wall_ns() -> int:
    return EPOCH_NS + int(trio.current_time() * 10**9)


@attrs.define(eq=False)
class Hand:
    """A strategy that does what a test asks of its desk."""

    desk: Desk | None = None
    denied: list[DenialReason] = attrs.field(factory=list)

    async def __call__(self, desk: Desk) -> None:
        self.desk = desk
        while True:
            for view in await desk.views():
                self.denied += view.denied


@attrs.define
class KeptTokens:
    """Tokens that outlive the process."""

    tokens: Tokens | None = None

    def load(self, now_s: float) -> Tokens | None:
        return self.tokens

    async def save(self, tokens: Tokens) -> None:
        self.tokens = tokens


@attrs.define(eq=False)
class Life:
    """One process, from its start to its end."""

    process: Process
    journal: Journal
    bot: Bot
    hand: Hand
    failure: str | None = None
    ended: trio.Event = attrs.field(factory=trio.Event)

    async def live(self) -> None:
        try:
            with self.process.scope:
                await self.bot.run()
        except JournalFailed as error:
            self.failure = str(error)
        except (ProcessKilled, BaseExceptionGroup):
            if not self.process.dead:
                raise
        finally:
            if not self.process.dead:
                self.journal.close()
            self.ended.set()


@attrs.define(eq=False)
class Place:
    """One exchange, and a machine on which one process after another trades there."""

    embedded: Embedded
    network: Network
    nursery: trio.Nursery
    limits: Limits
    requests: list[str]
    disk: Disk = attrs.field(factory=Disk)
    tokens: KeptTokens = attrs.field(factory=KeptTokens)
    lives: list[Life] = attrs.field(factory=list)

    @property
    def life(self) -> Life:
        return self.lives[-1]

    @property
    def bot(self) -> Bot:
        return self.life.bot

    @property
    def desk(self) -> Desk:
        assert self.life.hand.desk is not None
        return self.life.hand.desk

    # --- processes ---

    async def begin(self) -> None:
        """Start a process, and wait until it knows the account and the books."""
        self.begin_blindly()
        await self.until(lambda: self.bot.ready.is_set() and self.bot.books().keys() == self.embedded.books().keys())

    def begin_blindly(self) -> None:
        """Start a process without waiting for anything."""
        process, hand = Process(wall_ns), Hand()
        store = self.disk.open(Random("journal"))
        process.deaths.append(self.disk.cut)
        journal = Journal(store=store, wall_ns=process.wall_ns)
        name = self.embedded.venue.traits.venue
        seat = SeatSettings(
            venue=self.embedded.venue,
            session=SessionSettings(rest_url=f"http://{name}{self.embedded.path}"),
            credentials=self.embedded.credentials,
        )
        bot = Bot(
            settings=BotSettings(seats=(seat,), limits=self.limits),
            strategies={"hand": hand},
            random=Random(f"bot {store.run}"),
            wall_ns=process.wall_ns,
            id_prefix="nobody",
            journal=journal,
            kept_tokens={name: self.tokens},
            dials={name: self.network.dialler(process)},
        )
        self.lives.append(Life(process, journal, bot, hand))
        self.nursery.start_soon(self.life.live)

    async def kill(self) -> None:
        """Let the process be dead from this moment on."""
        self.life.process.kill()
        await self.wait_ended()

    async def wait_ended(self) -> None:
        with trio.fail_after(60):
            await self.life.ended.wait()

    async def stop(self) -> None:
        self.bot.stop()
        await self.wait_ended()

    async def end(self) -> None:
        """Stop it, and hold what it believes against the exchange."""
        await self.stop()
        assert self.bot.flat
        assert self.resting == []
        assert attrs.evolve(self.bot.audit(), books=0) == CLEAN

    # --- the disk ---

    def entries(self, kind: type) -> list:
        return [entry for entry in self.disk.entries() if isinstance(entry, kind)]

    def lift(self, latch: Latch) -> None:
        """Do what an operator does between two runs."""
        store = self.disk.open(Random("journal"))
        store.append([Stamped(Lifted(latch=latch, reason="looked into"), wall_ns())])
        store.close()

    # --- orders ---

    @property
    def key(self) -> BookKey:
        return next(iter(self.embedded.books()))

    @property
    def size(self) -> int:
        return 1000 if self.embedded.venue.traits.orders_named else 100

    def place(self) -> ClientOrderId:
        """Ask for ten dollars at +110, or for a hundred shares at 42 cents."""
        market = self.bot.views()[self.key]
        price = Odds(110) if self.embedded.venue.traits.orders_named else Probability(4200)
        return self.desk.place(market.key, market.selections[0], price, self.size)

    async def place_open(self) -> ClientOrderId:
        name = self.place()
        await self.until(lambda: self.status(name) is OrderStatus.OPEN)
        return name

    def order(self, name: ClientOrderId) -> Order | None:
        return self.bot.orders().get(name)

    def status(self, name: ClientOrderId) -> OrderStatus | None:
        order = self.order(name)
        return None if order is None else order.status

    @property
    def truth(self) -> list[TrueOrder]:
        return self.embedded.orders()

    @property
    def resting(self) -> list[TrueOrder]:
        return [order for order in self.truth if order.status in (OrderStatus.PENDING, OrderStatus.OPEN)]

    def hit(self, size: int) -> None:
        """Have somebody take so much of our order."""
        take = _take_cents if self.embedded.venue.traits.orders_named else _take_shares
        take(self.embedded.exchange, self.key, size)

    async def settle(self, *, won: bool) -> None:
        """End the event of the first book, and wait for the result."""
        end = _settle_event if self.embedded.venue.traits.orders_named else _resolve_market
        end(self.embedded.exchange, self.key, 0 if won else 1)
        await self.until(lambda: all(order.settled for order in self.truth))

    async def until(self, condition: Callable[[], object], within_s: float = 120.0) -> None:
        with trio.fail_after(within_s):
            while not condition():  # noqa: ASYNC110  # nobody tells
                await trio.sleep(LOOK_S)


def _take_cents(exchange, key: BookKey, cents: int) -> None:
    exchange.open_account("taker", 10**9)
    away = exchange.floor.books[key].listing.selections[1].selection_id
    ticket = Ticket(
        external_id=ClientOrderId("taker-1"), selection_id=away, odds=Odds(-110), stake_cents=cents * 110 // 100
    )
    exchange.floor.enter_at_once(exchange.floor.accounts["taker"], ticket, wall_ns())


def _take_shares(exchange, key: BookKey, shares: int) -> None:
    exchange.open_account("taker", 10**13, shares=10**6)
    ticket = OutcomeTicket(
        market_id=str(key.event_id), outcome_id=str(key.market_id), side=Side.SELL, price_bp=4200, shares=shares
    )
    exchange.floor.enter_at_once(exchange.floor.accounts["taker"], ticket, wall_ns())


def _settle_event(exchange, key: BookKey, winner: int) -> None:
    exchange.settle(key.event_id, {key: exchange.floor.books[key].listing.selections[winner].selection_id})


def _resolve_market(exchange, key: BookKey, winner: int) -> None:
    market = str(key.event_id)
    exchange.resolve(market, list(exchange.floor.markets[market].outcomes)[winner])


@asynccontextmanager
async def open_place(opening: Opening = PROPHETX, **limits: int) -> AsyncIterator[Place]:
    """Open an exchange and a machine, without a process yet."""
    embedded = opening.open(wall_ns, 1, "none", 1.0)
    network = Network(
        dial_venue=embedded.exchange.dial, random=Random("network"), latency_s=0.01, note=lambda kind, data: None
    )
    requests: list[str] = []
    embedded.exchange.watch(lambda endpoint, asked: requests.append(endpoint))
    with trio.fail_after(1000):
        async with trio.open_nursery() as nursery:
            await nursery.start(embedded.exchange.run)
            yield Place(embedded, network, nursery, Limits(**limits), requests)
            nursery.cancel_scope.cancel()


# --- orders ------------------------------------------------------------------------------------------------------


@EVERYWHERE
async def test_an_order_whose_answer_was_lost_with_the_process_is_found_and_cancelled(autojump_clock, opening):
    async with open_place(opening) as place:
        await place.begin()
        place.embedded.exchange.faults.add(Rule(fault=Fault.SLOW_ANSWER, where="place", times=1, delay_s=4.0))
        place.embedded.exchange.faults.add(Rule(fault=Fault.DROP))
        name = place.place()
        await trio.sleep(2.0)
        before = place.status(name)
        await place.kill()
        place.embedded.exchange.faults.clear()

        await place.begin()
        await place.until(lambda: place.status(name) is OrderStatus.CANCELLED)

        assert before is OrderStatus.NEW
        assert len(place.truth) == 1
        assert place.order(name).venue_order_id == place.truth[0].venue_order_id
        assert place.requests.count("place") == 1
        await place.end()


@EVERYWHERE
async def test_an_order_that_never_left_is_absent_and_is_not_sent_by_the_next_process(autojump_clock, opening):
    async with open_place(opening) as place:
        await place.begin()
        place.embedded.exchange.faults.add(Rule(fault=Fault.LOST_REQUEST, where="place", times=1))
        name = place.place()
        await place.until(lambda: place.requests.count("place") == 1)
        await place.kill()

        await place.begin()

        assert place.status(name) is OrderStatus.ABSENT
        assert place.truth == []
        assert place.requests.count("place") == 1
        await place.end()


@EVERYWHERE
async def test_a_stop_soon_after_a_restart_waits_until_nothing_can_be_on_the_road_any_more(autojump_clock, opening):
    async with open_place(opening) as place:
        await place.begin()
        place.embedded.exchange.faults.add(Rule(fault=Fault.LOST_REQUEST, where="place", times=1))
        name = place.place()
        await place.until(lambda: place.requests.count("place") == 1)
        await place.kill()

        place.begin_blindly()
        await place.until(lambda: place.bot.logged_in)
        await trio.sleep(1.0)
        before = place.status(name)
        await place.end()

        assert before is OrderStatus.UNKNOWN
        assert place.status(name) is OrderStatus.ABSENT


@ON_BOTH
async def test_what_was_filled_while_nobody_was_there_is_booked_once(autojump_clock, opening):
    async with open_place(opening) as place:
        await place.begin()
        name = await place.place_open()
        await place.kill()
        size = place.size // 2
        place.hit(size)

        await place.begin()
        second = place.order(name)
        await place.kill()
        await place.begin()

        assert [second.filled, place.order(name).filled] == [size, size]
        assert second.status is OrderStatus.CANCELLED
        assert sum(order.filled for order in place.truth) == size
        await place.end()


@pytest.mark.parametrize(
    ("opening", "won", "profit_cents"),
    [(PROPHETX, True, 550), (PROPHETX, False, -500), (SATORIEX, True, 2900), (SATORIEX, False, -2100)],
    ids=["v4 won", "v4 lost", "satoriex won", "satoriex lost"],
)
async def test_its_result_is_booked_once_over_all_processes(autojump_clock, opening, won, profit_cents):
    async with open_place(opening) as place:
        await place.begin()
        name = await place.place_open()
        await place.kill()
        place.hit(place.size // 2)
        await place.begin()
        filled = place.order(name).filled
        await place.kill()
        await place.settle(won=won)

        for _ in range(2):
            place.begin_blindly()
            await place.until(lambda: place.status(name) is OrderStatus.SETTLED)
            await place.until(place.bot.ready.is_set)
            await place.end()

        assert filled == place.size // 2
        assert [entry.total_micro for entry in place.entries(ResultBooked)] == [micro(profit_cents)]
        assert [life.bot.profit_cents for life in place.lives[2:]] == [profit_cents, 0]


@ON_BOTH
async def test_ids_never_repeat_over_runs(autojump_clock, opening):
    async with open_place(opening) as place:
        names = []
        for _ in range(3):
            await place.begin()
            names.append(await place.place_open())
            await place.kill()
        await place.begin()

        runs = [name.split("-")[1].rstrip(string.ascii_lowercase) for name in names]
        assert runs == ["1", "2", "3"]
        assert len({name.split("-")[0] for name in names}) == 1
        assert [entry.order.client_order_id for entry in place.entries(OrderIntended)] == names
        await place.end()


# --- latches -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("latch", [Latch.HALT, Latch.KILL])
async def test_a_halt_outlives_the_process_until_an_operator_lifts_it(autojump_clock, latch):
    async with open_place() as place:
        await place.begin()
        (place.bot.halt if latch is Latch.HALT else place.bot.kill)("looked wrong")
        await trio.sleep(0.1)
        await place.kill()

        await place.begin()
        place.place()
        await trio.sleep(1.0)
        latched, denied = dict(place.bot.latches), place.life.hand.denied
        await place.stop()
        place.lift(latch)
        await place.begin()
        name = await place.place_open()

        assert latched == {latch: "looked wrong"}
        assert denied == [DenialReason.HALTED]
        assert [order.client_order_id for order in place.truth] == [name]
        await place.end()


async def test_the_days_loss_outlives_the_process(autojump_clock):
    async with open_place(daily_loss_cents=500) as place:
        await place.begin()
        await place.place_open()
        place.hit(600)
        await place.settle(won=False)
        await place.until(lambda: place.bot.latches)
        await place.kill()

        place.begin_blindly()
        await place.until(lambda: place.bot.logged_in)

        assert place.bot.latches == {Latch.DAILY_LOSS: "$6.00 lost in the UTC day, limit $5.00"}
        await place.end()


async def test_a_loss_that_nobody_was_there_to_see_latches_the_next_process(autojump_clock):
    async with open_place(daily_loss_cents=500) as place:
        await place.begin()
        name = await place.place_open()
        place.hit(600)
        await place.until(lambda: place.order(name).filled)
        await place.kill()
        await place.settle(won=False)

        place.begin_blindly()
        await place.until(lambda: place.status(name) is OrderStatus.SETTLED)
        await place.until(lambda: place.bot.latches)

        assert place.bot.latches.keys() == {Latch.DAILY_LOSS}
        await place.end()


# --- the disk ----------------------------------------------------------------------------------------------------


@ON_BOTH
async def test_a_full_disk_stops_the_bot_with_nothing_resting(autojump_clock, opening):
    async with open_place(opening) as place:
        await place.begin()
        await place.place_open()
        place.disk.fill()
        place.desk.cancel(next(iter(place.desk.orders)))
        await place.wait_ended()

        assert "make room on the disk" in place.life.failure
        assert place.bot.flat
        assert place.resting == []

        place.disk.free()
        await place.begin()
        await place.place_open()
        await place.end()


async def test_an_order_that_the_disk_has_no_room_for_is_not_sent(autojump_clock):
    async with open_place() as place:
        await place.begin()
        place.disk.fill()
        for _ in range(20):
            place.place()
        await place.wait_ended()

        intended = {entry.order.client_order_id for entry in place.entries(OrderIntended)}
        assert {order.client_order_id for order in place.truth} <= intended
        assert len(place.bot.own_orders()) > len(intended)
        assert place.bot.flat


# --- tokens ------------------------------------------------------------------------------------------------------


@ON_BOTH
async def test_a_restart_costs_no_login(autojump_clock, opening):
    async with open_place(opening) as place:
        for _ in range(3):
            await place.begin()
            await place.kill()
        await place.begin()
        await place.end()

        assert place.requests.count("login") == 1
