"""The same seed gives the same run, in every process and on every interpreter."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pytest

from actors.simulation.simulate import Outcome
from actors.simulation.worker import Task, outcome_read, perform, written
from actors.simulation.world import draw

ROOT = Path(__file__).resolve().parents[2]
RECORD = Path(__file__).with_name("traces.json")
RECORDING = "python tests/simulation/test_traces.py"
PYTHONS = "OVERROUND_PYTHONS"  # paths, separated as in PATH

TASKS = tuple(Task(seed=seed, seconds=420.0) for seed in (10, 22, 19))  # each venue, then both
LIBRARIES = ("attrs", "cattrs", "h11", "httpcore", "httpx", "msgspec", "trio", "trio-websocket", "wsproto")
"""What has a say in the order of things: another version may do the same in other steps."""


@cache
def here() -> list[Outcome]:
    return [perform(task) for task in TASKS]


def elsewhere(python: str, hash_seed: int) -> list[Outcome]:
    """Return what a new process of an interpreter makes of the same worlds."""
    done = subprocess.run(
        [python, "-m", "actors.simulation.worker"],
        input=b"".join(map(written, TASKS)),
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": str(hash_seed)},
        check=True,
        timeout=120,
    )
    return [outcome_read(line) for line in done.stdout.splitlines()]


def traces() -> Mapping[str, str]:
    return {f"seed {outcome.seed}, {outcome.seconds:g} s": outcome.trace for outcome in here()}


def versions() -> Mapping[str, str]:
    return {name: version(name) for name in LIBRARIES}


def record() -> None:
    RECORD.write_text(json.dumps({"versions": versions(), "traces": traces()}, indent=2) + "\n")


def test_the_worlds_are_on_every_venue_and_much_goes_wrong_in_them():
    worlds = [draw(task.seed, task.seconds) for task in TASKS]

    assert [(world.prophetx is not None, world.satoriex is not None) for world in worlds] == [
        (True, False),
        (False, True),
        (True, True),
    ]
    assert len({kind for outcome in here() for kind in outcome.injected}) >= 6
    assert sum(outcome.counts["orders"] for outcome in here()) > 0


def test_every_process_gives_the_same_run_whatever_its_hash_seed():
    assert [elsewhere(sys.executable, hash_seed) for hash_seed in (1, 2)] == [here(), here()]


def test_the_runs_are_the_recorded_ones():
    recorded = json.loads(RECORD.read_text())
    other = {name: was for name, was in recorded["versions"].items() if versions()[name] != was}
    if other:
        pytest.skip(f"recorded with {', '.join(' '.join(each) for each in other.items())}: {RECORDING}")

    assert traces() == recorded["traces"], f"the bot does something else now; if that is meant: {RECORDING}"


def test_other_interpreters_give_the_same_runs():
    pythons = [path for path in os.environ.get(PYTHONS, "").split(os.pathsep) if path]
    if not pythons:
        pytest.skip(f"{PYTHONS} names no other interpreter")

    assert {path: elsewhere(path, 0) for path in pythons} == dict.fromkeys(pythons, here())


if __name__ == "__main__":
    record()
