from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import attrs
import pytest
import trio

from actors.decisions.guard import Limits
from actors.entries import Entry, RunEnded, RunStarted
from actors.exchange.embedded import OpenProphetX
from actors.exchange.prophetx.settings import ExchangeSettings
from actors.io.store import JournalUnusable
from actors.io.tables import StoreFailed
from actors.simulation.life import KeptTokens, Life, Machine
from actors.simulation.network import Network
from actors.simulation.process import Point, ProcessKilled
from actors.strategy import Desk, Strategy
from protocol.prophetx.venue import NAME

SETTINGS = ExchangeSettings(tournaments=1, events=1, crowd_actions_per_s=0)
LIMIT_S = 600.0


@attrs.define
class Idle:
    """A strategy that looks on."""

    runs: list[int] = attrs.field(factory=list)

    def numbered(self, run: int) -> Strategy:
        self.runs.append(run)
        return self

    async def __call__(self, desk: Desk) -> None:
        while True:
            await desk.views()


async def fail(_desk: Desk) -> None:
    raise KeyError("bug")


def wall_ns() -> int:
    return 1_790_000_000 * 10**9 + int(trio.current_time() * 10**9)


@attrs.define
class Place:
    """A machine beside an exchange, with what was left for its journal, and how often it committed."""

    machine: Machine
    commits: list[None]
    said: list[Entry]
    written: list[Entry]

    def start(self, strategy: Strategy | None = None) -> Life:
        return self.machine.start(lambda run: strategy or Idle())

    def entries(self) -> list[type]:
        return [type(entry) for entry in self.machine.disk.entries()]


@asynccontextmanager
async def open_place() -> AsyncIterator[Place]:
    embedded = OpenProphetX(settings=SETTINGS).open(wall_ns, 1, "none", 1.0)
    commits: list[None] = []
    said: list[Entry] = []
    written: list[Entry] = []
    network = Network(dial_venue=embedded.exchange.dial, random=Random(1), latency_s=0.0, note=lambda kind, data: None)
    machine = Machine(
        seed=1,
        embedded={NAME: embedded},
        networks={NAME: network},
        tokens={NAME: KeptTokens(set())},
        limits=Limits(),
        wall_ns=wall_ns,
        committed=lambda: commits.append(None),
        said=said.append,
        written=written.append,
    )
    with trio.fail_after(LIMIT_S):
        async with trio.open_nursery() as nursery:
            await nursery.start(embedded.exchange.run)
            yield Place(machine, commits, said, written)
            nursery.cancel_scope.cancel()


