"""What one venue's half of the bot must know of the processes before it."""

from collections.abc import Mapping

import attrs

from actors.decisions.absence import Baseline
from actors.decisions.recollection import Recalled, Recollection
from actors.entries import AccountOpened
from protocol.events import OrderStatus
from protocol.ids import EventId, SelectionId, VenueName
from protocol.wallet import taken_micro


@attrs.frozen(kw_only=True)
class VenueMemory:
    """A venue's part of a recollection. `total_micro` is what settled since the opening."""

    recalled: tuple[Recalled, ...]
    opening: AccountOpened | None  # from which all of our orders are reckoned; `None` where there were none
    outcomes: Mapping[EventId, tuple[SelectionId, ...]]  # of what was traded: it may not be listed any more
    total_micro: int
    ended_in_order: bool

    @classmethod
    def of(cls, memory: Recollection, venue: VenueName) -> "VenueMemory":
        return cls(
            recalled=tuple(each for (name, _), each in memory.orders.items() if name == venue),
            opening=memory.openings.get(venue),
            outcomes={each.event_id: each.outcomes for (name, _), each in memory.traded.items() if name == venue},
            total_micro=memory.totals.get(venue, 0),
            ended_in_order=memory.ended_in_order,
        )

    def baseline(self, fee_bp: int) -> Baseline | None:
        """Return what the account would have without any order that is recalled."""
        if self.opening is None:
            return None
        settled = (each.order for each in self.recalled if each.order.status is OrderStatus.SETTLED)
        free = self.opening.money_micro + self.total_micro + sum(taken_micro(order, fee_bp) for order in settled)
        return Baseline(free, {holding.key: holding.shares for holding in self.opening.held})
