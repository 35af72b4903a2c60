"""One port for REST and the websocket."""

from email.utils import formatdate
from random import Random
from urllib.parse import parse_qsl, unquote, urlsplit

import attrs
import h11
import trio
import trio_websocket
import wsproto.utilities

from actors.exchange.desk import Desk
from actors.exchange.endpoints.visit import Asked
from actors.exchange.faults import Faults
from actors.exchange.feed import Feed
from actors.exchange.line import Line
from actors.exchange.registration import Signer
from actors.exchange.settings import ExchangeSettings
from actors.exchange.socket import Socket
from protocol.prophetx.codes import refusal_body
from protocol.prophetx.pusher import ServerSession
from protocol.prophetx.wire import Dialect
from protocol.venue import Response

MAX_HEAD = 32 * 1024
MAX_BODY = 1024 * 1024
MAX_MESSAGE = 64 * 1024
MAX_FIELDS = 1000
READ_SIZE = 64 * 1024
IDLE_S = 86_400.0  # between two requests: in memory a client cannot see that an idle connection was closed
REQUEST_S = 30.0  # from a request's first byte to its last, and for sending an answer
HANDSHAKE_S = 10.0
MESSAGES_QUEUED = 256  # of one client, read and not yet looked at

PROTOCOLS = ("5", "6", "7")  # they differ in what a client may do, not in what is sent
UNKNOWN_KEY, BAD_VERSION, UNSUPPORTED, NO_PROTOCOL = 4001, 4006, 4007, 4008


class _BadRequest(Exception):
    pass


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
            upgrade = await _Http(stream, self.desk).serve()
            if upgrade is not None:
                await self._serve_socket(upgrade)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            with trio.CancelScope(shield=True):  # closing forcefully does not wait
                await trio.aclose_forcefully(stream)

    async def _serve_socket(self, upgrade: "_Upgrade") -> None:
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

    async def _handshake(self, nursery: trio.Nursery, upgrade: "_Upgrade") -> None:
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

    def _check(self, upgrade: "_Upgrade") -> int | None:
        protocol = upgrade.query.get("protocol")
        if upgrade.key != self.feed.key:
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


@attrs.frozen(kw_only=True)
class _Upgrade:
    """A request to go on as a websocket."""

    key: str
    query: dict[str, str]
    line: Line


@attrs.define(eq=False)
class _Http:
    """The HTTP half of a connection."""

    stream: trio.abc.Stream
    desk: Desk
    http: h11.Connection = attrs.field(factory=lambda: h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD))

    async def serve(self) -> _Upgrade | None:
        """Answer requests until the connection ends or becomes a websocket."""
        try:
            while True:
                request = await self._next(IDLE_S)
                if not isinstance(request, h11.Request):
                    return None
                upgrade = self._upgrade(request)
                if upgrade is not None:
                    return upgrade
                with trio.move_on_after(REQUEST_S) as deadline:
                    asked = _asked(request, await self._body())
                if deadline.cancelled_caught:
                    return None
                response = await self.desk.answer(asked)
                if response is None or not await self._send(response):
                    return None
        except (h11.RemoteProtocolError, _BadRequest) as error:
            await self._refuse(error)
            return None

    async def _next(self, timeout_s: float) -> object:
        with trio.move_on_after(timeout_s):
            while (event := self.http.next_event()) is h11.NEED_DATA:
                if self.http.they_are_waiting_for_100_continue:
                    go_on = self.http.send(h11.InformationalResponse(status_code=100, headers=[]))
                    await self.stream.send_all(go_on or b"")
                self.http.receive_data(bytes(await self.stream.receive_some(READ_SIZE)))
            return event
        return None

    async def _body(self) -> bytes:
        body = bytearray()
        while True:
            event = await self._next(REQUEST_S)
            if isinstance(event, h11.EndOfMessage):
                return bytes(body)
            if not isinstance(event, h11.Data):
                raise _BadRequest("the body ended too early")
            body += event.data
            if len(body) > MAX_BODY:
                raise _BadRequest(f"more than {MAX_BODY} bytes in the body")

    async def _send(self, response: Response) -> bool:
        """Send an answer; tell whether another request may follow."""
        date = formatdate(self.desk.wall_ns() // 10**9, usegmt=True)
        headers = [*response.headers.items(), ("date", date), ("content-length", str(len(response.body)))]
        head = self.http.send(h11.Response(status_code=response.status, headers=headers)) or b""
        body = self.http.send(h11.Data(data=response.body)) or b""
        end = self.http.send(h11.EndOfMessage()) or b""
        with trio.move_on_after(REQUEST_S) as deadline:
            await self.stream.send_all(head + body + end)
        if deadline.cancelled_caught or self.http.our_state is not h11.DONE or self.http.their_state is not h11.DONE:
            return False
        self.http.start_next_cycle()
        return True

    async def _refuse(self, error: Exception) -> None:
        if self.http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        status = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
        body = refusal_body("invalid_request", str(error), Dialect.V4)
        await self._send(Response(status=status, body=body, headers={"connection": "close"}))

    def _upgrade(self, request: h11.Request) -> _Upgrade | None:
        headers = {name.lower(): value for name, value in request.headers}
        target = urlsplit(request.target.decode("latin-1"))
        parts = target.path.removeprefix("/partner").split("/")
        if headers.get(b"upgrade", b"").lower() != b"websocket" or parts[:2] != ["", "app"] or len(parts) != 3:
            return None
        lines = [b"%s %s HTTP/1.1" % (request.method, request.target)]
        lines += [b"%s: %s" % (name, value) for name, value in request.headers.raw_items()]
        rest, _ = self.http.trailing_data
        head = b"\r\n".join([*lines, b"", b""]) + rest
        return _Upgrade(key=unquote(parts[2]), query=_query(target.query), line=Line(self.stream, head))


def _asked(request: h11.Request, body: bytes) -> Asked:
    target = urlsplit(request.target.decode("latin-1"))
    return Asked(
        method=request.method.decode("latin-1"),
        path=unquote(target.path),
        query=_query(target.query),
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers},
        body=body,
    )


def _query(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, max_num_fields=MAX_FIELDS))
    except ValueError as error:
        raise _BadRequest(f"query: {error}") from error
