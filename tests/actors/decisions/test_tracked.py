import math

import attrs
import pytest

from actors.decisions.tracked import Tracked, priced
from protocol.commands import PlaceOrder
from protocol.events import Fill, OrderStatus
from protocol.ids import BookKey, ClientOrderId, EventId, MarketId, SelectionId, sale_of
from protocol.odds import Odds
from protocol.order import Order
from protocol.prices import Price, Probability

YES = SelectionId("m/yes")
LIMIT = Probability(4000)
BETTER, WORSE = Probability(3900), Probability(4100)


def order(*fills: Fill, selection: SelectionId = YES, price: Price = LIMIT) -> Order:
    command = PlaceOrder(
        client_order_id=ClientOrderId("x-1"),
        key=BookKey(EventId("m"), MarketId("yes")),
        selection_id=selection,
        price=price,
        size=100,
    )
    filled = sum(fill.size for fill in fills)
    return attrs.evolve(Order.placed(command), status=OrderStatus.OPEN, filled=filled, fills=fills)


def test_a_hint_of_all_that_was_filled_is_its_price():
    assert priced(order(Fill(30, LIMIT)), 30, [Fill(30, BETTER)]).fills == (Fill(30, BETTER),)


def test_hints_that_add_up_are_a_fill_each():
    hints = [Fill(10, BETTER), Fill(20, LIMIT)]

    assert priced(order(Fill(30, LIMIT)), 30, hints).fills == (Fill(10, BETTER), Fill(20, LIMIT))


def test_a_hint_beyond_what_was_filled_is_left_alone():
    hints = [Fill(30, BETTER), Fill(5, LIMIT)]

    assert priced(order(Fill(30, LIMIT)), 30, hints).fills == (Fill(30, BETTER),)


@pytest.mark.parametrize(
    "hints", [[], [Fill(29, BETTER)], [Fill(31, BETTER)], [Fill(20, BETTER), Fill(20, BETTER)]], ids=str
)
def test_hints_that_do_not_add_up_leave_the_limit(hints):
    known = order(Fill(30, LIMIT))

    assert priced(known, 30, hints) == known


def test_a_hint_that_is_worse_than_the_limit_is_not_believed():
    known = order(Fill(30, LIMIT))

    assert priced(known, 30, [Fill(10, BETTER), Fill(20, WORSE)]) == known


def test_the_fills_before_keep_their_prices():
    known = order(Fill(20, BETTER), Fill(30, LIMIT))

    assert priced(known, 30, [Fill(30, Probability(3800))]).fills == (Fill(20, BETTER), Fill(30, Probability(3800)))


def test_a_sale_is_priced_by_what_is_missing_to_a_dollar():
    known = order(Fill(30, LIMIT), selection=sale_of(YES))  # sells at 60 cents

    assert priced(known, 30, [Fill(30, Probability(6100))]).fills == (Fill(30, BETTER),)


def test_a_sale_for_less_than_its_limit_is_not_believed():
    known = order(Fill(30, LIMIT), selection=sale_of(YES))

    assert priced(known, 30, [Fill(30, Probability(5900))]) == known


def test_american_odds_are_hinted_as_they_are():
    known = order(Fill(30, Odds(110)), price=Odds(110))

    assert priced(known, 30, [Fill(30, Odds(115))]).fills == (Fill(30, Odds(115)),)


def test_nothing_is_due_about_a_fresh_order():
    assert Tracked(order=order(), strategy="maker", command=None).due_s == math.inf


@pytest.mark.parametrize("what", ["overdue_at_s", "ask_at_s", "cancel_at_s", "resend_at_s"])
def test_the_earliest_moment_is_when_something_is_due(what):
    later = {"overdue_at_s": 9.0, "ask_at_s": 9.0, "cancel_at_s": 9.0, "resend_at_s": 9.0}

    assert Tracked(order=order(), strategy="maker", command=None, **{**later, what: 5.0}).due_s == 5.0
