import subprocess
import sys

from actors.simulation.worker import (
    MEMORY_MB,
    Task,
    bounded,
    held_mb,
    outcome_read,
    perform,
    serve,
    task_read,
    within,
    written,
)

TASK = Task(seed=3, seconds=5.0, kinds=frozenset())


def test_a_task_and_an_outcome_are_a_line_each(outcome):
    told = outcome(3, "truth", drop=2)

    assert task_read(written(TASK)) == TASK
    assert outcome_read(written(told)) == told
    assert written(told).count(b"\n") == 1


def test_a_task_without_kinds_stays_without():
    task = Task(seed=3, seconds=5.0)

    assert task_read(written(task)) == task


def test_each_line_is_answered_in_turn(outcome):
    lines: list[bytes] = []
    tasks = [Task(seed=seed, seconds=60.0) for seed in (4, 2)]

    serve(map(written, tasks), lines.append, lambda task: outcome(task.seed))

    assert [outcome_read(line) for line in lines] == [outcome(4), outcome(2)]


def test_what_worlds_leave_behind_may_not_add_up(outcome):
    fine, broken = (within(256, outcome(3, "truth"), held) for held in (256, 257))

    assert fine == outcome(3, "truth")
    assert [each.rule for each in broken.violations] == [*(each.rule for each in fine.violations), "memory"]
    assert 10 < held_mb() < 4096


def test_what_this_process_holds_is_enough_for_its_worlds(outcome):
    assert bounded(outcome(3)) == within(MEMORY_MB, outcome(3), held_mb())


def test_a_process_of_its_own_comes_to_the_same_outcome():
    done = subprocess.run(
        [sys.executable, "-m", "actors.simulation.mutation"],
        input=written(TASK),
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
    )

    assert outcome_read(done.stdout) == perform(TASK)
