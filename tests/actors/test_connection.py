import json
from collections.abc import Callable
from typing import Any

import attrs
import pytest
import trio
import trio.testing
import trio_websocket

from actors.connection import ACK_TIMEOUT_S, Connection
from actors.decisions.coverage import Coverage
from actors.mailbox import Mailbox
from actors.messages import OrdersDoubted, SessionFailed, SnapshotWanted
from actors.supervision import first_named
from actors.tally import Tally
from actors.watchdog import Pulse
from protocol.events import About, EventListed, EventStatus, EventUnlisted, Hinted, MessageUnreadable
from protocol.ids import BookKey, CompetitionId, EventId, MarketId
from protocol.liveness import Liveness
from protocol.prophetx.venue import ProphetX
from protocol.venue import Call, Channel, Feed, Heard, Reconnect, Registration, Say, Wanted

ESTABLISHED = {"event": "pusher:connection_established", "data": '{"socket_id":"1.2","activity_timeout":40}'}
PRIVATE = Channel(name="private-me", auth="a", private=True)


def event(number: int = 1, status: EventStatus = EventStatus.SCHEDULED) -> EventListed:
    return EventListed(event_id=EventId(number), competition_id=CompetitionId(31), name="A at B", status=status)


@attrs.define
class Hinting:
    """A feed that needs no handshake, has no ping of its own, and hears what it is told to in any frame."""

    heard: tuple[Heard, ...] = ()
    established: bool = True
    awaiting: bool = False
    activity_timeout_s: float = 20.0
    ping: str | None = None

    def registering(self, wanted: Wanted) -> None:
        return None

    def subscribe(self, wanted: Wanted, registration: Registration | None) -> tuple[str, ...]:
        return ()

    def receive(self, frame: str | bytes) -> tuple[Heard, ...]:
        return self.heard


class Room:
    """A connection to a socket whose other end is played by the test."""

    def __init__(self, nursery: trio.Nursery, *, by_event: bool = True, feed: Feed | None = None) -> None:
        self.nursery = nursery
        self.socket: trio_websocket.WebSocketConnection | None = None
        self.connected = trio.Event()
        self.sent: list[dict[str, Any]] = []
        self.acks = True
        self.registered: list[Any] = []
        self.woken: list[About] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.connection = Connection(
            url="ws://venue/app/key?protocol=7",
            dial=self.dial,
            ask=self.ask,
            feed=feed or ProphetX().open_feed(),
            reconnect_after=ProphetX().reconnect_after,
            coverage=Coverage(by_event=by_event),
            pulse=Pulse(Liveness(120.0)),
            ping=Mailbox("ping", 1),
            router=Mailbox("router", 500),
            tracker=Mailbox("tracker", 500),
            snapshots=Mailbox("snapshots", 500),
            wake=self.woken.append,
            tally=Tally(),
        )

    async def dial(self, host: str, port: int) -> trio.abc.Stream:
        ours, theirs = trio.testing.memory_stream_pair()
        self.nursery.start_soon(self._accept, ours)
        return theirs

    async def _accept(self, stream: trio.abc.Stream) -> None:
        request = await trio_websocket.wrap_server_stream(self.nursery, stream)
        self.socket = await request.accept()
        self.connected.set()
        try:
            while True:
                frame = json.loads(await self.socket.get_message())
                self.sent.append(frame)
                if frame["event"] == "pusher:signin":
                    await self.say({"event": "pusher:signin_success", "data": "{}"})
                if frame["event"] == "pusher:subscribe" and self.acks:
                    channel = frame["data"]["channel"]
                    await self.say(
                        {"event": "pusher_internal:subscription_succeeded", "channel": channel, "data": "{}"}
                    )
        except trio_websocket.ConnectionClosed:
            pass

    async def say(self, *frames: dict[str, Any] | str) -> None:
        await self.connected.wait()
        assert self.socket is not None
        for frame in frames:
            await self.socket.send_message(frame if isinstance(frame, str) else json.dumps(frame))

    async def ask(self, call: Call[Any], /, sending: Callable[[], None] = lambda: None) -> Any:
        await trio.lowlevel.checkpoint()
        self.registered.append(json.loads(call.request.body or b"{}"))
        self.meanwhile()
        events = [Channel(name=f"e-{each}", auth="a", event_id=each) for each in self.connection.coverage.registered]
        return Registration(channels=(PRIVATE, *events), sign_in=("s", "{}"), rejected=("event:x: malformed_id",))

    async def fails(self, *frames: dict[str, Any] | str) -> SessionFailed:
        self.nursery.start_soon(self.say, *frames)
        with trio.fail_after(1000):
            try:
                await self.connection.run()
            except SessionFailed as error:
                return error
            except BaseExceptionGroup as group:
                failed = first_named(group, (SessionFailed,))
                assert isinstance(failed, SessionFailed)
                return failed
        raise AssertionError("it never returns")

    async def up(self, *events: EventListed) -> None:
        for each in events:
            self.connection.hear(each)
        self.nursery.start_soon(self.say, ESTABLISHED)
        await self.nursery.start(self.connection.run)

    def kinds(self) -> list[str]:
        return [frame["event"] for frame in self.sent]


