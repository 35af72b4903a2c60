import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import LocalProtocolError
from protocol.events import About, Hinted, MessageUnreadable, UnknownReceived
from protocol.ids import EventId, MarketId
from protocol.satoriex.feed import SatoriExFeed
from protocol.venue import Feed, Wanted


def wanted(*markets: str) -> Wanted:
    return Wanted(events=tuple(EventId(each) for each in markets))


def open_feed(*markets: str) -> SatoriExFeed:
    feed = SatoriExFeed()
    feed.subscribe(wanted(*markets), None)
    return feed


def asked(frames: tuple[str, ...]) -> list[object]:
    return [json.loads(frame) for frame in frames]


def book(market_id: str) -> Hinted:
    return Hinted(about=About.BOOK, event_id=EventId(market_id), market_id=MarketId("y"))


def moved(market_id: str) -> str:
    return json.dumps({"type": "orderbook", "market_id": market_id, "outcome_id": "y"})


def test_a_socket_needs_no_handshake():
    feed: Feed = SatoriExFeed()

    assert (feed.established, feed.awaiting, feed.activity_timeout_s, feed.ping) == (True, False, 20.0, None)
    assert feed.registering(wanted("mkt_a")) is None


def test_a_market_is_two_subscriptions():
    assert asked(SatoriExFeed().subscribe(wanted("mkt_a", "mkt_b"), None)) == [
        {"type": "subscribe", "market_id": "mkt_a"},
        {"type": "subscribe_marketdata", "market_id": "mkt_a"},
        {"type": "subscribe", "market_id": "mkt_b"},
        {"type": "subscribe_marketdata", "market_id": "mkt_b"},
    ]


def test_a_market_is_asked_for_once():
    feed = open_feed("mkt_a")

    assert feed.subscribe(wanted("mkt_a"), None) == ()
    assert [each["market_id"] for each in asked(feed.subscribe(wanted("mkt_a", "mkt_b", "mkt_b"), None))] == [
        "mkt_b",
        "mkt_b",
    ]
    assert feed.subscribe(wanted(), None) == ()


def test_a_socket_takes_twenty_markets():
    feed = SatoriExFeed()
    markets = [f"mkt_{index}" for index in range(25)]

    first = feed.subscribe(wanted(*markets[:18]), None)
    rest = feed.subscribe(wanted(*markets), None)

    assert (len(first), len(rest)) == (36, 4)
    assert feed.subscribe(wanted(*markets), None) == ()
    assert feed.receive(moved("mkt_19")) == (book("mkt_19"),)
    assert feed.receive(moved("mkt_20")) == ()


def test_an_id_of_another_venue_is_ours_to_fix():
    with pytest.raises(LocalProtocolError):
        SatoriExFeed().subscribe(Wanted(events=(EventId(7),)), None)


def test_hints_of_other_markets_are_dropped():
    feed = open_feed("mkt_a", "mkt_b")

    assert feed.receive(moved("mkt_a")) == (book("mkt_a"),)
    assert feed.receive(moved("mkt_c")) == ()
    assert feed.receive(f"{moved('mkt_c')}\n{moved('mkt_b')}") == (book("mkt_b"),)


def test_hints_of_a_market_that_is_no_longer_wanted_are_dropped():
    feed = open_feed("mkt_a")

    feed.subscribe(wanted("mkt_b"), None)

    assert feed.receive(moved("mkt_a")) == ()
    assert feed.subscribe(wanted("mkt_a"), None) == ()
    assert feed.receive(moved("mkt_a")) == (book("mkt_a"),)


def test_what_names_no_market_is_passed_on():
    feed = SatoriExFeed()

    assert feed.receive('{"type":"wallet_changed"}') == (Hinted(about=About.FUNDS),)
    assert feed.receive('{"type":"settlement","market_id":"mkt_c"}') == (Hinted(about=About.FUNDS),)
    assert feed.receive('{"type":"orderbook"}') == (Hinted(about=About.BOOK),)
    assert feed.receive('{"type":"subscribed"}') == (UnknownReceived(kind="subscribed"),)
    assert feed.receive('{"type":"comment"}') == ()


def test_an_unreadable_line_leaves_the_others():
    feed = open_feed("mkt_a")

    heard = feed.receive(f"{moved('mkt_a')}\n<html>\n{moved('mkt_a')}".encode())

    reason = "not an object: '<html>'"
    assert heard == (
        book("mkt_a"),
        MessageUnreadable(private=True, reason=reason),
        MessageUnreadable(private=False, reason=reason),
        book("mkt_a"),
    )


@given(frame=st.text() | st.binary())
def test_no_frame_ends_the_conversation(frame):
    assert all(isinstance(each, MessageUnreadable | UnknownReceived) for each in SatoriExFeed().receive(frame))
