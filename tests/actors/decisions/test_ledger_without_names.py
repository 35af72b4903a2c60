"""The ledger where orders carry no ids of ours, and the socket only hints."""

import attrs
import pytest

from actors.decisions.inquiries import MAX_LATE
from actors.decisions.ledger import MAX_CANCEL_WAIT_S, OrderLedger
from actors.messages import (
    AnswerLost,
    AskHistory,
    AskOrder,
    CancelAnswered,
    CancelWanted,
    FundsRead,
    HistoryRead,
    Intent,
    OrderChanged,
    OrderRead,
    PlacingAnswered,
    PlacingLost,
    PlacingStarted,
    SessionReady,
)
from actors.tally import Tally
from protocol.commands import CancelOrder, PlaceOrder, TimeInForce
from protocol.errors import Policy, VenueError
from protocol.events import About, Fill, Hinted, OrderReported, OrderStatus
from protocol.ids import BookKey, ClientOrderId, ClientOrderIds, EventId, MarketId, VenueOrderId
from protocol.prices import Probability
from protocol.satoriex.names import buying
from protocol.satoriex.venue import SatoriEx
from protocol.venue import Balance, OrderPage

EPOCH_NS = 1_790_000_000 * 10**9
KEY = BookKey(EventId("mkt"), MarketId("yes"))
X1 = ClientOrderId("x-1")
V1 = VenueOrderId("ord_1")
TRAITS = SatoriEx(absence_after_s=8.0).traits
UNKNOWN, OPEN, FILLED, CANCELLED = OrderStatus.UNKNOWN, OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.CANCELLED
NO = VenueError(code="99032", status=422, policy=Policy.TERMINAL)


def said(status: OrderStatus | None, filled: int = 0) -> OrderReported:
    return OrderReported(
        venue_order_id=V1,
        client_order_id=None,
        key=KEY,
        selection_id=buying(KEY),
        price=Probability(4200),
        size=20,
        filled=filled,
        status=status,
    )


def hint(venue_order_id: VenueOrderId | None = V1) -> Hinted:
    return Hinted(about=About.ORDERS, event_id=KEY.event_id, venue_order_id=venue_order_id)


@attrs.define
class Bench:
    """A ledger with a clock that is moved by hand."""

    ledger: OrderLedger = attrs.field(
        factory=lambda: OrderLedger(traits=TRAITS, ids=ClientOrderIds("x"), activation_timeout_s=10.0, tally=Tally())
    )
    now_s: float = 100.0

    @property
    def wall_ns(self) -> int:
        return EPOCH_NS + int(self.now_s * 1e9)

    @property
    def status(self) -> OrderStatus:
        return self.ledger.orders[X1].order.status

    def hear(self, *messages: object) -> list[object]:
        return [out for each in messages for out in self.ledger.handle(each, self.now_s, self.wall_ns)]

    def tick(self, after_s: float = 0.0) -> list[object]:
        self.now_s += after_s
        return list(self.ledger.tick(self.now_s, self.wall_ns))

    def asks(self, after_s: float = 0.0) -> list[object]:
        return [each for each in self.tick(after_s) if isinstance(each, AskOrder | AskHistory)]

    def place(self, time_in_force: TimeInForce = TimeInForce.REST) -> None:
        order = PlaceOrder(
            client_order_id=X1,
            key=KEY,
            selection_id=buying(KEY),
            price=Probability(4200),
            size=20,
            time_in_force=time_in_force,
        )
        self.hear(Intent(strategy="maker", order=order))
        self.hear(PlacingStarted(client_order_ids=(X1,), at_s=self.now_s))

    def rest(self) -> None:
        self.place()
        self.hear(PlacingAnswered(client_order_id=X1, result=said(OPEN)))

    def lose(self, **how) -> None:
        self.place(**how)
        self.hear(PlacingLost(client_order_ids=(X1,), sent=True, reason="cut"))

    def list_orders(self, *reports: OrderReported, unreadable: int = 0) -> list[object]:
        (question,) = [each for each in self.tick() if isinstance(each, AskHistory)] or [None]
        assert question is not None, "no list is due"
        return self.hear(HistoryRead(question=question, result=OrderPage(orders=reports, unreadable=unreadable)))

    def read(self, result: object) -> list[object]:
        return self.hear(OrderRead(venue_order_id=V1, result=result))


