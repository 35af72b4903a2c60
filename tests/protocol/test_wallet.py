import attrs
import pytest

from protocol.commands import PlaceOrder
from protocol.events import Fill, OrderStatus, Result
from protocol.ids import BookKey, ClientOrderId, EventId, MarketId, SelectionId, sale_of
from protocol.order import Order
from protocol.prices import Probability
from protocol.wallet import fee_micro, funds_expected, sale_fees_micro, shares_bought, taken_micro

DOLLAR = 1_000_000
KEY = BookKey(EventId("m"), MarketId("yes"))
YES = SelectionId("m/yes")


def order(
    status: OrderStatus = OrderStatus.OPEN,
    filled: int = 0,
    *,
    bp: int = 4000,
    size: int = 100,
    selection: SelectionId = YES,
    paid_bp: int | None = None,
    **changes: object,
) -> Order:
    command = PlaceOrder(
        client_order_id=ClientOrderId("x-1"), key=KEY, selection_id=selection, price=Probability(bp), size=size
    )
    fills = (Fill(filled, Probability(paid_bp or bp)),) if filled else ()
    return attrs.evolve(Order.placed(command), status=status, filled=filled, fills=fills, **changes)


def sale(status: OrderStatus = OrderStatus.OPEN, filled: int = 0, **how: object) -> Order:
    """An order that sells at 60 cents: it backs the other side at 40."""
    return order(status, filled, selection=sale_of(YES), **how)


@pytest.mark.parametrize(
    ("gain", "fee_bp", "fee"), [(60 * DOLLAR, 100, 600_000), (666_700, 1, 67), (1, 1, 1), (0, 100, 0), (DOLLAR, 0, 0)]
)
def test_a_fee_is_rounded_up(gain, fee_bp, fee):
    assert fee_micro(gain, fee_bp) == fee


def test_the_fee_is_on_what_was_sold():
    assert sale_fees_micro(sale(filled=50), 100) == 300_000


def test_each_fill_of_a_sale_has_its_own_fee():
    twice = attrs.evolve(sale(filled=2), fills=(Fill(1, Probability(3333)), Fill(1, Probability(3333))))

    assert sale_fees_micro(twice, 1) == 2 * 67  # 0.6667 dollars each


def test_a_purchase_has_no_fee():
    assert sale_fees_micro(order(filled=50), 100) == 0


# --- what an order takes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [OrderStatus.NEW, OrderStatus.UNKNOWN, OrderStatus.PENDING, OrderStatus.OPEN])
def test_an_order_that_can_match_holds_its_whole_cost(status):
    assert taken_micro(order(status), 100) == 40 * DOLLAR


def test_what_was_bought_at_a_better_price_took_less():
    assert taken_micro(order(filled=60, paid_bp=3500), 100) == 60 * 350_000 + 40 * 400_000


def test_an_order_that_ended_took_only_what_was_bought():
    assert taken_micro(order(OrderStatus.CANCELLED, 60), 100) == 24 * DOLLAR


@pytest.mark.parametrize("status", [OrderStatus.REJECTED, OrderStatus.ABSENT, OrderStatus.CANCELLED])
def test_an_order_without_fills_that_ended_took_nothing(status):
    assert taken_micro(order(status), 100) == 0


def test_a_sale_that_rests_takes_nothing():
    assert taken_micro(sale(), 100) == 0


def test_a_sale_brings_what_it_sold_for_less_the_fee():
    assert taken_micro(sale(filled=50), 100) == -(30 * DOLLAR - 300_000)


@pytest.mark.parametrize(
    ("result", "taken"), [(Result.WON, -60 * DOLLAR), (Result.LOST, 40 * DOLLAR), (Result.RETURNED, 0)]
)
def test_a_settled_purchase_took_what_it_lost(result, taken):
    assert taken_micro(order(OrderStatus.SETTLED, 100, result=result), 100) == taken


@pytest.mark.parametrize(("result", "taken"), [(Result.WON, -60 * DOLLAR), (Result.LOST, 40 * DOLLAR)])
def test_a_settled_sale_took_what_it_lost_and_the_fee(result, taken):
    assert taken_micro(sale(OrderStatus.SETTLED, 100, result=result), 100) == taken + 600_000


def test_an_annulled_purchase_took_nothing():
    assert taken_micro(order(OrderStatus.VOID, 100), 100) == 0


# --- what is held ------------------------------------------------------------------------------------------------


def test_purchases_and_sales_of_an_outcome_are_netted():
    assert shares_bought([order(filled=60), order(OrderStatus.CANCELLED, 15), sale(filled=25)]) == 50


def test_without_fills_nothing_is_held():
    assert shares_bought([order(), sale()]) == 0


def test_shares_of_a_settled_market_are_gone():
    assert shares_bought([order(OrderStatus.SETTLED, 100, result=Result.WON), order(filled=7)]) == 7


# --- what must be there ------------------------------------------------------------------------------------------


def expected(*orders: Order, ours: bool = True, settled: int = 0, fee_bp: int = 0, rebate_bp: int = 0):
    each = [(order, ours) for order in orders]
    return funds_expected(100 * DOLLAR, each, settled, fee_bp=fee_bp, rebate_bp=rebate_bp)


def test_without_orders_the_money_is_what_it_was():
    assert expected() == (100 * DOLLAR, 100 * DOLLAR)


@pytest.mark.parametrize("status", [OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.WIPED])
def test_what_is_staked_is_gone_until_the_result(status):
    assert expected(order(status, 60)) == (76 * DOLLAR, 76 * DOLLAR)


def test_a_settled_order_is_in_the_results_alone():
    won = order(OrderStatus.SETTLED, 100, result=Result.WON)

    assert expected(won, settled=60 * DOLLAR) == (160 * DOLLAR, 160 * DOLLAR)


def test_an_annulled_stake_is_back():
    assert expected(order(OrderStatus.VOID, 100)) == (100 * DOLLAR, 100 * DOLLAR)


def test_what_another_one_had_staked_at_the_opening_is_not_taken_twice():
    assert expected(order(OrderStatus.FILLED, 100), ours=False) == (100 * DOLLAR, 100 * DOLLAR)


def test_a_win_of_another_one_brings_its_stake_too():
    won = order(OrderStatus.SETTLED, 100, result=Result.WON)

    assert expected(won, ours=False, settled=60 * DOLLAR) == (200 * DOLLAR, 200 * DOLLAR)


def test_a_sale_by_another_one_is_not_counted():
    assert expected(sale(OrderStatus.FILLED, 100), ours=False, fee_bp=100) == (100 * DOLLAR, 100 * DOLLAR)


def test_a_sale_is_paid_at_once_less_the_fee():
    assert expected(sale(OrderStatus.FILLED, 100), fee_bp=100) == (159_400_000, 159_400_000)


def test_a_rebate_may_come_on_the_larger_side_of_what_was_traded():
    least, most = expected(order(OrderStatus.FILLED, 100, paid_bp=3500), rebate_bp=10)

    assert (least, most) == (65 * DOLLAR, 65 * DOLLAR + 65_000)


def test_where_prices_are_not_told_a_fill_at_its_limit_may_have_cost_nothing():
    least, most = expected(order(OrderStatus.FILLED, 100), rebate_bp=10)

    assert (least, most) == (60 * DOLLAR, 60 * DOLLAR + 60_000 + 40 * DOLLAR)
