import gzip
import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from protocol.errors import RemoteProtocolError
from protocol.prophetx import wire
from protocol.prophetx.wire import Dialect, decode, encode

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared" / "data"

# The venue's rename table: the old word, the new word.
RENAMED = [
    ("wager", "order"),
    ("wagers", "orders"),
    ("wager_id", "order_id"),
    ("line_id", "strike_id"),
    ("line", "strike"),
    ("odds", "price"),
    ("stake", "quantity"),
    ("matched_stake", "filled_quantity"),
    ("unmatched_stake", "open_quantity"),
    ("matched_odds", "fill_price"),
    ("totally_matched_stake", "total_filled_quantity"),
    ("market_line", "market_strike"),
    ("market_lines", "market_strikes"),
    ("origin_market_line", "origin_market_strike"),
    ("display_odds", "display_price"),
    ("display_line", "display_strike"),
    ("adjusted_odds", "adjusted_price"),
    ("matched_bets", "trades"),
    ("wager_strategy", "order_strategy"),
    ("succeed_wagers", "succeed_orders"),
    ("failed_wagers", "failed_orders"),
    ("matched_wager_balance", "matched_order_balance"),
    ("unmatched_wager_balance", "unmatched_order_balance"),
    ("unmatched_wager_balance_status", "unmatched_order_balance_status"),
    ("unmatched_wager_last_synced_at", "unmatched_order_last_synced_at"),
]
NEVER_RENAMED = ["matching_status", "winning_status", "status", "sport_event_id", "external_id", "outcome_id", "value"]

numbers = st.one_of(
    st.integers(-(10**9), 10**9), st.decimals(-(10**9), 10**9, places=2), st.decimals(-(10**6), 10**6, places=1)
)
names = st.text(max_size=8)
ids = st.integers(0, 2**63 - 1)
levels = st.builds(
    wire.Level,
    outcome_id=st.none() | ids,
    competitor_id=st.just(UNSET) | ids,
    name=names,
    display_name=names,
    strike=numbers,
    strike_id=names,
    price=st.none() | numbers,
    quantity=numbers,
    value=numbers,
    display_price=names,
    display_strike=names,
    updated_at=ids,
)
groups = st.just(UNSET) | st.none() | st.lists(st.lists(levels, max_size=2), max_size=2)
strikes = st.builds(wire.Market, id=ids, name=names, strike=numbers, favourite=st.just(UNSET) | st.booleans())
markets = st.builds(
    wire.Market,
    id=ids,
    name=names,
    type=names,
    sub_type=st.none() | names,
    category_name=st.none() | names,
    status=st.none() | names,
    strike=numbers,
    favourite=st.just(UNSET) | st.booleans(),
    total_quantity=numbers,
    total_filled_quantity=numbers,
    updated_at=ids,
    selections=groups,
    market_strikes=st.just(UNSET) | st.none() | st.lists(strikes, max_size=2),
)
orders = st.builds(
    wire.Order,
    order_id=st.just(UNSET) | names,
    id=st.just(UNSET) | names,
    external_id=st.none() | names,
    user_id=names,
    sport_event_id=st.just(UNSET) | ids,
    market_id=st.just(UNSET) | ids,
    outcome_id=st.none() | ids,
    strike=numbers,
    strike_id=st.just(UNSET) | names,
    price=st.just(UNSET) | numbers,
    quantity=st.just(UNSET) | numbers,
    profit=numbers,
    filled_quantity=numbers,
    fill_price=st.just(UNSET) | st.none() | numbers,
    total_filled_quantity=st.just(UNSET) | numbers,
    open_quantity=st.just(UNSET) | numbers,
    matching_status=names,
    winning_status=st.none() | names,
    status=st.just(UNSET) | names,
    update_type=st.just(UNSET) | names,
    sequence_number=st.just(UNSET) | ids,
    created_at=st.just(UNSET) | names | numbers,
)
matches = st.builds(
    wire.MatchedPush,
    info=st.builds(
        wire.MatchedInfo,
        sport_event_id=ids,
        market_id=ids,
        outcome_id=st.none() | ids,
        strike=numbers,
        strike_id=names,
        price=numbers,
        fill_price=numbers,
        filled_quantity=numbers,
        origin_market_strike=st.just(UNSET) | numbers,
        sequence_number=ids,
    ),
)
balances = st.builds(
    wire.Balance,
    balance=numbers,
    gec_balance=numbers,
    matched_order_balance=numbers,
    unmatched_order_balance=numbers,
    unmatched_order_balance_status=names,
    unmatched_order_last_synced_at=st.none() | names,
)
forms = st.builds(
    wire.OrderForm,
    external_id=names,
    strike_id=names,
    price=numbers,
    quantity=numbers,
    order_strategy=st.just(UNSET) | names,
)
batches = st.builds(
    wire.PlacedManyData,
    succeed_orders=st.none() | st.lists(orders, max_size=2),
    failed_orders=st.none()
    | st.lists(
        st.builds(
            wire.FailedOrder,
            index=st.just(UNSET) | ids,
            error=names,
            message=names,
            request=st.just(UNSET) | forms,
        ),
        max_size=2,
    ),
)


