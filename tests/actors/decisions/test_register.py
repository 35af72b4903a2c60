import math

import attrs
import pytest

from actors.decisions.register import LOOK_AFTER_S, MAX_ENDED, Register
from actors.decisions.tracked import Tracked
from actors.messages import Intent, OrderChanged
from actors.tally import Tally
from protocol.belief import Source
from protocol.commands import PlaceOrder
from protocol.events import Fill, MarketSettled, OrderReported, OrderStatus, Result
from protocol.ids import BookKey, ClientOrderId, ClientOrderIds, EventId, MarketId, SelectionId, VenueOrderId
from protocol.order import Order
from protocol.prices import Probability
from protocol.prophetx.venue import ProphetX
from protocol.satoriex.venue import SatoriEx

NAMED, NAMELESS = ProphetX().traits, SatoriEx().traits  # orders carry our ids, or do not
KEY = BookKey(EventId("m"), MarketId("yes"))
YES, NO = SelectionId("m/yes"), SelectionId("m/no")
X1, V1 = ClientOrderId("x-1"), VenueOrderId("v1")
NEW, UNKNOWN, PENDING, OPEN, FILLED, CANCELLED, WIPED, INVALID, REJECTED, ABSENT, VOID, SETTLED = OrderStatus


def command(name: str = X1) -> PlaceOrder:
    return PlaceOrder(client_order_id=ClientOrderId(name), key=KEY, selection_id=YES, price=Probability(4000), size=100)


def said(status: OrderStatus | None, filled: int = 0, **changes: object) -> OrderReported:
    report = OrderReported(
        venue_order_id=V1,
        client_order_id=X1,
        key=KEY,
        selection_id=YES,
        price=Probability(4000),
        size=100,
        filled=filled,
        status=status,
    )
    return attrs.evolve(report, **changes)


@attrs.define
class Bench:
    """A register, and a clock that stands still until it is moved."""

    register: Register = attrs.field(
        factory=lambda: Register(traits=NAMED, ids=ClientOrderIds("x"), tally=Tally()), kw_only=True
    )
    now_s: float = 100.0

    def add(self, name: str = X1) -> Tracked:
        self.register.add(Intent(strategy="maker", order=command(name)))
        return self.register.orders[ClientOrderId(name)]

    def merge(self, tracked: Tracked, *reports: OrderReported) -> list[OrderChanged]:
        return [out for report in reports for out in self.register.merge(tracked, report, self.now_s)]

    def settle(self, *winners: SelectionId) -> list[OrderChanged]:
        settled = MarketSettled(event_id=KEY.event_id, winners=frozenset(winners))
        return list(self.register.settle(settled, self.now_s))


def nameless() -> Bench:
    return Bench(register=Register(traits=NAMELESS, ids=ClientOrderIds("x"), tally=Tally()))


# --- taking in ---------------------------------------------------------------------------------------------------


def test_an_order_that_is_about_to_leave_is_live():
    bench = Bench()

    tracked = bench.add()

    assert tracked == Tracked(order=Order.placed(command()), strategy="maker", command=command())
    assert bench.register.live == bench.register.orders == {X1: tracked}
    assert bench.register.tally == Tally()


def test_no_id_leaves_twice():
    bench = Bench()
    bench.add()

    with pytest.raises(AssertionError, match="Risk lets no id pass twice"):
        bench.add()


def test_an_order_is_found_by_our_name_and_then_by_the_venue_s_alone():
    bench = Bench()
    tracked = bench.add()
    by_ours = bench.register.find(said(OPEN))
    before = bench.register.known(V1)

    bench.merge(tracked, said(OPEN))

    assert (by_ours, before) == (tracked, None)
    assert bench.register.find(said(OPEN, client_order_id=None)) is tracked
    assert bench.register.known(V1) is tracked


def test_a_report_without_a_name_that_is_known_is_about_no_order():
    bench = Bench()
    bench.add()

    assert bench.register.find(said(OPEN, client_order_id=None)) is None


