import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import Policy, RemoteProtocolError, VenueError
from protocol.events import BookReplaced, EventListed, EventStatus, Level, MarketSettled, Side
from protocol.ids import CompetitionId, EventId
from protocol.prices import Probability, meets
from protocol.satoriex import answers, wire
from protocol.satoriex.names import book_key, buying, selling
from protocol.venue import AccessToken, Balance, Holding, Response, Tokens

MARKET = "mkt_abc123"
YES, NO = book_key(MARKET, "out_yes"), book_key(MARKET, "out_no")
OUTCOMES = [{"id": "out_yes", "name": "Yes"}, {"id": "out_no", "name": "No"}]


def yes(data: object, status: int = 200) -> Response:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return Response(status=status, body=b'{"code": 0, "msg": "ok", "data": ' + raw + b"}")


# --- sessions ----------------------------------------------------------------------------------------------------


def test_a_login_gives_both_tokens():
    answer = yes({"access_token": "a", "refresh_token": "r", "user": {"id": 7, "email": "x"}})

    expected = Tokens(access_token="a", access_expires_s=None, refresh_token="r", refresh_expires_s=None)
    assert answers.tokens(answer) == expected


def test_the_life_of_a_token_is_in_the_token():
    jwt = "e30.eyJleHAiOjE3ODkwMDAwMDB9.s"

    tokens = answers.tokens(yes({"access_token": jwt, "refresh_token": jwt}))
    renewed = answers.access_token(yes({"access_token": jwt}))

    assert (tokens.access_expires_s, tokens.refresh_expires_s) == (1_789_000_000, 1_789_000_000)
    assert renewed == AccessToken(access_token=jwt, access_expires_s=1_789_000_000, refresh_token=None)


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"access_token": "a"},
        {"access_token": "a", "refresh_token": None},
        {"access_token": "", "refresh_token": "r"},
        {"access_token": 1, "refresh_token": "r"},
        {"totp_required": True, "challenge": "c"},
    ],
)
def test_a_login_of_another_shape_is_final(data):
    with pytest.raises(VenueError) as caught:
        answers.tokens(yes(data))

    assert (caught.value.code, caught.value.policy) == ("login_shape", Policy.TERMINAL)


@pytest.mark.parametrize(
    ("data", "refresh_token"),
    [
        ({"access_token": "b"}, None),
        ({"access_token": "b", "refresh_token": None}, None),
        ({"access_token": "b", "refresh_token": ""}, None),
        ({"access_token": "b", "refresh_token": "r2"}, "r2"),
    ],
)
def test_a_refresh_replaces_the_refresh_token_only_by_one_that_came(data, refresh_token):
    expected = AccessToken(access_token="b", access_expires_s=None, refresh_token=refresh_token)
    assert answers.access_token(yes(data)) == expected


@pytest.mark.parametrize("data", [None, {}, {"access_token": ""}, {"access_token": 1}])
def test_a_refresh_without_a_token_is_unreadable(data):
    with pytest.raises(RemoteProtocolError):
        answers.access_token(yes(data))


# --- markets -----------------------------------------------------------------------------------------------------


def market(**fields: object) -> EventListed:
    record = {"id": MARKET, "status": "active", "outcomes": OUTCOMES, "title": "Rain?", **fields}
    (listed,) = answers.one_market(MARKET, "", yes({k: v for k, v in record.items() if v is not ...})).events
    return listed


LISTED = EventListed(
    event_id=EventId(MARKET),
    competition_id=CompetitionId(0),
    name="Rain?",
    status=EventStatus.SCHEDULED,
    active=True,
    keys=(YES, NO),
    names=("Yes", "No"),
    outcomes=(buying(YES), buying(NO)),
)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"id": ..., "market_id": MARKET},
        {"id": None, "market_id": MARKET},
        {"id": "", "market_id": MARKET},
        {"market_id": "mkt_other"},  # `id` comes first
        {"title": ..., "question": "Rain?"},
        {"title": None, "name": "Rain?"},
        {"title": "", "question": "", "name": "Rain?"},
        {"question": "Another one?"},
        {
            "outcomes": [
                {"outcome_id": "out_yes", "name": "Yes"},
                {"outcome_id": "out_no", "name": "No", "color": "red"},
            ]
        },
        {"status": "ACTIVE"},
        {"status": "Active"},
        {"tick_size": None, "min_order_size": None, "volume": 12.5},
        {"min_order_size": 0},
    ],
)
def test_a_market_under_each_of_its_names(fields):
    assert market(**fields) == LISTED


