from random import Random

import attrs
import pytest
import trio

from actors.decisions.guard import Guard, Limits
from actors.decisions.standing import Standing
from actors.entries import Entry, Latch, Latched, ResultBooked
from actors.io.disk import Disk
from actors.journal import Journal
from actors.mailbox import Mailbox, Newest
from actors.messages import (
    AccountReady,
    CancelEverything,
    CancelIntent,
    CancelWanted,
    DenialReason,
    FundsRead,
    Halt,
    Intent,
    IntentDenied,
    Kill,
    MarketView,
    OrderChanged,
    RequestsHeld,
    RiskMessage,
    SessionLost,
    SessionReady,
    TrackerMessage,
)
from actors.risk import Risk
from actors.tally import Tally
from protocol.belief import Source, Unknown
from protocol.book import BookStatus
from protocol.commands import PlaceOrder
from protocol.events import About, EventListed, EventStatus, Fill, OrderStatus, Result, Side
from protocol.ids import BookKey, ClientOrderId, CompetitionId, EventId, MarketId, SelectionId, Strike, VenueName
from protocol.money import micro
from protocol.odds import Odds, generate_ladder
from protocol.order import Order
from protocol.prophetx.venue import ProphetX
from protocol.venue import Balance

KEY = BookKey(EventId(1), MarketId(219), Strike(0))
HOME, AWAY = SelectionId("home"), SelectionId("away")
EVENT = EventListed(event_id=EventId(1), competition_id=CompetitionId(31), name="A at B", status=EventStatus.SCHEDULED)
TRAITS = ProphetX().traits
VENUE = TRAITS.venue
VIEW = MarketView(
    key=KEY,
    name="Moneyline",
    kind="moneyline",
    event=EVENT,
    terms=ProphetX().terms(EVENT, generate_ladder()),
    epoch=7,
    status=BookStatus.LIVE,
    sides=(Side(selection_id=HOME), Side(selection_id=AWAY)),
)


class Room:
    """A Risk actor with everything around it."""

    def __init__(self, allowed: int = 8) -> None:
        self.inbox = Mailbox[RiskMessage]("risk", 64)
        self.views = Newest[BookKey, MarketView]()
        self.allowed = Mailbox[TrackerMessage]("tracker", allowed)
        self.denied: list[tuple[str, IntentDenied]] = []
        self.woken: list[tuple[VenueName, About]] = []
        self.disk = Disk()
        self.journal = Journal(store=self.disk.open(Random(1)))
        self.guard = Guard(limits=Limits(), tally=Tally(), standings={VENUE: Standing(traits=TRAITS)})
        self.risk = Risk(
            inbox=self.inbox,
            views=self.views,
            allowed={VENUE: self.allowed},
            denied=lambda strategy, denial: self.denied.append((strategy, denial)),
            guard=self.guard,
            journal=self.journal,
            wake=lambda venue, about: self.woken.append((venue, about)),
            wall_ns=lambda: 1_790_000_000 * 10**9,
        )

    async def hear(self, *messages: RiskMessage) -> list[TrackerMessage]:
        """Let the actor take some messages to the end of its inbox."""
        for message in messages:
            self.inbox.put(message)
        self.inbox.close()
        with trio.fail_after(5):
            await self.risk.run()
        return self.allowed.take_nowait()

    async def kept(self) -> list[Entry]:
        """Return what the journal holds once it has written all that it was told."""
        with trio.move_on_after(1):
            await self.journal.run()
        return list(self.disk.entries())


def intent(name: str = "x-1") -> Intent:
    order = PlaceOrder(client_order_id=ClientOrderId(name), key=KEY, selection_id=HOME, price=Odds(110), size=1000)
    return Intent(strategy="maker", order=order)


def denial(reason: DenialReason, name: str = "x-1") -> tuple[str, IntentDenied]:
    return "maker", IntentDenied(client_order_id=ClientOrderId(name), key=KEY, reason=reason)


READY = (SessionReady(VENUE, 7), AccountReady(VENUE))


async def test_an_allowed_intent_moves_on(autojump_clock):
    room = Room()
    room.views.put(KEY, VIEW)

    assert await room.hear(*READY, intent()) == [intent()]
    assert room.denied == []


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ((SessionReady(VENUE, 7),), DenialReason.NOT_READY),
        ((AccountReady(VENUE),), DenialReason.BOOK_NOT_LIVE),
        ((SessionReady(VENUE, 8), AccountReady(VENUE)), DenialReason.BOOK_NOT_LIVE),
        ((*READY, SessionLost(VENUE, 7, "gone")), DenialReason.BOOK_NOT_LIVE),
        ((*READY, Halt()), DenialReason.HALTED),
        ((*READY, RequestsHeld(VENUE, 100.0), RequestsHeld(VENUE, 1.0)), DenialReason.RATE_BUDGET),
    ],
)
async def test_a_denied_intent_goes_back_with_its_reason(autojump_clock, messages, reason):
    room = Room()
    room.views.put(KEY, VIEW)

    assert await room.hear(*messages, intent()) == []
    assert room.denied == [denial(reason)]


