"""What goes wrong when it is told to."""

from random import Random

import attrs
import httpcore
import pytest
import trio
import trio_websocket

from actors.exchange.faults import REQUEST, Fault, Faults, Rule
from actors.exchange.prophetx.board import Ticket
from actors.exchange.prophetx.presets import ALL, preset
from actors.exchange.prophetx.settings import ExchangeSettings
from protocol.errors import VenueError
from protocol.events import BookReplaced, HeartbeatReceived, OrderReported, OrderStatus
from protocol.prophetx.codes import refusal

QUIET = ExchangeSettings(crowd_actions_per_s=0)


def home_of(client):
    return client.exchange.catalogue.events[0].markets[0].listings[0].selections[0].selection_id


async def place(client, name="a"):
    return await client.place(name, home_of(client), 110, 1000)


@pytest.mark.parametrize(
    ("rule", "status", "arrived"),
    [
        (Rule(fault=Fault.SERVER_ERROR, where="place", code=500), 500, False),
        (Rule(fault=Fault.SERVER_ERROR, where="place", code=502), 502, False),
        (Rule(fault=Fault.SERVER_ERROR_AFTER, where="place"), 500, True),
        (Rule(fault=Fault.THROTTLE, where="place", delay_s=3.0), 429, False),
    ],
)
async def test_a_failing_request_is_done_or_not(autojump_clock, open_client, rule, status, arrived):
    async with open_client(QUIET, attrs.evolve(rule, times=1)) as client:
        with pytest.raises(VenueError) as answer:
            await place(client)
        again = await client.send("GET", "/v4/mm/get_balance")
        orders = client.exchange.truth().orders

    assert answer.value.status == status
    assert again.status == 200
    assert list(orders) == (["a"] if arrived else [])
    assert refusal  # the client's own reading of a refusal is what raised


@pytest.mark.parametrize(("fault", "arrived"), [(Fault.LOST_REQUEST, []), (Fault.LOST_ANSWER, ["a"])])
async def test_a_lost_answer_cuts_the_connection(autojump_clock, open_client, fault, arrived):
    async with open_client(QUIET, Rule(fault=fault, where="place", times=1)) as client:
        with pytest.raises((httpcore.RemoteProtocolError, httpcore.ReadError)):
            await place(client)

        assert list(client.exchange.truth().orders) == arrived


async def test_a_slow_answer_comes_in_the_end(autojump_clock, open_client):
    async with open_client(QUIET, Rule(fault=Fault.SLOW_ANSWER, delay_s=2.0, times=1)) as client:
        start = trio.current_time()
        await place(client)

        assert trio.current_time() - start == pytest.approx(2, abs=0.01)


async def test_an_activation_can_fail(autojump_clock, open_client):
    async with open_client(QUIET, Rule(fault=Fault.INVALID_ORDER, times=1)) as client:
        socket = await client.listen()
        await place(client)
        reported = await socket.event(OrderReported, lambda each: each.status is not OrderStatus.PENDING)

    assert reported.status is OrderStatus.INVALID


async def heard(client, socket, seconds=30.0):
    with trio.move_on_after(seconds):
        while True:
            await socket.next()
    return socket.frames


@pytest.mark.parametrize(
    ("rule", "count"),
    [
        (Rule(fault=Fault.DROP, where="market_selections"), 0),
        (Rule(fault=Fault.DUPLICATE, where="market_selections"), 4),
        (Rule(fault=Fault.DELAY, where="market_selections", delay_s=5.0), 2),
        (Rule(fault=Fault.REORDER, where="market_selections", times=1), 2),
        (Rule(fault=Fault.REORDER, where="market_selections"), 2),
    ],
)
async def test_frames_are_lost_doubled_delayed_and_swapped(autojump_clock, open_client, rule, count):
    async with open_client(QUIET, rule) as client:
        socket = await client.listen()
        floor, now_ns = client.exchange.floor, client.exchange.wall_ns()
        other = floor.open_account("other", 10**6, now_ns, silent=True)
        for name in "ab":
            ticket = Ticket(external_id=name, selection_id=home_of(client), odds=110, stake_cents=330)
            floor.enter_at_once(other, ticket, now_ns)
        frames = await heard(client, socket)
        images = [event for frame in frames for event in socket.read(frame) if isinstance(event, BookReplaced)]

    sequence = [image.sequence_ns for image in images]
    assert len(images) == count
    assert (sequence == sorted(sequence)) != (rule.fault is Fault.REORDER)


async def test_every_kind_of_garbage_is_survivable(autojump_clock, open_client):
    async with open_client(QUIET, Rule(fault=Fault.GARBAGE, where="market_selections")) as client:
        socket = await client.listen()
        kinds, broken = set(), 0
        for index in range(40):
            await place(client, f"o{index}")
            await trio.sleep(0.5)
        with trio.move_on_after(10):
            while True:
                try:
                    await socket.next()
                except Exception:  # noqa: BLE001  # a frame that is not JSON
                    broken += 1
        for frame in socket.frames:
            kinds |= {type(event).__name__ for event in socket.read(frame)}

    assert broken
    assert {"MessageUnreadable", "BookReplaced", "BookUnreadable"} <= kinds


