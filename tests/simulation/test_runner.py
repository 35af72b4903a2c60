import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import attrs
import pytest
import trio
import trio.testing

from actors.simulation.auditor import Violation
from actors.simulation.runner import Worker, last_words, open_process, patience_s, run_worlds
from actors.simulation.simulate import Outcome
from actors.simulation.worker import Task, task_read, written

LIMIT_S = 10.0


@attrs.define
class Workers:
    """Workers in memory. `answer` gives the pieces of an answer; None ends the worker, forever none never comes."""

    nursery: trio.Nursery
    answer: Callable[[Task], list[bytes] | None]
    seconds: float = 1.0
    asked: list[tuple[float, int]] = attrs.field(factory=list)
    opened: int = 0
    closed: int = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Worker]:
        self.opened += 1
        tasks, inbox = trio.testing.memory_stream_one_way_pair()
        outbox, outcomes = trio.testing.memory_stream_one_way_pair()
        self.nursery.start_soon(self._serve, inbox, outbox)
        try:
            yield Worker(tasks, outcomes, lambda: "last words")
        finally:
            self.closed += 1
            await tasks.aclose()

    async def _serve(self, inbox: trio.abc.ReceiveStream, outbox: trio.abc.SendStream) -> None:
        async with inbox, outbox:
            async for line in inbox:
                task = task_read(bytes(line))
                self.asked.append((trio.current_time(), task.seed))
                await trio.sleep(self.seconds)
                pieces = self.answer(task)
                if pieces is None:
                    return
                for piece in pieces:
                    await outbox.send_all(piece)


@pytest.fixture
def workers(nursery, outcome) -> Workers:
    return Workers(nursery, lambda task: [written(outcome(task.seed))])


async def test_each_world_is_handed_out_once(autojump_clock, workers, task, outcome):
    seen: list[Outcome] = []

    await run_worlds(map(task, range(7)), workers.open, seen.append, jobs=3)

    assert sorted(each.seed for each in seen) == list(range(7))
    assert outcome(6) in seen
    assert workers.opened == workers.closed == 3


async def test_worlds_are_handed_out_one_by_one(autojump_clock, workers, task):
    await run_worlds(map(task, range(6)), workers.open, lambda _: None, jobs=2)

    assert [at_s for at_s, _ in workers.asked] == [0, 0, 1, 1, 2, 2]


async def test_more_jobs_than_worlds_open_no_idle_workers(autojump_clock, workers, task):
    await run_worlds(map(task, range(2)), workers.open, lambda _: None, jobs=8)

    assert workers.opened == 2


async def test_an_answer_comes_in_pieces(autojump_clock, workers, task, outcome):
    line = written(outcome(1))
    workers.answer = lambda _: [line[:10], line[10:-1], line[-1:]]
    seen: list[Outcome] = []

    await run_worlds([task(1)], workers.open, seen.append, jobs=1)

    assert seen == [outcome(1)]


async def test_a_worker_that_dies_is_a_violation_of_its_world_alone(autojump_clock, workers, task, outcome):
    workers.answer = lambda task: None if task.seed == 1 else [written(outcome(task.seed))]
    seen: list[Outcome] = []

    await run_worlds(map(task, range(4)), workers.open, seen.append, jobs=1)

    assert [each.seed for each in seen] == [0, 1, 2, 3]
    assert [each.violations for each in seen] == [(), (Violation(at_s=0.0, rule="crashed", text="last words"),), (), ()]
    assert workers.opened == workers.closed == 2


async def test_a_worker_that_was_dead_before_it_was_asked_is_a_violation(autojump_clock, task):
    tasks, inbox = trio.testing.memory_stream_one_way_pair()
    outbox, outcomes = trio.testing.memory_stream_one_way_pair()
    await inbox.aclose()
    await outbox.aclose()
    worker = Worker(tasks, outcomes, lambda: "no such module")

    outcome = await worker.simulate(task(5), LIMIT_S)

    assert outcome.violations == (Violation(at_s=0.0, rule="crashed", text="no such module"),)
    assert worker.lost


async def test_a_world_that_takes_too_long_is_given_up(autojump_clock, workers, task):
    workers.seconds = LIMIT_S + 1
    seen: list[Outcome] = []

    await run_worlds(map(task, range(2)), workers.open, seen.append, jobs=1, hour_s=LIMIT_S)

    assert [each.violations[0].rule for each in seen] == ["hung", "hung"]
    assert trio.current_time() == 2 * LIMIT_S
    assert workers.opened == workers.closed == 2


@pytest.mark.parametrize(("seconds", "limit_s"), [(60.0, 10.0), (3600.0, 10.0), (36_000.0, 100.0)])
def test_a_longer_world_may_take_longer(seconds, limit_s):
    assert patience_s(Task(seed=1, seconds=seconds), LIMIT_S) == limit_s


async def test_the_last_words_of_a_process_are_words():
    group = "ExceptionGroup: two\n  | KeyError: 'bug'\n  +-----------\n\n"

    with tempfile.TemporaryFile() as stderr:
        stderr.write(group.encode())
        words = last_words(stderr)

    assert words == "KeyError: 'bug'"


async def test_a_process_that_cannot_start_says_why(task):
    async with open_process("no such mutant") as worker:
        outcome = await worker.simulate(task(1), 60.0)

    assert outcome.violations == (Violation(at_s=0.0, rule="crashed", text="KeyError: 'no such mutant'"),)
