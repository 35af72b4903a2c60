"""The ledger with orders that a process before this one left."""

import math
from collections.abc import Sequence

import attrs
import pytest

from actors.decisions.absence import Baseline
from actors.decisions.doubts import LOOK_BACK_S
from actors.decisions.ledger import ABSENCE_MARGIN_S, COPY_AGE_MAX_S, ON_THE_ROAD_S, OrderLedger
from actors.decisions.recollection import Recalled
from actors.messages import (
    AccountReady,
    AnswerLost,
    AskHistory,
    AskOrder,
    CancelAnswered,
    FundsRead,
    HistoryRead,
    OrderChanged,
    OrderRead,
    SessionReady,
)
from actors.tally import Tally
from protocol.commands import CancelAll, CancelOrder, PlaceOrder
from protocol.events import Fill, OrderReported, OrderStatus, Result
from protocol.ids import BookKey, ClientOrderId, ClientOrderIds, EventId, MarketId, SelectionId, Strike, VenueOrderId
from protocol.odds import Odds
from protocol.order import Order
from protocol.prices import Price, Probability
from protocol.prophetx.venue import ProphetX
from protocol.prophetx.wire import Dialect
from protocol.satoriex.names import buying
from protocol.satoriex.venue import SatoriEx
from protocol.venue import Balance, Holding, OrderPage, Traits, Window

EPOCH_NS = 1_790_000_000 * 10**9
KEY = BookKey(EventId(18756), MarketId(219), Strike(0))
HOME = SelectionId("home")
A1, V1 = ClientOrderId("a-1-1"), VenueOrderId("v1")
IDS = ClientOrderIds("a-2", family="a-")
NAMED, LEGACY = ProphetX().traits, ProphetX(dialect=Dialect.LEGACY).traits
NAMELESS = SatoriEx(absence_after_s=8.0).traits
NEW, UNKNOWN, PENDING, OPEN, FILLED, CANCELLED, _, _, _, ABSENT, _, SETTLED = OrderStatus
LONG_AGO_S = 3600.0
START_S = 1000.0


def placed(key: BookKey = KEY, selection: SelectionId = HOME, price: Price = Odds(146), size: int = 1000) -> Order:  # noqa: B008  # a number
    return Order.placed(PlaceOrder(client_order_id=A1, key=key, selection_id=selection, price=price, size=size))


def left(status: OrderStatus, filled: int = 0, result: Result | None = None) -> Order:
    """An order as it was when the process ended; what has no answer has no id of the venue's."""
    fills = (Fill(filled, Odds(146)),) if filled else ()
    named = None if status in (NEW, UNKNOWN) else V1
    return attrs.evolve(placed(), status=status, filled=filled, fills=fills, venue_order_id=named, result=result)


def said(status: OrderStatus, filled: int = 0, order: Order | None = None, **changes: object) -> OrderReported:
    order = placed() if order is None else order
    report = OrderReported(
        venue_order_id=V1,
        client_order_id=order.client_order_id,
        key=order.key,
        selection_id=order.selection_id,
        price=order.price,
        size=order.size,
        filled=filled,
        status=status,
    )
    return attrs.evolve(report, **changes)


