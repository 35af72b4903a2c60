"""The venue in memory and in virtual time, with a trader on the real HTTP and websocket stacks."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import partial
from random import Random

import attrs
import httpcore
import msgspec
import pytest
import trio
import trio_websocket

from actors.exchange.faults import Faults, Rule
from actors.exchange.satoriex.exchange import SatoriexExchange
from actors.exchange.satoriex.orders import Side, Ticket
from actors.exchange.satoriex.settings import SatoriexSettings
from protocol.venue import Response

EPOCH_NS = 1_790_000_000 * 10**9
QUIET = SatoriexSettings(crowd_actions_per_s=0)
DECODER = msgspec.json.Decoder(float_hook=Decimal)


def virtual_wall_ns() -> int:
    return EPOCH_NS + int(trio.current_time() * 10**9)


class _Stream(httpcore.AsyncNetworkStream):
    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            with trio.fail_after(timeout or 60):
                return bytes(await self._stream.receive_some(max_bytes))
        except trio.BrokenResourceError as error:
            raise httpcore.ReadError from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        try:
            await self._stream.send_all(buffer)
        except trio.BrokenResourceError as error:
            raise httpcore.WriteError from error

    async def aclose(self) -> None:
        await self._stream.aclose()

    def get_extra_info(self, info: str) -> None:
        return None


@attrs.define
class _Backend(httpcore.AsyncNetworkBackend):
    exchange: SatoriexExchange

    async def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):  # type: ignore[no-untyped-def]
        return _Stream(await self.exchange.dial(host, port))

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)


@attrs.define(eq=False)
class Socket:
    """A trader's websocket, with every frame that came and every object in them."""

    connection: trio_websocket.WebSocketConnection
    frames: list[str] = attrs.field(factory=list)
    events: list[dict] = attrs.field(factory=list)

    async def send(self, **message: object) -> None:
        await self.connection.send_message(msgspec.json.encode(message).decode())

    async def subscribe(self, market_id: str) -> None:
        await self.send(type="subscribe", market_id=market_id)
        await self.send(type="subscribe_marketdata", market_id=market_id)

    async def hear(self, seconds: float) -> list[dict]:
        """Return the events of so many seconds."""
        start = len(self.events)
        with trio.move_on_after(seconds):
            while True:
                await self._next()
        return self.events[start:]

    async def event(self, kind: str, where: Callable[[dict], bool] = lambda _: True) -> dict:
        with trio.fail_after(100):
            while True:
                for event in await self._next():
                    if event["type"] == kind and where(event):
                        return event

    async def closed(self) -> int | None:
        """Wait for the end; return its code."""
        with trio.fail_after(10_000):
            try:
                while True:
                    await self._next()
            except trio_websocket.ConnectionClosed as closed:
                return closed.reason.code if closed.reason else None

    async def _next(self) -> list[dict]:
        frame = await self.connection.get_message()
        self.frames.append(frame)
        found = [DECODER.decode(line) for line in frame.split("\n")]
        self.events += found
        return found


