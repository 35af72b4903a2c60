"""How fast requests may go out."""

import math
from collections import deque

import attrs

from protocol.venue import Lane, Quota, Traits

BURST = 10
READ_BURST = 3  # of one endpoint, of which a few may come at once


@attrs.define
class _Window:
    """The calls of a quota that its window still holds. Times are trio's."""

    quota: Quota
    calls_s: deque[float] = attrs.field(factory=deque)

    def used(self, now_s: float) -> int:
        while self.calls_s and self.calls_s[0] <= now_s - self.quota.window_s:
            self.calls_s.popleft()
        return len(self.calls_s)

    def earliest_s(self, lane: Lane, now_s: float) -> float:
        room = self.quota.usable - (0 if lane is Lane.CANCELLING else self.quota.reserve)
        over = self.used(now_s) - room
        return -math.inf if over < 0 else self.calls_s[over] + self.quota.window_s


@attrs.define(kw_only=True)
class RateLimit:
    """Space requests out (GCRA), within the quotas of their endpoints; obey a 429; let cancels through first.

    Times are trio's.
    """

    per_s: float
    burst: int = BURST
    reads_apart_s: float
    by_endpoint: bool = False  # a 429 is about one endpoint's quota, not about all requests
    held_s: dict[str, float] = attrs.field(factory=dict)
    cancels_waiting: int = 0
    _windows: tuple[_Window, ...] = ()
    _full_at_s: float = -math.inf  # when the spent budget will have come back
    _reads_full_at_s: dict[str, float] = attrs.field(factory=dict)  # the same, per endpoint

    @classmethod
    def of(cls, traits: Traits) -> "RateLimit":
        return cls(
            per_s=traits.calls_per_s,
            reads_apart_s=traits.reads_apart_s,
            by_endpoint=traits.held_by_endpoint,
            windows=tuple(_Window(quota) for quota in traits.quotas),
        )

    def earliest_s(self, lane: Lane, name: str, now_s: float) -> float:
        """Return when a request may go; now or earlier means at once."""
        interval_s = 1.0 / self.per_s
        at_s = max(self._full_at_s - (self.burst - 1) * interval_s, self.held_s.get(self._held_as(name), -math.inf))
        for window in self._windows_of(name):
            at_s = max(at_s, window.earliest_s(lane, now_s))
        if lane is Lane.CANCELLING:
            return at_s
        if self.cancels_waiting:
            at_s = max(at_s, now_s) + self.cancels_waiting * interval_s
        if lane is not Lane.READING:
            return at_s
        return max(at_s, self._reads_full_at_s.get(name, -math.inf) - (READ_BURST - 1) * self.reads_apart_s)

    def spend(self, lane: Lane, name: str, now_s: float) -> None:
        """Count a request that goes out now."""
        self._full_at_s = max(self._full_at_s, now_s) + 1.0 / self.per_s
        for window in self._windows_of(name):
            window.calls_s.append(now_s)
        if lane is Lane.READING:
            full_at_s = max(self._reads_full_at_s.get(name, now_s), now_s)
            self._reads_full_at_s[name] = full_at_s + self.reads_apart_s

    def hold(self, name: str, until_s: float) -> None:
        """Send nothing of the kind before then."""
        held_as = self._held_as(name)
        self.held_s[held_as] = max(self.held_s.get(held_as, -math.inf), until_s)

    @property
    def held_until_s(self) -> float:
        """Return until when something is held back at the venue's wish."""
        return max(self.held_s.values(), default=-math.inf)

    def placing_left(self, now_s: float) -> float:
        """Return how many orders may be placed at once; `inf` where there is no quota."""
        windows = self._windows_of("place")
        return min((each.quota.usable - each.quota.reserve - each.used(now_s) for each in windows), default=math.inf)

    def flat_in_s(self, orders: int, now_s: float, coming: int = 0) -> float:
        """Return how long it takes to cancel so many orders one by one, at what the venue allows less what was used.

        `coming` calls are about to be used as well.
        """
        longest_s = 0.0
        for window in self._windows_of("cancel"):
            left = window.quota.calls - window.used(now_s) - coming
            longest_s = max(longest_s, orders * window.quota.window_s / left if left > 0 else math.inf)
        return longest_s

    def _windows_of(self, name: str) -> list[_Window]:
        return [window for window in self._windows if name in window.quota.names]

    def _held_as(self, name: str) -> str:
        """Return under which name a hold is kept: endpoints that share a quota are held together."""
        if not self.by_endpoint:
            return ""
        shared = self._windows_of(name)
        return min(shared[0].quota.names) if shared else name
