import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import LocalProtocolError, RemoteProtocolError
from protocol.ids import BookKey, EventId, MarketId, SelectionId, sold_by
from protocol.odds import Odds
from protocol.prices import Probability, meets
from protocol.satoriex.names import BUY, SELL, book_key, buying, from_wire, ids_of, selling, to_wire

KEY = book_key("mkt_abc123", "out_yes")
IDS = st.text(min_size=1, max_size=6, alphabet="ab/:%sel ") | st.text(min_size=1)


def test_a_book_is_named_by_its_market_and_its_outcome():
    assert BookKey(EventId("mkt_abc123"), MarketId("out_yes")) == KEY
    assert ids_of(KEY) == ("mkt_abc123", "out_yes")


@pytest.mark.parametrize("key", [BookKey(EventId(1), MarketId("a")), BookKey(EventId("a"), MarketId(""))])
def test_an_id_of_another_venue_is_ours_to_fix(key):
    with pytest.raises(LocalProtocolError, match="not an id of this venue"):
        ids_of(key)


def test_the_two_selections_of_an_outcome():
    assert (buying(KEY), selling(KEY)) == ("mkt_abc123/out_yes", "sell:mkt_abc123/out_yes")
    assert sold_by(buying(KEY)) is None
    assert sold_by(selling(KEY)) == buying(KEY)


@given(market=IDS, outcome=IDS, other_market=IDS, other_outcome=IDS)
def test_no_two_books_share_a_selection(market, outcome, other_market, other_outcome):
    key, other = book_key(market, outcome), book_key(other_market, other_outcome)

    assert sold_by(buying(key)) is None
    assert sold_by(selling(key)) == buying(key)
    assert (buying(key) == buying(other)) == (key == other)


def test_a_sale_backs_what_is_missing_to_a_dollar():
    assert from_wire(KEY, BUY, 4200, "order") == (buying(KEY), Probability(4200))
    assert from_wire(KEY, SELL, 4200, "order") == (selling(KEY), Probability(5800))
    assert to_wire(KEY, selling(KEY), Probability(5800)) == (SELL, 4200)


@given(side=st.sampled_from([BUY, SELL]), price_bp=st.integers(1, 9999))
def test_an_order_survives_the_way_in_and_out(side, price_bp):
    selection_id, price = from_wire(KEY, side, price_bp, "order")

    assert to_wire(KEY, selection_id, price) == (side, price_bp)


@given(bid=st.integers(1, 9999), ask=st.integers(1, 9999))
def test_two_orders_meet_when_the_buyer_pays_what_the_seller_asks(bid, ask):
    _, bought = from_wire(KEY, BUY, bid, "order")
    _, sold = from_wire(KEY, SELL, ask, "order")

    assert meets(bought, sold) == (bid >= ask)


@pytest.mark.parametrize(
    ("side", "price_bp", "reason"),
    [
        (BUY, 0, r"x\.price: 0 basis points, expected 1 to 9999"),
        (SELL, 10_000, r"x\.price: 10000"),
        (BUY, -4200, r"x\.price: -4200"),
        (0, 4200, r"x\.side: 0, expected 1 or 2"),
        (3, 4200, r"x\.side: 3"),
    ],
)
def test_a_side_or_a_price_that_cannot_be(side, price_bp, reason):
    with pytest.raises(RemoteProtocolError, match=reason):
        from_wire(KEY, side, price_bp, "x")


@pytest.mark.parametrize(
    ("selection_id", "price", "reason"),
    [
        (buying(KEY), Odds(120), "not a probability"),
        (SelectionId("other"), Probability(4200), "not a selection of mkt_abc123/out_yes"),
        (buying(book_key("mkt_abc123", "out_no")), Probability(4200), "not a selection of"),
    ],
)
def test_an_order_that_this_venue_cannot_have(selection_id, price, reason):
    with pytest.raises(LocalProtocolError, match=reason):
        to_wire(KEY, selection_id, price)
