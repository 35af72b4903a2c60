import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from random import Random

import pytest
import trio

from actors.decisions.recollection import Recollection
from actors.entries import Latch, Latched, LimitBreached, RunEnded, RunStarted
from actors.io.disk import Disk
from actors.io.store import FILE_NAME, Store
from actors.io.tables import StoreFailed
from actors.io.verification import verify
from actors.journal import JOURNAL_BACKLOG, LAG_S, Journal
from protocol.ids import ClientOrderId

STARTED = RunStarted(run=1, version="1")
HALTED = Latched(latch=Latch.HALT, reason="why")


def breach(number: int) -> LimitBreached:
    return LimitBreached(worst_cents=number, limit_cents=0)


class Room:
    """A journal on a disk in memory, and what it was heard to say."""

    def __init__(self, before_commit: Callable[[], Awaitable[None]] | None = None) -> None:
        self.disk = Disk(before_commit)
        self.journal = Journal(store=self.disk.open(Random(1)), wall_ns=lambda: int(trio.current_time() * 1e9))
        self.heard: list[object] = []
        self.failures: list[str] = []

    def write(self, number: int) -> None:
        self.journal.write(breach(number), lambda: self.heard.append(number), self.heard.append)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        await self.journal.run(self.failures.append, task_status=task_status)

    @property
    def kinds(self) -> list[str]:
        return [row.kind for row in self.rows]

    @property
    def rows(self):
        self.disk.cut()  # what is left when the power goes
        return list(self.disk.open(Random(1)).tables.rows())


class Slow:
    """A disk that takes so long for each commit, once `wait_s` says so."""

    def __init__(self, wait_s: float) -> None:
        self.wait_s = wait_s
        self.commits = 0

    async def __call__(self) -> None:
        self.commits += 1
        await trio.sleep(self.wait_s)


# --- writing ---


async def test_what_is_told_as_written_is_on_the_disk(autojump_clock, nursery):
    room = Room()
    await nursery.start(room.run)
    written = trio.Event()

    room.journal.write(STARTED, written.set)
    assert not written.is_set()
    with trio.fail_after(1):
        await written.wait()

    assert room.kinds == ["RunStarted"]


async def test_entries_are_told_in_the_order_in_which_they_were_written(autojump_clock, nursery):
    room = Room()
    await nursery.start(room.run)

    for number in range(1_000):
        room.write(number)
    await trio.sleep(1)

    assert room.heard == list(range(1_000))
    assert len(room.rows) == 1_000


async def test_entries_that_wait_together_share_a_commit(autojump_clock, nursery):
    slow = Slow(0.01)
    room = Room(slow)
    await nursery.start(room.run)

    for number in range(200):
        room.write(number)
    await trio.sleep(1)

    assert (len(room.heard), slow.commits) == (200, 1)


async def test_an_entry_has_the_time_at_which_it_was_written(autojump_clock, nursery):
    room = Room(Slow(2))
    await nursery.start(room.run)

    await trio.sleep(1)
    room.write(1)
    await trio.sleep(3)

    assert [row.wall_ns for row in room.rows] == [10**9]


async def test_what_is_written_by_who_is_told_comes_after(autojump_clock, nursery):
    room = Room()
    await nursery.start(room.run)

    room.journal.write(STARTED, lambda: room.write(2))
    room.write(1)
    await trio.sleep(1)

    assert room.heard == [1, 2]


async def test_what_was_written_before_the_end_is_committed(autojump_clock):
    room = Room()
    async with trio.open_nursery() as nursery:
        await nursery.start(room.run)
        for number in range(600):
            room.write(number)
        nursery.cancel_scope.cancel()

    assert len(room.heard) < 600  # who has ended need not be told
    assert room.kinds == ["LimitBreached"] * 600


async def test_a_commit_is_not_cut_short_by_the_end(autojump_clock):
    room = Room(Slow(3))
    async with trio.open_nursery() as nursery:
        await nursery.start(room.run)
        room.write(1)
        await trio.sleep(1)
        room.write(2)
        nursery.cancel_scope.cancel()

    assert trio.current_time() == 6
    assert room.heard == [1]
    assert len(room.rows) == 2


# --- failing ---


async def test_a_full_disk_fails_the_batch_and_everything_after_it(autojump_clock, nursery):
    room = Room()
    await nursery.start(room.run)
    room.write(1)
    await trio.sleep(1)
    room.disk.fill()

    for number in range(2, 12):
        room.write(number)
    await trio.sleep(1)
    room.disk.free()
    room.write(12)
    await trio.sleep(1)

    reason = "memory: database or disk is full; make room on the disk"
    assert room.heard == [1, *[reason] * 11]
    assert (room.failures, room.journal.failure) == ([reason], reason)
    assert len(room.rows) == 1