def test_an_outcome_may_have_no_name():
    assert market(outcomes=[{"outcome_id": "out_yes"}, {"outcome_id": "out_no", "name": None}]).names == ("", "")


def test_a_market_without_a_name_goes_by_its_id():
    assert market(title=...).name == MARKET


@pytest.mark.parametrize("outcomes", [..., None, []])
def test_a_listing_may_leave_the_outcomes_out(outcomes):
    listed = market(outcomes=outcomes)

    assert (listed.keys, listed.outcomes) == ((), ())


@pytest.mark.parametrize(
    ("status", "expected", "active"),
    [
        ("active", EventStatus.SCHEDULED, True),
        ("halted", EventStatus.SCHEDULED, False),
        ("paused", EventStatus.SCHEDULED, False),
        ("proposed", EventStatus.SCHEDULED, False),
        ("approved", EventStatus.SCHEDULED, False),
        ("activated", EventStatus.SCHEDULED, False),
        ("", EventStatus.SCHEDULED, False),
        (None, EventStatus.SCHEDULED, False),
        (1, EventStatus.SCHEDULED, False),
        (..., EventStatus.SCHEDULED, False),
        ("settled", EventStatus.ENDED, False),
        ("Resolved", EventStatus.ENDED, False),
        ("CLOSED", EventStatus.ENDED, False),
        ("cancelled", EventStatus.ENDED, False),
        ("canceled", EventStatus.ENDED, False),
        ("voided", EventStatus.ENDED, False),
    ],
)
def test_only_an_active_market_takes_orders(status, expected, active):
    listed = market(status=status)

    assert (listed.status, listed.active) == (expected, active)


@pytest.mark.parametrize("tick", [1, 10, 50, 100, 5000])
def test_a_market_has_a_tick_and_a_smallest_order_of_its_own(tick):
    listed = market(tick_size=tick, min_order_size=5)

    assert (listed.tick_bp, listed.min_size, listed.active) == (tick, 5, True)


@pytest.mark.parametrize("tick", [0, -100, 3, 3000, 10_000, 20_000])
def test_a_market_whose_tick_we_cannot_keep_takes_no_orders(tick):
    listed = market(tick_size=tick)

    assert (listed.tick_bp, listed.active) == (None, False)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"id": ...}, "market: none of id, market_id"),
        ({"id": 7}, r"Expected `str \| null`, got `int` - at `\$.id`"),
        ({"id": "mkt_other"}, "market mkt_abc123: answered with mkt_other"),
        ({"tick_size": 1.0}, r"got `float` - at `\$.tick_size`"),
        ({"tick_size": "100"}, r"at `\$.tick_size`"),
        ({"min_order_size": -1}, "market mkt_abc123.min_order_size: -1"),
        ({"outcomes": ["Yes", "No"]}, r"got `str` - at `\$.outcomes"),
        ({"outcomes": [{"name": "Yes"}]}, "market mkt_abc123.outcomes: none of id, outcome_id"),
        ({"outcomes": [OUTCOMES[0], OUTCOMES[0]]}, "market mkt_abc123.outcomes: one of them twice"),
    ],
)
def test_a_market_that_cannot_be_read(fields, reason):
    with pytest.raises(RemoteProtocolError, match=reason):
        market(**fields)


# --- pages -------------------------------------------------------------------------------------------------------


def rows(count: int) -> list[dict[str, object]]:
    return [{"id": f"mkt_{index}"} for index in range(count)]


@pytest.mark.parametrize(
    ("page", "data", "cursor"),
    [
        (1, [], ""),
        (1, None, ""),
        (1, rows(3), ""),
        (1, rows(50), "2"),  # bare, and exactly a page: there may be more
        (1, rows(51), ""),  # bare, and more than a page: the venue does not page
        (1, {"items": rows(50), "page": 1, "size": 50, "total": 120}, "2"),
        (2, {"items": rows(50), "page": 2, "size": 50, "total": 120}, "3"),
        (3, {"items": rows(20), "page": 3, "size": 50, "total": 120}, ""),
        (2, {"items": rows(50), "page": 2, "size": 50, "total": 100}, ""),
        (1, {"items": rows(20), "page": 1, "size": 20, "total": 50}, "2"),  # the venue's own size counts
        (1, {"items": rows(50), "total": 51}, "2"),
        (1, {"items": rows(50), "total": 50}, ""),
        (3, {"items": [], "page": 3, "size": 50, "total": 999}, ""),
        (3, {"items": None, "total": 999}, ""),
        (4, {"items": rows(1)}, "5"),
        (5, {"items": []}, ""),
        (1, {}, ""),
    ],
)
def test_where_a_list_goes_on(page, data, cursor):
    read = answers.market_page(page, yes(data))

    count = len(data if isinstance(data, list) else (data or {}).get("items") or ())
    assert (len(read.events), read.next_cursor) == (count, cursor)


