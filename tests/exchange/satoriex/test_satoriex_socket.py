"""The websocket: who may connect, what is heard, how it ends."""

import attrs
import pytest
import trio
import trio_websocket

from actors.exchange.satoriex.choices import SecondSocket, WireChoices
from actors.exchange.satoriex.settings import SatoriexSettings

QUIET = SatoriexSettings(crowd_actions_per_s=0)


def with_wire(**choices):
    return attrs.evolve(QUIET, wire=WireChoices(**choices))


def kinds(events):
    return [each["type"] for each in events]


# --- connecting ---


async def test_a_socket_needs_a_token_that_holds(autojump_clock, trader):
    bad = await trader.refused("a.b.c")
    await trio.sleep(900)
    expired = await trader.refused()

    assert (bad[0], bad[1]["code"]) == (401, 99001)
    assert (expired[0], expired[1]["code"]) == (401, 2002)


async def test_connecting_is_limited_by_address(autojump_clock, open_trader):
    async with open_trader(attrs.evolve(QUIET, connects_per_address=3)) as trader:
        for _ in range(3):
            await trader.dial()
        refused = await trader.refused()
        await trio.sleep(60)
        await trader.dial()

    assert (refused[0], refused[1]["code"]) == (429, 99040)


async def test_a_second_socket_closes_the_older_one(autojump_clock, trader):
    older = await trader.dial()
    newer = await trader.dial()
    code = await older.closed()
    await trader.placed(1, 4000, 1)

    assert code == 1008
    assert kinds(await newer.hear(1)) == ["wallet_changed"]


async def test_a_second_socket_can_be_refused(autojump_clock, open_trader):
    async with open_trader(with_wire(second_socket=SecondSocket.REFUSED)) as trader:
        older = await trader.dial()
        refused = await trader.refused()
        await trader.log_in()
        other = await trader.dial()
        await older.connection.aclose()
        trader.exchange.disconnect()
        await other.closed()
        again = await trader.dial()
        await trader.placed(1, 4000, 1)

        assert (refused[0], refused[1]["code"]) == (409, 99041)
        assert kinds(await again.hear(1)) == ["wallet_changed"]


async def test_a_socket_ends_with_its_token(autojump_clock, trader):
    socket = await trader.dial()
    start = trio.current_time()

    assert await socket.closed() == 1008
    assert round(trio.current_time() - start) == 900


async def test_a_socket_ends_when_all_tokens_are_made_to_expire(autojump_clock, trader):
    socket = await trader.dial()
    trader.exchange.expire_tokens()

    assert await socket.closed() == 1008


async def test_a_socket_can_outlive_its_token(autojump_clock, open_trader):
    async with open_trader(with_wire(expiry_closes=False)) as trader:
        socket = await trader.dial()
        trader.exchange.expire_tokens()
        await socket.hear(1000)

        assert socket.connection.closed is None


@pytest.mark.parametrize(("code", "seen"), [(1001, 1001), (1006, 1006)])
async def test_sockets_can_be_closed(autojump_clock, trader, code, seen):
    socket = await trader.dial()
    trader.exchange.disconnect(code)

    assert await socket.closed() == seen


async def test_a_ping_is_answered(autojump_clock, trader):
    socket = await trader.dial()
    with trio.fail_after(1):
        await socket.connection.ping()


async def test_a_client_that_does_not_read_is_closed(autojump_clock, open_trader):
    async with open_trader(attrs.evolve(QUIET, frames_queued=5)) as trader:
        await trader.dial()
        await trio.sleep(1)
        account = trader.exchange.floor.accounts["trader-1"]
        for _ in range(7):
            trader.exchange.floor.tell_wallet(account)
        await trio.sleep(10)

        assert trader.exchange.feed.sockets == []


async def test_what_a_client_sends_cannot_break_its_socket(autojump_clock, trader):
    socket = await trader.dial()
    for frame in ("", "{", "[]", "7", '{"type":"unsubscribe","market_id":"x"}', '{"type":"subscribe"}', '{"type":[]}'):
        await socket.connection.send_message(frame)
    await socket.connection.send_message(b"\xff")
    await socket.subscribe("mkt_none")
    await socket.send(type="subscribe", market_id={"a": 1})
    await socket.send(type="dance", market_id=trader.outcome().key[0])
    await trader.placed(1, 4000, 1)

    assert kinds(await socket.hear(1)) == ["wallet_changed"]


# --- hearing ---


async def test_only_what_was_subscribed_is_heard(autojump_clock, trader):
    market_id = trader.outcome().key[0]
    socket = await trader.dial()
    await socket.send(type="subscribe_marketdata", market_id=market_id)
    first = await socket.hear(1)
    trader.enter("other", 2, 6000, 10)
    trader.enter("other", 2, 6000, 10, market=1)
    moved = await socket.hear(1)

    assert kinds(first) == ["orderbook", "orderbook"]
    assert kinds(moved) == ["orderbook", "price_update"]
    assert moved[0]["data"] == {"kind": "delta", "bids": [], "asks": [[6000, 10]]}
    assert moved[0]["channel"] == f"marketdata:{market_id}"
    assert moved[1]["data"] == {"mid": None, "best_bid": None, "best_ask": 6000}


