"""Every choice about the wire, as it is seen there."""

from base64 import urlsafe_b64decode
from random import Random

import attrs
import msgspec
import pytest
import trio

from actors.exchange.satoriex.choices import Nesting, Stamp, WireChoices
from actors.exchange.satoriex.settings import SatoriexSettings

QUIET = SatoriexSettings(crowd_actions_per_s=0)


def with_wire(**choices):
    return attrs.evolve(QUIET, wire=WireChoices(**choices))


async def heard_of_a_fill(trader):
    """Let an order of the trader's be filled in two parts; return what was told."""
    socket = await trader.dial()
    await socket.subscribe(trader.outcome().key[0])
    await trader.placed(1, 4200, 10)
    await trio.sleep(1)
    trader.enter("other", 2, 4200, 4)
    trader.enter("other", 2, 4200, 6)
    await socket.hear(1)
    return socket


def of(socket, kind):
    return [each for each in socket.events if each["type"] == kind]


def test_every_choice_has_an_alternative_that_is_drawn():
    drawn = [WireChoices.drawn(Random(seed)) for seed in range(60)]

    for field in attrs.fields(WireChoices):
        assert len({getattr(each, field.name) for each in drawn}) > 1, field.name
    assert WireChoices.drawn(Random(3)) == WireChoices.drawn(Random(3))
    assert all("book" in each.book_event for each in drawn)


@pytest.mark.parametrize(
    ("nesting", "names", "inner"),
    [
        (Nesting.ASSUMED, {"type", "channel", "market_id", "outcome_id", "data", "ts"}, "data"),
        (Nesting.DATA, {"type", "data"}, "data"),
        (Nesting.PAYLOAD, {"type", "channel", "payload"}, "payload"),
    ],
)
async def test_an_event_can_be_nested(autojump_clock, open_trader, nesting, names, inner):
    async with open_trader(with_wire(nesting=nesting)) as trader:
        socket = await heard_of_a_fill(trader)

    event = of(socket, "price_update")[0]
    assert set(event) == names
    assert event[inner]["best_bid"] == 4200
    assert (event if nesting is Nesting.ASSUMED else event[inner])["outcome_id"] == trader.outcome().key[1]


async def test_an_event_can_be_flat(autojump_clock, open_trader):
    async with open_trader(with_wire(nesting=Nesting.FLAT)) as trader:
        socket = await heard_of_a_fill(trader)

    event = of(socket, "price_update")[0]
    assert (event["best_bid"], event["outcome_id"]) == (4200, trader.outcome().key[1])
    assert "data" not in event


async def test_the_book_event_has_any_name(autojump_clock, open_trader):
    async with open_trader(with_wire(book_event="order_book_update")) as trader:
        socket = await heard_of_a_fill(trader)

    assert [each["data"]["kind"] for each in of(socket, "order_book_update")] == ["snapshot"] * 2 + ["delta"] * 3


async def test_the_book_can_come_whole_every_time(autojump_clock, open_trader):
    async with open_trader(with_wire(book_deltas=False, snapshot_first=False)) as trader:
        socket = await heard_of_a_fill(trader)

    assert [each["data"] for each in of(socket, "orderbook")] == [
        {"kind": "snapshot", "bids": [[4200, 10]], "asks": []},
        {"kind": "snapshot", "bids": [[4200, 6]], "asks": []},
        {"kind": "snapshot", "bids": [], "asks": []},
    ]


async def test_deltas_can_come_without_a_snapshot(autojump_clock, open_trader):
    async with open_trader(with_wire(snapshot_first=False)) as trader:
        socket = await heard_of_a_fill(trader)

    assert [each["data"]["bids"] for each in of(socket, "orderbook")] == [[[4200, 10]], [[4200, 6]], [[4200, 0]]]


async def test_the_outcome_can_be_left_out_of_marketdata(autojump_clock, open_trader):
    async with open_trader(with_wire(outcome_left_out=True)) as trader:
        socket = await heard_of_a_fill(trader)

    assert all("outcome_id" not in each for kind in ("orderbook", "price_update") for each in of(socket, kind))
    assert "outcome_id" in of(socket, "trade")[0]


