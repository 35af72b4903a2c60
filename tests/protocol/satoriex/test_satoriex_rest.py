import json
from urllib.parse import parse_qsl, urlsplit

import attrs
import pytest

from protocol.commands import CancelOrder, PlaceOrder, TimeInForce
from protocol.errors import LocalProtocolError, Policy, RemoteProtocolError, VenueError
from protocol.events import OrderReported, OrderStatus
from protocol.ids import ClientOrderId, EventId, SelectionId, VenueOrderId
from protocol.odds import Odds
from protocol.prices import Probability
from protocol.satoriex.names import book_key, buying, selling
from protocol.satoriex.rest import SatoriExRest
from protocol.venue import Call, Credentials, Lane, Response, Rest, Show, Window

REST = SatoriExRest()
KEY = book_key("mkt_abc123", "out_yes")
ODD = book_key("mkt/1?", "out #2")
ORDER = PlaceOrder(
    client_order_id=ClientOrderId("x-1"), key=KEY, selection_id=buying(KEY), price=Probability(4200), size=7
)
CANCEL = CancelOrder(client_order_id=ClientOrderId("x-1"), venue_order_id=VenueOrderId("ord/1"))
MARKETS = [EventId("mkt_a"), EventId("mkt_b"), EventId("mkt_c")]
PAGE_ONE = {"page": "1", "size": "50"}
SECRET = "hunter2"


def yes(data: object, status: int = 200) -> Response:
    return Response(status=status, body=json.dumps({"code": 0, "data": data}).encode())


def asked(call: Call[object]) -> tuple[str, str, dict[str, str], object]:
    parts = urlsplit(call.request.path)
    body = None if call.request.body is None else json.loads(call.request.body)
    return call.request.method, parts.path, dict(parse_qsl(parts.query)), body


@pytest.mark.parametrize(
    ("call", "name", "request_"),
    [
        (
            REST.log_in(Credentials(user="me@example.com", secret="p")),
            "login",
            ("POST", "/auth/login", {}, {"email": "me@example.com", "password": "p"}),
        ),
        (REST.refresh("r"), "refresh", ("POST", "/auth/refresh", {}, {"refresh_token": "r"})),
        (REST.events(), "events", ("GET", "/markets", PAGE_ONE, None)),
        (REST.events(cursor="3"), "events", ("GET", "/markets", {"page": "3", "size": "50"}, None)),
        (REST.events(event_ids=[ODD.event_id]), "event", ("GET", "/markets/mkt%2F1%3F", {}, None)),
        (REST.book(KEY), "book", ("GET", "/orderbook/mkt_abc123/out_yes", {}, None)),
        (REST.book(ODD), "book", ("GET", "/orderbook/mkt%2F1%3F/out%20%232", {}, None)),
        (REST.balance(), "balance", ("GET", "/wallet/balance", {}, None)),
        (REST.holdings(), "holdings", ("GET", "/me/positions", {}, None)),
        (REST.results(), "results", ("GET", "/oracle/settled", PAGE_ONE, None)),
        (REST.order(VenueOrderId("ord/1")), "order", ("GET", "/orders/ord%2F1", {}, None)),
        (REST.history(0, 9), "history", ("GET", "/orders", PAGE_ONE, None)),
        (
            REST.history(0, 9, "2", by=Window.UPDATED, show=Show.PARTIAL),
            "history",
            ("GET", "/orders", {"page": "2", "size": "50"}, None),
        ),
    ],
)
def test_what_is_read(call, name, request_):
    assert asked(call) == request_
    assert (call.name, call.lane, call.timeout_s) == (name, Lane.READING, 8.0)
    assert call.request.authorised == (name not in ("login", "refresh"))


@pytest.mark.parametrize(
    ("selection_id", "price_bp", "side", "wire_bp"),
    [(buying(KEY), 4200, 1, 4200), (selling(KEY), 4200, 2, 5800), (selling(KEY), 9999, 2, 1)],
)
def test_an_order_is_five_fields(selection_id, price_bp, side, wire_bp):
    order = attrs.evolve(ORDER, selection_id=selection_id, price=Probability(price_bp))

    call = REST.place([order])

    body = {"market_id": "mkt_abc123", "outcome_id": "out_yes", "side": side, "price": wire_bp, "quantity": 7}
    assert asked(call) == ("POST", "/orders", {}, body)
    assert all(type(body[name]) is int for name in ("side", "price", "quantity"))
    assert (call.name, call.lane, call.timeout_s, call.request.authorised) == ("place", Lane.PLACING, 5.0, True)
    assert call.request.headers == {"content-type": "application/json"}


@pytest.mark.parametrize("time_in_force", TimeInForce)
def test_the_venue_knows_no_time_in_force(time_in_force):
    order = attrs.evolve(ORDER, time_in_force=time_in_force)

    assert REST.place([order]).request == REST.place([ORDER]).request


def test_a_cancel_names_the_order_in_its_path():
    call = REST.cancel_orders([CANCEL])

    assert asked(call) == ("POST", "/orders/ord%2F1/cancel", {}, {})
    assert (call.name, call.lane, call.timeout_s, call.request.authorised) == ("cancel", Lane.CANCELLING, 5.0, True)


def test_a_placed_order_waits_for_the_matcher():
    (report,) = REST.place([ORDER]).read(yes({"id": "ord_1", "trades": []}, 202))

    assert isinstance(report, OrderReported)
    assert (report.venue_order_id, report.status, report.filled, report.size) == ("ord_1", OrderStatus.PENDING, 0, 7)


