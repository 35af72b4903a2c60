import attrs
import pytest

from actors.decisions.absence import Baseline, MoneyTrail
from actors.messages import FundsRead
from protocol.commands import PlaceOrder
from protocol.events import Fill, OrderStatus
from protocol.ids import BookKey, ClientOrderId, EventId, MarketId, SelectionId, VenueName, sale_of
from protocol.order import Order
from protocol.prices import Probability
from protocol.venue import Balance, Holding

DOLLAR = 1_000_000
KEY = BookKey(EventId("m"), MarketId("yes"))
YES = SelectionId("m/yes")
OPEN, UNKNOWN, FILLED, ABSENT = OrderStatus.OPEN, OrderStatus.UNKNOWN, OrderStatus.FILLED, OrderStatus.ABSENT


def order(
    status: OrderStatus = UNKNOWN,
    filled: int = 0,
    *,
    name: str = "x-1",
    bp: int = 4000,
    size: int = 100,
    selection: SelectionId = YES,
) -> Order:
    command = PlaceOrder(
        client_order_id=ClientOrderId(name), key=KEY, selection_id=selection, price=Probability(bp), size=size
    )
    fills = (Fill(filled, Probability(bp)),) if filled else ()
    return attrs.evolve(Order.placed(command), status=status, filled=filled, fills=fills)


def funds(free: int, shares: int = 0, *, asked_at_s: float = 100.0) -> FundsRead:
    held = (Holding(key=KEY, selection_id=YES, shares=shares, cost_micro=0),) if shares else ()
    return FundsRead(
        venue=VenueName("satoriex"),
        balance=Balance(free_micro=free, resting_micro=None),
        held=held,
        asked_at_s=asked_at_s,
        as_of_ns=0,
    )


def trail(*orders: Order, shares: int = 0, free: int = 1000 * DOLLAR) -> MoneyTrail:
    """A trail with one calm reading, taken when these orders were all there were."""
    following = MoneyTrail(fee_bp=100)
    following.read(funds(free, shares, asked_at_s=1.0), list(orders), calm=True)
    return following


LOST = order()  # it would hold 40 dollars


def test_the_whole_money_shows_that_an_order_holds_nothing():
    following = trail()
    following.read(funds(1000 * DOLLAR), [LOST], calm=False)

    assert following.verdict(LOST, [LOST], 50.0) is ABSENT


def test_the_missing_money_shows_that_it_may_rest():
    following = trail()
    following.read(funds(960 * DOLLAR), [LOST], calm=False)

    assert following.verdict(LOST, [LOST], 50.0) is None


@pytest.mark.parametrize(
    ("free", "verdict"),
    [(990_000_000, ABSENT), (989_999_999, None), (1_010_000_000, ABSENT), (1_010_000_001, None)],
)
def test_up_to_a_quarter_of_what_it_would_hold_is_fees_and_better_prices(free, verdict):
    following = trail()
    following.read(funds(free), [LOST], calm=False)

    assert following.verdict(LOST, [LOST], 50.0) is verdict


def test_without_a_reading_nothing_is_shown():
    assert MoneyTrail().verdict(LOST, [LOST], 50.0) is None


def test_without_a_calm_reading_there_is_nothing_to_compare_with():
    following = MoneyTrail()
    following.read(funds(1000 * DOLLAR), [LOST], calm=False)

    assert following.verdict(LOST, [LOST], 50.0) is None


@pytest.mark.parametrize(("asked_at_s", "verdict"), [(49.9, None), (50.0, ABSENT)])
def test_a_reading_from_before_it_counts_shows_nothing(asked_at_s, verdict):
    following = trail()
    following.read(funds(1000 * DOLLAR, asked_at_s=asked_at_s), [LOST], calm=False)

    assert following.verdict(LOST, [LOST], 50.0) is verdict


def test_what_our_other_orders_hold_is_not_missing():
    resting = order(OPEN, name="x-2", bp=3000)
    following = trail()
    following.read(funds(970 * DOLLAR), [LOST, resting], calm=False)

    assert following.verdict(LOST, [LOST, resting], 50.0) is ABSENT


def test_what_orders_held_at_the_calm_reading_comes_back_when_they_end():
    resting = order(OPEN, name="x-2", bp=3000)
    following = trail(resting, free=970 * DOLLAR)
    gone = attrs.evolve(resting, status=OrderStatus.CANCELLED)
    following.read(funds(1000 * DOLLAR), [LOST, gone], calm=False)

    assert following.verdict(LOST, [LOST, gone], 50.0) is ABSENT