async def test_everything_wanted_is_registered_signed_in_and_subscribed(autojump_clock, nursery):
    room = Room(nursery)
    await room.up(event(1))

    assert room.registered[0]["subscriptions"] == [{"type": "event", "ids": ["1"]}]
    assert room.kinds() == ["pusher:signin", "pusher:subscribe", "pusher:subscribe"]
    assert room.connection.router.take_nowait() == [event(1)]
    assert room.connection.snapshots.take_nowait() == [SnapshotWanted(event_ids=(EventId(1),))]
    assert room.connection.pulse.liveness.activity_timeout_s == 40
    nursery.cancel_scope.cancel()


async def test_the_subscriptions_grow_when_an_event_is_listed(autojump_clock, nursery):
    room = Room(nursery)
    await room.up(event(1))
    room.connection.hear(event(2))
    await trio.sleep(1)

    assert room.registered[1]["subscriptions"] == [{"type": "event", "ids": ["1", "2"]}]
    assert [frame["data"]["channel"] for frame in room.sent[1:]] == ["private-me", "e-1", "e-2"]
    assert room.connection.router.take_nowait() == [event(1), event(2)]
    nursery.cancel_scope.cancel()


async def test_an_event_that_ends_while_it_is_registered_is_let_go(autojump_clock, nursery):
    room = Room(nursery)
    room.meanwhile = lambda: room.connection.hear(event(1, EventStatus.ENDED))
    await room.up(event(1), event(2))

    assert room.connection.router.take_nowait() == [EventUnlisted(event_id=EventId(1)), event(2)]
    nursery.cancel_scope.cancel()


async def test_where_all_books_come_on_one_channel_a_new_event_needs_no_registration(autojump_clock, nursery):
    room = Room(nursery, by_event=False)
    await room.up(event(1))
    room.connection.hear(event(2))
    await trio.sleep(1)

    assert len(room.registered) == 1
    assert room.connection.snapshots.take_nowait()[-1] == SnapshotWanted(event_ids=(EventId(2),))
    nursery.cancel_scope.cancel()


async def test_an_event_that_is_unlisted_is_told_on(autojump_clock, nursery):
    room = Room(nursery)
    room.connection.hear(EventUnlisted(event_id=EventId(1)))

    assert room.connection.router.take_nowait() == [EventUnlisted(event_id=EventId(1))]


async def test_pings_are_answered_and_asked_for(autojump_clock, nursery):
    room = Room(nursery)
    await room.up()
    room.sent.clear()
    await room.say({"event": "pusher:ping", "data": "{}"})
    await trio.sleep(1)
    room.connection.ping.offer(None)
    await trio.sleep(1)

    assert room.kinds() == ["pusher:pong", "pusher:ping"]
    nursery.cancel_scope.cancel()


async def test_a_frame_that_is_no_frame_doubts_orders_and_books(autojump_clock, nursery):
    room = Room(nursery)
    await room.up()
    await room.say("garbage", {"event": "pusher:unheard_of"}, {"event": "pusher:error", "data": '{"message":"no"}'})
    await trio.sleep(1)

    assert [type(each) for each in room.connection.tracker.take_nowait()] == [OrdersDoubted]
    assert [type(each) for each in room.connection.router.take_nowait()] == [MessageUnreadable]
    assert room.connection.tally.unreadable == 2
    nursery.cancel_scope.cancel()


async def test_a_refused_handshake_or_subscription_ends_the_session(autojump_clock, nursery):
    room = Room(nursery)
    room.acks = False

    early = await room.fails({"event": "pusher:error", "data": '{"message":"over quota","code":4004}'})

    assert (str(early), early.reconnect) == ("the venue refused the session: over quota", Reconnect.CHANGED)


