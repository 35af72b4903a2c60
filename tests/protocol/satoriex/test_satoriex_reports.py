import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.commands import PlaceOrder
from protocol.errors import Policy, RemoteProtocolError, VenueError
from protocol.events import OrderReported, OrderStatus
from protocol.ids import ClientOrderId, VenueOrderId
from protocol.prices import Probability
from protocol.satoriex import reports
from protocol.satoriex.names import book_key, buying, selling
from protocol.venue import Response

PENDING, OPEN, FILLED, CANCELLED = OrderStatus.PENDING, OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.CANCELLED
KEY = book_key("mkt_abc123", "out_yes")
ROW = {
    "id": "ord_1",
    "market_id": "mkt_abc123",
    "outcome_id": "out_yes",
    "side": 1,
    "price": 4200,
    "quantity": 10,
    "status": "open",
}
REPORT = OrderReported(
    venue_order_id=VenueOrderId("ord_1"),
    client_order_id=None,
    key=KEY,
    selection_id=buying(KEY),
    price=Probability(4200),
    size=10,
    filled=0,
    status=OPEN,
)
ASKED = PlaceOrder(
    client_order_id=ClientOrderId("x-1"), key=KEY, selection_id=selling(KEY), price=Probability(5800), size=10
)
MOMENT_NS = 1_757_671_200_123_000_000


def yes(data: object, status: int = 200) -> Response:
    return Response(status=status, body=json.dumps({"code": 0, "msg": "ok", "data": data}).encode())


def row(**fields: object) -> dict[str, object]:
    return {name: value for name, value in (ROW | fields).items() if value is not ...}


def read(**fields: object) -> OrderReported:
    return reports.order(VenueOrderId("ord_1"), yes(row(**fields)))


# --- orders ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        ROW,
        row(id=..., order_id="ord_1"),
        row(id=None, order_id="ord_1"),
        row(id="", order_id="ord_1"),
        row(order_id="ord_2"),  # `id` comes first
        {"order": ROW},
        row(user_id=7, avg_price=42.5, filled_quantity=None, remaining=None, trades=[]),
        row(order=None),
    ],
)
def test_an_order_under_each_of_its_names(data):
    assert reports.order(VenueOrderId("ord_1"), yes(data)) == REPORT


def test_an_id_may_be_a_number():
    report = reports.order(VenueOrderId("7"), yes(row(id=7)))

    assert report.venue_order_id == "7"


def test_a_sale_is_an_order_on_the_other_side():
    report = read(side=2)

    assert (report.selection_id, report.price) == (selling(KEY), Probability(5800))


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("pending", PENDING),
        ("open", OPEN),
        ("partial", OPEN),
        ("cancelled", CANCELLED),
        ("canceled", CANCELLED),
        ("OPEN", OPEN),
        (1, PENDING),
        (2, OPEN),
        (3, OPEN),
        (5, CANCELLED),
        (0, None),
        (6, None),
        ("rejected", None),
        ("", None),
        (None, None),
        (..., None),
    ],
)
def test_every_status(status, expected):
    assert read(status=status).status is expected


@pytest.mark.parametrize("status", ["filled", "Filled", 4])
def test_a_filled_order_is_filled(status):
    report = read(status=status)

    assert (report.status, report.filled) == (FILLED, 10)


