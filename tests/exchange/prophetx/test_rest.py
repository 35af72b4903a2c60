"""Every endpoint, over a connection in memory."""

import attrs
import msgspec
import pytest
import trio

from actors.exchange.prophetx.board import Ticket
from actors.exchange.prophetx.ledger import Wallet
from actors.exchange.prophetx.settings import ExchangeSettings
from protocol.commands import CancelAll, CancelEvent, CancelMarket, CancelOrder, PlaceOrder, TimeInForce
from protocol.errors import VenueError
from protocol.events import Fill, OrderReported, OrderStatus, Result
from protocol.money import micro
from protocol.odds import generate_ladder
from protocol.prophetx.wire import Dialect
from protocol.venue import Balance

QUIET = ExchangeSettings(crowd_actions_per_s=0)
BOTH = pytest.mark.parametrize("dialect", list(Dialect))


def home_and_away(client):
    listing = client.exchange.catalogue.events[0].markets[0].listings[0]
    return tuple(each.selection_id for each in listing.selections)


def key_of(client):
    return client.exchange.catalogue.events[0].markets[0].listings[0].key


async def refusal_of(client, call):
    with pytest.raises(VenueError) as refusal:
        await client.call(call)
    return refusal.value.code, refusal.value.status


@BOTH
async def test_reference_data(autojump_clock, open_client, dialect):
    async with open_client(ExchangeSettings(), dialect=dialect) as client:
        rest = client.rest
        competitions = await client.call(rest.competitions())
        events = (await client.call(rest.events())).events
        nfl = (await client.call(rest.events(competition_id=31))).events
        one = (await client.call(rest.events(event_ids=[18757]))).events
        books = await client.call(rest.markets([18756, 1]))
        ladder = await client.call(rest.ladder())
        unknown = await refusal_of(client, rest.events(event_ids=[1]))
        truth = client.exchange.truth().books

    assert [each.competition_id for each in competitions] == [31, 132]
    assert [each.event_id for each in events] == [18756, 18757, 18758]
    assert [each.event_id for each in nfl] == [18756, 18758]
    assert one == (events[1],)
    assert len(books) == 7
    assert {book.key: book.sides for book in books} == {key: truth[key] for key in truth if key.event_id == 18756}
    assert ladder == generate_ladder()
    assert unknown == ("sport_event_not_found", 404)


@BOTH
async def test_an_order_and_its_fills_are_read_back_late(autojump_clock, open_client, dialect):
    async with open_client(QUIET, dialect=dialect) as client:
        home, away = home_and_away(client)
        placed = await client.place("a", home, -110, 1100)
        missing = await refusal_of(client, client.rest.order(placed.venue_order_id))
        await trio.sleep(0.3)
        other = client.exchange.open_account("other")
        assert other.user
        enter(client, "other", away, 110, 400)
        await trio.sleep(0.9)
        early = await client.call(client.rest.order(placed.venue_order_id))
        await trio.sleep(1)
        late = await client.call(client.rest.order(placed.venue_order_id))
        now_s = client.exchange.wall_ns() // 10**9
        page = await client.call(client.rest.history(now_s - 60, now_s))
        fills = await client.call(client.rest.fills([placed.venue_order_id]))
        balance = await client.call(client.rest.balance())
        wallet = client.exchange.truth().balance

    assert missing == ("data_not_found", 404)
    assert (early.status, early.filled) == (OrderStatus.OPEN, 0)
    assert (late.status, late.filled) == (OrderStatus.OPEN, 440)
    assert page.orders[0].filled == 440
    assert 0 < now_s * 10**9 - page.synced_at_ns < 2 * 10**9
    assert fills.fills == ((placed.venue_order_id, Fill(440, -110)),)
    assert balance == Balance(free_micro=micro(1_000_000 - 440 - 660), resting_micro=micro(660))
    assert wallet == Wallet(cash_cents=1_000_000, matched_cents=440, unmatched_cents=660)


