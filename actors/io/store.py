"""Entries on a disk, with what they come to."""

import string
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from functools import partial
from pathlib import Path
from random import Random

import attrs
import structlog
import trio

from actors.decisions.entry_text import EntryUnreadable, read_entry, written
from actors.decisions.recollection import Recollection
from actors.entries import (
    AccountOpened,
    CancelSent,
    Entry,
    EventTraded,
    Latch,
    OrderIntended,
    OrderMoved,
    ResultBooked,
)
from actors.io.directory_lock import DirectoryLock, DirectoryTaken
from actors.io.spare import Spare, SpareFile, SpareMemory
from actors.io.tables import Row, StoreFailed, Tables
from protocol.commands import CancelOrder

log = structlog.get_logger()

FILE_NAME = "journal.db"
SPARE_NAME = "latches"
SNAPSHOT_EVERY = 2_000  # entries; replaying them takes a tenth of a second
MARK_LENGTH = 3
NAME_LENGTH = 6  # client order ids begin with it: 2e9 names, so that no two journals of an account share one

Work = Callable[[], None]


class JournalUnusable(Exception):
    """No journal can be kept here. The text says where, why and what to do."""


@attrs.frozen
class Stamped:
    """An entry, and when it was written in unix nanoseconds."""

    entry: Entry
    wall_ns: int


@attrs.define(kw_only=True)
class Store:
    """One process's hold on a journal. After a failure nothing more may be added.

    `name` is the journal's own, `run` the number of the run that now begins, and `recalled` what was there at the
    opening. `mark` tells the run from another of the same number: one that an older copy of the journal does not know.
    """

    tables: Tables
    carry: Callable[[Work], Awaitable[None]]  # does what may block
    aside: Callable[[Work], Awaitable[None]]  # does it while a commit hangs
    let_go: Callable[[], None]
    spare: Spare
    name: str
    run: int
    mark: str
    recalled: Recollection
    _newest: Recollection
    _last: Row
    _snapshot_id: int
    _writing: bool = attrs.field(default=False, init=False)

    @classmethod
    def open_directory(cls, directory: Path, random: Random) -> "Store":
        """Open or begin the journal of a directory, and lock it. Raises `JournalUnusable`."""
        path = directory / FILE_NAME
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = DirectoryLock.take(directory)
        except OSError as error:
            raise JournalUnusable(f"{directory}: {error.strerror}; name another directory") from error
        except DirectoryTaken as error:
            raise JournalUnusable(str(error)) from error
        try:
            tables = Tables.open_file(path)
        except StoreFailed as error:
            lock.release()
            raise JournalUnusable(str(error)) from error
        spare = SpareFile(directory / SPARE_NAME)
        return cls.on(
            tables, random, carry=_in_thread, aside=_in_thread, let_go=partial(_close, tables, lock), spare=spare
        )

    @classmethod
    def on(
        cls,
        tables: Tables,
        random: Random,
        *,
        carry: Callable[[Work], Awaitable[None]],
        aside: Callable[[Work], Awaitable[None]] | None = None,
        let_go: Callable[[], None],
        spare: Spare | None = None,
    ) -> "Store":
        """Open or begin a journal on tables, or let go of them and raise `JournalUnusable`."""
        try:
            name = tables.name("".join(random.choices(string.digits + string.ascii_lowercase, k=NAME_LENGTH)))
            snapshot_id, newest = recall(tables)
            last = tables.last_rows(1)
        except StoreFailed as error:
            let_go()
            raise JournalUnusable(str(error)) from error
        recalled = newest.copy()
        kept = SpareMemory() if spare is None else spare
        recalled.latches = kept.read() | recalled.latches
        return cls(
            tables=tables,
            carry=carry,
            aside=_at_once if aside is None else aside,
            let_go=let_go,
            spare=kept,
            name=name,
            run=newest.run + 1,
            mark="".join(random.choices(string.ascii_lowercase, k=MARK_LENGTH)),
            recalled=recalled,
            newest=newest,
            last=last[0] if last else Row.none(),
            snapshot_id=snapshot_id,
        )

    async def keep(self, unadded: Mapping[Latch, str], added: Set[Latch]) -> None:
        """Keep latches that cannot be added any more, and let go of those that were."""
        kept = {latch: reason for latch, reason in self.spare.read().items() if latch not in added}
        await self.aside(partial(self.spare.write, {**unadded, **kept}))

    def forget(self, latch: Latch) -> None:
        """Let go of a latch that was kept so, and is lifted."""
        self.spare.write({each: reason for each, reason in self.spare.read().items() if each is not latch})

    async def commit(self, entries: Sequence[Stamped]) -> None:
        """Add entries, all or none; they are on the disk when this returns. Raises `StoreFailed`.

        When cancelled, it is not known whether they are.
        """
        await self.carry(partial(self.append, entries))

    def append(self, entries: Sequence[Stamped]) -> None:
        """Do the same without a pause."""
        self._writing = True
        try:
            self._append(entries)
        finally:
            self._writing = False

    def close(self) -> None:
        """Let others open it."""
        if self._writing:
            return  # a thread hangs in there: only the end of the process makes it let go
        self.let_go()

    def _append(self, entries: Sequence[Stamped]) -> None:
        rows = []
        for stamped in entries:
            self._newest.apply(stamped.entry, stamped.wall_ns)
            self._last = _row(stamped, self._last.id + 1, self._newest.run).chained(self._last.sum)
            rows.append(self._last)
        # No more often than there are orders to write down, so that the cost of an entry does not grow with them.
        due = self._last.id - self._snapshot_id >= max(SNAPSHOT_EVERY, len(self._newest.orders))
        self.tables.append(rows, self._newest.snapshot() if due else None)
        if due:
            self._snapshot_id = self._last.id


