from random import Random

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from actors.messages import SessionFailed
from actors.supervision import Backoff, failure_of, first_named, supervise
from protocol.errors import RemoteProtocolError
from protocol.venue import Reconnect

NAMED = (SessionFailed, RemoteProtocolError)


@given(st.integers(), st.lists(st.tuples(st.sampled_from(Reconnect), st.floats(0, 100)), max_size=40))
def test_every_wait_is_within_what_the_close_code_asks(seed, failures):
    backoff = Backoff(Random(seed))
    bounds = {
        Reconnect.AT_ONCE: (0.0, 1.5),
        Reconnect.AFTER_A_SECOND: (1.0, 31.0),
        Reconnect.CHANGED: (1.0, 60.0),
        Reconnect.ORDINARY: (0.0, 8.0),
    }

    for reconnect, lived_s in failures:
        shortest_s, longest_s = bounds[reconnect]
        assert shortest_s <= backoff.next_s(reconnect, lived_s, 0.0) <= longest_s


def test_failures_in_a_row_wait_longer_and_a_stable_session_starts_afresh():
    backoff = Backoff(Random(1))

    waits = [backoff.next_s(Reconnect.ORDINARY, 0.0, 0.0) for _ in range(8)]
    afresh = backoff.next_s(Reconnect.ORDINARY, 5.0, 0.0)

    assert waits[0] <= 0.5
    assert waits[-1] >= 4.0
    assert afresh <= 0.25


@given(st.integers(), st.lists(st.tuples(st.sampled_from(Reconnect), st.floats(0, 100)), max_size=60))
def test_no_more_attempts_start_in_any_minute_than_the_venue_bears(seed, sessions):
    backoff = Backoff(Random(seed), per_minute=10)
    started_s = [0.0]

    for reconnect, lived_s in sessions:
        ended_s = started_s[-1] + lived_s
        started_s.append(ended_s + backoff.next_s(reconnect, lived_s, ended_s))

    assert all(later - earlier >= 60.0 for earlier, later in zip(started_s, started_s[10:], strict=False))


@given(st.integers(), st.lists(st.tuples(st.booleans(), st.floats(0, 30)), max_size=60))
def test_sessions_beside_others_count_among_the_attempts_of_a_minute(seed, attempts):
    backoff = Backoff(Random(seed), per_minute=10)
    started_s = [0.0]

    for beside, later_s in attempts:
        now_s = started_s[-1] + later_s
        wait_s = backoff.beside_s(now_s) if beside else backoff.next_s(Reconnect.AT_ONCE, later_s, now_s)
        started_s.append(now_s + wait_s)

    assert all(later - earlier >= 60.0 - 1e-9 for earlier, later in zip(started_s, started_s[10:], strict=False))


@given(st.integers(), st.lists(st.tuples(st.sampled_from(Reconnect), st.floats(7, 100)), max_size=60))
def test_sessions_that_live_long_enough_wait_as_if_there_were_no_bound(seed, sessions):
    bounded, free = Backoff(Random(seed), per_minute=10), Backoff(Random(seed))
    now_s = 0.0

    for reconnect, lived_s in sessions:
        now_s += lived_s
        wait_s = bounded.next_s(reconnect, lived_s, now_s)
        assert wait_s == free.next_s(reconnect, lived_s, now_s)
        now_s += wait_s


def test_a_group_of_named_failures_is_its_first_one():
    first, second = SessionFailed("one"), RemoteProtocolError("two")
    nested = BaseExceptionGroup("a", [BaseExceptionGroup("b", [first]), second])

    assert first_named(nested, NAMED) is first


def test_one_bug_makes_a_group_a_bug():
    assert first_named(BaseExceptionGroup("a", [SessionFailed("one"), KeyError("bug")]), NAMED) is None


class Attempts:
    """Attempts that end as they are told to."""

    def __init__(self, *failures: BaseException) -> None:
        self.failures = list(failures)
        self.lost: list[str] = []
        self.started_s: list[float] = []

    async def __call__(self) -> None:
        self.started_s.append(trio.current_time())
        if not self.failures:
            await trio.sleep_forever()
        raise self.failures.pop(0)

    def told(self, failure: Exception) -> Reconnect:
        self.lost.append(str(failure))
        return failure.reconnect if isinstance(failure, SessionFailed) else Reconnect.ORDINARY

    async def supervised(self, seconds: float = 100.0) -> None:
        with trio.move_on_after(seconds):
            await supervise(self, restart_on=NAMED, lost=self.told, backoff=Backoff(Random(1)))


async def test_a_named_failure_is_told_and_restarted(autojump_clock):
    attempts = Attempts(
        SessionFailed("one", Reconnect.AFTER_A_SECOND), ExceptionGroup("a", [RemoteProtocolError("two")])
    )

    await attempts.supervised()

    assert attempts.lost == ["one", "two"]
    assert len(attempts.started_s) == 3
    assert attempts.started_s[1] - attempts.started_s[0] >= 1.0


async def test_it_never_gives_up_on_the_network(autojump_clock):
    attempts = Attempts(*[SessionFailed("again") for _ in range(200)])

    await attempts.supervised(3000.0)

    assert len(attempts.started_s) == 201


async def test_attempts_that_fail_at_once_are_ten_in_the_first_minute(autojump_clock):
    attempts = Attempts(*[SessionFailed("again", Reconnect.AT_ONCE) for _ in range(200)])

    with trio.move_on_after(60):
        await supervise(attempts, restart_on=NAMED, lost=attempts.told, backoff=Backoff(Random(1), per_minute=10))

    assert len(attempts.started_s) == 10
    assert attempts.started_s[-1] < 15.0


@pytest.mark.parametrize("bug", [KeyError("bug"), ExceptionGroup("a", [SessionFailed("one"), KeyError("bug")])])
async def test_a_bug_leaves_as_it_came(autojump_clock, bug):
    attempts = Attempts(bug)

    with pytest.raises(type(bug)) as raised:
        await attempts.supervised()

    assert raised.value is bug
    assert attempts.lost == []


async def test_an_attempt_that_just_ends_is_a_bug(autojump_clock):
    async def attempt() -> None:
        await trio.lowlevel.checkpoint()

    with pytest.raises(AssertionError, match="ends only by failing"):
        await supervise(attempt, restart_on=NAMED, lost=lambda *_: Reconnect.AT_ONCE, backoff=Backoff(Random(1)))


async def test_an_attempt_has_its_first_named_failure_or_none(autojump_clock):
    async def nothing() -> None:
        await trio.lowlevel.checkpoint()

    async def group() -> None:
        raise ExceptionGroup("a", [RemoteProtocolError("two"), SessionFailed("one")])

    assert await failure_of(nothing, NAMED) is None
    assert str(await failure_of(group, NAMED)) == "two"


@pytest.mark.parametrize("bug", [None, KeyError("a bug")])
async def test_a_failure_in_the_moment_of_a_cancellation_is_a_part_of_it_and_a_bug_is_not(autojump_clock, bug):
    async def fail() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise bug or SessionFailed("lost")

    async def attempt() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail)
            await trio.sleep_forever()

    failures = []
    with trio.move_on_after(1.0) as scope:
        try:
            await failure_of(attempt, NAMED)
        except* KeyError as group:
            failures.extend(group.exceptions)

    assert (scope.cancelled_caught, len(failures)) == (True, 0 if bug is None else 1)
