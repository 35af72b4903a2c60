"""How long what is true of an order may stay unknown to the bot."""

from collections.abc import Callable, Iterable, Mapping

import attrs

from actors.entries import Entry, OrderMoved
from actors.exchange.embedded import TrueOrder
from protocol.ids import ClientOrderId, VenueName, VenueOrderId
from protocol.order import RESTABLE, UNPROVED, Order


@attrs.define(kw_only=True)
class Lateness:
    """Follow since when what the bot last said of each order is behind the truth. Times are trio's.

    `limits_s` are what a venue's schedule promises at the worst. While the bot is down nothing is late.
    """

    limits_s: Mapping[VenueName, float]
    violate: Callable[[str, str], None]
    _said: dict[VenueOrderId, Order] = attrs.field(factory=dict)
    _unresolved: dict[ClientOrderId, VenueName] = attrs.field(factory=dict)
    _since_s: dict[VenueOrderId | ClientOrderId, float] = attrs.field(factory=dict)

    def said(self, entry: Entry) -> None:
        """Take note of what the bot says."""
        if not isinstance(entry, OrderMoved):
            return
        order = entry.order
        if order.venue_order_id is not None:
            self._said[order.venue_order_id] = order
        if order.status in UNPROVED:
            self._unresolved[order.client_order_id] = entry.venue
        else:
            self._unresolved.pop(order.client_order_id, None)

    def look(self, truth: Mapping[VenueName, Iterable[TrueOrder]], now_s: float, *, trading: bool) -> None:
        """Find what has been behind for too long."""
        if not trading:
            self._since_s.clear()
            return
        behind: dict[VenueOrderId | ClientOrderId, tuple[VenueName, str]] = {
            name: (venue, f"{name} is unknown") for name, venue in self._unresolved.items()
        }
        for venue, orders in truth.items():
            late = (order for order in orders if self._is_behind(order))
            behind |= {order.venue_order_id: (venue, f"not heard of yet: {order}") for order in late}
        self._since_s = {name: self._since_s.get(name, now_s) for name in behind}
        for name, (venue, text) in behind.items():
            if now_s - self._since_s[name] > self.limits_s[venue]:
                self.violate("late", f"for {now_s - self._since_s[name]:.0f} s: {text}")

    def _is_behind(self, truth: TrueOrder) -> bool:
        said = self._said.get(truth.venue_order_id)
        if said is None:
            return truth.filled > 0
        return truth.filled > said.filled or (said.status in RESTABLE and truth.status not in RESTABLE)
