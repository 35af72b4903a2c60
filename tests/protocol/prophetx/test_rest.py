import contextlib
import gzip
import json
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.commands import CancelAll, CancelEvent, CancelMarket, CancelOrder, PlaceOrder, TimeInForce
from protocol.errors import LocalProtocolError, Policy, RemoteProtocolError, VenueError
from protocol.events import (
    BookReplaced,
    CompetitionListed,
    EventListed,
    EventStatus,
    Fill,
    Level,
    OrderReported,
    OrderStatus,
    SelectionListed,
    Side,
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
from protocol.money import micro
from protocol.odds import Odds, OddsLadder, generate_ladder
from protocol.prophetx.rest import ProphetXRest
from protocol.prophetx.wire import Dialect
from protocol.venue import (
    AccessToken,
    Balance,
    Call,
    Channel,
    ConnectionConfig,
    Credentials,
    EventPage,
    FillPage,
    Lane,
    OrderPage,
    Registration,
    Response,
    Show,
    Tokens,
    Transaction,
    TransactionPage,
    Wanted,
    Window,
)

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared" / "data"
V4, LEGACY = ProphetXRest(Dialect.V4), ProphetXRest(Dialect.LEGACY)
KEY = BookKey(EventId(18756), MarketId(219), Strike(0))
HOME = SelectionId("e5957d9c37e2704d02292333ba970a5f")
SYNCED_NS = 1_757_671_200_000_000_000


def place_order(name: str, **changes: object) -> PlaceOrder:
    known = PlaceOrder(client_order_id=ClientOrderId(name), key=KEY, selection_id=HOME, price=Odds(146), size=1050)
    return attrs.evolve(known, **changes)


def cancel_order(name: str) -> CancelOrder:
    return CancelOrder(client_order_id=ClientOrderId(f"x-{name}"), venue_order_id=VenueOrderId(name))


def answer(body: object, status: int = 200, **headers: str) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status=status, body=raw, headers=headers)


def asked(call: Call[object]) -> tuple[str, str, dict[str, str], object]:
    """Return the method, the path, the query and the body of a call."""
    parts = urlsplit(call.request.path)
    body = None if call.request.body is None else json.loads(call.request.body)
    return call.request.method, parts.path, dict(parse_qsl(parts.query, strict_parsing=bool(parts.query))), body


def said(result: object) -> object:
    """Return what a result says: as exceptions, two refusals are never equal."""
    return attrs.asdict(result) if isinstance(result, VenueError) else result


def refused(code: str, policy: Policy, message: str = "", status: int = 0) -> object:
    return said(VenueError(code=code, message=message, status=status, policy=policy))


V4_ROW = {
    "order_id": "a1",
    "external_id": "x-1",
    "sport_event_id": 18756,
    "market_id": 219,
    "outcome_id": 4,
    "strike": 0,
    "strike_id": HOME,
    "price": 146,
    "quantity": 10.5,
    "filled_quantity": 3,
    "open_quantity": 7.5,
    "matching_status": "partially_matched",
    "winning_status": "tbd",
    "status": "open",
}
LEGACY_ROW = {
    "wager_id": "a1",
    "external_id": "x-1",
    "sport_event_id": 18756,
    "market_id": 219,
    "outcome_id": 4,
    "line": 0,
    "line_id": HOME,
    "odds": 146,
    "stake": 10.5,
    "matched_stake": 3,
    "unmatched_stake": 7.5,
    "matching_status": "partially_matched",
    "winning_status": "tbd",
    "status": "open",
}
REPORTED = OrderReported(
    venue_order_id=VenueOrderId("a1"),
    client_order_id=ClientOrderId("x-1"),
    key=KEY,
    selection_id=HOME,
    price=Odds(146),
    size=1050,
    filled=300,
    status=OrderStatus.OPEN,
)
ROWS = pytest.mark.parametrize(
    ("rest", "row", "words"),
    [
        (V4, V4_ROW, {"one": "order", "many": "orders", "placed": "succeed_orders", "failed": "failed_orders"}),
        (LEGACY, LEGACY_ROW, {"one": "wager", "many": "wagers", "placed": "succeed_wagers", "failed": "failed_wagers"}),
    ],
    ids=["v4", "legacy"],
)
BOTH = pytest.mark.parametrize("rest", [V4, LEGACY], ids=["v4", "legacy"])

CALLS = [
    lambda rest: rest.log_in(Credentials(user="a", secret="s")),
    lambda rest: rest.refresh("r"),
    lambda rest: rest.connection_config(),
    lambda rest: rest.register("1.2", Wanted()),
    lambda rest: rest.competitions(),
    lambda rest: rest.events(),
    lambda rest: rest.markets([EventId(1)]),
    lambda rest: rest.ladder(),
    lambda rest: rest.balance(),
    lambda rest: rest.place([place_order("x-1")]),
    lambda rest: rest.place([place_order("x-1"), place_order("x-2")]),
    lambda rest: rest.cancel_orders([cancel_order("a1")]),
    lambda rest: rest.cancel_orders([cancel_order("a1"), cancel_order("a2")]),
    lambda rest: rest.cancel(CancelAll()),
    lambda rest: rest.order(VenueOrderId("a1")),
    lambda rest: rest.history(1, 2),
    lambda rest: rest.fills([VenueOrderId("a1")]),
]


