"""Whether a peer is still there."""

import attrs


@attrs.define
class Liveness:
    """Tell when to ping a silent peer and when to give it up. Any inbound message counts. Times are seconds."""

    activity_timeout_s: float
    pong_timeout_s: float = 30.0
    _heard_s: float = 0.0
    _pinged_s: float | None = None

    def heard(self, now_s: float) -> None:
        self._heard_s = now_s
        self._pinged_s = None

    def pinged(self, now_s: float) -> None:
        self._pinged_s = now_s

    @property
    def ping_due_s(self) -> float | None:
        """Return when to ping, or `None` while a ping is unanswered."""
        return None if self._pinged_s is not None else self._heard_s + self.activity_timeout_s

    @property
    def dead_at_s(self) -> float | None:
        """Return when the peer counts as gone, or `None` while no ping is unanswered."""
        return None if self._pinged_s is None else self._pinged_s + self.pong_timeout_s
