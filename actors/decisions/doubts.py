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
REACH_S = MAX_UPDATED_WINDOW_S - 3_600  # how much of a gap one window must hold
OPENING_REACH_S = OPENING_WINDOW_S - 3_600  # and how much of what was before


@attrs.define
class Doubts:
    """Ask one question at a time: first what the account holds, then what changed in a gap, then what was lost.

    An answer settles a doubt when the copy that was read is younger than the doubt. A copy of unknown age settles it as
    well as anything can: asking again would prove no more. Moments are kept on trio's clock, which never jumps, and are
    told to the venue by the wall clock of the question.
    """

    opening_s: float | None = None
    gap_s: float | None = None  # something may have been missed until then
    lost_since_s: float | None = None  # the oldest request whose fate is unknown
    ask_at_s: float = math.inf
    asked: AskHistory | None = None
    _gap_from_s: float = 0.0
    _asked_gap_s: float | None = None  # the gap that the question under way is about

    @property
    def open(self) -> bool:
        """Tell whether anything is still to be read."""
        return self.opening_s is not None or self.gap_s is not None

    def start(self, now_s: float) -> None:
        """Ask for everything that the account holds from before this run."""
        self.opening_s = now_s
        self.ask_at_s = now_s

    def missed(self, since_s: float, now_s: float) -> None:
        """Learn that messages between `since_s` and now may not have arrived."""
        self._gap_from_s = min(self._gap_from_s, since_s) if self.gap_s is not None else since_s
        self.gap_s = now_s
        self.ask_at_s = min(self.ask_at_s, now_s)

    def look_again(self, at_s: float) -> None:
        """Ask once more, as what was read could not be told apart yet."""
        self.gap_s = self.gap_s if self.gap_s is not None else -math.inf
        self.ask_at_s = min(self.ask_at_s, at_s)

    def lost(self, since_s: float, now_s: float) -> None:
        """Learn that a request sent then has no answer."""
        self.lost_since_s = since_s if self.lost_since_s is None else min(since_s, self.lost_since_s)
        self.ask_at_s = min(self.ask_at_s, now_s)

    def question(self, now_s: float, wall_ns: int) -> AskHistory | None:
        """Return the next question when one is due and none is under way."""
        if self.asked is not None or now_s < self.ask_at_s:
            return None
        now = wall_ns // 10**9
        if self.opening_s is not None:
            window = (now - OPENING_WINDOW_S, now + CLOCK_SKEW_S)
            self.asked = AskHistory(from_s=window[0], to_s=window[1], show=(Show.PENDING, Show.OPEN))
        elif self.gap_s is not None:
            self._asked_gap_s = self.gap_s
            from_s = max(now - _ago(self._gap_from_s, now_s) - LOOK_BACK_S, now - MAX_UPDATED_WINDOW_S)
            self.asked = AskHistory(from_s=from_s, to_s=now + CLOCK_SKEW_S, by=Window.UPDATED)
        elif self.lost_since_s is not None:
            from_s = now - _ago(self.lost_since_s, now_s) - CLOCK_SKEW_S
            to_s = min(now + CLOCK_SKEW_S, from_s + OPENING_WINDOW_S)
            self.asked = AskHistory(from_s=from_s, to_s=to_s, by=Window.CREATED)
            self.lost_since_s = None
        self.ask_at_s = math.inf
        return self.asked

    def unanswered(self, now_s: float) -> None:
        """Learn that the question failed."""
        self.asked = None
        self.ask_at_s = now_s + ASK_AGAIN_S

    def answered(self, page: OrderPage, now_s: float, wall_ns: int) -> bool:
        """Take an answer; tell whether it settled what the account held at the start."""
        asked, self.asked = self.asked, None
        started = False
        if asked is None:
            pass
        elif self.opening_s is not None and asked.by is Window.CREATED:
            covered = covers(asked, now_s - OPENING_REACH_S, self.opening_s, now_s, wall_ns)
            started = covered and younger(page, self.opening_s, now_s, wall_ns)
            self.opening_s = None if started else self.opening_s
        elif (
            self.gap_s is not None
            and asked.by is Window.UPDATED
            and covers(asked, max(self._gap_from_s, now_s - REACH_S), self.gap_s, now_s, wall_ns)
            and younger(page, self.gap_s, now_s, wall_ns)
        ):
            newer = page.synced_at_ns is None and self.gap_s != self._asked_gap_s
            self.gap_s = self.gap_s if newer else None
        if self.open or self.lost_since_s is not None:
            self.ask_at_s = min(self.ask_at_s, now_s + (0.0 if started else ASK_AGAIN_S))
        return started


def younger(page: OrderPage, since_s: float, now_s: float, wall_ns: int) -> bool:
    """Tell whether a copy is younger than a moment, or does not say how old it is."""
    return page.synced_at_ns is None or (page.synced_at_ns - wall_ns) / 1e9 >= since_s - now_s


def covers(asked: AskHistory, from_s: float, until_s: float, now_s: float, wall_ns: int) -> bool:
    """Tell whether a window holds what happened between two moments.

    The clock may have been wrong when it was asked.
    """
    to_trio_s = now_s - wall_ns / 1e9
    return asked.from_s + to_trio_s <= from_s and until_s <= asked.to_s + to_trio_s


def put_right(since_s: float, since_ns: int, now_s: float, wall_ns: int) -> bool:
    """Tell whether the clock was put right meanwhile, by so much that windows asked for before may not hold all."""
    return abs((wall_ns - since_ns) / 1e9 - (now_s - since_s)) > CLOCK_SKEW_S


def _ago(since_s: float, now_s: float) -> int:
    """Return how long ago a moment was, in whole seconds, rounded up."""
    return math.ceil(now_s - since_s) if since_s > -math.inf else 0