# --- sessions ----------------------------------------------------------------------------------------------------


@BOTH
def test_a_login_sends_the_keys_without_a_token_and_brings_two(rest):
    call = rest.log_in(Credentials(user="a", secret="s"))

    assert asked(call) == ("POST", "/auth/login", {}, {"access_key": "a", "secret_key": "s"})
    assert (call.request.authorised, call.request.headers) == (False, {"content-type": "application/json"})
    body = {"access_token": "t", "access_expire_time": 100, "refresh_token": "r", "refresh_expire_time": 200}
    assert call.read(answer({"data": body})) == Tokens(
        access_token="t", access_expires_s=100, refresh_token="r", refresh_expires_s=200
    )


@pytest.mark.parametrize("missing", ["access_token", "access_expire_time", "refresh_token", "refresh_expire_time"])
def test_a_login_without_one_of_its_parts_is_the_venues_fault(missing):
    body = {"access_token": "t", "access_expire_time": 100, "refresh_token": "r", "refresh_expire_time": 200}
    del body[missing]

    with pytest.raises(RemoteProtocolError):
        V4.log_in(Credentials(user="a", secret="s")).read(answer({"data": body}))


@pytest.mark.parametrize("renewed", [None, "r2"])
@BOTH
def test_a_refresh_brings_an_access_token_and_perhaps_more(rest, renewed):
    call = rest.refresh("r")

    assert asked(call) == ("POST", "/auth/refresh", {}, {"refresh_token": "r"})
    assert call.request.authorised is False
    body = {"access_token": "t", "access_expire_time": 100} | ({"refresh_token": renewed} if renewed else {})
    assert call.read(answer({"data": body})) == AccessToken(
        access_token="t", access_expires_s=100, refresh_token=renewed
    )


def test_bad_keys_are_refused_in_the_captured_words():
    call = V4.log_in(Credentials(user="a", secret="s"))

    with pytest.raises(VenueError) as refusal:
        call.read(answer({"error": "unauthorized", "message": "Unauthorized"}, 401))

    assert said(refusal.value) == refused("unauthorized", Policy.REAUTHENTICATE, "Unauthorized", 401)


@pytest.mark.parametrize(
    ("body", "config"),
    [
        (
            {"app_id": "1", "key": "k", "cluster": "mt1", "ws_host": "ws.sandbox.prophetx.dev", "service": "pusher"},
            ConnectionConfig(key="k", cluster="mt1", host="ws.sandbox.prophetx.dev", service="pusher", app_id="1"),
        ),
        ({"key": "k", "cluster": "mt1"}, ConnectionConfig(key="k", cluster="mt1", service="pusher")),
        ({"key": "k", "ws_host": None}, ConnectionConfig(key="k", service="pusher")),
    ],
)
@BOTH
def test_the_connection_configuration_is_flat(rest, body, config):
    call = rest.connection_config()

    assert asked(call) == ("GET", "/websocket/connection-config", {}, None)
    assert call.request.authorised is True
    assert call.read(answer(body)) == config


WANTED = Wanted(
    competitions=(CompetitionId(109),),
    events=(EventId(18756), EventId(18757)),
    sub_kinds=((EventId(18756), "player_total_hits"),),
)


def test_a_registration_names_the_full_wanted_set():
    call = V4.register("1.2", WANTED)

    assert asked(call) == (
        "POST",
        "/v4/mm/websocket",
        {},
        {
            "socket_id": "1.2",
            "service": "pusher",
            "subscriptions": [
                {"type": "tournament", "ids": ["109"]},
                {"type": "event", "ids": ["18756", "18757"]},
                {"type": "event_subtype", "ids": ["18756:player_total_hits"]},
            ],
        },
    )
    assert call.timeout_s == 30


def test_a_registration_that_wants_nothing_hears_the_private_channel():
    assert asked(V4.register("1.2", Wanted()))[3] == {"socket_id": "1.2", "service": "pusher", "subscriptions": []}


@pytest.mark.parametrize(("wanted", "ids"), [(WANTED, ["109"]), (Wanted(), [])])
def test_a_legacy_registration_puts_the_wanted_competitions_in_a_header(wanted, ids):
    call = LEGACY.register("1.2", wanted)

    assert asked(call) == ("POST", "/mm/pusher", {}, {"socket_id": "1.2", "service": "pusher"})
    assert json.loads(call.request.headers["header-subscriptions"]) == [{"type": "tournament", "ids": ids}]


