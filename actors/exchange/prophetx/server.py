"""One port for REST and the websocket."""

from random import Random
from urllib.parse import unquote

import attrs
import trio
import trio_websocket
import wsproto.utilities

from actors.exchange.faults import Faults
from actors.exchange.http import READ_SIZE, Http, Upgrade
from actors.exchange.line import Line
from actors.exchange.prophetx.desk import Desk
from actors.exchange.prophetx.feed import Feed
from actors.exchange.prophetx.registration import Signer
from actors.exchange.prophetx.settings import ExchangeSettings
from actors.exchange.prophetx.socket import Socket
from protocol.prophetx.codes import refusal_body
from protocol.prophetx.pusher import ServerSession
from protocol.prophetx.wire import Dialect

MAX_MESSAGE = 64 * 1024
HANDSHAKE_S = 10.0
MESSAGES_QUEUED = 256  # of one client, read and not yet looked at

PROTOCOLS = ("5", "6", "7")  # they differ in what a client may do, not in what is sent
UNKNOWN_KEY, BAD_VERSION, UNSUPPORTED, NO_PROTOCOL = 4001, 4006, 4007, 4008


@attrs.define(eq=False)
class Server:
    """Serve one stream at a time, of any kind. A broken connection ends only itself."""

    settings: ExchangeSettings
    desk: Desk
    feed: Feed
    faults: Faults
    random: Random

    async def serve_stream(self, stream: trio.abc.Stream) -> None:
        try:
            upgrade = await self._http(stream).serve()
            if upgrade is not None:
                await self._serve_socket(upgrade)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            with trio.CancelScope(shield=True):  # closing forcefully does not wait
                await trio.aclose_forcefully(stream)

    def _http(self, stream: trio.abc.Stream) -> Http:
        return Http(
            stream=stream,
            answer=self.desk.answer,
            wall_ns=self.desk.wall_ns,
            refusal=_refusal,
            is_socket=_is_socket,
        )

    async def _serve_socket(self, upgrade: Upgrade) -> None:
        try:
            async with trio.open_nursery() as nursery:
                await self._handshake(nursery, upgrade)
                nursery.cancel_scope.cancel()
        except* (
            trio_websocket.HandshakeError,
            trio_websocket.ConnectionClosed,
            trio.BrokenResourceError,
            trio.ClosedResourceError,
            wsproto.utilities.ProtocolError,  # such as a ping that is read while closing
        ):
            pass

    async def _handshake(self, nursery: trio.Nursery, upgrade: Upgrade) -> None:
        connection: trio_websocket.WebSocketConnection | None = None
        with trio.move_on_after(HANDSHAKE_S):
            request = await trio_websocket.wrap_server_stream(
                nursery,
                upgrade.line,
                message_queue_size=MESSAGES_QUEUED,
                max_message_size=MAX_MESSAGE,
                receive_buffer_size=READ_SIZE,
            )
            connection = await request.accept()
        if connection is None:
            return
        code = self._check(upgrade)
        if code is None:
            await self._converse(connection, upgrade.line)
            return
        with trio.move_on_after(HANDSHAKE_S):
            await connection.send_message(ServerSession.refuse(_REASONS[code], code))
            await connection.aclose(code, _REASONS[code])

    def _check(self, upgrade: Upgrade) -> int | None:
        protocol = upgrade.query.get("protocol")
        if unquote(_parts(upgrade.path)[2]) != self.feed.key:
            return UNKNOWN_KEY
        if protocol is None:
            return NO_PROTOCOL
        if not protocol.isdecimal():
            return BAD_VERSION
        return None if protocol in PROTOCOLS else UNSUPPORTED

    async def _converse(self, connection: trio_websocket.WebSocketConnection, line: Line) -> None:
        socket_id = self.feed.new_socket_id()
        socket = Socket(
            signer=Signer(self.feed.key, self.feed.secret, socket_id),
            session=ServerSession(socket_id, self.settings.activity_timeout_s),
            faults=self.faults,
            random=self.random,
            line=line,
            pong_timeout_s=self.settings.pong_timeout_s,
            frames_queued=self.settings.frames_queued,
        )
        self.feed.sockets[socket_id] = socket
        try:
            await socket.run(connection)
        finally:
            del self.feed.sockets[socket_id]


_REASONS = {
    UNKNOWN_KEY: "Application does not exist",
    BAD_VERSION: "Invalid version string format",
    UNSUPPORTED: "Unsupported protocol version",
    NO_PROTOCOL: "No protocol version supplied",
}


def _parts(path: str) -> list[str]:
    return path.removeprefix("/partner").split("/")


def _is_socket(path: str) -> bool:
    parts = _parts(path)
    return parts[:2] == ["", "app"] and len(parts) == 3


def _refusal(reason: str) -> bytes:
    return refusal_body("invalid_request", reason, Dialect.V4)
