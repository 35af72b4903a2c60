"""The bot may know less than is true, and later; never more."""

from types import SimpleNamespace

import attrs
import pytest

from actors.entries import OrderIntended, OrderMoved
from actors.exchange.embedded import TrueOrder
from actors.exchange.http import Asked
from actors.simulation.honesty import Honesty
from actors.simulation.lateness import Lateness
from protocol.belief import Source
from protocol.commands import PlaceOrder
from protocol.events import Fill, OrderStatus, Result
from protocol.ids import BookKey, ClientOrderId, EventId, MarketId, SelectionId, VenueName, VenueOrderId
from protocol.odds import Odds
from protocol.order import Order

VENUE = VenueName("here")
KEY = BookKey(EventId(1), MarketId(2))
X1, V1 = ClientOrderId("abcdef-1-1"), VenueOrderId("v1")
PLACED = PlaceOrder(client_order_id=X1, key=KEY, selection_id=SelectionId("home"), price=Odds(110), size=1000)
ORDER = attrs.evolve(Order.placed(PLACED), venue_order_id=V1, status=OrderStatus.OPEN)
FILLED = attrs.evolve(ORDER, status=OrderStatus.FILLED, filled=1000, fills=(Fill(1000, Odds(110)),))
TRUE = TrueOrder(
    venue_order_id=V1,
    client_order_id=X1,
    key=KEY,
    selection_id=SelectionId("home"),
    price=Odds(110),
    size=1000,
    status=OrderStatus.OPEN,
    filled=0,
    cost_micro=0,
    gain_micro=0,
    settled=False,
    result=Result.TO_BE_DECIDED,
)


def moved(order: Order) -> OrderMoved:
    return OrderMoved(venue=VENUE, strategy="mine", order=order, source=Source.PUSH, as_of_ns=0)


@attrs.define(eq=False)
class There:
    """An exchange with these orders."""

    named: bool = True
    orders_there: tuple[TrueOrder, ...] = ()

    @property
    def venue(self):
        return SimpleNamespace(traits=SimpleNamespace(orders_named=self.named))

    def orders(self) -> list[TrueOrder]:
        return list(self.orders_there)

    def order(self, venue_order_id: VenueOrderId) -> TrueOrder | None:
        return next((each for each in self.orders_there if each.venue_order_id == venue_order_id), None)


def broken(order: Order, *truth: TrueOrder, named: bool = True) -> list[str]:
    rules: list[str] = []
    honesty = Honesty(embedded={VENUE: There(named, truth)}, violate=lambda rule, text: rules.append(rule))
    honesty.said(moved(order))
    return rules


NAMELESS = attrs.evolve(ORDER, venue_order_id=None)
ABSENT = attrs.evolve(NAMELESS, status=OrderStatus.ABSENT)
WON = attrs.evolve(FILLED, status=OrderStatus.SETTLED, result=Result.WON)
DONE = attrs.evolve(TRUE, status=OrderStatus.FILLED, filled=1000)


@pytest.mark.parametrize(
    ("order", "truth", "rules"),
    [
        (ORDER, (TRUE,), []),
        (ORDER, (DONE,), []),  # it knows less than is true
        (FILLED, (TRUE,), ["false fill", "false end"]),
        (FILLED, (DONE,), []),
        (ORDER, (), ["invented order"]),
        (attrs.evolve(FILLED, fills=()), (DONE,), ["fills do not add up"]),
        (WON, (DONE,), ["false result"]),
        (WON, (attrs.evolve(DONE, settled=True, result=Result.LOST),), ["false result"]),
        (WON, (attrs.evolve(DONE, settled=True, result=Result.WON),), []),
        (ABSENT, (), []),
        (ABSENT, (TRUE,), ["false absence"]),
        (ABSENT, (attrs.evolve(TRUE, status=OrderStatus.CANCELLED),), []),
    ],
)
def test_a_word_about_an_order_is_held_against_the_truth(order, truth, rules):
    assert broken(order, *truth) == rules


def test_where_orders_have_no_names_one_that_looks_like_it_is_the_one():
    assert broken(ABSENT, attrs.evolve(TRUE, client_order_id=None), named=False) == ["false absence"]
    assert broken(ABSENT, attrs.evolve(TRUE, client_order_id=None, size=999), named=False) == []


@pytest.mark.parametrize(("written", "rules"), [(True, []), (False, ["not on disk"])])
def test_what_arrives_stands_on_the_disk(written, rules):
    found: list[str] = []
    honesty = Honesty(embedded={VENUE: There()}, violate=lambda rule, text: found.append(rule))
    if written:
        honesty.written(OrderIntended(venue=VENUE, strategy="mine", order=PLACED, at_ns=0))

    body = b'{"external_id": "abcdef-1-1"}'
    honesty.placing(VENUE, Asked(method="POST", path="/place", query={}, headers={}, body=body))

    assert found == rules


# --- lateness ----------------------------------------------------------------------------------------------------


def late(*looks: float, said: Order | None, truth: TrueOrder, open_line: bool = True) -> list[str]:
    rules: list[str] = []
    lateness = Lateness(limits_s={VENUE: 100.0}, violate=lambda rule, text: rules.append(rule))
    if said is not None:
        lateness.said(moved(said))
    for passed_s in looks:
        lateness.look({VENUE: [truth]}, passed_s, [VENUE] if open_line else [])
    return rules


def test_a_fill_that_is_not_heard_of_for_too_long_is_late():
    assert late(0.0, 100.0, said=ORDER, truth=DONE) == []
    assert late(0.0, 101.0, said=ORDER, truth=DONE) == ["late"]
    assert late(0.0, 101.0, said=FILLED, truth=DONE) == []


def test_an_order_that_stays_unknown_for_too_long_is_late():
    lost = attrs.evolve(NAMELESS, status=OrderStatus.UNKNOWN)

    assert late(0.0, 101.0, said=lost, truth=TRUE) == ["late"]


def test_nothing_is_late_while_no_news_can_come():
    assert late(0.0, 101.0, said=ORDER, truth=DONE, open_line=False) == []


def test_another_process_has_its_own_time():
    rules: list[str] = []
    lateness = Lateness(limits_s={VENUE: 100.0}, violate=lambda rule, text: rules.append(rule))
    for passed_s in (60.0, 60.0):
        lateness.look({VENUE: [DONE]}, passed_s, [VENUE])
    lateness.restart()
    for passed_s in (60.0, 60.0):
        lateness.look({VENUE: [DONE]}, passed_s, [VENUE])

    assert rules == []


@pytest.mark.parametrize(
    ("named", "size", "rules"), [(False, 1000, []), (False, 999, ["late"]), (True, 1000, ["late"])]
)
def test_a_fill_that_the_money_proved_is_heard_of_without_a_name_of_the_venue(named, size, rules):
    proved = attrs.evolve(FILLED, venue_order_id=None, filled=size, fills=(Fill(size, FILLED.price),))
    truth = DONE if named else attrs.evolve(DONE, client_order_id=None)

    assert late(0.0, 101.0, said=proved, truth=truth) == rules
