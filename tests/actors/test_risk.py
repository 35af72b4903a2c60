import pytest
import trio

from actors.decisions.guard import Guard, Limits
from actors.mailbox import Mailbox, Newest
from actors.messages import (
    AccountReady,
    CancelEverything,
    CancelIntent,
    CancelWanted,
    DenialReason,
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
from protocol.book import BookStatus
from protocol.commands import PlaceOrder
from protocol.events import EventListed, EventStatus, OrderStatus, Side
from protocol.ids import BookKey, ClientOrderId, CompetitionId, EventId, MarketId, SelectionId, Strike
from protocol.odds import Odds, generate_ladder
from protocol.order import Order

KEY = BookKey(EventId(1), MarketId(219), Strike(0))
HOME, AWAY = SelectionId("home"), SelectionId("away")
VIEW = MarketView(
    key=KEY,
    name="Moneyline",
    kind="moneyline",
    event=EventListed(
        event_id=EventId(1), competition_id=CompetitionId(31), name="A at B", status=EventStatus.SCHEDULED
    ),
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
        self.guard = Guard(limits=Limits(), ladder=generate_ladder(), tally=Tally())
        self.risk = Risk(
            inbox=self.inbox,
            views=self.views,
            allowed=self.allowed,
            denied=lambda strategy, denial: self.denied.append((strategy, denial)),
            guard=self.guard,
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


def intent(name: str = "x-1") -> Intent:
    order = PlaceOrder(
        client_order_id=ClientOrderId(name), key=KEY, selection_id=HOME, odds=Odds(110), stake_cents=1000
    )
    return Intent(strategy="maker", order=order)


def denial(reason: DenialReason, name: str = "x-1") -> tuple[str, IntentDenied]:
    return "maker", IntentDenied(client_order_id=ClientOrderId(name), key=KEY, reason=reason)


READY = (SessionReady(7), AccountReady())


async def test_an_allowed_intent_moves_on(autojump_clock):
    room = Room()
    room.views.put(KEY, VIEW)

    assert await room.hear(*READY, intent()) == [intent()]
    assert room.denied == []


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ((SessionReady(7),), DenialReason.NOT_READY),
        ((AccountReady(),), DenialReason.BOOK_NOT_LIVE),
        ((SessionReady(8), AccountReady()), DenialReason.BOOK_NOT_LIVE),
        ((*READY, SessionLost(7, "gone")), DenialReason.BOOK_NOT_LIVE),
        ((*READY, Halt()), DenialReason.HALTED),
        ((*READY, RequestsHeld(100.0), RequestsHeld(1.0)), DenialReason.RATE_BUDGET),
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
    assert room.guard.exposure.account_cents == 1000


async def test_a_cancel_passes_even_when_halted(autojump_clock):
    room = Room()

    allowed = await room.hear(Halt(), Halt(), CancelIntent(strategy="maker", client_order_id=ClientOrderId("x-1")))

    assert allowed == [CancelWanted(ClientOrderId("x-1"))]


async def test_kill_halts_and_cancels_everything(autojump_clock):
    room = Room()
    room.views.put(KEY, VIEW)

    assert await room.hear(*READY, Kill(), intent()) == [CancelEverything()]
    assert room.denied == [denial(DenialReason.HALTED)]


async def test_what_became_of_an_order_reaches_the_guard(autojump_clock):
    room = Room()
    room.views.put(KEY, VIEW)
    gone = Order.placed(intent().order).move(OrderStatus.REJECTED)

    await room.hear(*READY, intent(), OrderChanged(order=gone, strategy="maker"))

    assert room.guard.exposure.account_cents == 0


async def test_it_is_cancelled_cleanly(autojump_clock):
    room = Room()

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            await nursery.start(room.risk.run)
            nursery.cancel_scope.cancel()

    assert not room.guard.halted