def test_what_a_sale_brought_is_not_taken_for_the_orders_money():
    sold = order(FILLED, 100, name="x-2", selection=sale_of(YES))  # 60 dollars, less 60 cents
    following = trail(shares=100)
    following.read(funds(1000 * DOLLAR + 59_400_000 - 40 * DOLLAR), [LOST, sold], calm=False)

    assert following.verdict(LOST, [LOST, sold], 50.0) is None


def test_of_two_lost_orders_neither_is_absent_while_the_money_of_one_is_missing():
    other = order(name="x-2")
    following = trail()
    following.read(funds(960 * DOLLAR), [LOST, other], calm=False)

    assert following.verdict(LOST, [LOST, other], 50.0) is None
    assert following.verdict(other, [LOST, other], 50.0) is None


@pytest.mark.parametrize(
    ("size", "verdict"),
    [(30, ABSENT), (100, None)],  # a hundred would look like the lost order's own: then the two readings disagree
)
def test_a_newer_reading_that_had_a_fill_which_was_not_known_does_not_hide_the_first(size, verdict):
    def sale(status: OrderStatus, filled: int = 0) -> Order:
        return order(status, filled, name="x-2", bp=3000, size=size, selection=sale_of(YES))

    brought = size * 7 * DOLLAR // 10 * 99 // 100
    following = trail(shares=size)
    following.read(funds(1000 * DOLLAR + brought, asked_at_s=2.0), [sale(OPEN)], calm=True)
    following.read(funds(1000 * DOLLAR + brought), [LOST, sale(FILLED, size)], calm=False)

    assert following.verdict(LOST, [LOST, sale(FILLED, size)], 50.0) is verdict


def test_a_later_calm_reading_counts_beside_the_first():
    following = trail()
    following.read(funds(500 * DOLLAR, asked_at_s=2.0), [], calm=True)
    following.read(funds(500 * DOLLAR), [LOST], calm=False)

    assert following.verdict(LOST, [LOST], 50.0) is ABSENT


@pytest.mark.parametrize(("shares", "verdict"), [(100, FILLED), (99, None), (1, None), (101, None)])
def test_exactly_the_shares_that_it_would_have_bought_show_that_it_was_filled(shares, verdict):
    following = trail()
    following.read(funds(960 * DOLLAR, shares), [LOST], calm=False)

    assert following.verdict(LOST, [LOST], 50.0) is verdict


def test_shares_that_another_order_bought_are_not_taken_for_the_lost_ones():
    bought = order(FILLED, 100, name="x-2")
    following = trail()
    following.read(funds(960 * DOLLAR, 100), [LOST, bought], calm=False)

    assert following.verdict(LOST, [LOST, bought], 50.0) is ABSENT


def test_shares_that_were_held_before_are_not_taken_for_the_lost_ones():
    following = trail(shares=100)
    following.read(funds(1000 * DOLLAR, 100), [LOST], calm=False)

    assert following.verdict(LOST, [LOST], 50.0) is ABSENT


# --- sales -------------------------------------------------------------------------------------------------------

SALE = order(selection=sale_of(YES))


@pytest.mark.parametrize(("shares", "verdict"), [(150, ABSENT), (50, FILLED), (149, None), (51, None), (250, None)])
def test_a_sale_is_shown_by_the_shares_and_not_by_the_money(shares, verdict):
    following = trail(shares=150)
    following.read(funds(0, shares), [SALE], calm=False)

    assert following.verdict(SALE, [SALE], 50.0) is verdict


def test_shares_that_were_bought_since_are_expected():
    bought = order(FILLED, 100, name="x-2")
    following = trail(shares=150)
    following.read(funds(0, 250), [SALE, bought], calm=False)

    assert following.verdict(SALE, [SALE, bought], 50.0) is ABSENT


def test_shares_that_were_bought_before_the_calm_reading_are_not_expected_twice():
    bought = order(FILLED, 100, name="x-2")
    following = trail(bought, shares=150)
    following.read(funds(0, 150), [SALE, bought], calm=False)

    assert following.verdict(SALE, [SALE, bought], 50.0) is ABSENT


def test_only_a_calm_reading_or_the_journal_is_ground_to_stand_on():
    unsure, recalling = MoneyTrail(), MoneyTrail()
    unsure.read(funds(1000 * DOLLAR), [LOST], calm=False)
    recalling.recall(Baseline(1000 * DOLLAR, {}))

    assert (unsure.grounded, recalling.grounded, trail().grounded) == (False, True, True)
