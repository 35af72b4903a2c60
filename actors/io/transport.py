"""Byte streams to a venue: real ones, or any other that a caller dials."""

import select
import socket
import ssl
import typing
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, AsyncExitStack, nullcontext

import attrs
import httpcore
import trio

Dial = Callable[[str, int], Awaitable[trio.abc.Stream]]
"""Open a stream to a host and port, without TLS. Raises `OSError`."""

CONNECT_TIMEOUT_S = 5.0


async def dial_tcp(host: str, port: int) -> trio.abc.Stream:
    """Open a TCP stream. Raises `OSError`."""
    stream = await trio.open_tcp_stream(host, port)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # an order does not wait for more bytes
    return stream


async def secure(stream: trio.abc.Stream, host: str, context: ssl.SSLContext) -> trio.SSLStream[trio.abc.Stream]:
    """Put TLS on a stream, or close it. Raises `trio.BrokenResourceError`."""
    async with AsyncExitStack() as unless_secured:
        unless_secured.push_async_callback(trio.aclose_forcefully, stream)
        secured = trio.SSLStream(stream, context, server_hostname=host, https_compatible=True)
        await secured.do_handshake()
        unless_secured.pop_all()
    return secured


@attrs.frozen
class StreamBackend(httpcore.AsyncNetworkBackend):
    """Let the HTTP client run over whatever `dial` opens, with its own timeouts in force."""

    dial: Dial

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: typing.Iterable[typing.Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            with trio.fail_after(timeout or CONNECT_TIMEOUT_S):
                return _HttpStream(await self.dial(host, port))
        except trio.TooSlowError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except (OSError, trio.BrokenResourceError) as error:
            raise httpcore.ConnectError(str(error)) from error

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)


@attrs.frozen
class _HttpStream(httpcore.AsyncNetworkStream):
    stream: trio.abc.Stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            with _fail_after(timeout):
                return bytes(await self.stream.receive_some(max_bytes))
        except trio.TooSlowError as error:
            raise httpcore.ReadTimeout(str(error)) from error
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise httpcore.ReadError(str(error)) from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not buffer:
            return
        try:
            with _fail_after(timeout):
                await self.stream.send_all(buffer)
        except trio.TooSlowError as error:
            raise httpcore.WriteTimeout(str(error)) from error
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise httpcore.WriteError(str(error)) from error

    async def aclose(self) -> None:
        await trio.aclose_forcefully(self.stream)

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        try:
            with trio.fail_after(timeout or CONNECT_TIMEOUT_S):
                return _HttpStream(await secure(self.stream, server_hostname or "", ssl_context))
        except trio.TooSlowError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except trio.BrokenResourceError as error:
            raise httpcore.ConnectError(str(error)) from error

    def get_extra_info(self, info: str) -> typing.Any:
        if info == "is_readable":
            return _is_readable(self.stream)
        return None


def _fail_after(timeout: float | None) -> AbstractContextManager[object]:
    return nullcontext() if timeout is None else trio.fail_after(timeout)


def _is_readable(stream: trio.abc.Stream) -> bool:
    """Tell whether an idle connection has something to say, which can only be that it was closed."""
    inner = stream.transport_stream if isinstance(stream, trio.SSLStream) else stream
    if not isinstance(inner, trio.SocketStream):
        return False
    readable, _, _ = select.select([inner.socket.fileno()], [], [], 0)
    return bool(readable)
