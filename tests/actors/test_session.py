"""A session against the embedded exchange, in memory and in virtual time."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random

import attrs
import pytest
import trio
import trio.testing

from actors.exchange.faults import Fault, Rule
from actors.exchange.prophetx.exchange import Exchange
from actors.exchange.prophetx.settings import ExchangeSettings
from actors.io.caller import Caller
from actors.io.clock import VenueClock
from actors.io.transport import Dial
from actors.listings import Listings
from actors.mailbox import Mailbox
from actors.messages import MarketView, OrdersDoubted, RestartWanted, SessionFailed, TrackerMessage
from actors.session import Session, SessionSettings
from actors.supervision import first_named
from actors.tally import Tally
from protocol.book import BookStatus
from protocol.ids import BookKey
from protocol.odds import generate_ladder
from protocol.prophetx.venue import ProphetX
from protocol.prophetx.wire import Dialect
from protocol.venue import Query, Reconnect

EPOCH_NS = 1_790_000_000 * 10**9
QUIET = ExchangeSettings(crowd_actions_per_s=0)


def wall_ns() -> int:
    return EPOCH_NS + int(trio.current_time() * 1e9)


@attrs.define(eq=False)
class Room:
    """One session, what it published, and how it ended."""

    exchange: Exchange
    caller: Caller
    session: Session
    tracker: Mailbox[TrackerMessage]
    restarts: Mailbox[RestartWanted]
    tally: Tally
    views: dict[BookKey, MarketView]
    renewals: list[str]
    ready: trio.Event = attrs.field(factory=trio.Event)
    ended_s: float = 0.0

    async def run(self, seconds: float = 10_000.0) -> SessionFailed | None:
        """Run until it fails or the time is over; return the failure."""
        with trio.move_on_after(seconds):
            try:
                await self.session.run(1, lambda _: self.ready.set())
            except SessionFailed as error:
                return self._ended(error)
            except BaseExceptionGroup as group:
                named = first_named(group, (SessionFailed,))
                if named is None:
                    raise
                return self._ended(named)
        return None

    def _ended(self, error: Exception | None) -> SessionFailed:
        self.ended_s = trio.current_time()
        assert isinstance(error, SessionFailed)
        return error

    async def fails(self, act: Callable[[], None] = lambda: None, after_s: float = 10.0) -> SessionFailed:
        """Do something to a session that is up; return what it failed with."""
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def _() -> None:
                await self.ready.wait()
                await trio.sleep(after_s)
                act()

            failure = await self.run()
            nursery.cancel_scope.cancel()
        assert failure is not None, "it did not fail"
        return failure


@asynccontextmanager
async def opened(
    settings: ExchangeSettings = QUIET, *, dialect: Dialect = Dialect.V4, dial: Dial | None = None, **given: object
) -> AsyncIterator[Room]:
    exchange = Exchange.create(wall_ns=wall_ns, random=Random(1), settings=settings)
    tally, views, renewals = Tally(), dict[BookKey, MarketView](), list[str]()
    venue, ladder = ProphetX(dialect=dialect), generate_ladder()
    caller = Caller(
        rest=venue.rest,
        traits=venue.traits,
        credentials=exchange.credentials,
        clock=VenueClock(wall_ns),
        tally=tally,
    )
    tracker, restarts = Mailbox[TrackerMessage]("tracker", 1000), Mailbox[RestartWanted]("restarts", 1)
    session = Session(
        settings=SessionSettings(rest_url="http://exchange", **given),
        dial=dial or exchange.dial,
        ask=caller.ask,
        tokens=caller,
        venue=venue,
        terms=lambda event: venue.terms(event, ladder),
        listings=Listings(
            ask=caller.ask, rest=venue.rest, competitions=(), events=(), poll=venue.traits.polls[Query.MARKETS]
        ),
        tracker=tracker,
        restarts=restarts,
        publish=lambda view: views.update({view.key: view}),
        renew=renewals.append,
        complete=lambda epoch: None,
        wake=lambda about: None,
        tally=tally,
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(exchange.run)
        async with caller.connections("http://exchange", exchange.dial):
            yield Room(exchange, caller, session, tracker, restarts, tally, views, renewals)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("dialect", Dialect)
async def test_every_book_becomes_live(autojump_clock, dialect):
    async with opened(dialect=dialect) as room:
        assert await room.run(60) is None

    assert room.views.keys() == room.exchange.truth().books.keys()
    assert {view.status for view in room.views.values()} == {BookStatus.LIVE}
    assert room.ready.is_set()


@pytest.mark.parametrize("dialect", Dialect)
async def test_books_follow_the_crowd(autojump_clock, dialect):
    async with opened(ExchangeSettings(), dialect=dialect) as room:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(room.run, 60)
            await trio.sleep(50)
            room.exchange.pause_crowd()

        truth = room.exchange.truth().books
        assert {key: view.sides for key, view in room.views.items()} == truth
        assert room.tally.updates > 100
        assert room.tally.healed == 0


@pytest.mark.parametrize(
    ("code", "reconnect"),
    [
        (1006, Reconnect.ORDINARY),
        (4001, Reconnect.CHANGED),
        (4100, Reconnect.AFTER_A_SECOND),
        (4200, Reconnect.AT_ONCE),
        (4301, Reconnect.CHANGED),
    ],
)
async def test_a_close_code_says_how_soon_a_new_socket_may_follow(autojump_clock, code, reconnect):
    async with opened() as room:
        failure = await room.fails(lambda: room.exchange.disconnect(code))

    assert failure.reconnect is reconnect


async def test_a_mute_heartbeat_ends_the_session_after_30_s(autojump_clock):
    async with opened() as room:
        failure = await room.fails(lambda: room.exchange.feed.mute_heartbeat(wall_ns() + 10**12))

    assert str(failure) == "no health check for 30 s"


async def test_a_dead_line_ends_the_session(autojump_clock):
    async with opened() as room:
        rule = Rule(fault=Fault.HALF_OPEN, times=1)
        failure = await room.fails(lambda: room.exchange.faults.add(rule))

    assert str(failure) == "no health check for 30 s"


async def test_a_wanted_restart_ends_the_session_at_once(autojump_clock):
    async with opened() as room:
        failure = await room.fails(lambda: room.restarts.put(RestartWanted("deaf")))

    assert (str(failure), failure.reconnect) == ("deaf", Reconnect.AT_ONCE)


async def test_a_changed_configuration_wants_another_session_and_does_not_end_this_one(autojump_clock):
    async with opened(config_refresh_s=100.0) as room, trio.open_nursery() as nursery:
        nursery.start_soon(room.run, 1000)
        await room.ready.wait()
        room.exchange.change_config(10_000.0)

    assert room.renewals == ["the connection configuration changed"]


async def test_an_unchanged_configuration_is_read_again_and_again(autojump_clock):
    async with opened(config_refresh_s=100.0) as room:
        assert await room.run(1000) is None

    assert room.renewals == []


async def test_a_heartbeat_of_pings_keeps_a_session_without_health_checks_up(autojump_clock):
    async with opened(
        attrs.evolve(QUIET, heartbeat_s=10_000.0, activity_timeout_s=20.0), heartbeat_timeout_s=5000
    ) as room:
        assert await room.run(500) is None


async def test_frames_that_nobody_can_read_doubt_orders_and_books(autojump_clock):
    async with opened() as room:
        room.exchange.faults.add(Rule(fault=Fault.GARBAGE, where="health_check", times=3))
        assert await room.run(60) is None

    heard = room.tracker.take_nowait()
    assert room.tally.unreadable >= 1
    assert any(isinstance(message, OrdersDoubted) for message in heard)
    assert {view.status for view in room.views.values()} == {BookStatus.LIVE}


async def test_too_many_frames_that_nobody_can_read_end_the_session(autojump_clock):
    async with opened(heartbeat_timeout_s=100_000.0) as room:
        rule = Rule(fault=Fault.GARBAGE)
        failure = await room.fails(lambda: room.exchange.faults.add(rule))

    assert "frames that nobody can read" in str(failure)


@pytest.mark.parametrize("error", [OSError("nobody"), trio.BrokenResourceError("cut")])
async def test_no_connection_fails_the_session(autojump_clock, error):
    async def dial(host: str, port: int) -> trio.abc.Stream:
        raise error

    async with opened(dial=dial) as room:
        failure = await room.run()

    assert str(failure).startswith("no connection to")


async def test_a_handshake_that_never_ends_fails_the_session(autojump_clock):
    peers = []

    async def dial(host: str, port: int) -> trio.abc.Stream:
        ours, theirs = trio.testing.memory_stream_pair()
        peers.append(ours)
        return theirs

    async with opened(dial=dial) as room:
        failure = await room.run()

    assert str(failure) == "no websocket handshake in time"


@pytest.mark.parametrize(
    ("answer", "reconnect"),
    [
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", Reconnect.CHANGED),
        (b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 6\r\n\r\n<html>", Reconnect.ORDINARY),
        (b"no http at all\r\n\r\n", None),
        (b"", None),
    ],
)
async def test_a_handshake_that_is_refused_or_garbled_fails_only_the_session(
    autojump_clock, nursery, answer, reconnect
):
    async def refuse(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await stream.send_all(answer)
        await stream.aclose()

    async def dial(host: str, port: int) -> trio.abc.Stream:
        ours, theirs = trio.testing.memory_stream_pair()
        nursery.start_soon(refuse, ours)
        return theirs

    async with opened() as room:
        room.session.dial = dial
        failure = await room.run()

    assert failure is not None
    assert reconnect in (None, failure.reconnect)


async def test_an_event_that_is_unlisted_takes_its_books_along(autojump_clock):
    async with opened() as room:
        event_id = next(iter(room.exchange.floor.events))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(room.run, 60)
            await room.ready.wait()
            await trio.sleep(10)
            room.exchange.settle(event_id)

    gone = {view.status for key, view in room.views.items() if key.event_id == event_id}
    assert gone == {BookStatus.SUSPENDED}


async def test_books_can_be_compared_with_rest(autojump_clock):
    async with opened() as room:
        assert await room.session.compare_books() == []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(room.run, 60)
            await room.ready.wait()
            await trio.sleep(10)
            snapshots = await room.session.compare_books()

    assert {book.key for each in snapshots for book in each.books} == room.views.keys()
