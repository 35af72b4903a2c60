"""The whole way once: sign in, look, order, be filled, hear of it."""

import trio

from protocol.events import OrderStatus


async def test_an_order_is_accepted_first_and_matched_later(autojump_clock, trader):
    market = (await trader.get("/markets"))["items"][0]
    market_id, outcome_id = market["id"], market["outcomes"][0]["id"]
    socket = await trader.dial()
    await socket.subscribe(market_id)
    trader.enter("other", 2, 6000, 10)
    await trio.sleep(0.1)

    status, answer = await trader.place(1, 6200, 4)
    at_once = trader.exchange.truth().orders[answer["data"]["id"]].status
    filled = await socket.event("order_filled")
    book = await trader.get(f"/orderbook/{market_id}/{outcome_id}")
    order = await trader.get(f"/orders/{answer['data']['id']}")

    assert (status, answer["code"], answer["data"]["trades"], answer["data"]["status"]) == (202, 0, [], "pending")
    assert at_once is OrderStatus.PENDING
    assert filled["data"]["filled_quantity"] == 4
    assert [each["type"] for each in socket.events if each["type"] not in ("orderbook", "price_update")] == [
        "wallet_changed",
        "trade",
        "order",
        "order_filled",
    ]
    assert book["asks"] == [{"price": 6000, "quantity": 6}]
    assert (order["status"], order["filled_quantity"]) == ("filled", 4)
