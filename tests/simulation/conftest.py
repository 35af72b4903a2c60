from collections.abc import Callable

import pytest

from actors.simulation.auditor import Violation
from actors.simulation.simulate import Outcome
from actors.simulation.worker import Task


@pytest.fixture
def task() -> Callable[[int], Task]:
    return lambda seed: Task(seed=seed, seconds=60.0)


@pytest.fixture
def outcome() -> Callable[..., Outcome]:
    """What a world of a minute came to: nothing wrong, unless rules are named."""

    def outcome(seed: int, *rules: str, **counted: int) -> Outcome:
        return Outcome(
            seed=seed,
            seconds=60.0,
            trace=f"{seed:064x}",
            violations=tuple(Violation(at_s=1.5, rule=rule, text="seen") for rule in rules),
            injected=counted,
            reached=counted,
            counts=counted,
        )

    return outcome
