"""A byte stream between two tasks of one process."""

import attrs
import trio

LIMIT = 64 * 1024  # bytes on the way in one direction; then the sender waits, as on a socket


@attrs.define(eq=False)
class _Pipe:
    buffer: bytearray = attrs.field(factory=bytearray)
    ended: bool = False  # the sender will send no more
    abandoned: bool = False  # the receiver is gone
    readable: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)
    writable: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)

    def end(self) -> None:
        self.ended = True
        self._wake()

    def abandon(self) -> None:
        self.abandoned = True
        self.buffer.clear()
        self._wake()

    def _wake(self) -> None:
        self.readable.unpark_all()
        self.writable.unpark_all()

    async def send(self, data: bytes) -> None:
        while True:
            if self.ended:
                raise trio.ClosedResourceError("this end was closed")
            if self.abandoned:
                raise trio.BrokenResourceError("the other end was closed")
            room = LIMIT - len(self.buffer)
            self.buffer += data[:room]
            data = data[room:]
            if self.buffer:
                self.readable.unpark_all()
            if not data:
                return
            await self.writable.park()

    async def receive(self, max_bytes: int) -> bytes:
        if self.buffer or self.ended or self.abandoned:
            await trio.lowlevel.checkpoint()
        else:
            await self.readable.park()
        while True:
            if self.abandoned:
                raise trio.ClosedResourceError("this end was closed")
            if self.buffer:
                data = bytes(self.buffer[:max_bytes])
                del self.buffer[:max_bytes]
                self.writable.unpark_all()
                return data
            if self.ended:
                return b""
            await self.readable.park()


@attrs.define(eq=False)
class MemoryStream(trio.abc.HalfCloseableStream):
    """One end of an in-memory connection."""

    _incoming: _Pipe
    _outgoing: _Pipe

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.lowlevel.checkpoint()
        await self._outgoing.send(bytes(data))

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def send_eof(self) -> None:
        await trio.lowlevel.checkpoint()
        self._outgoing.end()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if max_bytes is not None and max_bytes < 1:
            raise ValueError(f"max_bytes is {max_bytes}, expected at least 1")
        return await self._incoming.receive(max_bytes or LIMIT)

    def cut(self) -> None:
        """End the connection in both directions, at once."""
        self._outgoing.end()
        self._incoming.abandon()

    async def aclose(self) -> None:
        self.cut()
        await trio.lowlevel.checkpoint()


def open_pipe() -> tuple[MemoryStream, MemoryStream]:
    """Open a connection and return its two ends."""
    there, back = _Pipe(), _Pipe()
    return MemoryStream(back, there), MemoryStream(there, back)