@pytest.mark.parametrize(
    "data", [7, "text", [7], {"items": 7}, {"items": [], "total": "3"}, {"items": [], "size": 2.0}]
)
def test_a_list_that_cannot_be_read(data):
    with pytest.raises(RemoteProtocolError):
        answers.market_page(1, yes(data))


def test_a_cursor_is_a_page():
    assert [answers.page_of(each) for each in ("", "1", "7")] == [1, 1, 7]


# --- books -------------------------------------------------------------------------------------------------------


def book(bids: object, asks: object, **ids: object) -> BookReplaced:
    (read,) = answers.book(YES, yes({"bids": bids, "asks": asks, **ids}))
    return read


def image(buys: list[tuple[int, int]], sales: list[tuple[int, int]]) -> BookReplaced:
    sides = [
        Side(selection_id=selection_id, levels=tuple(Level(Probability(bp), shares) for bp, shares in levels))
        for selection_id, levels in ((buying(YES), buys), (selling(YES), sales))
    ]
    return BookReplaced(key=YES, sides=tuple(sides), sequence_ns=0)


@pytest.mark.parametrize(
    ("bids", "asks", "buys", "sales"),
    [
        ([], [], [], []),
        (None, None, [], []),
        (
            [{"price": 4000, "quantity": 10}, {"price": 4100, "quantity": 5}],
            [{"price": 4400, "quantity": 1}, {"price": 4300, "quantity": 7}],
            [(4300, 7), (4400, 1)],  # the cheapest first
            [(5900, 5), (6000, 10)],  # the highest bid first, from the other side
        ),
        ([[4000, 10]], [[4300, 7]], [(4300, 7)], [(6000, 10)]),  # as pairs
        ([[4000, 10], {"price": 3900, "quantity": 2}], [], [], [(6000, 10), (6100, 2)]),
        ([[4000, 0], [3900, 1]], [[3950, 0]], [], [(6100, 1)]),  # a level with nothing on it is none
        ([[4000, 10], [4000, 3]], [], [], [(6000, 13)]),  # one order a row
        ([[1, 1]], [[9999, 1]], [(9999, 1)], [(9999, 1)]),
    ],
)
def test_what_can_be_taken_on_either_selection(bids, asks, buys, sales):
    assert book(bids, asks) == image(buys, sales)


def test_a_book_may_name_itself():
    assert book([], [], market_id=MARKET, outcome_id="out_yes", ts=1) == image([], [])


@pytest.mark.parametrize(
    ("bids", "asks", "reason"),
    [
        ([[4300, 1]], [[4300, 1]], "crossed, 4300 bid and 4300 asked"),
        ([[4000, 1], [5000, 1]], [[6000, 1], [4500, 1]], "crossed, 5000 bid and 4500 asked"),
        ([[4000, -1]], [], r"bids\[0\].quantity: -1"),
        ([], [[4000, 1], [4100, -5]], r"asks\[1\].quantity: -5"),
        ([[0, 1]], [], r"bids\[0\].price: 0 basis points"),
        ([[0, 0]], [], r"bids\[0\].price: 0 basis points"),
        ([], [[10_000, 1]], r"asks\[0\].price: 10000 basis points"),
        ([[0.42, 1]], [], r"got `float` - at `\$.bids"),
        ([{"price": 4200.0, "quantity": 1}], [], r"got `float` - at `\$.bids"),
        ([{"price": 4200, "quantity": "1"}], [], r"got `str` - at `\$.bids"),
        ([[True, 1]], [], "got `bool`"),
        ([[4200]], [], "Expected `array`"),
        ([[4200, 1, 2]], [], "Expected `array`"),
        ([{"price": 4200}], [], "missing required field `quantity`"),
        ({"4200": 1}, [], "got `object`"),
    ],
)
def test_a_book_that_cannot_be_believed(bids, asks, reason):
    with pytest.raises(RemoteProtocolError, match=reason):
        book(bids, asks)


