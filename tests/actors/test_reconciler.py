from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import trio

from actors.mailbox import Mailbox
from actors.messages import AnswerLost, RouterMessage, SessionFailed, SnapshotTaken, SnapshotWanted
from actors.reconciler import EVENTS_A_CALL, MAX_TRIES, Reconciler
from protocol.errors import Policy, RemoteProtocolError, VenueError
from protocol.events import BookReplaced, BookUnreadable
from protocol.ids import BookKey, EventId, MarketId, Strike
from protocol.prophetx.rest import ProphetXRest
from protocol.prophetx.wire import Dialect
from protocol.satoriex.names import book_key
from protocol.satoriex.rest import SatoriExRest
from protocol.venue import Call, Poll

NO = VenueError(code="internal_error", status=500, policy=Policy.OUTCOME_UNKNOWN)
GONE = VenueError(code="http_404", status=404, policy=Policy.TERMINAL)
A, B, C = (book_key("mkt", outcome) for outcome in "abc")


def ids(*numbers: int) -> tuple[EventId, ...]:
    return tuple(EventId(number) for number in numbers)


def book(event_id: int) -> BookReplaced:
    return BookReplaced(key=BookKey(EventId(event_id), MarketId(219), Strike(0)), sides=(), sequence_ns=1)


class Room:
    """A reconciler at a venue that has a book for each event, and fails as it is told to."""

    def __init__(self, room_in_router: int = 100) -> None:
        self.asked: list[tuple[float, tuple[int, ...]]] = []
        self.failures: list[Exception] = []
        self.unreadable: set[int] = set()
        self.gone: set[int] = set()
        self.inbox = Mailbox[SnapshotWanted]("reconciler", 100)
        self.outbox = Mailbox[RouterMessage]("router", room_in_router)
        self.reconciler = Reconciler(
            inbox=self.inbox, outbox=self.outbox, ask=self.ask, rest=ProphetXRest(Dialect.V4), poll=Poll(every_s=900.0)
        )

    async def ask(self, call: Call[Any], /, sending: Callable[[], None] = lambda: None) -> Any:
        await trio.lowlevel.checkpoint()
        numbers = tuple(int(each) for each in parse_qs(urlsplit(call.request.path).query)["event_ids"][0].split(","))
        self.asked.append((trio.current_time(), numbers))
        if self.failures:
            raise self.failures.pop(0)
        if self.unreadable & set(numbers):
            raise RemoteProtocolError("markets: 1.9 is not a strike")
        return tuple(book(number) for number in numbers if number not in self.gone)

    async def run(self, seconds: float) -> list[RouterMessage]:
        with trio.move_on_after(seconds):
            await self.reconciler.run()
        return self.outbox.take_nowait()


async def test_a_wanted_book_is_read_and_handed_on(autojump_clock):
    room = Room()
    room.inbox.put(SnapshotWanted(event_ids=ids(1)))

    taken = await room.run(10)

    assert taken == [SnapshotTaken(event_ids=ids(1), books=(book(1),), asked_at_s=pytest.approx(0.05))]


async def test_wishes_that_come_together_are_one_question(autojump_clock):
    room = Room()
    for number in (1, 2, 1):
        room.inbox.put(SnapshotWanted(event_ids=ids(number)))

    await room.run(10)

    assert [numbers for _, numbers in room.asked] == [(1, 2)]


async def test_many_events_are_read_a_few_at_a_time(autojump_clock):
    room = Room()
    room.inbox.put(SnapshotWanted(event_ids=ids(*range(EVENTS_A_CALL + 1))))

    await room.run(10)

    assert [len(numbers) for _, numbers in room.asked] == [EVENTS_A_CALL, 1]


async def test_every_book_is_read_again_each_15_minutes(autojump_clock):
    room = Room()
    room.inbox.put(SnapshotWanted(event_ids=ids(1, 2)))

    await room.run(2000)

    assert [(round(asked_s), numbers) for asked_s, numbers in room.asked] == [
        (0, (1, 2)),
        (900, (1, 2)),
        (1800, (1, 2)),
    ]


async def test_an_event_without_books_is_not_read_again(autojump_clock):
    room = Room()
    room.gone = {2}
    room.inbox.put(SnapshotWanted(event_ids=ids(1, 2)))

    await room.run(1000)

    assert [numbers for _, numbers in room.asked] == [(1, 2), (1,)]


async def test_everything_can_be_read_at_once(autojump_clock):
    room = Room()
    room.inbox.put(SnapshotWanted(event_ids=ids(1)))
    await room.run(1)

    (taken,) = await room.reconciler.read_all()

    assert taken.books == (book(1),)


