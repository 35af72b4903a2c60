"""The HTTP half of a connection."""

from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate
from urllib.parse import parse_qsl, unquote, urlsplit

import attrs
import h11
import trio

from actors.exchange.line import Line
from protocol.venue import Response

MAX_HEAD = 32 * 1024
MAX_BODY = 1024 * 1024
MAX_FIELDS = 1000
READ_SIZE = 64 * 1024
IDLE_S = 86_400.0  # between two requests: in memory a client cannot see that an idle connection was closed
REQUEST_S = 30.0  # from a request's first byte to its last, and for sending an answer


@attrs.frozen(kw_only=True)
class Asked:
    """A request as it came. Header names in lower case."""

    method: str
    path: str
    query: Mapping[str, str] = attrs.field(factory=dict)
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: bytes = b""


@attrs.frozen(kw_only=True)
class Upgrade:
    """A request to go on as a websocket. The path is as it came, the query decoded."""

    path: str
    query: dict[str, str] = attrs.field(repr=False)
    line: Line


Watcher = Callable[[str, Asked], None]
"""Be told of a request to an endpoint of that name when it has arrived, before anything is done about it."""


@attrs.define(eq=False)
class Http:
    """Serve requests on one stream.

    `answer` returns None to cut the connection. `refusal` writes the body for what is not HTTP. `is_socket` tells
    whether a path may go on as a websocket.
    """

    stream: trio.abc.Stream
    answer: Callable[[Asked], Awaitable[Response | None]]
    wall_ns: Callable[[], int]
    refusal: Callable[[str], bytes]
    is_socket: Callable[[str], bool]
    _http: h11.Connection = attrs.field(
        factory=lambda: h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD), init=False
    )

    async def serve(self) -> Upgrade | None:
        """Answer requests until the connection ends or becomes a websocket."""
        try:
            while True:
                with trio.move_on_after(IDLE_S) as idle:
                    request = await self._next()
                if idle.cancelled_caught or not isinstance(request, h11.Request):
                    return None
                upgrade = self._upgrade(request)
                if upgrade is not None:
                    return upgrade
                with trio.move_on_after(REQUEST_S) as deadline:
                    asked = _asked(request, await self._body())
                if deadline.cancelled_caught:
                    return None
                response = await self.answer(asked)
                if response is None or not await self._send(response):
                    return None
        except (h11.RemoteProtocolError, _BadRequest) as error:
            await self._refuse(error)
            return None

    async def _next(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._http.they_are_waiting_for_100_continue:
                go_on = self._http.send(h11.InformationalResponse(status_code=100, headers=[]))
                await self.stream.send_all(go_on or b"")
            self._http.receive_data(bytes(await self.stream.receive_some(READ_SIZE)))
        return event

    async def _body(self) -> bytes:
        body = bytearray()
        while True:
            event = await self._next()
            if isinstance(event, h11.EndOfMessage):
                return bytes(body)
            if not isinstance(event, h11.Data):
                raise _BadRequest("the body ended too early")
            body += event.data
            if len(body) > MAX_BODY:
                raise _BadRequest(f"more than {MAX_BODY} bytes in the body")

    async def _send(self, response: Response) -> bool:
        """Send an answer; tell whether another request may follow."""
        date = formatdate(self.wall_ns() // 10**9, usegmt=True)
        headers = [*response.headers.items(), ("date", date), ("content-length", str(len(response.body)))]
        head = self._http.send(h11.Response(status_code=response.status, headers=headers)) or b""
        body = self._http.send(h11.Data(data=response.body)) or b""
        end = self._http.send(h11.EndOfMessage()) or b""
        with trio.move_on_after(REQUEST_S) as deadline:
            await self.stream.send_all(head + body + end)
        if deadline.cancelled_caught or self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    async def _refuse(self, error: Exception) -> None:
        if self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        status = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
        await self._send(Response(status=status, body=self.refusal(str(error)), headers={"connection": "close"}))

    def _upgrade(self, request: h11.Request) -> Upgrade | None:
        headers = {name.lower(): value for name, value in request.headers}
        target = urlsplit(request.target.decode("latin-1"))
        if headers.get(b"upgrade", b"").lower() != b"websocket" or not self.is_socket(target.path):
            return None
        lines = [b"%s %s HTTP/1.1" % (request.method, request.target)]
        lines += [b"%s: %s" % (name, value) for name, value in request.headers.raw_items()]
        rest, _ = self._http.trailing_data
        head = b"\r\n".join([*lines, b"", b""]) + rest
        return Upgrade(path=target.path, query=_query(target.query), line=Line(self.stream, head))


class _BadRequest(Exception):
    pass


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
