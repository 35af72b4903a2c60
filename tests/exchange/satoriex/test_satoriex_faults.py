"""What goes wrong when it is told to."""

from random import Random

import attrs
import httpcore
import msgspec
import pytest
import trio

from actors.exchange.faults import FRAME, Fault, Rule
from actors.exchange.satoriex.choices import Nesting, WireChoices
from actors.exchange.satoriex.frames import Message
from actors.exchange.satoriex.presets import ALL, NONE, SOME, preset
from actors.exchange.satoriex.settings import SatoriexSettings
from protocol.events import OrderStatus

QUIET = SatoriexSettings(crowd_actions_per_s=0)


async def sent(trader):
    return await trader.send("POST", "/orders", msgspec.json.encode(trader.form(1, 4200, 1)))


@pytest.mark.parametrize(
    ("rule", "status", "arrived"),
    [
        (Rule(fault=Fault.SERVER_ERROR, code=500), 500, 0),
        (Rule(fault=Fault.SERVER_ERROR, code=502), 502, 0),
        (Rule(fault=Fault.SERVER_ERROR, code=403), 403, 0),
        (Rule(fault=Fault.SERVER_ERROR_AFTER), 500, 1),
        (Rule(fault=Fault.THROTTLE, delay_s=3.0), 429, 0),
    ],
)
async def test_a_failing_request_is_done_or_not(autojump_clock, open_trader, rule, status, arrived):
    async with open_trader(QUIET, attrs.evolve(rule, where="place", times=1)) as trader:
        answer = await sent(trader)
        again = await sent(trader)
        orders = trader.exchange.truth().orders

    assert (answer.status, again.status, len(orders)) == (status, 202, arrived + 1)
    if status == 500:
        body = msgspec.json.decode(answer.body)
        assert (body["code"], body["msg"], body["data"], len(body["trace_id"])) == (50000, "internal error", None, 32)
    elif status in (403, 502):
        assert answer.body.startswith(b"<html>")
        assert answer.headers["content-type"] == "text/html"
    else:
        assert answer.headers["retry-after"] == "3"


@pytest.mark.parametrize(("fault", "arrived"), [(Fault.LOST_REQUEST, 0), (Fault.LOST_ANSWER, 1)])
async def test_a_lost_answer_cuts_the_connection(autojump_clock, open_trader, fault, arrived):
    async with open_trader(QUIET, Rule(fault=fault, where="place", times=1)) as trader:
        with pytest.raises((httpcore.RemoteProtocolError, httpcore.ReadError)):
            await sent(trader)

        assert len(trader.exchange.truth().orders) == arrived


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.SLOW_ANSWER])
async def test_an_answer_can_take_its_time(autojump_clock, open_trader, fault):
    async with open_trader(QUIET, Rule(fault=fault, where="place", delay_s=20.0, times=1)) as trader:
        start = trio.current_time()
        try:
            status = (await sent(trader)).status
        except httpcore.RemoteProtocolError:
            status = None

        assert trio.current_time() - start == pytest.approx(20, abs=0.01)
        assert status == (202 if fault is Fault.SLOW_ANSWER else None)
        assert [each.status for each in trader.exchange.truth().orders.values()] == [OrderStatus.OPEN]


async def test_an_accepted_order_can_end_cancelled(autojump_clock, open_trader):
    async with open_trader(QUIET, Rule(fault=Fault.INVALID_ORDER, times=1)) as trader:
        socket = await trader.dial()
        await socket.subscribe(trader.outcome().key[0])
        status, _ = await trader.place(1, 4200, 1)
        event = await socket.event("order")

    assert (status, event["data"]["status"]) == (202, "cancelled")
    assert trader.exchange.truth().escrow_micro == 0


@pytest.mark.parametrize(
    "where", ["login", "refresh", "markets", "market", "book", "orders", "order", "positions", "balance", "cancel"]
)
async def test_every_request_can_be_named(autojump_clock, open_trader, where):
    async with open_trader(QUIET) as trader:
        market_id, outcome_id = trader.outcome().key
        order_id = await trader.placed(1, 4200, 1)
        asked = {
            "login": ("POST", "/auth/login"),
            "refresh": ("POST", "/auth/refresh"),
            "markets": ("GET", "/markets"),
            "market": ("GET", f"/markets/{market_id}"),
            "book": ("GET", f"/orderbook/{market_id}/{outcome_id}"),
            "orders": ("GET", "/orders"),
            "order": ("GET", f"/orders/{order_id}"),
            "positions": ("GET", "/me/positions"),
            "balance": ("GET", "/wallet/balance"),
            "cancel": ("POST", f"/orders/{order_id}/cancel"),
        }
        trader.exchange.faults.add(Rule(fault=Fault.SERVER_ERROR, where=where, code=502))
        failed = [name for name, (method, path) in asked.items() if (await trader.send(method, path)).status == 502]

    assert failed == [where]


# --- frames ---