def enter(client, account_id, selection, odds, stake_cents):
    floor, now_ns = client.exchange.floor, client.exchange.wall_ns()
    name = f"x{len(floor.orders)}"
    ticket = Ticket(external_id=name, selection_id=selection, odds=odds, stake_cents=stake_cents)
    return floor.enter_at_once(floor.accounts[account_id], ticket, now_ns)


@BOTH
async def test_a_batch_is_not_atomic(autojump_clock, open_client, dialect):
    async with open_client(QUIET, dialect=dialect) as client:
        home, _ = home_and_away(client)
        first = await client.place("a", home, 110, 1000)
        assert isinstance(first, OrderReported)
        orders = [
            PlaceOrder(client_order_id=name, key=key_of(client), selection_id=home, price=odds, size=1000)
            for name, odds in (("a", 110), ("b", 131), ("c", 112))
        ]
        results = await client.call(client.rest.place(orders))
        await trio.sleep(1)
        cancels = [
            CancelOrder(client_order_id="a", venue_order_id=first.venue_order_id),
            CancelOrder(client_order_id="c", venue_order_id="nothing"),
        ]
        cancelled = await client.call(client.rest.cancel_orders(cancels))

    assert [getattr(each, "code", "") for each in results] == ["order_external_id_existed", "invalid_price", ""]
    assert cancelled[0] is None
    assert cancelled[1].code == "data_not_found"


@BOTH
async def test_of_which_moment_a_copy_is_may_be_left_out(autojump_clock, open_client, dialect):
    async with open_client(attrs.evolve(QUIET, history_age_told=False), dialect=dialect) as client:
        await client.place("h0", home_and_away(client)[0], 110, 1000)
        await trio.sleep(5)
        now_s = client.exchange.wall_ns() // 10**9
        page = await client.call(client.rest.history(now_s - 60, now_s))
        order = await client.call(client.rest.order(page.orders[0].venue_order_id))

    assert page.synced_at_ns is None
    assert order.client_order_id == "h0"


@BOTH
async def test_every_way_to_cancel(autojump_clock, open_client, dialect):
    async with open_client(QUIET, dialect=dialect) as client:
        home, away = home_and_away(client)
        rest, key = client.rest, key_of(client)
        nothing = await refusal_of(client, rest.cancel(CancelAll()))
        for index, command in enumerate(
            (
                CancelAll(),
                CancelEvent(event_id=key.event_id),
                CancelMarket(key=key),
                CancelMarket(key=key, selection_id=home),
            )
        ):
            await client.place(f"h{index}", home, 110, 1000)
            await client.place(f"a{index}", away, 110, 1000)
            await trio.sleep(1)
            await client.call(rest.cancel(command))
        left = [name for name, order in client.exchange.truth().orders.items() if order.can_match]
        order_id = client.exchange.truth().orders["h0"].venue_order_id
        gone = await refusal_of(client, rest.cancel(CancelOrder(client_order_id="h0", venue_order_id=order_id)))
        unknown = await refusal_of(client, rest.cancel(CancelEvent(event_id=1)))
        selection = await refusal_of(client, rest.cancel(CancelMarket(key=key, selection_id="x")))

    assert nothing == ("no_cancellable_orders", 404)
    assert left == ["a3"]
    assert gone == ("order_already_cancelled", 400)
    assert unknown == ("sport_event_not_found", 404)
    assert selection == ("invalid_strike_id", 400)


async def test_the_placing_window_is_answered_with_425_and_409(autojump_clock, open_client):
    slow = attrs.evolve(QUIET, activation_delay_s=(1.0, 1.0))
    async with open_client(slow) as client:
        home, _ = home_and_away(client)
        placed = await client.place("a", home, 110, 1000)
        cancel = client.rest.cancel(CancelOrder(client_order_id="a", venue_order_id=placed.venue_order_id))
        early = await refusal_of(client, cancel)
        await trio.sleep(0.7)
        late = await refusal_of(client, cancel)
        await trio.sleep(0.7)
        await client.call(cancel)

    assert (early, late) == (("order_opened_retry", 425), ("order_is_placing", 409))


