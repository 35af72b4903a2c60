"""A connection's bytes, with what can happen to them on the way."""

import attrs
import trio


@attrs.define(eq=False)
class Line(trio.abc.Stream):
    """A stream that gives back what was already read from it, and that can go dead without closing."""

    _stream: trio.abc.Stream
    _head: bytes = b""
    _frozen: bool = attrs.field(default=False, init=False)

    def freeze(self) -> None:
        """Let nothing through any more, in either direction, and keep the connection open."""
        self._frozen = True

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if self._frozen:
            await trio.lowlevel.checkpoint()
        else:
            await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        if self._head:
            await trio.lowlevel.checkpoint()
            head, self._head = self._head, b""
            return head
        data = await self._stream.receive_some(max_bytes)
        while self._frozen and data:
            data = await self._stream.receive_some(max_bytes)
        return data

    async def aclose(self) -> None:
        await self._stream.aclose()
