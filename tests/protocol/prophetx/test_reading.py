import base64
import json
from decimal import Decimal
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.commands import PlaceOrder
from protocol.errors import RemoteProtocolError
from protocol.events import (
    BookReplaced,
    BookUnreadable,
    CompetitionListed,
    EventListed,
    EventStatus,
    EventUnlisted,
    Fill,
    HeartbeatReceived,
    Level,
    MarketListed,
    MessageUnreadable,
    OrderReported,
    OrderStatus,
    Result,
    SelectionListed,
    Side,
    TradePrinted,
    UnknownReceived,
    VenueEvent,
)
from protocol.ids import (
    BookKey,
    ClientOrderId,
    CompetitionId,
    EventId,
    MarketId,
    OutcomeId,
    SelectionId,
    Strike,
    VenueOrderId,
)
from protocol.odds import Odds
from protocol.prophetx import pusher, reading, wire
from protocol.prophetx.pusher import ClientSession, Delivered
from protocol.prophetx.pushes import PushReader
from protocol.prophetx.reading import moment_ns
from protocol.prophetx.wire import Dialect

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared" / "data"
MAIN = "private-broadcast-service=6-device_type=5"
EVENT = f"{MAIN}-event=18756"
PRIVATE = "private-service=6-device_type=5-user=7"
SEQUENCE = 1789000000123456789
HOME, AWAY = "e5957d9c37e2704d02292333ba970a5f", "06b2a7ec50d863031e5093aa257873bd"
KEY = BookKey(EventId(18756), MarketId(219), Strike(0))

ORDER = {  # the documented example of a private update
    "order_id": "a1",
    "external_id": "x-1",
    "user_id": "u1",
    "sport_event_id": 18756,
    "market_id": 219,
    "outcome_id": 4,
    "strike": 0,
    "strike_id": HOME,
    "price": 146,
    "quantity": 10,
    "profit": 14.6,
    "filled_quantity": 3,
    "fill_price": 146,
    "total_filled_quantity": 3,
    "open_quantity": 7,
    "matching_status": "partially_matched",
    "winning_status": "tbd",
    "status": "open",
    "update_type": "matching",
    "sequence_number": SEQUENCE,
}
REPORTED = OrderReported(
    venue_order_id=VenueOrderId("a1"),
    client_order_id=ClientOrderId("x-1"),
    key=KEY,
    selection_id=SelectionId(HOME),
    price=Odds(146),
    size=1000,
    filled=300,
    last_fill=Fill(300, Odds(146)),
    status=OrderStatus.OPEN,
    sequence_ns=SEQUENCE,
)
SELECTIONS = {
    "sport_event_id": 18756,
    "market_id": 219,
    "info": {
        "id": 219,
        "name": "Moneyline",
        "type": "moneyline",
        "strike": 0,
        "sequence_number": SEQUENCE,
        "selections": [
            [
                {"outcome_id": 4, "name": "Panthers", "strike_id": HOME, "price": -265, "quantity": 10, "value": 10.47},
                {
                    "outcome_id": 4,
                    "name": "Panthers",
                    "strike_id": HOME,
                    "price": 146,
                    "quantity": 116.71,
                    "value": 33.92,
                },
            ],
            [{"outcome_id": 5, "name": "Bears", "strike_id": AWAY, "price": None, "quantity": 0, "value": 0}],
        ],
    },
}
BOOK = BookReplaced(
    key=KEY,
    name="Moneyline",
    kind="moneyline",
    sides=(
        Side(
            selection_id=SelectionId(HOME),
            name="Panthers",
            outcome_id=OutcomeId(4),
            levels=(Level(Odds(146), 3392, 11_671), Level(Odds(-265), 1047, 1000)),
        ),
        Side(selection_id=SelectionId(AWAY), name="Bears", outcome_id=OutcomeId(5)),
    ),
    sequence_ns=SEQUENCE,
)
MATCHED = {
    "info": {
        "sport_event_id": 18756,
        "market_id": 219,
        "outcome_id": 4,
        "strike": 0,
        "strike_id": HOME,
        "price": 140,
        "fill_price": 146,
        "filled_quantity": 3.5,
        "origin_market_strike": 0,
        "sequence_number": SEQUENCE,
    }
}
PRINTED = TradePrinted(
    event_id=EventId(18756),
    market_id=MarketId(219),
    selection_id=SelectionId(HOME),
    price=Odds(140),
    fill_price=Odds(146),
    size=350,
    sequence_ns=SEQUENCE,
)
SPORT_EVENT = {
    "id": "18756",
    "tournament_id": "31",
    "info": {
        "event_id": 18756,
        "name": "panthers at bears",
        "display_name": "Panthers at Bears",
        "status": "not_started",
        "scheduled": "2026-09-13T17:00:00Z",
        "competitors": None,
        "sequence_number": SEQUENCE,
    },
}
LISTED = EventListed(
    event_id=EventId(18756),
    competition_id=CompetitionId(31),
    name="Panthers at Bears",
    status=EventStatus.SCHEDULED,
    scheduled="2026-09-13T17:00:00Z",
)


