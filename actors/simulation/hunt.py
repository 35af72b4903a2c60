"""How many worlds it takes to find each planted bug."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager

import attrs
import trio

from actors.simulation.runner import Worker, patience_s
from actors.simulation.worker import Task

HUNG_S = 30.0  # of a world of an hour: a bug that makes the bot spin is found soon enough

OpenMutant = Callable[[str], AbstractAsyncContextManager[Worker]]


@attrs.frozen(kw_only=True)
class Hunt:
    """Where a planted bug was found. Without `rule` it was not."""

    mutant: str
    worlds: int
    seed: int | None = None
    rule: str | None = None
    text: str = ""

    @property
    def found(self) -> bool:
        return self.rule is not None


async def hunt_all(
    mutants: Iterable[str], tasks: Sequence[Task], open_mutant: OpenMutant, seen: Callable[[Hunt], None], *, jobs: int
) -> None:
    """Run each mutant through the tasks until one shows a violation, as many mutants at a time as there are jobs."""
    waiting = iter(mutants)
    async with trio.open_nursery() as nursery:
        for _ in range(jobs):
            nursery.start_soon(_hunt_each, waiting, tasks, open_mutant, seen)


async def _hunt_each(
    waiting: Iterator[str], tasks: Sequence[Task], open_mutant: OpenMutant, seen: Callable[[Hunt], None]
) -> None:
    for mutant in waiting:
        async with open_mutant(mutant) as worker:
            seen(await hunt(mutant, tasks, worker))


async def hunt(mutant: str, tasks: Sequence[Task], worker: Worker) -> Hunt:
    """Return the first violation of a bot with a planted bug; a process that it breaks shows it too."""
    for worlds, task in enumerate(tasks, 1):
        outcome = await worker.simulate(task, patience_s(task, HUNG_S))
        if outcome.violations:
            first = outcome.violations[0]
            return Hunt(mutant=mutant, worlds=worlds, seed=task.seed, rule=first.rule, text=first.text)
    return Hunt(mutant=mutant, worlds=len(tasks))


def as_text(hunts: Iterable[Hunt]) -> str:
    """Return a row for each planted bug, those that were not found last."""
    rows = [("mutant", "worlds", "seed", "rule")]
    for each in sorted(hunts, key=lambda each: (not each.found, each.worlds, each.mutant)):
        rows.append((each.mutant, str(each.worlds), *((str(each.seed), each.rule) if each.rule else ("", "NOT FOUND"))))
    width = max(len(row[0]) for row in rows)
    return "\n".join(f"{name:<{width}}  {worlds:>6}  {seed:>6}  {rule}" for name, worlds, seed, rule in rows)


def as_json(hunts: Iterable[Hunt]) -> str:
    """Return one line."""
    return json.dumps({"mutants": [attrs.asdict(each) for each in hunts]}, separators=(",", ":"))