# --- the words ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("old", "new"), RENAMED)
def test_each_word_of_the_rename_table_goes_both_ways(old, new):
    assert wire.LEGACY_FIELDS[old] == new
    assert wire.V4_FIELDS[new] == old


@pytest.mark.parametrize("name", NEVER_RENAMED)
def test_some_words_are_the_same_in_both_vocabularies(name):
    assert name not in wire.LEGACY_FIELDS
    assert name not in wire.V4_FIELDS


def test_a_legacy_order_on_the_wire_has_the_legacy_words_and_no_others():
    order = wire.Order(
        order_id="a1",
        external_id="x-1",
        sport_event_id=18756,
        market_id=219,
        outcome_id=4,
        strike=Decimal("-3.5"),
        strike_id="s",
        price=146,
        quantity=Decimal("10.00"),
        filled_quantity=3,
        fill_price=146,
        total_filled_quantity=3,
        open_quantity=7,
        status="open",
        update_type="matching",
        sequence_number=1789000000123456789,
    )

    assert encode(order, Dialect.LEGACY) == (
        b'{"wager_id":"a1","external_id":"x-1","user_id":"","sport_event_id":18756,"market_id":219,"outcome_id":4,'
        b'"line":-3.5,"line_id":"s","odds":146,"stake":10.00,"profit":0,"matched_stake":3,"matched_odds":146,'
        b'"totally_matched_stake":3,"unmatched_stake":7,"matching_status":"unmatched","winning_status":"tbd",'
        b'"status":"open","update_type":"matching","sequence_number":1789000000123456789}'
    )
    assert encode(order, Dialect.V4) == (
        b'{"order_id":"a1","external_id":"x-1","user_id":"","sport_event_id":18756,"market_id":219,"outcome_id":4,'
        b'"strike":-3.5,"strike_id":"s","price":146,"quantity":10.00,"profit":0,"filled_quantity":3,"fill_price":146,'
        b'"total_filled_quantity":3,"open_quantity":7,"matching_status":"unmatched","winning_status":"tbd",'
        b'"status":"open","update_type":"matching","sequence_number":1789000000123456789}'
    )


def test_a_legacy_market_is_renamed_in_all_its_depth():
    market = wire.Market(
        id=223,
        market_strikes=[
            wire.Market(id=223, strike=Decimal("-1.5"), selections=[[wire.Level(strike_id="s", price=None)]])
        ],
    )

    written = json.loads(encode(market, Dialect.LEGACY))

    [line] = written["market_lines"]
    [[level]] = line["selections"]
    assert (line["line"], level["line_id"], level["odds"], level["stake"], level["display_odds"]) == (
        -1.5,
        "s",
        None,
        0,
        "",
    )
    assert "market_strikes" not in written
    assert not wire.V4_FIELDS.keys() & (written.keys() | line.keys() | level.keys())


