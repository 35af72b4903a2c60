"""News of orders whose ids are not known yet."""

import attrs

from protocol.events import Hinted
from protocol.ids import EventId, VenueOrderId

MAX_KEPT = 1_000  # others' orders too, where the venue tells of them; the oldest are forgotten
MAX_SAID = 50  # of one order; the newest are kept


@attrs.define
class EarlyNews:
    """Keep what the socket said of an order until its answer comes, or until one that was lost must be looked for."""

    _hints: dict[VenueOrderId, list[Hinted]] = attrs.field(factory=dict)

    def keep(self, venue_order_id: VenueOrderId, hint: Hinted) -> None:
        self._hints[venue_order_id] = [*self._hints.get(venue_order_id, ()), hint][-MAX_SAID:]
        if len(self._hints) > MAX_KEPT:
            del self._hints[next(iter(self._hints))]

    def take(self, venue_order_id: VenueOrderId | None) -> list[Hinted]:
        """Return what was said of an order, and forget it."""
        return [] if venue_order_id is None else self._hints.pop(venue_order_id, [])

    def about(self, event_id: EventId) -> list[VenueOrderId]:
        """Return the orders that may be about an event."""
        return [
            venue_order_id
            for venue_order_id, hints in self._hints.items()
            if any(hint.event_id in (None, event_id) for hint in hints)
        ]
