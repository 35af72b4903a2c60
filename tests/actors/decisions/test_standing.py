import attrs
import pytest

from actors.decisions.standing import Standing
from actors.entries import AccountOpened
from actors.messages import FundsRead
from protocol.belief import Unknown
from protocol.commands import PlaceOrder
from protocol.events import Fill, OrderStatus
from protocol.ids import BookKey, ClientOrderId, EventId, MarketId, SelectionId, sale_of
from protocol.order import Order
from protocol.prices import Probability
from protocol.satoriex.venue import SatoriEx
from protocol.venue import Balance, Holding

DOLLAR = 1_000_000
TRAITS = SatoriEx().traits
KEY, OTHER = BookKey(EventId("m"), MarketId("yes")), BookKey(EventId("m"), MarketId("no"))
YES = SelectionId("m/yes")
NEW, UNKNOWN, PENDING, OPEN, FILLED, CANCELLED, _, _, REJECTED, ABSENT, _, _ = OrderStatus


def order(
    status: OrderStatus = NEW,
    filled: int = 0,
    *,
    name: str = "x-1",
    bp: int = 4000,
    size: int = 100,
    selection: SelectionId = YES,
) -> Order:
    """By default an order of 40 dollars."""
    command = PlaceOrder(
        client_order_id=ClientOrderId(name), key=KEY, selection_id=selection, price=Probability(bp), size=size
    )
    fills = (Fill(filled, Probability(bp)),) if filled else ()
    return attrs.evolve(Order.placed(command), status=status, filled=filled, fills=fills)


def sale(status: OrderStatus = OPEN, filled: int = 0, **how: object) -> Order:
    return order(status, filled, selection=sale_of(YES), **how)


def funds(free: int, *held: Holding, asked_at_s: float = 10.0, unread: bool = False) -> FundsRead:
    return FundsRead(
        venue=TRAITS.venue,
        balance=Balance(free_micro=free, resting_micro=None),
        held=Unknown("not listed") if unread else held,
        asked_at_s=asked_at_s,
        as_of_ns=0,
    )


def holding(shares: int, key: BookKey = KEY) -> Holding:
    return Holding(key=key, selection_id=YES, shares=shares, cost_micro=0)


@pytest.fixture
def standing() -> Standing:
    return Standing(traits=TRAITS)


# --- money -------------------------------------------------------------------------------------------------------


def test_a_wallet_that_was_never_read_is_not_known_to_be_too_small(standing):
    assert standing.can_pay(10**15)


@pytest.mark.parametrize(("micro", "can"), [(100 * DOLLAR, True), (100 * DOLLAR + 1, False)])
def test_a_wallet_pays_what_is_in_it(standing, micro, can):
    standing.read(funds(100 * DOLLAR))

    assert standing.can_pay(micro) is can


@pytest.mark.parametrize(("micro", "can"), [(60 * DOLLAR, True), (60 * DOLLAR + 1, False)])
def test_an_order_since_the_reading_is_paid_out_of_it(standing, micro, can):
    standing.read(funds(100 * DOLLAR))

    standing.change(order(), 11.0)

    assert standing.can_pay(micro) is can


def test_a_sale_costs_no_money(standing):
    standing.read(funds(100 * DOLLAR))

    standing.change(sale(NEW), 11.0)

    assert standing.can_pay(100 * DOLLAR)


@pytest.mark.parametrize("status", [REJECTED, ABSENT])
def test_an_order_that_never_was_gives_its_money_back(standing, status):
    standing.read(funds(100 * DOLLAR))
    standing.change(order(), 11.0)

    standing.change(order(status), 12.0)

    assert standing.can_pay(100 * DOLLAR)


def test_a_cancelled_order_gives_nothing_back_before_the_next_reading(standing):
    standing.read(funds(100 * DOLLAR))
    standing.change(order(), 11.0)

    standing.change(order(CANCELLED), 12.0)

    assert not standing.can_pay(60 * DOLLAR + 1)