# --- there and back ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", Dialect)
@given(
    record=st.one_of(
        levels,
        markets,
        orders,
        matches,
        balances,
        batches,
        st.builds(wire.OrdersData, orders=st.lists(orders, max_size=2), last_synced_at=st.just(UNSET) | numbers),
        st.builds(wire.OrderForms, data=st.lists(forms, max_size=2)),
    )
)
def test_what_is_written_is_read_back(dialect, record):
    assert decode(type(record), encode(record, dialect), dialect) == record


@pytest.mark.parametrize("dialect", Dialect)
def test_numbers_are_read_without_a_float(dialect):
    level = decode(wire.Level, b'{"strike_id":"s","line_id":"s","value":33.92,"stake":1e2,"quantity":1e2}', dialect)

    assert (level.value, type(level.value)) == (Decimal("33.92"), Decimal)
    assert (level.quantity, type(level.quantity)) == (Decimal("1e2"), Decimal)


def test_a_sequence_number_keeps_all_of_its_digits():
    record = decode(wire.SelectionsInfo, b'{"sequence_number":1758166593930732001}', Dialect.V4)

    assert record.sequence_number == 1758166593930732001


@pytest.mark.parametrize("dialect", Dialect)
def test_unknown_fields_are_passed_over(dialect):
    assert decode(wire.Named, b'{"id":1,"name":"n","colour":{"deep":[1]}}', dialect) == wire.Named(id=1, name="n")


# --- what cannot be read -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'{"id":"1"}',
        b'{"id":1.9}',
        b'{"id":true}',
        b'{"id":null}',
        b'{"name":"n"}',
        b'{"id":1,"name":5}',
        b'{"id":1e999999999999999999}',
        b'{"id":1,"extra":1e9999999999999999999}',
        b'{"id":1,"extra":1}x',
        b"\xff",
        b'{"id":1,"name":"\xff"}',
        b"[" * 200_000,
        b'{"id":' * 200_000,
    ],
    ids=lambda data: repr(data[:40]),
)
def test_what_cannot_be_read_is_the_venues_fault(dialect, data):
    if b"extra" in data and not data.endswith(b"x") and dialect is Dialect.V4:
        assert decode(wire.Named, data, dialect) == wire.Named(id=1)  # never looked at
        return

    with pytest.raises(RemoteProtocolError, match=r"^Named: "):
        decode(wire.Named, data, dialect)


def test_a_wrong_type_is_named_by_its_path():
    with pytest.raises(RemoteProtocolError, match=r"MarketsAnswer: .*\$\.data\.markets\[0\]\.id"):
        decode(wire.MarketsAnswer, b'{"data":{"markets":[{"id":"219"}]}}', Dialect.V4)


# --- real records ------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not SHARED.exists(), reason="the recorded catalogues are not here")
def test_a_real_catalogue_is_the_same_in_both_vocabularies():
    v4, legacy = (
        decode(wire.MultipleMarketsAnswer, gzip.decompress((SHARED / name).read_bytes()), dialect)
        for name, dialect in (
            ("prophetx-catalogue-v4.json.gz", Dialect.V4),
            ("prophetx-catalogue-legacy.json.gz", Dialect.LEGACY),
        )
    )

    assert v4 == legacy
    assert (len(v4.data), sum(len(each or ()) for each in v4.data.values())) == (14, 1721)


@pytest.mark.skipif(not SHARED.exists(), reason="the recorded catalogues are not here")
def test_a_real_catalogue_is_written_and_read_back():
    catalogue = decode(
        wire.MultipleMarketsAnswer, gzip.decompress((SHARED / "prophetx-catalogue-v4.json.gz").read_bytes()), Dialect.V4
    )

    for dialect in Dialect:
        assert decode(wire.MultipleMarketsAnswer, encode(catalogue, dialect), dialect) == catalogue
