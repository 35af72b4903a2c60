"""The lagging copy from which orders and their fills are read."""

from bisect import bisect_left, bisect_right
from collections import deque
from operator import itemgetter

import attrs

from protocol.prophetx import wire


@attrs.frozen
class Row:
    """An order as it was at one moment."""

    account_id: str
    order: wire.Order
    created_ns: int
    updated_ns: int
    trades: tuple[wire.Trade, ...]


@attrs.define
class _Copy:
    rows: dict[str, Row] = attrs.field(factory=dict)
    created: list[tuple[int, str]] = attrs.field(factory=list)  # ascending


@attrs.frozen(kw_only=True)
class Window:
    """Bounds in unix nanoseconds, both inclusive."""

    created: tuple[int, int]
    updated: tuple[int, int]


@attrs.define
class Replica:
    """Follow the floor's orders at a distance of `lag_ns`."""

    lag_ns: int
    _coming: deque[tuple[int, str, Row]] = attrs.field(factory=deque, init=False)
    _copies: dict[str, _Copy] = attrs.field(factory=dict, init=False)

    def record(self, order_id: str, row: Row, now_ns: int) -> None:
        self._catch_up(now_ns)
        self._coming.append((now_ns, order_id, row))

    def synced_at_ns(self, now_ns: int) -> int:
        """Return how old the copy is that a reader sees now."""
        return now_ns - self.lag_ns

    def row(self, account_id: str, order_id: str, now_ns: int) -> Row | None:
        return self._copy(account_id, now_ns).rows.get(order_id)

    def newest_first(self, account_id: str, window: Window, below: int | None, now_ns: int) -> list[tuple[int, Row]]:
        """Return the rows of a window with their positions, those at `below` and above left out."""
        copy = self._copy(account_id, now_ns)
        first = bisect_left(copy.created, window.created[0], key=itemgetter(0))
        last = bisect_right(copy.created, window.created[1], key=itemgetter(0))
        if below is not None:
            last = min(last, below)
        low, high = window.updated
        found = []
        for position in range(last - 1, first - 1, -1):
            row = copy.rows[copy.created[position][1]]
            if low <= row.updated_ns <= high:
                found.append((position, row))
        return found

    def _copy(self, account_id: str, now_ns: int) -> _Copy:
        self._catch_up(now_ns)
        return self._copies.setdefault(account_id, _Copy())

    def _catch_up(self, now_ns: int) -> None:
        while self._coming and self._coming[0][0] <= now_ns - self.lag_ns:
            _, order_id, row = self._coming.popleft()
            copy = self._copies.setdefault(row.account_id, _Copy())
            if order_id not in copy.rows:
                copy.created.append((row.created_ns, order_id))
            copy.rows[order_id] = row