def reader(dialect: Dialect = Dialect.V4) -> PushReader:
    return PushReader(dialect, broadcast=frozenset({MAIN, EVENT}))


def envelope(change_type: str, payload: object, op: str = "u") -> bytes:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return json.dumps(
        {
            "timestamp": SEQUENCE,
            "change_type": change_type,
            "payload": base64.b64encode(raw).decode(),
            "op": op,
        }
    ).encode()


def read(change_type: str, payload: object, op: str = "u", dialect: Dialect = Dialect.V4) -> tuple[VenueEvent, ...]:
    return reader(dialect).read(EVENT, change_type, envelope(change_type, payload, op))


def legacy(value: object) -> object:
    return wire.rename(value, wire.V4_FIELDS)


def selections(*groups: list[dict[str, object]]) -> dict[str, object]:
    return {**SELECTIONS, "info": {**SELECTIONS["info"], "selections": list(groups)}}


def order(**changes: object) -> wire.Order:
    return wire.decode(wire.Order, json.dumps({**ORDER, **changes}), Dialect.V4)


def order_without(*names: str) -> dict[str, object]:
    return {name: value for name, value in ORDER.items() if name not in names}


# --- odds, strikes and moments -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "price"), [(146, 146), (-101, -101), (Decimal("146.0"), 146), (Decimal("1E+2"), 100)]
)
def test_odds_are_whole_american_numbers(number, price):
    assert reading.odds_of(number, "price") == price


@pytest.mark.parametrize(
    "number",
    [
        None,
        True,
        "146",
        1.46,
        0,
        99,
        -100,
        -1,
        10**7 + 1,
        10**30,
        Decimal("1.9"),
        Decimal("146.5"),
        Decimal("1e999999999"),
        Decimal("1e-999999999"),
        Decimal("NaN"),
        Decimal("Infinity"),
        [],
    ],
)
def test_anything_else_is_not_american_odds(number):
    with pytest.raises(RemoteProtocolError, match=r"^price: .* is not American odds$"):
        reading.odds_of(number, "price")


@pytest.mark.parametrize(("number", "strike"), [(None, 0), (0, 0), (Decimal("-3.5"), -350), (Decimal("23.25"), 2325)])
def test_a_strike_is_hundredths_of_a_point(number, strike):
    assert reading.strike_of(number, "strike") == strike


@pytest.mark.parametrize("number", ["-3.5", True, Decimal("0.125"), 10**7, Decimal("1e999999999")])
def test_a_strike_that_is_no_such_number_is_the_venues_fault(number):
    with pytest.raises(RemoteProtocolError, match=r"^strike: "):
        reading.strike_of(number, "strike")


MOMENT_NS = 1_757_671_200_000_000_000  # 2025-09-12T10:00:00Z


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2025-09-12T10:00:00Z", MOMENT_NS),
        ("2025-09-12T10:00:00", MOMENT_NS),
        ("2025-09-12T12:00:00+02:00", MOMENT_NS),
        ("2025-09-12T10:00:00.123456Z", MOMENT_NS + 123_456_000),
        ("2025-09-12T10:00:00.123456789Z", MOMENT_NS + 123_456_000),
        ("1757671200", MOMENT_NS),
        (1_757_671_200, MOMENT_NS),
        (Decimal("1757671200.25"), MOMENT_NS + 250_000_000),
        (1_757_671_200_123, MOMENT_NS + 123_000_000),
        (1_757_671_200_123_456, MOMENT_NS + 123_456_000),
        (1_757_671_200_123_456_789, MOMENT_NS + 123_456_789),
    ],
)
def test_a_moment_is_read_in_every_form_seen(value, moment):
    assert moment_ns(value) == moment


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (10**11 - 1, (10**11 - 1) * 10**9),
        (10**11, 10**17),  # milliseconds from here
        (10**14 - 1, (10**14 - 1) * 10**6),
        (10**14, 10**17),  # microseconds from here
        (10**17 - 1, (10**17 - 1) * 10**3),
        (10**17, 10**17),  # nanoseconds from here
    ],
)
def test_the_unit_of_a_moment_is_told_by_its_magnitude(value, moment):
    assert moment_ns(value) == moment


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -5,
        "",
        "soon",
        "<nil>",
        "NaN",
        "sNaN",
        "1e999999999",
        "1e9999999999999999999",
        10**20,
        pytest.param(10**5000, id="five thousand digits"),
        Decimal("Infinity"),
        1.5,
        [],
        {},
    ],
)
def test_what_is_no_moment_proves_nothing(value):
    assert moment_ns(value) is None


