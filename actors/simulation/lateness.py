"""How long what is true of an order may stay unknown to the bot."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping

import attrs

from actors.entries import Entry, OrderMoved
from actors.exchange.embedded import TrueOrder
from protocol.ids import ClientOrderId, SelectionId, VenueName, VenueOrderId
from protocol.order import RESTABLE, UNPROVED, Order


@attrs.define(kw_only=True)
class Lateness:
    """Follow for how long what the bot last said of each order has been behind the truth.

    `limits_s` are what a venue's schedule promises at the worst, while nothing keeps its news away.
    """

    limits_s: Mapping[VenueName, float]
    violate: Callable[[str, str], None]
    _newest: dict[ClientOrderId, Order] = attrs.field(factory=dict)
    _said: dict[VenueOrderId, Order] = attrs.field(factory=dict)
    _unresolved: dict[ClientOrderId, VenueName] = attrs.field(factory=dict)
    _behind_s: dict[VenueOrderId | ClientOrderId, float] = attrs.field(factory=dict)

    def said(self, entry: Entry) -> None:
        """Take note of what the bot says."""
        if not isinstance(entry, OrderMoved):
            return
        order = self._newest[entry.order.client_order_id] = entry.order
        if order.venue_order_id is not None:
            self._said[order.venue_order_id] = order
        if order.status in UNPROVED:
            self._unresolved[order.client_order_id] = entry.venue
        else:
            self._unresolved.pop(order.client_order_id, None)

    def filled(self) -> Counter[SelectionId]:
        """Return what the bot has said to be filled, by selection."""
        filled: Counter[SelectionId] = Counter()
        for order in self._newest.values():
            filled[order.selection_id] += order.filled
        return filled

    def look(
        self, truth: Mapping[VenueName, Iterable[TrueOrder]], passed_s: float, open_lines: Collection[VenueName]
    ) -> None:
        """Find what has been behind for too long. Since the last look these venues' lines were open for `passed_s`."""
        behind: dict[VenueOrderId | ClientOrderId, tuple[VenueName, str]] = {
            name: (venue, f"{name} is unknown") for name, venue in self._unresolved.items()
        }
        by_money = (each for each in self._newest.values() if each.venue_order_id is None and each.filled)
        proved = Counter((each.selection_id, each.filled) for each in by_money)
        for venue, orders in truth.items():
            for order in orders:
                like = (order.selection_id, order.filled)
                if order.venue_order_id not in self._said and order.client_order_id is None and proved[like]:
                    proved[like] -= 1
                elif self._is_behind(order):
                    behind[order.venue_order_id] = venue, f"not heard of yet: {order}"
        before, self._behind_s = self._behind_s, {}
        for name, (venue, text) in behind.items():
            self._behind_s[name] = before.get(name, -passed_s) + (passed_s if venue in open_lines else 0.0)
            if self._behind_s[name] > self.limits_s[venue]:
                self.violate("late", f"for {self._behind_s[name]:.0f} s: {text}")

    def restart(self) -> None:
        """Begin anew with another process."""
        self._behind_s.clear()

    def _is_behind(self, truth: TrueOrder) -> bool:
        said = self._said.get(truth.venue_order_id)
        if said is None:
            return truth.filled > 0
        return truth.filled > said.filled or (said.status in RESTABLE and truth.status not in RESTABLE)
