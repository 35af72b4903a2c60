from actors.decisions.early import MAX_KEPT, MAX_SAID, EarlyNews
from protocol.events import About, Hinted
from protocol.ids import EventId, VenueOrderId

MARKET, OTHER = EventId("mkt_1"), EventId("mkt_2")
A, B = VenueOrderId("a"), VenueOrderId("b")


def hint(name: VenueOrderId, event_id: EventId | None = MARKET) -> Hinted:
    return Hinted(about=About.ORDERS, event_id=event_id, venue_order_id=name)


def test_what_was_said_of_an_order_is_returned_once_in_its_order():
    news = EarlyNews()
    first, second = hint(A), hint(A, OTHER)
    news.keep(A, first)
    news.keep(A, second)

    assert (news.take(A), news.take(A)) == ([first, second], [])


def test_of_an_order_without_an_id_nothing_was_said():
    assert EarlyNews().take(None) == []


def test_orders_are_found_by_their_event_and_where_none_was_named():
    news = EarlyNews()
    news.keep(A, hint(A))
    news.keep(B, hint(B, None))
    news.keep(VenueOrderId("c"), hint(VenueOrderId("c"), OTHER))

    assert news.about(MARKET) == [A, B]


def test_the_oldest_order_is_forgotten_when_there_are_too_many():
    news = EarlyNews()
    for number in range(MAX_KEPT + 1):
        news.keep(VenueOrderId(str(number)), hint(VenueOrderId(str(number))))

    assert news.take(VenueOrderId("0")) == []
    assert len(news.about(MARKET)) == MAX_KEPT


def test_of_one_order_the_newest_are_kept():
    news = EarlyNews()
    for number in range(MAX_SAID + 1):
        news.keep(A, hint(A, EventId(str(number))))

    assert [each.event_id for each in news.take(A)] == [str(number) for number in range(1, MAX_SAID + 1)]