@BOTH
def test_a_registration_brings_the_channels_and_what_they_are_for(rest):
    main = "private-broadcast-service=6-device_type=5"
    body = {
        "auth": "k:x",
        "data": {
            "success": True,
            "status": "CONNECTED",
            "updated_at": 1789000000,
            "subscriptions": [{"type": "event", "ids": ["18756"]}],
            "authorized_channel": [
                {
                    "channel_name": main,
                    "auth": "k:1",
                    "binding_events": [{"name": "tournament_109", "type": "tournament"}],
                },
                {
                    "channel_name": f"{main}-event=18756",
                    "auth": "k:2",
                    "binding_events": [{"name": "market_selections", "type": "market_selections"}],
                    "scope": {"event_id": 18756},
                },
                {
                    "channel_name": f"{main}-event=18756-subtype=player_total_hits",
                    "auth": "k:3",
                    "binding_events": None,
                    "scope": {"event_id": 18756, "sub_type": "player_total_hits"},
                },
                {
                    "channel_name": "private-service=6-device_type=5-user=7",
                    "auth": "k:4",
                    "binding_events": [{"name": "signals", "type": "private_system_signal"}],
                    "scope": None,
                },
            ],
            "channel_count": 4,
            "channel_limit": 400,
            "authenticated": {"auth": "k:5", "user_data": '{"id":"7"}'},
            "rejected": [{"type": "event", "id": "all", "reason": "wildcard_not_allowed"}],
        },
    }

    assert rest.register("1.2", WANTED).read(answer(body)) == Registration(
        channels=(
            Channel(name=main, auth="k:1"),
            Channel(name=f"{main}-event=18756", auth="k:2", event_id=EventId(18756)),
            Channel(
                name=f"{main}-event=18756-subtype=player_total_hits",
                auth="k:3",
                event_id=EventId(18756),
                sub_kind="player_total_hits",
            ),
            Channel(name="private-service=6-device_type=5-user=7", auth="k:4", private=True),
        ),
        sign_in=("k:5", '{"id":"7"}'),
        rejected=("event:all: wildcard_not_allowed",),
        channel_limit=400,
    )


@pytest.mark.parametrize("name", ["order", "orders", "wager", "wagers", "health_check"])
def test_a_channel_is_private_by_any_of_the_names_bound_to_it(name):
    channel = {"channel_name": "c", "auth": "a", "binding_events": [{"name": name}]}

    registration = V4.register("1.2", Wanted()).read(answer({"data": {"authorized_channel": [channel]}}))

    assert registration == Registration(channels=(Channel(name="c", auth="a", private=True),))


@pytest.mark.parametrize("nothing", [{}, {"authorized_channel": None, "rejected": None, "authenticated": None}])
def test_a_registration_may_bring_nothing(nothing):
    assert V4.register("1.2", Wanted()).read(answer({"data": nothing})) == Registration(channels=())


# --- reference data ----------------------------------------------------------------------------------------------


@BOTH
def test_competitions_are_those_with_events(rest):
    call = rest.competitions()

    assert asked(call) == ("GET", "/mm/get_tournaments", {"has_active_events": "true"}, None)
    body = {"tournaments": [{"id": 31, "name": "NFL", "banner": "<nil>", "sport": {"id": 1, "name": "Football"}}]}
    assert call.read(answer({"data": body})) == (CompetitionListed(competition_id=CompetitionId(31), name="NFL"),)
    assert call.read(answer({"data": {"tournaments": None}})) == ()


@pytest.mark.parametrize(
    ("competition_id", "event_ids", "query"),
    [
        (None, (), {}),
        (CompetitionId(31), (), {"tournament_id": "31"}),
        (None, (EventId(1), EventId(2)), {"event_ids": "1,2"}),
    ],
)
@BOTH
def test_events_are_asked_by_competition_or_by_id(rest, competition_id, event_ids, query):
    assert asked(rest.events(competition_id, event_ids)) == ("GET", "/mm/get_sport_events", query, None)


def test_event_ids_are_separated_by_bare_commas():
    assert V4.events(event_ids=[EventId(1), EventId(2)]).request.path == "/mm/get_sport_events?event_ids=1,2"


@BOTH
def test_events_are_read(rest):
    row = {
        "event_id": 18756,
        "name": "panthers at bears",
        "display_name": "Panthers at Bears",
        "type": "sport_event",
        "sub_type": None,
        "status": "not_started",
        "scheduled": "2026-09-13T17:00:00Z",
        "tournament_id": 31,
        "live_disabled": False,
        "updated_at": SYNCED_NS,
        "competitors": [{"id": 5, "name": "Carolina Panthers", "side": "away", "abbreviation": "CAR"}],
    }

    assert rest.events().read(answer({"data": {"sport_events": [row]}})) == EventPage(
        events=(
            EventListed(
                event_id=EventId(18756),
                competition_id=CompetitionId(31),
                name="Panthers at Bears",
                status=EventStatus.SCHEDULED,
                scheduled="2026-09-13T17:00:00Z",
            ),
        )
    )
    assert rest.events().read(answer({"data": {"sport_events": None}})) == EventPage(events=())


@pytest.mark.parametrize(
    ("rest", "path"), [(V4, "/v4/mm/get_multiple_markets"), (LEGACY, "/v2/mm/get_multiple_markets")]
)
def test_markets_are_asked_for_up_to_fifty_events(rest, path):
    ids = [EventId(each) for each in range(1, 51)]

    assert asked(rest.markets(ids)) == ("GET", path, {"event_ids": ",".join(str(each) for each in ids)}, None)
    for count in (0, 51):
        with pytest.raises(LocalProtocolError, match=f"^{count} events in one request, expected 1 to 50$"):
            rest.markets([EventId(1)] * count)


