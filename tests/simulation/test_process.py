from functools import partial

import pytest
import trio

from actors.simulation.process import Point, Process, ProcessKilled

WALL_NS = 1_790_000_000 * 10**9
STEPS = [point for point in Point if point is not Point.MOMENT]


@pytest.fixture
def process() -> Process:
    return Process(lambda: WALL_NS)


def take(process: Process, point: Point, times: int = 1) -> None:
    for _ in range(times):
        process.before(point)
        process.after(point)


def test_a_living_process_has_its_doors_open(process):
    process.check()

    assert process.wall_ns() == WALL_NS
    assert not process.dead


@pytest.mark.parametrize("point", STEPS)
def test_it_is_killed_before_its_nth_step(process, point):
    process.doom(point, 3, after=False)
    take(process, point, 2)

    with pytest.raises(ProcessKilled):
        process.before(point)

    assert process.dead


@pytest.mark.parametrize("point", STEPS)
def test_it_is_killed_after_its_nth_step(process, point):
    process.doom(point, 2, after=True)
    take(process, point)
    process.before(point)
    alive = not process.dead

    with pytest.raises(ProcessKilled):
        process.after(point)

    assert alive
    assert process.dead


def test_steps_count_from_when_it_was_doomed(process):
    take(process, Point.SEND, 5)
    process.doom(Point.SEND, 2, after=False)
    take(process, Point.SEND)

    with pytest.raises(ProcessKilled):
        process.before(Point.SEND)


@pytest.mark.parametrize("after", [False, True])
def test_other_steps_do_not_count(process, after):
    process.doom(Point.COMMIT, 1, after=after)

    take(process, Point.SEND, 9)
    take(process, Point.RECEIVE, 9)

    assert not process.dead


def test_a_moment_is_now(process):
    process.doom(Point.MOMENT, 20, after=True)

    assert process.dead


def test_one_that_was_pardoned_lives(process):
    process.doom(Point.SEND, 2, after=False)
    take(process, Point.SEND)

    process.pardon()
    take(process, Point.SEND, 9)

    assert not process.dead


@pytest.mark.parametrize("point", Point)
def test_every_point_kills(process, point):
    process.doom(point, 1, after=False)
    if not process.dead:
        with pytest.raises(ProcessKilled):
            process.before(point)

    assert process.dead


def test_a_dead_process_does_nothing_at_any_door(process):
    process.kill()

    for door in (process.check, process.wall_ns, *(partial(process.before, point) for point in Point)):
        with pytest.raises(ProcessKilled):
            door()


def test_its_deaths_are_run_once_and_in_order(process):
    seen: list[str] = []
    process.deaths += [lambda: seen.append("disk"), lambda: seen.append("socket")]

    process.kill()
    process.kill()

    assert seen == ["disk", "socket"]


async def test_what_waits_is_cancelled(autojump_clock, process):
    with trio.fail_after(5), process.scope:
        process.kill()
        await trio.sleep_forever()

    assert process.scope.cancelled_caught


def test_nothing_that_catches_errors_catches_a_kill():
    assert not issubclass(ProcessKilled, Exception)
