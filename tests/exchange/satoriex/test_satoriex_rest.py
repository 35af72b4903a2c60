"""Every endpoint, over a connection in memory."""

from base64 import urlsafe_b64decode
from decimal import Decimal

import attrs
import msgspec
import pytest
import trio

from actors.exchange.satoriex.exchange import SatoriexExchange
from actors.exchange.satoriex.settings import SatoriexSettings
from protocol.events import OrderStatus

QUIET = SatoriexSettings(crowd_actions_per_s=0)


def claims_of(token):
    payload = token.split(".")[1]
    return msgspec.json.decode(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


# --- sessions ---


async def test_signing_in_gives_a_token_with_its_end(autojump_clock, trader):
    data = await trader.log_in()
    claims = claims_of(data["access_token"])

    assert data["user"]["id"] == claims["sub"] == "trader-1"
    assert claims["exp"] - claims["iat"] == 900
    assert data["access_token"].startswith("eyJhbGciOiJSUzI1NiI")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"email": "trader-1@example.com", "password": "wrong"}, 401, 99002),
        ({"email": "nobody@example.com", "password": ""}, 401, 99002),
        ({"email": 7, "password": "x"}, 400, 99010),
        ({"email": "trader-1@example.com"}, 400, 99010),
        (b"{", 400, 99010),
        (b"[]", 400, 99010),
        (b"\xff", 400, 99010),
    ],
)
async def test_a_login_that_is_refused(autojump_clock, trader, body, status, code):
    answered, answer = await trader.post("/auth/login", body)

    assert (answered, answer["code"], answer["data"]) == (status, code, None)


async def test_an_expired_token_is_told_apart_from_a_bad_one(autojump_clock, trader):
    await trio.sleep(900)
    expired = await trader.ask("GET", "/wallet/balance")
    refreshed = await trader.post("/auth/refresh", {"refresh_token": trader.refresh_token})
    trader.token = refreshed[1]["data"]["access_token"]
    renewed = await trader.ask("GET", "/wallet/balance")
    unknown = await trader.post("/auth/refresh", {"refresh_token": "nothing"})
    trader.token = "a.b.c"
    bad = await trader.ask("GET", "/wallet/balance")
    trader.token = ""
    none = await trader.ask("GET", "/wallet/balance")

    assert (expired[0], expired[1]["code"]) == (401, 2002)
    assert list(refreshed[1]["data"]) == ["access_token"]
    assert renewed[0] == 200
    assert (unknown[0], unknown[1]["code"]) == (401, 99003)
    assert [(each[0], each[1]["code"]) for each in (bad, none)] == [(401, 99001)] * 2


async def test_all_tokens_can_be_made_to_expire(autojump_clock, trader):
    trader.exchange.expire_tokens()

    assert (await trader.ask("GET", "/wallet/balance"))[1]["code"] == 2002
    assert (await trader.post("/auth/refresh", {"refresh_token": trader.refresh_token}))[0] == 200


async def test_a_password_is_never_shown(autojump_clock, trader):
    assert trader.exchange.credentials.password not in repr(trader.exchange.credentials)


# --- markets ---


async def test_markets_and_their_books(autojump_clock, trader):
    trader.enter("other", 2, 6100, 10)
    trader.enter("other", 1, 5900, 5)
    trader.enter("trader-1", 1, 6100, 4)
    trader.token = ""
    markets = (await trader.get("/markets"))["items"]
    market_id, outcome_id = trader.outcome().key
    one = await trader.get(f"/markets/{market_id}")
    book = await trader.get(f"/orderbook/{market_id}/{outcome_id}")
    both = await trader.get(f"/markets/{market_id}/orderbook")
    trades = await trader.get(f"/markets/{market_id}/trades")
    feed = await trader.get("/feed?page=2&size=2")

    assert [each["status"] for each in markets] == ["active"] * 3
    assert one == markets[0]
    assert [each["name"] for each in one["outcomes"]] == ["Yes", "No"]
    assert (one["min_order_size"], one["tick_size"]) == (1, 1)
    assert book == {
        "market_id": market_id,
        "outcome_id": outcome_id,
        "bids": [{"price": 5900, "quantity": 5}],
        "asks": [{"price": 6100, "quantity": 6}],
    }
    assert both["outcomes"][0] == book
    assert len(both["outcomes"]) == 2
    assert [(each["price"], each["quantity"], each["side"]) for each in trades["items"]] == [(6100, 4, 1)]
    assert (len(feed["items"]), feed["page"], feed["size"], feed["total"]) == (1, 2, 2, 3)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/markets/mkt_none", 404, 99020),
        ("/orderbook/mkt_none/out", 404, 99020),
        ("/orders/none", 404, 99022),
        ("/markets?page=0", 400, 99011),
        ("/markets?size=x", 400, 99011),
        ("/nowhere", 404, 99004),
        ("/auth/login", 404, 99004),
        ("/orders/a/cancel", 404, 99004),
    ],
)
async def test_a_bad_question_is_refused(autojump_clock, trader, path, status, code):
    answered, answer = await trader.ask("GET", path)

    assert (answered, answer["code"]) == (status, code)


