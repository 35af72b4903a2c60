"""Whole bots against the embedded SatoriEx, in memory and in virtual time."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import attrs
import msgspec
import pytest
import trio
import wsproto.frame_protocol

from actors.exchange.embedded import OpenSatoriEx
from actors.exchange.faults import Rule
from actors.exchange.satoriex.exchange import SatoriexExchange
from actors.exchange.satoriex.frames import Message
from actors.exchange.satoriex.orders import Side, Ticket
from actors.exchange.satoriex.settings import SatoriexSettings
from protocol.ids import BookKey, ClientOrderId
from protocol.order import Order
from protocol.prices import Probability
from protocol.satoriex.names import book_key, buying, selling
from protocol.satoriex.venue import NAME as SATORIEX
from protocol.satoriex.venue import SatoriEx

QUIET = SatoriexSettings(markets=1, crowd_actions_per_s=0)
"""One market with two books, empty, and nobody else there."""

TOKEN = re.compile(rb'"(access_token|refresh_token)":\s*"([^"]+)"')
HEAD_END = b"\r\n\r\n"

Alter = Callable[[bytes], tuple[int, bytes]]  # from an answer's body to another status and body


@attrs.define(eq=False)
class Alteration:
    """What becomes of the answers to requests whose method and path begin so: they are done, and answered thus."""

    asked: str
    alter: Alter
    left: int


@attrs.define(eq=False)
class Wire(trio.abc.Stream):
    """One connection of the bot's: notes what goes over it, and alters answers."""

    inner: trio.abc.Stream
    scene: "Scene"
    opened_s: float
    closed_s: float | None = None
    is_socket: bool = False
    sent: list[dict[str, object]] = attrs.field(factory=list)  # what a websocket's client said
    _asked: str = ""
    _frames: wsproto.frame_protocol.FrameProtocol = attrs.field(
        factory=lambda: wsproto.frame_protocol.FrameProtocol(client=False, extensions=[])
    )
    _kept: bytes = b""

    async def send_all(self, data: bytes) -> None:
        words = bytes(data).partition(b"\r\n")[0].split(b" ")
        if self.is_socket:
            self._note(bytes(data))
        elif len(words) == 3 and words[2].startswith(b"HTTP/"):
            self.is_socket = words[1].startswith(b"/ws?")
            self._asked = f"{words[0].decode()} {words[1].decode().removeprefix('/api/v1')}"
        await self.inner.send_all(data)

    def _note(self, data: bytes) -> None:
        self._frames.receive_bytes(data)
        for frame in self._frames.received_frames():
            if frame.opcode is wsproto.frame_protocol.Opcode.TEXT:
                self.sent.append(msgspec.json.decode(frame.payload))

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if not self._kept:
            data = bytes(await self.inner.receive_some(max_bytes))
            self.scene.tokens.update(match[2].decode() for match in TOKEN.finditer(data))
            self._kept = await self._altered(data)
        size = len(self._kept) if max_bytes is None else max_bytes
        given, self._kept = self._kept[:size], self._kept[size:]
        return given

    async def _altered(self, data: bytes) -> bytes:
        found = next(
            (each for each in self.scene.alterations if self._asked.startswith(each.asked) and each.left), None
        )
        if found is None or not data.startswith(b"HTTP/"):
            return data
        while HEAD_END not in data or len(data) < _whole(data):
            more = bytes(await self.inner.receive_some())
            if not more:
                return data
            data += more
        found.left -= 1
        status, body = found.alter(data[: _whole(data)].partition(HEAD_END)[2])
        kind = b"text/html" if body.startswith(b"<") else b"application/json"
        return b"HTTP/1.1 %d X\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n%s" % (status, kind, len(body), body)

    async def wait_send_all_might_not_block(self) -> None:
        await self.inner.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        if self.closed_s is None:
            self.closed_s = trio.current_time()
        await self.inner.aclose()


def _whole(data: bytes) -> int:
    head, _, _ = data.partition(HEAD_END)
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    return len(head) + len(HEAD_END) + (int(length[1]) if length else 0)