@pytest.mark.parametrize(
    ("fields", "filled"),
    [
        ({}, 0),
        ({"filled_quantity": 3}, 3),
        ({"filled": 3}, 3),
        ({"filled_qty": 3}, 3),
        ({"filled_quantity": None, "filled_qty": 3}, 3),
        ({"remaining_quantity": 7}, 3),
        ({"remaining": 7}, 3),
        ({"remaining_qty": 7}, 3),
        ({"filled": 3, "remaining": 0}, 3),  # what is cancelled remains no more
        ({"filled": 0, "remaining": 10}, 0),
        ({"status": "partial", "filled": 9}, 9),
        ({"status": "pending", "filled": 10}, 10),  # the status lags
        ({"status": "cancelled"}, 0),
        ({"status": "cancelled", "filled_qty": 3}, 3),
        ({"status": "cancelled", "remaining": 7}, 3),
        ({"status": "cancelled", "filled": 10, "remaining": 0}, 10),
        ({"status": "filled", "filled": 10}, 10),
        ({"status": "filled", "remaining": 0}, 10),
        ({"status": "strange", "filled": 2}, 2),
        ({"status": "strange"}, 0),
    ],
)
def test_how_much_is_filled(fields, filled):
    assert read(**fields).filled == filled


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"filled": -1}, "order ord_1: -1 filled of 10"),
        ({"filled": 11}, "order ord_1: 11 filled of 10"),
        ({"remaining": 11}, "order ord_1: -1 filled of 10"),
        ({"remaining": -1}, "order ord_1: 11 filled of 10"),
        ({"status": "filled", "filled": 9}, "order ord_1: called filled, with 9 of 10"),
        ({"status": 4, "remaining": 1}, "order ord_1: called filled, with 9 of 10"),
        ({"status": "cancelled", "remaining": 0}, "order ord_1: cancelled, with nothing remaining"),
        ({"filled": 3.0}, r"got `float` - at `\$.filled`"),
        ({"filled_quantity": "3"}, r"at `\$.filled_quantity`"),
        ({"quantity": 0}, r"order ord_1\.quantity: 0"),
        ({"quantity": -5}, r"order ord_1\.quantity: -5"),
        ({"quantity": 10.5}, r"at `\$.quantity`"),
        ({"price": 0}, r"order ord_1\.price: 0 basis points"),
        ({"price": 10_000}, r"order ord_1\.price: 10000 basis points"),
        ({"price": 0.42}, r"got `float` - at `\$.price`"),
        ({"price": 4200.0}, r"got `float` - at `\$.price`"),
        ({"side": 0}, r"order ord_1\.side: 0"),
        ({"side": "buy"}, r"at `\$.side`"),
        ({"side": True}, r"at `\$.side`"),
        ({"status": 1.5}, r"at `\$.status`"),
        ({"market_id": 7}, r"at `\$.market_id`"),
        ({"outcome_id": ...}, "missing required field `outcome_id`"),
        ({"id": ...}, "order: none of id, order_id"),
        ({"id": "ord_2"}, "order ord_1: answered with ord_2"),
    ],
)
def test_an_order_that_cannot_be_read(fields, reason):
    with pytest.raises(RemoteProtocolError, match=reason):
        read(**fields)


@pytest.mark.parametrize("data", [None, [], "ord_1", {}, {"order": {}}, [ROW]])
def test_what_is_not_an_order(data):
    with pytest.raises(RemoteProtocolError):
        reports.order(VenueOrderId("ord_1"), yes(data))


def test_a_page_of_orders_proves_no_age():
    page = reports.order_page(1, yes({"items": [ROW, row(id="ord_2")], "page": 1, "size": 2, "total": 3}))

    assert [each.venue_order_id for each in page.orders] == ["ord_1", "ord_2"]
    assert (page.next_cursor, page.synced_at_ns) == ("2", None)


# --- moments -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "moment_ns"),
    [
        ("2025-09-12T10:00:00.123Z", MOMENT_NS),
        ("2025-09-12T12:00:00.123+02:00", MOMENT_NS),
        ("2025-09-12T10:00:00.123000456Z", MOMENT_NS),  # Go writes nanoseconds
        ("2025-09-12T10:00:00.123", MOMENT_NS),
        (1_757_671_200, MOMENT_NS - 123_000_000),
        (1_757_671_200_123, MOMENT_NS),
        (1_757_671_200.123, MOMENT_NS),
        ("0001-01-01T00:00:00Z", None),
        ("1970-01-01T00:00:00Z", None),
        (0, None),
        (-1, None),
        (10**14, None),
        (True, None),
        ("yesterday", None),
        ("", None),
        (None, None),
        ({}, None),
    ],
)
def test_a_moment_in_each_of_its_forms(value, moment_ns):
    assert read(created_at=value).created_at_ns == moment_ns


@given(value=st.text() | st.integers() | st.datetimes().map(str) | st.datetimes(timezones=st.timezones()).map(str))
def test_no_moment_is_an_error(value):
    moment_ns = reports.moment_ns(value)

    assert moment_ns is None or moment_ns > 0


# --- placing -----------------------------------------------------------------------------------------------------

PLACED = OrderReported(
    venue_order_id=VenueOrderId("ord_1"),
    client_order_id=None,
    key=KEY,
    selection_id=selling(KEY),
    price=Probability(5800),
    size=10,
    filled=0,
    status=PENDING,
)


