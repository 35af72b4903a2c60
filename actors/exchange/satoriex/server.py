"""One port for REST and the websocket."""

from random import Random

import attrs
import trio
import trio_websocket
import wsproto.utilities

from actors.exchange.faults import Faults
from actors.exchange.http import READ_SIZE, Asked, Http, Upgrade
from actors.exchange.satoriex.choices import SecondSocket
from actors.exchange.satoriex.desk import Desk, not_http
from actors.exchange.satoriex.feed import Feed
from actors.exchange.satoriex.limits import Limit
from actors.exchange.satoriex.refusals import Refused
from actors.exchange.satoriex.socket import POLICY, Socket
from actors.exchange.satoriex.tokens import Grant
from protocol.venue import Response

SOCKET_PATH = "/ws"
MAX_MESSAGE = 64 * 1024
MESSAGES_QUEUED = 256  # of one client, read and not yet looked at
HANDSHAKE_S = 10.0
IN_MEMORY = "memory"  # the address of whoever dials without a network


@attrs.define(eq=False)
class Server:
    """Serve one stream at a time, of any kind. A broken connection ends only itself."""

    desk: Desk
    feed: Feed
    faults: Faults
    random: Random

    async def serve_stream(self, stream: trio.abc.Stream) -> None:
        address = _address(stream)
        try:
            upgrade = await self._http(stream, address).serve()
            if upgrade is not None:
                await self._serve_socket(upgrade, address)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            with trio.CancelScope(shield=True):  # closing forcefully does not wait
                await trio.aclose_forcefully(stream)

    def _http(self, stream: trio.abc.Stream, address: str) -> Http:
        async def answer(asked: Asked) -> Response | None:
            return await self.desk.answer(asked, address)

        return Http(
            stream=stream,
            answer=answer,
            wall_ns=self.desk.wall_ns,
            refusal=not_http,
            is_socket=SOCKET_PATH.__eq__,
        )

    async def _serve_socket(self, upgrade: Upgrade, address: str) -> None:
        try:
            async with trio.open_nursery() as nursery:
                await self._handshake(nursery, upgrade, address)
                nursery.cancel_scope.cancel()
        except* (
            trio_websocket.HandshakeError,
            trio_websocket.ConnectionClosed,
            trio.BrokenResourceError,
            trio.ClosedResourceError,
            wsproto.utilities.ProtocolError,  # such as a ping that is read while closing
        ):
            pass

    async def _handshake(self, nursery: trio.Nursery, upgrade: Upgrade, address: str) -> None:
        connection: trio_websocket.WebSocketConnection | None = None
        with trio.move_on_after(HANDSHAKE_S):
            request = await trio_websocket.wrap_server_stream(
                nursery,
                upgrade.line,
                message_queue_size=MESSAGES_QUEUED,
                max_message_size=MAX_MESSAGE,
                receive_buffer_size=READ_SIZE,
            )
            try:
                grant = self._admit(upgrade.query.get("token", ""), address)
            except Refused as refusal:
                await _reject(request, self.desk.refuse(refusal))
                return
            connection = await request.accept()
        if connection is not None:
            await self._converse(connection, upgrade, grant)

    def _admit(self, token: str, address: str) -> Grant:
        """Return whose connection it is. Raises `Refused`."""
        now_ns, settings = self.desk.wall_ns(), self.desk.venue.settings
        self.desk.limits.count(now_ns, Limit(("connect", address), settings.connects_per_address))
        grant = self.desk.venue.gatekeeper.identify(token, now_ns)
        if settings.wire.second_socket is SecondSocket.REFUSED and self._others(grant):  # U-27
            raise Refused("session_has_socket")
        return grant

    def _others(self, grant: Grant) -> list[Socket]:
        return [socket for socket in self.feed.sockets if socket.is_open and socket.session_id == grant.session_id]

    async def _converse(self, connection: trio_websocket.WebSocketConnection, upgrade: Upgrade, grant: Grant) -> None:
        for other in self._others(grant):
            other.close(POLICY)
        settings = self.desk.venue.settings
        socket = Socket(
            account_id=grant.account_id,
            session_id=grant.session_id,
            expires_ns=grant.expires_ns,
            wire=settings.wire,
            faults=self.faults,
            random=self.random,
            line=upgrade.line,
            wall_ns=self.desk.wall_ns,
            frames_queued=settings.frames_queued,
            heard=self.feed.subscribe,
        )
        self.feed.sockets.append(socket)
        try:
            await socket.run(connection)
        finally:
            self.feed.sockets.remove(socket)


async def _reject(request: trio_websocket.WebSocketRequest, response: Response) -> None:
    headers = [(name.encode(), value.encode()) for name, value in response.headers.items()]
    await request.reject(response.status, extra_headers=headers, body=response.body)


def _address(stream: trio.abc.Stream) -> str:
    if not isinstance(stream, trio.SocketStream):
        return IN_MEMORY
    peer: tuple[str, int] = stream.socket.getpeername()
    return peer[0]
