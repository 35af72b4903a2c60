"""Whether what the bot says of its orders is true at the moment when it says so."""

import re
from collections import Counter
from collections.abc import Callable, Mapping

import attrs

from actors.entries import Entry, OrderIntended, OrderMoved
from actors.exchange.embedded import Embedded, TrueOrder
from actors.exchange.http import Asked
from protocol.events import OrderStatus
from protocol.ids import ClientOrderId, VenueName, VenueOrderId
from protocol.order import RESTABLE, Order

NAMES = re.compile(rb'"external_id"\s*:\s*"([^"]+)"')
RESULTS = frozenset({OrderStatus.SETTLED, OrderStatus.VOID})


@attrs.define(kw_only=True)
class Honesty:
    """Hold every word about an order, as it is left for the journal, against the exchange.

    The bot may know less than is true, and later; it may never know more. What leaves must stand on the disk before.
    """

    embedded: Mapping[VenueName, Embedded]
    violate: Callable[[str, str], None]
    _named: set[VenueOrderId] = attrs.field(factory=set)  # the exchange's orders that were said to be one of ours
    _written: set[ClientOrderId] = attrs.field(factory=set)  # intents that are on the disk
    _intents: Counter[VenueName] = attrs.field(factory=Counter)
    _arrived: dict[VenueName, set[bytes]] = attrs.field(factory=dict)  # requests that differ

    def written(self, entry: Entry) -> None:
        """Take note of what is on the disk."""
        if isinstance(entry, OrderIntended):
            self._written.add(entry.order.client_order_id)
            self._intents[entry.venue] += 1

    def placing(self, venue: VenueName, asked: Asked) -> None:
        """Judge a request to place orders: each must be on the disk."""
        if not self.embedded[venue].venue.traits.orders_named:
            self._arrived.setdefault(venue, set()).add(asked.body)  # one whose token was refused comes again
            if len(self._arrived[venue]) > self._intents[venue]:
                told = f"{len(self._arrived[venue])} orders arrived, {self._intents[venue]} intents are on the disk"
                self.violate("not on disk", told)
            return
        for name in NAMES.findall(asked.body):
            if name.decode() not in self._written:
                self.violate("not on disk", f"{name.decode()} arrived, and is not on the disk")

    def said(self, entry: Entry) -> None:
        """Judge what is left for the journal."""
        if isinstance(entry, OrderMoved) and entry.strategy:
            self._judge(entry.order, entry.venue)

    def _judge(self, order: Order, venue: VenueName) -> None:
        if sum(fill.size for fill in order.fills) != order.filled:
            self.violate("fills do not add up", f"{order}")
        if order.venue_order_id is None:
            self._judge_absence(order, venue)
            return
        self._named.add(order.venue_order_id)
        truth = self.embedded[venue].order(order.venue_order_id)
        if truth is None:
            self.violate("invented order", f"{order}")
            return
        if order.filled > truth.filled:
            self.violate("false fill", f"{order.filled} said to be filled of {truth}")
        if order.status not in RESTABLE and truth.status in RESTABLE:
            self.violate("false end", f"said to be {order.status.value}: {truth}")
        if order.status in RESULTS and not truth.settled:
            self.violate("false result", f"said to be {order.status.value}: {truth}")
        elif order.status is OrderStatus.SETTLED and order.result is not truth.result:
            self.violate("false result", f"said to be {order.result.value}: {truth}")

    def _judge_absence(self, order: Order, venue: VenueName) -> None:
        """Judge the word that an order never came to be."""
        if order.status not in (OrderStatus.ABSENT, OrderStatus.REJECTED):
            return
        there = [each for each in self.embedded[venue].orders() if self._is(each, order)]
        if there:
            self.violate("false absence", f"said to be {order.status.value}: {there[0]}")

    def _is(self, truth: TrueOrder, order: Order) -> bool:
        """Tell whether an order that counts is the one: by its name, or by its looks where none of ours has it yet."""
        if truth.status not in RESTABLE and not truth.filled:
            return False
        if truth.client_order_id is not None:
            return truth.client_order_id == order.client_order_id
        alike = (truth.selection_id, truth.price, truth.size) == (order.selection_id, order.price, order.size)
        return alike and truth.venue_order_id not in self._named
