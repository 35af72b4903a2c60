"""A Pusher library that knows nothing of us, over a real socket."""

import json
import time
from functools import partial
from random import Random

import httpx
import pysher
import pytest
import trio

from actors.exchange.prophetx.exchange import Exchange
from actors.exchange.prophetx.settings import ExchangeSettings
from protocol.prophetx.wire import Dialect

SETTINGS = ExchangeSettings(heartbeat_s=0.2, crowd_actions_per_s=20, activation_delay_s=(0.001, 0.005))
MAIN = "private-broadcast-service=6-device_type=5"


class Heard:
    """What pysher's thread was told, with a way to wait for it."""

    def __init__(self, entry):
        self.entry = entry
        self.send, self.receive = trio.open_memory_channel(1000)

    def __call__(self, *args):
        trio.from_thread.run_sync(self.send.send_nowait, args, trio_token=self.entry)


@pytest.fixture
async def address(nursery):
    exchange = Exchange.create(wall_ns=time.time_ns, random=Random(1), settings=SETTINGS)
    await nursery.start(exchange.run)
    host, port = await nursery.start(exchange.serve_tcp, "127.0.0.1", 0)
    return exchange, host, port


async def log_in(exchange, http):
    keys = exchange.credentials
    body = json.dumps({"access_key": keys.user, "secret_key": keys.secret})
    answer = await http.post("/auth/login", content=body)
    return {"authorization": f"Bearer {answer.json()['data']['access_token']}"}


def connect(config, host, port, **options):
    client = pysher.Pusher(config["key"], secure=False, port=port, custom_host=host, **options)
    # Its timers live in a thread that looks at the clock once in a while; none of them is needed here.
    client.connection.timeout_scheduler.run = lambda: None
    return client


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_pysher_hears_heartbeats_and_books(address, dialect):
    exchange, host, port = address
    token = trio.lowlevel.current_trio_token()
    connected, health, books = Heard(token), Heard(token), Heard(token)
    with trio.fail_after(10):
        async with httpx.AsyncClient(base_url=f"http://{host}:{port}/partner", verify=False) as http:
            headers = await log_in(exchange, http)
            config = (await http.get("/websocket/connection-config", headers=headers)).json()
            legacy_headers = {**headers, "header-subscriptions": '[{"type":"tournament","ids":[]}]'}
            legacy = {
                "auth_endpoint": f"http://{host}:{port}/partner/mm/pusher",
                "auth_endpoint_headers": legacy_headers,
            }
            client = connect(config, host, port, **(legacy if dialect is Dialect.LEGACY else {}))
            client.connection.bind("pusher:connection_established", connected)
            client.connect()
            try:
                await connected.receive.receive()
                socket_id = client.connection.socket_id
                if dialect is Dialect.V4:
                    wish = {"socket_id": socket_id, "subscriptions": [{"type": "event", "ids": ["18756"]}]}
                    answer = await http.post("/v4/mm/websocket", json=wish, headers=headers)
                else:
                    answer = await http.post("/mm/pusher", data={"socket_id": socket_id}, headers=legacy_headers)
                for row in answer.json()["data"]["authorized_channel"]:
                    subscribe = partial(client.subscribe, row["channel_name"], row["auth"])
                    if dialect is Dialect.LEGACY:
                        subscribe = partial(client.subscribe, row["channel_name"])
                    channel = await trio.to_thread.run_sync(subscribe)
                    for binding in row["binding_events"]:
                        channel.bind(binding["name"], health if binding["name"] == "health_check" else books)

                (beat,) = await health.receive.receive()
                (message,) = await books.receive.receive()
            finally:
                await trio.to_thread.run_sync(client.disconnect, 2)

    assert config["ws_host"] == f"{host}:{port}"
    assert json.loads(beat)["payload"] == "e30="
    assert json.loads(message)["change_type"] in ("market_selections", "matched_order", "matched_bet")
