from random import Random

import pytest
import trio

from actors.entries import Latch, Latched, LimitBreached, RunStarted
from actors.io.disk import Disk
from actors.io.store import JournalUnusable, Stamped
from actors.io.tables import StoreFailed

BREACH = Stamped(LimitBreached(worst_cents=2, limit_cents=1), 1)


def halted(reason: str) -> Stamped:
    return Stamped(Latched(latch=Latch.HALT, reason=reason), 1)


def test_it_outlives_the_process_that_writes_on_it():
    disk = Disk()
    first = disk.open(Random(1))
    first.append([Stamped(RunStarted(run=1, version="1"), 1), halted("why")])
    first.close()

    second = disk.open(Random(2))

    assert (second.name, second.run, second.recalled.latches) == (first.name, 2, {Latch.HALT: "why"})


def test_one_process_at_a_time():
    disk = Disk()
    disk.open(Random(1))

    with pytest.raises(JournalUnusable, match="another process"):
        disk.open(Random(1))


def test_a_process_that_was_killed_adds_nothing_and_lets_go_of_nothing():
    disk = Disk()
    killed = disk.open(Random(1))
    killed.append([halted("why")])

    disk.cut()
    after = disk.open(Random(1))
    with pytest.raises(StoreFailed, match="closed database"):
        killed.append([BREACH])
    killed.close()

    assert after.recalled.latches == {Latch.HALT: "why"}
    with pytest.raises(JournalUnusable):
        disk.open(Random(1))


async def test_a_latch_that_a_process_keeps_after_its_death_is_kept_nowhere():
    disk = Disk()
    killed = disk.open(Random(1))
    await killed.keep({Latch.KILL: "alive"}, set())

    disk.cut()
    await killed.keep({Latch.HALT: "dead"}, set())

    assert disk.open(Random(1)).recalled.latches == {Latch.KILL: "alive"}


def test_a_full_disk_takes_nothing_until_there_is_room():
    disk = Disk()
    store = disk.open(Random(1))
    store.append([halted("before")])
    disk.fill()

    with pytest.raises(StoreFailed, match="database or disk is full; make room on the disk"):
        store.append([BREACH] * 10)
    disk.cut()
    again = disk.open(Random(1))
    assert [row.kind for row in again.tables.rows()] == ["Latched"]
    with pytest.raises(StoreFailed, match="disk is full"):
        again.append([BREACH] * 10)

    disk.cut()
    disk.free()
    disk.open(Random(1)).append([BREACH] * 10)


async def test_a_slow_disk_is_waited_for(autojump_clock):
    async def slow() -> None:
        await trio.sleep(3)

    store = Disk(before_commit=slow).open(Random(1))

    await store.commit([BREACH])

    assert trio.current_time() == 3
    assert store.tables.count() == 1


async def test_a_process_that_is_killed_while_the_disk_is_slow_has_written_nothing(autojump_clock, nursery):
    disk = Disk(before_commit=trio.sleep_forever)
    store = disk.open(Random(1))
    refused = trio.Event()

    async def commit() -> None:
        with pytest.raises(StoreFailed):
            await store.commit([BREACH])
        refused.set()

    nursery.start_soon(commit)
    await trio.sleep(1)
    disk.cut()
    with trio.fail_after(1):
        await refused.wait()

    assert disk.open(Random(1)).tables.count() == 0


async def test_a_disk_may_fail_as_the_test_says(autojump_clock):
    async def broken() -> None:
        raise StoreFailed("disk I/O error")

    store = Disk(before_commit=broken).open(Random(1))

    with pytest.raises(StoreFailed, match="I/O error"):
        await store.commit([BREACH])

    assert store.tables.count() == 0
