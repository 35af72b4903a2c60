from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import trio

from actors.mailbox import Mailbox
from actors.messages import AnswerLost, RouterMessage, SessionFailed, SnapshotTaken, SnapshotWanted
from actors.reconciler import EVENTS_A_CALL, MAX_TRIES, Reconciler
from protocol.errors import Policy, RemoteProtocolError, VenueError
from protocol.events import BookReplaced
from protocol.ids import BookKey, EventId, MarketId, Strike
from protocol.prophetx.rest import ProphetXRest
from protocol.prophetx.wire import Dialect
from protocol.venue import Call, Poll

NO = VenueError(code="internal_error", status=500, policy=Policy.OUTCOME_UNKNOWN)


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
