import attrs
import pytest

from protocol.belief import Known, Proof, Source, Unknown
from protocol.commands import PlaceOrder
from protocol.events import OrderStatus
from protocol.ids import BookKey, ClientOrderId, EventId, MarketId, SelectionId
from protocol.odds import Odds
from protocol.order import RESTABLE, UNPROVED, Order

NEW = Order.placed(
    PlaceOrder(
        client_order_id=ClientOrderId("x-1"),
        key=BookKey(EventId(7), MarketId(219)),
        selection_id=SelectionId("home"),
        price=Odds(110),
        size=1000,
    )
)
LOST = NEW.move(OrderStatus.UNKNOWN, "no answer")


@pytest.mark.parametrize("status", sorted(set(OrderStatus) - UNPROVED, key=lambda each: each.value))
def test_a_status_that_proves_something_is_known_by_whose_word(status):
    order = attrs.evolve(NEW, status=status)

    assert order.belief(Source.HISTORY, 7) == Known(order, Source.HISTORY, 7)


def test_an_order_without_an_answer_is_unknown_and_says_why():
    assert NEW.belief(Source.RECKONED, 7) == Unknown("not answered yet")
    assert LOST.belief(Source.PUSH, 7) == Unknown("no answer")


def test_what_is_unknown_can_still_match_in_full():
    unknown = [
        status for status in OrderStatus if isinstance(attrs.evolve(NEW, status=status).belief(Source.PUSH, 7), Unknown)
    ]

    assert set(unknown) == UNPROVED <= RESTABLE
    assert {attrs.evolve(NEW, status=status).remaining for status in unknown} == {NEW.size}


@pytest.mark.parametrize("proof", Proof)
def test_an_absent_order_says_what_proves_it(proof):
    gone = LOST.absent(proof)

    assert (gone.status, gone.reason) == (OrderStatus.ABSENT, proof.value)


def test_what_was_seen_at_the_venue_is_not_absent_whatever_proves_it():
    seen = LOST.move(OrderStatus.OPEN)

    assert seen.absent(Proof.SYNCED) == seen