def test_a_cancelled_order():
    assert REST.cancel_orders([CANCEL]).read(yes(None, 202)) == (None,)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"price": Odds(120)}, "not a probability"),
        ({"selection_id": SelectionId("other")}, "not a selection of"),
        ({"size": 0}, "0 shares, expected at least 1"),
        ({"size": -1}, "-1 shares"),
    ],
)
def test_an_order_that_the_venue_cannot_take_is_not_sent(change, reason):
    with pytest.raises(LocalProtocolError, match=reason):
        REST.place([attrs.evolve(ORDER, **change)])


@pytest.mark.parametrize("count", [0, 2])
def test_orders_go_one_by_one(count):
    with pytest.raises(LocalProtocolError, match=f"{count} orders in one request, expected 1"):
        REST.place([ORDER] * count)
    with pytest.raises(LocalProtocolError, match=f"{count} orders in one request, expected 1"):
        REST.cancel_orders([CANCEL] * count)


def test_named_markets_are_read_one_a_call():
    cursor, paths = "", []
    while True:
        call = REST.events(event_ids=MARKETS, cursor=cursor)
        market_id = call.request.path.removeprefix("/markets/")
        page = call.read(yes({"id": market_id, "status": "active"}))
        paths.append((cursor, call.request.path, [each.event_id for each in page.events]))
        cursor = page.next_cursor
        if not cursor:
            break

    assert paths == [
        ("", "/markets/mkt_a", ["mkt_a"]),
        ("1", "/markets/mkt_b", ["mkt_b"]),
        ("2", "/markets/mkt_c", ["mkt_c"]),
    ]


def test_pages_follow_each_other():
    rows = [{"id": f"mkt_{index}"} for index in range(50)]

    second = REST.events().read(yes({"items": rows, "page": 1, "size": 50, "total": 51})).next_cursor
    page = REST.events(cursor=second).read(yes({"items": rows[:1], "page": 2, "size": 50, "total": 51}))

    assert (second, page.next_cursor) == ("2", "")


def test_every_reading_reads():
    level = {"bids": [[4000, 1]], "asks": []}
    row = {"id": "o", "market_id": "m", "outcome_id": "y", "side": 1, "price": 1, "quantity": 1, "status": 2}

    (book,) = REST.book(KEY).read(yes(level))

    assert book.key == KEY
    assert REST.balance().read(yes({"available": 1})).free_micro == 1_000_000
    assert REST.holdings().read(yes([])) == ()
    assert REST.results().read(yes([])) == ()
    assert REST.order(VenueOrderId("o")).read(yes(row)).status is OrderStatus.OPEN
    assert len(REST.history(0, 9).read(yes([row])).orders) == 1
    assert (
        REST.log_in(Credentials(user="u", secret="s"))
        .read(yes({"access_token": "a", "refresh_token": "r"}))
        .access_token
        == "a"
    )
    assert REST.refresh("r").read(yes({"access_token": "b"})).access_token == "b"


def test_what_the_venue_does_not_have():
    rest: Rest = REST

    assert rest.competitions() is None
    assert rest.ladder() is None
    assert rest.cancel_all() is None
    assert rest.fills([VenueOrderId("ord_1")]) is None
    assert rest.connection_config() is None
    with pytest.raises(LocalProtocolError, match="one by one"):
        rest.markets(MARKETS)


READS = [
    REST.events(),
    REST.events(event_ids=MARKETS),
    REST.book(KEY),
    REST.balance(),
    REST.holdings(),
    REST.results(),
    REST.order(VenueOrderId("ord_1")),
    REST.history(0, 9),
    REST.refresh("r"),
]


@pytest.mark.parametrize("call", READS, ids=lambda call: call.name)
def test_a_page_of_html_is_a_failed_reading(call):
    with pytest.raises(VenueError) as caught:
        call.read(Response(status=200, body=b"<html>Just a moment...</html>"))

    assert (caught.value.code, caught.value.policy) == ("not_json", Policy.OUTCOME_UNKNOWN)


@pytest.mark.parametrize("rows", [[7], {"items": [7]}])
def test_an_order_of_another_shape_is_counted_and_hides_no_other(rows):
    page = REST.history(0, 9).read(yes(rows))

    assert (page.orders, page.unreadable) == ((), 1)


LISTS = {"history"}  # read row by row


@pytest.mark.parametrize(
    ("call", "data"),
    [
        pytest.param(call, data, id=f"{call.name}-{data}")
        for call in READS
        for data in (7, "text", [7], {"items": [7]})
        if call.name not in LISTS or data in (7, "text")
    ],
)
def test_an_answer_of_another_shape_is_unreadable(call, data):
    with pytest.raises(RemoteProtocolError):
        call.read(yes(data))


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_login_is_final(status):
    with pytest.raises(VenueError) as caught:
        REST.log_in(Credentials(user="u", secret="s")).read(Response(status=status, body=b'{"code": 99002}'))

    assert caught.value.policy is Policy.TERMINAL


def test_no_call_shows_a_secret():
    calls = [REST.log_in(Credentials(user=SECRET, secret=SECRET)), REST.refresh(SECRET)]

    assert not [call for call in calls if SECRET in f"{call!r}{call}{call.request!r}{call.request.path}"]
