"""A run that depends on its seed alone."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio
import trio._core._run as trio_run
from trio.testing import MockClock

T = TypeVar("T")

PINNED = "_ALLOW_DETERMINISTIC_SCHEDULING"


def run_pinned(seed: int, main: Callable[[], Awaitable[T]]) -> T:
    """Run in virtual time, with the order of tasks that could run at the same time drawn from the seed.

    The scheduler's dice have no public name: this is the one place that reaches for them.
    """
    assert hasattr(trio_run, PINNED), "trio has another way to pin its scheduler now"
    before = getattr(trio_run, PINNED)
    setattr(trio_run, PINNED, True)
    trio_run._r.seed(seed)
    try:
        return trio.run(main, clock=MockClock(autojump_threshold=0))
    finally:
        setattr(trio_run, PINNED, before)