class Bench:
    """A ledger that remembers, with a clock that is moved by hand."""

    def __init__(
        self,
        *orders: Order,
        ago_s: float = LONG_AGO_S,
        traits: Traits = NAMED,
        baseline: Baseline | None = None,
        up: bool = True,
    ) -> None:
        self.now_s = START_S
        self.traits = traits
        memory = [
            Recalled(
                venue=traits.venue,
                strategy="maker",
                order=order,
                intended_ns=self.wall_ns - int(ago_s * 1e9),
                moved_ns=self.wall_ns,
                as_of_ns=self.wall_ns,
            )
            for order in orders
        ]
        self.ledger = OrderLedger(
            traits=traits, ids=IDS, activation_timeout_s=10.0, tally=Tally(), memory=memory, baseline=baseline
        )
        self.outs: list[object] = list(self.ledger.open_account(self.now_s, self.wall_ns))
        if up:
            self.hear(SessionReady(traits.venue, 1))

    @property
    def wall_ns(self) -> int:
        return EPOCH_NS + int(self.now_s * 1e9)

    @property
    def order(self) -> Order:
        return self.ledger.orders[A1].order

    @property
    def status(self) -> OrderStatus:
        return self.order.status

    @property
    def ready(self) -> bool:
        return AccountReady(self.traits.venue) in self.outs

    def sent(self, kind: type) -> list[object]:
        return [out for out in self.outs if isinstance(out, kind)]

    def hear(self, *messages: object) -> list[object]:
        outs = [out for each in messages for out in self.ledger.handle(each, self.now_s, self.wall_ns)]
        self.outs += outs
        return outs

    def tick(self, after_s: float = 0.0) -> list[object]:
        self.now_s += after_s
        outs = list(self.ledger.tick(self.now_s, self.wall_ns))
        self.outs += outs
        return outs

    def read(self, *orders: OrderReported, synced_s: float | None = math.inf) -> list[object]:
        """Answer the history question that is open, from a copy of an age: by default of this very moment."""
        asked = self.ledger.doubts.asked
        assert asked is not None, "nothing was asked"
        synced_s = self.now_s if synced_s == math.inf else synced_s
        synced_ns = None if synced_s is None else EPOCH_NS + int(synced_s * 1e9)
        return self.hear(HistoryRead(question=asked, result=OrderPage(orders=orders, synced_at_ns=synced_ns)))

    def open(self, *orders: OrderReported) -> None:
        """Answer what is asked at the start: what rests, and what changed last."""
        self.look(*orders, after_s=0.0)
        self.look(*orders)

    def answer_while_unknown(self, *, step_s: float = 1.0, synced: bool = True) -> list[float]:
        """Answer every question by an empty list while it is not known what became of the order; return when."""
        answered_s: list[float] = []
        while self.status is UNKNOWN and self.now_s < START_S + 120:
            self.tick(step_s)
            if self.ledger.doubts.asked is not None:
                answered_s.append(self.now_s)
                self.read(synced_s=self.now_s if synced else None)
        return answered_s

    def look(self, *orders: OrderReported, after_s: float = 1.0, synced_s: float | None = math.inf) -> None:
        """Let the next question be asked, and answer it."""
        self.tick(after_s)
        self.read(*orders, synced_s=synced_s)


def statuses(outs: Sequence[object]) -> list[OrderStatus]:
    return [out.order.status for out in outs if isinstance(out, OrderChanged)]


# --- what is taken up --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [NEW, UNKNOWN])
def test_an_order_without_an_answer_is_unknown_and_told_at_once(status):
    bench = Bench(left(status))

    assert [(out.order.status, out.strategy) for out in bench.sent(OrderChanged)] == [(UNKNOWN, "maker")]
    assert bench.order.cancel_wanted
    assert not bench.ledger.flat


def test_an_order_that_had_an_answer_is_told_as_it_was_and_shall_go():
    bench = Bench(left(OPEN, 300))

    (told,) = bench.sent(OrderChanged)

    assert told.order == attrs.evolve(left(OPEN, 300), cancel_wanted=True)
    assert bench.tick()[:2] == [CancelOrder(client_order_id=A1, venue_order_id=V1), AskOrder(V1)]


def test_everything_that_rests_is_cancelled_first_where_one_request_does_it():
    assert Bench(left(OPEN)).sent(CancelAll) == [CancelAll()]


def test_what_has_a_result_is_told_and_is_not_asked_for():
    bench = Bench(left(SETTLED, 1000, Result.WON))
    bench.open()
    bench.tick(30.0)

    assert statuses(bench.outs) == [SETTLED]
    assert bench.sent(AskOrder) == []
    assert bench.ready
    assert bench.ledger.settled


@pytest.mark.parametrize("order", [left(NEW), left(UNKNOWN), left(PENDING), left(OPEN)])
def test_the_account_is_not_ready_while_one_of_them_can_match(order):
    bench = Bench(order)
    bench.tick()
    bench.read()

    assert not bench.ready


# --- what became of it -------------------------------------------------------------------------------------------


def test_a_lost_order_that_rests_is_found_by_its_name_and_cancelled():
    bench = Bench(left(NEW))
    bench.tick()
    bench.read(said(OPEN))
    found = bench.status

    assert CancelOrder(client_order_id=A1, venue_order_id=V1) in bench.tick()
    bench.hear(CancelAnswered(command=CancelOrder(client_order_id=A1, venue_order_id=V1), result=said(CANCELLED)))

    assert (found, bench.status) == (OPEN, CANCELLED)
    assert bench.ready


def test_a_lost_order_that_was_matched_meanwhile_is_found():
    bench = Bench(left(NEW))
    bench.tick()
    bench.read()  # the opening shows what rests
    bench.tick()
    bench.read(said(FILLED, 1000))

    assert (bench.status, bench.order.filled) == (FILLED, 1000)
    assert bench.ready


