"""The network between a process and a venue, byte by byte."""

import enum
import re
from collections.abc import Awaitable, Callable
from random import Random

import attrs
import trio

from actors.exchange.pipe import MemoryStream
from actors.io.transport import Dial
from actors.simulation.process import Point, Process

FOREVER_S = 10**9
FIRST_CRUMB, CRUMB = 7, 60  # bytes at most that a chopped line gives at once
DRAWN = re.compile(rb"(?i:sec-websocket-accept): [^\r]*|\x8a\x04.{4}", re.DOTALL)
"""What a socket says of what its library drew without our dice: the key of its handshake, and that of a ping."""


class Cut(enum.Enum):
    """What can happen to bytes."""

    RESET = "reset"  # both ends hear of it
    TORN = "torn"  # a part of the next piece gets through, then it is a reset
    HALF_OPEN = "half_open"  # nothing gets through any more, and nobody hears of it
    REFUSED = "refused"  # no new connection
    BLACKOUT = "blackout"  # nothing gets through, and no connection is made, for a while
    STALLED = "stalled"  # what comes from the venue waits
    CHOPPED = "chopped"  # it comes in crumbs


LASTING = frozenset({Cut.REFUSED, Cut.BLACKOUT, Cut.STALLED, Cut.CHOPPED})


@attrs.define(eq=False)
class Network:
    """All connections of a process to one venue. Times are trio's."""

    dial_venue: Callable[[], Awaitable[MemoryStream]]
    random: Random
    latency_s: float
    note: Callable[[str, bytes], None]
    throttled: int = 0  # answers that said "too fast"
    delivered_s: float = -FOREVER_S  # when the venue's socket last said something that arrived
    socket_lost_s: float = -FOREVER_S  # when the last socket went
    links: list["Link"] = attrs.field(factory=list)
    _until_s: dict[Cut, float] = attrs.field(factory=dict)

    def dialler(self, process: Process) -> Dial:
        """Return what opens connections for a process. The operating system closes what it leaves behind."""

        async def dial(host: str, port: int) -> trio.abc.Stream:
            process.check()
            await self.pass_through(Cut.BLACKOUT)
            process.check()
            if self.lasts(Cut.REFUSED):
                await trio.lowlevel.checkpoint()
                raise ConnectionRefusedError(f"nobody listens at {host}:{port}")
            link = Link(self, process, await self.dial_venue())
            self.links.append(link)
            process.deaths.append(link.reset)
            return link

        return dial

    def cut(self, how: Cut, for_s: float) -> None:
        """Let something happen to every connection there is, or to all for a while."""
        if how in LASTING:
            self._until_s[how] = trio.current_time() + for_s
        for link in tuple(self.links):
            match how:
                case Cut.RESET:
                    link.reset()
                case Cut.TORN:
                    link.torn = True
                case Cut.HALF_OPEN:
                    link.deaf = True
                case _:
                    pass

    def heal(self) -> None:
        """Let nothing go wrong from here on. What is half open stays so: only its end heals that."""
        self._until_s.clear()

    def open_of(self, process: Process) -> int:
        """Return how many connections a process has."""
        return sum(link.process is process for link in self.links)

    @property
    def has_socket(self) -> bool:
        return any(link.is_socket for link in self.links)

    @property
    def is_open(self) -> bool:
        """Tell whether there is a socket, and nothing keeps what is said on it away."""
        return self.has_socket and not any(link.deaf for link in self.links) and not any(map(self.lasts, self._until_s))

    def lasts(self, how: Cut) -> bool:
        return trio.current_time() < self._until_s.get(how, -FOREVER_S)

    async def pass_through(self, *cuts: Cut) -> None:
        """Wait until nothing of these lasts."""
        while (until_s := max(self._until_s.get(cut, -FOREVER_S) for cut in cuts)) > trio.current_time():  # noqa: ASYNC110
            await trio.sleep_until(until_s)


@attrs.define(eq=False)
class Link(trio.abc.Stream):
    """The process's end of one connection."""

    network: Network
    process: Process
    inner: MemoryStream
    torn: bool = False
    deaf: bool = False
    is_socket: bool = False
    _broken: trio.Event = attrs.field(factory=trio.Event)
    _crumbs: bytes = b""

    def reset(self) -> None:
        self._broken.set()
        self.inner.cut()
        if self in self.network.links:
            self.network.links.remove(self)
            if self.is_socket:
                self.network.socket_lost_s = trio.current_time()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        self.process.before(Point.SEND)
        sent = bytes(data)
        self.is_socket = self.is_socket or b"pgrade: websocket" in sent
        self.network.note("send", b"" if self.is_socket else sent)
        await self._travel()
        if self.torn:
            await self.inner.send_all(sent[: self.network.random.randrange(len(sent) or 1)])
            self.reset()
        self._check()
        if not self.deaf:
            await self._send(sent)
        self.process.after(Point.SEND)

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        self.process.before(Point.RECEIVE)
        if self._crumbs:
            await trio.lowlevel.checkpoint()
            self._check()
            return self._take(CRUMB, max_bytes)
        data = await self._receive(max_bytes)
        self._check()
        if self.deaf:
            await self._wait_broken()
        await self._travel()
        await self.network.pass_through(Cut.STALLED)
        self._check()
        self.network.note("receive", _without_chance(data) if self.is_socket else data)
        self.network.throttled += data.startswith(b"HTTP/1.1 429")
        if self.is_socket and data:
            self.network.delivered_s = trio.current_time()
        if not data:
            self.reset()
        self.process.after(Point.RECEIVE)
        if self.network.lasts(Cut.CHOPPED):
            self._crumbs = data
            return self._take(FIRST_CRUMB, max_bytes)
        return data

    async def aclose(self) -> None:
        self.reset()
        await trio.lowlevel.checkpoint()

    async def _send(self, data: bytes) -> None:
        try:
            await self.inner.send_all(data)
        except trio.ClosedResourceError:
            self._check()
            raise

    async def _receive(self, max_bytes: int | None) -> bytes:
        try:
            return await self.inner.receive_some(max_bytes)
        except trio.ClosedResourceError:
            self._check()
            raise

    def _take(self, most: int, max_bytes: int | None) -> bytes:
        size = self.network.random.randint(1, min(most, max_bytes or most))
        taken, self._crumbs = self._crumbs[:size], self._crumbs[size:]
        return taken

    async def _travel(self) -> None:
        if self.network.latency_s:
            await trio.sleep(self.network.latency_s)
        await self.network.pass_through(Cut.BLACKOUT)

    async def _wait_broken(self) -> None:
        await self._broken.wait()
        self._check()

    def _check(self) -> None:
        self.process.check()
        if self._broken.is_set():
            raise trio.BrokenResourceError("the connection was reset")


def _without_chance(data: bytes) -> bytes:
    """Return what a socket says without what was drawn; to search all of it would be dear."""
    return DRAWN.sub(b"", data) if data.startswith(b"HTTP/") or b"\x8a" in data else data