def recall(tables: Tables) -> tuple[int, Recollection]:
    """Return what all rows come to, and the row of the snapshot that it began with. Raises `StoreFailed`."""
    snapshot_id, recollection = _snapshot(tables)
    for row in tables.rows(snapshot_id):
        try:
            recollection.apply(read_entry(row.kind, row.body), row.wall_ns)
        except EntryUnreadable as error:
            raise StoreFailed(f"{tables.place}: row {row.id}: {error}; `overround journal verify` says more") from error
    return snapshot_id, recollection


def _snapshot(tables: Tables) -> tuple[int, Recollection]:
    for row_id, text in tables.snapshots():
        try:
            return row_id, Recollection.from_snapshot(text)
        except EntryUnreadable as error:
            log.warning("snapshot_unreadable", row=row_id, reason=str(error))
    return 0, Recollection()


def _row(stamped: Stamped, row_id: int, run: int) -> Row:
    entry = stamped.entry
    venue, name = _about(entry)
    plain = name.encode(errors="backslashreplace").decode()  # a venue's own id may hold anything
    return Row(row_id, run, stamped.wall_ns, type(entry).__name__, venue, plain, written(entry))


def _about(entry: Entry) -> tuple[str, str]:
    match entry:
        case OrderIntended() | OrderMoved():
            return entry.venue, entry.order.client_order_id
        case CancelSent(command=CancelOrder() as command):
            return entry.venue, command.client_order_id
        case AccountOpened() | EventTraded() | ResultBooked() | CancelSent():
            return entry.venue, ""
        case _:
            return "", ""


async def _at_once(work: Work) -> None:
    work()


async def _in_thread(work: Work) -> None:
    own = trio.CapacityLimiter(1)  # never behind the threads that look up names
    await trio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=own)


def _close(tables: Tables, lock: DirectoryLock) -> None:
    try:
        tables.close()
    except StoreFailed as error:
        log.error("journal_not_closed", reason=str(error))
    lock.release()
