"""The websocket: handshake, channels, liveness, the end."""

import itertools

import attrs
import msgspec
import pytest
import trio
import trio_websocket

from actors.exchange.prophetx import frames
from actors.exchange.prophetx.settings import ExchangeSettings
from protocol.events import (
    BookReplaced,
    EventListed,
    EventStatus,
    EventUnlisted,
    HeartbeatReceived,
    MarketListed,
    OrderReported,
    OrderStatus,
    SelectionListed,
    UnknownReceived,
)
from protocol.prophetx import pusher
from protocol.prophetx.wire import Dialect
from protocol.venue import Wanted

QUIET = ExchangeSettings(crowd_actions_per_s=0)
MAIN = "private-broadcast-service=6-device_type=5"
PRIVATE = "private-service=6-device_type=5-user=trader-1"


async def close_code(socket):
    with trio.fail_after(3600):
        try:
            while True:
                await socket.next()
        except trio_websocket.ConnectionClosed as closed:
            return closed.reason.code if closed.reason else None


@pytest.mark.parametrize(
    ("key", "query", "code"),
    [
        ("wrong", "?protocol=7", 4001),
        (None, "", 4008),
        (None, "?protocol=99", 4007),
        (None, "?protocol=seven", 4006),
    ],
)
async def test_a_wrong_address_is_closed_with_its_code(autojump_clock, client, key, query, code):
    socket = await client.open_socket(key, query)

    refused = await socket.next()

    assert refused.code == code
    assert await close_code(socket) == code


async def test_without_an_activity_timeout_the_handshake_has_only_an_id(autojump_clock, open_client):
    async with open_client(attrs.evolve(QUIET, activity_timeout_s=None)) as client:
        socket = await client.open_socket()
        text = await socket.connection.get_message()

    assert list(msgspec.json.decode(msgspec.json.decode(text)["data"])) == ["socket_id"]


async def test_a_registration_is_the_full_set_and_says_what_it_left_out(autojump_clock, client):
    socket = await client.open_socket()
    established = await socket.next()
    wish = [
        {"type": "event", "ids": ["18756", "all", "x", "0"]},
        {"type": "event_subtype", "ids": ["18756:Player Total-Hits!", "18756:", "18756"]},
        {"type": "tournament", "ids": ["31"]},
        {"type": "weather", "ids": ["1"]},
        {"type": "moon", "ids": []},
    ]

    status, answer = await client.post("/v4/mm/websocket", {"socket_id": established.socket_id, "subscriptions": wish})

    data = answer["data"]
    assert status == 200
    assert [each["channel_name"] for each in data["authorized_channel"]] == [
        MAIN,
        PRIVATE,
        f"{MAIN}-event=18756",
        f"{MAIN}-event=18756-subtype=player_total_hits",
    ]
    assert data["authorized_channel"][0]["binding_events"][0] == {"name": "tournament_31", "type": "tournament"}
    assert data["authorized_channel"][3]["scope"] == {"event_id": 18756, "sub_type": "player_total_hits"}
    assert data["channel_count"] == 2
    assert [each["reason"] for each in data["rejected"]] == [
        "wildcard_not_allowed",
        *["malformed_id"] * 4,
        *["unknown_type"] * 2,
    ]


async def test_the_channel_limit_counts_everything_ever_registered(autojump_clock, open_client):
    async with open_client(attrs.evolve(QUIET, channel_limit=3)) as client:
        socket = await client.open_socket()
        established = await socket.next()
        answers = [
            await client.post(
                "/v4/mm/websocket",
                {"socket_id": established.socket_id, "subscriptions": [{"type": "event", "ids": ids}]},
            )
            for ids in (["1", "2"], ["2", "3"], ["4"], ["1"])
        ]

    assert [status for status, _ in answers] == [200, 200, 400, 200]
    assert answers[2][1]["error"] == "exceed_subscription_count"
    assert answers[3][1]["data"]["channel_count"] == 3


async def test_every_auth_string_is_checked(autojump_clock, client):
    socket = await client.open_socket()
    await socket.next()
    refused = []
    for frame in (
        socket.session.subscribe(PRIVATE, "a:b"),
        socket.session.subscribe("x" * 300, "a:b"),
        socket.session.sign_in("a:b", "{}"),
        "{",
        pusher.frame("client-x", {}, PRIVATE),
        pusher.frame(pusher.SUBSCRIBE, {"channel": 7}),
    ):
        await socket.connection.send_message(frame)
        refused.append(await socket.next())

    assert all(isinstance(each, pusher.Refused) for each in refused)
    assert client.exchange.feed.sockets[socket.session.socket_id].session.subscribed == set()


async def test_a_socket_belongs_to_one_user(autojump_clock, client):
    socket = await client.listen()
    signer = client.exchange.feed.sockets[socket.session.socket_id].signer

    await socket.connection.send_message(socket.session.sign_in(signer.user('{"id":"other"}'), '{"id":"other"}'))

    assert isinstance(await socket.next(), pusher.Refused)


async def test_what_was_unsubscribed_is_not_heard(autojump_clock, client):
    socket = await client.listen()
    await socket.connection.send_message(socket.session.unsubscribe(PRIVATE))
    await socket.connection.send_message(pusher.ping())

    assert isinstance(await socket.next(), pusher.Ponged)
    await trio.sleep(20)
    await socket.connection.send_message(pusher.ping())
    assert isinstance(await socket.next(), pusher.Ponged)


