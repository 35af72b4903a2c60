"""Whether the socket is there, and what follows when it is not."""

import math

import attrs


@attrs.define(kw_only=True)
class Presence:
    """Follow the socket. Times are trio's.

    A gap that is longer than tolerated asks for everything that rests to be cancelled; every gap asks for what was
    missed to be read.
    """

    gap_tolerated_s: float
    up: bool = False
    ends_s: float = math.inf  # when a gap has been too long
    _whole_s: float | None = None  # when the socket was last known to be there
    _restart_asked: bool = False

    def began(self, now_s: float) -> None:
        """Count what comes from now on, before there is a first socket, as missed."""
        self._whole_s = now_s

    def ready(self) -> float | None:
        """Learn that it is there again; return since when something may have been missed."""
        self.up, self._restart_asked, self.ends_s = True, False, math.inf
        since_s, self._whole_s = self._whole_s, None
        return since_s

    def lost(self, now_s: float) -> None:
        """Learn that it is gone. One that never opened is a gap that goes on."""
        if self.up:
            self.up, self._whole_s = False, now_s
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