def test_the_books_of_several_events_come_by_event():
    level = {"strike_id": "s", "price": 110, "quantity": 10, "value": 9.09, "updated_at": 5}
    body = {"1": [{"id": 219, "name": "Moneyline", "type": "moneyline", "selections": [[level]]}], "2": None, "3": []}

    assert V4.markets([EventId(1), EventId(2), EventId(3)]).read(answer({"data": body})) == (
        BookReplaced(
            key=BookKey(EventId(1), MarketId(219), Strike(0)),
            name="Moneyline",
            kind="moneyline",
            sides=(Side(selection_id=SelectionId("s"), levels=(Level(Odds(110), 909, 1000),)),),
            sequence_ns=5,
        ),
    )


@pytest.mark.parametrize("name", ["x", "", "-1", "1.5", "²", pytest.param("1" * 5000, id="five thousand digits")])
def test_markets_of_what_is_no_event_are_the_venues_fault(name):
    body = {name: [{"id": 219, "selections": [[{"strike_id": "s"}]]}]}

    with pytest.raises(RemoteProtocolError, match="is not an event id"):
        V4.markets([EventId(1)]).read(answer({"data": body}))


@pytest.mark.parametrize(
    ("rest", "path"), [(V4, "/v4/mm/get_markets"), (LEGACY, "/v2/mm/get_markets")], ids=["v4", "legacy"]
)
def test_the_books_of_one_event_are_asked_by_its_id(rest, path):
    call = rest.event_markets(EventId(18756))

    assert asked(call) == ("GET", path, {"event_id": "18756"}, None)
    assert call.read(answer({"data": {"event_id": 18756, "markets": None}})) == ()


def test_the_books_of_one_event_need_no_event_id_in_the_answer():
    market = {"id": 219, "name": "Moneyline", "type": "moneyline", "selections": [[{"strike_id": HOME, "price": 146}]]}

    (book,) = V4.event_markets(EventId(18756)).read(answer({"data": {"markets": [market]}}))

    assert book.key == KEY
    assert book.sides == (Side(selection_id=HOME, levels=(Level(Odds(146), 0),)),)


def test_strikes_say_which_market_a_selection_belongs_to():
    call = V4.strikes([HOME])
    row = {"event_id": 18756, "market_id": 219, "strike_id": HOME, "type": "moneyline", "sub_type": "moneyline"}

    assert asked(call) == ("GET", "/v4/mm/get_strikes", {"strike_ids": HOME}, None)
    assert call.read(answer({"data": [row]})) == (
        SelectionListed(event_id=EventId(18756), market_id=MarketId(219), selection_id=HOME, name="", active=True),
    )
    assert call.read(answer({"data": None})) == ()


@pytest.mark.parametrize("count", [0, 21])
def test_strikes_are_asked_for_one_to_twenty_selections(count):
    with pytest.raises(LocalProtocolError, match=f"{count} selections"):
        V4.strikes([HOME] * count)


def test_trades_are_fills_of_the_account():
    call = V4.trades(1, 2, "next")
    row = {"id": "t1", "order_id": "a1", "filled_quantity": 3, "fill_price": 146}

    assert asked(call)[2] == {"from": "1", "to": "2", "limit": "100", "next_cursor": "next"}
    assert call.read(answer({"data": {"trades": [row], "next_cursor": "c"}, "last_synced_at": SYNCED_NS})) == FillPage(
        fills=((VenueOrderId("a1"), Fill(300, Odds(146))),), next_cursor="c", synced_at_ns=SYNCED_NS
    )


def test_legacy_trades_have_their_own_words():
    row = {"bet_id": "t1", "wager_id": "a1", "matched_stake": 3, "matched_odds": 146}

    page = LEGACY.trades(1, 2).read(answer({"data": {"matched_bets": [row], "next_cursor": ""}}))

    assert page.fills == ((VenueOrderId("a1"), Fill(300, Odds(146))),)


def test_transactions_are_movements_in_cents():
    call = V4.transactions(1, 2)
    row = {"trade_id": "t1", "transaction_type": "COMMISSION", "amount": -0.25, "event_id": 18756}

    assert asked(call) == ("GET", "/v4/mm/get_transactions", {"from": "1", "to": "2", "limit": "100"}, None)
    assert call.read(answer({"data": {"transactions": [row], "next_cursor": "c"}})) == TransactionPage(
        transactions=(Transaction(kind="COMMISSION", amount_cents=-25, trade_id="t1", event_id=EventId(18756)),),
        next_cursor="c",
    )


@pytest.mark.parametrize(("rest", "path"), [(V4, "/v4/mm/get_price_ladder"), (LEGACY, "/mm/get_odds_ladder")])
def test_the_ladder_is_a_bare_list(rest, path):
    assert asked(rest.ladder()) == ("GET", path, {}, None)
    assert rest.ladder().read(answer({"data": [-110, 100, 110]})) == OddsLadder((Odds(-110), Odds(100), Odds(110)))
    assert rest.ladder().read(answer({"data": list(generate_ladder())})) == generate_ladder()


@pytest.mark.parametrize("steps", [[], [0], [-100], [1.5], ["100"], [True], None])
def test_a_ladder_of_anything_else_is_the_venues_fault(steps):
    with pytest.raises(RemoteProtocolError):
        V4.ladder().read(answer({"data": steps}))


