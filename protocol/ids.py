"""The names of things, each of its own type."""

from typing import NewType

import attrs

CompetitionId = NewType("CompetitionId", int)
EventId = NewType("EventId", int)
MarketId = NewType("MarketId", int)
OutcomeId = NewType("OutcomeId", int)
Strike = NewType("Strike", int)
"""A handicap or total in hundredths of a point: -350 is -3.5, and 0 where the market has none."""
SelectionId = NewType("SelectionId", str)
"""What an order backs: one outcome of one market at one strike."""
ClientOrderId = NewType("ClientOrderId", str)
VenueOrderId = NewType("VenueOrderId", str)


@attrs.frozen(order=True, cache_hash=True)
class BookKey:
    """Name one order book. A market id alone is a template that every event reuses."""

    event_id: EventId
    market_id: MarketId
    strike: Strike

    def __str__(self) -> str:
        return f"{self.event_id}/{self.market_id}/{self.strike / 100:g}"


@attrs.define
class ClientOrderIds:
    """Issue client order ids that never repeat, as long as the prefix does not.

    The venue takes 1 to 100 characters of letters, digits, `_` and `-`, unique per account for ever.
    """

    prefix: str
    issued: int = 0

    def next(self) -> ClientOrderId:
        self.issued += 1
        return ClientOrderId(f"{self.prefix}-{self.issued}")

    def owns(self, client_order_id: ClientOrderId) -> bool:
        """Tell whether this process issued the id."""
        return client_order_id.startswith(f"{self.prefix}-")
