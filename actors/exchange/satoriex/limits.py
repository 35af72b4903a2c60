"""How often who may ask for what."""

from collections import deque

import attrs

from actors.exchange.satoriex.refusals import Refused

SECOND_NS = 1_000_000_000
WINDOW_NS = 60 * SECOND_NS  # U-09: the window slides


@attrs.frozen
class Limit:
    """So many calls a minute for whatever the key names."""

    key: tuple[str, ...]
    calls: int


@attrs.define
class Limits:
    """Count calls. One that is refused does not count."""

    _calls: dict[tuple[str, ...], deque[int]] = attrs.field(factory=dict, init=False)

    def count(self, now_ns: int, *limits: Limit) -> None:
        """Take note of a call under all of its limits. Raises `Refused` when one of them is reached."""
        windows = [self._window(limit, now_ns) for limit in limits]
        full = [window for limit, window in zip(limits, windows, strict=True) if len(window) >= limit.calls]
        if full:
            allowed_ns = max(window[0] if window else now_ns for window in full) + WINDOW_NS
            raise Refused("rate_limited", retry_after_s=max(1, -(-(allowed_ns - now_ns) // SECOND_NS)))
        for window in windows:
            window.append(now_ns)

    def _window(self, limit: Limit, now_ns: int) -> deque[int]:
        window = self._calls.setdefault(limit.key, deque())
        while window and window[0] <= now_ns - WINDOW_NS:
            window.popleft()
        return window