async def test_a_disk_that_fails_once_is_not_written_to_again(autojump_clock, nursery):
    commits = 0

    async def fail_once() -> None:
        nonlocal commits
        commits += 1
        if commits == 1:
            raise StoreFailed("disk I/O error")

    room = Room(fail_once)
    await nursery.start(room.run)

    room.write(1)
    await trio.sleep(1)
    room.write(2)
    await trio.sleep(1)

    assert room.heard == ["disk I/O error"] * 2
    assert (commits, room.rows) == (1, [])


async def test_a_batch_that_is_late_counts_as_written_and_is_the_last(autojump_clock, nursery):
    room = Room(Slow(3))
    await nursery.start(room.run)

    room.write(1)
    await trio.sleep(0.5)
    room.write(2)
    await trio.sleep(9)
    room.write(3)
    await trio.sleep(1)

    reason = "memory: falls behind: an entry waited 5.5 s; use a faster disk"
    assert room.heard == [1, 2, reason]
    assert room.failures == [reason]
    assert len(room.rows) == 2


async def test_a_disk_that_hangs_is_given_up(autojump_clock):
    room = Room(trio.sleep_forever)
    async with trio.open_nursery() as nursery:
        await nursery.start(room.run)
        room.write(1)
        await trio.sleep(LAG_S + 1)
        nursery.cancel_scope.cancel()

    reason = "memory: a commit took more than 5 s; look after the disk"
    assert (room.heard, room.failures) == ([reason], [reason])
    assert trio.current_time() == LAG_S + 1


async def test_more_than_fits_in_is_a_failure_at_once(autojump_clock, nursery):
    room = Room(Slow(1))
    await nursery.start(room.run)
    room.write(0)
    await trio.sleep(0.5)

    for number in range(1, JOURNAL_BACKLOG + 1):
        room.write(number)
    assert room.failures == []
    room.write(-1)

    reason = f"memory: falls behind: {JOURNAL_BACKLOG} entries wait; use a faster disk"
    assert (room.heard, room.failures) == ([reason], [reason])
    await trio.sleep(1)
    assert room.heard == [reason, 0, *[reason] * JOURNAL_BACKLOG]
    assert len(room.rows) == 1


async def test_a_process_that_is_killed_in_a_commit_has_not_written_it(autojump_clock):
    room = Room(Slow(1))
    async with trio.open_nursery() as nursery:
        await nursery.start(room.run)
        room.write(1)
        await trio.sleep(1.5)
        room.write(2)
        await trio.sleep(0.5)
        room.write(3)
        room.disk.cut()
        nursery.cancel_scope.cancel()
        killed_s = trio.current_time()

    assert trio.current_time() == killed_s
    assert room.heard[0] == 1
    assert 2 not in room.heard
    assert len(room.rows) == 1


# --- what a process begins with ---


async def test_a_run_has_ids_that_no_other_run_has(autojump_clock):
    disk = Disk()
    ids = []
    for _ in range(2):
        journal = Journal(store=disk.open(Random(1)))
        async with trio.open_nursery() as nursery:
            await nursery.start(journal.run)
            journal.write(RunStarted(run=journal.run_number, version="1"))
            nursery.cancel_scope.cancel()
        ids.append(journal.ids("unused").next())
        journal.close()

    name, mark = journal.store.name, journal.store.mark
    assert ids == [ClientOrderId(f"{name}-1{mark}-1"), ClientOrderId(f"{name}-2{mark}-1")]


async def test_the_runs_of_two_copies_of_a_journal_have_different_ids():
    first, second = (Disk().open(Random(seed)) for seed in (1, 2))
    second.name = first.name

    assert first.run == second.run
    assert Journal(store=first).ids("unused").next() != Journal(store=second).ids("unused").next()


async def test_a_process_begins_with_what_those_before_it_wrote(autojump_clock):
    room = Room()
    async with trio.open_nursery() as nursery:
        await nursery.start(room.run)
        for entry in (STARTED, HALTED, RunEnded(run=1, flat=True)):
            room.journal.write(entry)
        nursery.cancel_scope.cancel()
    room.journal.close()

    journal = Journal(store=room.disk.open(Random(1)))

    assert (journal.run_number, journal.recollection.ended_in_order) == (2, True)
    assert journal.recollection.latches == {Latch.HALT: "why"}


