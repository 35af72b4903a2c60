"""Which of our orders a report without a name is about."""

from collections.abc import Iterable, Sequence

import attrs

from actors.decisions.doubts import CLOCK_SKEW_S
from actors.decisions.tracked import Tracked
from protocol.events import OrderReported, OrderStatus
from protocol.ids import BookKey, SelectionId
from protocol.order import Order
from protocol.prices import Price

Shape = tuple[BookKey, SelectionId, Price, int]
"""All that a venue without client ids shows of an order when it is new. Ours are kept distinguishable by it."""


def shape_of(order: Order | OrderReported) -> Shape:
    return order.key, order.selection_id, order.price, order.size


@attrs.define
class Claims:
    """What a list of unknown orders comes to: ours that were lost, nobody's we know, and what cannot be told yet."""

    found: list[tuple[Tracked, OrderReported]] = attrs.field(factory=list)
    foreign: list[OrderReported] = attrs.field(factory=list)
    ambiguous: list[Tracked] = attrs.field(factory=list)  # more orders look like it than it can be
    waiting: bool = False  # an order that looks like one of these still awaits its answer


def claim(reports: Sequence[OrderReported], tracked: Iterable[Tracked]) -> Claims:
    """Match reports whose venue ids are new with orders that have none, one to one, by their shape.

    An order that is still waiting for its answer claims nothing: the answer will say. None claims what was there before
    it was intended. When more reports than orders have a shape, each order takes one and the rest counts as foreign:
    nothing tells which is which.
    """
    claims = Claims()
    nameless: dict[Shape, list[Tracked]] = {}
    for each in tracked:
        if each.order.venue_order_id is None:
            nameless.setdefault(shape_of(each.order), []).append(each)
    by_shape: dict[Shape, list[OrderReported]] = {}
    for report in reports:
        by_shape.setdefault(shape_of(report), []).append(report)
    for shape, alike in by_shape.items():
        ours = nameless.get(shape, [])
        if any(each.order.status is OrderStatus.NEW for each in ours):
            claims.waiting = True
            continue
        lost = [each for each in ours if each.order.status is OrderStatus.UNKNOWN] or ours
        left = list(alike)
        for each in lost:
            fitting = [report for report in alike if not _is_older(report, each)]
            if fitting and len(fitting) + len(lost) > 2:
                claims.ambiguous.append(each)
            found = next((report for report in fitting if report in left), None)
            if found is not None:
                claims.found.append((each, found))
                left.remove(found)
        claims.foreign += left
    return claims


def _is_older(report: OrderReported, tracked: Tracked) -> bool:
    """Tell whether an order was there before ours was intended."""
    created_ns = report.created_at_ns
    return created_ns is not None and created_ns < tracked.intended_ns - CLOCK_SKEW_S * 10**9
