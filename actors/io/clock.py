"""The venue's time, as well as it can be known from here."""

from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

import attrs

SECOND_NS = 10**9
STEP_NS = SECOND_NS  # the Date header says no more than the second


@attrs.define
class VenueClock:
    """Tell the venue's time in unix nanoseconds: ours, put right by the Date header of its answers.

    What is proved by a time stamp of the venue must be measured by the venue's clock. Where the header leaves a choice
    the later time is taken: a proof that has to be younger is the safer one.
    """

    wall_ns: Callable[[], int]
    ahead_ns: int = 0  # how far the venue's clock is ahead of ours

    def now_ns(self) -> int:
        return self.wall_ns() + self.ahead_ns

    def heard(self, headers: Mapping[str, str], sent_ns: int) -> None:
        """Learn from the headers of an answer to what was sent then, by our own clock; names in lower case.

        An answer without a readable date teaches nothing.
        """
        try:
            stamp_ns = int(parsedate_to_datetime(headers["date"]).timestamp()) * SECOND_NS
        except (KeyError, ValueError, OverflowError):
            return
        wall_ns = self.wall_ns()
        if stamp_ns > wall_ns:
            self.ahead_ns = stamp_ns + STEP_NS - wall_ns
        elif stamp_ns + STEP_NS < sent_ns:  # dated before it was asked for: however slow the road, theirs is behind
            self.ahead_ns = stamp_ns + STEP_NS - sent_ns
        else:
            self.ahead_ns = 0
