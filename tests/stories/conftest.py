"""Whole bots against the embedded exchange, in memory and in virtual time, over the real websocket and HTTP stacks."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import attrs
import pytest
import trio
from trio.testing import MockClock

from actors.console.summary import Summary
from actors.decisions.audit import Audit
from actors.exchange.embedded import Opening, OpenProphetX
from actors.exchange.faults import Rule
from actors.exchange.prophetx.board import Ticket
from actors.exchange.prophetx.exchange import Exchange
from actors.exchange.prophetx.settings import ExchangeSettings
from actors.io.transport import Dial
from actors.messages import MarketView
from actors.paper import Paper
from actors.simulation.determinism import run_pinned
from actors.strategy import Desk, Strategy, View
from protocol.events import Side
from protocol.ids import BookKey, ClientOrderId, SelectionId, VenueName
from protocol.odds import opposite
from protocol.order import Order
from protocol.prophetx.venue import NAME as PROPHETX
from protocol.prophetx.wire import Dialect

EPOCH_NS = 1_790_000_000 * 10**9
LOOK_S = 0.01
QUIET = ExchangeSettings(tournaments=1, events=1, crowd_actions_per_s=0)
"""One event with seven books, empty, and nobody else there."""

CLEAN = Audit(orders=0, fills=0, balance_cents=0, books=0)


def virtual_wall_ns() -> int:
    return EPOCH_NS + int(trio.current_time() * 10**9)


@attrs.define(eq=False)
class Hand:
    """A strategy that does what a test asks of its desk, and keeps what it was shown."""

    views: list[View] = attrs.field(factory=list)
    desk: Desk | None = None

    async def __call__(self, desk: Desk) -> None:
        self.desk = desk
        while True:
            self.views.extend(await desk.views())

    def changes(self, key: BookKey) -> list:
        return [change for view in self.views if view.key == key for change in view.market.changes]

    def fills(self) -> list:
        return [fill for view in self.views for fill in view.fills]

    def denied(self) -> list:
        return [reason for view in self.views for reason in view.denied]


@attrs.frozen
class Request:
    """The head of one HTTP request as it left the bot, a websocket's handshake included."""

    at_s: float
    method: str
    path: str  # behind the base address of REST, without the query
    venue: VenueName = PROPHETX
    body: bytearray = attrs.field(factory=bytearray, eq=False, repr=False)

    @property
    def name(self) -> str:
        return self.path.rpartition("mm/")[2] or self.path

    @property
    def is_handshake(self) -> bool:
        return self.path.startswith("/app") or self.path == "/ws"


@attrs.define(eq=False)
class Tap(trio.abc.Stream):
    """A stream that notes the requests which go out on it."""

    inner: trio.abc.Stream
    heard: list[Request]
    venue: VenueName
    base: str  # where REST is, behind the host
    last: Request | None = None

    async def send_all(self, data: bytes) -> None:
        head = bytes(data).partition(b"\r\n")[0].split(b" ")
        if head[0] in (b"GET", b"POST"):
            target = head[1].decode().partition("?")[0]
            self.last = Request(trio.current_time(), head[0].decode(), target.removeprefix(self.base), self.venue)
            self.heard.append(self.last)
        elif self.last is not None and not self.last.is_handshake:
            self.last.body.extend(data)
        await self.inner.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self.inner.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        return await self.inner.receive_some(max_bytes)

    async def aclose(self) -> None:
        await self.inner.aclose()


