"""What is held of each selection."""

from collections.abc import Iterable, Mapping

from protocol.belief import Belief, Known, Unknown
from protocol.ids import SelectionId, sold_by
from protocol.order import STAKED, Order

Word = tuple[SelectionId, Belief[Order]]
"""What is believed of an order, and what it backs."""


def positions(
    orders: Iterable[Word], before: Mapping[SelectionId, Belief[int]] | None = None
) -> dict[SelectionId, Belief[int]]:
    """Add what orders filled, and no result has taken, to what was held `before` them. In the price's own unit.

    What a sale sold is taken off what it sold. While it is not proved what became of an order, the position is unknown;
    otherwise it is as of the newest word on any of its orders.
    """
    found = dict(before or {})
    for selection_id, order in orders:
        bought = held_by(selection_id)
        found[bought] = _with(found.get(bought), order)
    return found


def held_by(selection_id: SelectionId) -> SelectionId:
    """Return the selection whose position an order on a selection changes."""
    return sold_by(selection_id) or selection_id


def _with(held: Belief[int] | None, order: Belief[Order]) -> Belief[int]:
    if isinstance(held, Unknown):
        return held
    if isinstance(order, Unknown):
        return order
    filled = order.value.filled if order.value.status in STAKED else 0
    more = -filled if sold_by(order.value.selection_id) else filled
    if held is None:
        return Known(more, order.source, order.as_of_ns)
    source = held.source if held.as_of_ns > order.as_of_ns else order.source
    return Known(held.value + more, source, max(held.as_of_ns, order.as_of_ns))