# --- adopting ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bench", [Bench, nameless])
def test_a_foreign_order_that_rests_is_adopted_and_live(bench):
    bench = bench()
    report = said(OPEN, client_order_id=None)

    tracked = bench.register.adopt(report)

    assert tracked == Tracked(order=Order.adopted(report), strategy="", command=None, arrived=True)
    assert bench.register.live == bench.register.orders == {ClientOrderId("venue:v1"): tracked}
    assert bench.register.known(V1) is tracked


def test_a_foreign_order_that_ended_with_a_stake_counts_and_is_not_live():
    bench = Bench()

    tracked = bench.register.adopt(said(FILLED, 100))

    assert bench.register.orders == {X1: tracked}
    assert bench.register.live == {}


def test_where_orders_have_no_names_what_was_staked_before_stands_in_the_holdings():
    bench = nameless()

    assert bench.register.adopt(said(FILLED, 100, client_order_id=None)) is None
    assert bench.register.orders == {}


@pytest.mark.parametrize("bench", [Bench, nameless])
def test_a_foreign_order_that_ended_without_a_stake_is_nobody_s(bench):
    bench = bench()

    assert bench.register.adopt(said(CANCELLED)) is None
    assert bench.register.orders == {}


def test_an_adopted_order_is_nothing_that_this_run_counts():
    bench = Bench()
    tracked = bench.register.adopt(said(OPEN, client_order_id=ClientOrderId("before-1")))

    changed = bench.merge(tracked, said(FILLED, 100, client_order_id=ClientOrderId("before-1")))

    assert [each.order.status for each in changed] == [FILLED]
    assert bench.register.tally == Tally()


def test_of_too_many_orders_that_came_to_nothing_the_oldest_is_forgotten():
    bench = Bench()
    traded = bench.add("filled")
    bench.merge(traded, said(CANCELLED, 50, client_order_id=ClientOrderId("filled"), venue_order_id=VenueOrderId("f")))
    for number in range(MAX_ENDED + 1):
        name = f"n-{number}"
        report = said(CANCELLED, client_order_id=ClientOrderId(name), venue_order_id=VenueOrderId(name))
        bench.merge(bench.add(name), report)

    assert len(bench.register.orders) == MAX_ENDED + 1
    assert bench.register.known(VenueOrderId("n-0")) is None
    assert bench.register.known(VenueOrderId("n-1")) is not None
    assert bench.register.known(VenueOrderId("f")) is traded


# --- merging -----------------------------------------------------------------------------------------------------


def test_what_the_venue_says_is_told_and_counted_once():
    bench = Bench()
    tracked = bench.add()
    bench.register.hear(Source.PUSH, 7)

    changed = bench.merge(tracked, said(OPEN), said(OPEN), said(FILLED, 100), said(FILLED, 100))

    assert [each.order.status for each in changed] == [OPEN, FILLED]
    assert changed[-1] == OrderChanged(
        order=tracked.order, venue=NAMED.venue, strategy="maker", source=Source.PUSH, as_of_ns=7
    )
    assert bench.register.tally == Tally(opened=1, fills=1, fill_cents=4000, fill_shares=100)
    assert bench.register.live == {}


@pytest.mark.parametrize(
    "report",
    [
        said(OPEN, 101),
        said(OPEN, -1),
        said(OPEN, selection_id=NO),
        said(OPEN, venue_order_id=VenueOrderId("v2")),
    ],
)
def test_what_cannot_be_true_is_refused_and_counted(report):
    bench = Bench()
    tracked = bench.add()
    bench.merge(tracked, said(OPEN))
    before = tracked.order

    assert bench.merge(tracked, report) == []
    assert tracked.order == before
    assert bench.register.tally == Tally(opened=1, unreadable=1)


def test_a_word_that_nobody_knows_proves_that_an_order_exists_and_no_more():
    bench = Bench()
    tracked = bench.add()

    changed = bench.merge(tracked, said(None))

    assert [each.order.status for each in changed] == [PENDING]
    assert tracked.arrived
    assert tracked.ask_at_s == bench.now_s + LOOK_AFTER_S


@pytest.mark.parametrize("status", [ABSENT, REJECTED])
def test_it_does_so_also_of_one_that_was_believed_not_to(status):
    bench = Bench()
    tracked = bench.add()
    list(bench.register.change(tracked, tracked.order.move(status), bench.now_s))

    bench.merge(tracked, said(None, 5))

    assert (tracked.order.status, tracked.order.filled) == (PENDING, 5)
    assert bench.register.live == {X1: tracked}


