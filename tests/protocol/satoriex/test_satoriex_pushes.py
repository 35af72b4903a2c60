import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocol.satoriex import pushes
from protocol.satoriex.pushes import (
    MARKET,
    MARKETDATA,
    READERS,
    USER,
    BookMoved,
    Comment,
    DepositConfirmed,
    DisputeFiled,
    KycDecided,
    MarketResolved,
    Mention,
    Moved,
    OrderFilled,
    OrderMoved,
    PriceUpdate,
    ProposalDecided,
    ReferralBonus,
    Settlement,
    Stage,
    Trade,
    Unknown,
    Unreadable,
    WalletChanged,
    Withdrawal,
    read_frame,
)

PLACE = {"market_id": "mkt_abc123", "outcome_id": "out_yes"}
ORDER = {"order_id": "ord_1", "price": 4200, "quantity": 10}

# Type, its fields, what it is: every type that the venue's page names.
EVENTS = [
    ("wallet_changed", {"balance": 12.5}, WalletChanged()),
    ("deposit_confirmed", {"amount": "5", "tx": "0x"}, DepositConfirmed()),
    ("withdraw_requested", {}, Withdrawal(Stage.REQUESTED)),
    ("withdraw_submitted", {}, Withdrawal(Stage.SUBMITTED)),
    ("withdraw_approved", {}, Withdrawal(Stage.APPROVED)),
    ("withdraw_rejected", {}, Withdrawal(Stage.REJECTED)),
    ("withdraw_confirmed", {}, Withdrawal(Stage.CONFIRMED)),
    ("withdraw_failed", {}, Withdrawal(Stage.FAILED)),
    ("kyc_approved", {"tier": 2}, KycDecided(approved=True)),
    ("kyc_rejected", {}, KycDecided(approved=False)),
    ("proposal_approved", {"market_id": "m"}, ProposalDecided(approved=True, market_id="m")),
    ("proposal_rejected", {}, ProposalDecided(approved=False)),
    ("referral_bonus", {"amount": 5}, ReferralBonus()),
    ("dispute_filed", {"market_id": "m"}, DisputeFiled(market_id="m")),
    ("mention", {"market_id": "m", "text": "@me"}, Mention(market_id="m")),
    ("market_resolved", PLACE, MarketResolved(**PLACE)),
    ("order_filled", PLACE | ORDER, OrderFilled(**PLACE, **ORDER)),
    (
        "trade",
        PLACE | {"trade_id": "t", "maker_order_id": "o1", "taker_order_id": "o2", "price": 4200, "quantity": 3},
        Trade(**PLACE, trade_id="t", maker_order_id="o1", taker_order_id="o2", price=4200, quantity=3),
    ),
    ("order", PLACE | ORDER, OrderMoved(moved=Moved.TRANSITION, **PLACE, **ORDER)),
    ("order_update", PLACE | ORDER, OrderMoved(moved=Moved.MODIFIED, **PLACE, **ORDER)),
    ("settlement", PLACE, Settlement(**PLACE)),
    ("comment", {"market_id": "m", "text": "hm"}, Comment(market_id="m")),
    (
        "price_update",
        PLACE | {"mid": 4250, "best_bid": 4200, "best_ask": 4300},
        PriceUpdate(**PLACE, mid=4250, best_bid=4200, best_ask=4300),
    ),
]


def read(record: object) -> pushes.Push:
    (push,) = read_frame(json.dumps(record))
    return push


def test_every_documented_type_is_known():
    documented = {kind for kind, _, _ in EVENTS}

    assert documented == set(READERS) == {*USER, *MARKET, *MARKETDATA}
    assert (len(USER), len(MARKET), len(MARKETDATA)) == (17, 5, 1)


@pytest.mark.parametrize(("kind", "fields", "expected"), EVENTS, ids=[kind for kind, _, _ in EVENTS])
def test_every_event_flat_and_nested(kind, fields, expected):
    ids = {name: fields[name] for name in PLACE if name in fields}
    inside = {name: value for name, value in fields.items() if name not in ids}

    assert read({"type": kind, **fields}) == expected
    for nest in ("data", "payload"):
        assert read({"type": kind, nest: fields}) == expected
        assert read({"type": kind, "channel": "market:m", nest: fields, "ts": 1}) == expected
        assert read({"type": kind, **ids, nest: inside}) == expected  # the ids outside
        assert read({"channel": "user", nest: {"type": kind, **fields}}) == expected  # the type inside


@pytest.mark.parametrize("kind", [kind for kind, _, _ in EVENTS])
@pytest.mark.parametrize("wrong", [None, True, 1.5, [], {}, "", ["x"], {"x": 1}])
def test_a_field_of_another_type_is_no_field(kind, wrong):
    names = (*PLACE, *ORDER, "id", "trade_id", "maker_order_id", "taker_order_id", "mid", "best_bid", "best_ask")
    empty = read({"type": kind})

    assert read({"type": kind, **dict.fromkeys(names, wrong)}) == empty
    assert read({"type": kind, "data": dict.fromkeys(names, wrong)}) == empty
    assert read({"type": kind, "data": wrong, "payload": wrong}) == empty


def test_a_number_is_no_price_when_it_has_a_fraction_or_is_text():
    push = read({"type": "trade", "price": "4200", "quantity": 3.0})

    assert push == Trade()


