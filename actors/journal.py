"""What was decided or learnt, on disk before it is acted on."""

from collections.abc import Callable, Sequence
from functools import partial

import attrs
import trio

from actors.decisions.recollection import Recollection
from actors.entries import Entry, Latch, Latched
from actors.io.store import Stamped, Store
from actors.io.tables import StoreFailed
from actors.mailbox import Mailbox
from protocol.ids import ClientOrderIds

JOURNAL_BACKLOG = 16_384  # entries: 5 s of 3,000 a second
LAG_S = 5.0  # what a commit may take, and what an entry may have waited when its commit is done


class JournalFailed(Exception):
    """The journal could not be kept. The text names the file, what happened and what to do."""


def nothing() -> None:
    """Do nothing."""


def ignored(reason: str) -> None:
    """Do nothing with a reason."""


@attrs.frozen
class _Waiting:
    stamped: Stamped
    since_s: float
    then: Callable[[], None]
    failed: Callable[[str], None]


@attrs.define(kw_only=True)
class Journal:
    """Commit entries in the order in which they were written, those that wait together in one transaction.

    The first failure is for good: nothing is committed any more, and whoever writes is told why. Without a store
    nothing is kept, and everything counts as written at once.
    """

    store: Store | None
    wall_ns: Callable[[], int] = lambda: 0
    failure: str | None = attrs.field(default=None, init=False)
    _inbox: Mailbox[_Waiting] = attrs.field(factory=lambda: Mailbox("journal", JOURNAL_BACKLOG), init=False)
    _unadded: dict[Latch, str] = attrs.field(factory=dict, init=False)  # latches that did not get onto the disk
    _added: set[Latch] = attrs.field(factory=set, init=False)  # those of the spare bytes that did
    _on_failure: Callable[[str], None] = attrs.field(default=ignored, init=False)

    @classmethod
    def none(cls) -> "Journal":
        """Return one that keeps nothing."""
        return cls(store=None)

    @property
    def recollection(self) -> Recollection:
        """Return what the entries of earlier processes come to. It does not change."""
        return Recollection() if self.store is None else self.store.recalled

    @property
    def run_number(self) -> int:
        """Return the number of the run that begins with this process."""
        return 1 if self.store is None else self.store.run

    def ids(self, prefix: str) -> ClientOrderIds:
        """Return the client order ids of the run, which no other run has; with `prefix` where nothing is kept."""
        if self.store is None:
            return ClientOrderIds(prefix)
        return ClientOrderIds(f"{self.store.name}-{self.store.run}{self.store.mark}", family=f"{self.store.name}-")

    def write(self, entry: Entry, then: Callable[[], None] = nothing, failed: Callable[[str], None] = ignored) -> None:
        """Leave an entry. `then` is called once it is on the disk, or `failed` with the reason why it is not.

        `failed` is called at once when nothing more fits in. Neither is called once `run` has been cancelled.
        """
        if self.store is None:
            then()
            return
        waiting = _Waiting(Stamped(entry, self.wall_ns()), trio.current_time(), then, failed)
        if not self._inbox.offer(waiting):
            behind = f"{self._place}: falls behind: {JOURNAL_BACKLOG} entries wait; use a faster disk"
            self._keep_back(waiting, self._fail(behind))

    async def run(
        self,
        on_failure: Callable[[str], None] = ignored,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Commit until cancelled, what was written before that included. `on_failure` is told the first failure."""
        self._on_failure = on_failure
        task_status.started()
        if self.store is not None:
            self._write_kept(self.store)
        try:
            while True:
                await self._record(await self._inbox.take())
        finally:
            await self._record_left()

    def close(self) -> None:
        """Let go of the disk, after `run`."""
        if self.store is not None:
            self.store.close()

    @property
    def _place(self) -> str:
        return "" if self.store is None else self.store.tables.place

    async def _record(self, batch: Sequence[_Waiting]) -> None:
        reason = self.failure or await self._commit([each.stamped for each in batch])
        for each in batch:
            if reason is None:
                each.then()
            else:
                self._keep_back(each, reason)
        await self._write_spare()
        waited_s = trio.current_time() - batch[0].since_s
        if waited_s > LAG_S:
            self._fail(f"{self._place}: falls behind: an entry waited {waited_s:.1f} s; use a faster disk")

    async def _record_left(self) -> None:
        left = self._inbox.take_nowait()
        if left and (self.failure or await self._commit([each.stamped for each in left])):
            for each in left:
                self._hold(each)
        await self._write_spare()

    def _keep_back(self, waiting: _Waiting, reason: str) -> None:
        """Tell that an entry is not on the disk. What keeps orders from leaving is not lost with it."""
        self._hold(waiting)
        waiting.failed(reason)

    def _hold(self, waiting: _Waiting) -> None:
        entry = waiting.stamped.entry
        if isinstance(entry, Latched):
            self._unadded.setdefault(entry.latch, entry.reason)

    async def _write_spare(self) -> None:
        if self.store is None or not (self._unadded or self._added):
            return
        unadded, self._unadded, added, self._added = self._unadded, {}, self._added, set()
        with trio.move_on_after(LAG_S, shield=True):
            await self.store.keep(unadded, added)

    def _write_kept(self, store: Store) -> None:
        """Add the latches that a process before this one could not add."""
        for latch, reason in store.spare.read().items():
            self.write(Latched(latch=latch, reason=reason), then=partial(self._added.add, latch))

    async def _commit(self, entries: Sequence[Stamped]) -> str | None:
        """Commit, however many cancel it, and return what went wrong."""
        assert self.store is not None, "nothing waits where nothing is kept"
        with trio.move_on_after(LAG_S, shield=True) as deadline:
            try:
                await self.store.commit(entries)
            except StoreFailed as error:
                return self._fail(str(error))
        if deadline.cancelled_caught:
            return self._fail(f"{self._place}: a commit took more than {LAG_S:g} s; look after the disk")
        return None

    def _fail(self, reason: str) -> str:
        """Fail for good, and return the first reason."""
        if self.failure is None:
            self.failure = reason
            self._on_failure(reason)
        return self.failure