# --- wallet ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rest", "path", "word"), [(V4, "/v4/mm/get_balance", "order"), (LEGACY, "/mm/get_balance", "wager")]
)
def test_the_balance_is_read_without_what_is_matched(rest, path, word):
    body = {
        "balance": 1000.25,
        "gec_balance": 0,
        f"matched_{word}_balance": 12.5,
        f"unmatched_{word}_balance": 7,
        f"unmatched_{word}_balance_status": "succeed",
        f"unmatched_{word}_last_synced_at": "2026-09-12T10:00:00Z",
    }

    assert asked(rest.balance()) == ("GET", path, {}, None)
    assert rest.balance().read(answer({"data": body})) == Balance(
        free_micro=micro(100_025 - 1250 - 700), resting_micro=micro(700)
    )


@pytest.mark.parametrize("balance", ["1000", None, True, 0.001, 1e300])
def test_a_balance_that_is_no_money_is_the_venues_fault(balance):
    with pytest.raises(RemoteProtocolError, match=r"^balance: |BalanceAnswer"):
        V4.balance().read(answer({"data": {"balance": balance}}))


# --- placing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rest", "path", "body"),
    [
        (
            V4,
            "/v4/mm/submit_order",
            b'{"external_id":"x-1","strike_id":"%b","price":146,"quantity":10.50}' % HOME.encode(),
        ),
        (LEGACY, "/mm/place_wager", b'{"external_id":"x-1","line_id":"%b","odds":146,"stake":10.50}' % HOME.encode()),
    ],
)
def test_one_order_is_placed_by_itself(rest, path, body):
    call = rest.place([place_order("x-1")])

    assert (call.request.method, call.request.path, call.request.body) == ("POST", path, body)
    assert (call.lane, call.timeout_s) == (Lane.PLACING, 5)


@pytest.mark.parametrize(
    ("time_in_force", "word"),
    [(TimeInForce.FILL_OR_KILL, "fillOrKill"), (TimeInForce.POST_ONLY, "ALO"), (TimeInForce.REST, None)],
)
def test_the_strategy_word_follows_the_time_in_force(time_in_force, word):
    order = place_order("x-1", time_in_force=time_in_force)

    assert asked(V4.place([order]))[3].get("order_strategy") == word
    assert asked(LEGACY.place([order]))[3].get("wager_strategy") == word


@ROWS
def test_the_answer_to_one_placement_is_its_order(rest, row, words):
    body = {"data": {"success": True, words["one"]: row}}

    assert rest.place([place_order("x-1")]).read(answer(body)) == (REPORTED,)


@ROWS
def test_the_answer_to_one_placement_may_have_nothing_but_an_id(rest, row, words):
    del row

    [placed] = rest.place([place_order("x-1")]).read(answer({"data": {words["one"]: {"id": "a1"}}}))

    assert placed == attrs.evolve(REPORTED, filled=0, status=OrderStatus.PENDING)


@pytest.mark.parametrize(
    ("rest", "path", "container"),
    [(V4, "/v4/mm/submit_multiple_orders", "strike_id"), (LEGACY, "/mm/place_multiple_wagers", "line_id")],
)
def test_several_orders_are_placed_together(rest, path, container):
    method, asked_path, _, body = asked(rest.place([place_order("x-1"), place_order("x-2", price=Odds(-110))]))

    assert (method, asked_path) == ("POST", path)
    assert [each["external_id"] for each in body["data"]] == ["x-1", "x-2"]
    assert {each[container] for each in body["data"]} == {HOME}


@ROWS
def test_each_order_of_a_batch_has_its_own_result_in_the_order_asked(rest, row, words):
    form = {"external_id": "x-4", "strike_id": HOME, "price": 146, "quantity": 10.5}
    legacy_form = {"external_id": "x-4", "line_id": HOME, "odds": 146, "stake": 10.5}
    body = {
        words["placed"]: [{"id": "a3", "external_id": "x-3"}, row],
        words["failed"]: [
            {"index": 1, "error": "invalid_price", "message": "off the ladder"},
            {"index": 0, "error": "insufficient_amount", "request": form if rest is V4 else legacy_form},
        ],
    }
    orders = [place_order(f"x-{number}") for number in range(1, 6)]

    results = rest.place(orders).read(answer({"data": body}))

    assert [said(result) for result in results] == [
        REPORTED,
        refused("invalid_price", Policy.TERMINAL, "off the ladder"),
        attrs.evolve(
            REPORTED,
            venue_order_id=VenueOrderId("a3"),
            client_order_id=ClientOrderId("x-3"),
            filled=0,
            status=OrderStatus.PENDING,
        ),
        refused("insufficient_amount", Policy.TERMINAL),
        refused("unanswered", Policy.OUTCOME_UNKNOWN),
    ]


@pytest.mark.parametrize("body", [{}, {"succeed_orders": None, "failed_orders": None}])
def test_a_batch_that_says_nothing_leaves_every_outcome_unknown(body):
    results = V4.place([place_order("x-1"), place_order("x-2")]).read(answer({"data": body}))

    assert [said(result) for result in results] == [refused("unanswered", Policy.OUTCOME_UNKNOWN)] * 2


