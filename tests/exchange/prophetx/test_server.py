"""Bytes on the port: what is not HTTP, what is too large, what ends too early."""

from random import Random

import msgspec
import pytest
import trio
import trio.testing
import trio_websocket
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.exchange.pipe import open_pipe
from actors.exchange.prophetx.exchange import Exchange

LOGIN = b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"


async def answer_to(client, data, *, end=False):
    """Send bytes and return everything that comes back within a while."""
    stream = await client.exchange.dial()
    received = b""
    try:
        await stream.send_all(data)
        if end:
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
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 40_000, b"431"),
        (b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n" + b"y" * 1_100_000, b"400"),
        (b"GET /app/key HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
        (b"GET /?" + b"a=1&" * 2000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"GET /%ff%00/\xe9 HTTP/1.1\r\nHost: x\r\n\r\n", b"40"),
        (LOGIN, b"400"),
    ],
)
async def test_a_bad_request_is_answered(autojump_clock, client, data, status):
    answer = await answer_to(client, data)

    assert answer.startswith(b"HTTP/1.1 " + status)


@pytest.mark.parametrize("end", [True, False])
async def test_a_body_that_never_ends_is_given_up(autojump_clock, client, end):
    assert b"HTTP/1.1 200" not in await answer_to(client, LOGIN[:-1], end=end)


async def test_two_requests_share_a_connection(autojump_clock, client):
    answer = await answer_to(client, LOGIN * 2)

    assert answer.count(b"HTTP/1.1 400") == 2


async def test_the_client_is_told_to_go_on(autojump_clock, client):
    head = LOGIN[:-2].replace(b"Host", b"Expect: 100-continue\r\nHost")

    answer = await answer_to(client, head)

    assert answer.startswith(b"HTTP/1.1 100")


async def test_a_handshake_that_is_none_is_given_up(autojump_clock, client):
    head = b"GET /app/key?protocol=7 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"

    assert (await answer_to(client, head + b"\r\n")).startswith(b"HTTP/1.1 4")
    assert not (await answer_to(client, head + b"Sec-WebSocket-Version: 13\r\n\r\n")).startswith(b"HTTP/1.1 101")


async def test_a_message_beyond_the_size_is_refused(autojump_clock, client):
    socket = await client.open_socket()
    await socket.next()
    await socket.connection.send_message("x" * 70_000)

    with pytest.raises(trio_websocket.ConnectionClosed) as closed:
        await socket.next()
    assert closed.value.reason.code == 1009


async def test_a_broken_connection_ends_only_itself(autojump_clock, client):
    socket = await client.listen()
    for _ in range(3):
        other = await client.listen()
        await trio.aclose_forcefully(other.connection._stream)
    await trio.sleep(20)

    assert list(client.exchange.feed.sockets) == [socket.session.socket_id]


async def test_nobody_answers_before_the_exchange_runs(autojump_clock):
    exchange = Exchange.create(wall_ns=lambda: 10**18, random=Random(1))

    with pytest.raises(ConnectionRefusedError):
        await exchange.dial("exchange", 80)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PATHS = st.sampled_from(
    [
        "/auth/login",
        "/auth/refresh",
        "/v4/mm/submit_order",
        "/v4/mm/submit_multiple_orders",
        "/v4/mm/cancel_order",
        "/v4/mm/cancel_multiple_orders",
        "/v4/mm/cancel_orders_by_market",
        "/v4/mm/websocket",
        "/mm/pusher",
        "/mm/place_wager",
        "/mm/cancel_wagers_by_event",
    ]
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(PATHS, st.binary(max_size=60) | JSON), max_size=6), st.lists(st.text(), max_size=4))
def test_nothing_that_a_client_sends_breaks_the_exchange(open_client, requests, frames):
    async def main():
        async with open_client() as client:
            for path, body in requests:
                sent = body if isinstance(body, bytes) else msgspec.json.encode(body)
                response = await client.send("POST", path, sent)
                assert response.status in (200, 400, 401, 403, 404, 429)
            socket = await client.open_socket()
            await socket.next()
            for frame in frames:
                await socket.connection.send_message(frame)
            assert (await client.send("GET", "/v4/mm/get_balance")).status == 200

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_bytes_are_survived(open_client, data):
    async def main():
        async with open_client() as client:
            await answer_to(client, data, end=True)
            await answer_to(client, LOGIN[:40] + data, end=True)
            assert (await client.send("GET", "/v4/mm/get_balance")).status == 200

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


# --- the stream in memory ---


async def test_a_pipe_holds_back_a_sender_that_is_not_read(autojump_clock):
    ours, theirs = open_pipe()
    with trio.move_on_after(1) as waited:
        await ours.send_all(b"x" * 100_000)

    assert waited.cancelled_caught
    assert len(await theirs.receive_some()) == 64 * 1024


async def test_a_pipe_can_be_closed_in_one_direction(autojump_clock):
    ours, theirs = open_pipe()
    await ours.send_all(b"")
    await ours.send_all(b"last")
    await ours.send_eof()
    await theirs.send_all(b"answer")

    assert await theirs.receive_some(2) == b"la"
    assert await theirs.receive_some(2) == b"st"
    assert await theirs.receive_some() == b""
    assert await ours.receive_some() == b"answer"
    await ours.wait_send_all_might_not_block()
    with pytest.raises(trio.ClosedResourceError):
        await ours.send_all(b"more")
    with pytest.raises(ValueError, match="at least 1"):
        await ours.receive_some(0)


async def test_a_closed_pipe_says_so_at_both_ends(autojump_clock):
    ours, theirs = open_pipe()
    await theirs.aclose()

    with pytest.raises(trio.BrokenResourceError):
        await ours.send_all(b"x")
    with pytest.raises(trio.ClosedResourceError):
        await theirs.receive_some()
    assert await ours.receive_some() == b""