def test_an_order_whose_answer_had_come_is_part_of_the_next_reading(standing):
    standing.change(order(), 1.0)
    standing.change(order(OPEN), 2.0)

    standing.read(funds(60 * DOLLAR, asked_at_s=10.0))

    assert standing.can_pay(60 * DOLLAR)


@pytest.mark.parametrize("status", [NEW, UNKNOWN])
def test_an_order_whose_answer_has_not_come_may_not_be_part_of_a_reading(standing, status):
    standing.change(order(), 1.0)
    standing.change(order(status), 2.0)

    standing.read(funds(100 * DOLLAR, asked_at_s=10.0))

    assert not standing.can_pay(60 * DOLLAR + 1)


def test_an_order_that_was_placed_after_the_question_is_not_part_of_the_reading(standing):
    standing.change(order(), 10.5)
    standing.change(order(OPEN), 10.6)

    standing.read(funds(100 * DOLLAR, asked_at_s=10.0))

    assert not standing.can_pay(60 * DOLLAR + 1)


# --- shares ------------------------------------------------------------------------------------------------------


def test_nothing_is_for_sale_that_is_not_held(standing):
    assert standing.for_sale(KEY) == 0


def test_what_was_held_before_is_for_sale(standing):
    assert standing.read(funds(0, holding(30), holding(20), holding(7, OTHER))) == {KEY: 50, OTHER: 7}
    assert standing.for_sale(KEY) == 50


def test_what_was_bought_is_for_sale_at_once(standing):
    standing.change(order(OPEN, 60), 1.0)

    assert standing.for_sale(KEY) == 60


def test_what_was_bought_is_not_counted_again_as_held_before(standing):
    standing.change(order(OPEN, 60), 1.0)

    assert standing.read(funds(0, holding(90))) == {KEY: 30}
    assert standing.for_sale(KEY) == 90


def test_what_is_offered_already_is_not_for_sale(standing):
    standing.read(funds(0, holding(100)))
    standing.change(sale(size=40), 1.0)

    assert standing.for_sale(KEY) == 60


def test_what_was_sold_is_gone(standing):
    standing.read(funds(0, holding(100)))
    standing.change(sale(FILLED, 40, size=40), 1.0)

    assert standing.for_sale(KEY) == 60


def test_a_sale_that_is_half_filled_holds_its_other_half(standing):
    standing.read(funds(0, holding(100)))
    standing.change(sale(OPEN, 10, size=40), 1.0)

    assert standing.for_sale(KEY) == 60


def test_a_cancelled_sale_gives_back_what_it_did_not_sell(standing):
    standing.read(funds(0, holding(100)))
    standing.change(sale(OPEN, 10, size=40), 1.0)
    standing.change(sale(CANCELLED, 10, size=40), 2.0)

    assert standing.for_sale(KEY) == 90


def test_a_reading_that_is_older_than_a_fill_says_nothing_of_what_was_held_before(standing):
    standing.read(funds(0, holding(100), asked_at_s=1.0))
    standing.change(order(FILLED, 100), 10.5)

    standing.read(funds(0, holding(100), asked_at_s=10.0))
    after = standing.read(funds(0, holding(200), asked_at_s=20.0))

    assert after == {KEY: 100}
    assert standing.for_sale(KEY) == 200


def test_what_was_held_before_can_only_fall(standing):
    standing.read(funds(0, holding(30)))
    standing.read(funds(0, holding(90)))  # it has a fill of 60 that we have not heard of
    standing.change(order(OPEN, 60), 1.0)

    assert standing.for_sale(KEY) == 90


def test_shares_that_turn_up_later_are_first_taken_for_what_our_orders_bid_for(standing):
    standing.read(funds(100 * DOLLAR))
    standing.change(order(OPEN), 1.0)

    assert standing.read(funds(0, holding(130))) == {KEY: 30}

    standing.change(order(FILLED, 100), 2.0)

    assert standing.for_sale(KEY) == 130