@pytest.mark.parametrize("failure", [{"index": 7}, {"index": -1}, {}])
def test_a_failure_of_nobody_leaves_the_outcome_unknown(failure):
    body = {"failed_orders": [{"error": "invalid_price", **failure}]}

    results = V4.place([place_order("x-1"), place_order("x-2")]).read(answer({"data": body}))

    assert [said(result) for result in results] == [refused("unanswered", Policy.OUTCOME_UNKNOWN)] * 2


def test_a_refused_retry_inside_a_batch_is_proof_of_the_first():
    body = {"failed_orders": [{"index": 0, "error": "order_external_id_existed"}]}

    [first, _] = V4.place([place_order("x-1"), place_order("x-2")]).read(answer({"data": body}))

    assert said(first) == refused("order_external_id_existed", Policy.ALREADY_EXISTS)


@pytest.mark.parametrize("count", [0, 21])
@pytest.mark.parametrize(
    "batch", [lambda n: V4.place([place_order("x")] * n), lambda n: V4.cancel_orders([cancel_order("a")] * n)]
)
def test_a_batch_has_one_to_twenty_orders(batch, count):
    with pytest.raises(LocalProtocolError, match=f"^{count} orders in one request, expected 1 to 20$"):
        batch(count)


# --- cancelling --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rest", "path", "id_name"), [(V4, "/v4/mm/cancel_order", "order_id"), (LEGACY, "/mm/cancel_wager", "wager_id")]
)
def test_one_order_is_cancelled_by_both_of_its_ids(rest, path, id_name):
    calls = [rest.cancel_orders([cancel_order("a1")]), rest.cancel(cancel_order("a1"))]

    assert [asked(call) for call in calls] == [("POST", path, {}, {id_name: "a1", "external_id": "x-a1"})] * 2
    assert {(call.lane, call.timeout_s) for call in calls} == {(Lane.CANCELLING, 3)}
    assert [call.read(answer({"data": {"success": True}})) for call in calls] == [(None,), None]
    assert [call.read(answer({"data": {"Success": True}})) for call in calls] == [(None,), None]


@pytest.mark.parametrize(
    ("rest", "path", "id_name"),
    [(V4, "/v4/mm/cancel_multiple_orders", "order_id"), (LEGACY, "/mm/cancel_multiple_wagers", "wager_id")],
)
def test_several_orders_are_cancelled_together_and_each_is_answered(rest, path, id_name):
    call = rest.cancel_orders([cancel_order("a1"), cancel_order("a2"), cancel_order("a3")])

    assert asked(call) == (
        "POST",
        path,
        {},
        {"data": [{id_name: name, "external_id": f"x-{name}"} for name in ("a1", "a2", "a3")]},
    )
    rows = [
        {"success": True, "order": V4_ROW if rest is V4 else LEGACY_ROW},
        {"success": False},
        {"success": False, "error": "order_is_placing", "message": "wait"},
    ]
    assert [said(result) for result in call.read(answer({"data": rows}))] == [
        None,
        refused("order_already_cancelled", Policy.ALREADY_GONE),
        refused("order_is_placing", Policy.RETRY_SOON, "wait"),
    ]


@pytest.mark.parametrize("rows", [None, [], [{"success": True}], [{"success": True}] * 3])
def test_a_batch_of_cancels_with_another_number_of_answers_is_the_venues_fault(rows):
    with pytest.raises(RemoteProtocolError, match="results for 2 orders"):
        V4.cancel_orders([cancel_order("a1"), cancel_order("a2")]).read(answer({"data": rows}))


@pytest.mark.parametrize(
    ("rest", "command", "path", "body"),
    [
        (V4, CancelAll(), "/v4/mm/cancel_all_orders", {}),
        (LEGACY, CancelAll(), "/mm/cancel_all_wagers", {}),
        (V4, CancelEvent(event_id=EventId(5)), "/v4/mm/cancel_orders_by_event", {"event_id": 5}),
        (LEGACY, CancelEvent(event_id=EventId(5)), "/mm/cancel_wagers_by_event", {"event_id": 5}),
        (V4, CancelMarket(key=KEY), "/v4/mm/cancel_orders_by_market", {"event_id": 18756, "market_id": 219}),
        (
            V4,
            CancelMarket(key=KEY, selection_id=HOME),
            "/v4/mm/cancel_orders_by_market",
            {"event_id": 18756, "market_id": 219, "strike_id": HOME},
        ),
        (
            LEGACY,
            CancelMarket(key=KEY, selection_id=HOME),
            "/mm/cancel_wagers_by_market",
            {"event_id": 18756, "market_id": 219, "line_id": HOME},
        ),
    ],
)
def test_a_wider_net_cancels_by_account_event_or_market(rest, command, path, body):
    call = rest.cancel(command)

    assert asked(call) == ("POST", path, {}, body)
    assert call.read(answer({"data": {"success": True}})) is None
    assert call.read(answer({"data": None})) is None


def test_nothing_to_cancel_is_a_refusal_that_says_so():
    with pytest.raises(VenueError) as refusal:
        LEGACY.cancel(CancelAll()).read(answer({"error": "no_cancellable_wagers", "message": "none"}, 404))

    assert said(refusal.value) == refused("no_cancellable_orders", Policy.ALREADY_GONE, "none", 404)