@given(st.one_of(st.text(), st.integers(), st.decimals(), st.datetimes().map(str), st.none(), st.booleans()))
def test_any_value_is_a_moment_or_none(value):
    moment = moment_ns(value)

    assert moment is None or type(moment) is int


# --- books -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change_type", ["market_selections", "market_selection"])
def test_a_book_is_replaced_with_its_best_level_first(change_type):
    assert read(change_type, SELECTIONS) == (BOOK,)


def test_a_book_of_the_old_vocabulary_is_the_same_book():
    assert read("market_selections", legacy(SELECTIONS), dialect=Dialect.LEGACY) == (BOOK,)


@pytest.mark.parametrize(
    ("price", "quantity", "value", "takeable"),
    [
        (-132, 10, 13.2, 1320),  # full size: what the resting 10.00 at +132 would win
        (-160, 800, 1270, 127_000),  # some of it is taken already
        (-126, 800, 208, 20_800),
        (146, 91.71, 17.12, 1712),
        (-132, 10, 14, 1321),  # more than the resting order can win; a cent is left for the venue's rounding
        (146, 0, 5, 500),  # nothing to compare with
    ],
)
def test_takeable_is_the_value_and_never_more_than_the_full_size(price, quantity, value, takeable):
    level = {"strike_id": HOME, "price": price, "quantity": quantity, "value": value}

    [book] = read("market_selections", selections([level]))

    assert [each.takeable for each in book.sides[0].levels] == [takeable]


@pytest.mark.parametrize("groups", [None, [], [[], []], [[]]])
def test_a_book_without_a_selection_must_be_read_by_rest(groups):
    push = selections()

    (event,) = read("market_selections", {**push, "info": {**push["info"], "selections": groups}})

    assert isinstance(event, BookUnreadable)
    assert event.key.event_id == push["sport_event_id"]
    assert event.key.market_id == push["market_id"]


def test_an_empty_group_beside_a_full_one_is_passed_over():
    [book] = read("market_selections", selections([], [{"strike_id": AWAY, "price": 110, "quantity": 1, "value": 1}]))

    assert [side.selection_id for side in book.sides] == [AWAY]


@pytest.mark.parametrize(
    "group",
    [
        [{"strike_id": HOME, "price": 110}, {"strike_id": AWAY, "price": 105}],
        [{"strike_id": HOME, "price": 1.9}],
        [{"strike_id": HOME, "price": "146"}],
        [{"strike_id": HOME, "price": -100}],
        [{"strike_id": HOME, "price": 110, "value": -1}],
        [{"strike_id": HOME, "price": 110, "quantity": -1}],
        [{"strike_id": HOME, "price": 110, "value": 1.001}],
        [{"strike_id": HOME, "price": 110, "value": "1"}],
        [{"strike_id": HOME, "price": 110, "quantity": True}],
        [{"strike_id": HOME, "price": 110, "value": 10**11}],
        [{"price": 110}],
        [None],
        "levels",
    ],
)
def test_a_book_that_cannot_be_read_is_named_unreadable(group):
    [event] = read("market_selections", selections(group))

    assert isinstance(event, MessageUnreadable)
    assert event.private is False


def test_a_name_may_only_be_in_the_display_name():
    [book] = read(
        "market_selections", selections([{"strike_id": HOME, "display_name": "Panthers +146", "price": None}])
    )

    assert book.sides[0].name == "Panthers +146"


# --- the catalogue -----------------------------------------------------------------------------------------------


def market(**changes: object) -> wire.Market:
    body = {"id": 223, "name": "Spread", "type": "spread", "sub_type": "spread", **changes}
    return wire.decode(wire.Market, json.dumps(body), Dialect.V4)