async def test_heartbeats_come_every_five_seconds(autojump_clock, client):
    socket = await client.listen()
    times = []
    for _ in range(3):
        await socket.event(HeartbeatReceived)
        times.append(trio.current_time())

    assert [round(late - early, 6) for early, late in itertools.pairwise(times)] == [5.0, 5.0]


async def test_a_silent_client_is_pinged_and_then_closed(autojump_clock, open_client):
    async with open_client(attrs.evolve(QUIET, heartbeat_s=1000.0)) as client:
        socket = await client.open_socket()
        await socket.next()
        start = trio.current_time()
        ping = socket.session.receive(await socket.connection.get_message())
        waited = trio.current_time() - start
        code = await close_code(socket)

    assert ping == pusher.Pinged()
    assert round(waited) == 120
    assert (code, round(trio.current_time() - start)) == (4201, 150)


async def test_a_client_that_answers_pings_stays(autojump_clock, client):
    socket = await client.open_socket()
    with trio.move_on_after(1000):
        while True:
            await socket.next()

    assert socket.connection.closed is None


async def test_a_client_that_does_not_read_is_closed_as_over_capacity(autojump_clock, open_client):
    async with open_client(attrs.evolve(QUIET, frames_queued=5, heartbeat_s=0.1)) as client:
        await client.listen()
        served = next(iter(client.exchange.feed.sockets.values()))
        for _ in range(7):
            served.send(heartbeat())
        await trio.sleep(10)

        assert client.exchange.feed.sockets == {}


def heartbeat():
    return frames.heartbeat(PRIVATE, 1)


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_an_event_goes_live_ends_and_is_replaced(autojump_clock, open_client, dialect):
    schedule = attrs.evolve(QUIET, go_live_s=30.0, settle_s=20.0, stagger_s=300.0)
    async with open_client(schedule, dialect=dialect) as client:
        socket = await client.listen()
        home = client.exchange.catalogue.events[0].markets[0].listings[0].selections[0].selection_id
        await client.place("a", home, 110, 1000)
        live = await socket.event(EventListed)
        wiped = await socket.event(OrderReported, lambda each: each.status is OrderStatus.WIPED)
        image = await socket.event(BookReplaced)
        ended = await socket.event(EventListed)
        unlisted = await socket.event(EventUnlisted)
        listed = await socket.event(EventListed)
        market = await socket.event(MarketListed)
        strike = await socket.event(SelectionListed)
        await trio.sleep(350)
        events = list(client.exchange.floor.events)

    assert (live.event_id, live.status) == (18756, EventStatus.LIVE)
    assert wiped.client_order_id == "a"
    assert not any(side.levels for side in image.sides)
    assert ended.status is EventStatus.ENDED
    assert unlisted.event_id == 18756
    assert (listed.event_id, listed.status) == (18759, EventStatus.SCHEDULED)
    assert (market.event_id, strike.event_id) == (18759, 18759)
    assert len(events) == 3
    assert 18757 not in events


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_every_push_can_be_read_in_its_dialect(autojump_clock, open_client, dialect):
    busy = ExchangeSettings(go_live_s=10.0, settle_s=10.0, stagger_s=5.0)
    async with open_client(busy, dialect=dialect) as client:
        socket = await client.listen(Wanted(events=tuple(client.exchange.floor.events)))
        with trio.move_on_after(30):
            while True:
                await socket.next()
        read = [event for frame in socket.frames for event in socket.read(frame)]

    names = {type(event).__name__ for event in read}
    assert names >= {"BookReplaced", "TradePrinted", "EventListed", "EventUnlisted", "MarketListed", "SelectionListed"}
    assert names.isdisjoint({"MessageUnreadable", "UnknownReceived"})
    images = [frame for frame in socket.frames if b"market_selections" in frame.data]
    expected = MAIN if dialect is Dialect.LEGACY else f"{MAIN}-event="
    assert all(frame.channel.startswith(expected) for frame in images)
    assert UnknownReceived not in map(type, read)


async def test_pusher_libraries_authorise_channel_by_channel(autojump_clock, client):
    socket = await client.open_socket()
    established = await socket.next()
    answers = [
        await client.send("POST", "/mm/pusher", body.encode(), {"header-subscriptions": header})
        for body, header in (
            (f"socket_id={established.socket_id}&channel_name={MAIN}", '[{"type":"tournament","ids":[]}]'),
            (f"socket_id={established.socket_id}&channel_name=other", ""),
            ("socket_id=1.1", ""),
            (f'{{"socket_id":"{established.socket_id}"}}', "{"),
        )
    ]

    served = client.exchange.feed.sockets[established.socket_id]
    assert [each.status for each in answers] == [200, 401, 400, 400]
    assert msgspec.json.decode(answers[0].body)["auth"] == served.signer.channel(MAIN)


async def test_another_account_cannot_take_a_socket_over(autojump_clock, client):
    socket = await client.listen()
    keys = client.exchange.open_account("other")
    tokens = await client.call(client.rest.log_in(keys))
    client.token = tokens.access_token

    status, answer = await client.post("/v4/mm/websocket", {"socket_id": socket.session.socket_id})

    assert (status, answer["error"]) == (400, "invalid_request")