async def live(life: Life, seconds: float = 10.0) -> None:
    """Let it live so long, and stop it in order."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(life.live)
        await trio.sleep(seconds)
        life.stop()


async def test_a_life_that_is_stopped_ends_in_order(autojump_clock):
    async with open_place() as place:
        life = place.start()
        await live(life)

    assert (life.stop_asked, life.killed, life.crash, life.journal_failed) == (True, False, None, False)
    assert (life.bot.flat, life.tasks_left) == (True, 0)
    assert life.desk is not None
    assert list(life.desk.markets)
    entries = place.entries()
    assert (entries[0], entries[-1]) == (RunStarted, RunEnded)


async def test_the_next_life_goes_on_where_the_last_one_ended(autojump_clock):
    idle = Idle()
    async with open_place() as place:
        for _ in range(2):
            await live(place.machine.start(idle.numbered))

    assert idle.runs == [1, 2]
    assert place.entries().count(RunStarted) == 2
    assert place.machine.tokens[NAME].tokens is not None


async def test_a_life_that_is_killed_leaves_nothing_running(autojump_clock):
    async with open_place() as place:
        life = place.start()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(life.live)
            await trio.sleep(10)
            life.process.kill()
            killed_s = trio.current_time()

    assert trio.current_time() - killed_s < 60
    assert (life.killed, life.crash, life.journal_failed, life.tasks_left) == (True, None, False, 0)
    assert RunEnded not in place.entries()
    assert place.machine.networks[NAME].links == []


@pytest.mark.parametrize("point", [Point.SEND, Point.RECEIVE, Point.COMMIT])
@pytest.mark.parametrize("after", [False, True])
async def test_it_can_be_killed_around_any_step(autojump_clock, point, after):
    async with open_place() as place:
        life = place.start()
        life.process.doom(point, 2, after=after)
        await life.live()

    assert (life.killed, life.crash, life.tasks_left) == (True, None, 0)


async def test_after_a_kill_another_life_begins_on_the_same_machine(autojump_clock):
    async with open_place() as place:
        life = place.start()
        life.process.doom(Point.COMMIT, 2, after=False)
        await life.live()
        following = place.start()
        await live(following)

    assert (life.killed, following.killed) == (True, False)
    assert (following.crash, following.bot.flat) == (None, True)


@pytest.mark.parametrize(("after", "entries"), [(False, []), (True, [RunStarted])])
async def test_killed_around_a_commit_it_has_what_was_committed(autojump_clock, after, entries):
    async with open_place() as place:
        life = place.start()
        life.process.doom(Point.COMMIT, 1, after=after)
        await life.live()

    assert place.entries() == entries
    assert len(place.commits) == len(entries)


async def test_what_is_left_for_the_journal_is_told_and_again_when_it_is_on_the_disk(autojump_clock):
    async with open_place() as place:
        await live(place.start())

    assert place.said == place.written == list(place.machine.disk.entries())


async def test_what_was_not_committed_is_not_told_as_written(autojump_clock):
    async with open_place() as place:
        life = place.start()
        life.process.doom(Point.COMMIT, 1, after=False)
        await life.live()

    assert [type(entry) for entry in place.said] == [RunStarted]
    assert place.written == []


async def test_the_disk_is_of_one_process_until_it_ends(autojump_clock):
    async with open_place() as place:
        life = place.start()
        with pytest.raises(JournalUnusable, match="another process is at work here"):
            place.start()
        life.process.kill()
        place.start()


async def test_the_dead_see_no_clock(autojump_clock):
    async with open_place() as place:
        life = place.start()
        before = life.bot.wall_ns()
        life.process.kill()

    assert before == wall_ns()
    with pytest.raises(ProcessKilled):
        life.bot.wall_ns()


async def test_what_goes_on_beside_its_tree_is_counted(autojump_clock):
    async def forget(_desk: Desk) -> None:
        trio.lowlevel.spawn_system_task(trio.sleep_forever)

    async with open_place() as place:
        life = place.start(forget)
        await live(life)

    assert life.tasks_left == 1


async def test_an_orderly_end_leaves_no_connection_open(autojump_clock):
    async with open_place() as place:
        life = place.start()
        network = place.machine.networks[NAME]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(life.live)
            await trio.sleep(10)
            before = network.open_of(life.process)
            life.stop()

    assert (before > 0, network.open_of(life.process)) == (True, 0)


async def test_a_bug_is_told_and_not_raised(autojump_clock):
    async with open_place() as place:
        life = place.start(fail)
        await life.live()

    assert life.crash == "KeyError('bug')"
    assert (life.killed, life.tasks_left) == (False, 0)


async def test_a_bug_that_comes_in_no_group_is_told_as_well(autojump_clock):
    @attrs.define
    class Broken:
        async def run(self) -> None:
            raise KeyError("bug")

    async with open_place() as place:
        life = place.start()
        life.bot = Broken()
        await life.live()

    assert (life.crash, life.journal_failed) == ("KeyError('bug')", False)


async def test_a_disk_that_breaks_ends_a_life_and_is_no_bug(autojump_clock):
    async def breaks() -> None:
        raise StoreFailed("the disk: input/output error")

    async with open_place() as place:
        life = place.start()
        place.machine.disk.before_commit = breaks
        await life.live()
        place.machine.disk.before_commit = None
        following = place.start()
        await live(following)

    assert (life.journal_failed, life.crash, life.stop_asked) == (True, None, False)
    assert (following.journal_failed, following.bot.flat) == (False, True)