def test_a_market_of_strikes_is_one_book_a_strike():
    level = {"strike_id": HOME, "price": -110, "quantity": 10, "value": 11, "updated_at": 5}
    strikes = [
        {"id": 223, "name": "Fixed home -3.5", "strike": -3.5, "selections": [[level], [{**level, "updated_at": 7}]]},
        {"id": 223, "name": "Fixed home -4.5", "strike": -4.5, "selections": None},
        {"id": 223, "name": "", "strike": -5.5, "status": "suspended", "selections": [[level]]},
    ]

    books = reading.books_of(EventId(1), market(market_strikes=strikes))

    side = Side(selection_id=SelectionId(HOME), levels=(Level(Odds(-110), 1100, 1000),))
    first = BookReplaced(
        key=BookKey(EventId(1), MarketId(223), Strike(-350)),
        name="Spread: Fixed home -3.5",
        kind="spread",
        sub_kind="spread",
        sides=(side, side),
        sequence_ns=7,
    )
    last = attrs.evolve(
        first,
        key=attrs.evolve(first.key, strike=Strike(-550)),
        name="Spread",
        active=False,
        sides=(side,),
        sequence_ns=5,
    )
    assert books == (first, last)


@pytest.mark.parametrize(
    "changes",
    [{}, {"selections": None}, {"selections": []}, {"market_strikes": None}, {"market_strikes": [], "selections": []}],
)
def test_a_market_without_selections_has_no_book(changes):
    assert reading.books_of(EventId(1), market(**changes)) == ()


@pytest.mark.parametrize(("status", "active"), [("active", True), ("", True), (None, True), ("suspended", False)])
def test_a_closed_market_closes_its_books(status, active):
    [book] = reading.books_of(EventId(1), market(status=status, selections=[[{"strike_id": HOME, "price": None}]]))

    assert book.active is active


def test_a_closed_market_closes_the_books_of_its_strikes():
    strike = {"id": 223, "status": "active", "selections": [[{"strike_id": HOME}]]}

    [book] = reading.books_of(EventId(1), market(status="suspended", market_strikes=[strike]))

    assert book.active is False


def test_the_kind_of_a_book_may_only_be_on_its_strike():
    strike = {"id": 223, "type": "total", "sub_type": "first_half_total", "selections": [[{"strike_id": HOME}]]}

    [book] = reading.books_of(EventId(1), market(type="", sub_type=None, market_strikes=[strike]))

    assert (book.kind, book.sub_kind) == ("total", "first_half_total")


# --- trades ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change_type", "payload", "dialect"),
    [
        ("matched_order", MATCHED, Dialect.V4),
        ("trade_execution", MATCHED, Dialect.V4),
        ("matched_bet", legacy(MATCHED), Dialect.LEGACY),
        ("matched_order", legacy(MATCHED), Dialect.LEGACY),
    ],
)
def test_a_trade_is_printed_under_each_of_its_names(change_type, payload, dialect):
    assert read(change_type, payload, dialect=dialect) == (PRINTED,)


@pytest.mark.parametrize(
    "change", [{"fill_price": None}, {"price": "140"}, {"filled_quantity": None}, {"strike_id": 5}]
)
def test_a_trade_that_cannot_be_read_is_named_unreadable(change):
    [event] = read("matched_order", {"info": {**MATCHED["info"], **change}})

    assert isinstance(event, MessageUnreadable)


# --- orders ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change_type", "payload", "dialect"),
    [
        ("order", ORDER, Dialect.V4),
        ("orders", ORDER, Dialect.V4),
        ("wager", legacy(ORDER), Dialect.LEGACY),
        ("wagers", legacy(ORDER), Dialect.LEGACY),
        ("wager", ORDER, Dialect.V4),
        ("wager", {"id": "a1", **legacy(order_without("order_id"))}, Dialect.LEGACY),
        ("order", {"id": "a1", **order_without("order_id")}, Dialect.V4),
    ],
)
def test_the_documented_order_is_read_under_each_of_its_names(change_type, payload, dialect):
    event = reader(dialect).read(PRIVATE, change_type, envelope(change_type, {"info": payload}))

    assert event == (REPORTED,)


@pytest.mark.parametrize(
    ("status", "matching_status", "expected"),
    [
        ("inactive", "unmatched", OrderStatus.PENDING),
        ("open", "unmatched", OrderStatus.OPEN),
        ("open", "partially_matched", OrderStatus.OPEN),
        ("open", "fully_matched", OrderStatus.FILLED),
        ("invalid", "unmatched", OrderStatus.INVALID),
        ("canceled", "unmatched", OrderStatus.CANCELLED),
        ("void", "fully_matched", OrderStatus.VOID),
        ("wiped", "partially_matched", OrderStatus.WIPED),
        ("manually_settled", "fully_matched", OrderStatus.SETTLED),
        ("settled", "fully_matched", OrderStatus.SETTLED),
        ("closed", "fully_matched", OrderStatus.SETTLED),
        ("dreaming", "unmatched", None),
    ],
)
def test_each_status_word_has_its_place_in_the_life_of_an_order(status, matching_status, expected):
    assert reading.order_of(order(status=status, matching_status=matching_status)).status is expected


