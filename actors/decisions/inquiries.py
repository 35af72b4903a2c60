"""Questions about single orders, by the venue's ids."""

import math
from collections.abc import Iterator

import attrs
import structlog

from actors.decisions.early import EarlyNews
from actors.decisions.tracked import Tracked
from actors.messages import AskOrder
from protocol.events import Hinted
from protocol.ids import EventId, VenueOrderId

log = structlog.get_logger()

ASK_AGAIN_S = 1.0
AT_ONCE = 2  # the venue answers about one such question a second
MAX_LATE = 10  # questions about an order that has ended


@attrs.define
class Inquiries:
    """Ask for orders that something was heard of, and for ended ones whose last fill may be missing.

    Every method that yields a question takes it for asked.
    """

    _under_way: set[VenueOrderId] = attrs.field(factory=set)
    _late: dict[VenueOrderId, tuple[float, int]] = attrs.field(factory=dict)  # ended orders to ask for, and tries
    _early: EarlyNews = attrs.field(factory=EarlyNews)

    @property
    def busy(self) -> bool:
        """Tell whether a question is under way."""
        return bool(self._under_way)

    @property
    def late(self) -> bool:
        """Tell whether an order that has ended is still to be read."""
        return bool(self._late)

    @property
    def room(self) -> int:
        """Return how many questions may be asked now."""
        return max(AT_ONCE - len(self._under_way), 0)  # what was heard of is asked for at once, room or not

    @property
    def due_s(self) -> float:
        return min((at_s for at_s, _ in self._late.values()), default=math.inf)

    def asks(self, venue_order_id: VenueOrderId | None) -> bool:
        """Tell whether a question about an order is under way."""
        return venue_order_id in self._under_way

    def ask(self, venue_order_id: VenueOrderId) -> AskOrder:
        self._under_way.add(venue_order_id)
        return AskOrder(venue_order_id)

    def answered(self, venue_order_id: VenueOrderId, *, read: bool) -> None:
        """Learn that a question has its answer, and whether that shows the order."""
        self._under_way.discard(venue_order_id)
        if read:
            self._late.pop(venue_order_id, None)

    # --- of what was heard ---

    def look_into(self, tracked: Tracked, now_s: float) -> Iterator[AskOrder]:
        """Ask for an order of which something was heard, ended or not."""
        venue_order_id = tracked.order.venue_order_id
        if self.asks(venue_order_id):
            tracked.stirred = True  # the answer that is on its way may be older
        elif tracked.order.can_match:
            tracked.ask_at_s = min(tracked.ask_at_s, now_s)
        elif venue_order_id is not None:
            yield self.ask(venue_order_id)

    def hinted(self, tracked: Tracked, hint: Hinted, now_s: float) -> Iterator[AskOrder]:
        tracked.hear(hint.fill)
        yield from self.look_into(tracked, now_s)

    def keep(self, venue_order_id: VenueOrderId, hint: Hinted) -> None:
        """Keep a hint about an order that is not known yet."""
        self._early.keep(venue_order_id, hint)

    def catch_up(self, tracked: Tracked, now_s: float) -> Iterator[AskOrder]:
        """Ask for an order that has got the venue's id now, when something was heard of it before."""
        for hint in self._early.take(tracked.order.venue_order_id):
            yield from self.hinted(tracked, hint, now_s)

    def early(self, event_id: EventId) -> Iterator[AskOrder]:
        """Ask for orders that the socket named and we do not know: one of them may be one that was lost."""
        for venue_order_id in self._early.about(event_id):
            if self.room > 0 and not self.asks(venue_order_id):
                self._early.take(venue_order_id)
                yield self.ask(venue_order_id)

    # --- of what has ended ---

    def ask_late(self, venue_order_id: VenueOrderId, now_s: float) -> None:
        """Have an order that has ended asked for again, a few times: its last fill may be missing."""
        _, tries = self._late.get(venue_order_id, (now_s, 0))
        if tries < MAX_LATE:
            self._late[venue_order_id] = (now_s + ASK_AGAIN_S * (tries + 1), tries + 1)
        else:
            log.error("late_fill_not_read", venue_order_id=venue_order_id)
            del self._late[venue_order_id]

    def due(self, now_s: float) -> Iterator[AskOrder]:
        """Ask for the ended orders that have become due."""
        for venue_order_id in [name for name, (at_s, _) in self._late.items() if at_s <= now_s]:
            _, tries = self._late[venue_order_id]
            at_s = math.inf if self.room > 0 else now_s + ASK_AGAIN_S
            self._late[venue_order_id] = (at_s, tries)
            if self.room > 0:
                yield self.ask(venue_order_id)