def test_a_fill_that_happened_meanwhile_is_booked_once():
    bench = Bench(left(OPEN, 300))
    for _ in range(3):
        bench.look(said(FILLED, 1000))
        bench.hear(said(FILLED, 1000), OrderRead(venue_order_id=V1, result=said(FILLED, 1000)))
        bench.ledger.doubts.missed(bench.now_s, bench.now_s)

    assert statuses(bench.outs) == [OPEN, FILLED]
    assert (bench.order.filled, sum(fill.size for fill in bench.order.fills)) == (1000, 1000)
    assert bench.ledger.tally.fill_cents == 700  # those of this process


def test_a_fill_that_was_booked_before_is_not_booked_again():
    bench = Bench(left(OPEN, 300))
    bench.look(said(CANCELLED, 300))

    assert bench.order.fills == (Fill(300, Odds(146)),)
    assert bench.ledger.tally.fill_cents == 0


@pytest.mark.parametrize("synced", [True, False])
@pytest.mark.parametrize("traits", [NAMED, LEGACY])
def test_a_recalled_order_is_never_sent_again(traits, synced):
    bench = Bench(left(NEW), traits=traits)

    bench.answer_while_unknown(synced=synced)

    assert bench.sent(PlaceOrder) == []
    assert bench.status is ABSENT


# --- absence -----------------------------------------------------------------------------------------------------


WEEK_S = 7 * 86_400.0


@pytest.mark.parametrize("ago_s", [0.0, 4.0, LONG_AGO_S, WEEK_S, -60.0])  # in the last the clock was ahead
def test_it_is_absent_once_no_copy_shows_it_and_the_request_cannot_be_on_the_road(ago_s):
    bench = Bench(left(NEW), ago_s=ago_s)

    looked_s = bench.answer_while_unknown(step_s=0.25)

    assert bench.status is ABSENT
    assert looked_s[-2] - START_S < ON_THE_ROAD_S + ABSENCE_MARGIN_S <= looked_s[-1] - START_S
    assert bench.ready


def test_it_is_asked_for_at_the_moment_when_absence_can_be_proved_first():
    bench = Bench(left(NEW))
    provable_s = bench.ledger.provable_s

    looked_s = bench.answer_while_unknown(step_s=0.25)

    assert looked_s[-1] == provable_s == START_S + ON_THE_ROAD_S + ABSENCE_MARGIN_S
    assert bench.ledger.provable_s == -math.inf


def test_the_list_of_what_rests_proves_no_absence():
    bench = Bench(left(NEW))
    bench.tick()
    bench.read(synced_s=bench.now_s + 100)

    assert bench.status is UNKNOWN


def test_where_copies_have_no_age_it_takes_three_looks_and_the_age_that_no_copy_has():
    bench = Bench(left(NEW), traits=LEGACY)

    looked_s = bench.answer_while_unknown(synced=False)

    assert bench.status is ABSENT
    assert len(looked_s) > 3
    assert looked_s[-2] - START_S < ON_THE_ROAD_S + COPY_AGE_MAX_S <= looked_s[-1] - START_S
    assert bench.ready


def test_an_order_that_is_known_to_have_arrived_is_never_absent():
    bench = Bench(left(PENDING))
    for _ in range(60):
        bench.tick(1.0)
        if bench.ledger.doubts.asked is not None:
            bench.read()

    assert bench.status is PENDING


# --- positions ---------------------------------------------------------------------------------------------------


def test_a_position_that_the_opening_does_not_show_is_asked_for():
    bench = Bench(left(FILLED, 1000))
    bench.open()
    ready = bench.ready
    bench.hear(OrderRead(venue_order_id=V1, result=said(SETTLED, 1000, result=Result.WON)))

    assert ready  # it cannot match: nobody need wait for it
    assert bench.sent(AskOrder) == [AskOrder(V1)]
    assert statuses(bench.outs) == [FILLED, SETTLED]
    assert bench.ledger.settled


def test_a_position_that_the_opening_shows_is_not_asked_for():
    bench = Bench(left(FILLED, 1000))
    bench.open(said(FILLED, 1000))

    assert bench.tick(10.0) == []


def test_a_position_is_asked_for_until_there_is_an_answer():
    bench = Bench(left(FILLED, 1000))
    bench.open()
    for _ in range(3):
        bench.hear(OrderRead(venue_order_id=V1, result=AnswerLost("cut")))
        bench.tick(5.0)

    assert bench.sent(AskOrder) == [AskOrder(V1)] * 4
    assert not bench.ledger.settled


