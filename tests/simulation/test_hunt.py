import json
from contextlib import asynccontextmanager

import attrs
import pytest
import trio

from actors.simulation.hunt import Hunt, as_json, as_text, hunt_all


@attrs.define
class Bot:
    """A bot whose planted bug shows with one seed, or never."""

    outcome: object
    seed: int | None
    asked: list[int] = attrs.field(factory=list)

    async def simulate(self, task, limit_s):
        await trio.lowlevel.checkpoint()
        self.asked.append(task.seed)
        return self.outcome(task.seed, *(["truth"] if task.seed == self.seed else []))


@pytest.fixture
def bots(outcome):
    return {"early": Bot(outcome, 1), "late": Bot(outcome, 8), "never": Bot(outcome, None)}


async def test_each_mutant_is_hunted_until_it_is_found(autojump_clock, bots, task):
    @asynccontextmanager
    async def open_mutant(name):
        yield bots[name]

    seen: list[Hunt] = []

    await hunt_all(bots, [task(seed) for seed in range(10)], open_mutant, seen.append, jobs=2)

    assert {each.mutant: each for each in seen} == {
        "early": Hunt(mutant="early", worlds=2, seed=1, rule="truth", text="seen"),
        "late": Hunt(mutant="late", worlds=9, seed=8, rule="truth", text="seen"),
        "never": Hunt(mutant="never", worlds=10),
    }
    assert bots["early"].asked == [0, 1]


def test_the_table_ends_with_what_was_not_found():
    hunts = [
        Hunt(mutant="never", worlds=200),
        Hunt(mutant="late", worlds=12, seed=11, rule="truth"),
        Hunt(mutant="early", worlds=1, seed=0, rule="crashed"),
    ]

    assert as_text(hunts).splitlines() == [
        "mutant  worlds    seed  rule",
        "early        1       0  crashed",
        "late        12      11  truth",
        "never      200          NOT FOUND",
    ]


def test_the_hunts_are_one_line_of_json():
    assert json.loads(as_json([Hunt(mutant="never", worlds=3)])) == {
        "mutants": [{"mutant": "never", "worlds": 3, "seed": None, "rule": None, "text": ""}]
    }