async def test_history_is_paged_newest_first_and_filtered(autojump_clock, open_client):
    async with open_client(QUIET) as client:
        home, away = home_and_away(client)
        for index in range(5):
            await client.place(f"o{index}", (home, away)[index % 2], 110 + index, 1000)
        await trio.sleep(2)
        start = client.exchange.wall_ns() // 10**9 - 10
        seen, cursor = [], ""
        while True:
            answer = await client.get(f"/v4/mm/get_order_history?from={start}&limit=2&next_cursor={cursor}")
            seen.append([row["external_id"] for row in answer["data"]["orders"]])
            cursor = answer["data"]["next_cursor"]
            if not cursor:
                break
        by_status = await client.get(f"/v4/mm/get_order_history?updated_at_from={start}&status=invalid")
        by_event = await client.get(f"/v4/mm/get_order_history?to={start + 20}&event_id=18756&market_id=219")

    assert seen == [["o4", "o3"], ["o2", "o1"], ["o0"]]
    assert by_status["data"]["orders"] is None
    assert len(by_event["data"]["orders"]) == 5


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "missing_date_range"),
        ("from=x", "invalid_from"),
        ("to=x", "invalid_to"),
        ("updated_at_from=x", "invalid_updated_at_from"),
        ("updated_at_to=-1", "invalid_updated_at_to"),
        ("from=20&to=10", "from_date_greater_than_to_date"),
        ("from=1&to=700000", "invalid_from_to_range"),
        ("updated_at_from=1&updated_at_to=200000", "invalid_updated_at_range"),
        ("from=1&to=2&limit=101", "invalid_param"),
        ("from=1&to=2&next_cursor=x", "invalid_cursor"),
        ("from=1&to=2&event_id=x", "invalid_event_id"),
    ],
)
async def test_a_bad_history_query_is_refused(autojump_clock, client, query, code):
    assert (await client.get(f"/v4/mm/get_order_history?{query}"))["error"] == code


FORM = {"external_id": "a", "strike_id": "s", "price": 110, "quantity": 10}


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/v4/mm/submit_order", {**FORM, "external_id": "a b"}, 400, "invalid_external_id"),
        ("/v4/mm/submit_order", {**FORM, "external_id": ""}, 400, "invalid_external_id"),
        ("/v4/mm/submit_order", {**FORM, "price": 110.5}, 400, "invalid_price"),
        ("/v4/mm/submit_order", {**FORM, "price": "110"}, 400, "invalid_price"),
        ("/v4/mm/submit_order", {**FORM, "quantity": 10.001}, 400, "invalid_quantity"),
        ("/v4/mm/submit_order", {**FORM, "quantity": -1}, 400, "invalid_quantity"),
        ("/v4/mm/submit_order", {**FORM, "order_strategy": "GTC"}, 400, "invalid_request"),
        ("/v4/mm/submit_order", {**FORM, "price": 110.0}, 400, "invalid_strike_id"),
        ("/v4/mm/submit_order", [], 400, "invalid_request"),
        ("/v4/mm/place_order", FORM, 400, "invalid_strike_id"),
        ("/mm/submit_order", FORM, 400, "invalid_strike_id"),
        ("/v4/mm/submit_multiple_orders", {"data": [FORM] * 21}, 400, "order_limit_exceeded"),
        ("/v4/mm/submit_multiple_orders", {"data": []}, 400, "invalid_request"),
        ("/v4/mm/cancel_multiple_orders", {"data": []}, 400, "invalid_request"),
        ("/v4/mm/cancel_orders_by_event", {"sport_event_id": 18756}, 400, "invalid_event_id"),
        ("/v4/mm/websocket", {"socket_id": "1.1"}, 400, "invalid_request"),
        ("/v4/mm/submit_orders", {}, 404, "data_not_found"),
        ("/v3/mm/submit_order", {}, 404, "data_not_found"),
        ("/v4/mm/get_balance", {}, 404, "data_not_found"),
        ("/nowhere", {}, 404, "data_not_found"),
        ("/mm/place_wager", {**FORM, "external_id": 7}, 400, "invalid_request"),
        (
            "/mm/place_wager",
            {"external_id": "a", "line_id": "s", "odds": 110, "stake": 10},
            400,
            "invalid_line_id",
        ),
        ("/mm/place_multiple_wagers", {"data": [FORM] * 0}, 400, "invalid_request"),
        ("/mm/cancel_all_wagers", {}, 404, "no_cancellable_wagers"),
    ],
)
async def test_a_bad_request_is_refused_in_the_words_of_its_path(autojump_clock, client, path, body, status, code):
    answered, answer = await client.post(path, body)

    assert (answered, answer["error"]) == (status, code)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v4/mm/get_markets", "market_invalid_event"),
        ("/v4/mm/get_markets?event_id=0", "market_invalid_event"),
        ("/v4/mm/get_markets?event_id=9", "sport_event_not_found"),
        ("/v4/mm/get_multiple_markets", "market_event_limit_exceeded"),
        ("/v4/mm/get_multiple_markets?event_ids=" + ",".join(["1"] * 51), "market_event_limit_exceeded"),
        ("/v4/mm/get_multiple_markets?event_ids=x", "market_invalid_event"),
        ("/v4/mm/get_multiple_markets?event_ids=3000000000", "market_invalid_event"),
        ("/v4/mm/get_strikes?strike_ids=" + ",".join(["a"] * 21), "invalid_param"),
        ("/v4/mm/get_order/none", "data_not_found"),
        ("/v4/mm/get_transactions?limit=0", "invalid_param"),
    ],
)
async def test_a_bad_question_is_refused(autojump_clock, client, path, code):
    assert (await client.get(path))["error"] == code


