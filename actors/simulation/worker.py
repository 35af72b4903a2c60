"""A process that simulates worlds as it is told to, one at a time."""

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import attrs
from cattrs.preconf.json import make_converter

from actors.console.logs import configure_logs
from actors.simulation.auditor import Violation
from actors.simulation.simulate import Outcome, simulate
from actors.simulation.world import draw

HELD = Path("/proc/self/statm")  # not what was held at most: that counts what the parent held, too
MEMORY_MB = 256  # one world takes some 70

_json = make_converter()


@attrs.frozen(kw_only=True)
class Task:
    """A world to simulate. Without `kinds` everything may go wrong in it."""

    seed: int
    seconds: float
    kinds: frozenset[str] | None = None


def written(value: Task | Outcome) -> bytes:
    """Return a line, its end included."""
    return _json.dumps(value).encode() + b"\n"


def task_read(line: bytes) -> Task:
    return _json.loads(line, Task)


def outcome_read(line: bytes) -> Outcome:
    return _json.loads(line, Outcome)


def perform(task: Task) -> Outcome:
    """Draw the world of a task, simulate it."""
    return simulate(draw(task.seed, task.seconds, task.kinds))


def within(limit_mb: int, outcome: Outcome, held: int) -> Outcome:
    """Return an outcome, and that the process holds too much if it does: what worlds leave behind adds up."""
    if held <= limit_mb:
        return outcome
    text = f"the process held {held} MB, {limit_mb} are enough for any number of worlds"
    return attrs.evolve(
        outcome, violations=(*outcome.violations, Violation(at_s=outcome.seconds, rule="memory", text=text))
    )


def bounded(outcome: Outcome) -> Outcome:
    """Return an outcome, and that this process holds too much if it does."""
    return within(MEMORY_MB, outcome, held_mb())


def held_mb() -> int:
    """Return how much memory this process holds; 0 where the system does not say."""
    try:
        pages = int(HELD.read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def serve(lines: Iterable[bytes], answer: Callable[[bytes], object], perform: Callable[[Task], Outcome]) -> None:
    """Answer each task with its outcome, until there are no more."""
    for line in lines:
        answer(written(perform(task_read(line))))


def main() -> None:
    """Serve on stdin and stdout."""
    answers = sys.stdout.buffer
    sys.stdout = sys.stderr  # what prints by mistake is not an answer
    configure_logs("error")

    def answer(line: bytes) -> None:
        answers.write(line)
        answers.flush()

    serve(sys.stdin.buffer, answer, lambda task: bounded(perform(task)))


if __name__ == "__main__":
    main()
