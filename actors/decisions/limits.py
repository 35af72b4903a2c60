"""How fast requests may go out."""

import math

import attrs

from protocol.venue import Lane

REQUESTS_PER_S = 45.0  # the venue takes 50; the rest is for clocks that differ
BURST = 10
READS_APART_S = 1.0  # per endpoint: what its read endpoints bear in practice
READ_BURST = 3  # of which a few may come at once


@attrs.define
class RateLimit:
    """Space requests out (GCRA), hold all of them after a 429, and let cancels through first. Times are trio's."""

    per_s: float = REQUESTS_PER_S
    burst: int = BURST
    reads_apart_s: float = READS_APART_S
    held_until_s: float = -math.inf
    cancels_waiting: int = 0
    _full_at_s: float = -math.inf  # when the spent budget will have come back
    _reads_full_at_s: dict[str, float] = attrs.field(factory=dict)  # the same, per endpoint

    def earliest_s(self, lane: Lane, name: str, now_s: float) -> float:
        """Return when a request may go; now or earlier means at once."""
        interval_s = 1.0 / self.per_s
        at_s = max(self._full_at_s - (self.burst - 1) * interval_s, self.held_until_s)
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
        if lane is Lane.READING:
            full_at_s = max(self._reads_full_at_s.get(name, now_s), now_s)
            self._reads_full_at_s[name] = full_at_s + self.reads_apart_s

    def hold(self, until_s: float) -> None:
        """Send nothing before then."""
        self.held_until_s = max(self.held_until_s, until_s)
