import attrs
import pytest

from actors.decisions.inquiries import ASK_AGAIN_S, AT_ONCE, MAX_LATE, Inquiries
from actors.decisions.tracked import Tracked
from actors.messages import AskOrder
from protocol.commands import PlaceOrder
from protocol.events import About, Fill, Hinted, OrderStatus
from protocol.ids import BookKey, ClientOrderId, EventId, MarketId, SelectionId, VenueOrderId
from protocol.order import Order
from protocol.prices import Probability

MARKET, OTHER = EventId("mkt_1"), EventId("mkt_2")
V1, V2, V3 = (VenueOrderId(f"v{number}") for number in (1, 2, 3))
FILL = Fill(10, Probability(3900))
NOW_S = 100.0


def tracked(status: OrderStatus = OrderStatus.OPEN, venue_order_id: VenueOrderId | None = V1) -> Tracked:
    command = PlaceOrder(
        client_order_id=ClientOrderId("x-1"),
        key=BookKey(MARKET, MarketId("yes")),
        selection_id=SelectionId("m/yes"),
        price=Probability(4000),
        size=100,
    )
    order = attrs.evolve(Order.placed(command), status=status, venue_order_id=venue_order_id)
    return Tracked(order=order, strategy="maker", command=command)


def hint(venue_order_id: VenueOrderId = V1, event_id: EventId = MARKET, fill: Fill | None = None) -> Hinted:
    return Hinted(about=About.ORDERS, event_id=event_id, venue_order_id=venue_order_id, fill=fill)


def test_a_question_takes_room_until_it_is_answered():
    inquiries = Inquiries()

    question = inquiries.ask(V1)
    asked = (inquiries.room, inquiries.busy, inquiries.asks(V1), inquiries.asks(V2))
    inquiries.answered(V1, read=True)

    assert question == AskOrder(V1)
    assert asked == (AT_ONCE - 1, True, True, False)
    assert (inquiries.room, inquiries.busy, inquiries.asks(V1)) == (AT_ONCE, False, False)


# --- of what was heard -------------------------------------------------------------------------------------------


def test_a_live_order_that_something_was_heard_of_is_due_at_once():
    inquiries, live = Inquiries(), tracked()

    assert list(inquiries.hinted(live, hint(fill=FILL), NOW_S)) == []
    assert (live.ask_at_s, live.hinted) == (NOW_S, (FILL,))


def test_an_ended_order_that_something_was_heard_of_is_asked_for():
    assert list(Inquiries().hinted(tracked(OrderStatus.FILLED), hint(), NOW_S)) == [AskOrder(V1)]


def test_what_is_heard_while_a_question_is_under_way_stirs_the_order():
    inquiries, ended = Inquiries(), tracked(OrderStatus.FILLED)
    inquiries.ask(V1)

    assert list(inquiries.hinted(ended, hint(), NOW_S)) == []
    assert ended.stirred


def test_what_was_heard_of_is_asked_for_without_room_and_leaves_none():
    inquiries = Inquiries()
    for venue_order_id in (V1, V2, V3):
        list(inquiries.look_into(tracked(OrderStatus.FILLED, venue_order_id), NOW_S))

    assert inquiries.room == 0


def test_an_order_that_never_had_an_id_cannot_be_asked_for():
    assert list(Inquiries().look_into(tracked(OrderStatus.ABSENT, None), NOW_S)) == []


def test_what_was_heard_before_the_id_was_known_counts_once_it_is():
    inquiries, live = Inquiries(), tracked()
    inquiries.keep(V1, hint(fill=FILL))

    assert list(inquiries.catch_up(live, NOW_S)) == []
    assert (live.ask_at_s, live.hinted) == (NOW_S, (FILL,))


def test_orders_that_the_socket_named_are_asked_for_while_there_is_room():
    inquiries = Inquiries()
    for venue_order_id in (V1, V2, V3):
        inquiries.keep(venue_order_id, hint(venue_order_id))
    inquiries.keep(VenueOrderId("elsewhere"), hint(VenueOrderId("elsewhere"), OTHER))

    at_first = list(inquiries.early(MARKET))
    inquiries.answered(V1, read=True)
    then = list(inquiries.early(MARKET))

    assert (at_first, then) == ([AskOrder(V1), AskOrder(V2)], [AskOrder(V3)])


# --- of what has ended -------------------------------------------------------------------------------------------


def test_an_ended_order_is_asked_for_later_each_time_until_it_is_read():
    inquiries, now_s, waits = Inquiries(), NOW_S, []
    for _ in range(3):
        inquiries.ask_late(V1, now_s)
        waits.append(inquiries.due_s - now_s)
        now_s = inquiries.due_s
        assert list(inquiries.due(now_s)) == [AskOrder(V1)]
        inquiries.answered(V1, read=False)
    inquiries.answered(V1, read=True)

    assert waits == [ASK_AGAIN_S, 2 * ASK_AGAIN_S, 3 * ASK_AGAIN_S]
    assert not inquiries.late


@pytest.mark.parametrize("times", [MAX_LATE, MAX_LATE + 1])
def test_an_ended_order_is_given_up_after_a_while(times):
    inquiries = Inquiries()
    for _ in range(times):
        inquiries.ask_late(V1, NOW_S)

    assert inquiries.late is (times == MAX_LATE)


def test_an_ended_order_waits_for_room():
    inquiries = Inquiries()
    inquiries.ask_late(V3, NOW_S)
    for venue_order_id in (V1, V2):
        inquiries.ask(venue_order_id)

    asked = list(inquiries.due(NOW_S + ASK_AGAIN_S))
    inquiries.answered(V1, read=True)

    assert (asked, inquiries.due_s) == ([], NOW_S + 2 * ASK_AGAIN_S)
    assert list(inquiries.due(inquiries.due_s)) == [AskOrder(V3)]