@pytest.mark.parametrize("failure", [NO, AnswerLost("none"), RemoteProtocolError("half a body")])
async def test_a_failed_reading_is_tried_again(autojump_clock, failure):
    room = Room()
    room.failures = [failure]

    taken = await room.reconciler.read(ids(1))

    assert [snapshot.books for snapshot in taken] == [(book(1),)]
    assert len(room.asked) == 2


async def test_a_venue_that_never_answers_ends_the_session(autojump_clock):
    room = Room()
    room.failures = [NO] * MAX_TRIES

    with pytest.raises(SessionFailed, match="could not be read in 5 tries"):
        await room.reconciler.read(ids(1))


async def test_an_event_whose_books_make_no_sense_is_left_out_and_the_others_are_not(autojump_clock):
    room = Room()
    room.unreadable = {2}

    (taken,) = await room.reconciler.read(ids(1, 2, 3))

    assert taken.books == (book(1), book(3))
    assert taken.event_ids == ids(1, 2, 3)


async def test_a_router_that_does_not_keep_up_ends_the_session(autojump_clock):
    room = Room(room_in_router=0)

    with pytest.raises(SessionFailed, match="does not keep up"):
        await room.reconciler.read(ids(1))


async def test_it_ends_when_its_inbox_closes(autojump_clock):
    room = Room()
    room.inbox.close()

    with trio.fail_after(5):
        await room.reconciler.run()

    assert room.asked == []


# --- books that have names ---------------------------------------------------------------------------------------


def named(key: BookKey) -> BookReplaced:
    return BookReplaced(key=key, sides=(), sequence_ns=1)


class Shelf:
    """A reconciler at a venue where each book is read by its name, which takes a moment or fails as it is told to."""

    def __init__(self, takes_s: float = 0.0) -> None:
        self.takes_s = takes_s
        self.asked: list[tuple[float, BookKey]] = []
        self.failures: dict[BookKey, list[Exception]] = {}
        self.inbox = Mailbox[SnapshotWanted]("reconciler", 100)
        self.outbox = Mailbox[RouterMessage]("router", 100)
        self.reconciler = Reconciler(
            inbox=self.inbox,
            outbox=self.outbox,
            ask=self.ask,
            rest=SatoriExRest(),
            poll=Poll(every_s=60.0, apart_s=1.0),
        )

    async def ask(self, call: Call[Any], /, sending: Callable[[], None] = lambda: None) -> Any:
        key = book_key(*call.request.path.removeprefix("/orderbook/").split("/"))
        self.asked.append((round(trio.current_time(), 3), key))
        await trio.sleep(self.takes_s)
        if self.failures.get(key):
            raise self.failures[key].pop(0)
        return (named(key),)

    async def run(self, *script: tuple[float, tuple[BookKey, ...]], until_s: float) -> list[RouterMessage]:
        """Run it, with each wish at its time; return what it handed on."""
        with trio.move_on_at(until_s):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.reconciler.run)
                for at_s, keys in script:
                    await trio.sleep_until(at_s)
                    self.inbox.put(SnapshotWanted(keys=keys))
        return self.outbox.take_nowait()


async def test_a_named_book_is_read_by_its_name_and_proves_nothing_of_its_neighbours(autojump_clock):
    shelf = Shelf()

    taken = await shelf.run((0, (A,)), until_s=10)

    assert taken == [SnapshotTaken(event_ids=(), books=(named(A),), asked_at_s=pytest.approx(0.05))]


async def test_named_books_are_read_one_by_one(autojump_clock):
    shelf = Shelf(takes_s=0.5)

    await shelf.run((0, (A, B, C)), until_s=10)

    assert shelf.asked == [(0.05, A), (0.55, B), (1.05, C)]


async def test_the_book_that_was_read_longest_ago_is_read_first(autojump_clock):
    shelf = Shelf(takes_s=0.5)

    await shelf.run((0, (A, B, C)), (10, (C, B, A)), until_s=20)

    assert [key for at_s, key in shelf.asked if at_s > 10] == [A, B, C]


async def test_a_book_that_was_never_read_goes_first(autojump_clock):
    shelf = Shelf(takes_s=0.5)

    await shelf.run((0, (A, B)), (10, (A, B, C)), until_s=20)

    assert [key for at_s, key in shelf.asked if at_s > 10] == [C, A, B]


async def test_a_named_book_is_not_read_sooner_again_than_the_schedule_allows(autojump_clock):
    shelf = Shelf()

    await shelf.run((0, (A,)), *((0.1 * tenth, (A,)) for tenth in range(2, 8)), until_s=10)

    assert shelf.asked == [(0.05, A), (1.05, A)]


async def test_one_book_that_must_wait_does_not_hold_another_back(autojump_clock):
    shelf = Shelf()

    await shelf.run((0, (A,)), (0.5, (A, B)), until_s=10)

    assert shelf.asked == [(0.05, A), (0.55, B), (1.05, A)]


