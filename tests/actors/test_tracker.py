from random import Random

import attrs
import trio

from actors.decisions.ledger import OrderLedger
from actors.entries import CancelSent, OrderIntended, OrderMoved
from actors.io.disk import Disk
from actors.io.tables import StoreFailed
from actors.journal import Journal
from actors.mailbox import Mailbox
from actors.messages import (
    AccountReady,
    AskHistory,
    CancelEverything,
    HistoryRead,
    Intent,
    OrderChanged,
    PlacingAnswered,
    PlacingLost,
    PlacingStarted,
    Queued,
    RestartWanted,
    SessionReady,
    TrackerMessage,
)
from actors.tally import Tally
from actors.tracker import OrderTracker
from protocol.belief import Known, Source
from protocol.commands import CancelAll, PlaceOrder
from protocol.errors import Policy, VenueError
from protocol.events import About, OrderStatus
from protocol.ids import BookKey, ClientOrderId, ClientOrderIds, EventId, MarketId, SelectionId, Strike
from protocol.odds import Odds
from protocol.prophetx.venue import ProphetX
from protocol.venue import OrderPage

EPOCH_NS = 1_790_000_000 * 10**9
X1 = ClientOrderId("x-1")
COMMAND = PlaceOrder(
    client_order_id=X1,
    key=BookKey(EventId(1), MarketId(219), Strike(0)),
    selection_id=SelectionId("home"),
    price=Odds(110),
    size=1000,
)
TRAITS = ProphetX().traits
NO = VenueError(code="invalid_price", status=400, policy=Policy.TERMINAL)


def wall_ns() -> int:
    return EPOCH_NS + int(trio.current_time() * 1e9)


class Room:
    def __init__(self, room_to_place: int = 8, journal: Journal | None = None) -> None:
        self.halted = False
        self.inbox = Mailbox[TrackerMessage]("tracker", 64)
        self.placing = Mailbox[Queued]("placing", room_to_place)
        self.cancelling = Mailbox("cancelling", 64)
        self.asking = Mailbox("asking", 64)
        self.restarts = Mailbox[RestartWanted]("restarts", 1)
        self.woken: list[About] = []
        self.changed: list[OrderChanged | AccountReady] = []
        self.tracker = OrderTracker(
            inbox=self.inbox,
            placing=self.placing,
            cancelling=self.cancelling,
            asking=self.asking,
            restarts=self.restarts,
            changed=self.changed.append,
            wake=self.woken.append,
            ledger=OrderLedger(traits=TRAITS, ids=ClientOrderIds("x"), activation_timeout_s=10.0, tally=Tally()),
            venue=TRAITS.venue,
            journal=Journal.none() if journal is None else journal,
            wall_ns=wall_ns,
            halted=lambda: self.halted,
        )

    async def hear(self, *messages: TrackerMessage, wait_s: float = 0.0) -> None:
        for message in messages:
            self.inbox.put(message)
        await trio.sleep(wait_s + 1e-3)

    def statuses(self) -> list[OrderStatus]:
        return [each.order.status for each in self.changed if isinstance(each, OrderChanged)]


def started() -> PlacingStarted:
    return PlacingStarted(client_order_ids=(X1,), at_s=trio.current_time())


async def test_it_first_asks_what_the_account_holds(autojump_clock, nursery):
    room = Room()
    await nursery.start(room.tracker.run)
    await room.hear()

    (question,) = room.asking.take_nowait()
    assert isinstance(question, AskHistory)
    await room.hear(HistoryRead(question=question, result=OrderPage(orders=(), synced_at_ns=wall_ns())))
    assert room.changed == [AccountReady(TRAITS.venue)]
    assert room.tracker.ledger.settled


async def test_an_intent_is_handed_on_with_its_time(autojump_clock, nursery):
    room = Room()
    await nursery.start(room.tracker.run)
    await trio.sleep(3)
    await room.hear(Intent(strategy="maker", order=COMMAND))

    assert room.placing.take_nowait() == [Queued(order=COMMAND, at_s=3.0)]


async def test_an_order_that_finds_no_room_is_absent(autojump_clock, nursery):
    room = Room(room_to_place=0)
    await nursery.start(room.tracker.run)
    await room.hear(Intent(strategy="maker", order=COMMAND))

    assert room.statuses() == [OrderStatus.UNKNOWN, OrderStatus.ABSENT]
    assert room.tracker.ledger.flat


async def test_an_order_that_was_let_pass_before_a_halt_does_not_leave_after_it(autojump_clock, nursery):
    room = Room()
    await nursery.start(room.tracker.run)
    room.halted = True
    await room.hear(Intent(strategy="maker", order=COMMAND))

    assert room.placing.take_nowait() == []
    assert room.statuses() == [OrderStatus.UNKNOWN, OrderStatus.ABSENT]


async def test_an_order_that_may_have_arrived_is_not_sent_again_after_a_halt(autojump_clock, nursery):
    room = Room()
    await nursery.start(room.tracker.run)
    await room.hear(Intent(strategy="maker", order=COMMAND))
    await room.hear(started(), PlacingLost(client_order_ids=(X1,), sent=True, reason="no answer"))
    sent = room.placing.take_nowait()
    room.halted = True
    for _ in range(60):
        for question in room.asking.take_nowait():
            if isinstance(question, AskHistory):
                await room.hear(HistoryRead(question=question, result=OrderPage(orders=(), synced_at_ns=None)))
        await trio.sleep(2)

    assert (len(sent), room.placing.take_nowait()) == (1, [])
    assert room.statuses()[-1] is OrderStatus.ABSENT