async def test_without_a_store_everything_counts_as_written_at_once(autojump_clock):
    journal = Journal.none()
    heard: list[str] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(journal.run)
        journal.write(STARTED, lambda: heard.append("written"))
        assert heard == ["written"]
        nursery.cancel_scope.cancel()
    journal.close()

    assert (journal.recollection, journal.run_number) == (Recollection(), 1)
    assert journal.ids("mine").next() == "mine-1"


# --- on a file, with threads ---


async def test_a_journal_on_a_file_is_written_beside_the_loop(tmp_path):
    journal = Journal(store=Store.open_directory(tmp_path, Random(1)))
    written = trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(journal.run)
        journal.write(STARTED)
        journal.write(HALTED, written.set)
        with trio.fail_after(20):
            await written.wait()
        journal.write(RunEnded(run=1, flat=True))
        nursery.cancel_scope.cancel()
    journal.close()

    reopened = Store.open_directory(tmp_path, Random(1))
    reopened.close()
    assert (reopened.recalled.latches, reopened.recalled.ended_in_order) == ({Latch.HALT: "why"}, True)


async def test_a_file_that_cannot_be_written_says_which_and_what_to_do(tmp_path):
    journal = Journal(store=Store.open_directory(tmp_path, Random(1)))
    reasons = []
    failed = trio.Event()

    def on_failure(reason: str) -> None:
        reasons.append(reason)
        failed.set()

    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as other:
        other.execute("drop table entries")
        other.commit()
    async with trio.open_nursery() as nursery:
        await nursery.start(journal.run, on_failure)
        journal.write(STARTED)
        with trio.fail_after(20):
            await failed.wait()
        nursery.cancel_scope.cancel()
    journal.close()

    assert reasons == [f"{tmp_path / FILE_NAME}: no such table: entries; run `overround journal verify`"]


WRITING = """
import pathlib, random, sys, trio
from actors.entries import LimitBreached
from actors.io.store import Store
from actors.journal import Journal

async def main():
    journal = Journal(store=Store.open_directory(pathlib.Path(sys.argv[1]), random.Random(1)))
    async with trio.open_nursery() as nursery:
        await nursery.start(journal.run)
        number = 0
        while True:
            number += 1
            entry = LimitBreached(worst_cents=number, limit_cents=0)
            written = trio.Event()
            journal.write(entry)
            journal.write(entry, written.set)
            await written.wait()
            print(2 * number, flush=True)

trio.run(main)
"""


def test_nothing_that_was_told_as_written_is_lost_when_the_process_is_killed(tmp_path, root):
    process = subprocess.Popen(
        [sys.executable, "-c", WRITING, str(tmp_path)], cwd=root, stdout=subprocess.PIPE, text=True
    )
    told = [process.stdout.readline() for _ in range(50)]
    process.kill()
    told += process.communicate()[0].splitlines()

    reopened = Store.open_directory(tmp_path, Random(1))
    whole = verify(reopened.tables, lambda _: None)
    reopened.close()

    assert whole.entries >= int(told[-1]) >= 100


@pytest.mark.parametrize("count", [3, 600])
async def test_nothing_that_was_told_as_written_is_lost_by_a_kill(autojump_clock, count):
    disk = Disk(Slow(0.25))
    journal = Journal(store=disk.open(Random(1)))
    told: list[int] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(journal.run)
        for number in range(count):
            journal.write(breach(number), lambda number=number: told.append(number))
        await trio.sleep(0.3)
        disk.cut()
        nursery.cancel_scope.cancel()

    assert told == list(range(min(count, 256)))
    assert disk.open(Random(1)).tables.count() == len(told)


@pytest.mark.parametrize("failed_before", [False, True])
async def test_a_latch_that_was_left_when_the_run_ended_is_kept_though_the_disk_takes_no_more(
    autojump_clock, failed_before
):
    commits = []

    async def breaks() -> None:
        commits.append(None)
        await trio.sleep(0.25)
        if failed_before or len(commits) == 2:
            raise StoreFailed("no room")

    room = Room(breaks)
    async with trio.open_nursery() as nursery:
        await nursery.start(room.run)
        room.journal.write(STARTED)
        await trio.sleep(0.1)
        room.journal.write(HALTED)
        nursery.cancel_scope.cancel()
    room.disk.cut()

    assert room.journal.failure == "no room"
    assert room.disk.open(Random(1)).recalled.latches == {Latch.HALT: "why"}