def test_a_cancelled_order_whose_fills_may_be_on_their_way_is_looked_at_again_when_they_have_come():
    bench = nameless()
    tracked = bench.add()
    bench.merge(tracked, said(OPEN))
    tracked.settles_at_s = bench.now_s + 2.0

    early = bench.merge(tracked, said(CANCELLED))
    asked_s = tracked.ask_at_s
    bench.now_s += 2.0
    late = bench.merge(tracked, said(CANCELLED, 40))

    assert (early, asked_s) == ([], 102.0)
    assert [(each.order.status, each.order.filled) for each in late] == [(CANCELLED, 40)]


def test_a_fill_has_the_price_that_was_hinted_for_it_and_no_later_one_has_it_again():
    bench = nameless()
    tracked = bench.add()
    tracked.hinted = (Fill(40, Probability(3900)),)

    bench.merge(tracked, said(OPEN, 40), said(OPEN, 80))

    assert tracked.order.fills == (Fill(40, Probability(3900)), Fill(40, Probability(4000)))
    assert tracked.hinted == ()


def test_what_comes_back_while_everything_goes_is_cancelled_at_once():
    bench = Bench()
    tracked = bench.add()
    bench.register.stopping = True

    bench.merge(tracked, said(OPEN))

    assert (tracked.order.cancel_wanted, tracked.cancel_at_s) == (True, bench.now_s)


def test_nothing_is_due_about_an_order_that_can_no_longer_match():
    bench = Bench()
    tracked = bench.add()
    tracked.overdue_at_s = tracked.ask_at_s = tracked.cancel_at_s = tracked.resend_at_s = 101.0

    bench.merge(tracked, said(CANCELLED))

    assert tracked.due_s == math.inf


@pytest.mark.parametrize(("bench", "wanted"), [(Bench, True), (nameless, False)])
def test_the_fills_of_an_ended_order_are_asked_for_where_the_venue_lists_them(bench, wanted):
    bench = bench()

    bench.merge(bench.add(), said(FILLED, 100))

    assert bench.register.inexact.open is wanted


# --- a twin ------------------------------------------------------------------------------------------------------


def test_an_order_that_was_taken_for_a_foreign_one_is_dropped_when_it_proves_to_be_ours():
    bench = nameless()
    ours = bench.add()
    twin = bench.register.adopt(said(OPEN, client_order_id=None))

    changed = bench.merge(ours, said(OPEN))

    assert [(each.order.client_order_id, each.order.status) for each in changed] == [
        (twin.order.client_order_id, ABSENT),
        (X1, OPEN),
    ]
    assert bench.register.live == bench.register.orders == {X1: ours}
    assert bench.register.known(V1) is ours


# --- settling ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("winner", "result"), [(YES, Result.WON), (NO, Result.LOST)])
def test_what_is_filled_and_ended_is_settled_by_the_winners(winner, result):
    bench = nameless()
    tracked = bench.add()
    bench.merge(tracked, said(FILLED, 100))

    changed = bench.settle(winner)

    assert [(each.order.status, each.order.result) for each in changed] == [(SETTLED, result)]


def test_the_same_result_is_told_once():
    bench = nameless()
    bench.merge(bench.add(), said(FILLED, 100))
    bench.settle(YES)

    assert bench.settle(YES) == []


def test_what_rested_in_a_settled_market_is_asked_about_and_decided_by_what_is_said():
    bench = nameless()
    tracked = bench.add()
    bench.merge(tracked, said(OPEN, 40))

    told = bench.settle(YES)
    asked_s = tracked.ask_at_s
    (changed,) = bench.merge(tracked, said(CANCELLED, 40))

    assert (told, asked_s) == ([], bench.now_s)
    assert (changed.order.status, changed.order.result) == (SETTLED, Result.WON)


def test_another_event_s_result_settles_nothing():
    bench = nameless()
    bench.merge(bench.add(), said(FILLED, 100))
    other = MarketSettled(event_id=EventId("another"), winners=frozenset({YES}))

    assert list(bench.register.settle(other, bench.now_s)) == []