def test_what_happened_last_before_the_start_is_read_as_no_copy_may_have_it_yet():
    bench = Bench(left(FILLED, 1000))
    bench.tick()
    bench.read(said(FILLED, 1000), synced_s=START_S - 1)  # a copy from before
    bench.look()  # one that is young enough, without the order
    (question,) = [out for out in bench.tick(1.0) if isinstance(out, AskHistory)]
    bench.read(said(SETTLED, 1000, result=Result.WON))

    assert question.by is Window.UPDATED
    assert question.from_s == EPOCH_NS // 10**9 + START_S - LOOK_BACK_S
    assert bench.status is SETTLED
    assert bench.ledger.settled


def test_what_happens_before_the_first_socket_is_read_when_it_is_there():
    bench = Bench(left(FILLED, 1000), up=False)
    bench.open(said(FILLED, 1000))
    before = bench.ledger.settled
    bench.now_s += 10.0
    bench.hear(SessionReady(NAMED.venue, 1))
    (question,) = bench.tick()

    assert before
    assert question.from_s == EPOCH_NS // 10**9 + START_S - LOOK_BACK_S
    assert question.to_s >= EPOCH_NS // 10**9 + bench.now_s


def test_where_nothing_is_remembered_the_first_socket_has_missed_nothing():
    bench = Bench()
    bench.tick()
    bench.read()

    assert bench.ready
    assert bench.tick(10.0) == []


# --- where orders have no names ----------------------------------------------------------------------------------

OUTCOME = BookKey(EventId("mkt"), MarketId("yes"))
YES = buying(OUTCOME)
COST = 20 * 42 * 10_000  # micro-dollars
MONEY = 100_000_000


def lost() -> Order:
    return placed(OUTCOME, YES, Probability(4200), 20)


def funds(bench: Bench, free: int, shares: int = 0) -> FundsRead:
    held = (Holding(key=OUTCOME, selection_id=YES, shares=shares, cost_micro=COST),) if shares else ()
    return FundsRead(
        venue=NAMELESS.venue,
        balance=Balance(free_micro=free, resting_micro=None),
        held=held,
        asked_at_s=bench.now_s,
        as_of_ns=bench.wall_ns,
    )


def nameless(free: int, shares: int = 0) -> Bench:
    return Bench(lost(), traits=NAMELESS, baseline=Baseline(free, {OUTCOME: shares}))


def test_a_lost_order_is_not_taken_for_one_like_it_that_was_there_before():
    bench = nameless(MONEY)  # intended an hour ago
    bench.tick()
    long_ago = said(CANCELLED, 0, lost(), client_order_id=None, created_at_ns=bench.wall_ns - 2 * 3600 * 10**9)
    bench.read(long_ago, synced_s=None)

    assert bench.status is UNKNOWN
    assert not bench.ready


def judge(bench: Bench, free: int, shares: int = 0) -> None:
    """Let the money and the list be read, time after time."""
    for _ in range(6):
        bench.tick(5.0)
        bench.hear(funds(bench, free, shares))
        if bench.ledger.doubts.asked is not None:
            bench.read(synced_s=None)


@pytest.mark.parametrize(
    ("free", "shares", "status"),
    [
        (MONEY, 0, ABSENT),  # the account has what it would have without it
        (MONEY - COST, 20, FILLED),  # and here what it would have bought
        (MONEY - COST, 0, UNKNOWN),  # its money is held: it rests somewhere
        (MONEY, 7, UNKNOWN),  # somebody bought something else
    ],
)
def test_a_lost_order_is_judged_by_what_the_account_had_before_it(free, shares, status):
    bench = nameless(MONEY)

    judge(bench, free, shares)

    assert bench.status is status
    assert bench.ready is (status is not UNKNOWN)


def test_shares_that_were_held_before_are_not_its():
    bench = nameless(MONEY, shares=20)

    judge(bench, MONEY, 20)

    assert bench.status is ABSENT


def test_without_a_word_from_the_journal_nothing_is_judged():
    bench = Bench(lost(), traits=NAMELESS)

    judge(bench, MONEY)

    assert bench.status is UNKNOWN


def test_a_lost_order_is_found_by_what_it_looks_like_and_cancelled():
    bench = nameless(MONEY)
    bench.tick()
    bench.read(said(OPEN, order=lost(), client_order_id=None), synced_s=None)

    assert (bench.status, bench.order.venue_order_id) == (OPEN, V1)
    assert CancelOrder(client_order_id=A1, venue_order_id=V1) in bench.tick()
