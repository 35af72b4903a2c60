"""One websocket connection of one session."""

import heapq
import math
from collections import deque
from collections.abc import Callable
from random import Random

import attrs
import msgspec
import trio
import trio_websocket

from actors.exchange.faults import FRAME, Fault, Faults, Rule
from actors.exchange.line import Line
from actors.exchange.satoriex.choices import WireChoices
from actors.exchange.satoriex.frames import Message

NO_CLOSE = 1006  # the connection is cut
POLICY = 1008  # a token that ended, or a session that is connected elsewhere; U-30
OVER_CAPACITY = 1013
GOODBYE_S = 2.0
MAX_DELAYED = 1024  # frames held back at once; one more is sent without delay
MAX_JOINED = 16  # frames in one, where they are joined

_DRAWN = (FRAME | {Fault.DISCONNECT, Fault.HALF_OPEN}) - {Fault.LATE_FILL}


@attrs.define(eq=False)
class Socket:
    """Hold what one client asked to hear, and what waits to be sent.

    A client that reads too slowly is closed with 1013 when its queue is full.
    """

    account_id: str
    session_id: str
    expires_ns: int
    wire: WireChoices
    faults: Faults
    random: Random
    line: Line
    wall_ns: Callable[[], int]
    frames_queued: int
    heard: Callable[["Socket", object, object], None]  # a message's type and market
    channels: set[str] = attrs.field(factory=set, init=False)
    _queue: deque[str] = attrs.field(factory=deque, init=False)
    _ready: trio.Event = attrs.field(factory=trio.Event, init=False)
    _closed: trio.Event = attrs.field(factory=trio.Event, init=False)
    _close_code: int = attrs.field(default=NO_CLOSE, init=False)
    _held: str | None = attrs.field(default=None, init=False)
    _delayed: int = attrs.field(default=0, init=False)
    _later: list[tuple[float, int, str]] = attrs.field(factory=list, init=False)
    _later_added: trio.Event = attrs.field(factory=trio.Event, init=False)

    # --- what others ask of it ---

    @property
    def is_open(self) -> bool:
        return not self._closed.is_set()

    def close(self, code: int) -> None:
        """End the connection with a close code; 1006 cuts it."""
        if not self._closed.is_set():
            self._close_code = code
            self._closed.set()

    def freeze(self) -> None:
        self.line.freeze()

    def send(self, message: Message) -> None:
        """Send a message, unless something goes wrong with it."""
        rule = self.faults.draw(_DRAWN, message.where)
        if rule is None:
            self._put(message.frame(self.wire))
        else:
            self._send_faulty(message, rule)

    def _send_faulty(self, message: Message, rule: Rule) -> None:
        frame = message.frame(self.wire)
        match rule.fault:
            case Fault.DELAY:
                self._put_later(frame, rule.delay_s)
            case Fault.DUPLICATE:
                self._put(frame)
                self._put(frame)
            case Fault.REORDER if self._held is None:
                self._held = frame
            case Fault.REORDER:
                self._put(frame)
            case Fault.GARBAGE:
                self._put(message.spoilt(self.wire, self.random))
            case Fault.DISCONNECT:
                self.close(rule.code)
            case Fault.HALF_OPEN:
                self.freeze()
            case _:  # dropped
                pass

    def _put(self, frame: str) -> None:
        self._queue.append(frame)
        if self._held is not None:
            self._queue.append(self._held)
            self._held = None
        if len(self._queue) > self.frames_queued:
            self.close(OVER_CAPACITY)
        self._ready.set()

    def _put_later(self, frame: str, delay_s: float) -> None:
        if len(self._later) >= MAX_DELAYED:
            self._put(frame)
            return
        self._delayed += 1
        heapq.heappush(self._later, (trio.current_time() + delay_s, self._delayed, frame))
        self._later_added.set()

    # --- the connection ---

    async def run(self, connection: trio_websocket.WebSocketConnection) -> None:
        """Serve the connection until either side ends it."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write, connection)
            nursery.start_soon(self._read, connection)
            nursery.start_soon(self._release)
            if self.wire.expiry_closes:
                nursery.start_soon(self._expire)
            await self._closed.wait()
            nursery.cancel_scope.cancel()
        await self._say_goodbye(connection)

    async def _say_goodbye(self, connection: trio_websocket.WebSocketConnection) -> None:
        if self._close_code != NO_CLOSE:
            with trio.move_on_after(GOODBYE_S):
                await connection.aclose(self._close_code, "")
        await trio.aclose_forcefully(self.line)

    async def _write(self, connection: trio_websocket.WebSocketConnection) -> None:
        try:
            while True:
                await self._ready.wait()
                self._ready = trio.Event()
                while self._queue:
                    await connection.send_message(self._next())
        except trio_websocket.ConnectionClosed:
            self.close(NO_CLOSE)

    def _next(self) -> str:
        count = min(len(self._queue), MAX_JOINED) if self.wire.joined_frames else 1
        return "\n".join(self._queue.popleft() for _ in range(count))

    async def _read(self, connection: trio_websocket.WebSocketConnection) -> None:
        try:
            while True:
                self._receive(await connection.get_message())
        except trio_websocket.ConnectionClosed:
            self.close(NO_CLOSE)

    def _receive(self, text: str | bytes) -> None:
        try:
            asked = msgspec.json.decode(text, type=dict[str, object])
        except (msgspec.DecodeError, UnicodeError):
            return  # U-31: what cannot be read is ignored, as what is not known
        self.heard(self, asked.get("type"), asked.get("market_id"))

    async def _release(self) -> None:
        """Send what was held back when its time has come; what has the same time keeps its order."""
        while True:
            self._later_added = trio.Event()
            while self._later and self._later[0][0] <= trio.current_time():
                self._put(heapq.heappop(self._later)[2])
            with trio.move_on_at(self._later[0][0] if self._later else math.inf):
                await self._later_added.wait()

    async def _expire(self) -> None:
        await trio.sleep(max((self.expires_ns - self.wall_ns()) / 10**9, 0))
        self.close(POLICY)