async def test_an_outcome_of_another_market_is_unknown(autojump_clock, trader):
    path = f"/orderbook/{trader.outcome(0).key[0]}/{trader.outcome(1).key[1]}"

    assert (await trader.ask("GET", path))[1]["code"] == 99021


async def test_paths_outside_the_base_are_unknown(autojump_clock, trader):
    answer = await trader.pool.request("GET", "http://exchange/markets")

    assert answer.status == 404


# --- orders ---


@pytest.mark.parametrize(
    ("side", "price", "quantity", "status", "code"),
    [
        (1, 0, 1, 400, 99013),
        (1, 10000, 1, 400, 99013),
        (1, 4200.0, 1, 400, 99013),
        (1, 42.5, 1, 400, 99013),
        (1, "4200", 1, 400, 99013),
        (1, True, 1, 400, 99013),
        (1, None, 1, 400, 99013),
        (1, 4200, 0, 400, 99015),
        (1, 4200, -1, 400, 99015),
        (1, 4200, 1.0, 400, 99015),
        (1, 4200, 10**30, 400, 99015),
        (3, 4200, 1, 400, 99012),
        ("buy", 4200, 1, 400, 99012),
        (True, 4200, 1, 400, 99012),
        (1, 9999, 10_002, 422, 99030),
        (2, 4200, 1, 422, 99031),
    ],
)
async def test_what_is_refused_at_the_door(autojump_clock, trader, side, price, quantity, status, code):
    before = trader.exchange.truth()
    answered, answer = await trader.place(side, price, quantity)

    assert (answered, answer["code"]) == (status, code)
    assert trader.exchange.truth() == before


async def test_an_unknown_market_or_outcome_is_refused(autojump_clock, trader):
    form = trader.form(1, 4200, 1)
    market = await trader.post("/orders", {**form, "market_id": "mkt_none"})
    outcome = await trader.post("/orders", {**form, "outcome_id": "out_none"})
    nothing = await trader.post("/orders", {"side": 1})

    assert [(each[0], each[1]["code"]) for each in (market, outcome, nothing)] == [
        (404, 99020),
        (404, 99021),
        (400, 99010),
    ]


async def test_an_order_lives_and_is_cancelled(autojump_clock, trader):
    order_id = await trader.placed(1, 4200, 10)
    pending = await trader.get(f"/orders/{order_id}")
    await trio.sleep(1)
    trader.enter("other", 2, 4200, 3)
    partial = await trader.get(f"/orders/{order_id}")
    cancelled = await trader.post(f"/orders/{order_id}/cancel")
    again = await trader.post(f"/orders/{order_id}/cancel")
    balance = await trader.get("/wallet/balance")

    assert (pending["status"], partial["status"], partial["filled_quantity"]) == ("pending", "partial", 3)
    assert cancelled == again
    assert (cancelled[0], cancelled[1]["data"]["status"], cancelled[1]["data"]["quantity"]) == (202, "cancelled", 10)
    assert balance == {"available": Decimal("9998.740630"), "locked": 0, "currency": "USDC"}


async def test_a_filled_order_and_a_strangers_one_are_not_cancelled(autojump_clock, trader):
    order_id = await trader.placed(1, 4200, 10)
    await trio.sleep(1)
    trader.enter("other", 2, 4200, 10)
    filled = await trader.post(f"/orders/{order_id}/cancel")
    await trader.log_in(trader.exchange.open_account("third"))
    strange = await trader.post(f"/orders/{order_id}/cancel")

    assert (filled[0], filled[1]["code"]) == (409, 99035)
    assert (strange[0], strange[1]["code"]) == (404, 99022)