def test_what_another_one_sold_is_held_no_more(standing):
    standing.read(funds(0, holding(30)))

    assert standing.read(funds(0)) == {KEY: 0}


def test_holdings_that_could_not_be_read_change_nothing(standing):
    standing.read(funds(0, holding(30)))

    assert standing.read(funds(0, unread=True)) == {KEY: 30}


# --- what a process before this one knew -------------------------------------------------------------------------


def opening(*held: Holding) -> AccountOpened:
    return AccountOpened(venue=TRAITS.venue, account="mine", money_micro=100 * DOLLAR, held=held)


def test_only_what_was_held_before_our_first_order_is_held_before_us(standing):
    standing.recall(opening(holding(30)))
    standing.change(order(FILLED, 60, size=60), 1.0)  # of the process before

    assert standing.for_sale(KEY) == 90
    assert standing.read(funds(0, holding(90), holding(7, OTHER))) == {KEY: 30, OTHER: 0}


def test_shares_of_an_order_that_is_still_unknown_are_not_held_before_us(standing):
    standing.recall(opening())
    standing.change(order(UNKNOWN), 1.0)

    assert standing.read(funds(0, holding(100))) == {KEY: 0}

    standing.change(order(FILLED, 100), 2.0)

    assert standing.for_sale(KEY) == 100


def test_what_was_held_before_us_and_is_gone_since_is_for_sale_no_more(standing):
    standing.recall(opening(holding(30)))

    assert standing.read(funds(0, holding(10))) == {KEY: 10}
    assert standing.for_sale(KEY) == 10


def test_results_are_reckoned_with_the_venues_own_fee_and_commission():
    standing = Standing(traits=attrs.evolve(TRAITS, sale_fee_bp=70, commission_bp=300))

    assert (standing.results.fee_bp, standing.results.commission_bp) == (70, 300)


# --- orders ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [NEW, UNKNOWN, PENDING, OPEN])
def test_an_order_that_can_match_is_kept(standing, status):
    standing.change(order(status), 0.0)

    assert standing.orders == {ClientOrderId("x-1"): order(status)}


@pytest.mark.parametrize("status", [FILLED, CANCELLED, REJECTED, ABSENT])
def test_an_order_that_ended_is_not_kept(standing, status):
    standing.change(order(), 0.0)
    standing.change(order(status), 1.0)

    assert standing.orders == {}


@pytest.mark.parametrize(
    ("other", "alike"),
    [
        (order(name="x-2"), True),
        (order(name="x-2", bp=4001), False),
        (order(name="x-2", size=99), False),
        (sale(NEW, name="x-2"), False),
    ],
)
def test_two_orders_look_alike_when_selection_price_and_size_are_the_same(standing, other, alike):
    standing.change(order(OPEN), 0.0)

    assert standing.looks_like(other) is alike


def test_an_order_that_ended_looks_like_none(standing):
    standing.change(order(), 0.0)
    standing.change(order(CANCELLED), 1.0)

    assert not standing.looks_like(order(name="x-2"))


@pytest.mark.parametrize(
    ("status", "other", "lost"),
    [
        (UNKNOWN, order(name="x-2", bp=3000, size=7), True),
        (UNKNOWN, sale(NEW, name="x-2"), False),
        (NEW, order(name="x-2"), False),
        (OPEN, order(name="x-2"), False),
    ],
)
def test_a_lost_order_is_one_on_the_same_selection_whose_fate_is_not_known(standing, status, other, lost):
    standing.change(order(status), 0.0)

    assert standing.lost_one_like(other) is lost


def test_only_orders_that_await_their_answers_may_not_have_been_counted(standing):
    for number, status in enumerate((NEW, NEW, UNKNOWN, PENDING, OPEN, FILLED)):
        standing.change(order(status, name=f"x-{number}"), 0.0)

    assert standing.unsent() == 2


def test_where_nothing_is_counted_there_is_always_room_and_no_wait(standing):
    assert standing.placing_left(0.0) == float("inf")
    assert standing.flat_in_s(1000, 0.0, 0) == 0.0
