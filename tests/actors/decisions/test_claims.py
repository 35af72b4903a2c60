import attrs
import pytest

from actors.decisions.claims import Claims, claim
from actors.decisions.tracked import Tracked
from protocol.commands import PlaceOrder
from protocol.events import OrderReported, OrderStatus
from protocol.ids import BookKey, ClientOrderId, EventId, MarketId, SelectionId, VenueOrderId, sale_of
from protocol.order import Order
from protocol.prices import Probability

KEY = BookKey(EventId("m"), MarketId("yes"))
YES = SelectionId("m/yes")
NEW, UNKNOWN, ABSENT = OrderStatus.NEW, OrderStatus.UNKNOWN, OrderStatus.ABSENT


def ours(status: OrderStatus = UNKNOWN, name: str = "x-1", venue_order_id: str | None = None) -> Tracked:
    command = PlaceOrder(
        client_order_id=ClientOrderId(name), key=KEY, selection_id=YES, price=Probability(4000), size=100
    )
    order = attrs.evolve(
        Order.placed(command),
        status=status,
        venue_order_id=None if venue_order_id is None else VenueOrderId(venue_order_id),
    )
    return Tracked(order=order, strategy="maker", command=command)


def report(name: str = "v1", **changes: object) -> OrderReported:
    known = OrderReported(
        venue_order_id=VenueOrderId(name),
        client_order_id=None,
        key=KEY,
        selection_id=YES,
        price=Probability(4000),
        size=100,
        filled=0,
        status=OrderStatus.OPEN,
    )
    return attrs.evolve(known, **changes)


def test_what_looks_like_a_lost_order_is_it():
    lost = ours()

    assert claim([report()], [lost]) == Claims(found=[(lost, report())])


def test_how_much_of_it_is_filled_makes_no_difference():
    lost, filled = ours(), report(filled=60, status=OrderStatus.FILLED)

    assert claim([filled], [lost]) == Claims(found=[(lost, filled)])


@pytest.mark.parametrize(
    "changes",
    [
        {"key": BookKey(EventId("m"), MarketId("no"))},
        {"selection_id": sale_of(YES)},
        {"price": Probability(4001)},
        {"size": 99},
    ],
    ids=str,
)
def test_what_looks_otherwise_is_nobodys_that_we_know(changes):
    other = report(**changes)

    assert claim([other], [ours()]) == Claims(foreign=[other])


def test_a_lost_order_that_no_list_shows_claims_nothing():
    assert claim([], [ours()]) == Claims()


def test_an_order_that_has_its_venues_id_claims_nothing():
    assert claim([report("v2")], [ours(UNKNOWN, venue_order_id="v1")]) == Claims(foreign=[report("v2")])


def test_an_order_that_waits_for_its_answer_claims_nothing_and_what_looks_like_it_waits_too():
    assert claim([report()], [ours(NEW)]) == Claims(waiting=True)


def test_while_one_waits_a_lost_one_like_it_claims_nothing():
    assert claim([report()], [ours(UNKNOWN, "x-1"), ours(NEW, "x-2")]) == Claims(waiting=True)


def test_an_order_that_waits_does_not_hold_up_what_looks_otherwise():
    other = report("v2", size=50)

    assert claim([report(), other], [ours(NEW)]) == Claims(waiting=True, foreign=[other])


def test_of_two_that_look_like_one_lost_order_it_takes_one_and_nothing_tells_which():
    lost = ours()

    assert claim([report("v1"), report("v2")], [lost]) == Claims(
        found=[(lost, report("v1"))], foreign=[report("v2")], ambiguous=[lost]
    )


@pytest.mark.parametrize(("created_s", "older"), [(0, True), (39, True), (40, False), (None, False)])
def test_what_was_there_before_an_order_was_intended_is_not_it(created_s, older):
    lost = attrs.evolve(ours(), intended_ns=100 * 10**9)
    found = report(created_at_ns=None if created_s is None else created_s * 10**9)

    assert claim([found], [lost]) == (Claims(foreign=[found]) if older else Claims(found=[(lost, found)]))


def test_of_two_that_look_like_a_lost_order_it_takes_the_one_that_can_be_it():
    lost = attrs.evolve(ours(), intended_ns=100 * 10**9)
    old, new = report("v1", created_at_ns=0), report("v2", created_at_ns=101 * 10**9)

    assert claim([old, new], [lost]) == Claims(found=[(lost, new)], foreign=[old])


def test_of_two_lost_orders_that_look_alike_one_is_found_and_nothing_tells_which():
    first, second = ours(UNKNOWN, "x-1"), ours(UNKNOWN, "x-2")

    assert claim([report()], [first, second]) == Claims(found=[(first, report())], ambiguous=[first, second])


def test_an_order_that_was_taken_for_absent_is_found_after_all():
    absent = ours(ABSENT)

    assert claim([report()], [absent]) == Claims(found=[(absent, report())])


def test_a_lost_order_comes_before_one_that_was_taken_for_absent():
    absent, lost = ours(ABSENT, "x-1"), ours(UNKNOWN, "x-2")

    assert claim([report()], [absent, lost]) == Claims(found=[(lost, report())])