async def test_orders_are_listed_newest_first_in_pages(autojump_clock, trader):
    ids = [await trader.placed(1, 4000 + index, 1) for index in range(5)]
    await trader.post(f"/orders/{ids[2]}/cancel")
    first = await trader.get("/orders?page=1&size=2")
    last = await trader.get("/orders?page=3&size=2")
    mine = await trader.get("/me/orders")

    assert [each["id"] for each in first["items"]] == [ids[4], ids[3]]
    assert ([each["id"] for each in last["items"]], last["total"]) == ([ids[0]], 5)
    assert [each["status"] for each in mine["items"]] == ["pending", "pending", "cancelled", "pending", "pending"]


async def test_what_was_closed_long_ago_is_listed_no_more(autojump_clock, open_trader):
    async with open_trader(attrs.evolve(QUIET, recently_closed_s=60.0)) as trader:
        order_id = await trader.placed(1, 4000, 1)
        await trader.post(f"/orders/{order_id}/cancel")
        await trio.sleep(61)
        listed = await trader.get("/orders")
        alone = await trader.get(f"/orders/{order_id}")

    assert (listed["items"], alone["status"]) == ([], "cancelled")


async def test_a_self_trade_is_refused(autojump_clock, trader):
    await trader.placed(1, 4200, 10)
    await trio.sleep(1)
    trader.enter("other", 2, 4200, 5)
    status, answer = await trader.place(2, 4100, 5)

    assert (status, answer["code"]) == (409, 99034)


async def test_a_halt_refuses_orders_and_lets_cancels_through(autojump_clock, trader):
    market_id = trader.outcome().key[0]
    order_id = await trader.placed(1, 4200, 10)
    await trio.sleep(1)
    trader.exchange.halt(market_id)
    status = (await trader.get(f"/markets/{market_id}"))["status"]
    refused = await trader.place(1, 4100, 1)
    elsewhere = await trader.place(1, 4100, 1, market=1)
    cancelled = await trader.post(f"/orders/{order_id}/cancel")
    await trio.sleep(30)
    again = await trader.place(1, 4100, 1)

    assert status == "halted"
    assert (refused[0], refused[1]["code"]) == (409, 99032)
    assert [each[0] for each in (elsewhere, cancelled, again)] == [202, 202, 202]


# --- the wallet ---


async def test_positions_and_transactions(autojump_clock, trader):
    trader.enter("other", 2, 6000, 30)
    await trader.placed(1, 6000, 30)
    await trio.sleep(1)
    trader.enter("other", 1, 7000, 10)
    await trader.placed(2, 7000, 10)
    await trio.sleep(1)
    positions = await trader.get("/me/positions")
    rows = (await trader.get("/wallet/transactions"))["items"]
    balances = [await trader.get(path) for path in ("/wallet/balance", "/me/balance", "/users/me/balance")]

    market_id, outcome_id = trader.outcome().key
    assert positions["items"] == [
        {
            "market_id": market_id,
            "outcome_id": outcome_id,
            "shares": 20,
            "avg_buy_price": Decimal("60.0000"),
            "cost_basis": Decimal("12.000000"),
        }
    ]
    assert [(row["type"], row["amount"]) for row in rows] == [
        ("trading_fee", Decimal("-0.105")),
        ("trade_sell", 7),
        ("trade_buy", -18),
        ("deposit", 10_000),
    ]
    assert [each["available"] for each in balances] == [Decimal("9988.895")] * 3
    truth = trader.exchange.truth()
    assert (truth.available_micro, truth.positions) == (9_988_895_000, {(market_id, outcome_id): 20})
    assert [(each.status, each.cost_micro, each.fees_micro) for each in truth.orders.values()] == [
        (OrderStatus.FILLED, 18_000_000, 0),
        (OrderStatus.FILLED, 7_000_000, 105_000),
    ]


async def test_a_resolved_market_leaves_the_list(autojump_clock, trader):
    market_id, outcome_id = trader.outcome().key
    trader.exchange.resolve(market_id, outcome_id)
    closing = (await trader.get(f"/markets/{market_id}"))["status"]
    await trio.sleep(2)
    proposed = (await trader.get(f"/markets/{market_id}"))["status"]
    refused = await trader.place(1, 4100, 1)
    await trio.sleep(5)
    settled = await trader.get(f"/markets/{market_id}")
    listed = [each["id"] for each in (await trader.get("/markets"))["items"]]

    assert (closing, proposed, settled["status"]) == ("halted", "proposed", "settled")
    assert (refused[0], refused[1]["code"]) == (409, 99033)
    assert [each["winner"] for each in settled["outcomes"]] == [True, False]
    assert len(listed) == 3
    assert market_id not in listed
    with pytest.raises(ValueError, match="none of the outcomes"):
        trader.exchange.resolve(market_id, "out_none")


