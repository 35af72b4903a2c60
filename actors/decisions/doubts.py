"""What must be read from the order history, and when it has been."""

import math

import attrs

from actors.messages import AskHistory
from protocol.venue import OrderPage, Show, Window

ASK_AGAIN_S = 1.0
CLOCK_SKEW_S = 60  # how far our clock and the venue's may differ when a window is asked for
LOOK_BACK_S = 45  # a session can have been deaf for the heartbeat's 30 s before that was noticed
OPENING_WINDOW_S = 6 * 86_400  # the venue's widest window is 7 days
MAX_UPDATED_WINDOW_S = 2 * 86_400 - 3_600  # and 2 days by update


@attrs.define
class Doubts:
    """Ask one question at a time: first what the account holds, then what changed in a gap, then what was lost.

    An answer settles a doubt when the copy that was read is younger than the doubt. A copy of unknown age settles it as
    well as anything can: asking again would prove no more.
    """

    opening_ns: int | None = None
    gap_ns: int | None = None  # something may have been missed until then
    lost_since_ns: int | None = None  # the oldest request whose fate is unknown
    ask_at_s: float = math.inf
    asked: AskHistory | None = None
    _gap_from_ns: int = 0
    _asked_gap_ns: int | None = None  # the gap that the question under way is about

    @property
    def open(self) -> bool:
        """Tell whether anything is still to be read."""
        return self.opening_ns is not None or self.gap_ns is not None

    def start(self, now_s: float, wall_ns: int) -> None:
        """Ask for everything that the account holds from before this run."""
        self.opening_ns = wall_ns
        self.ask_at_s = now_s

    def missed(self, since_ns: int, now_s: float, wall_ns: int) -> None:
        """Learn that messages between `since_ns` and now may not have arrived."""
        self._gap_from_ns = min(self._gap_from_ns, since_ns) if self.gap_ns is not None else since_ns
        self.gap_ns = wall_ns
        self.ask_at_s = min(self.ask_at_s, now_s)

    def look_again(self, at_s: float) -> None:
        """Ask once more, as what was read could not be told apart yet."""
        self.gap_ns = self.gap_ns or 0
        self.ask_at_s = min(self.ask_at_s, at_s)

    def lost(self, since_ns: int, now_s: float) -> None:
        """Learn that a request sent then has no answer."""
        self.lost_since_ns = since_ns if self.lost_since_ns is None else min(since_ns, self.lost_since_ns)
        self.ask_at_s = min(self.ask_at_s, now_s)

    def question(self, now_s: float, wall_ns: int) -> AskHistory | None:
        """Return the next question when one is due and none is under way."""
        if self.asked is not None or now_s < self.ask_at_s:
            return None
        now = wall_ns // 10**9
        if self.opening_ns is not None:
            self.opening_ns = min(self.opening_ns, wall_ns)  # the clock may have been put right since
            window = (now - OPENING_WINDOW_S, now + CLOCK_SKEW_S)
            self.asked = AskHistory(from_s=window[0], to_s=window[1], show=(Show.PENDING, Show.OPEN))
        elif self.gap_ns is not None:
            self.gap_ns = self._asked_gap_ns = min(self.gap_ns, wall_ns)
            from_s = max(self._gap_from_ns // 10**9 - LOOK_BACK_S, now - MAX_UPDATED_WINDOW_S)
            self.asked = AskHistory(from_s=from_s, to_s=now + CLOCK_SKEW_S, by=Window.UPDATED)
        elif self.lost_since_ns is not None:
            from_s = max(self.lost_since_ns // 10**9 - CLOCK_SKEW_S, now - OPENING_WINDOW_S)
            self.asked = AskHistory(from_s=from_s, to_s=now + CLOCK_SKEW_S, by=Window.CREATED)
            self.lost_since_ns = None
        self.ask_at_s = math.inf
        return self.asked

    def unanswered(self, now_s: float) -> None:
        """Learn that the question failed."""
        self.asked = None
        self.ask_at_s = now_s + ASK_AGAIN_S

    def answered(self, page: OrderPage, now_s: float) -> bool:
        """Take an answer; tell whether it settled what the account held at the start."""
        by = self.asked.by if self.asked is not None else None
        self.asked = None
        started = False
        if self.opening_ns is not None and by is Window.CREATED:
            started = _proves(page, self.opening_ns)
            self.opening_ns = None if started else self.opening_ns
        elif self.gap_ns is not None and by is Window.UPDATED and _proves(page, self.gap_ns):
            newer = page.synced_at_ns is None and self.gap_ns != self._asked_gap_ns
            self.gap_ns = self.gap_ns if newer else None
        if self.open or self.lost_since_ns is not None:
            self.ask_at_s = min(self.ask_at_s, now_s + (0.0 if started else ASK_AGAIN_S))
        return started


def _proves(page: OrderPage, since_ns: int) -> bool:
    return page.synced_at_ns is None or page.synced_at_ns >= since_ns
