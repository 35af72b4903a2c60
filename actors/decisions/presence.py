"""Whether the socket is there, and what follows when it is not."""

import math

import attrs


@attrs.define(kw_only=True)
class Presence:
    """Follow the socket. Times are trio's, moments unix nanoseconds.

    A gap that is longer than tolerated asks for everything that rests to be cancelled; every gap asks for what was
    missed to be read.
    """

    gap_tolerated_s: float
    up: bool = False
    ends_s: float = math.inf  # when a gap has been too long
    _whole_ns: int = 0  # when the socket was last known to be there
    _restart_asked: bool = False

    def ready(self) -> int | None:
        """Learn that it is there again; return since when something may have been missed."""
        self.up, self._restart_asked, self.ends_s = True, False, math.inf
        return self._whole_ns or None

    def lost(self, now_s: float, wall_ns: int) -> None:
        """Learn that it is gone. One that never opened is a gap that goes on."""
        if self.up:
            self.up, self._whole_ns = False, wall_ns
        self.ends_s = min(self.ends_s, now_s + self.gap_tolerated_s)

    def too_long(self, now_s: float) -> bool:
        """Tell, once, that a gap has been too long."""
        over = self.ends_s <= now_s
        if over:
            self.ends_s = math.inf
        return over

    def restart(self) -> bool:
        """Tell whether a deaf socket shall be restarted: once, however many orders wait."""
        wanted = self.up and not self._restart_asked
        self._restart_asked |= wanted
        return wanted
