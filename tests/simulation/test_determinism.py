import pytest
import trio

from actors.simulation import determinism
from actors.simulation.determinism import PINNED, run_pinned

TASKS = 8


async def race() -> list[int]:
    """Return the order in which tasks came that could all run at the same time."""
    came: list[int] = []

    async def come(number: int) -> None:
        await trio.lowlevel.checkpoint()
        came.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(TASKS):
            nursery.start_soon(come, number)
    return came


def pinned() -> object:
    return getattr(determinism.trio_run, PINNED)


def test_the_order_of_tasks_follows_the_seed():
    orders = [run_pinned(seed, race) for seed in (1, 1, 2, 3, 4, 5)]

    assert orders[0] == orders[1]
    assert sorted(orders[0]) == list(range(TASKS))
    assert len({tuple(order) for order in orders}) > 2


def test_what_ran_before_changes_nothing():
    alone = run_pinned(1, race)
    run_pinned(2, race)

    assert run_pinned(1, race) == alone


def test_an_hour_takes_no_time_and_begins_at_zero():
    async def wait() -> tuple[float, float]:
        began_s = trio.current_time()
        await trio.sleep(3600)
        return began_s, trio.current_time()

    assert run_pinned(1, wait) == (0, 3600)


def test_the_scheduler_is_let_go_again():
    async def fail() -> None:
        assert pinned() is True
        raise KeyError("bug")

    before = pinned()

    with pytest.raises(KeyError):
        run_pinned(1, fail)

    assert pinned() is before
