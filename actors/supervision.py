"""Restart what failed, and nothing else."""

from collections import deque
from collections.abc import Awaitable, Callable
from random import Random

import attrs
import trio

from protocol.venue import Reconnect

STABLE_S = 5.0  # a session that lived this long starts the back-off afresh


@attrs.define
class Backoff:
    """How long to wait before the next attempt. Jittered, bounded, and it never gives up on the network.

    At once means within 3 s with the handshake, and an ordinary close is followed within 15 s.
    """

    random: Random = attrs.field(repr=False)
    per_minute: int | None = None  # attempts that the venue bears
    failures: int = 0
    _attempts_s: deque[float] = attrs.field(factory=deque)

    def next_s(self, reconnect: Reconnect, lived_s: float, now_s: float) -> float:
        """Return the wait after a session that lived `lived_s`. Counts the attempt that will follow."""
        return self._borne_s(self._wait_s(reconnect, lived_s), now_s)

    def beside_s(self, now_s: float) -> float:
        """Return the wait before a session beside another. Counts it."""
        return self._borne_s(0.0, now_s)

    def _borne_s(self, wait_s: float, now_s: float) -> float:
        if self.per_minute is not None:
            while self._attempts_s and self._attempts_s[0] <= now_s - 60.0:
                self._attempts_s.popleft()
            if len(self._attempts_s) >= self.per_minute - 1:  # the attempt that has just ended is not among them
                wait_s = max(wait_s, self._attempts_s[1 - self.per_minute] + 60.0 - now_s)
            self._attempts_s.append(now_s + wait_s)
        return wait_s

    def _wait_s(self, reconnect: Reconnect, lived_s: float) -> float:
        self.failures = 0 if lived_s >= STABLE_S else self.failures + 1
        growth = 2.0 ** min(self.failures, 10)
        jitter = self.random.uniform(0.5, 1.0)
        match reconnect:
            case Reconnect.AT_ONCE:
                return min(0.05 * growth, 1.5) * jitter
            case Reconnect.AFTER_A_SECOND:
                return 1.0 + min(0.25 * growth, 30.0) * jitter
            case Reconnect.CHANGED:
                return min(2.0 * growth, 60.0) * jitter
            case Reconnect.ORDINARY:
                return min(0.25 * growth, 8.0) * jitter


def first_named(group: BaseExceptionGroup[BaseException], named: tuple[type[Exception], ...]) -> Exception | None:
    """Return the first failure of a group if all of them may restart, else `None`: one bug makes it a bug."""
    leaves = list(_leaves(group))
    if all(isinstance(leaf, named) for leaf in leaves):
        return next(leaf for leaf in leaves if isinstance(leaf, Exception))
    return None


async def failure_of(attempt: Callable[[], Awaitable[None]], named: tuple[type[Exception], ...]) -> Exception | None:
    """Run an attempt to its end; return the first failure if all of them are named, `None` if there was none.

    What has no name leaves as it came. A failure in the moment of a cancellation from outside is a part of that.
    """
    try:
        await attempt()
    except BaseExceptionGroup as group:
        cancelled, failures = group.split(trio.Cancelled)
        failure = None if failures is None else first_named(failures, named)
        if failure is None:
            raise
        if cancelled is not None:
            raise cancelled from None
        return failure
    except named as error:
        return error
    return None


async def supervise(
    attempt: Callable[[], Awaitable[None]],
    *,
    restart_on: tuple[type[Exception], ...],
    lost: Callable[[Exception], Reconnect],
    backoff: Backoff,
) -> None:
    """Run attempts one after another, until cancelled or until a failure has no name here.

    `lost` is told of every failure before the wait. A failure that is not in `restart_on` leaves as it came: a bug is
    never restarted.
    """
    while True:
        started_s = trio.current_time()
        failure = await failure_of(attempt, restart_on)
        assert failure is not None, "an attempt ends only by failing"
        reconnect = lost(failure)
        await trio.sleep(backoff.next_s(reconnect, trio.current_time() - started_s, trio.current_time()))


def first_leaf(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first failure of a group, however deep it is."""
    return _leaves(group)[0]


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    return [
        leaf
        for error in group.exceptions
        for leaf in (_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    ]
