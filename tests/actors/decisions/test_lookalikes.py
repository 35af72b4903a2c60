import attrs
import pytest

from actors.decisions.absence import Baseline, MoneyTrail
from actors.decisions.doubts import Doubts
from actors.decisions.inquiries import Inquiries
from actors.decisions.lookalikes import Lookalikes
from actors.decisions.register import Register
from actors.decisions.tracked import ENOUGH_LOOKS, Tracked
from actors.messages import AskOrder, FundsRead, FundsWanted, Intent, OrderChanged
from actors.tally import Tally
from protocol.commands import PlaceOrder
from protocol.events import About, Hinted, MarketSettled, OrderReported, OrderStatus
from protocol.ids import BookKey, ClientOrderId, ClientOrderIds, EventId, MarketId, VenueOrderId
from protocol.prices import Probability
from protocol.satoriex.names import buying
from protocol.satoriex.venue import SatoriEx
from protocol.venue import Balance, Holding, OrderPage

KEY = BookKey(EventId("mkt"), MarketId("yes"))
TRAITS = SatoriEx().traits
X1, X2 = ClientOrderId("x-1"), ClientOrderId("x-2")
V1, V2 = VenueOrderId("v1"), VenueOrderId("v2")
NEW, UNKNOWN, _, OPEN, FILLED, CANCELLED, *_ = OrderStatus
ABSENT = OrderStatus.ABSENT
LOST_S, ABSENCE_AFTER_S = 100.0, 8.0
JUDGED_S = LOST_S + ABSENCE_AFTER_S
FREE_MICRO = 10_000_000_000


def said(status: OrderStatus, name: VenueOrderId = V1, size: int = 20, filled: int = 0) -> OrderReported:
    return OrderReported(
        venue_order_id=name,
        client_order_id=None,
        key=KEY,
        selection_id=buying(KEY),
        price=Probability(4200),
        size=size,
        filled=filled,
        status=status,
    )


def funds(free_micro: int = FREE_MICRO, shares: int = 0, at_s: float = JUDGED_S) -> FundsRead:
    held = (Holding(key=KEY, selection_id=buying(KEY), shares=shares, cost_micro=0),) if shares else ()
    balance = Balance(free_micro=free_micro, resting_micro=None)
    return FundsRead(venue=TRAITS.venue, balance=balance, held=held, asked_at_s=at_s, as_of_ns=1)


@attrs.define
class Bench:
    """One order of ours, and lists that are read by hand."""

    register: Register = attrs.field(
        factory=lambda: Register(traits=TRAITS, ids=ClientOrderIds("x"), tally=Tally()), init=False
    )
    doubts: Doubts = attrs.field(factory=Doubts, init=False)
    inquiries: Inquiries = attrs.field(factory=Inquiries, init=False)
    trail: MoneyTrail = attrs.field(factory=MoneyTrail, init=False)
    lookalikes: Lookalikes = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.trail.recall(Baseline(FREE_MICRO, {}))
        self.lookalikes = Lookalikes(
            register=self.register,
            doubts=self.doubts,
            inquiries=self.inquiries,
            trail=self.trail,
            absence_after_s=ABSENCE_AFTER_S,
        )

    @property
    def ours(self) -> Tracked:
        return self.register.orders[X1]

    def place(self, name: ClientOrderId = X1, bp: int = 4200) -> Tracked:
        order = PlaceOrder(client_order_id=name, key=KEY, selection_id=buying(KEY), price=Probability(bp), size=20)
        self.register.add(Intent(strategy="maker", order=order))
        tracked = self.register.orders[name]
        tracked.sent_s = LOST_S
        return tracked

    def lose(self, name: ClientOrderId = X1, bp: int = 4200) -> None:
        tracked = self.place(name, bp)
        tracked.gave_up_s = LOST_S
        list(self.register.change(tracked, tracked.order.move(UNKNOWN), LOST_S))

    def read(self, *reports: OrderReported, at_s: float = LOST_S, unreadable: int = 0) -> list[object]:
        return list(self.lookalikes.read(OrderPage(orders=reports, unreadable=unreadable), at_s))

    def read_until_looked_for(self) -> None:
        for _ in range(ENOUGH_LOOKS - 1):
            self.read()


def changed(outs: list[object]) -> list[tuple[str, OrderStatus]]:
    return [(out.order.client_order_id, out.order.status) for out in outs if isinstance(out, OrderChanged)]


# --- whose they are ----------------------------------------------------------------------------------------------


def test_a_lost_order_is_found_by_what_it_looks_like():
    bench = Bench()
    bench.lose()

    assert changed(bench.read(said(OPEN))) == [(X1, OPEN)]
    assert bench.register.known(V1) is bench.ours


def test_an_absent_order_that_was_sent_is_found_late():
    bench = Bench()
    bench.lose()
    list(bench.register.change(bench.ours, bench.ours.order.move(ABSENT), LOST_S))

    assert changed(bench.read(said(OPEN))) == [(X1, OPEN)]


def test_an_order_that_looks_like_one_that_awaits_its_answer_is_nobody_s_yet():
    bench = Bench()
    bench.place()

    assert changed(bench.read(said(OPEN))) == []
    assert bench.doubts.open