@pytest.mark.parametrize(("everyones", "count"), [(False, 0), (True, 2)])
async def test_strangers_orders_can_be_told(autojump_clock, open_trader, everyones, count):
    async with open_trader(with_wire(everyones_orders=everyones)) as trader:
        socket = await heard_of_a_fill(trader)

    mine = trader.exchange.truth().orders
    strange = [each for each in of(socket, "order") + of(socket, "order_update") if each["data"]["id"] not in mine]
    assert len(strange) == count
    assert [each["data"]["id"] in mine for each in of(socket, "order_filled")] == [True, True]


@pytest.mark.parametrize(("each", "counts"), [(True, [4, 10]), (False, [10])])
async def test_order_filled_comes_at_each_fill_or_at_the_last(autojump_clock, open_trader, each, counts):
    async with open_trader(with_wire(filled_each=each)) as trader:
        socket = await heard_of_a_fill(trader)

    assert [event["data"]["filled_quantity"] for event in of(socket, "order_filled")] == counts


async def test_objects_can_be_joined_in_one_frame(autojump_clock, open_trader):
    async with open_trader(with_wire(joined_frames=True)) as trader:
        socket = await heard_of_a_fill(trader)

    assert max(frame.count("\n") for frame in socket.frames) >= 3
    assert len(socket.frames) < len(socket.events)


async def test_a_token_can_hide_its_end(autojump_clock, open_trader):
    async with open_trader(with_wire(exp_left_out=True)) as trader:
        assert "exp" not in msgspec.json.decode(decoded(trader.token.split(".")[1]))
        await trio.sleep(900)
        assert (await trader.ask("GET", "/orders"))[1]["code"] == 2002


def decoded(part):
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


async def test_refresh_tokens_can_rotate(autojump_clock, open_trader):
    async with open_trader(with_wire(rotating_refresh=True)) as trader:
        form = {"refresh_token": trader.refresh_token}
        first = await trader.post("/auth/refresh", form)
        again = await trader.post("/auth/refresh", form)
        second = await trader.post("/auth/refresh", {"refresh_token": first[1]["data"]["refresh_token"]})

    assert [each[0] for each in (first, again, second)] == [200, 401, 200]


async def test_a_throttle_can_be_silent_about_its_end(autojump_clock, open_trader):
    async with open_trader(with_wire(retry_after=False)) as trader:
        answers = [await trader.send("GET", "/orders") for _ in range(101)]

    assert answers[-1].status == 429
    assert "retry-after" not in answers[-1].headers


async def test_my_orders_can_be_missing(autojump_clock, open_trader):
    async with open_trader(with_wire(me_orders_missing=True)) as trader:
        assert (await trader.ask("GET", "/me/orders"))[0] == 404


async def test_ids_and_limits_of_markets(autojump_clock, open_trader):
    choices = with_wire(market_id_name="market_id", outcome_id_name="outcome_id", market_limits_left_out=True)
    async with open_trader(choices) as trader:
        market = (await trader.get("/markets"))["items"][0]

    assert (market["market_id"], market["outcomes"][0]["outcome_id"]) == trader.outcome().key
    assert not {"min_order_size", "tick_size"} & set(market)


async def test_the_words_of_a_markets_status(autojump_clock, open_trader):
    async with open_trader(with_wire(active_word="ACTIVE", halted_word="paused")) as trader:
        trader.exchange.halt(trader.outcome().key[0])
        markets = (await trader.get("/markets"))["items"]

    assert [each["status"] for each in markets] == ["paused", "ACTIVE", "ACTIVE"]


async def test_a_placed_order_can_be_nested_under_another_id(autojump_clock, open_trader):
    async with open_trader(with_wire(place_nested=True, order_id_name="order_id", status_as_number=True)) as trader:
        status, answer = await trader.place(1, 4200, 10)
        order_id = answer["data"]["order"]["order_id"]
        listed = (await trader.get("/orders"))["items"][0]
        cancelled = (await trader.post(f"/orders/{order_id}/cancel"))[1]["data"]

    assert (status, answer["data"]["order"]["trades"]) == (202, [])
    assert (listed["order_id"], listed["status"]) == (order_id, 1)
    assert cancelled["status"] == 5


