"""An exchange in memory and in virtual time, with a client on the real HTTP and websocket stacks."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import TypeVar

import attrs
import httpcore
import msgspec
import pytest
import trio
import trio_websocket

from actors.exchange.faults import Faults, Rule
from actors.exchange.prophetx.exchange import Exchange
from actors.exchange.prophetx.settings import ExchangeSettings
from protocol.commands import PlaceOrder, TimeInForce
from protocol.events import VenueEvent
from protocol.ids import ClientOrderId, SelectionId
from protocol.odds import Odds
from protocol.prophetx import pusher
from protocol.prophetx.pushes import PushReader
from protocol.prophetx.rest import ProphetXRest
from protocol.prophetx.wire import Dialect
from protocol.venue import Call, Registration, Response, Tokens, Wanted

T = TypeVar("T")
EPOCH_NS = 1_790_000_000 * 10**9
QUIET = ExchangeSettings(crowd_actions_per_s=0)


def virtual_wall_ns() -> int:
    return EPOCH_NS + int(trio.current_time() * 10**9)


class _Stream(httpcore.AsyncNetworkStream):
    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            with trio.fail_after(timeout or 60):
                return bytes(await self._stream.receive_some(max_bytes))
        except trio.TooSlowError as error:
            raise httpcore.ReadTimeout from error
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
    exchange: Exchange

    async def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):  # type: ignore[no-untyped-def]
        return _Stream(await self.exchange.dial(host, port))

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)


@attrs.define(eq=False)
class Socket:
    """A client's websocket session, with everything it was told."""

    connection: trio_websocket.WebSocketConnection
    reader: PushReader
    session: pusher.ClientSession = attrs.field(factory=pusher.ClientSession)
    registration: Registration | None = None
    frames: list[pusher.Delivered] = attrs.field(factory=list)

    async def next(self) -> pusher.ClientEvent:
        while True:
            heard = self.session.receive(await self.connection.get_message())
            if isinstance(heard, pusher.Pinged):
                await self.connection.send_message(pusher.pong())
            if isinstance(heard, pusher.Delivered):
                self.frames.append(heard)
            if heard is not None:
                return heard

    async def event(self, kind: type[T], wanted: Callable[[T], bool] = lambda _: True) -> T:
        """Wait for an application event of a kind."""
        with trio.fail_after(60):
            while True:
                heard = await self.next()
                if isinstance(heard, pusher.Delivered):
                    for event in self.read(heard):
                        if isinstance(event, kind) and wanted(event):
                            return event

    def read(self, heard: pusher.Delivered) -> tuple[VenueEvent, ...]:
        return self.reader.read(heard.channel, heard.event, heard.data)

    async def subscribe(self, registration: Registration) -> None:
        self.registration = registration
        if registration.sign_in is not None:
            await self.connection.send_message(self.session.sign_in(*registration.sign_in))
        for channel in registration.channels:
            await self.connection.send_message(self.session.subscribe(channel.name, channel.auth))
        with trio.fail_after(60):
            while len(self.session.subscribed) < len(registration.channels):
                await self.next()


@attrs.define(eq=False)
class Client:
    """A trader's side of the exchange, in one dialect."""

    exchange: Exchange
    rest: ProphetXRest
    pool: httpcore.AsyncConnectionPool
    nursery: trio.Nursery
    token: str = ""
    tokens: Tokens | None = None
    prefix: str = ""

    async def send(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None, timeout_s: float = 30.0
    ) -> Response:
        sent = {"host": "exchange", **(headers or {})}
        if self.token:
            sent["authorization"] = f"Bearer {self.token}"
        answer = await self.pool.request(
            method,
            f"http://exchange{self.prefix}{path}",
            content=body,
            headers=list(sent.items()),
            extensions={"timeout": {"read": timeout_s}},
        )
        names = {name.decode().lower(): value.decode() for name, value in answer.headers}
        return Response(status=answer.status, body=answer.content, headers=names)

    async def get(self, path: str) -> object:
        return msgspec.json.decode((await self.send("GET", path)).body)

    async def post(self, path: str, body: object = None) -> tuple[int, object]:
        response = await self.send("POST", path, msgspec.json.encode(body if body is not None else {}))
        return response.status, msgspec.json.decode(response.body)

    async def call(self, call: Call[T]) -> T:
        request = call.request
        response = await self.send(
            request.method, request.path, request.body or b"", dict(request.headers), call.timeout_s
        )
        return call.read(response)

    async def log_in(self) -> None:
        self.token = ""
        self.tokens = await self.call(self.rest.log_in(self.exchange.credentials))
        self.token = self.tokens.access_token

    async def place(
        self, name: str, selection: SelectionId, odds: int, stake_cents: int, how: TimeInForce = TimeInForce.REST
    ) -> object:
        book, _ = self.exchange.floor.selections[selection]
        command = PlaceOrder(
            client_order_id=ClientOrderId(name),
            key=book.listing.key,
            selection_id=selection,
            price=Odds(odds),
            size=stake_cents,
            time_in_force=how,
        )
        return (await self.call(self.rest.place([command])))[0]

    async def open_socket(self, key: str | None = None, query: str = "?protocol=7") -> Socket:
        stream = await self.exchange.dial("exchange", 80)
        connection = await trio_websocket.wrap_client_stream(
            self.nursery, stream, "exchange", f"/app/{key or self.exchange.feed.key}{query}"
        )
        return Socket(connection, PushReader(self.rest.dialect))

    async def listen(self, wanted: Wanted | None = None) -> Socket:
        """Open a socket and subscribe to everything that is wanted."""
        socket = await self.open_socket()
        established = await socket.next()
        assert isinstance(established, pusher.Established)
        events = tuple(self.exchange.floor.events)
        await socket.subscribe(
            await self.call(self.rest.register(established.socket_id, wanted or Wanted(events=events)))
        )
        return socket


@pytest.fixture(name="open_client")
def _open_client() -> Callable[..., object]:
    return open_client


@asynccontextmanager
async def open_client(
    settings: ExchangeSettings = QUIET, *rules: Rule, dialect: Dialect = Dialect.V4, seed: int = 1
) -> AsyncIterator[Client]:
    """Run an exchange and log a client in; the rules count from then on."""
    faults = Faults(Random(seed))
    exchange = Exchange.create(wall_ns=virtual_wall_ns, random=Random(seed), settings=settings, faults=faults)
    async with trio.open_nursery() as nursery:
        await nursery.start(lambda task_status: exchange.run(task_status=task_status))
        pool = httpcore.AsyncConnectionPool(network_backend=_Backend(exchange), max_connections=4)
        client = Client(exchange, ProphetXRest(dialect), pool, nursery)
        await client.log_in()
        faults.add(*rules)
        yield client
        nursery.cancel_scope.cancel()


@pytest.fixture
async def client(autojump_clock: trio.abc.Clock) -> AsyncIterator[Client]:
    async with open_client() as client:
        yield client