@pytest.mark.parametrize(
    "data",
    [
        {"id": "ord_1", "trades": []},
        {"order_id": "ord_1"},
        {"order": {"id": "ord_1"}, "trades": []},
        {"order": {"order_id": "ord_1", "status": "pending"}},
        {"order": None, "order_id": "ord_1"},
        {"order": {}, "id": "ord_1"},
        {"id": "ord_1", "status": "open"},
        {"id": "ord_1", "status": "filled", "filled_quantity": 10, "trades": [{"price": 4200, "quantity": 10}]},
        {"id": "ord_1", "status": ["odd"], "price": 0.42, "quantity": -1, "side": "sell"},
        ROW,
    ],
)
def test_a_fill_is_never_read_out_of_a_202(data):
    assert reports.placed(ASKED, yes(data, 202)) == PLACED


@pytest.mark.parametrize("status", ["cancelled", "canceled", 5])
def test_an_order_can_be_cancelled_in_the_202(status):
    for data in ({"id": "ord_1", "status": status}, {"order": {"id": "ord_1", "status": status}}):
        assert reports.placed(ASKED, yes(data, 202)).status is CANCELLED


def test_the_202_may_say_when():
    report = reports.placed(ASKED, yes({"id": 7, "created_at": "2025-09-12T10:00:00.123Z"}, 202))

    assert (report.venue_order_id, report.created_at_ns) == ("7", MOMENT_NS)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"code": 0, "data": {"trades": []}}', "no_order_id"),
        (b'{"code": 0, "data": {"id": ""}}', "no_order_id"),
        (b'{"code": 0, "data": {"id": null, "order_id": 1.5}}', "no_order_id"),
        (b'{"code": 0, "data": {"order": {}}}', "no_order_id"),
        (b'{"code": 0, "data": "ord_1"}', "no_order_id"),
        (b'{"code": 0, "data": ["ord_1"]}', "no_order_id"),
        (b'{"code": 0, "data": null}', "no_order_id"),
        (b'{"code": 0}', "no_order_id"),
        (b'{"id": "ord_1"}', "unreadable"),
        (b"[]", "unreadable"),
        (b"<html></html>", "not_json"),
        (b"", "not_json"),
    ],
)
def test_a_202_without_an_id_leaves_the_outcome_unknown(body, code):
    with pytest.raises(VenueError) as caught:
        reports.placed(ASKED, Response(status=202, body=body))

    assert (caught.value.code, caught.value.status, caught.value.policy) == (code, 202, Policy.OUTCOME_UNKNOWN)


@given(
    body=st.binary()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["id", "order_id", "order", "status", "created_at"]), inner, max_size=4)
        ),
    ).map(lambda data: json.dumps({"code": 0, "data": data}).encode())
)
def test_whatever_a_2xx_says_the_order_is_placed_or_unknown(body):
    try:
        result: OrderReported | VenueError = reports.placed(ASKED, Response(status=202, body=body))
    except VenueError as error:
        result = error

    if isinstance(result, VenueError):
        assert result.policy is Policy.OUTCOME_UNKNOWN
    else:
        assert (result.filled, result.size, result.selection_id) == (0, 10, selling(KEY))
        assert result.status in (PENDING, CANCELLED)


# --- cancelling --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [None, {}, [], {"message": "cancel requested"}, {"order": None}, {"order": {}}])
def test_a_plain_yes_to_a_cancel(data):
    assert reports.cancelled(VenueOrderId("ord_1"), yes(data, 202)) is None


@pytest.mark.parametrize("nested", [False, True])
def test_a_cancel_answers_with_the_whole_order(nested):
    data = row(status="cancelled", filled_quantity=3)

    report = reports.cancelled(VenueOrderId("ord_1"), yes({"order": data} if nested else data, 202))

    assert isinstance(report, OrderReported)
    assert (report.status, report.filled) == (CANCELLED, 3)


@pytest.mark.parametrize("data", [{"id": "ord_1"}, row(id="ord_2"), row(price=0)])
def test_a_cancel_that_answers_with_something_else(data):
    with pytest.raises(RemoteProtocolError):
        reports.cancelled(VenueOrderId("ord_1"), yes(data, 202))


@pytest.mark.parametrize("status", [404, 409])
def test_only_the_order_itself_tells_why_it_was_not_cancelled(status):
    response = Response(status=status, body=b'{"code": 99035, "msg": "order filled", "data": null}')

    with pytest.raises(VenueError) as caught:
        reports.cancelled(VenueOrderId("ord_1"), response)

    assert caught.value.policy is Policy.ALREADY_GONE
