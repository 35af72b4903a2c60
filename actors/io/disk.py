"""A disk in memory, which outlives the process that writes on it."""

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from random import Random

import attrs
import trio

from actors.decisions.entry_text import read_entry
from actors.entries import Entry
from actors.io.spare import SpareMemory
from actors.io.store import JournalUnusable, Store, Work
from actors.io.tables import Tables


@attrs.define
class Disk:
    """Hold one journal, in SQLite as ever, and fail as disks do. Nothing on it needs a thread.

    `before_commit` may wait, as a slow disk does, or raise `StoreFailed`.
    """

    before_commit: Callable[[], Awaitable[None]] | None = None
    _tables: Tables = attrs.field(factory=Tables.in_memory, init=False)
    _spare: SpareMemory = attrs.field(factory=SpareMemory, init=False)
    _opened: int = attrs.field(default=0, init=False)
    _taken: bool = attrs.field(default=False, init=False)
    _full: bool = attrs.field(default=False, init=False)
    _slow: trio.CancelScope | None = attrs.field(default=None, init=False)

    def open(self, random: Random) -> Store:
        """Open or begin the journal. Raises `JournalUnusable`, also while somebody else has it."""
        if self._taken:
            raise JournalUnusable("the disk: another process is at work here; stop it first")
        let_go = partial(self._let_go, self._opened + 1)
        store = Store.on(self._tables, random, carry=self._carry, let_go=let_go, spare=self._spare)
        self._opened += 1
        self._taken = True
        return store

    def entries(self) -> Iterator[Entry]:
        """Return what is on it, the oldest first."""
        for row in self._tables.rows(0):
            yield read_entry(row.kind, row.body)

    def cut(self) -> None:
        """Take it from the process that has it, as its death does: what is committed stays, and it adds nothing."""
        self._tables = self._tables.moved()
        self._spare = SpareMemory(self._spare.read())
        self._taken = False
        if self._full:
            self._tables.fill()
        if self._slow is not None:
            self._slow.cancel()

    def fill(self) -> None:
        """Leave no room for more than an entry."""
        self._full = True
        self._tables.fill()

    def free(self) -> None:
        """Make room again."""
        self._full = False
        self._tables.free()

    async def _carry(self, work: Work) -> None:
        if self.before_commit is not None:
            with trio.CancelScope() as self._slow:
                await self.before_commit()
            self._slow = None
        work()

    def _let_go(self, opened: int) -> None:
        if opened == self._opened:
            self._taken = False