def test_a_lost_order_is_found_by_what_it_looks_like():
    bench = Bench()
    bench.lose()

    bench.list_orders(said(OPEN))

    assert (bench.status, bench.ledger.orders[X1].order.venue_order_id) == (OPEN, V1)


def test_a_cancel_that_is_refused_is_tried_again_later_each_time():
    bench = Bench()
    bench.rest()
    waits = []
    bench.hear(CancelWanted(X1))
    for _ in range(4):
        (cancel,) = [each for each in bench.tick() if isinstance(each, CancelOrder)]
        bench.hear(CancelAnswered(command=cancel, result=NO))
        bench.tick()
        bench.read(said(OPEN))
        waits.append(round(bench.ledger.orders[X1].cancel_at_s - bench.now_s, 3))
        bench.now_s = bench.ledger.orders[X1].cancel_at_s

    assert waits == [0.3, 0.6, 1.2, 2.4]


def test_and_goes_on_for_ever_at_last_every_half_minute():
    bench = Bench()
    bench.rest()
    bench.hear(CancelWanted(X1))
    for _ in range(1_100):
        (cancel,) = [each for each in bench.tick() if isinstance(each, CancelOrder)]
        bench.hear(CancelAnswered(command=cancel, result=NO))
        bench.tick()
        bench.read(said(OPEN))
        wait_s = bench.ledger.orders[X1].cancel_at_s - bench.now_s
        bench.now_s = bench.ledger.orders[X1].cancel_at_s

    assert round(wait_s, 3) == MAX_CANCEL_WAIT_S


@pytest.mark.parametrize("lost", [False, True])
def test_an_order_that_shall_not_rest_is_cancelled_two_seconds_after_it_is_known(lost):
    bench = Bench()
    if lost:
        bench.lose(time_in_force=TimeInForce.FILL_OR_KILL)
        bench.list_orders(said(OPEN))
    else:
        bench.place(TimeInForce.FILL_OR_KILL)
        bench.hear(PlacingAnswered(client_order_id=X1, result=said(OPEN)))

    early = bench.tick(1.9)
    due = bench.tick(0.1)

    cancel = CancelOrder(client_order_id=X1, venue_order_id=V1)
    assert (cancel in early, cancel in due) == (False, True)


def test_an_order_that_shall_not_rest_is_cancelled_again_while_it_does():
    bench = Bench()
    bench.place(TimeInForce.FILL_OR_KILL)
    bench.hear(PlacingAnswered(client_order_id=X1, result=said(OPEN)))
    (cancel,) = [each for each in bench.tick(2.0) if isinstance(each, CancelOrder)]
    bench.hear(CancelAnswered(command=cancel, result=None))
    asked = bench.asks(2.0)
    bench.read(said(OPEN))

    assert asked == [AskOrder(V1)]
    assert [each for each in bench.tick(1.0) if isinstance(each, CancelOrder)] == [cancel]


def test_an_order_that_its_own_answer_calls_cancelled_is_read_before_that_is_believed():
    bench = Bench()
    bench.place()
    bench.hear(PlacingAnswered(client_order_id=X1, result=said(CANCELLED)))
    before = bench.status
    asked = bench.asks(TRAITS.cancel_settles_s)
    bench.read(said(CANCELLED, filled=5))

    assert (before, asked) == (OrderStatus.PENDING, [AskOrder(V1)])
    assert (bench.status, bench.ledger.orders[X1].order.filled) == (CANCELLED, 5)


