"""Bytes on the port: what is not HTTP, what means nothing, what breaks off."""

import msgspec
import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.exchange.satoriex.publications import OrderChanged

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["email", "password", "refresh_token", "market_id", "outcome_id", "side", "price", "quantity"])
PATHS = st.sampled_from(["/auth/login", "/auth/refresh", "/orders", "/orders/x/cancel", "/orders/%C3%A9/cancel"])


async def answer_to(trader, data):
    """Send bytes and return everything that comes back within a while."""
    stream = await trader.exchange.dial()
    received = b""
    try:
        await stream.send_all(data)
        await stream.send_eof()
    except trio.BrokenResourceError:
        pass
    with trio.move_on_after(100):
        while chunk := await stream.receive_some():
            received += chunk
    await stream.aclose()
    return received


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 40_000, b"431"),
        (b"GET /api/v1/markets?" + b"a=1&" * 2000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", b"400"),
    ],
)
async def test_a_bad_request_is_answered(autojump_clock, trader, data, status):
    answer = await answer_to(trader, data)

    assert answer.startswith(b"HTTP/1.1 " + status)


async def test_a_connection_that_breaks_off_in_the_middle_ends_only_itself(autojump_clock, trader):
    trader.enter("other", 2, 4000, 500)
    stream = await trader.exchange.dial()
    await stream.send_all(b"GET /api/v1/markets HTTP/1.1\r\nHost: x\r\n\r\n")
    await stream.aclose()
    await trio.sleep(1)

    assert len((await trader.get("/markets"))["items"]) == 3


async def test_listeners_hear_everything_and_a_halt_ends_by_hand(autojump_clock, trader):
    heard = []
    trader.exchange.listeners.append(heard.append)
    market_id = trader.outcome().key[0]
    trader.exchange.halt(market_id)
    trader.exchange.resume(market_id)
    trader.exchange.resume(market_id)
    order = trader.enter("other", 2, 4000, 5)
    trader.exchange.floor.withdraw(order, 0)
    trader.exchange.floor.withdraw(order, 0)
    trader.exchange.halt(market_id)
    trader.exchange.halt(market_id)

    statuses = [each.order.status.value for each in heard if isinstance(each, OrderChanged)]
    assert statuses == ["pending", "open", "cancelled"]
    assert not any(each.can_match for each in trader.exchange.truth("other").orders.values())


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(PATHS, st.binary(max_size=60) | JSON | st.dictionaries(NAMES, JSON)), max_size=6),
    st.lists(st.text(max_size=20) | JSON | st.dictionaries(st.sampled_from(["type", "market_id"]), JSON), max_size=4),
)
def test_nothing_that_a_client_sends_breaks_the_venue(open_trader, requests, frames):
    async def main():
        async with open_trader() as trader:
            for path, body in requests:
                sent = body if isinstance(body, bytes) else msgspec.json.encode(body)
                status = (await trader.send("POST", path, sent)).status
                assert 400 <= status < 500
            socket = await trader.dial()
            for frame in frames:
                text = frame if isinstance(frame, str) else msgspec.json.encode(frame).decode()
                await socket.connection.send_message(text)
            assert await trader.get("/wallet/balance")

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
