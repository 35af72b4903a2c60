"""Socket to events."""

from collections.abc import Callable
from typing import assert_never

import attrs
import structlog
import trio

from actors.decisions.coverage import Coverage
from actors.io.socket import CONNECT_TIMEOUT_S, Socket, open_socket
from actors.io.transport import Dial
from actors.mailbox import Mailbox
from actors.messages import (
    Ask,
    OrdersDoubted,
    RouterMessage,
    SessionFailed,
    SnapshotWanted,
    TrackerMessage,
)
from actors.tally import Tally
from actors.watchdog import Pulse
from protocol.events import (
    About,
    EventListed,
    EventUnlisted,
    HeartbeatReceived,
    Hinted,
    MessageUnreadable,
    OrderReported,
    UnknownReceived,
)
from protocol.ids import EventId
from protocol.venue import Feed, Heard, Reconnect, Say, SocketRefused

log = structlog.get_logger()

ACK_TIMEOUT_S = 15.0
MAX_UNREADABLE = 100  # frames a session may carry that nobody can read, before it is given up


@attrs.define(kw_only=True)
class Connection:
    """Run one socket: handshake, subscriptions; then turn frames into events for whom they concern.

    The reader never waits on anything downstream: a full mailbox ends the session or the bot, by its own rule.
    """

    url: str = attrs.field(repr=False)  # it may hold a token
    dial: Dial
    ask: Ask
    feed: Feed
    reconnect_after: Callable[[int], Reconnect]
    coverage: Coverage
    pulse: Pulse
    ping: Mailbox[None]
    router: Mailbox[RouterMessage]
    tracker: Mailbox[TrackerMessage]
    snapshots: Mailbox[SnapshotWanted]
    wake: Callable[[About], None]  # asks for what a hint is about, where it is not a book and not an order
    tally: Tally
    _heard: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)  # who waits for the next frame
    _replies: Mailbox[str] = attrs.field(factory=lambda: Mailbox("replies", 8))
    _grow: Mailbox[None] = attrs.field(factory=lambda: Mailbox("subscriptions", 1))
    _joined: bool = False
    _unreadable: int = 0

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve the socket; started when everything wanted is subscribed. Raises `SessionFailed`."""
        async with open_socket(self.url, self.dial, self.reconnect_after) as socket, trio.open_nursery() as nursery:
            nursery.start_soon(self._receive, socket)
            nursery.start_soon(self._reply, socket)
            nursery.start_soon(self._ping, socket)
            await self._wait(lambda: self.feed.established, CONNECT_TIMEOUT_S, "the venue did not open the session")
            await self._subscribe(socket)
            self.pulse.beat(trio.current_time())
            task_status.started()
            while True:
                await self._grow.take()
                await self._subscribe(socket)
        raise SessionFailed("the websocket ended without a word")  # a stray cancellation inside the library

    # --- subscriptions ---

    async def _subscribe(self, socket: Socket) -> None:
        wanted, new = self.coverage.register()
        call = self.feed.registering(wanted)
        registration = None if call is None else await self.ask(call)
        if registration is not None:
            if registration.channel_limit is not None:
                self.coverage.limit = min(self.coverage.limit, registration.channel_limit)
            for text in registration.rejected:
                log.warning("subscription_rejected", subscription=text)
        if self.coverage.left_out:
            log.warning("events_left_out", events=self.coverage.left_out, channel_limit=self.coverage.limit)
        for frame in self.feed.subscribe(wanted, registration):
            await socket.send(frame)
        await self._wait(lambda: not self.feed.awaiting, ACK_TIMEOUT_S, "subscriptions not acknowledged")
        self._joined = True
        new = tuple(each for each in new if each in self.coverage.listed)  # one may have ended meanwhile
        for event_id in new:
            self._route(self.coverage.listed[event_id])  # not before its channel is heard: its books would be dead
        if new:
            self._want_snapshots(new)

    def _want_snapshots(self, event_ids: tuple[EventId, ...]) -> None:
        named = tuple(key for event_id in event_ids for key in self.coverage.listed[event_id].keys or ())
        unnamed = tuple(event_id for event_id in event_ids if self.coverage.listed[event_id].keys is None)
        if not self.snapshots.offer(SnapshotWanted(event_ids=unnamed, keys=named)):
            raise SessionFailed("the reconciler does not keep up")

    async def _wait(self, condition: Callable[[], bool], timeout_s: float, failure: str) -> None:
        with trio.move_on_after(timeout_s) as scope:
            while not condition():
                await self._heard.park()
        if scope.cancelled_caught:
            raise SessionFailed(failure)

    # --- frames ---

    async def _receive(self, socket: Socket) -> None:
        while True:
            frame = await socket.receive()
            self.pulse.heard(trio.current_time())
            for heard in self.feed.receive(frame):
                self._dispatch(heard)
            self.pulse.liveness.activity_timeout_s = self.feed.activity_timeout_s
            self._heard.unpark_all()

    def _dispatch(self, heard: Heard) -> None:
        match heard:
            case OrderReported():
                self.tracker.put(heard)
            case Hinted():
                self._hint(heard)
            case HeartbeatReceived():
                self.pulse.beat(trio.current_time())
            case UnknownReceived(kind=kind):
                self.tally.unknown += 1
                log.debug("unknown_message", kind=kind)
            case MessageUnreadable():
                self._unread(heard)
            case EventListed() | EventUnlisted():
                self.hear(heard)
            case Say(text=text):
                self._replies.offer(text)
            case SocketRefused(message=message, code=code):
                self._refused(message, code)
            case _:
                self._route(heard)

    def _hint(self, hint: Hinted) -> None:
        match hint.about:
            case About.BOOK:
                self._route(hint)
            case About.ORDERS:
                self.tracker.put(hint)
            case About.FUNDS | About.MARKET:
                self.wake(hint.about)
            case _:
                assert_never(hint.about)

    def _refused(self, message: str, code: int | None) -> None:
        log.warning("socket_refusal", code=code, message=message)
        if self.feed.awaiting or not self.feed.established:
            raise SessionFailed(f"the venue refused the session: {message}", Reconnect.CHANGED)

    def hear(self, event: EventListed | EventUnlisted) -> None:
        """Learn of an event, from the socket or from REST."""
        if isinstance(event, EventUnlisted):
            self.coverage.forget(event.event_id)
            self._route(event)
            return
        new = event.event_id not in self.coverage.listed
        grows = self.coverage.hear(event)
        if event.event_id not in self.coverage.listed:
            self._route(EventUnlisted(event_id=event.event_id))
            return
        if self._joined and not self.coverage.by_event:
            self.coverage.registered[event.event_id] = None
        if event.event_id in self.coverage.registered:
            self._route(event)
            if new:
                self._want_snapshots((event.event_id,))
        elif grows and self._joined:
            self._grow.offer(None)

    def _route(self, event: RouterMessage) -> None:
        if not self.router.offer(event):
            raise SessionFailed("the router does not keep up")

    def _unread(self, event: MessageUnreadable) -> None:
        self.tally.unreadable += 1
        self._unreadable += 1
        if self._unreadable > MAX_UNREADABLE:
            raise SessionFailed(f"{self._unreadable} frames that nobody can read, the last: {event.reason}")
        if event.private:
            self.tracker.put(OrdersDoubted(event.reason))
        else:
            self._route(event)

    async def _reply(self, socket: Socket) -> None:
        while True:
            for text in await self._replies.take():
                await socket.send(text)

    async def _ping(self, socket: Socket) -> None:
        while True:
            await self.ping.take()
            text = self.feed.ping
            if text is not None:
                await socket.send(text)
            else:
                await socket.ping()
                self.pulse.heard(trio.current_time())
