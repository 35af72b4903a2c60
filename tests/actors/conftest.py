"""A venue of bytes, in memory: what it answers is decided by the test."""

from collections.abc import Awaitable, Callable

import attrs
import pytest
import trio
import trio.testing
from hypothesis import settings

settings.register_profile("actors", max_examples=50, deadline=None)
settings.load_profile("actors")


@attrs.frozen
class Asked:
    """A request, as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at_s: float


Answer = Callable[[Asked], Awaitable[bytes | None]]
"""Bytes to send back; `None` cuts the connection."""


@attrs.define(eq=False)
class ByteVenue:
    """Serve HTTP/1.1 on memory streams. `answer` decides each answer; every request is kept."""

    nursery: trio.Nursery
    answer: Answer
    asked: list[Asked] = attrs.field(factory=list)
    dialled: list[tuple[str, int]] = attrs.field(factory=list)

    async def dial(self, host: str, port: int) -> trio.abc.Stream:
        self.dialled.append((host, port))
        ours, theirs = trio.testing.memory_stream_pair()
        self.nursery.start_soon(self._serve, ours)
        return theirs

    async def _serve(self, stream: trio.abc.Stream) -> None:
        buffer = b""
        try:
            while True:
                while b"\r\n\r\n" not in buffer:
                    received = bytes(await stream.receive_some())
                    if not received:
                        return
                    buffer += received
                head, _, buffer = buffer.partition(b"\r\n\r\n")
                first, *lines = head.decode().split("\r\n")
                method, path, _ = first.split(" ")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
                length = int(headers.get("content-length", "0"))
                while len(buffer) < length:
                    buffer += bytes(await stream.receive_some())
                body, buffer = buffer[:length], buffer[length:]
                asked = Asked(method, path, headers, body, trio.current_time())
                self.asked.append(asked)
                answer = await self.answer(asked)
                if answer is None:
                    return
                await stream.send_all(answer)
                if b"connection: close" in answer.lower() or b"HTTP/1.1" not in answer:
                    return
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            await stream.aclose()


def written(body: bytes = b"{}", status: int = 200, **headers: str) -> bytes:
    """Write an answer; underscores in header names become dashes."""
    lines = [f"HTTP/1.1 {status} x", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


@pytest.fixture
async def byte_venue(autojump_clock: trio.abc.Clock, nursery: trio.Nursery) -> ByteVenue:
    async def refuse(_: Asked) -> bytes:
        return written(b"{}", 404)

    return ByteVenue(nursery, refuse)


@pytest.fixture(name="written")
def _written() -> Callable[..., bytes]:
    return written
