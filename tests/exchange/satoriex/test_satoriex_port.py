"""The venue on a real port, in real time."""

from functools import partial
from random import Random
from time import time_ns

import httpx
import msgspec
import trio
import trio_websocket

from actors.exchange.satoriex.exchange import SatoriexExchange
from actors.exchange.satoriex.settings import SatoriexSettings


async def test_a_real_socket_and_a_real_port():
    settings = SatoriexSettings(match_delay_s=(0.001, 0.002))
    exchange = SatoriexExchange.create(wall_ns=time_ns, random=Random(1), settings=settings)
    known = exchange.credentials
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(exchange.run))
        host, port = await nursery.start(exchange.serve_tcp, "127.0.0.1", 0)
        async with httpx.AsyncClient(base_url=f"http://{host}:{port}/api/v1", trust_env=False) as client:
            login = await client.post("/auth/login", json={"email": known.email, "password": known.password})
            token = login.json()["data"]["access_token"]
            market = (await client.get("/markets")).json()["data"]["items"][0]
            outcome_id = market["outcomes"][0]["id"]
            best_bp = exchange.truth().books[market["id"], outcome_id].asks[0][0]
            async with trio_websocket.open_websocket_url(f"ws://{host}:{port}/ws?token={token}") as socket:
                form = {"market_id": market["id"], "outcome_id": outcome_id, "side": 1, "price": best_bp, "quantity": 1}
                headers = {"authorization": f"Bearer {token}"}
                placed = await client.post("/orders", json=form, headers=headers)
                heard = ""
                with trio.fail_after(5):
                    while heard != "order_filled":
                        heard = msgspec.json.decode(await socket.get_message())["type"]
        nursery.cancel_scope.cancel()

    assert (placed.status_code, placed.json()["data"]["trades"]) == (202, [])
