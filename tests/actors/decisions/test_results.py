import attrs
import pytest

from actors.decisions.results import Results
from protocol.commands import PlaceOrder
from protocol.events import Fill, OrderStatus, Result
from protocol.ids import BookKey, ClientOrderId, EventId, MarketId, SelectionId, Strike, sale_of
from protocol.money import micro
from protocol.odds import Odds
from protocol.order import Order
from protocol.prices import Price, Probability

DAY = 20_717
DOLLAR = 1_000_000
KEY = BookKey(EventId(1), MarketId(219), Strike(0))
ELSEWHERE = BookKey(EventId(2), MarketId(219), Strike(0))
HOME, AWAY, YES = SelectionId("home"), SelectionId("away"), SelectionId("m/yes")


def settled(
    name: str,
    result: Result,
    size: int,
    *,
    key: BookKey = KEY,
    selection: SelectionId = HOME,
    price: Price = Odds(110),  # noqa: B008  # a number
    status: OrderStatus = OrderStatus.SETTLED,
) -> Order:
    command = PlaceOrder(client_order_id=ClientOrderId(name), key=key, selection_id=selection, price=price, size=size)
    return attrs.evolve(Order.placed(command), status=status, filled=size, fills=(Fill(size, price),), result=result)


def test_commission_is_taken_of_a_markets_net_winnings():
    results = Results(commission_bp=200)

    results.take(settled("x-1", Result.WON, 1000), DAY)  # wins 1100
    winner = results.total_micro
    results.take(settled("x-2", Result.LOST, 600, selection=AWAY), DAY)

    assert winner == micro(1100 - 22)
    assert results.total_micro == micro(500 - 10)
    assert results.day_micro(DAY) == micro(490)


def test_commission_is_charged_in_whole_cents():
    results = Results(commission_bp=200)

    results.take(settled("x-1", Result.WON, 1045), DAY)  # wins 1149, of which 2 % are 22.98

    assert results.total_micro == micro(1149 - 22)


def test_a_loss_in_one_market_saves_no_commission_in_another():
    results = Results(commission_bp=200)

    results.take(settled("x-1", Result.WON, 1000), DAY)
    results.take(settled("x-2", Result.LOST, 1100, key=ELSEWHERE), DAY)

    assert results.total_micro == micro(-22)


def test_a_result_is_booked_once_and_taken_back_when_it_is_annulled():
    results = Results()
    results.take(settled("x-1", Result.LOST, 1000), DAY)
    results.take(settled("x-1", Result.LOST, 1000), DAY)
    once = results.total_micro

    results.take(settled("x-1", Result.LOST, 1000, status=OrderStatus.VOID), DAY)

    assert once == micro(-1000)
    assert results.total_micro == 0


@pytest.mark.parametrize("result", [Result.RETURNED, Result.TO_BE_DECIDED])
def test_a_returned_stake_and_an_open_result_are_no_loss(result):
    results = Results()

    results.take(settled("x-1", result, 1000), DAY)

    assert results.total_micro == 0


@pytest.mark.parametrize("status", [OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.CANCELLED])
def test_what_is_not_settled_is_no_result(status):
    results = Results()

    results.take(settled("x-1", Result.LOST, 1000, status=status), DAY)

    assert results.total_micro == 0


def test_a_new_day_starts_at_nothing():
    results = Results()
    results.take(settled("x-1", Result.LOST, 1000), DAY)

    results.take(settled("x-2", Result.LOST, 10), DAY + 1)

    assert results.day_micro(DAY + 1) == micro(-10)
    assert results.total_micro == micro(-1010)


def test_a_day_without_a_result_brought_nothing():
    results = Results()
    results.take(settled("x-1", Result.LOST, 1000), DAY)

    assert results.day_micro(DAY + 1) == 0


def test_what_is_annulled_a_day_later_is_given_back_to_that_day():
    results = Results()
    results.take(settled("x-1", Result.LOST, 1000), DAY)

    results.take(settled("x-1", Result.LOST, 1000, status=OrderStatus.VOID), DAY + 1)

    assert results.day_micro(DAY + 1) == micro(1000)


@pytest.mark.parametrize(
    ("result", "before_fee"),
    [
        (Result.WON, 60 * DOLLAR),  # what was sold at 60 cents a share did not pay
        (Result.LOST, -40 * DOLLAR),
    ],
)
def test_a_sale_pays_its_fee_whatever_the_result(result, before_fee):
    results = Results(fee_bp=100)

    results.take(settled("x-1", result, 100, selection=sale_of(YES), price=Probability(4000)), DAY)

    assert results.total_micro == before_fee - 600_000  # a hundredth of the 60 dollars that it brought


def test_a_purchase_pays_no_fee():
    results = Results(fee_bp=100)

    results.take(settled("x-1", Result.WON, 100, selection=YES, price=Probability(4000)), DAY)

    assert results.total_micro == 60 * DOLLAR


def test_what_changes_a_books_result_is_told():
    results = Results()

    booked = results.take(settled("x-1", Result.LOST, 1000), DAY)
    again = results.take(settled("x-1", Result.LOST, 1000), DAY)
    open_still = results.take(settled("x-2", Result.TO_BE_DECIDED, 1000), DAY)
    annulled = results.take(settled("x-1", Result.LOST, 1000, status=OrderStatus.VOID), DAY)

    assert (booked, again, open_still, annulled) == (True, False, False, True)


# --- what was booked before this process -------------------------------------------------------------------------


def restored(*orders: Order, net: int, commission_bp: int = 0) -> Results:
    results = Results(commission_bp=commission_bp)
    results.restore(orders, {KEY: micro(net)}, micro(net - 300), DAY, micro(net - 50))
    return results


def test_what_was_booked_before_is_there_again():
    results = restored(settled("x-1", Result.LOST, 1000), net=-1000)

    assert results.net_micro(KEY) == micro(-1000)
    assert results.total_micro == micro(-1300)
    assert results.day_micro(DAY) == micro(-1050)
    assert results.day_micro(DAY + 1) == 0


def test_an_order_that_was_booked_before_is_not_booked_again():
    order = settled("x-1", Result.LOST, 1000)
    results = restored(order, net=-1000)

    assert not results.take(order, DAY)
    assert results.total_micro == micro(-1300)


def test_a_result_from_before_can_be_annulled():
    results = restored(settled("x-1", Result.LOST, 1000), net=-1000)

    assert results.take(settled("x-1", Result.LOST, 1000, status=OrderStatus.VOID), DAY)
    assert results.total_micro == micro(-300)
    assert results.net_micro(KEY) == 0


def test_commission_is_of_a_books_net_winnings_over_all_processes():
    results = restored(settled("x-1", Result.LOST, 600), net=-600, commission_bp=200)

    results.take(settled("x-2", Result.WON, 1000), DAY)  # wins 1100

    assert results.net_micro(KEY) == micro(500 - 10)
    assert results.total_micro == micro(-900 + 1100 - 10)


def test_an_order_without_a_result_is_booked_when_it_has_one():
    filled = settled("x-1", Result.LOST, 1000, status=OrderStatus.FILLED)
    results = Results()
    results.restore([filled], {}, 0, DAY, 0)

    told_again = results.take(filled, DAY)
    later = results.take(settled("x-1", Result.LOST, 1000), DAY)

    assert (told_again, later) == (False, True)
    assert results.total_micro == micro(-1000)