async def test_a_fill_can_be_told_late_while_other_news_is_not(autojump_clock, open_client):
    async with open_client(QUIET, Rule(fault=Fault.LATE_FILL, where="order", delay_s=30.0)) as client:
        socket = await client.listen()
        await place(client)
        opened = await socket.event(OrderReported, lambda each: each.status is OrderStatus.OPEN)
        floor, now_ns = client.exchange.floor, client.exchange.wall_ns()
        away = client.exchange.catalogue.events[0].markets[0].listings[0].selections[1].selection_id
        other = floor.open_account("other", 10**6, now_ns)
        floor.enter_at_once(other, Ticket(external_id="x", selection_id=away, odds=-110, stake_cents=330), now_ns)
        start = trio.current_time()
        filled = await socket.event(OrderReported)

    assert opened.filled == 0
    assert filled.filled == 300
    assert trio.current_time() - start == pytest.approx(30, abs=0.1)


@pytest.mark.parametrize("code", [4200, 4100, 1006])
async def test_a_disconnect_has_the_code_it_was_given(autojump_clock, open_client, code):
    async with open_client(QUIET) as client:
        socket = await client.listen()
        client.exchange.faults.add(Rule(fault=Fault.DISCONNECT, every_s=5.0, times=1, code=code))
        with pytest.raises(trio_websocket.ConnectionClosed) as closed:
            await heard(client, socket, 200)
        await trio.sleep(5)

        assert closed.value.reason.code == code
        assert client.exchange.feed.sockets == {}


async def test_a_disconnect_can_come_with_a_frame(autojump_clock, open_client):
    async with open_client(QUIET, Rule(fault=Fault.DISCONNECT, where="order", times=1, code=4200)) as client:
        socket = await client.listen()
        await place(client)
        with pytest.raises(trio_websocket.ConnectionClosed) as closed:
            await heard(client, socket, 60)

    assert closed.value.reason.code == 4200


@pytest.mark.parametrize("timed", [{"every_s": 1.0}, {"where": "health_check"}])
async def test_a_half_open_connection_says_nothing_any_more(autojump_clock, open_client, timed):
    async with open_client(QUIET, Rule(fault=Fault.HALF_OPEN, **timed)) as client:
        socket = await client.listen()
        await heard(client, socket, 60)
        count = len(socket.frames)
        await socket.connection.send_message('{"event":"pusher:ping","data":{}}')
        await heard(client, socket, 60)

        assert len(socket.frames) == count
        assert socket.connection.closed is None


async def test_the_heartbeat_can_be_muted(autojump_clock, open_client):
    async with open_client(QUIET) as client:
        socket = await client.listen()
        client.exchange.faults.add(Rule(fault=Fault.MUTE_HEARTBEAT, every_s=0.1, times=1, delay_s=40.0))
        start = trio.current_time()
        await socket.event(HeartbeatReceived)

        assert trio.current_time() - start > 35

        client.exchange.faults.add(Rule(fault=Fault.MUTE_HEARTBEAT, where="health_check"))
        count = len(socket.frames)
        await heard(client, socket, 60)
        assert len(socket.frames) == count


@pytest.mark.parametrize("timed", [{"every_s": 1.0}, {}])
async def test_a_new_configuration_closes_the_old_sockets(autojump_clock, open_client, timed):
    async with open_client(QUIET) as client:
        before = await client.call(client.rest.connection_config())
        socket = await client.listen()
        client.exchange.faults.add(Rule(fault=Fault.CONFIG_CHANGE, delay_s=5.0, times=1, **timed))
        if not timed:
            await client.call(client.rest.connection_config())
        with pytest.raises(trio_websocket.ConnectionClosed) as closed:
            await heard(client, socket, 100)
        after = await client.call(client.rest.connection_config())

    assert closed.value.reason.code == 4200
    assert after.key != before.key
    assert after.host == before.host == "exchange"


def test_the_presets_hold_every_kind_and_can_be_slowed():
    assert {rule.fault for rule in preset("all")} == set(Fault)
    assert preset("none") == ()
    slow = preset("all", 10.0)
    assert [rule.every_s for rule in slow if rule.every_s] == [rule.every_s * 10 for rule in ALL if rule.every_s]
    assert all(rule.every_s is None for rule in preset("some") if rule.fault is not Fault.DISCONNECT)


def test_rules_are_drawn_in_order_until_they_are_spent():
    faults = Faults(Random(1))
    faults.add(Rule(fault=Fault.THROTTLE, where="place", times=1), Rule(fault=Fault.SLOW_ANSWER, times=1))

    drawn = [faults.draw(REQUEST, where) for where in ("cancel", "place", "place")]

    assert [rule and rule.fault for rule in drawn] == [Fault.SLOW_ANSWER, Fault.THROTTLE, None]
    assert faults.rules == ()
    assert faults.happened == {Fault.SLOW_ANSWER: 1, Fault.THROTTLE: 1}


async def test_everything_at_once_leaves_the_ledger_whole(autojump_clock, open_client):
    busy = ExchangeSettings(go_live_s=40.0, settle_s=20.0, stagger_s=10.0)
    async with open_client(busy, *preset("all")) as client:
        floor = client.exchange.floor
        total = sum(account.cash_cents for account in floor.accounts.values())
        sockets = placed = 0
        with trio.move_on_after(40):
            while True:
                try:
                    with trio.move_on_after(8):
                        socket = await client.listen()
                        sockets += 1
                        while True:
                            selection = client.exchange.random.choice(list(floor.selections))
                            await client.place(f"o{placed}", selection, 110, 1000)
                            placed += 1
                            await socket.next()
                            await trio.sleep(0.1)
                except Exception:  # noqa: BLE001  # whatever a client can meet
                    placed += 1
                    await trio.sleep(0.1)
        happened = client.exchange.faults.happened
        client.exchange.truth()

        assert sockets > 2
        assert placed > 40
        assert len(happened) > 12
        assert sum(account.cash_cents for account in floor.accounts.values()) == total
