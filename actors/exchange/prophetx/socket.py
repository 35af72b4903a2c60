"""One websocket session of one client."""

import heapq
import math
from collections import deque
from random import Random

import attrs
import trio
import trio_websocket

from actors.exchange.faults import FRAME, Fault, Faults, Rule
from actors.exchange.line import Line
from actors.exchange.prophetx.frames import Message, spoilt
from actors.exchange.prophetx.registration import Signer
from protocol.errors import LocalProtocolError, RemoteProtocolError
from protocol.liveness import Liveness
from protocol.prophetx import pusher
from protocol.prophetx.pusher import ServerSession
from protocol.prophetx.wire import Dialect

NO_CLOSE = 1006  # the connection is cut
OVER_CAPACITY = 4100
PONG_MISSED = 4201
GOODBYE_S = 2.0
MAX_DELAYED = 1024  # frames held back at once; one more is sent without delay
MAX_CHANNEL = 200  # characters

_DRAWN = (FRAME | {Fault.DISCONNECT, Fault.HALF_OPEN, Fault.MUTE_HEARTBEAT}) - {Fault.LATE_FILL}
_DRAWN_FILL = _DRAWN | {Fault.LATE_FILL}


@attrs.define(eq=False)
class Socket:
    """Hold one client's session: what it may hear, what it asked to hear, and what waits to be sent.

    A client that reads too slowly is closed with 4100 when its queue is full.
    """

    signer: Signer
    session: ServerSession
    faults: Faults
    random: Random
    line: Line
    pong_timeout_s: float
    frames_queued: int
    dialect: Dialect = Dialect.V4
    account_id: str | None = None
    registered: tuple[tuple[int, str], ...] = ()
    _queue: deque[str] = attrs.field(factory=deque, init=False)
    _ready: trio.Event = attrs.field(factory=trio.Event, init=False)
    _closed: trio.Event = attrs.field(factory=trio.Event, init=False)
    _close_code: int = attrs.field(default=NO_CLOSE, init=False)
    _held: str | None = attrs.field(default=None, init=False)
    _delayed: int = attrs.field(default=0, init=False)
    _later: list[tuple[float, int, str]] = attrs.field(factory=list, init=False)
    _later_added: trio.Event = attrs.field(factory=trio.Event, init=False)
    _liveness: Liveness = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        timeout_s = self.session.activity_timeout_s or pusher.ACTIVITY_TIMEOUT_S
        self._liveness = Liveness(timeout_s, self.pong_timeout_s)

    # --- what others ask of it ---

    def hears(self, channel: str) -> bool:
        return channel in self.session.subscribed and not self._closed.is_set()

    def close(self, code: int) -> None:
        """End the session with a close code; 1006 cuts the connection."""
        if not self._closed.is_set():
            self._close_code = code
            self._closed.set()

    def freeze(self) -> None:
        self.line.freeze()

    def send(self, message: Message) -> None:
        """Send an application message, unless something goes wrong with it."""
        rule = self.faults.draw(_DRAWN_FILL if message.is_fill else _DRAWN, message.change_type)
        if rule is None:
            self._put(message.frame())
        else:
            self._send_faulty(message, rule)

    def _send_faulty(self, message: Message, rule: Rule) -> None:
        match rule.fault:
            case Fault.DELAY | Fault.LATE_FILL:
                self._put_later(message.frame(), rule.delay_s)
            case Fault.DUPLICATE:
                self._put(message.frame())
                self._put(message.frame())
            case Fault.REORDER if self._held is None:
                self._held = message.frame()
            case Fault.REORDER:
                self._put(message.frame())
            case Fault.GARBAGE:
                self._put(spoilt(message, self.random))
            case Fault.DISCONNECT:
                self.close(rule.code)
            case Fault.HALF_OPEN:
                self.freeze()
            case _:  # dropped, or a heartbeat that is muted
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

    async def _release(self) -> None:
        """Send what was held back when its time has come; what has the same time keeps its order."""
        while True:
            self._later_added = trio.Event()
            while self._later and self._later[0][0] <= trio.current_time():
                self._put(heapq.heappop(self._later)[2])
            with trio.move_on_at(self._later[0][0] if self._later else math.inf):
                await self._later_added.wait()

    # --- the session ---

    async def run(self, connection: trio_websocket.WebSocketConnection) -> None:
        """Serve the session until either side ends it."""
        self._liveness.heard(trio.current_time())
        self._put(self.session.establish())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write, connection)
            nursery.start_soon(self._read, connection)
            nursery.start_soon(self._watch)
            nursery.start_soon(self._release)
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
                    await connection.send_message(self._queue.popleft())
        except trio_websocket.ConnectionClosed:
            self.close(NO_CLOSE)

    async def _read(self, connection: trio_websocket.WebSocketConnection) -> None:
        try:
            while True:
                text = await connection.get_message()
                self._liveness.heard(trio.current_time())
                self._receive(text)
        except trio_websocket.ConnectionClosed:
            self.close(NO_CLOSE)

    async def _watch(self) -> None:
        while True:
            ping_due_s, dead_at_s = self._liveness.ping_due_s, self._liveness.dead_at_s
            now_s = trio.current_time()
            if dead_at_s is not None and now_s >= dead_at_s:
                self.close(PONG_MISSED)
            elif ping_due_s is not None and now_s >= ping_due_s:
                self._liveness.pinged(now_s)
                self._put(pusher.ping())
            await trio.sleep_until(self._liveness.ping_due_s or self._liveness.dead_at_s or now_s + 1)

    def _receive(self, text: str | bytes) -> None:
        try:
            asked = self.session.receive(text)
        except RemoteProtocolError as error:
            self._put(self.session.refuse(str(error)))
            return
        match asked:
            case pusher.SubscribeAsked(channel=channel, auth=auth):
                self._subscribe(channel, auth)
            case pusher.SignInAsked(auth=auth, user_data=user_data):
                self._sign_in(auth, user_data)
            case pusher.Pinged():
                self._put(pusher.pong())
            case pusher.Delivered():
                self._put(self.session.refuse("client events are not enabled"))
            case pusher.UnsubscribeAsked() | pusher.Ponged() | None:
                pass

    def _subscribe(self, channel: str, auth: str) -> None:
        if len(channel) > MAX_CHANNEL or not pusher.same(auth, self.signer.channel(channel)):
            self._put(self.session.refuse(f"Auth value for subscription to {channel[:MAX_CHANNEL]} is invalid"))
            return
        self._put(self.session.accept_subscription(channel))

    def _sign_in(self, auth: str, user_data: str) -> None:
        if not pusher.same(auth, self.signer.user(user_data)):
            self._put(self.session.refuse("Auth value for signin is invalid"))
            return
        try:
            self._put(self.session.accept_sign_in(user_data))
        except LocalProtocolError as error:
            self._put(self.session.refuse(str(error)))