@pytest.mark.parametrize(
    ("word", "result"),
    [
        ("profit", Result.WON),
        ("won", Result.WON),
        ("manually_won", Result.WON),
        ("loss", Result.LOST),
        ("lost", Result.LOST),
        ("manually_lost", Result.LOST),
        ("no_result", Result.RETURNED),
        ("draw", Result.RETURNED),
        ("push", Result.RETURNED),
        ("tbd", Result.TO_BE_DECIDED),
        ("unheard_of", Result.TO_BE_DECIDED),
        (None, Result.TO_BE_DECIDED),
    ],
)
def test_each_result_word_is_a_result(word, result):
    assert reading.order_of(order(winning_status=word)).result is result


@pytest.mark.parametrize(
    ("changes", "size", "filled", "status"),
    [
        # The documented cases of a cancel after 3 of 10 were filled.
        ({"quantity": 3, "open_quantity": 0, "matching_status": "fully_matched"}, 300, 300, OrderStatus.FILLED),
        ({}, 1000, 300, OrderStatus.OPEN),
        ({"total_filled_quantity": 10, "matching_status": "fully_matched"}, 1000, 1000, OrderStatus.FILLED),
        # Without the total, the rest is what tells; from REST the quantity is cumulative.
        ({"total_filled_quantity": None, "filled_quantity": 1, "open_quantity": 6}, 1000, 400, OrderStatus.OPEN),
        ({"total_filled_quantity": None, "update_type": "status", "open_quantity": 0}, 1000, 300, OrderStatus.OPEN),
        ({"total_filled_quantity": None, "open_quantity": None}, 1000, 300, OrderStatus.OPEN),
        ({"total_filled_quantity": None, "matching_status": "fully_matched"}, 1000, 1000, OrderStatus.FILLED),
    ],
)
def test_what_is_filled_is_cumulative_however_it_is_told(changes, size, filled, status):
    report = reading.order_of(order(**changes))

    assert (report.size, report.filled, report.status) == (size, filled, status)


@pytest.mark.parametrize(
    ("changes", "last_fill"),
    [
        ({"fill_price": 150}, Fill(300, Odds(150))),
        ({"update_type": "status"}, None),
        ({"fill_price": None}, None),
        ({"fill_price": 0}, None),
    ],
)
def test_only_a_matching_message_brings_a_fill(changes, last_fill):
    assert reading.order_of(order(**changes)).last_fill == last_fill


def test_a_reading_from_rest_has_no_sequence_and_says_how_old_it_is():
    body = order_without("sequence_number", "update_type", "total_filled_quantity", "fill_price", "external_id")
    record = wire.decode(wire.Order, json.dumps({**body, "created_at": MOMENT_NS, "strike": -3.5}), Dialect.V4)

    assert reading.order_of(record, MOMENT_NS + 1) == attrs.evolve(
        REPORTED,
        client_order_id=None,
        key=attrs.evolve(KEY, strike=Strike(-350)),
        last_fill=None,
        sequence_ns=None,
        synced_at_ns=MOMENT_NS + 1,
        created_at_ns=MOMENT_NS,
    )


@pytest.mark.parametrize("name", ["sport_event_id", "market_id", "strike_id", "price", "quantity", "status"])
def test_an_order_without_what_makes_it_one_is_the_venues_fault(name):
    record = wire.decode(wire.Order, json.dumps(order_without(name)), Dialect.V4)

    with pytest.raises(RemoteProtocolError, match=f"^order a1: no {name}$"):
        reading.order_of(record)


def test_an_order_without_an_id_is_the_venues_fault():
    with pytest.raises(RemoteProtocolError, match="neither order_id nor id"):
        reading.order_of(wire.decode(wire.Order, json.dumps(order_without("order_id")), Dialect.V4))


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": None},
        {"quantity": "10"},
        {"quantity": 10.001},
        {"quantity": -1, "total_filled_quantity": 0},
        {"total_filled_quantity": 11},
        {"total_filled_quantity": -1},
        {"total_filled_quantity": None, "open_quantity": 11},
        {"price": 1.9},
        {"price": None},
        {"fill_price": 50},
        {"filled_quantity": "3"},
        {"strike": "0"},
    ],
)
def test_an_order_with_wrong_numbers_is_the_venues_fault(changes):
    with pytest.raises(RemoteProtocolError, match=r"^order a1"):
        reading.order_of(order(**changes))