async def test_a_deadline_wakes_it_without_a_message(autojump_clock, nursery):
    room = Room()
    await nursery.start(room.tracker.run)
    await room.hear(SessionReady(TRAITS.venue, 1), Intent(strategy="maker", order=COMMAND))

    await room.hear(started(), wait_s=9.9)
    early = room.restarts.take_nowait()
    await trio.sleep(0.2)

    assert early == []
    assert room.restarts.take_nowait() == [RestartWanted("no activation of x-1")]


async def test_who_waits_until_flat_is_told(autojump_clock, nursery):
    room = Room()
    await nursery.start(room.tracker.run)
    await room.hear(Intent(strategy="maker", order=COMMAND), started(), CancelEverything())

    with trio.move_on_after(1) as not_yet:
        await room.tracker.wait_flat()
    room.inbox.put(PlacingAnswered(client_order_id=X1, result=NO))
    with trio.fail_after(1):
        await room.tracker.wait_flat()

    assert not_yet.cancelled_caught
    assert room.cancelling.take_nowait() == [CancelAll(), CancelAll()]  # at the opening, and as asked
    assert room.statuses()[-1] is OrderStatus.REJECTED


async def test_who_waits_until_settled_waits_for_open_questions(autojump_clock, nursery):
    room = Room()
    await nursery.start(room.tracker.run)
    await room.hear()
    (question,) = room.asking.take_nowait()

    with trio.move_on_after(1) as not_yet:
        await room.tracker.wait_settled()
    room.inbox.put(HistoryRead(question=question, result=OrderPage(orders=(), synced_at_ns=wall_ns())))
    with trio.fail_after(1):
        await room.tracker.wait_settled()

    assert not_yet.cancelled_caught


async def test_it_ends_when_its_inbox_closes(autojump_clock):
    room = Room()
    room.inbox.put(Intent(strategy="maker", order=COMMAND))
    room.inbox.close()

    with trio.fail_after(5):
        await room.tracker.run()

    assert len(room.placing) == 1


# --- what the journal holds before anything is done --------------------------------------------------------------

INTENT = Intent(strategy="maker", order=COMMAND)


@attrs.define
class SlowDisk:
    """A disk on which a commit ends when a test lets it."""

    disk: Disk = attrs.field(factory=Disk)
    free: trio.Event = attrs.field(factory=trio.Event)

    def __attrs_post_init__(self) -> None:
        self.disk.before_commit = self.wait

    async def wait(self) -> None:
        await self.free.wait()


def journal_on(disk: Disk) -> Journal:
    return Journal(store=disk.open(Random(1)), wall_ns=wall_ns)


async def test_an_order_leaves_only_after_the_journal_has_it(autojump_clock, nursery):
    slow = SlowDisk()
    room = Room(journal=journal_on(slow.disk))
    await nursery.start(room.tracker.journal.run)
    await nursery.start(room.tracker.run)

    await room.hear(INTENT, wait_s=3)
    before = room.placing.take_nowait()
    slow.free.set()
    await trio.sleep(1)

    assert before == []
    assert room.placing.take_nowait() == [Queued(order=COMMAND, at_s=0.0)]
    assert OrderIntended(venue=TRAITS.venue, strategy="maker", order=COMMAND, at_ns=EPOCH_NS) in slow.disk.entries()


async def broken() -> None:
    raise StoreFailed("disk I/O error")


async def test_an_order_that_the_journal_cannot_take_does_not_leave_and_is_absent(autojump_clock, nursery):
    disk = Disk()
    room = Room(journal=journal_on(disk))
    await nursery.start(room.tracker.journal.run)
    await nursery.start(room.tracker.run)
    await room.hear()

    disk.before_commit = broken
    await room.hear(INTENT, wait_s=1)

    assert room.placing.take_nowait() == []
    assert room.statuses() == [OrderStatus.UNKNOWN, OrderStatus.ABSENT]
    assert room.tracker.ledger.flat


async def test_nothing_leaves_any_more_after_the_journal_failed(autojump_clock, nursery):
    disk = Disk(before_commit=broken)
    room = Room(journal=journal_on(disk))
    await nursery.start(room.tracker.journal.run)
    await nursery.start(room.tracker.run)
    await room.hear()

    disk.before_commit = None
    await room.hear(INTENT, wait_s=1)

    assert room.placing.take_nowait() == []
    assert room.statuses() == [OrderStatus.UNKNOWN, OrderStatus.ABSENT]
    assert list(disk.entries()) == []


async def test_a_cancel_waits_for_no_disk(autojump_clock, nursery):
    slow = SlowDisk()
    room = Room(journal=journal_on(slow.disk))
    await nursery.start(room.tracker.journal.run)
    await nursery.start(room.tracker.run)

    await room.hear(CancelEverything())

    assert room.cancelling.take_nowait() == [CancelAll(), CancelAll()]
    slow.free.set()


async def test_the_order_of_entries_is_the_order_of_decisions(autojump_clock, nursery):
    disk = Disk()
    room = Room(journal=journal_on(disk))
    await nursery.start(room.tracker.journal.run)
    await nursery.start(room.tracker.run)

    await room.hear(INTENT, started(), PlacingAnswered(client_order_id=X1, result=NO), CancelEverything())
    await trio.sleep(1)

    entries = list(disk.entries())
    assert [type(each) for each in entries] == [CancelSent, OrderIntended, OrderMoved, CancelSent]
    assert entries[2].order.status is OrderStatus.REJECTED
    assert entries[2].belief == Known(entries[2].order, Source.ANSWER, EPOCH_NS)
