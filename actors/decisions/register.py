"""What is believed of every order."""

import math
from collections import deque
from collections.abc import Iterator

import attrs
import structlog

from actors.decisions.exactness import InexactFills
from actors.decisions.results import decided
from actors.decisions.tracked import Tracked, priced
from actors.messages import Intent, OrderChanged
from actors.tally import Tally
from protocol.belief import Proof, Source
from protocol.commands import TimeInForce
from protocol.errors import RemoteProtocolError
from protocol.events import MarketSettled, OrderReported, OrderStatus
from protocol.ids import ClientOrderId, ClientOrderIds, EventId, SelectionId, VenueOrderId
from protocol.order import UNPROVED, Order
from protocol.venue import Traits

log = structlog.get_logger()

KILL_S = 2.0  # how long an order that shall not rest may, where the venue does not see to it
MAX_ENDED = 20_000  # orders that came to nothing: the oldest are forgotten; 25 MB
LOOK_AFTER_S = 1.0  # at an order that was found pending after its deadline, when nothing else would ask


@attrs.define(kw_only=True)
class Register:
    """Hold every order, merge what is said of it, and yield what changed.

    Reports that repeat each other, or come in the wrong order, change nothing.
    """

    traits: Traits
    ids: ClientOrderIds
    tally: Tally
    orders: dict[ClientOrderId, Tracked] = attrs.field(factory=dict)
    live: dict[ClientOrderId, Tracked] = attrs.field(factory=dict)  # those that can still match
    inexact: InexactFills = attrs.field(factory=InexactFills)
    stopping: bool = False  # for good: what comes back is cancelled at once
    _source: Source = Source.RECKONED  # of what is being heard
    _as_of_ns: int = 0
    _names: dict[VenueOrderId, ClientOrderId] = attrs.field(factory=dict)
    _ended: deque[ClientOrderId] = attrs.field(factory=deque)  # without a fill, the oldest first
    _winners: dict[EventId, frozenset[SelectionId]] = attrs.field(factory=dict)

    def known(self, venue_order_id: VenueOrderId) -> Tracked | None:
        """Return the order that the venue calls so."""
        name = self._names.get(venue_order_id)
        return None if name is None else self.orders.get(name)

    @property
    def unknown(self) -> list[Tracked]:
        """Return the orders of which it is not known what became of them."""
        return [tracked for tracked in self.live.values() if tracked.order.status is OrderStatus.UNKNOWN]

    @property
    def staked(self) -> bool:
        """Tell whether a result of something is still to come."""
        return any(tracked.order.staked_micro for tracked in self.orders.values())

    def winners(self, event_id: EventId) -> frozenset[SelectionId] | None:
        """Return what won on an event; `None` while that is not known."""
        return self._winners.get(event_id)

    def believed(self) -> list[Order]:
        """Return every order as it is believed to be."""
        return [tracked.order for tracked in self.orders.values()]

    def hear(self, source: Source, as_of_ns: int) -> None:
        """Learn whose word everything is that follows, and of which moment: unix, by the venue's clock."""
        self._source, self._as_of_ns = source, as_of_ns

    def add(self, intent: Intent) -> None:
        """Take in an order that is about to leave."""
        order = Order.placed(intent.order)
        assert order.client_order_id not in self.orders, "Risk lets no id pass twice"
        tracked = Tracked(order=order, strategy=intent.strategy, command=intent.order, intended_ns=self._as_of_ns)
        self.orders[order.client_order_id] = self.live[order.client_order_id] = tracked

    def restore(self, order: Order, strategy: str) -> Tracked:
        """Take up an order that was placed before this process began."""
        tracked = Tracked(order=order, strategy=strategy, command=None, recalled=True)
        tracked.note(self._source, self._as_of_ns)
        self.orders[order.client_order_id] = tracked
        if order.venue_order_id is not None:
            tracked.arrived = True
            self._names[order.venue_order_id] = order.client_order_id
        if order.can_match:
            self.live[order.client_order_id] = tracked
        return tracked

    def find(self, report: OrderReported) -> Tracked | None:
        """Return the order that a report is about, by either of its names."""
        name = self._names.get(report.venue_order_id, report.client_order_id)
        return None if name is None else self.orders.get(name)

    def adopt(self, report: OrderReported) -> Tracked | None:
        """Take over an order that this process did not place; `None` where nothing of it matters.

        Where orders have no names, what was staked before stands in the holdings.
        """
        order = Order.adopted(report)
        if not order.can_match and not (order.staked_micro and self.traits.orders_named):
            return None
        log.warning("foreign_order", order=report.venue_order_id, status=order.status.value)
        tracked = Tracked(order=order, strategy="", command=None, arrived=True)
        tracked.note(self._source, self._as_of(report))
        self.orders[order.client_order_id] = tracked
        self._names[report.venue_order_id] = order.client_order_id
        if order.can_match:
            self.live[order.client_order_id] = tracked
        return tracked

    def take_over(self, report: OrderReported, now_s: float) -> Iterator[OrderChanged]:
        """Count what an order staked that this process did not place, and let nothing of it rest."""
        tracked = self.adopt(report)
        if tracked is None:
            return
        yield self.told(tracked)
        if tracked.order.can_match:
            yield from self.want_cancel(tracked, now_s)

    def want_cancel(self, tracked: Tracked, now_s: float) -> Iterator[OrderChanged]:
        """Have an order cancelled as soon as it can be."""
        if not tracked.order.cancel_wanted:
            tracked.cancel_at_s = now_s
            yield from self.change(tracked, attrs.evolve(tracked.order, cancel_wanted=True), now_s)

    def merge(self, tracked: Tracked, report: OrderReported, now_s: float) -> Iterator[OrderChanged]:
        """Take what the venue says an order is. What cannot be true of it is refused, and counted."""
        if report.status is None:
            log.error("order_status_unknown", order=tracked.order.client_order_id)  # it counts as live
        if report.status is OrderStatus.CANCELLED and now_s < tracked.settles_at_s:
            report = attrs.evolve(report, status=None)  # a fill may still be on its way
            tracked.ask_at_s = tracked.settles_at_s
        try:
            order = tracked.order.reported(report)
        except RemoteProtocolError as error:
            log.error("order_report_refused", order=tracked.order.client_order_id, reason=str(error))
            self.tally.unreadable += 1
            return
        if order.filled > tracked.order.filled:
            order = priced(order, order.filled - tracked.order.filled, tracked.hinted)
            tracked.hinted = ()
        tracked.arrived, tracked.recalled = True, False
        yield from self._forget_twin(report.venue_order_id, order.client_order_id)
        self._names[report.venue_order_id] = order.client_order_id
        if order.status in UNPROVED | {OrderStatus.ABSENT, OrderStatus.REJECTED}:
            order = order.move(OrderStatus.PENDING)  # a word that we do not know: it exists, no more is proved
        if (order.status, order.filled) == (report.status, report.filled):
            tracked.note(self._source, self._as_of(report))
        yield from self._put(tracked, order, now_s, self._as_of(report))

    def change(self, tracked: Tracked, order: Order, now_s: float) -> Iterator[OrderChanged]:
        """Put an order in the place of what it was."""
        yield from self._put(tracked, order, now_s, self._as_of_ns)

    def _put(self, tracked: Tracked, order: Order, now_s: float, as_of_ns: int) -> Iterator[OrderChanged]:
        if self.stopping and order.can_match and not order.cancel_wanted:
            order = attrs.evolve(order, cancel_wanted=True)  # it came back while everything goes
            tracked.cancel_at_s = now_s
        order = decided(order, self._winners.get(order.key.event_id))
        before, tracked.order = tracked.order, order
        if attrs.evolve(order, cancel_wanted=before.cancel_wanted) != before:  # that is our wish, and nobody's word
            tracked.note(self._source, as_of_ns)
        if self.ids.owns(order.client_order_id):
            self.tally.count(before, order)
        self._set_due(tracked, before, now_s)
        if order != before:
            yield self.told(tracked)

    def settle(self, settled: MarketSettled, now_s: float) -> Iterator[OrderChanged]:
        """Take the result of a market. What rested there is gone, says the venue: let it say so of each order."""
        self._winners[settled.event_id] = settled.winners
        for tracked in [each for each in self.orders.values() if each.order.key.event_id == settled.event_id]:
            if tracked.order.can_match:
                tracked.ask_at_s = min(tracked.ask_at_s, now_s)
            else:
                yield from self.change(tracked, tracked.order, now_s)

    def told(self, tracked: Tracked) -> OrderChanged:
        """Return the newest word on an order."""
        return OrderChanged(
            order=tracked.order,
            venue=self.traits.venue,
            strategy=tracked.strategy,
            source=tracked.source,
            as_of_ns=tracked.as_of_ns,
        )

    def _as_of(self, report: OrderReported) -> int:
        """Return of which moment a report is: of when it was heard, where it does not say."""
        return report.synced_at_ns or report.sequence_ns or self._as_of_ns

    def _forget_twin(self, venue_order_id: VenueOrderId, client_order_id: ClientOrderId) -> Iterator[OrderChanged]:
        """Drop an order that was taken for a foreign one before its name was known to be ours."""
        name = self._names.get(venue_order_id, client_order_id)
        if name != client_order_id:
            twin = self.orders.pop(name)
            self.live.pop(name, None)
            twin.order = attrs.evolve(twin.order, status=OrderStatus.ABSENT, reason=Proof.TWIN.value)
            twin.note(self._source, self._as_of_ns)
            yield self.told(twin)

    def _set_due(self, tracked: Tracked, before: Order, now_s: float) -> None:
        order = tracked.order
        if not order.can_match:
            tracked.overdue_at_s = tracked.ask_at_s = tracked.cancel_at_s = tracked.resend_at_s = math.inf
            self.live.pop(order.client_order_id, None)
            self._check_fills(order, now_s)
            self._note_end(order)
            return
        self.live[order.client_order_id] = tracked
        if order.status is OrderStatus.OPEN:
            tracked.overdue_at_s = math.inf
        if before.status is OrderStatus.UNKNOWN and order.status is not OrderStatus.UNKNOWN:
            tracked.ask_at_s = math.inf
        if order.cancel_wanted and before.venue_order_id is None and order.venue_order_id is not None:
            tracked.cancel_at_s = now_s
        kills = order.time_in_force is TimeInForce.FILL_OR_KILL and not self.traits.times_in_force
        if kills and before.venue_order_id is None and order.venue_order_id is not None:
            tracked.cancel_at_s = min(tracked.cancel_at_s, now_s + KILL_S)  # by ourselves, so not in one step
        if order.status is OrderStatus.PENDING and tracked.overdue_at_s == tracked.ask_at_s == math.inf:
            tracked.ask_at_s = now_s + LOOK_AFTER_S

    def _note_end(self, order: Order) -> None:
        """Forget the oldest order that came to nothing, when there are too many: a late word makes it a foreign one."""
        if not order.filled:
            self._ended.append(order.client_order_id)
        if len(self._ended) <= MAX_ENDED:
            return
        oldest = self.orders.get(self._ended.popleft())
        if oldest is not None and not oldest.order.can_match and not oldest.order.filled:
            del self.orders[oldest.order.client_order_id]
            if oldest.order.venue_order_id is not None:
                self._names.pop(oldest.order.venue_order_id, None)

    def _check_fills(self, order: Order, now_s: float) -> None:
        if order.venue_order_id is None or not self.traits.fills_listed:
            return
        if order.fills_exact:
            self.inexact.settle(order.venue_order_id)
        else:
            self.inexact.want(order.venue_order_id, now_s)