# --- reading orders ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rest", "path"), [(V4, "/v4/mm/get_order/"), (LEGACY, "/mm/get_wager/")])
def test_an_order_is_asked_by_its_id_in_the_path(rest, path):
    assert asked(rest.order(VenueOrderId("a1"))) == ("GET", f"{path}a1", {}, None)
    assert rest.order(VenueOrderId("a/../?b")).request.path == f"{path}a%2F..%2F%3Fb"


@pytest.mark.parametrize(
    ("stamp", "synced_at_ns"),
    [(SYNCED_NS, SYNCED_NS), (1_757_671_200, SYNCED_NS), ("2025-09-12T10:00:00Z", SYNCED_NS), (None, None)],
)
@ROWS
def test_an_order_says_how_old_the_copy_is(rest, row, words, stamp, synced_at_ns):
    del words

    read = rest.order(VenueOrderId("a1")).read(answer({"data": row, "last_synced_at": stamp}))

    assert read == attrs.evolve(REPORTED, synced_at_ns=synced_at_ns)


def test_an_order_without_a_stamp_proves_nothing_about_its_age():
    assert V4.order(VenueOrderId("a1")).read(answer({"data": V4_ROW})) == REPORTED


@pytest.mark.parametrize(("rest", "path"), [(V4, "/v4/mm/get_order_history"), (LEGACY, "/v2/mm/get_wager_histories")])
def test_history_is_asked_by_a_window_of_creation_or_of_update(rest, path):
    calls = [rest.history(100, 200), rest.history(100, 200, "next"), rest.history(100, 200, by=Window.UPDATED)]

    assert [asked(call) for call in calls] == [
        ("GET", path, {"from": "100", "to": "200", "limit": "100"}, None),
        ("GET", path, {"from": "100", "to": "200", "limit": "100", "next_cursor": "next"}, None),
        ("GET", path, {"updated_at_from": "100", "updated_at_to": "200", "limit": "100"}, None),
    ]


@pytest.mark.parametrize("rest", [V4, LEGACY], ids=["v4", "legacy"])
@pytest.mark.parametrize(
    ("show", "filters"),
    [
        (Show.ALL, {}),
        (Show.PENDING, {"status": "inactive"}),
        (Show.OPEN, {"status": "open"}),
        (Show.UNMATCHED, {"status": "open", "matching_status": "unmatched"}),
        (Show.PARTIAL, {"status": "open", "matching_status": "partially_matched"}),
    ],
)
def test_which_orders_to_show_is_asked_by_status(rest, show, filters):
    call = rest.history(100, 200, show=show)

    assert asked(call)[2] == {"from": "100", "to": "200", "limit": "100", **filters}


@ROWS
@pytest.mark.parametrize("inside", [True, False])
def test_a_page_of_history_says_how_old_it_is_inside_or_beside(rest, row, words, inside):
    rows = {words["many"]: [row], "next_cursor": "c2"}
    stamp = {"last_synced_at": 1_757_671_200}
    body = {"data": rows | stamp} if inside else {"data": rows, **stamp}

    assert rest.history(1, 2).read(answer(body)) == OrderPage(
        orders=(attrs.evolve(REPORTED, synced_at_ns=SYNCED_NS),), next_cursor="c2", synced_at_ns=SYNCED_NS
    )


@pytest.mark.parametrize("rows", [{}, {"orders": None, "next_cursor": None}, {"orders": []}])
def test_an_empty_page_without_a_stamp_proves_nothing(rows):
    assert V4.history(1, 2).read(answer({"data": rows})) == OrderPage(orders=())


@pytest.mark.parametrize(
    ("rest", "path", "name"),
    [
        (V4, "/v4/mm/get_order_matched_detail", "order_ids"),
        (LEGACY, "/mm/get_wager_matching_detail", "wager_ids"),
    ],
)
def test_fills_are_asked_by_the_ids_of_their_orders(rest, path, name):
    ids = [VenueOrderId("a1"), VenueOrderId("a2")]

    assert asked(rest.fills(ids)) == ("GET", path, {name: "a1,a2", "limit": "100"}, None)
    assert asked(rest.fills(ids, "c2"))[2] == {name: "a1,a2", "limit": "100", "next_cursor": "c2"}


@pytest.mark.parametrize(
    ("rest", "detail"),
    [
        (V4, {"order_id": "a1", "filled_quantity": 3.5, "fill_price": 146}),
        (LEGACY, {"wager_id": "a1", "matched_stake": 3.5, "matched_odds": 146}),
    ],
)
def test_a_page_of_fills_is_read(rest, detail):
    body = {"data": {"matching_details": [detail], "next_cursor": "c2"}, "last_synced_at": 1_757_671_200}

    assert rest.fills([VenueOrderId("a1")]).read(answer(body)) == FillPage(
        fills=((VenueOrderId("a1"), Fill(350, Odds(146))),), next_cursor="c2", synced_at_ns=SYNCED_NS
    )
    assert rest.fills([VenueOrderId("a1")]).read(answer({"data": {}})) == FillPage(fills=())


