import attrs
import pytest

from actors.decisions.audit import Audit, Fate, compare_books, compare_orders, compare_snapshots, fate_reported
from actors.messages import MarketView, SnapshotTaken
from protocol.book import BookStatus
from protocol.commands import PlaceOrder
from protocol.events import BookReplaced, EventListed, EventStatus, Level, OrderReported, OrderStatus, Side
from protocol.ids import BookKey, ClientOrderId, CompetitionId, EventId, MarketId, SelectionId, Strike, VenueOrderId
from protocol.odds import Odds, generate_ladder
from protocol.order import Order
from protocol.prophetx.venue import ProphetX

KEY = BookKey(EventId(1), MarketId(219), Strike(0))
EVENT = EventListed(event_id=EventId(1), competition_id=CompetitionId(31), name="", status=EventStatus.SCHEDULED)
HOME = SelectionId("home")
X1 = ClientOrderId("x-1")
OFFERED = (Side(selection_id=HOME, levels=(Level(Odds(110), 500),)),)
MOVED = (Side(selection_id=HOME, levels=(Level(Odds(110), 400),)),)


def order(status: OrderStatus, filled: int = 0) -> Order:
    command = PlaceOrder(client_order_id=X1, key=KEY, selection_id=HOME, price=Odds(110), size=1000)
    return attrs.evolve(Order.placed(command), status=status, filled=filled)


@pytest.mark.parametrize(
    ("believed", "truth", "differences"),
    [
        (order(OrderStatus.FILLED, 1000), Fate(OrderStatus.FILLED, 1000), (0, 0)),
        (order(OrderStatus.OPEN), Fate(OrderStatus.FILLED, 1000), (1, 1)),
        (order(OrderStatus.CANCELLED, 300), Fate(OrderStatus.CANCELLED, 200), (0, 1)),
        (order(OrderStatus.ABSENT), None, (0, 0)),
        (order(OrderStatus.REJECTED), None, (0, 0)),
        (order(OrderStatus.CANCELLED, 300), None, (1, 1)),
        (None, Fate(OrderStatus.OPEN, 0), (1, 0)),
        (None, Fate(OrderStatus.CANCELLED, 300), (0, 1)),
        (None, Fate(OrderStatus.INVALID, 0), (0, 0)),
    ],
)
def test_each_difference_is_counted_on_either_side(believed, truth, differences):
    ours = {} if believed is None else {X1: believed}
    theirs = {} if truth is None else {X1: truth}

    assert compare_orders(ours, theirs) == differences


@pytest.mark.parametrize(
    ("status", "filled", "fate"),
    [
        (OrderStatus.FILLED, 300, OrderStatus.CANCELLED),  # a stake that shrank
        (OrderStatus.FILLED, 1000, OrderStatus.FILLED),
        (OrderStatus.WIPED, 300, OrderStatus.WIPED),
        (None, 0, OrderStatus.UNKNOWN),
    ],
)
def test_a_report_is_read_the_way_an_order_does(status, filled, fate):
    report = OrderReported(
        venue_order_id=VenueOrderId("v1"),
        client_order_id=X1,
        key=KEY,
        selection_id=HOME,
        price=Odds(110),
        size=filled or 1000,
        filled=filled,
        status=status,
    )

    assert fate_reported(report, 1000) == Fate(fate, filled)


def test_books_are_compared_by_what_they_offer():
    empty = (Side(selection_id=HOME, levels=(Level(Odds(110), 0),)),)

    assert compare_books({KEY: OFFERED}, {KEY: OFFERED}) == 0
    assert compare_books({KEY: OFFERED}, {KEY: MOVED}) == 1
    assert compare_books({KEY: OFFERED}, {}) == 1
    assert compare_books({KEY: empty}, {}) == 0
    assert compare_books({}, {KEY: OFFERED}) == 0


@pytest.mark.parametrize(
    ("changes", "differences"),
    [({}, 1), ({"moved_s": 9.5}, 0), ({"status": BookStatus.STALE}, 0), ({"sides": MOVED}, 0)],
)
def test_only_live_books_that_have_not_moved_are_held_against_rest(changes, differences):
    view = MarketView(
        key=KEY,
        name="",
        kind="",
        event=EVENT,
        terms=ProphetX().terms(EVENT, generate_ladder()),
        epoch=1,
        status=BookStatus.LIVE,
        sides=OFFERED,
        moved_s=5.0,
    )
    unseen = BookKey(EventId(2), MarketId(219), Strike(0))
    snapshot = SnapshotTaken(
        event_ids=(EventId(1),),
        books=tuple(BookReplaced(key=key, sides=MOVED, sequence_ns=1) for key in (KEY, unseen)),
        asked_at_s=9.0,
    )

    assert compare_snapshots({KEY: attrs.evolve(view, **changes)}, (snapshot,)) == differences


def test_what_could_not_be_read_is_no_difference():
    assert Audit().clean
    assert Audit(orders=0, fills=0, balance_cents=0, books=0).clean
    assert not Audit(balance_cents=1).clean