@attrs.define(eq=False)
class Scene:
    """A story on SatoriEx: what the account does, what the others do, what goes over the wires, what is true."""

    story: object = None  # the story of the folder above: paper, hand, requests, until, asked...
    wires: list[Wire] = attrs.field(factory=list)
    alterations: list[Alteration] = attrs.field(factory=list)
    tokens: set[str] = attrs.field(factory=set, repr=False)  # every one that was issued, of either kind

    @property
    def exchange(self) -> SatoriexExchange:
        return self.story.paper.embedded[SATORIEX].exchange

    @property
    def bot(self):
        return self.story.bot

    @property
    def seat(self):
        return self.bot.seats[SATORIEX]

    @property
    def tally(self):
        return self.bot.tally

    @property
    def hand(self):
        return self.story.hand

    @property
    def desk(self):
        return self.story.desk

    def add(self, *rules: Rule) -> None:
        self.exchange.faults.add(*rules)

    def alter(self, asked: str, alter: Alter, times: int = 1) -> None:
        """Have answers altered: of `"GET /orderbook"`, say. The exchange does what it was asked."""
        self.alterations.append(Alteration(asked, alter, times))

    async def until(self, condition: Callable[[], object], within_s: float = 60.0) -> float:
        """Wait for something to become true; return when it did."""
        return await self.story.until(condition, within_s)

    # --- names ---

    def book(self, market: int = 0, outcome: int = 0) -> BookKey:
        listed = tuple(self.exchange.floor.markets.values())[market]
        return book_key(*tuple(listed.outcomes.values())[outcome].key)

    @property
    def key(self) -> BookKey:
        """Name the first book: the Yes of the first market."""
        return self.book()

    # --- the account's side ---

    def buy(self, price_bp: int = 4200, shares: int = 100, key: BookKey | None = None, **how) -> ClientOrderId:
        """Place an order, without waiting for anything."""
        at = key or self.key
        return self.desk.place(at, buying(at), Probability(price_bp), shares, **how)

    def sell(self, price_bp: int = 4200, shares: int = 100, key: BookKey | None = None, **how) -> ClientOrderId:
        """Place a sale at a price of the outcome: the account must hold the shares."""
        at = key or self.key
        return self.desk.place(at, selling(at), Probability(10_000 - price_bp), shares, **how)

    def cancel(self, name: ClientOrderId) -> None:
        self.desk.cancel(name)

    def order(self, name: ClientOrderId) -> Order | None:
        return self.bot.orders().get(name)

    def status(self, name: ClientOrderId) -> str:
        order = self.order(name)
        return "" if order is None else order.status.value

    def filled(self, name: ClientOrderId) -> int:
        order = self.order(name)
        return 0 if order is None else order.filled

    async def open_buy(self, price_bp: int = 4200, shares: int = 100, key: BookKey | None = None) -> ClientOrderId:
        name = self.buy(price_bp, shares, key)
        await self.until(lambda: self.status(name) == "open")
        return name

    async def open_sell(self, price_bp: int = 4200, shares: int = 100, key: BookKey | None = None) -> ClientOrderId:
        name = self.sell(price_bp, shares, key)
        await self.until(lambda: self.status(name) == "open")
        return name

    @property
    def venue_orders(self) -> dict:
        """Return the account's orders as the exchange has them, by its ids, in the order in which they came."""
        return self.exchange.truth().orders

    def true_order(self, name: ClientOrderId):
        """Return an order that has an id as the exchange has it."""
        return self.venue_orders[self.order(name).venue_order_id]

    # --- the others' side ---

    def enter(self, side: Side, price_bp: int, shares: int, key: BookKey | None = None, who: str = "other"):
        """Place an order of somebody else, who has cash and shares enough; it is matched at once."""
        at, floor = key or self.key, self.exchange.floor
        if who not in floor.accounts:
            self.exchange.open_account(who, 10**13, shares=10**6)
        ticket = Ticket(
            market_id=str(at.event_id), outcome_id=str(at.market_id), side=side, price_bp=price_bp, shares=shares
        )
        return floor.enter_at_once(floor.accounts[who], ticket, self.exchange.wall_ns())

    def bid(self, price_bp: int, shares: int, key: BookKey | None = None, who: str = "other"):
        return self.enter(Side.BUY, price_bp, shares, key, who)

    def ask(self, price_bp: int, shares: int, key: BookKey | None = None, who: str = "other"):
        return self.enter(Side.SELL, price_bp, shares, key, who)

    def forge(self, kind: str, data: dict, key: BookKey | None = None, channel: str | None = None) -> None:
        """Send an event that the exchange's ledger knows nothing of to every socket."""
        at = key or self.key
        market_id, outcome_id = str(at.event_id), str(at.market_id)
        message = Message(
            where="forged",
            kind=kind,
            channel=channel or f"market:{market_id}",
            data=data,
            market_id=market_id,
            outcome_id=outcome_id,
            at=self.exchange.wall_ns() // 10**6,
        )
        for socket in self.exchange.feed.sockets:
            socket.send(message)

    # --- looking ---

    @property
    def sockets(self) -> list[Wire]:
        """Return every websocket the bot ever opened, the oldest first."""
        return [each for each in self.wires if each.is_socket]

    def sockets_at_once(self) -> int:
        """Return how many were open at the same time, at most."""
        return max(
            sum(
                each.opened_s <= one.opened_s and (each.closed_s is None or each.closed_s > one.opened_s)
                for each in self.sockets[: position + 1]
            )
            for position, one in enumerate(self.sockets)
        )

    def asked(self, request: str, since_s: float = 0.0) -> list[float]:
        """Return when requests left whose method and path begin so: `"POST /orders"`, `"GET /orderbook/"`."""
        return [
            each.at_s
            for each in self.story.requests
            if each.venue == SATORIEX and f"{each.method} {each.path}".startswith(request) and each.at_s >= since_s
        ]

    @property
    def placings(self) -> list[float]:
        return [
            each.at_s
            for each in self.story.requests
            if (each.venue, each.method, each.path) == (SATORIEX, "POST", "/orders")
        ]

    def view(self, key: BookKey | None = None):
        return self.bot.views().get(key or self.key)

    def live(self, key: BookKey | None = None) -> bool:
        view = self.view(key)
        return view is not None and view.live

    @property
    def books_are_true(self) -> bool:
        return self.story.books_are_true

    def true_shares(self) -> int:
        """Return how many shares the account has really traded."""
        return sum(order.filled_shares for order in self.venue_orders.values())

    # --- running: called by the fixtures ---

    def begin(self, story, rules: tuple[Rule, ...]) -> None:
        self.story = story
        self.exchange.faults.add(*rules)
        inner = self.seat.dial

        async def dial(host: str, port: int) -> trio.abc.Stream:
            wire = Wire(await inner(host, port), self, trio.current_time())
            self.wires.append(wire)
            return wire

        self.seat.dial = dial