@pytest.mark.parametrize(
    "change", [{"filled_quantity": "3"}, {"fill_price": None}, {"fill_price": 1.9}, {"order_id": None}]
)
def test_a_fill_with_wrong_numbers_is_the_venues_fault(change):
    detail = {"order_id": "a1", "filled_quantity": 3, "fill_price": 146, **change}

    with pytest.raises(RemoteProtocolError):
        V4.fills([VenueOrderId("a1")]).read(answer({"data": {"matching_details": [detail]}}))


# --- every call --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", CALLS)
@BOTH
def test_too_many_requests_names_the_time_of_the_next(rest, make):
    body = {"error": "rate_limit_reached", "message": "slow", "details": {"next_allow_at": 1_789_000_000_123}}

    with pytest.raises(VenueError) as refusal:
        make(rest).read(Response(status=429, body=json.dumps(body).encode(), headers={"retry-after": "2"}))

    assert said(refusal.value) == said(
        VenueError(
            code="rate_limit_reached",
            message="slow",
            status=429,
            policy=Policy.BACK_OFF,
            allowed_at_ms=1_789_000_000_123,
            retry_after_s=2.0,
        )
    )


@pytest.mark.parametrize("make", CALLS)
@pytest.mark.parametrize("status", [400, 404, 500, 502, 503, 504])
@BOTH
def test_a_page_of_html_tells_nothing_about_what_happened(rest, make, status):
    with pytest.raises(VenueError) as refusal:
        make(rest).read(answer(b"<html><body>Bad Gateway</body></html>", status))

    assert said(refusal.value) == refused(f"http_{status}", Policy.OUTCOME_UNKNOWN, status=status)


@pytest.mark.parametrize("make", CALLS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"data":',
        b'"',
        b"[]",
        b"5",
        b'{"data":5}',
        b'{"data":"text"}',
        b'{"data":{"orders":5}',
        b"\xff",
    ],
)
@BOTH
def test_a_yes_with_the_wrong_body_is_the_venues_fault(rest, make, body):
    with pytest.raises(RemoteProtocolError):
        make(rest).read(answer(body))


json_trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(
            st.sampled_from(["data", "order", "orders", "succeed_orders", "failed_orders", "error", "1", *V4_ROW]),
            children,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.sampled_from([V4, LEGACY]), st.sampled_from(CALLS), st.integers(100, 599), json_trees, st.booleans())
def test_any_answer_is_read_or_refused(rest, make, status, body, wrapped):
    call = make(rest)
    fault = RemoteProtocolError if 200 <= status < 300 else VenueError

    with contextlib.suppress(fault):
        call.read(answer({"data": body} if wrapped else body, status))
        assert fault is RemoteProtocolError


@pytest.mark.parametrize("make", CALLS)
@BOTH
def test_every_call_has_a_deadline_and_goes_where_its_path_says(rest, make):
    call = make(rest)

    assert 0 < call.timeout_s <= 30
    assert call.request.path.startswith("/")
    assert (call.request.body is None) == (call.request.method == "GET")


# --- recorded catalogues -----------------------------------------------------------------------------------------


@pytest.mark.skipif(not SHARED.exists(), reason="the recorded catalogues are not here")
def test_both_recorded_catalogues_are_the_same_books():
    v4, legacy = (
        rest.markets([EventId(1)]).read(answer(gzip.decompress((SHARED / name).read_bytes())))
        for rest, name in ((V4, "prophetx-catalogue-v4.json.gz"), (LEGACY, "prophetx-catalogue-legacy.json.gz"))
    )

    assert len(v4) == 2302
    assert v4 == legacy
    assert len({book.key for book in v4}) == len({(book.key, book.sides[0].selection_id) for book in v4})
    assert all(len(book.sides) == 2 for book in v4)


@pytest.mark.skipif(not SHARED.exists(), reason="the recorded markets are not here")
def test_the_recorded_sandbox_markets_are_read_to_the_cent():
    books = V4.markets([EventId(19458)]).read(answer((SHARED / "prophetx-v4-sample.json").read_bytes()))

    assert [(book.key.market_id, book.key.strike, book.kind, book.sub_kind) for book in books] == [
        (68, 2350, "total", "first_half_total"),
        (86, 0, "moneyline", ""),
        (219, 0, "moneyline", "moneyline"),
        (223, -1050, "spread", "spread"),
        (223, -950, "spread", "spread"),
        (90, 2350, "total", ""),
    ]
    assert books[2] == BookReplaced(
        key=BookKey(EventId(19458), MarketId(219), Strike(0)),
        name="Moneyline",
        kind="moneyline",
        sub_kind="moneyline",
        sides=(
            Side(
                selection_id=HOME,
                name="Carolina Panthers",
                outcome_id=OutcomeId(4),
                levels=(Level(Odds(146), 3392, 11_671), Level(Odds(-265), 1047, 1000)),
            ),
            Side(
                selection_id=SelectionId("06b2a7ec50d863031e5093aa257873bd"),
                name="Chicago Bears",
                outcome_id=OutcomeId(5),
                levels=(
                    Level(Odds(-164), 4100, 3187),
                    Level(Odds(-2200), 18_150, 1000),
                    Level(Odds(-4500), 45_000, 1000),
                ),
            ),
        ),
        sequence_ns=1789175326401598000,
    )