async def test_a_market_in_dispute_can_go_back_to_trading(autojump_clock, trader):
    market_id, outcome_id = trader.outcome().key
    trader.exchange.resolve(market_id, outcome_id)
    await trio.sleep(2)
    trader.exchange.uphold_dispute(market_id)
    await trio.sleep(60)

    assert (await trader.get(f"/markets/{market_id}"))["status"] == "active"


# --- how often ---


async def test_thirty_order_calls_a_minute_over_placing_and_cancelling(autojump_clock, trader):
    order_id = await trader.placed(1, 4000, 1)
    statuses = [(await trader.place(1, 4000, 1))[0] for _ in range(28)]
    statuses.append((await trader.post(f"/orders/{order_id}/cancel"))[0])
    refused = await trader.send("POST", "/orders", msgspec.json.encode(trader.form(1, 4000, 1)))
    await trio.sleep(59)
    still = (await trader.place(1, 4000, 1))[0]
    await trio.sleep(1)
    after = (await trader.place(1, 4000, 1))[0]

    assert set(statuses) == {202}
    assert (refused.status, msgspec.json.decode(refused.body)["code"]) == (429, 99040)
    assert refused.headers["retry-after"] == "60"
    assert (still, after) == (429, 202)


async def test_sixty_order_calls_a_minute_of_one_address(autojump_clock, trader):
    statuses = []
    for name in ("b", "c", "d"):
        await trader.log_in(trader.exchange.open_account(name))
        statuses += [(await trader.place(1, 4000, 1))[0] for _ in range(21)]

    assert statuses == [202] * 60 + [429] * 3


async def test_placing_and_cancelling_can_have_a_budget_each(autojump_clock, open_trader):
    async with open_trader(attrs.evolve(QUIET, orders_shared=False)) as trader:
        order_id = await trader.placed(1, 4000, 1)
        placed = [(await trader.place(1, 4000, 1))[0] for _ in range(30)]
        cancelled = [(await trader.post(f"/orders/{order_id}/cancel"))[0] for _ in range(31)]

    assert placed == [202] * 29 + [429]
    assert cancelled == [202] * 30 + [429]


async def test_a_hundred_calls_a_minute_on_one_path(autojump_clock, trader):
    statuses = [(await trader.send("GET", "/wallet/balance")).status for _ in range(101)]
    other = (await trader.send("GET", "/me/balance")).status
    trader.token = ""
    anonymous = [(await trader.send("GET", "/markets")).status for _ in range(101)]

    assert statuses == anonymous == [200] * 100 + [429]
    assert other == 200


async def test_ten_logins_and_twenty_refreshes_a_minute(autojump_clock, trader):
    email = trader.exchange.credentials.email
    logins = [(await trader.post("/auth/login", {"email": email, "password": "x"}))[0] for _ in range(10)]
    form = {"refresh_token": trader.refresh_token}
    refreshes = [(await trader.post("/auth/refresh", form))[0] for _ in range(21)]

    assert logins == [401] * 9 + [429]
    assert refreshes == [200] * 20 + [429]


# --- the same again ---


async def run_of(open_trader, seed):
    async with open_trader(SatoriexSettings(trading_s=20.0), seed=seed) as trader:
        for index in range(10):
            await trader.place(1, 5000 + 100 * index, 10)
            await trio.sleep(3.0371)  # never at the moment of something else
        return trader.exchange.truth()


async def test_the_same_seed_gives_the_same_run(autojump_clock, open_trader):
    first = await run_of(open_trader, 7)
    second = await run_of(open_trader, 7)
    other = await run_of(open_trader, 8)

    assert first.books == second.books != other.books
    assert first.available_micro == second.available_micro


async def test_nobody_answers_before_the_exchange_runs(autojump_clock, trader):
    exchange = SatoriexExchange.create(wall_ns=trader.exchange.wall_ns, random=trader.exchange.random)

    with pytest.raises(ConnectionRefusedError):
        await exchange.dial("exchange", 80)