async def test_the_smaller_endpoints(autojump_clock, client):
    home, away = home_and_away(client)
    client.exchange.open_account("other")
    placed = enter(client, "trader-1", home, -110, 1100)
    enter(client, "other", away, 110, 400)
    await trio.sleep(2)

    markets = await client.get("/v4/mm/get_markets?event_id=18756")
    strikes = await client.get(f"/v4/mm/get_strikes?strike_ids={home},zz")
    players = await client.get("/mm/get_players/7")
    trades = await client.get("/v4/mm/get_trades?from=1")
    details = await client.get("/v4/mm/get_order_matched_detail?limit=1")
    bets = await client.get("/mm/get_matched_bets")
    transactions = await client.get("/v4/mm/get_transactions?transaction_type=TRADE&event_id=18756")
    older = await client.get("/mm/get_transactions?limit=1&from=1&to=1999999999")
    oldest = await client.get(f"/mm/get_transactions?next_cursor={older['data']['next_cursor']}")
    none = await client.get("/v4/mm/get_transactions?from=1999999999")

    assert len(markets["data"]["markets"]) == 3
    assert [row["market_id"] for row in strikes["data"]] == [219]
    assert players == {"data": None}
    assert trades["data"]["trades"][0]["order_id"] == placed.order_id
    assert details["data"]["matching_details"][0]["filled_quantity"] == 4.4
    assert bets["data"]["matched_bets"][0]["matched_stake"] == 4.4
    assert [row["amount"] for row in transactions["data"]["transactions"]] == [-4.4]
    assert [row["transaction_type"] for row in older["data"]["transactions"]] == ["BET"]
    assert [row["transaction_type"] for row in oldest["data"]["transactions"]] == ["DEPOSIT"]
    assert none["data"]["transactions"] is None


