import re

from protocol.ids import BookKey, ClientOrderId, ClientOrderIds, EventId, MarketId, Strike


def key(event_id: int, market_id: int, strike: int) -> BookKey:
    return BookKey(EventId(event_id), MarketId(market_id), Strike(strike))


def test_a_book_key_is_read_as_event_market_and_strike_where_there_is_one():
    assert [str(key(19458, 223, -350)), str(key(19458, 219, 0)), str(key(1, 68, 2350))] == [
        "19458/223/-3.5",
        "19458/219",
        "1/68/23.5",
    ]


def test_book_keys_are_equal_by_value_and_a_number_is_no_text():
    keys = [key(2, 1, 0), key(1, 2, 50), key(1, 2, -50), BookKey(EventId("2"), MarketId("1"))]

    assert len({*keys, key(2, 1, 0), BookKey(EventId("2"), MarketId("1"))}) == 4
    assert hash(key(2, 1, 0)) == hash(BookKey(EventId(2), MarketId(1)))
    assert key(2, 1, 0) == BookKey(EventId(2), MarketId(1))


def test_client_order_ids_never_repeat_and_are_what_the_venue_takes():
    ids = ClientOrderIds("or-7f3a")

    issued = [ids.next() for _ in range(100)]

    assert len(set(issued)) == 100
    assert issued[:2] == ["or-7f3a-1", "or-7f3a-2"]
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,100}", each) for each in issued)


def test_client_order_ids_know_their_own():
    ids = ClientOrderIds("or-7")

    assert ids.owns(ids.next())
    assert not ids.owns(ClientOrderId("or-71-1"))
    assert not ids.owns(ClientOrderId("other"))
