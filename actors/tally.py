"""What a run counted."""

import attrs

from protocol.events import OrderStatus
from protocol.money import cents_above
from protocol.order import Order
from protocol.prices import Probability

_REFUSED = (OrderStatus.REJECTED, OrderStatus.INVALID)
_CUT_SHORT = (OrderStatus.CANCELLED, OrderStatus.WIPED)


@attrs.define
class Tally:
    """Counters of one run. Each is written by the one actor that knows; anyone may read."""

    sent: int = 0  # orders that left, resends of the same id not counted again
    opened: int = 0
    denied: int = 0
    rejected: int = 0  # the venue's no, `invalid` included
    cancelled: int = 0  # was open, and ended with some of it unmatched
    fills: int = 0  # booked increases of an order's cumulative filled stake
    fill_cents: int = 0  # what they staked, each rounded up to the cent
    fill_shares: int = 0  # of those that are counted in shares
    sessions_started: int = 0
    sessions_lost: int = 0
    restart_s_max: float = 0.0  # from a lost session to the next one that is ready
    markets: int = 0  # books, one per (event, market, strike)
    updates: int = 0
    healed: int = 0  # books that a comparison with REST changed
    conflated: int = 0  # images that a newer one overtook unread
    unknown: int = 0  # valid frames of a type we do not know
    unreadable: int = 0
    exposure_cents_max: int = 0
    breaches: int = 0
    requests: int = 0
    answers_lost: int = 0

    def count(self, before: Order, after: Order) -> None:
        """Count what became of an order of this run. Each move counts once, whatever is said twice."""
        self.opened += after.opened and not before.opened
        if after.filled > before.filled:
            self.fills += 1
            self.fill_cents += cents_above(after.cost_micro - before.cost_micro)
            if isinstance(after.price, Probability):
                self.fill_shares += after.filled - before.filled
        self.rejected += after.status in _REFUSED and before.status not in _REFUSED
        self.cancelled += after.opened and after.status in _CUT_SHORT and before.status not in _CUT_SHORT
        self.cancelled -= before.status in _CUT_SHORT and after.status is OrderStatus.FILLED