def test_what_the_answer_to_a_placement_leaves_out_is_what_was_asked():
    asked = PlaceOrder(
        client_order_id=ClientOrderId("x-1"), key=KEY, selection_id=SelectionId(HOME), price=Odds(146), size=1050
    )

    report = reading.placed_order_of(wire.Order(id="a1"), asked)

    assert report == attrs.evolve(
        REPORTED, size=1050, filled=0, last_fill=None, status=OrderStatus.PENDING, sequence_ns=None
    )


def test_what_the_answer_to_a_placement_says_counts():
    asked = PlaceOrder(
        client_order_id=ClientOrderId("x-2"), key=KEY, selection_id=SelectionId(AWAY), price=Odds(110), size=1050
    )

    assert reading.placed_order_of(order(), asked) == REPORTED


# --- events and markets ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", ["c", "u"])
def test_an_event_is_listed(op):
    assert read("sport_event", SPORT_EVENT, op) == (LISTED,)


@pytest.mark.parametrize(
    ("payload", "op"),
    [
        ({"id": "18756", "tournament_id": "31"}, "d"),
        ({"id": 18756, "info": None}, "u"),
        (SPORT_EVENT, "d"),
    ],
)
def test_an_event_is_unlisted(payload, op):
    assert read("sport_event", payload, op) == (EventUnlisted(event_id=EventId(18756)),)


def test_an_event_may_name_its_competition_inside():
    info = {**SPORT_EVENT["info"], "tournament_id": 132, "display_name": ""}

    assert read("sport_event", {"id": 1, "info": info}) == (
        attrs.evolve(LISTED, competition_id=CompetitionId(132), name="panthers at bears"),
    )
    assert read("sport_event", {"id": 1, "info": SPORT_EVENT["info"]}) == (
        attrs.evolve(LISTED, competition_id=CompetitionId(0)),
    )


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("not_started", EventStatus.SCHEDULED),
        ("scheduled", EventStatus.SCHEDULED),
        ("live", EventStatus.LIVE),
        ("finished", EventStatus.ENDED),
        ("ended", EventStatus.ENDED),
        ("closed", EventStatus.ENDED),
        ("settled", EventStatus.ENDED),
        ("delayed", EventStatus.UNKNOWN),
        ("", EventStatus.UNKNOWN),
        (None, EventStatus.UNKNOWN),
    ],
)
def test_an_event_status_that_is_not_known_is_said_to_be_so(word, status):
    [event] = read("sport_event", {**SPORT_EVENT, "info": {**SPORT_EVENT["info"], "status": word, "scheduled": None}})

    assert event == attrs.evolve(LISTED, status=status, scheduled="")


@pytest.mark.parametrize(
    "payload", [{"id": "x"}, {"id": "1" * 5000}, {"id": 1.5}, {**SPORT_EVENT, "tournament_id": ""}]
)
def test_an_event_without_a_proper_id_is_unreadable(payload):
    [event] = read("sport_event", payload)

    assert isinstance(event, MessageUnreadable)


def test_a_competition_is_listed_with_its_nil_pictures():
    info = {"id": 31, "name": "NFL", "banner": "<nil>", "image": None, "category": {"id": 1, "countryCode": "US"}}

    assert read("tournament", {"id": "31", "info": info}) == (
        CompetitionListed(competition_id=CompetitionId(31), name="NFL"),
    )


@pytest.mark.parametrize(("status", "active"), [("active", True), (None, True), ("suspended", False)])
def test_a_market_is_listed(status, active):
    info = {"id": 219, "sport_event_id": 18756, "name": "Moneyline", "status": status, "description": None}

    assert read("market", {"id": "18756", "info": info}) == (
        MarketListed(event_id=EventId(18756), market_id=MarketId(219), name="Moneyline", active=active),
    )


@pytest.mark.parametrize(
    ("op", "status", "active"), [("c", "active", True), ("d", "active", False), ("u", "suspended", False)]
)
def test_a_selection_is_listed(op, status, active):
    info = {"id": 5, "sport_event_id": 18756, "market_id": 223, "strike": -3.5, "strike_id": HOME, "name": "n"}

    assert read("market_strike", {"id": 5, "info": {**info, "status": status}}, op) == (
        SelectionListed(
            event_id=EventId(18756), market_id=MarketId(223), selection_id=SelectionId(HOME), name="n", active=active
        ),
    )


# --- the envelope ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b'{"change_type":"private_system_signal","op":"u","payload":"e30=","timestamp":1789000000123456789}',
        b'{"anything":',
        b"",
    ],
)
def test_a_heartbeat_is_heard_whatever_is_in_it(data):
    assert reader().read(PRIVATE, "health_check", data) == (HeartbeatReceived(),)