def _opening(open_any: Callable) -> Callable[..., object]:
    @asynccontextmanager
    async def opened(
        settings: SatoriexSettings = QUIET,
        *rules: Rule,
        poll_s: float = 60.0,
        time_to_flat_s: float = 20.0,
        absence_after_s: float = 8.0,
        before: Callable[[Scene], None] = lambda _: None,
        **how,
    ) -> AsyncIterator[Scene]:
        venue = SatoriEx(poll_s=poll_s, time_to_flat_s=time_to_flat_s, absence_after_s=absence_after_s)
        scene = Scene()

        def prepare(story) -> None:
            scene.begin(story, rules)
            before(scene)

        venues = (OpenSatoriEx(settings=settings, venue=venue),)
        async with open_any(venues=venues, before=prepare, **how):
            yield scene

    return opened


@pytest.fixture(name="open_sx")
def _open_sx(open_story: Callable) -> Callable[..., object]:
    """Open a story on SatoriEx in virtual time, and enter it when the bot may trade.

    Takes settings, rules that count from the start, and what the story of the folder above takes (`checked`,
    `strategies`, `limits`...).
    """
    return _opening(open_story)


@pytest.fixture(name="start_sx")
def _start_sx(start_story: Callable) -> Callable[..., object]:
    """The same, entered while the bot starts."""
    return _opening(start_story)