@pytest.mark.parametrize("data", [None, [], {}, {"bids": []}, {"asks": []}])
def test_a_book_needs_both_sides(data):
    with pytest.raises(RemoteProtocolError, match="Book"):
        answers.book(YES, yes(data))


@pytest.mark.parametrize("ids", [{"market_id": "mkt_other"}, {"outcome_id": "out_no"}])
def test_a_book_of_something_else(ids):
    with pytest.raises(RemoteProtocolError, match="book mkt_abc123/out_yes: answered with"):
        book([], [], **ids)


LEVELS = st.lists(st.tuples(st.integers(-1, 10_001), st.integers(-1, 50)), max_size=6)


@given(bids=LEVELS, asks=LEVELS, as_pairs=st.booleans())
def test_a_book_that_is_read_can_be_traded_and_loses_nothing(bids, asks, as_pairs):
    def write(levels: list[tuple[int, int]]) -> list[object]:
        return [[p, q] if as_pairs else {"price": p, "quantity": q} for p, q in levels]

    believable = all(0 < p < 10_000 and q >= 0 for p, q in (*bids, *asks))
    highest = max((p for p, q in bids if q), default=0)
    lowest = min((p for p, q in asks if q), default=10_000)
    if not believable or highest >= lowest:
        with pytest.raises(RemoteProtocolError):
            book(write(bids), write(asks))
        return

    buys, sales = book(write(bids), write(asks)).sides

    assert {level.price.bp for level in buys.levels} == {p for p, q in asks if q}
    assert {10_000 - level.price.bp for level in sales.levels} == {p for p, q in bids if q}
    for side, levels in ((buys, asks), (sales, bids)):
        prices = [level.price.bp for level in side.levels]
        assert prices == sorted(set(prices))
        assert sum(level.takeable for level in side.levels) == sum(q for _, q in levels)
        assert all(level.takeable > 0 for level in side.levels)
    if buys.levels and sales.levels:
        # Who takes the best of both buys dearer than he sells: together they cost more than the dollar they bring.
        assert meets(buys.levels[0].price, sales.levels[0].price)
        assert buys.levels[0].price.bp + sales.levels[0].price.bp > 10_000


# --- results -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "winners"),
    [
        ({"winning_outcome_id": "out_yes"}, {buying(YES)}),
        ({"winner_outcome_id": "out_yes"}, {buying(YES)}),
        ({"winning_outcome": "out_yes"}, {buying(YES)}),
        ({"winning_outcome": {"id": "out_yes", "name": "Yes"}}, {buying(YES)}),
        ({"winning_outcome": {"outcome_id": "out_yes"}}, {buying(YES)}),
        ({"outcome_id": "out_yes"}, {buying(YES)}),
        ({"winning_outcome_id": None, "outcome_id": "out_yes"}, {buying(YES)}),
        ({"winning_outcome_id": "", "outcome_id": "out_yes"}, {buying(YES)}),
        ({"winning_outcome_id": "out_no", "outcome_id": "out_yes"}, {buying(NO)}),
        ({"winning_outcome_id": "out_yes", "outcomes": OUTCOMES}, {buying(YES), selling(NO)}),
        ({"winning_outcome": "Yes", "outcomes": OUTCOMES}, {buying(YES), selling(NO)}),
        ({"winning_outcome": "No", "outcomes": OUTCOMES}, {buying(NO), selling(YES)}),
        ({"winning_outcome": "No", "outcomes": [*OUTCOMES, {"name": "No"}]}, None),
    ],
)
def test_who_has_won(fields, winners):
    (*settled,) = answers.results(yes([{"market_id": MARKET, "resolved_at": "2026-09-12", **fields}]))

    expected = [MarketSettled(event_id=EventId(MARKET), winners=frozenset(winners))] if winners else []
    assert settled == expected


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"winning_outcome_id": None},
        {"winning_outcome_id": True},
        {"winning_outcome": {}},
        {"winning_outcome": ["out_yes"]},
        {"winning_outcome": "Maybe", "outcomes": OUTCOMES},
        {"winning_outcome": "Yes", "outcomes": [{"id": "a", "name": "Yes"}, {"id": "b", "name": "Yes"}]},
    ],
)
def test_a_market_without_a_readable_winner_is_left_out(fields):
    row = {"id": "mkt_2", "outcome_id": None, "winning_outcome_id": "out_yes"}

    settled = answers.results(yes({"items": [{"id": MARKET, **fields}, row], "page": 1, "size": 50, "total": 2}))

    winners = frozenset({buying(book_key("mkt_2", "out_yes"))})
    assert settled == (MarketSettled(event_id=EventId("mkt_2"), winners=winners),)