def test_a_cancelled_order_settles_also_when_it_was_read_before_its_cancel_had_an_answer():
    bench = Bench()
    bench.rest()
    bench.hear(CancelWanted(X1))
    (cancel,) = [each for each in bench.tick() if isinstance(each, CancelOrder)]
    bench.hear(hint())
    bench.asks()
    bench.read(said(CANCELLED))
    before = bench.status
    bench.hear(CancelAnswered(command=cancel, result=said(CANCELLED)))
    asked = bench.asks(TRAITS.cancel_settles_s)
    bench.read(said(CANCELLED, filled=5))

    assert (before, asked) == (OPEN, [AskOrder(V1)])
    assert (bench.status, bench.ledger.orders[X1].order.filled) == (CANCELLED, 5)


def test_a_hint_that_came_after_its_fill_was_read_prices_no_other_fill():
    bench = Bench()
    bench.rest()
    bench.hear(hint())
    bench.asks()
    bench.read(said(OPEN, filled=10))
    for bp, filled in ((4000, 10), (4100, 20)):  # the first of the fill that was read already
        bench.hear(attrs.evolve(hint(), fill=Fill(10, Probability(bp))))
        bench.asks()
        bench.read(said(FILLED if filled == 20 else OPEN, filled=filled))

    assert bench.ledger.orders[X1].order.fills == (Fill(10, Probability(4200)), Fill(10, Probability(4100)))


def test_a_hint_while_its_order_is_being_asked_for_is_not_lost():
    bench = Bench()
    bench.rest()
    bench.hear(hint())
    first = bench.asks()

    bench.hear(hint())
    bench.read(said(OPEN))

    assert (first, bench.asks()) == ([AskOrder(V1)], [AskOrder(V1)])


def test_a_hint_without_an_order_while_the_list_is_being_read_is_not_lost():
    bench = Bench()
    bench.rest()
    bench.hear(hint(None))
    (question,) = [each for each in bench.asks() if isinstance(each, AskHistory)]

    bench.now_s += 0.5
    bench.hear(hint(None))
    bench.hear(HistoryRead(question=question, result=OrderPage(orders=(said(OPEN),))))

    assert any(isinstance(each, AskHistory) for each in bench.asks(1.0))


def test_a_hint_about_an_order_that_has_ended_is_asked_for_until_there_is_an_answer():
    bench = Bench()
    bench.rest()
    bench.read(said(CANCELLED))
    first = bench.hear(hint())

    bench.read(AnswerLost("cut"))
    again = bench.asks(1.0)
    bench.read(said(CANCELLED, filled=5))

    assert (first, again) == ([AskOrder(V1)], [AskOrder(V1)])
    assert bench.ledger.orders[X1].order.filled == 5
    assert bench.ledger.settled


def test_and_is_given_up_at_last():
    bench = Bench()
    bench.rest()
    bench.read(said(CANCELLED))
    bench.hear(hint())
    asked = 0
    for _ in range(100):
        bench.read(AnswerLost("cut"))
        if not bench.asks(60.0):
            break
        asked += 1

    assert asked == MAX_LATE
    assert bench.ledger.settled


def funds(bench: Bench) -> FundsRead:
    balance = Balance(free_micro=100_000_000, resting_micro=None)
    return FundsRead(venue=TRAITS.venue, balance=balance, held=(), asked_at_s=bench.now_s, as_of_ns=0)


@pytest.mark.parametrize(("unreadable", "status"), [(0, OrderStatus.ABSENT), (1, UNKNOWN)])
def test_a_row_that_nobody_can_read_may_be_the_lost_order(unreadable, status):
    bench = Bench()
    bench.hear(SessionReady(TRAITS.venue, 1))
    bench.tick()
    bench.hear(funds(bench))  # all is quiet: this is what there is without any order
    bench.tick(1.0)
    bench.lose()
    for _ in range(3):
        bench.now_s += 10.0
        bench.hear(funds(bench))
        bench.list_orders(unreadable=unreadable)

    assert bench.status is status


def test_what_changes_is_told():
    bench = Bench()
    bench.rest()

    outs = bench.read(said(FILLED, filled=20))

    assert [each.order.filled for each in outs if isinstance(each, OrderChanged)] == [20]
