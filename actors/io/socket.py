"""A websocket to the venue, frame by frame."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import attrs
import h11
import trio
import trio_websocket
import wsproto.utilities

from actors.io.transport import Dial, secure
from actors.messages import SessionFailed
from actors.supervision import first_leaf
from protocol.venue import Reconnect

CONNECT_TIMEOUT_S = 10.0
SEND_TIMEOUT_S = 5.0
CLOSE_TIMEOUT_S = 0.2  # a polite goodbye; whoever restarts does not wait for a peer that may be gone
QUEUE_FRAMES = 4096  # when the library's queue is full it stops answering pings; the reader never waits downstream
MAX_FRAME_BYTES = 16 * 2**20
READ_BYTES = 65_536
TOO_MANY, SERVER_ERROR = 429, 500  # HTTP statuses


@attrs.frozen
class Socket:
    """Text frames out and in. Raises `SessionFailed` with the reconnect policy of the close code."""

    _connection: trio_websocket.WebSocketConnection
    _reconnect_after: Callable[[int], Reconnect]

    async def send(self, text: str) -> None:
        try:
            with trio.fail_after(SEND_TIMEOUT_S):
                await self._connection.send_message(text)
        except trio_websocket.ConnectionClosed as error:
            raise self._closed(error) from error
        except trio.TooSlowError as error:
            raise SessionFailed("the socket takes no more") from error

    async def receive(self) -> str | bytes:
        try:
            return await self._connection.get_message()
        except trio_websocket.ConnectionClosed as error:
            raise self._closed(error) from error

    async def ping(self) -> None:
        """Send a ping and wait for its pong, for as long as the caller lets it."""
        try:
            await self._connection.ping()
        except trio_websocket.ConnectionClosed as error:
            raise self._closed(error) from error

    def _closed(self, error: trio_websocket.ConnectionClosed) -> SessionFailed:
        code = error.reason.code if error.reason is not None else 1006
        text = (error.reason.reason if error.reason is not None else None) or ""
        return SessionFailed(f"the socket closed with {code} {text}".rstrip(), self._reconnect_after(code))


@asynccontextmanager
async def open_socket(url: str, dial: Dial, reconnect_after: Callable[[int], Reconnect]) -> AsyncIterator[Socket]:
    """Open a websocket, and close it at the end: politely if the peer answers soon, by force if not.

    Raises `SessionFailed`, alone or in a group.
    """
    parts = urlsplit(url)
    host, tls = parts.hostname or "", parts.scheme == "wss"
    stream = await _connect(dial, host, parts.port or (443 if tls else 80), tls)
    try:
        async with trio.open_nursery() as nursery:  # the library's reader can fail in ways of its own: they end here
            connection = await _shake_hands(nursery, stream, parts.netloc, f"{parts.path}?{parts.query}")
            try:
                yield Socket(connection, reconnect_after)
            finally:
                with trio.move_on_after(CLOSE_TIMEOUT_S, shield=True):
                    await connection.aclose()
                nursery.cancel_scope.cancel()
    except* (
        trio.BrokenResourceError,
        trio.ClosedResourceError,
        h11.ProtocolError,  # of the library's own, for an answer that is no HTTP
        wsproto.utilities.ProtocolError,
    ) as group:
        raise SessionFailed("the socket broke") from group
    except* trio_websocket.HandshakeError as group:  # a refusal is raised where it is read
        raise _refused(first_leaf(group)) from group
    finally:
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(stream)


async def _connect(dial: Dial, host: str, port: int, tls: bool) -> trio.abc.Stream:
    try:
        with trio.fail_after(CONNECT_TIMEOUT_S):
            stream = await dial(host, port)
            return await secure(stream, host, ssl.create_default_context()) if tls else stream
    except (OSError, trio.BrokenResourceError, trio.TooSlowError) as error:
        raise SessionFailed(f"no connection to {host}:{port}: {error!r}") from error


async def _shake_hands(
    nursery: trio.Nursery, stream: trio.abc.Stream, host: str, resource: str
) -> trio_websocket.WebSocketConnection:
    try:
        with trio.fail_after(CONNECT_TIMEOUT_S):
            return await trio_websocket.wrap_client_stream(
                nursery,
                stream,  # type: ignore[arg-type]  # any stream will do
                host,
                resource,
                message_queue_size=QUEUE_FRAMES,
                max_message_size=MAX_FRAME_BYTES,
                receive_buffer_size=READ_BYTES,
            )
    except trio.TooSlowError as error:
        raise SessionFailed("no websocket handshake in time") from error
    except trio_websocket.HandshakeError as error:
        raise _refused(error) from error


def _refused(error: BaseException) -> SessionFailed:
    status = error.status_code if isinstance(error, trio_websocket.ConnectionRejected) else 0
    passing = status == TOO_MANY or status >= SERVER_ERROR  # nothing about the request has to change
    reconnect = Reconnect.ORDINARY if passing else Reconnect.CHANGED
    return SessionFailed(f"the websocket handshake failed: {error!r}", reconnect, status)
