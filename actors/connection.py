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
from protocol.errors import RemoteProtocolError
from protocol.events import (
    EventListed,
    EventUnlisted,
    HeartbeatReceived,
    MessageUnreadable,
    OrderReported,
    UnknownReceived,
    VenueEvent,
)
from protocol.ids import EventId
from protocol.prophetx import pusher
from protocol.prophetx.pusher import Reconnect
from protocol.prophetx.pushes import PushReader
from protocol.venue import Channel, Rest

log = structlog.get_logger()

ACK_TIMEOUT_S = 15.0
MAX_UNREADABLE = 100  # frames a session may carry that nobody can read, before it is given up


@attrs.define(kw_only=True)
class Connection:
    """Run one socket: handshake, registration, subscriptions; then turn frames into events for whom they concern.

    The reader never waits on anything downstream: a full mailbox ends the session or the bot, by its own rule.
    """

    url: str
    dial: Dial
    ask: Ask
    rest: Rest
    reader: PushReader
    coverage: Coverage
    pulse: Pulse
    ping: Mailbox[None]
    router: Mailbox[RouterMessage]
    tracker: Mailbox[TrackerMessage]
    snapshots: Mailbox[SnapshotWanted]
    tally: Tally
    session: pusher.ClientSession = attrs.field(factory=pusher.ClientSession)
    _established: trio.Event = attrs.field(factory=trio.Event)
    _acked: trio.Event = attrs.field(factory=trio.Event)
    _awaiting: set[str] = attrs.field(factory=set)
    _pongs: Mailbox[None] = attrs.field(factory=lambda: Mailbox("pongs", 8))
    _grow: Mailbox[None] = attrs.field(factory=lambda: Mailbox("subscriptions", 1))
    _joined: bool = False
    _unreadable: int = 0

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve the socket; started when everything wanted is subscribed. Raises `SessionFailed`."""
        async with open_socket(self.url, self.dial) as socket, trio.open_nursery() as nursery:
            nursery.start_soon(self._receive, socket)
            nursery.start_soon(self._answer, socket, self._pongs, pusher.pong)
            nursery.start_soon(self._answer, socket, self.ping, pusher.ping)
            await self._wait(self._established, CONNECT_TIMEOUT_S, "no pusher handshake")
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
        registration = await self.ask(self.rest.register(self.session.socket_id, wanted))
        if registration.channel_limit is not None:
            self.coverage.limit = min(self.coverage.limit, registration.channel_limit)
        for text in registration.rejected:
            log.warning("subscription_rejected", subscription=text)
        if self.coverage.left_out:
            log.warning("events_left_out", events=self.coverage.left_out, channel_limit=self.coverage.limit)
        channels = [channel for channel in registration.channels if channel.name not in self.session.subscribed]
        self.reader.broadcast |= {channel.name for channel in registration.channels if not channel.private}
        if registration.sign_in is not None and not self.session.signed_in:
            await socket.send(self.session.sign_in(*registration.sign_in))
        await self._join(socket, channels)
        self._joined = True
        new = tuple(each for each in new if each in self.coverage.listed)  # one may have ended meanwhile
        for event_id in new:
            self._route(self.coverage.listed[event_id])  # not before its channel is heard: its books would be dead
        if new:
            self._want_snapshots(new)

    async def _join(self, socket: Socket, channels: list[Channel]) -> None:
        if not channels:
            return
        self._acked = trio.Event()
        self._awaiting = {channel.name for channel in channels}
        for channel in channels:
            await socket.send(self.session.subscribe(channel.name, channel.auth))
        await self._wait(self._acked, ACK_TIMEOUT_S, "subscriptions not acknowledged")

    def _want_snapshots(self, event_ids: tuple[EventId, ...]) -> None:
        if not self.snapshots.offer(SnapshotWanted(event_ids=event_ids)):
            raise SessionFailed("the reconciler does not keep up")

    async def _wait(self, event: trio.Event, timeout_s: float, failure: str) -> None:
        with trio.move_on_after(timeout_s) as scope:
            await event.wait()
        if scope.cancelled_caught:
            raise SessionFailed(failure)

    # --- frames ---

    async def _receive(self, socket: Socket) -> None:
        while True:
            frame = await socket.receive()
            self.pulse.heard(trio.current_time())
            try:
                event = self.session.receive(frame)
            except RemoteProtocolError as error:
                self._dispatch(MessageUnreadable(private=True, reason=str(error)))
                self._dispatch(MessageUnreadable(private=False, reason=str(error)))
                continue
            self._hear(event)

    def _hear(self, event: pusher.ClientEvent | None) -> None:
        match event:
            case pusher.Delivered(channel=channel, event=name, data=data):
                for each in self.reader.read(channel, name, data):
                    self._dispatch(each)
            case pusher.Established(activity_timeout_s=activity_timeout_s):
                self.pulse.liveness.activity_timeout_s = activity_timeout_s
                self._established.set()
            case pusher.Subscribed(channel=channel):
                self._awaiting.discard(channel)
                if not self._awaiting:
                    self._acked.set()
            case pusher.Pinged():
                self._pongs.offer(None)
            case pusher.Refused(message=message, code=code):
                self._refused(message, code)
            case pusher.SignedIn() | pusher.Ponged() | None:
                pass
            case _:
                assert_never(event)

    def _refused(self, message: str, code: int | None) -> None:
        log.warning("socket_refusal", code=code, message=message)
        if self._awaiting or not self._established.is_set():
            raise SessionFailed(f"the venue refused the session: {message}", Reconnect.CHANGED)

    def _dispatch(self, event: VenueEvent) -> None:
        match event:
            case OrderReported():
                self.tracker.put(event)
            case HeartbeatReceived():
                self.pulse.beat(trio.current_time())
            case UnknownReceived(kind=kind):
                self.tally.unknown += 1
                log.debug("unknown_message", kind=kind)
            case MessageUnreadable():
                self._unread(event)
            case EventListed() | EventUnlisted():
                self.hear(event)
            case _:
                self._route(event)

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

    async def _answer(self, socket: Socket, wanted: Mailbox[None], text: Callable[[], str]) -> None:
        while True:
            for _ in await wanted.take():
                await socket.send(text())