def test_a_heartbeat_under_another_event_name_is_heard_too():
    assert read("private_system_signal", {}) == (HeartbeatReceived(),)


@pytest.mark.parametrize("change_type", ["general", "selections", "", "ORDER"])
def test_a_change_of_an_unknown_type_is_counted_and_nothing_more(change_type):
    assert read(change_type, {"whatever": 1}) == (UnknownReceived(kind=change_type),)


def test_a_change_of_an_unknown_type_may_have_no_payload():
    assert reader().read(MAIN, "general", b'{"change_type":"general"}') == (UnknownReceived(kind="general"),)


@pytest.mark.parametrize(("channel", "private"), [(MAIN, False), (EVENT, False), (PRIVATE, True), ("unheard-of", True)])
def test_what_cannot_be_read_is_private_unless_the_channel_is_known_not_to_be(channel, private):
    [event] = reader().read(channel, "orders", b"{")

    assert event == MessageUnreadable(private=private, reason="orders: Envelope: Input data was truncated")


def test_a_payload_that_was_encoded_twice_is_read():
    twice = json.dumps(json.dumps({"info": ORDER})).encode()

    assert read("order", twice) == (REPORTED,)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.rstrip("="),
        lambda text: text[:40] + "\n" + text[40:],
        lambda text: text.replace("+", "-").replace("/", "_").rstrip("="),
    ],
)
def test_lenient_base64_is_read_and_counted(spoil):
    payload = {"info": {**ORDER, "user_id": "\u00ff\u00ff\u00fe>>>???~~~ü"}}
    raw = json.dumps(payload, ensure_ascii=False).encode()
    raw += b" " * (1 - len(raw) % 3 if len(raw) % 3 < 2 else 2)
    text = base64.b64encode(raw).decode()
    assert text.endswith("=")
    assert "/" in text or "+" in text
    strange = reader()

    events = strange.read(PRIVATE, "order", json.dumps({"change_type": "order", "payload": spoil(text)}).encode())

    assert events == (REPORTED,)
    assert strange.lenient == 1


def test_strict_base64_is_not_counted():
    strict = reader()

    strict.read(PRIVATE, "order", envelope("order", {"info": ORDER}))

    assert strict.lenient == 0


@pytest.mark.parametrize("payload", ['"!!!!"', '"e30=="e30"', '"é"', '"a"', "5", "null", "{}"])
def test_a_payload_that_is_not_base64_is_unreadable(payload):
    [event] = reader().read(PRIVATE, "order", f'{{"change_type":"order","payload":{payload}}}'.encode())

    assert isinstance(event, MessageUnreadable)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"info":null}',
        b"[" * 100_000,
        b'{"info":' * 100_000,
        b'{"info":{"extra":' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
        b'"' + b"\\" * 11 + b'"',
        b'"\\ud800"',
        b"\xff\xfe",
        b'{"info":{"order_id":"a1","price":' + b"1" * 5000 + b"}}",
        b'{"info":{"id":' + b"1" * 5000 + b"}}",
        b'{"info":{"order_id":"a1","quantity":1e999999999}}',
        b'{"info":{"order_id":"a1","quantity":1e9999999999999999999}}',
        b'{"info":{"order_id":"a1","quantity":-1e-999999999}}',
        b'{"sport_event_id":' + b"1" * 4999 + b',"market_id":1,"info":{"sequence_number":1,"selections":[[{}]]}}',
    ],
    ids=lambda payload: repr(payload[:40]),
)
@pytest.mark.parametrize("change_type", ["order", "market_selections", "matched_order", "sport_event", "tournament"])
@pytest.mark.parametrize("dialect", Dialect)
def test_a_payload_that_cannot_be_read_is_unreadable(change_type, payload, dialect):
    [event] = read(change_type, payload, dialect=dialect)

    assert isinstance(event, MessageUnreadable)


# --- whatever arrives --------------------------------------------------------------------------------------------

RECORDED = [
    ("order", {"info": ORDER}, "u"),
    ("market_selections", SELECTIONS, "u"),
    ("matched_order", MATCHED, "c"),
    ("sport_event", SPORT_EVENT, "c"),
    ("private_system_signal", {}, "u"),
]