async def test_subscriptions_that_nobody_acknowledges_end_the_session(autojump_clock, nursery):
    room = Room(nursery)
    room.acks = False

    failure = await room.fails(ESTABLISHED)

    assert str(failure) == "subscriptions not acknowledged"
    assert trio.current_time() == pytest.approx(ACK_TIMEOUT_S, abs=2)


async def test_a_socket_without_a_handshake_ends_the_session(autojump_clock, nursery):
    assert str(await Room(nursery).fails()) == "the venue did not open the session"


async def test_a_router_or_reconciler_that_does_not_keep_up_ends_the_session(autojump_clock, nursery):
    room = Room(nursery)
    for name in ("router", "snapshots"):
        slow = attrs.evolve(room.connection, **{name: Mailbox(name, 0)})
        slow._joined = True
        slow.coverage.registered[EventId(1)] = None

        with pytest.raises(SessionFailed, match="does not keep up"):
            slow.hear(event(1))
        slow.coverage.forget(EventId(1))


# --- a socket that hints -----------------------------------------------------------------------------------------


def hint(about: About) -> Hinted:
    return Hinted(about=about, event_id=EventId(1))


async def hinted(nursery: trio.Nursery, *heard: Heard) -> Room:
    """A connection that has heard this in its first frame."""
    room = Room(nursery, feed=Hinting(heard))
    await room.up()
    await trio.sleep(1)
    return room


@pytest.mark.parametrize(
    ("about", "router", "tracker", "woken"),
    [
        (About.BOOK, [hint(About.BOOK)], [], []),
        (About.ORDERS, [], [hint(About.ORDERS)], []),
        (About.FUNDS, [], [], [About.FUNDS]),
        (About.MARKET, [], [], [About.MARKET]),
    ],
)
async def test_a_hint_goes_to_whom_it_concerns(autojump_clock, nursery, about, router, tracker, woken):
    room = await hinted(nursery, hint(about))

    assert room.connection.router.take_nowait() == router
    assert room.connection.tracker.take_nowait() == tracker
    assert room.woken == woken
    nursery.cancel_scope.cancel()


async def test_what_the_feed_says_is_sent(autojump_clock, nursery):
    room = await hinted(nursery, Say('{"event":"one"}'), Say('{"event":"two"}'))

    assert room.sent == [{"event": "one"}, {"event": "two"}]
    nursery.cancel_scope.cancel()


async def test_a_feed_without_a_ping_of_its_own_has_the_websocket_s_and_a_pong_is_a_sign_of_life(
    autojump_clock, nursery
):
    room = Room(nursery, feed=Hinting())
    await room.up()
    liveness = room.connection.pulse.liveness
    await trio.sleep_until(50)
    liveness.pinged(50.0)

    room.connection.ping.offer(None)
    await trio.sleep_until(51)

    assert room.sent == []
    assert (liveness.dead_at_s, liveness.ping_due_s) == (None, 50.0 + 20.0)
    nursery.cancel_scope.cancel()


async def test_the_first_frame_says_how_long_the_peer_may_be_silent(autojump_clock, nursery):
    room = await hinted(nursery)

    assert room.connection.pulse.liveness.activity_timeout_s == 20.0
    nursery.cancel_scope.cancel()


async def test_the_books_of_a_new_event_are_wanted_by_the_names_that_its_listing_has(autojump_clock, nursery):
    keys = tuple(BookKey(EventId(1), MarketId(number)) for number in (1, 2))
    room = Room(nursery, feed=Hinting())

    await room.up(attrs.evolve(event(1), keys=keys), event(2))

    assert room.connection.snapshots.take_nowait() == [SnapshotWanted(event_ids=(EventId(2),), keys=keys)]
    nursery.cancel_scope.cancel()


async def test_an_event_that_is_listed_later_wants_its_books_by_name(autojump_clock, nursery):
    key = BookKey(EventId(1), MarketId(1))
    room = Room(nursery, feed=Hinting())
    await room.up()

    room.connection.hear(attrs.evolve(event(1), keys=(key,)))
    await trio.sleep(1)

    assert room.connection.snapshots.take_nowait() == [SnapshotWanted(keys=(key,))]
    nursery.cancel_scope.cancel()