async def test_v2_honours_the_switch_and_v1_does_not(autojump_clock, client):
    headers = {"x-cftc-terminology": "true"}
    now_s = client.exchange.wall_ns() // 10**9
    await client.place("a", home_and_away(client)[0], 110, 1000)
    await trio.sleep(2)

    bodies = []
    for path, sent in (("/v2", headers), ("/v2", {}), ("", headers)):
        answer = await client.send("GET", f"{path}/mm/get_wager_histories?from={now_s}", headers=sent)
        bodies.append(msgspec.json.decode(answer.body)["data"])

    assert [next(name for name in body if name.endswith(("rs",))) for body in bodies] == ["orders", "wagers", "wagers"]
    assert "order_id" in bodies[0]["orders"][0]
    assert "wager_id" in bodies[1]["wagers"][0]


async def test_a_result_is_told_in_the_words_of_the_dialect(autojump_clock, client):
    home, away = home_and_away(client)
    client.exchange.open_account("other")
    placed = await client.place("a", home, -110, 1100)
    await trio.sleep(1)
    enter(client, "other", away, 110, 1000)
    client.exchange.settle(18756, {key_of(client): home})
    await trio.sleep(2)

    reported = await client.call(client.rest.order(placed.venue_order_id))
    legacy = await client.get(f"/mm/get_wager/{placed.venue_order_id}")
    transactions = await client.get("/v4/mm/get_transactions")

    assert (reported.status, reported.result) == (OrderStatus.SETTLED, Result.WON)
    assert legacy["data"]["winning_status"] == "won"
    kinds = [row["transaction_type"] for row in transactions["data"]["transactions"]]
    assert kinds == ["COMMISSION", "PAY", "TRADE", "DEPOSIT"]


async def test_a_prefix_is_allowed(autojump_clock, client):
    client.prefix = "/partner"

    assert (await client.call(client.rest.balance())).free_micro == micro(1_000_000)


# --- who may ask ---


async def test_a_twenty_first_login_is_refused(autojump_clock, client):
    for _ in range(19):
        await client.log_in()
    with pytest.raises(VenueError) as refusal:
        await client.log_in()

    assert (refusal.value.code, refusal.value.status) == ("session_num_exceed", 403)


async def test_a_token_expires_and_is_refreshed(autojump_clock, client):
    await trio.sleep(1200)
    expired = await refusal_of(client, client.rest.balance())
    fresh = await client.call(client.rest.refresh(client.tokens.refresh_token))
    client.token = fresh.access_token
    balance = await client.call(client.rest.balance())
    client.exchange.gatekeeper.revoke_all()
    revoked = await refusal_of(client, client.rest.balance())
    unknown = await refusal_of(client, client.rest.refresh("nothing"))

    assert expired == revoked == unknown == ("unauthorized", 401)
    assert balance == Balance(free_micro=micro(1_000_000), resting_micro=0)


async def test_wrong_keys_are_refused_as_the_venue_does(autojump_clock, client):
    response = await client.send("POST", "/auth/login", b'{"access_key":"a","secret_key":"b"}')

    assert (response.status, response.body) == (401, b'{"error":"unauthorized","message":"Unauthorized"}')


async def test_fifty_requests_a_second_and_no_more(autojump_clock, client):
    statuses = [(await client.send("GET", "/v4/mm/get_balance")).status for _ in range(52)]
    with pytest.raises(VenueError) as refusal:
        await client.call(client.rest.balance())
    await trio.sleep(1)
    after = await client.send("GET", "/v4/mm/get_balance")

    assert statuses[:50] == [200] * 50
    assert statuses[-1] == 429
    assert refusal.value.allowed_at_ms > client.exchange.wall_ns() // 10**6 - 1000
    assert refusal.value.retry_after_s == 1
    assert after.status == 200


async def test_strategies_reach_the_floor(autojump_clock, client):
    home, _ = home_and_away(client)
    await client.place("k", home, 110, 1000, TimeInForce.FILL_OR_KILL)
    await client.place("p", home, 110, 1000, TimeInForce.POST_ONLY)
    await trio.sleep(5)

    truth = client.exchange.truth().orders
    assert (truth["k"].status, truth["p"].status) == (OrderStatus.CANCELLED, OrderStatus.OPEN)