def test_a_result_of_no_market_is_unreadable():
    with pytest.raises(RemoteProtocolError, match="result: none of id, market_id"):
        answers.results(yes([{"winning_outcome_id": "out_yes"}]))


# --- money -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dollars", "micro"),
    [
        (b"0", 0),
        (b"12", 12_000_000),
        (b"12.5", 12_500_000),
        (b"0.000001", 1),
        (b"1e2", 100_000_000),
        (b"1.5e-3", 1_500),
        (b"12.50000000000000000000000000000000000000", 12_500_000),
        (b"0.00000000000", 0),
        (b"-3.25", -3_250_000),
        (b'"12.345678"', 12_345_678),
        (b'"-0.5"', -500_000),
        (b"9999999999999.999999", 9_999_999_999_999_999_999),
    ],
)
def test_dollars_are_read_exactly(dollars, micro):
    assert answers.balance(yes(b'{"available": ' + dollars + b"}")) == Balance(free_micro=micro, resting_micro=None)


@pytest.mark.parametrize(
    "dollars",
    [
        b"0.0000001",
        b"0.00000000000000000000000000000000000001",
        b"12.3456789",
        b"10000000000000",
        b"1e999999",
        b"1e99999999999999999999",
        b'""',
        b'" 1"',
        b'"1e3"',
        b'"1_000"',
        b'"1,000"',
        b'"$5"',
        b'"NaN"',
        b'"Infinity"',
        '"١"'.encode(),
        b"true",
        b"null",
        b"{}",
    ],
)
def test_what_is_not_dollars(dollars):
    with pytest.raises(RemoteProtocolError):
        answers.balance(yes(b'{"available": ' + dollars + b"}"))


@given(micro=st.integers(-(10**18), 10**18))
def test_every_micro_dollar_survives(micro):
    number = Decimal(micro).scaleb(-6)

    assert answers.micro_received(number, "x") == micro
    assert answers.micro_received(f"{number:f}", "x") == micro


@pytest.mark.parametrize(
    "record",
    [
        {"available": 7},
        {"balance": "7"},
        {"available_balance": 7.0},
        {"available": 7, "balance": 9, "locked": 2},
        {"available": None, "available_balance": 7, "balance": 9},
    ],
)
def test_what_may_be_spent_under_each_of_its_names(record):
    assert answers.balance(yes(record)).free_micro == 7_000_000


def test_a_balance_of_nothing_is_unreadable():
    with pytest.raises(RemoteProtocolError, match="balance: none of available"):
        answers.balance(yes({"cash": 7}))


POSITION = {"market_id": MARKET, "outcome_id": "out_yes", "shares": 10, "avg_buy_price": 42.5, "cost_basis": 4.25}
HOLDING = Holding(key=YES, selection_id=buying(YES), shares=10, cost_micro=4_250_000)


@pytest.mark.parametrize(
    ("data", "held"),
    [
        ([], ()),
        (None, ()),
        ([POSITION], (HOLDING,)),
        ({"items": [POSITION]}, (HOLDING,)),
        ({"items": [POSITION], "page": 1, "size": 50, "total": 1}, (HOLDING,)),
        ([POSITION | {"cost_basis": "4.25", "avg_buy_price": None}], (HOLDING,)),
    ],
)
def test_what_is_held(data, held):
    assert answers.holdings(yes(data)) == held


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ([POSITION | {"shares": -1}], "position mkt_abc123/out_yes.shares: -1"),
        ([POSITION | {"shares": 10.0}], r"got `float` - at `\$.shares`"),
        ([POSITION | {"cost_basis": "free"}], "position mkt_abc123/out_yes.cost_basis: 'free' is not a number"),
        ([POSITION | {"market_id": 7}], r"at `\$.market_id`"),
        ([{}], "missing required field"),
        ({"items": [POSITION], "total": 2}, "positions: 1 of 2"),
    ],
)
def test_what_is_held_cannot_be_read(data, reason):
    with pytest.raises(RemoteProtocolError, match=reason):
        answers.holdings(yes(data))


def test_no_record_shows_a_secret():
    secrets = [
        wire.LoginForm(email="hunter2", password="hunter2"),
        wire.RefreshForm(refresh_token="hunter2"),
        wire.TokensRecord(access_token="hunter2", refresh_token="hunter2"),
    ]

    assert not [record for record in secrets if "hunter2" in f"{record!r}{record}"]
