"""The copy, perhaps an old one, from which orders are listed."""

from collections import deque

import attrs

from actors.exchange.satoriex.orders import OrderView


@attrs.define
class Replica:
    """Follow the floor's orders at a distance of `lag_ns`."""

    lag_ns: int
    _coming: deque[tuple[int, OrderView]] = attrs.field(factory=deque, init=False)
    _rows: dict[str, dict[str, OrderView]] = attrs.field(factory=dict, init=False)

    def record(self, order: OrderView, now_ns: int) -> None:
        self._coming.append((now_ns, order))
        self._catch_up(now_ns)

    def newest_first(self, account_id: str, now_ns: int) -> list[OrderView]:
        """Return an account's orders as a reader sees them now."""
        self._catch_up(now_ns)
        return list(reversed(self._rows.get(account_id, {}).values()))

    def _catch_up(self, now_ns: int) -> None:
        while self._coming and self._coming[0][0] <= now_ns - self.lag_ns:
            _, order = self._coming.popleft()
            self._rows.setdefault(order.account_id, {})[order.order_id] = order
