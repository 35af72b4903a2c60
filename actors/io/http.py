"""HTTP as the rest of the house sees it: a request out, an answer back or none."""

import ssl
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import attrs
import httpcore
import httpx
import trio

from actors.io.transport import CONNECT_TIMEOUT_S, Dial, StreamBackend
from actors.messages import AnswerLost, NotSent
from protocol.venue import Request, Response

KEEPALIVE_S = 120.0  # above the client's default of 5 s: a quiet order must not pay a new handshake
MAX_BODY = 64 * 2**20  # a full catalogue of 50 events is some 15 MB


@attrs.frozen
class HttpLane:
    """One client with one connection. Requests on it go one after the other."""

    base_url: str
    _client: httpx.AsyncClient = attrs.field(repr=False)
    _turn: trio.Lock = attrs.field(factory=trio.Lock, repr=False)

    async def send(self, request: Request, token: str | None, timeout_s: float) -> Response:
        """Send one request. Raises `NotSent` or `AnswerLost`; any status is an answer."""
        headers = dict(request.headers)
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        try:
            with trio.fail_after(timeout_s):
                return await self._exchange(request, headers)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NotSent(f"{request.method} {_bare(request.path)}: {error!r}") from error
        except (httpx.LocalProtocolError, UnicodeError):  # its text would show the header, and so the token
            raise NotSent(f"{request.method} {_bare(request.path)}: the token is no header") from None
        except (trio.TooSlowError, httpx.RequestError, httpx.StreamError, httpcore.NetworkError) as error:
            raise AnswerLost(f"{request.method} {_bare(request.path)}: {error!r}") from error

    async def _exchange(self, request: Request, headers: dict[str, str]) -> Response:
        asked = self._client.build_request(
            request.method, self.base_url + request.path, content=request.body, headers=headers
        )
        asked.stream = _Body(request.body)
        async with aclosing(await self._client.send(asked, stream=True)) as answer:
            body = bytearray()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MAX_BODY:
                    raise AnswerLost(f"{request.method} {_bare(request.path)}: more than {MAX_BODY} bytes")
            return Response(status=answer.status_code, body=bytes(body), headers=dict(answer.headers))


class _Body(httpx.AsyncByteStream):
    """A body whose sending may be cancelled. The client's own is a generator, which would be left unfinished."""

    def __init__(self, body: bytes | None) -> None:
        self._left = [body] if body else []

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop()


def _bare(path: str) -> str:
    return path.partition("?")[0]


@asynccontextmanager
async def open_lane(base_url: str, dial: Dial, context: ssl.SSLContext | None) -> AsyncIterator[HttpLane]:
    """Open a lane. The SSL context is shared by all, as building one takes long; `None` where no TLS is used."""
    transport = httpx.AsyncHTTPTransport(verify=context or False, trust_env=False)
    transport._pool = httpcore.AsyncConnectionPool(  # the one way to hand the client a stream of our own
        ssl_context=context,
        max_connections=1,
        max_keepalive_connections=1,
        keepalive_expiry=KEEPALIVE_S,
        network_backend=StreamBackend(dial),
    )
    timeout = httpx.Timeout(None, connect=CONNECT_TIMEOUT_S)  # the whole exchange has its deadline in `send`
    async with httpx.AsyncClient(transport=transport, timeout=timeout, trust_env=False) as client:
        yield HttpLane(base_url.rstrip("/"), client)