async def test_every_named_book_is_read_again_on_schedule(autojump_clock):
    shelf = Shelf()

    await shelf.run((0, (A, B)), until_s=130)

    assert shelf.asked == [(0.05, A), (0.05, B), (60.0, A), (60.0, B), (120.0, A), (120.0, B)]


@pytest.mark.parametrize("failure", [NO, AnswerLost("none"), RemoteProtocolError("half a body")])
async def test_a_named_book_that_was_not_read_is_read_again_soon(autojump_clock, failure):
    shelf = Shelf()
    shelf.failures[A] = [failure]

    taken = await shelf.run((0, (A,)), until_s=10)

    assert shelf.asked == [(0.05, A), (2.05, A)]
    assert taken[-1] == SnapshotTaken(event_ids=(), books=(named(A),), asked_at_s=pytest.approx(2.05))


async def test_a_named_book_that_fails_holds_no_other_back(autojump_clock):
    shelf = Shelf()
    shelf.failures[A] = [NO] * 3

    await shelf.run((0, (A, B)), (1.0, (B,)), until_s=5)

    assert [at_s for at_s, key in shelf.asked if key == B] == [0.05, 1.05]


async def test_a_named_book_that_makes_no_sense_is_told_as_unreadable(autojump_clock):
    shelf = Shelf()
    shelf.failures[A] = [RemoteProtocolError("bids[0].price: 0 basis points")]

    taken = await shelf.run((0, (A,)), until_s=1)

    assert taken == [BookUnreadable(key=A)]


async def test_an_answer_that_was_lost_says_nothing_about_the_book(autojump_clock):
    shelf = Shelf()
    shelf.failures[A] = [AnswerLost("none")]

    assert await shelf.run((0, (A,)), until_s=1) == []


async def test_a_named_book_that_the_venue_no_longer_has_is_forgotten(autojump_clock):
    shelf = Shelf()
    shelf.failures[A] = [GONE]

    await shelf.run((0, (A, B)), until_s=100)

    assert shelf.asked == [(0.05, A), (0.05, B), (60.0, B)]


async def test_a_book_that_was_forgotten_is_read_when_it_is_wanted_again(autojump_clock):
    shelf = Shelf()
    shelf.failures[A] = [GONE]

    await shelf.run((0, (A,)), (10, (A,)), until_s=20)

    assert shelf.asked == [(0.05, A), (10.05, A)]


async def test_read_all_reads_each_named_book(autojump_clock):
    shelf = Shelf()
    await shelf.run((0, (A, B)), until_s=5)

    taken = await shelf.reconciler.read_all()

    assert taken == [SnapshotTaken(event_ids=(), books=(named(key),), asked_at_s=5.0) for key in (A, B)]


async def test_read_all_reads_again_what_failed_and_nothing_else(autojump_clock):
    shelf = Shelf()
    await shelf.run((0, (A, B)), until_s=5)
    shelf.asked.clear()
    shelf.failures[A] = [NO, AnswerLost("none"), RemoteProtocolError("half a body")]

    taken = await shelf.reconciler.read_all()

    assert [key for _, key in shelf.asked] == [A, B, A, A, A]
    assert [snapshot.books for snapshot in taken] == [(named(B),), (named(A),)]


async def test_read_all_gives_a_named_book_up_after_a_few_tries(autojump_clock):
    shelf = Shelf()
    await shelf.run((0, (A, B)), until_s=5)
    shelf.asked.clear()
    shelf.failures[A] = [NO] * 2 * MAX_TRIES

    taken = await shelf.reconciler.read_all()

    assert [key for _, key in shelf.asked].count(A) == MAX_TRIES
    assert [snapshot.books for snapshot in taken] == [(named(B),)]


async def test_a_book_that_goes_while_both_the_schedule_and_read_all_ask_for_it_is_just_gone(autojump_clock):
    shelf = Shelf(takes_s=0.5)
    shelf.failures[A] = [GONE, GONE]

    async with trio.open_nursery() as nursery:
        nursery.start_soon(shelf.reconciler.run)
        shelf.inbox.put(SnapshotWanted(keys=(A, B)))
        await trio.sleep(0.2)
        taken = await shelf.reconciler.read_all()
        shelf.inbox.close()

    assert [snapshot.books for snapshot in taken] == [(named(B),)]


async def test_a_book_that_is_wanted_while_read_all_finds_it_gone_is_just_gone(autojump_clock):
    shelf = Shelf(takes_s=0.5)
    await shelf.run((0, (A, B)), until_s=5)
    shelf.asked.clear()
    shelf.failures[A] = [GONE]

    async with trio.open_nursery() as nursery:
        nursery.start_soon(shelf.reconciler.read_all)
        await shelf.run((5.2, (A,)), (5.7, (B,)), until_s=10)

    assert [key for _, key in shelf.asked].count(A) == 1