@pytest.mark.parametrize(
    ("record", "order_id"),
    [
        ({"order_id": 7}, "7"),
        ({"id": "a"}, "a"),
        ({"id": "a", "order_id": "b"}, "b"),
        ({"data": {"id": "a"}}, "a"),
        ({"data": {"id": "a"}, "order_id": "b"}, "b"),
        ({"data": {"status": "open"}, "id": "message-1"}, None),  # an outer id is the message's
        ({"data": {"id": 0}}, "0"),
    ],
)
@pytest.mark.parametrize("kind", ["order", "order_update", "order_filled"])
def test_which_order_an_event_is_about(kind, record, order_id):
    push = read({"type": kind, **record})

    assert isinstance(push, OrderMoved | OrderFilled)
    assert push.order_id == order_id


def test_a_trade_may_name_one_order_and_itself():
    assert read({"type": "trade", "data": {"id": 9, "order_id": "o"}}) == Trade(trade_id="9", order_id="o")


def test_what_is_inside_goes_before_what_is_outside():
    push = read({"type": "comment", "market_id": "outer", "data": {"market_id": "inner"}})

    assert push == Comment(market_id="inner")


@pytest.mark.parametrize(
    ("kind", "fields", "snapshot"),
    [
        ("orderbook", {"kind": "snapshot", "bids": [], "asks": []}, True),
        ("orderbook", {"kind": "delta"}, False),
        ("orderbook", {}, None),
        ("orderbook", {"kind": 7}, None),
        ("book", {}, None),
        ("OrderBook", {}, None),
        ("orderbook_delta", {}, False),
        ("order_book_update", {}, None),
        ("book.snapshot", {}, True),
    ],
)
def test_the_event_without_a_name_has_book_in_it(kind, fields, snapshot):
    expected = BookMoved(kind=kind, **PLACE, snapshot=snapshot)

    assert read({"type": kind, **PLACE, **fields}) == expected
    assert read({"type": kind, **PLACE, "data": fields}) == expected
    assert read({"type": kind, "payload": PLACE | fields}) == expected


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        ({"type": "subscribed", "market_id": "m"}, "subscribed"),
        ({"type": "error", "message": "no"}, "error"),
        ({"type": "Trade"}, "Trade"),
        ({"type": 7}, ""),
        ({"type": None}, ""),
        ({"market_id": "m"}, ""),
        ({}, ""),
        ({"type": "x" * 1000}, "x" * 64),
    ],
)
def test_an_unknown_type_is_kept(record, kind):
    assert read(record) == Unknown(kind)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ('{"type":"mention"}\n{"type":"comment"}', (Mention(), Comment())),
        ('{"type":"mention"}\r\n\n{"type":"comment"}\n', (Mention(), Comment())),
        (b'{"type":"mention"}\n{"type":"x"}', (Mention(), Unknown("x"))),
        ('{\n  "type": "mention",\n  "market_id": "m"\n}', (Mention(market_id="m"),)),
        ('{"type":"mention","market_id":"a\u2028b"}\n{"type":"x"}', (Mention(market_id="a\u2028b"), Unknown("x"))),
        ("", ()),
        ("\n \n", ()),
        (
            '{"type":"mention"}\n{"type":\n{"type":"comment"}',
            (Mention(), Unreadable("""not an object: '{"type":'"""), Comment()),
        ),
        ('[{"type":"mention"}]', (Unreadable("""not an object: '[{"type":"mention"}]'"""),)),
        ('{"type":"mention"}{"type":"x"}', (Unreadable("""not an object: '{"type":"mention"}{"type":"x"}'"""),)),
        ("pong", (Unreadable("not an object: 'pong'"),)),
        ("7", (Unreadable("not an object: '7'"),)),
        ("null", (Unreadable("not an object: 'null'"),)),
        (b'{"type":"\xff"}', (Unreadable("not UTF-8"),)),
        ("\ud800", (Unreadable("not an object: '\\ud800'"),)),
    ],
)
def test_a_frame_is_as_many_objects_as_it_has_lines(frame, expected):
    assert read_frame(frame) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=4,
)
NAMES = ["type", "data", "payload", "market_id", "outcome_id", "id", "order_id", "price", "quantity", "kind", "mid"]
ANYTHING = JSON | st.dictionaries(st.sampled_from(NAMES), JSON, max_size=3)
RECORDS = st.fixed_dictionaries(
    {"type": st.sampled_from([*READERS, "orderbook", "x"])},
    optional=dict.fromkeys(NAMES[1:], ANYTHING),
)


@given(frame=st.text() | st.binary() | JSON.map(json.dumps))
@example(frame="[" * 100_000)
@example(frame='{"a":' * 100_000)
def test_no_frame_is_an_error(frame):
    assert all(isinstance(push, pushes.Push) for push in read_frame(frame))


@given(record=RECORDS)
def test_no_field_is_an_error(record):
    (push,) = read_frame(json.dumps(record))

    assert not isinstance(push, Unreadable)


@given(records=st.lists(RECORDS, min_size=1, max_size=3), data=st.data())
def test_a_frame_cut_anywhere_loses_only_the_line_that_was_cut(records, data):
    lines = [json.dumps(record) for record in records]
    whole = [read_frame(line)[0] for line in lines]
    frame = "\n".join(lines)

    got = read_frame(frame[: data.draw(st.integers(0, len(frame)))])

    assert read_frame(frame) == tuple(whole)
    assert list(got[:-1]) == whole[: max(len(got) - 1, 0)]
    assert not got or got[-1] == whole[len(got) - 1] or isinstance(got[-1], Unreadable)
