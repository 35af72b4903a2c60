"""Orders without names of ours: found by what they look like, or judged by the account's money."""

from collections.abc import Iterator

import attrs
import structlog

from actors.decisions.absence import MoneyTrail
from actors.decisions.claims import claim
from actors.decisions.doubts import ASK_AGAIN_S, Doubts
from actors.decisions.inquiries import Inquiries
from actors.decisions.register import Register
from actors.decisions.tracked import Tracked
from actors.messages import AskOrder, FundsWanted, OrderChanged
from protocol.belief import Proof, Source
from protocol.events import OrderReported, OrderStatus
from protocol.ids import VenueOrderId
from protocol.order import UNPROVED, Order
from protocol.venue import OrderPage

log = structlog.get_logger()


@attrs.define(kw_only=True)
class Lookalikes:
    """Tell whose the orders of a list are, and what became of those of ours that no list shows."""

    register: Register
    doubts: Doubts
    inquiries: Inquiries
    trail: MoneyTrail
    absence_after_s: float  # how long no list has shown an order before the money is asked
    _strangers: set[VenueOrderId] = attrs.field(factory=set)  # ended orders of the account that are not ours

    def read(self, page: OrderPage, now_s: float) -> Iterator[OrderChanged | AskOrder | FundsWanted]:
        """Take a list of the account's orders."""
        strange: dict[VenueOrderId, OrderReported] = {}
        for report in page.orders:
            tracked = self.register.known(report.venue_order_id)
            if tracked is not None:
                yield from self.register.merge(tracked, report, now_s)
            elif report.venue_order_id not in self._strangers:
                strange[report.venue_order_id] = report
        yield from self.claim(tuple(strange.values()), now_s)
        if page.unreadable:
            log.error("orders_unreadable", rows=page.unreadable)  # one of them may be the one that is looked for
        else:
            yield from self._judge(now_s)

    def claim(self, reports: tuple[OrderReported, ...], now_s: float) -> Iterator[OrderChanged | AskOrder]:
        """Find out whose some orders are, or ask again when that cannot be told yet."""
        ours = [each for each in self.register.orders.values() if _may_be_named(each)]
        claims = claim(reports, ours)
        for tracked, report in claims.found:
            log.warning("lost_order_found", order=tracked.order.client_order_id, venue_order_id=report.venue_order_id)
            yield from self.register.merge(tracked, report, now_s)
            yield from self.inquiries.catch_up(tracked, now_s)
        for report in claims.foreign:
            yield from self.register.take_over(report, now_s)
            self._strangers.add(report.venue_order_id)
        for tracked in claims.ambiguous:
            log.error("orders_ambiguous", order=tracked.order.client_order_id)
            yield from self.register.want_cancel(tracked, now_s)
        if claims.waiting:
            self.doubts.look_again(now_s + ASK_AGAIN_S)

    def _judge(self, now_s: float) -> Iterator[OrderChanged | AskOrder | FundsWanted]:
        """Decide about the orders that no list has shown for long; until then ask about strangers the socket named."""
        for tracked in self.register.unknown:
            yield from self.inquiries.early(tracked.order.key.event_id)
            tracked.looks += 1
            judged_from_s = tracked.gave_up_s + self.absence_after_s
            if now_s >= judged_from_s:
                yield from self._sentence(tracked, judged_from_s, now_s)

    def _sentence(self, tracked: Tracked, since_s: float, now_s: float) -> Iterator[OrderChanged | FundsWanted]:
        order = tracked.order
        winners = self.register.winners(order.key.event_id)
        orders = self.register.believed()
        ripe = tracked.looked_for and not self._others_settle(tracked, now_s)
        verdict = self.trail.verdict(order, orders, since_s, winners) if ripe else None
        self.register.hear(Source.FUNDS, self.trail.as_of_ns)
        if verdict is OrderStatus.ABSENT:
            yield from self.register.change(tracked, order.absent(Proof.FUNDS), now_s)
        elif verdict is OrderStatus.FILLED and not self._has_rival(order):
            log.warning("lost_order_filled", order=order.client_order_id)
            yield from self.register.change(tracked, order.filled_whole(), now_s)
        else:
            yield FundsWanted()

    def _others_settle(self, tracked: Tracked, now_s: float) -> bool:
        """Tell whether another order may have ended already, with the money back that it is believed to hold."""
        return any(
            now_s < each.settles_at_s or self.register.winners(each.order.key.event_id) is not None
            for each in self.register.live.values()
            if each is not tracked and each.order.status not in UNPROVED
        )

    def _has_rival(self, order: Order) -> bool:
        """Tell whether another unknown order of the same book may have got the shares."""
        return any(
            each.order.key == order.key and each.order.client_order_id != order.client_order_id
            for each in self.register.unknown
        )


def _may_be_named(tracked: Tracked) -> bool:
    """Tell whether a list may still show an order of ours that has no id of the venue's."""
    order = tracked.order
    gone = order.status is OrderStatus.ABSENT and tracked.was_sent
    return order.venue_order_id is None and (order.can_match or gone or order.filled > 0)