def test_an_order_that_looks_like_none_of_ours_is_taken_over_and_cancelled():
    bench = Bench()
    bench.lose()

    bench.read(said(OPEN, size=30))

    stranger = bench.register.known(V1)
    assert (bench.ours.order.status, stranger.order.cancel_wanted) == (UNKNOWN, True)


def test_a_stranger_that_has_ended_is_looked_at_once():
    bench = Bench()
    bench.read(said(CANCELLED))
    bench.lose()

    assert changed(bench.read(said(CANCELLED))) == []


def test_where_two_look_like_one_of_ours_all_are_cancelled():
    bench = Bench()
    bench.lose()

    bench.read(said(OPEN), said(OPEN, V2))

    assert [each.order.cancel_wanted for each in bench.register.live.values()] == [True, True]


# --- what became of them -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reading", "status"),
    [(funds(), ABSENT), (funds(FREE_MICRO - 20 * 420_000, shares=20), FILLED), (funds(shares=7), UNKNOWN)],
)
def test_an_order_that_no_list_shows_is_judged_by_the_money(reading, status):
    bench = Bench()
    bench.lose()
    bench.read_until_looked_for()
    bench.trail.read(reading, [], calm=False)

    outs = bench.read(at_s=JUDGED_S)

    assert bench.ours.order.status is status
    assert any(isinstance(out, FundsWanted) for out in outs) is (status is UNKNOWN)


def test_shares_that_either_of_two_may_have_got_are_booked_to_none():
    bench = Bench()
    bench.lose(X1)
    bench.lose(X2, 4100)
    bench.read_until_looked_for()
    bench.trail.read(funds(FREE_MICRO - 20 * 420_000, shares=20), [], calm=False)

    bench.read(at_s=JUDGED_S)

    assert [each.order.status for each in bench.register.orders.values()] == [UNKNOWN, UNKNOWN]


def test_an_order_that_money_proved_filled_is_named_by_the_list_that_shows_it_at_last():
    bench = Bench()
    bench.lose()
    bench.read_until_looked_for()
    bench.trail.read(funds(FREE_MICRO - 20 * 420_000, shares=20), [], calm=False)
    bench.read(at_s=JUDGED_S)
    before = bench.ours.order.status

    bench.read(said(OPEN), at_s=JUDGED_S)
    bench.read(said(FILLED, filled=20), at_s=JUDGED_S)

    assert before is FILLED
    assert [(each.order.venue_order_id, each.order.filled) for each in bench.register.orders.values()] == [(V1, 20)]


def test_it_is_not_judged_before_a_list_must_have_shown_it():
    bench = Bench()
    bench.lose()
    bench.read_until_looked_for()
    bench.trail.read(funds(at_s=JUDGED_S), [], calm=False)

    assert bench.read(at_s=JUDGED_S - 0.1) == []


def test_it_is_not_judged_by_money_that_was_read_too_early():
    bench = Bench()
    bench.lose()
    bench.read_until_looked_for()
    bench.trail.read(funds(at_s=JUDGED_S - 0.1), [], calm=False)

    assert bench.read(at_s=JUDGED_S) == [FundsWanted()]


def test_it_is_not_judged_after_too_few_looks():
    bench = Bench()
    bench.lose()
    bench.trail.read(funds(), [], calm=False)

    assert bench.read(at_s=JUDGED_S) == [FundsWanted()]


def test_a_list_with_a_row_that_nobody_can_read_judges_nothing():
    bench = Bench()
    bench.lose()
    bench.read_until_looked_for()
    bench.trail.read(funds(), [], calm=False)

    assert bench.read(at_s=JUDGED_S, unreadable=1) == []


@pytest.mark.parametrize("unsure", ["settling", "of a market that is settled"])
def test_it_is_not_judged_while_another_one_may_have_ended(unsure):
    bench = Bench()
    bench.lose()
    other = bench.place(X2, 4100)
    list(bench.register.merge(other, said(OPEN, V2), LOST_S))
    bench.read_until_looked_for()
    bench.trail.read(funds(FREE_MICRO - 20 * 410_000), [], calm=False)
    if unsure == "settling":
        other.settles_at_s = JUDGED_S + 2.0
    else:
        settled = MarketSettled(event_id=KEY.event_id, winners=frozenset({buying(KEY)}))
        list(bench.register.settle(settled, JUDGED_S))

    bench.read(at_s=JUDGED_S)
    before = bench.ours.order.status
    list(bench.register.merge(other, said(CANCELLED, V2), JUDGED_S + 2.0))
    bench.trail.read(funds(at_s=JUDGED_S + 2.0), [], calm=False)
    bench.read(at_s=JUDGED_S + 2.0)

    assert (before, bench.ours.order.status) == (UNKNOWN, ABSENT)


def test_meanwhile_strangers_that_the_socket_named_are_asked_for():
    bench = Bench()
    bench.lose()
    bench.inquiries.keep(V1, Hinted(about=About.ORDERS, event_id=KEY.event_id, venue_order_id=V1))

    assert bench.read() == [AskOrder(V1)]