async def test_the_way_of_an_order(autojump_clock, trader):
    socket = await trader.dial()
    await socket.send(type="subscribe", market_id=trader.outcome().key[0])
    order_id = await trader.placed(1, 4200, 10)
    opened = await socket.hear(1)
    trader.enter("other", 2, 4200, 3)
    trader.enter("other", 2, 4200, 3)
    filled = await socket.hear(1)
    await trader.post(f"/orders/{order_id}/cancel")
    cancelled = await socket.hear(1)

    assert [(each["type"], each["data"].get("status")) for each in opened] == [
        ("wallet_changed", None),
        ("order", "open"),
    ]
    fill = ["trade", "{}", "order_filled", "wallet_changed"]
    assert kinds(filled) == [each.format("order") for each in fill] + [each.format("order_update") for each in fill]
    assert [(each["type"], each["data"].get("status")) for each in cancelled] == [
        ("order", "cancelled"),
        ("wallet_changed", None),
    ]
    trade = filled[0]["data"]
    assert (trade["price"], trade["quantity"], trade["maker_order_id"], trade["side"]) == (4200, 3, order_id, 2)


async def test_deltas_rebuild_the_book(autojump_clock, open_trader):
    async with open_trader(SatoriexSettings()) as trader:
        socket = await trader.dial()
        await socket.subscribe(trader.outcome().key[0])
        await socket.hear(20)
        trader.exchange.freeze()
        await socket.hear(1)
        truth = trader.exchange.truth().books

    books = {}
    for event in socket.events:
        if event["type"] == "orderbook":
            if event["data"]["kind"] == "snapshot":
                books[event["outcome_id"]] = ({}, {})
            for side, name in zip(books[event["outcome_id"]], ("bids", "asks"), strict=True):
                for price, shares in event["data"][name]:
                    side[price] = shares
                    if not shares:
                        del side[price]
    assert len(books) == 2
    for outcome_id, (bids, asks) in books.items():
        depth = truth[trader.outcome().key[0], outcome_id]
        assert (tuple(sorted(bids.items(), reverse=True)), tuple(sorted(asks.items()))) == (depth.bids, depth.asks)


async def test_a_settlement_is_told_on_both_channels(autojump_clock, trader):
    market_id, outcome_id = trader.outcome().key
    trader.enter("other", 2, 6000, 10)
    await trader.placed(1, 6000, 10)
    await trio.sleep(1)
    await trader.placed(1, 1000, 10)
    await trio.sleep(1)
    socket = await trader.dial()
    await socket.send(type="subscribe", market_id=market_id)
    trader.exchange.resolve(market_id, outcome_id)
    told = await socket.hear(10)

    assert kinds(told) == ["order", "wallet_changed", "wallet_changed", "settlement", "market_resolved"]
    assert told[2]["data"]["available"] == 10_004
    assert told[3]["data"]["winning_outcome_id"] == outcome_id


async def test_a_dispute_is_told(autojump_clock, trader):
    market_id, outcome_id = trader.outcome().key
    socket = await trader.dial()
    trader.exchange.resolve(market_id, outcome_id)
    await trio.sleep(2)
    trader.exchange.uphold_dispute(market_id)

    assert kinds(await socket.hear(1)) == ["dispute_filed"]


async def test_the_path_is_a_socket_only_when_it_is_asked_to_be(autojump_clock, trader):
    answer = await trader.pool.request("GET", f"http://exchange/ws?token={trader.token}")

    assert answer.status == 404


async def test_a_broken_connection_ends_only_itself(autojump_clock, trader):
    socket = await trader.dial()
    await trader.log_in()
    other = await trader.dial()
    await trio.aclose_forcefully(other.connection._stream)
    await trio.sleep(5)

    assert len(trader.exchange.feed.sockets) == 1
    assert socket.connection.closed is None


async def test_a_message_beyond_the_size_is_refused(autojump_clock, trader):
    socket = await trader.dial()
    await socket.connection.send_message("x" * 70_000)

    with pytest.raises(trio_websocket.ConnectionClosed):
        await socket._next()


async def test_a_socket_that_went_dead_does_not_keep_its_session_out(autojump_clock, open_trader):
    async with open_trader(with_wire(second_socket=SecondSocket.REFUSED)) as trader:
        dead = await trader.dial()
        trader.exchange.feed.sockets[0].freeze()
        await trio.aclose_forcefully(dead.connection._stream)
        await trio.sleep(1)
        again = await trader.dial()
        await trader.placed(1, 4000, 1)

        assert kinds(await again.hear(1)) == ["wallet_changed"]