async def wallets(trader, socket, count=2):
    """Let the wallet change; return the balances as they were told, with the seconds they took."""
    start = trio.current_time()
    account = trader.exchange.floor.accounts["trader-1"]
    for _ in range(count):
        account.available_micro -= 1_000_000
        trader.exchange.floor.tell_wallet(account)
    times = []
    with trio.move_on_after(30):
        while True:
            event = await socket.event("wallet_changed")
            times.append((int(event["data"]["available"]) - 10_000, round(trio.current_time() - start)))
    return times


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (Rule(fault=Fault.DROP, times=1), [(-2, 0)]),
        (Rule(fault=Fault.DUPLICATE, times=1), [(-1, 0), (-1, 0), (-2, 0)]),
        (Rule(fault=Fault.DELAY, delay_s=5.0, times=1), [(-2, 0), (-1, 5)]),
        (Rule(fault=Fault.REORDER, times=1), [(-2, 0), (-1, 0)]),
        (Rule(fault=Fault.DROP, where="trade"), [(-1, 0), (-2, 0)]),
        (Rule(fault=Fault.HALF_OPEN, times=1), []),
    ],
)
async def test_frames_go_astray(autojump_clock, open_trader, rule, told):
    async with open_trader(QUIET, rule) as trader:
        socket = await trader.dial()

        assert await wallets(trader, socket) == told


async def test_a_frame_can_cut_the_socket(autojump_clock, open_trader):
    async with open_trader(QUIET, Rule(fault=Fault.DISCONNECT, code=1011, times=1)) as trader:
        socket = await trader.dial()
        trader.exchange.floor.tell_wallet(trader.exchange.floor.accounts["trader-1"])

        assert await socket.closed() == 1011


async def test_the_book_is_named_so_whatever_the_wire_calls_it(autojump_clock, open_trader):
    settings = attrs.evolve(QUIET, wire=WireChoices(book_event="orderbook_delta"))
    async with open_trader(settings, Rule(fault=Fault.DROP, where="book")) as trader:
        socket = await trader.dial()
        await socket.subscribe(trader.outcome().key[0])
        await trio.sleep(1)
        trader.enter("other", 2, 4200, 1)
        told = await socket.hear(1)

    assert [each["type"] for each in told] == ["price_update"]


@pytest.mark.parametrize("nesting", list(Nesting))
def test_garbage_is_never_the_message(nesting):
    wire = WireChoices(nesting=nesting)
    message = Message(
        where="book",
        kind="orderbook",
        channel="marketdata:m",
        data={"kind": "delta", "bids": [[4200, 5]], "asks": [], "price": 4200},
        market_id="m",
        at=1,
    )
    random = Random(1)
    spoilt = {message.spoilt(wire, random) for _ in range(200)}

    assert message.frame(wire) not in spoilt
    assert len(spoilt) >= 8


async def test_garbage_is_sent(autojump_clock, open_trader):
    async with open_trader(QUIET, Rule(fault=Fault.GARBAGE)) as trader:
        socket = await trader.dial()
        trader.exchange.floor.tell_wallet(trader.exchange.floor.accounts["trader-1"])
        frame = await socket.connection.get_message()

    assert '"wallet_changed","channel":"user","data":{"available":10000' not in frame


async def test_sockets_are_lost_by_themselves(autojump_clock, open_trader):
    rules = (Rule(fault=Fault.DISCONNECT, every_s=10.0, code=1001), Rule(fault=Fault.HALF_OPEN, every_s=10.0))
    async with open_trader(QUIET, *rules) as trader:
        for _ in range(5):
            socket = await trader.dial()
            with trio.move_on_after(200):
                await socket.closed()
        happened = trader.exchange.faults.happened

    assert happened[Fault.DISCONNECT] >= 1
    assert happened[Fault.HALF_OPEN] >= 1


# --- presets ---


def test_presets():
    assert preset("none") == NONE == ()
    assert preset("some") == SOME
    assert preset("all", 1.0) == ALL
    assert [each.every_s for each in preset("some", 2.0) if each.every_s] == [120.0]
    assert sum(each.probability for each in ALL if each.fault is Fault.LOST_ANSWER and each.where == "place") == 0.08


async def test_a_trader_lives_through_all_of_them(autojump_clock, open_trader):
    async with open_trader(SatoriexSettings(trading_s=30.0, stagger_s=5.0), *ALL) as trader:
        statuses = []
        for _ in range(40):
            trader.pool._connections.clear()
            with trio.move_on_after(5):
                try:
                    statuses.append((await sent(trader)).status)
                    socket = await trader.dial()
                    await socket.subscribe(trader.outcome().key[0])
                    await trio.sleep(2)
                except (httpcore.RemoteProtocolError, httpcore.ReadError):
                    statuses.append(None)
        happened = trader.exchange.faults.happened

    assert {202, None} <= set(statuses)
    assert set(happened) & FRAME