@attrs.define(eq=False)
class Story:
    """One run: the bot, its exchanges, and what can be done to them.

    What has one exchange in view, without saying which, means ProphetX.
    """

    paper: Paper
    hand: Hand
    requests: list[Request] = attrs.field(factory=list)
    reachable: bool = True
    summary: Summary | None = None
    _tickets: int = 0

    @property
    def exchange(self) -> Exchange:
        return self.paper.embedded[PROPHETX].exchange

    @property
    def bot(self):
        return self.paper.bot

    @property
    def desk(self) -> Desk:
        assert self.hand.desk is not None
        return self.hand.desk

    def dial(self, venue: VenueName) -> Dial:
        """Return what opens connections to an embedded exchange, and has their requests noted."""

        embedded = self.paper.embedded[venue]

        async def dial(host: str, port: int) -> trio.abc.Stream:
            if not self.reachable:
                await trio.lowlevel.checkpoint()
                raise ConnectionRefusedError(f"nobody listens at {host}:{port}")
            return Tap(await embedded.exchange.dial(host, port), self.requests, venue, embedded.path)

        return dial

    def add(self, *rules: Rule) -> None:
        self.exchange.faults.add(*rules)

    # --- the account's side ---

    @property
    def key(self) -> BookKey:
        """Name the first book: a moneyline."""
        return next(iter(self.exchange.floor.books))

    @property
    def home(self) -> SelectionId:
        return self.exchange.floor.books[self.key].listing.selections[0].selection_id

    @property
    def away(self) -> SelectionId:
        return self.exchange.floor.books[self.key].listing.selections[1].selection_id

    def place(self, price: int = 110, size: int = 1000, **how) -> ClientOrderId:
        return self.desk.place(self.key, self.home, price, size, **how)

    def order(self, name: ClientOrderId) -> Order | None:
        return self.bot.orders().get(name)

    def status(self, name: ClientOrderId) -> str:
        order = self.order(name)
        return "" if order is None else order.status.value

    async def place_open(self, price: int = 110, size: int = 1000, **how) -> ClientOrderId:
        await self.until(lambda: self.key in self.bot.books())
        name = self.place(price, size, **how)
        await self.until(lambda: self.status(name) == "open")
        return name

    # --- the others' side ---

    def enter(self, selection: SelectionId, price: int, size: int, who: str = "other"):
        """Place an order of somebody else; it is active at once."""
        if who not in self.exchange.floor.accounts:
            self.exchange.open_account(who, 10**9)
        self._tickets += 1
        ticket = Ticket(
            external_id=ClientOrderId(f"{who}-{self._tickets}"),
            selection_id=selection,
            odds=price,
            stake_cents=size,
        )
        floor = self.exchange.floor
        return floor.enter_at_once(floor.accounts[who], ticket, virtual_wall_ns())

    def hit(self, price: int, size: int):
        """Take `size` of an order of ours that backs the home side at `price`."""
        taken = size * price // 100 if price > 0 else size * 100 // -price
        return self.enter(self.away, opposite(price), taken, who="taker")

    # --- looking ---

    async def until(self, condition: Callable[[], object], within_s: float = 60.0) -> float:
        """Wait for something to become true; return when it did."""
        with trio.fail_after(within_s):
            while not condition():  # noqa: ASYNC110  # nobody tells
                await trio.sleep(LOOK_S)
        return trio.current_time()

    def asked(self, name: str, since_s: float = 0.0, venue: VenueName = PROPHETX) -> list[float]:
        """Return when an endpoint was asked."""
        asked = (each for each in self.requests if (each.venue, each.name) == (venue, name))
        return [each.at_s for each in asked if each.at_s >= since_s]

    @property
    def handshakes(self) -> list[float]:
        return [each.at_s for each in self.requests if each.venue == PROPHETX and each.is_handshake]

    @property
    def view(self) -> MarketView | None:
        return self.bot.views().get(self.key)

    def takeable(self, selection: SelectionId) -> dict[int, int]:
        """Return what the bot believes can be taken, by price."""
        side = self.view.side(selection) if self.view is not None else None
        return {} if side is None else {level.price: level.takeable for level in side.levels}

    @property
    def books(self) -> dict[BookKey, tuple[Side, ...]]:
        """Return every book as its exchange has it."""
        return {key: sides for each in self.paper.embedded.values() for key, sides in each.books().items()}

    @property
    def books_are_true(self) -> bool:
        return self.paper.audit().books == 0

    def check(self) -> None:
        """Hold the end of the run against the exchanges' ledgers: clean, flat, and every stake counted once."""
        assert self.summary is not None
        assert (self.summary.audit, self.summary.flat_on_exit) == (CLEAN, True)
        if PROPHETX in self.paper.embedded and len(self.paper.embedded) == 1:
            truth = self.exchange.truth().orders.items()
            filled = sum(order.filled for name, order in truth if name.startswith(self.bot.id_prefix))
            assert self.bot.tally.fill_cents == filled
        assert self.bot.tally.breaches == 0


@asynccontextmanager
async def open_story(
    settings: ExchangeSettings = QUIET,
    *rules: Rule,
    venues: tuple[Opening, ...] | None = None,
    dialect: Dialect = Dialect.V4,
    strategies: Mapping[str, Strategy] | None = None,
    before: Callable[[Story], None] = lambda _: None,
    checked: bool = True,
    limit_s: float = 600.0,
    **how,
) -> AsyncIterator[Story]:
    """Run a bot until the block ends, stop it, and check what it believes. The rules count from the start.

    Without `venues` it trades on one ProphetX, which `settings` and `dialect` describe.
    """
    hand = Hand()
    chosen = {"hand": hand} if strategies is None else strategies
    opened = (OpenProphetX(settings=settings, dialect=dialect),) if venues is None else venues
    paper = Paper(wall_ns=virtual_wall_ns, venues=opened, strategies=chosen, **{"seed": 1, **how})
    story = Story(paper, hand)
    for name, seat in paper.bot.seats.items():
        seat.dial = story.dial(name)
    before(story)
    if rules:
        story.add(*rules)
    with trio.fail_after(limit_s):
        async with trio.open_nursery() as nursery:

            async def run() -> None:
                story.summary = await paper.run_in_memory()

            nursery.start_soon(run)
            yield story
            paper.stop()
    if checked:
        story.check()


async def settle_in(story: Story) -> None:
    """Wait until orders may leave, every book is live, and nothing is left to be read."""
    doubts = [seat.ledger.doubts for seat in story.bot.seats.values()]
    await story.until(lambda: story.bot.ready.is_set() and not any(each.open for each in doubts))
    await story.until(lambda: story.bot.books().keys() == story.books.keys())


@pytest.fixture(name="open_story")
def _open_story(autojump_clock: trio.abc.Clock) -> Callable[..., object]:
    """Open a story in virtual time, and enter it when the bot may trade."""

    @asynccontextmanager
    async def ready(*args, **how) -> AsyncIterator[Story]:
        async with open_story(*args, **how) as story:
            await settle_in(story)
            yield story

    return ready


@pytest.fixture(name="start_story")
def _start_story(autojump_clock: trio.abc.Clock) -> Callable[..., object]:
    """Open a story in virtual time, and enter it while the bot starts."""
    return open_story


@pytest.fixture
def run_story() -> Callable[..., Story]:
    """Run a whole story from a synchronous test, on a clock of its own: so many virtual seconds, then the safe stop.

    `pinned` is a seed that takes trio's own chance away: the order of tasks then follows it.
    """

    def run(seconds: float, *, pinned: int | None = None, **how) -> Story:
        async def tell() -> Story:
            async with open_story(limit_s=seconds + 60, **how) as story:
                await trio.sleep(seconds)
            return story

        if pinned is not None:
            return run_pinned(pinned, tell)
        return trio.run(tell, clock=MockClock(autojump_threshold=0))

    return run
