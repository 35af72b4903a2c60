"""Worlds simulated side by side, by processes that can be given up."""

import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import IO

import attrs
import trio

from actors.simulation.auditor import Violation
from actors.simulation.simulate import Outcome
from actors.simulation.worker import Task, outcome_read, written
from actors.simulation.world import HOUR_S

HUNG_S = 120.0  # of a world of an hour, which takes about one
ENDING_S = 5.0  # of a process that has been killed, or has closed its output
CRASHED, HUNG = "crashed", "hung"
KEPT_BYTES = 4_096  # of stderr, at its end
BOX = " |+-"  # what the traceback of a group is drawn with

MODULE = "actors.simulation.mutation"  # nothing of the house is imported before it has had its say


@attrs.define(eq=False)
class Worker:
    """A process that simulates one world at a time. Once `lost` it is of no more use."""

    tasks: trio.abc.SendStream
    outcomes: trio.abc.ReceiveStream
    last_words: Callable[[], str]
    lost: bool = attrs.field(default=False, init=False)
    _received: bytes = attrs.field(default=b"", init=False)

    async def simulate(self, task: Task, limit_s: float) -> Outcome:
        """Return what the process says, or a violation that tells how the process was lost."""
        with trio.move_on_after(limit_s):
            line = await self._ask(written(task))
            if line is not None:
                return outcome_read(line)
            self.lost = True
            return _given_up(task, CRASHED, self.last_words())
        self.lost = True
        return _given_up(task, HUNG, f"no outcome after {limit_s:g} s")

    async def _ask(self, line: bytes) -> bytes | None:
        """Return the line that answers one; `None` when the process has ended."""
        try:
            await self.tasks.send_all(line)
        except trio.BrokenResourceError:
            return None
        while b"\n" not in self._received:
            more = await self.outcomes.receive_some()
            if not more:
                return None
            self._received += more
        answer, _, self._received = self._received.partition(b"\n")
        return answer


def patience_s(task: Task, hour_s: float) -> float:
    """Return how long a world may take, where one of an hour may take so long; a shorter one may as well."""
    return hour_s * max(task.seconds / HOUR_S, 1.0)


OpenWorker = Callable[[], AbstractAsyncContextManager[Worker]]


def _given_up(task: Task, rule: str, text: str) -> Outcome:
    return Outcome(
        seed=task.seed,
        seconds=task.seconds,
        trace="",
        violations=(Violation(at_s=0.0, rule=rule, text=text),),
        injected={},
        reached={},
        counts={},
    )


@asynccontextmanager
async def open_process(*mutants: str) -> AsyncIterator[Worker]:
    """Start a worker on this interpreter, with planted bugs if named. It is killed at the end."""
    with tempfile.TemporaryFile() as stderr:
        process = await trio.lowlevel.open_process(
            [sys.executable, "-m", MODULE, *mutants],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,  # the terminal's Ctrl-C is for us alone
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with process.stdin, process.stdout:
                yield Worker(process.stdin, process.stdout, lambda: last_words(stderr) or "ended without a word")
        finally:
            process.kill()
            with trio.move_on_after(ENDING_S, shield=True):
                await process.wait()


def last_words(stderr: IO[bytes]) -> str:
    """Return the last line that has words in it."""
    stderr.seek(max(stderr.seek(0, 2) - KEPT_BYTES, 0))
    lines = stderr.read().decode(errors="replace").split("\n")
    said = (line.strip(BOX) for line in reversed(lines) if any(map(str.isalpha, line)))
    return next(said, "")


async def run_worlds(
    tasks: Iterable[Task],
    open_worker: OpenWorker,
    seen: Callable[[Outcome], None],
    *,
    jobs: int,
    hour_s: float = HUNG_S,
) -> None:
    """Hand out tasks one by one to as many workers as there are jobs; tell each outcome as it comes."""
    waiting = iter(tasks)
    async with trio.open_nursery() as nursery:
        for _ in range(jobs):
            nursery.start_soon(_work, waiting, open_worker, seen, hour_s)


async def _work(
    waiting: Iterator[Task], open_worker: OpenWorker, seen: Callable[[Outcome], None], hour_s: float
) -> None:
    for task in waiting:
        async with open_worker() as worker:
            seen(await worker.simulate(task, patience_s(task, hour_s)))
            while not worker.lost and (following := next(waiting, None)) is not None:
                seen(await worker.simulate(following, patience_s(following, hour_s)))