async def test_an_intent_is_denied_and_released_where_the_next_mailbox_is_full(autojump_clock):
    room = Room(allowed=1)
    room.views.put(KEY, VIEW)

    assert await room.hear(*READY, intent("x-1"), intent("x-2")) == [intent("x-1")]
    assert room.denied == [denial(DenialReason.QUEUE_FULL, "x-2")]
    assert room.guard.exposure.account_micro == micro(1000)


async def test_a_cancel_passes_even_when_halted(autojump_clock):
    room = Room()

    allowed = await room.hear(
        Halt(), Halt(), CancelIntent(strategy="maker", client_order_id=ClientOrderId("x-1"), key=KEY)
    )

    assert allowed == [CancelWanted(ClientOrderId("x-1"))]


async def test_a_cancel_in_a_market_goes_to_its_venue_and_in_one_never_seen_to_all(autojump_clock):
    room = Room()
    elsewhere = Mailbox[TrackerMessage]("tracker elsewhere", 8)
    room.risk.allowed = {VENUE: room.allowed, VenueName("elsewhere"): elsewhere}
    unseen = BookKey(EventId(9), MarketId(219), Strike(0))
    room.views.put(KEY, VIEW)

    allowed = await room.hear(
        CancelIntent(strategy="maker", client_order_id=ClientOrderId("x-1"), key=KEY),
        CancelIntent(strategy="maker", client_order_id=ClientOrderId("x-2"), key=unseen),
    )

    assert allowed == [CancelWanted(ClientOrderId("x-1")), CancelWanted(ClientOrderId("x-2"))]
    assert elsewhere.take_nowait() == [CancelWanted(ClientOrderId("x-2"))]


@pytest.mark.parametrize(("explained", "woken"), [(True, []), (False, [(VENUE, About.MARKET)])])
async def test_a_refusal_that_says_nothing_has_the_market_read(autojump_clock, explained, woken):
    room = Room()
    room.guard.standings[VENUE].traits = attrs.evolve(TRAITS, refusals_explained=explained)
    room.views.put(KEY, VIEW)
    refused = Order.placed(intent().order).move(OrderStatus.REJECTED)

    await room.hear(
        *READY, intent(), OrderChanged(order=refused, venue=VENUE, strategy="maker", source=Source.PUSH, as_of_ns=0)
    )

    assert room.woken == woken


async def test_what_an_account_has_reaches_the_guard(autojump_clock):
    room = Room()
    room.views.put(KEY, VIEW)
    poor = FundsRead(
        venue=VENUE,
        balance=Balance(free_micro=micro(999), resting_micro=None),
        held=Unknown("not listed"),
        asked_at_s=0.0,
        as_of_ns=0,
    )

    assert await room.hear(*READY, poor, intent()) == []
    assert room.denied == [denial(DenialReason.NO_FUNDS)]


async def test_kill_halts_and_cancels_everything(autojump_clock):
    room = Room()
    room.views.put(KEY, VIEW)

    assert await room.hear(*READY, Kill(), intent()) == [CancelEverything()]
    assert room.denied == [denial(DenialReason.HALTED)]


@pytest.mark.parametrize(("message", "latch"), [(Halt("enough"), Latch.HALT), (Kill("enough"), Latch.KILL)])
async def test_a_halt_and_a_kill_are_latched_and_written_once(autojump_clock, message, latch):
    room = Room()

    await room.hear(message, message, Halt("again"))

    assert room.guard.latches[latch] == "enough"
    assert (await room.kept())[0] == Latched(latch=latch, reason="enough")
    assert [each.reason for each in await room.kept()].count("enough") == 1


async def test_a_result_is_written_down(autojump_clock):
    room = Room()
    room.views.put(KEY, VIEW)
    lost = attrs.evolve(
        Order.placed(intent().order),
        status=OrderStatus.SETTLED,
        filled=1000,
        fills=(Fill(1000, Odds(110)),),
        result=Result.LOST,
    )

    await room.hear(*READY, OrderChanged(order=lost, venue=VENUE, strategy="maker", source=Source.PUSH, as_of_ns=0))

    (booked,) = await room.kept()
    assert isinstance(booked, ResultBooked)
    assert (booked.key, booked.net_micro) == (KEY, micro(-1000))


async def test_what_became_of_an_order_reaches_the_guard(autojump_clock):
    room = Room()
    room.views.put(KEY, VIEW)
    gone = Order.placed(intent().order).move(OrderStatus.REJECTED)

    await room.hear(
        *READY, intent(), OrderChanged(order=gone, venue=VENUE, strategy="maker", source=Source.PUSH, as_of_ns=0)
    )

    assert room.guard.exposure.account_micro == 0


async def test_it_is_cancelled_cleanly(autojump_clock):
    room = Room()

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            await nursery.start(room.risk.run)
            nursery.cancel_scope.cancel()

    assert not room.guard.halted
