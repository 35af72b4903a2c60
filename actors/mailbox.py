"""The kinds of mailbox, and what "full" means for each."""

from collections.abc import Hashable
from typing import Generic, TypeVar

import attrs
import trio

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

MAX_BATCH = 256  # messages that a reader takes before it yields, so that pings and orders are not starved


class MailboxFull(Exception):
    """A mailbox that must never be full is full. What cannot be told is not traded on: the bot stops."""


@attrs.define
class Mailbox(Generic[T]):
    """First in, first out, bounded. The sender chooses the rule for full: `put` raises, `offer` tells."""

    name: str
    size: int
    _send: trio.MemorySendChannel[T] = attrs.field(init=False, repr=False)
    _receive: trio.MemoryReceiveChannel[T] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[T](self.size)

    def put(self, message: T) -> None:
        """Leave a message. Raises `MailboxFull`."""
        try:
            self._send.send_nowait(message)
        except trio.WouldBlock:
            raise MailboxFull(f"{self.name}: {self.size} messages wait") from None

    def offer(self, message: T) -> bool:
        """Leave a message if there is room; tell whether there was."""
        try:
            self._send.send_nowait(message)
        except trio.WouldBlock:
            return False
        return True

    async def take(self, limit: int = MAX_BATCH) -> list[T]:
        """Wait for a message, then take what is there. Raises `trio.EndOfChannel` when closed and empty."""
        messages = [await self._receive.receive()]
        while len(messages) < limit:
            try:
                messages.append(self._receive.receive_nowait())
            except (trio.WouldBlock, trio.EndOfChannel):
                break
        return messages

    def take_nowait(self) -> list[T]:
        messages: list[T] = []
        while True:
            try:
                messages.append(self._receive.receive_nowait())
            except (trio.WouldBlock, trio.EndOfChannel):
                return messages

    def close(self) -> None:
        """Let the reader end once it has taken what is left."""
        self._send.close()

    def __len__(self) -> int:
        return self._receive.statistics().current_buffer_used


@attrs.define
class Newest(Generic[K, T]):
    """The newest value of each key. It is never full, and a slow reader sees the present, never a backlog.

    For values that carry everything: an image of a book, an order with all of its fills.
    """

    conflated: int = 0
    _values: dict[K, T] = attrs.field(factory=dict, repr=False)
    _bell: Mailbox[None] = attrs.field(factory=lambda: Mailbox("bell", 1), repr=False)

    def put(self, key: K, value: T) -> None:
        if key in self._values:
            self.conflated += 1
        self._values[key] = value
        self._bell.offer(None)

    def peek(self, key: K) -> T | None:
        """Return the value that waits for a key."""
        return self._values.get(key)

    async def take(self) -> dict[K, T]:
        """Wait until something is new, then take all of it."""
        await self._bell.take()
        return self.take_nowait()

    def take_nowait(self) -> dict[K, T]:
        taken, self._values = self._values, {}
        return taken