@pytest.mark.parametrize(("change_type", "payload", "op"), RECORDED)
@pytest.mark.parametrize("dialect", Dialect)
def test_every_cut_of_a_frame_ends_in_events_or_in_a_remote_error(change_type, payload, op, dialect):
    session, push_reader = ClientSession(), reader(dialect)
    session.receive(pusher.frame(pusher.ESTABLISHED, {"socket_id": "1.2"}))
    whole = pusher.push(PRIVATE, change_type, envelope(change_type, payload, op))

    for end in range(len(whole) + 1):
        try:
            delivered = session.receive(whole[:end])
        except RemoteProtocolError:
            assert end < len(whole)
            continue
        assert end == len(whole)
        assert isinstance(delivered, Delivered)
        assert push_reader.read(delivered.channel, delivered.event, delivered.data)


@pytest.mark.parametrize(("change_type", "payload", "op"), RECORDED[:4])
@pytest.mark.parametrize("dialect", Dialect)
def test_every_cut_of_a_payload_is_unreadable(change_type, payload, op, dialect):
    words = legacy(payload) if dialect is Dialect.LEGACY else payload
    raw = json.dumps(words).encode()

    assert not isinstance(read(change_type, raw, op, dialect)[0], MessageUnreadable)
    for end in range(len(raw)):
        [event] = read(change_type, raw[:end], op, dialect)
        assert isinstance(event, MessageUnreadable)


@pytest.mark.parametrize(("change_type", "payload", "op"), RECORDED[:4])
def test_every_cut_of_an_envelope_is_unreadable(change_type, payload, op):
    data = envelope(change_type, payload, op)

    for end in range(len(data)):
        [event] = reader().read(PRIVATE, change_type, data[:end])
        assert isinstance(event, MessageUnreadable)


change_types = st.sampled_from(
    [*wire.CHANGE_TYPE_ALIASES, *wire.V4_CHANGE_TYPES, "sport_event", "market", "tournament"]
)
json_trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(st.sampled_from(["info", "id", "selections", *ORDER, *legacy(ORDER)]), children, max_size=4)
    ),
    max_leaves=10,
)


def is_told(events: tuple[VenueEvent, ...]) -> bool:
    return len(events) == 1 and isinstance(events[0], VenueEvent)


@given(st.sampled_from(Dialect), change_types, json_trees)
def test_an_arbitrary_payload_is_read_or_unreadable(dialect, change_type, payload):
    assert is_told(read(change_type, payload, dialect=dialect))


@given(st.sampled_from(Dialect), change_types, st.binary(max_size=100))
def test_arbitrary_bytes_as_payload_are_read_or_unreadable(dialect, change_type, payload):
    assert is_told(read(change_type, payload, dialect=dialect))


@given(st.sampled_from(Dialect), st.one_of(st.binary(), json_trees.map(lambda tree: json.dumps(tree).encode())))
def test_arbitrary_data_is_read_or_unreadable(dialect, data):
    assert is_told(reader(dialect).read(PRIVATE, "orders", data))


spoiled = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5), st.just([]), st.just({})
)


@given(st.sampled_from(Dialect), st.sampled_from(RECORDED[:3]), st.data())
def test_a_recorded_message_with_one_field_spoiled_is_read_or_unreadable(dialect, recorded, data):
    change_type, payload, op = recorded
    name = data.draw(st.sampled_from(sorted(payload["info"])))
    body = {**payload, "info": {**payload["info"], name: data.draw(spoiled)}}

    assert is_told(read(change_type, legacy(body) if dialect is Dialect.LEGACY else body, op, dialect))


# --- recorded pushes ---------------------------------------------------------------------------------------------


@pytest.mark.skipif(not SHARED.exists(), reason="the recorded pushes are not here")
def test_the_recorded_pushes_list_four_selections_twice():
    lines = (SHARED / "prophetx-market-line-pushes.jsonl").read_text().splitlines()
    recorded = [json.loads(line) for line in lines]

    events = [
        event
        for each in recorded
        for event in reader(Dialect.LEGACY).read(
            MAIN, "tournament_109", envelope(each["change_type"], each["payload"], "c")
        )
    ]

    listed = [
        SelectionListed(
            event_id=EventId(10076596),
            market_id=MarketId(market_id),
            selection_id=SelectionId(selection_id),
            name=name,
            active=True,
        )
        for market_id, selection_id, name in (
            (256, "0f6a50fe2114283c9f8acc799b8b1f2e", "Fixed home -3.5"),
            (256, "b8137d775df46ff34db066a9a0edbdb2", "Fixed away 3.5"),
            (258, "57a10083c3691286c03cfc7b6dd32f64", "Fixed total 5.5"),
            (258, "dff0e536e4e052869b950a9efa91e98e", "Fixed total 5.5"),
        )
    ]
    assert events == listed * 2