@attrs.define(eq=False)
class Trader:
    """One account's side of the venue."""

    exchange: SatoriexExchange
    pool: httpcore.AsyncConnectionPool
    nursery: trio.Nursery
    token: str = ""
    refresh_token: str = ""

    async def send(
        self, method: str, path: str, body: bytes = b"", token: str | None = None, timeout_s: float = 60
    ) -> Response:
        headers = [("host", "exchange")]
        if token or self.token:
            headers.append(("authorization", f"Bearer {token or self.token}"))
        answer = await self.pool.request(
            method,
            f"http://exchange/api/v1{path}",
            content=body,
            headers=headers,
            extensions={"timeout": {"read": timeout_s}},
        )
        names = {name.decode().lower(): value.decode() for name, value in answer.headers}
        return Response(status=answer.status, body=answer.content, headers=names)

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, dict]:
        sent = b"" if body is None else body if isinstance(body, bytes) else msgspec.json.encode(body)
        response = await self.send(method, path, sent)
        return response.status, DECODER.decode(response.body)

    async def get(self, path: str) -> object:
        """Return the data of an answer that is a yes."""
        status, answer = await self.ask("GET", path)
        assert (status, answer["code"]) == (200, 0), answer
        return answer["data"]

    async def post(self, path: str, body: object = None) -> tuple[int, dict]:
        return await self.ask("POST", path, {} if body is None else body)

    async def log_in(self, credentials=None) -> dict:
        known = credentials or self.exchange.credentials
        status, answer = await self.post("/auth/login", {"email": known.email, "password": known.password})
        assert status == 200, answer
        self.token, self.refresh_token = answer["data"]["access_token"], answer["data"]["refresh_token"]
        return answer["data"]

    def outcome(self, market: int = 0, outcome: int = 0):
        return tuple(tuple(self.exchange.floor.markets.values())[market].outcomes.values())[outcome]

    def form(self, side: int, price: object, quantity: object, market: int = 0, outcome: int = 0) -> dict:
        market_id, outcome_id = self.outcome(market, outcome).key
        return {
            "market_id": market_id,
            "outcome_id": outcome_id,
            "side": side,
            "price": price,
            "quantity": quantity,
        }

    async def place(self, side: int, price: object, quantity: object, **where: int) -> tuple[int, dict]:
        return await self.post("/orders", self.form(side, price, quantity, **where))

    async def placed(self, side: int, price: int, quantity: int, **where: int) -> str:
        """Place an order that is accepted; return its id."""
        status, answer = await self.place(side, price, quantity, **where)
        assert status == 202, answer
        return next(reversed(self.exchange.truth().orders))

    def enter(self, account_id: str, side: int, price_bp: int, shares: int, market: int = 0, outcome: int = 0):
        """Let somebody else trade at once."""
        market_id, outcome_id = self.outcome(market, outcome).key
        ticket = Ticket(market_id=market_id, outcome_id=outcome_id, side=Side(side), price_bp=price_bp, shares=shares)
        floor = self.exchange.floor
        return floor.enter_at_once(floor.accounts[account_id], ticket, self.exchange.wall_ns())

    async def dial(self, token: str | None = None, nursery: trio.Nursery | None = None) -> Socket:
        stream = await self.exchange.dial("exchange", 80)
        path = f"/ws?token={self.token if token is None else token}"
        return Socket(await trio_websocket.wrap_client_stream(nursery or self.nursery, stream, "exchange", path))

    async def refused(self, token: str | None = None) -> tuple[int, dict]:
        """Dial for a socket that is refused; return the status and the body."""
        rejections = []
        try:
            async with trio.open_nursery() as nursery:
                await self.dial(token, nursery)
                nursery.cancel_scope.cancel()
        except* trio_websocket.ConnectionRejected as group:
            rejections += group.exceptions
        assert rejections, "the socket was accepted"
        return rejections[0].status_code, msgspec.json.decode(rejections[0].body)


@asynccontextmanager
async def open_trader(
    settings: SatoriexSettings = QUIET, *rules: Rule, seed: int = 1, connections: int = 4
) -> AsyncIterator[Trader]:
    """Run an exchange with a counterparty that has shares, and sign in; the rules count from then on."""
    faults = Faults(Random(seed))
    exchange = SatoriexExchange.create(wall_ns=virtual_wall_ns, random=Random(seed), settings=settings, faults=faults)
    exchange.open_account("other", shares=1000)
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(exchange.run))
        pool = httpcore.AsyncConnectionPool(network_backend=_Backend(exchange), max_connections=connections)
        trader = Trader(exchange, pool, nursery)
        await trader.log_in()
        faults.add(*rules)
        yield trader
        nursery.cancel_scope.cancel()


@pytest.fixture(name="open_trader")
def _open_trader() -> Callable[..., object]:
    return open_trader


@pytest.fixture
async def trader(autojump_clock: trio.abc.Clock) -> AsyncIterator[Trader]:
    async with open_trader() as trader:
        yield trader