@pytest.mark.parametrize(
    ("name", "shown"), [("filled_quantity", 4), ("filled", 4), ("filled_qty", 4), ("remaining_quantity", 6)]
)
async def test_what_was_filled_has_one_of_four_names(autojump_clock, open_trader, name, shown):
    async with open_trader(with_wire(filled_name=name)) as trader:
        order_id = await trader.placed(1, 4200, 10)
        await trio.sleep(1)
        trader.enter("other", 2, 4200, 4)
        order = await trader.get(f"/orders/{order_id}")

    assert {each: order[each] for each in order if "fill" in each or "remain" in each} == {name: shown}


@pytest.mark.parametrize("name", ["available", "balance", "available_balance"])
async def test_money_can_be_text_under_another_name(autojump_clock, open_trader, name):
    async with open_trader(with_wire(balance_name=name, money_as_text=True)) as trader:
        await trader.placed(1, 4200, 1)
        balance = await trader.get("/wallet/balance")

    assert balance == {name: "9999.580000", "locked": "0.420000", "currency": "USDC"}


async def test_lists_can_be_bare(autojump_clock, open_trader):
    async with open_trader(with_wire(bare_lists=True)) as trader:
        markets = await trader.get("/markets?page=2&size=2")
        feed = await trader.get("/feed")

    assert len(markets) == 1
    assert set(feed) == {"items", "page", "size", "total"}


@pytest.mark.parametrize(
    ("stamp", "shown"),
    [
        (Stamp.RFC3339, "2026-09-21T14:13:20.000000Z"),
        (Stamp.SECONDS, 1_790_000_000),
        (Stamp.MILLIS, 1_790_000_000_000),
    ],
)
async def test_moments_have_one_of_three_forms(autojump_clock, open_trader, stamp, shown):
    async with open_trader(with_wire(stamp=stamp)) as trader:
        await trader.placed(1, 4200, 1)

        assert (await trader.get("/orders"))["items"][0]["created_at"] == shown


@pytest.mark.parametrize(("in_bp", "shown"), [(False, 60), (True, 6000)])
async def test_the_average_price_is_in_cents_or_in_basis_points(autojump_clock, open_trader, in_bp, shown):
    async with open_trader(with_wire(average_in_bp=in_bp)) as trader:
        trader.enter("other", 2, 6000, 3)
        trader.enter("trader-1", 1, 6000, 3)

        assert (await trader.get("/me/positions"))["items"][0]["avg_buy_price"] == shown


async def test_closed_orders_can_be_unlisted(autojump_clock, open_trader):
    async with open_trader(with_wire(closed_listed=False)) as trader:
        order_id = await trader.placed(1, 4200, 1)
        before = (await trader.get("/orders"))["total"]
        await trader.post(f"/orders/{order_id}/cancel")
        after = (await trader.get("/orders"))["total"]

    assert (before, after) == (1, 0)


async def test_the_list_of_orders_can_lag(autojump_clock, open_trader):
    async with open_trader(attrs.evolve(with_wire(list_lag_s=3.0), match_delay_s=(0.5, 0.5))) as trader:
        order_id = await trader.placed(1, 4200, 1)
        await trio.sleep(2.9)
        early = (await trader.get("/orders"))["items"]
        alone = await trader.get(f"/orders/{order_id}")
        await trio.sleep(0.2)
        late = (await trader.get("/orders"))["items"]

    assert (early, alone["status"]) == ([], "open")
    assert [each["status"] for each in late] == ["pending"]


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_is_drawn_a_fill_is_heard_of(autojump_clock, open_trader, seed):
    async with open_trader(attrs.evolve(QUIET, wire=WireChoices.drawn(Random(seed)))) as trader:
        socket = await heard_of_a_fill(trader)

    assert of(socket, "order_filled")
    assert any("book" in each["type"] for each in socket.events)
