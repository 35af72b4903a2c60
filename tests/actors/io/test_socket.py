from collections.abc import Awaitable, Callable

import pytest
import trio
import trio.testing
import wsproto.events

from actors.io.socket import CONNECT_TIMEOUT_S, open_socket
from actors.io.transport import Dial
from actors.messages import SessionFailed
from actors.supervision import first_named
from protocol.venue import Reconnect

URL = "ws://venue/ws?token=t-1"
TEXT = wsproto.events.TextMessage


def reconnect_after(code: int) -> Reconnect:
    return Reconnect.AT_ONCE if code == 4200 else Reconnect.ORDINARY


async def failure_of(dial: Dial, within_s: float = 60.0) -> SessionFailed:
    """Open a socket and listen until it fails."""
    with trio.fail_after(within_s):
        try:
            async with open_socket(URL, dial, reconnect_after) as socket:
                await socket.receive()
        except SessionFailed as error:
            return error
        except BaseExceptionGroup as group:
            failed = first_named(group, (SessionFailed,))
            assert isinstance(failed, SessionFailed)
            return failed
    raise AssertionError("it did not fail")


class Peer:
    """The other end of a websocket, which does nothing by itself: it answers no ping."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.nursery = nursery
        self.opened = trio.Event()
        self.protocol = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        self.heard: list[wsproto.events.Event] = []
        self.stream: trio.abc.Stream | None = None

    async def dial(self, host: str, port: int) -> trio.abc.Stream:
        self.stream, theirs = trio.testing.memory_stream_pair()
        self.nursery.start_soon(self._serve, self.stream)
        return theirs

    async def _serve(self, stream: trio.abc.Stream) -> None:
        await self._hear(stream)
        await self.say(wsproto.events.AcceptConnection())
        self.opened.set()
        while await self._hear(stream):
            pass

    async def _hear(self, stream: trio.abc.Stream) -> bool:
        received = bytes(await stream.receive_some())
        if received:
            self.protocol.receive_data(received)
            self.heard += self.protocol.events()
        return bool(received)

    async def say(self, *events: wsproto.events.Event) -> None:
        assert self.stream is not None
        for event in events:
            await self.stream.send_all(self.protocol.send(event))

    async def says_when_open(self, *events: wsproto.events.Event) -> None:
        await self.opened.wait()
        await self.say(*events)


@pytest.mark.parametrize(
    ("status", "reconnect"),
    [
        (400, Reconnect.CHANGED),
        (401, Reconnect.CHANGED),
        (403, Reconnect.CHANGED),
        (404, Reconnect.CHANGED),
        (429, Reconnect.ORDINARY),
        (500, Reconnect.ORDINARY),
        (503, Reconnect.ORDINARY),
    ],
)
async def test_the_status_of_a_refused_upgrade_stands_in_the_failure_and_says_how_to_come_back(
    autojump_clock, byte_venue, written, status, reconnect
):
    async def refuse(_: object) -> bytes:
        return written(b"no", status)

    byte_venue.answer = refuse

    failure = await failure_of(byte_venue.dial)

    assert (failure.status, failure.reconnect) == (status, reconnect)


async def test_the_upgrade_is_asked_for_where_the_address_says(autojump_clock, byte_venue):
    await failure_of(byte_venue.dial)

    assert byte_venue.dialled == [("venue", 80)]
    assert [(asked.method, asked.path) for asked in byte_venue.asked] == [("GET", "/ws?token=t-1")]


@pytest.mark.parametrize("answer", [b"no http at all\r\n\r\n", None])
async def test_an_answer_that_is_no_refusal_has_no_status(autojump_clock, byte_venue, answer):
    async def garble(_: object) -> bytes | None:
        return answer

    byte_venue.answer = garble

    assert (await failure_of(byte_venue.dial)).status == 0


async def _refused(host: str, port: int) -> trio.abc.Stream:
    raise OSError("refused")


async def _silent(host: str, port: int) -> trio.abc.Stream:
    await trio.sleep_forever()


@pytest.mark.parametrize(("dial", "at_s"), [(_refused, 0.0), (_silent, CONNECT_TIMEOUT_S)])
async def test_no_connection_is_an_ordinary_failure_without_a_status(
    autojump_clock, dial: Callable[[str, int], Awaitable[trio.abc.Stream]], at_s: float
):
    failure = await failure_of(dial)

    assert str(failure).startswith("no connection to venue:80: ")
    assert (failure.status, failure.reconnect, trio.current_time()) == (0, Reconnect.ORDINARY, at_s)


async def test_texts_go_out_and_come_in(autojump_clock, nursery):
    peer = Peer(nursery)
    async with open_socket(URL, peer.dial, reconnect_after) as socket:
        await socket.send("out")
        await peer.says_when_open(TEXT(data="in"))

        assert await socket.receive() == "in"
        assert peer.heard[1:] == [TEXT(data="out")]


async def test_a_close_code_says_how_soon_to_come_back(autojump_clock, nursery):
    peer = Peer(nursery)
    nursery.start_soon(peer.says_when_open, wsproto.events.CloseConnection(code=4200, reason="moved"))

    failure = await failure_of(peer.dial)

    assert (str(failure), failure.status) == ("the socket closed with 4200 moved", 0)
    assert failure.reconnect is Reconnect.AT_ONCE


async def test_a_ping_ends_with_its_pong(autojump_clock, nursery):
    peer = Peer(nursery)
    async with open_socket(URL, peer.dial, reconnect_after) as socket:

        @nursery.start_soon
        async def _() -> None:
            await trio.sleep(7)
            await peer.say(peer.heard[-1].response())

        with trio.fail_after(60):
            await socket.ping()

    assert isinstance(peer.heard[1], wsproto.events.Ping)
    assert 7.0 <= trio.current_time() < 8.0


async def test_a_ping_that_nobody_answers_lasts_as_long_as_the_caller_lets_it(autojump_clock, nursery):
    peer = Peer(nursery)
    async with open_socket(URL, peer.dial, reconnect_after) as socket:
        await peer.says_when_open(TEXT(data="a frame is no pong"))
        with trio.move_on_after(45) as waiting:
            await socket.ping()

    assert waiting.cancelled_caught


async def test_a_ping_on_a_socket_that_is_closed_fails_the_session(autojump_clock, nursery):
    peer = Peer(nursery)
    nursery.start_soon(peer.says_when_open, wsproto.events.CloseConnection(code=4200))
    async with open_socket(URL, peer.dial, reconnect_after) as socket:
        with pytest.raises(SessionFailed):
            await socket.receive()

        with trio.fail_after(60), pytest.raises(SessionFailed, match="the socket closed with 4200"):
            await socket.ping()
