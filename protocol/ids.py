"""The names of things, each of its own type."""

from typing import NewType

import attrs

VenueName = NewType("VenueName", str)
CompetitionId = NewType("CompetitionId", int)
EventId = NewType("EventId", object)
"""A venue's own: a number on one, a text on another."""
MarketId = NewType("MarketId", object)
"""The same."""
OutcomeId = NewType("OutcomeId", int)
Strike = NewType("Strike", int)
"""A handicap or total in hundredths of a point: -350 is -3.5, and 0 where the market has none."""
SelectionId = NewType("SelectionId", str)
"""What an order backs: one outcome of one market at one strike."""
ClientOrderId = NewType("ClientOrderId", str)
VenueOrderId = NewType("VenueOrderId", str)


@attrs.frozen(cache_hash=True)
class BookKey:
    """Name one order book. A market id alone is a template that every event reuses."""

    event_id: EventId
    market_id: MarketId
    strike: Strike = Strike(0)

    def __str__(self) -> str:
        strike = f"/{self.strike / 100:g}" if self.strike else ""
        return f"{self.event_id}/{self.market_id}{strike}"


def number(name: EventId | MarketId) -> int:
    """Return an id as the number that it is on a venue which numbers its events and markets."""
    assert isinstance(name, int), f"{name!r} is not a number"
    return name


_SALE = "sell:"


def sale_of(selection_id: SelectionId) -> SelectionId:
    """Name the selection that wins when this one does not, and that is backed by selling what is held of this one."""
    return SelectionId(f"{_SALE}{selection_id}")


def sold_by(selection_id: SelectionId) -> SelectionId | None:
    """Return what an order on a selection sells; `None` for one that sells nothing."""
    return SelectionId(selection_id.removeprefix(_SALE)) if selection_id.startswith(_SALE) else None


@attrs.define
class ClientOrderIds:
    """Issue client order ids that never repeat, as long as the prefix does not.

    The venue takes 1 to 100 characters of letters, digits, `_` and `-`, unique per account for ever.
    """

    prefix: str
    family: str = ""  # how the ids of all runs of one journal begin; "" where there is this run alone
    issued: int = 0

    def next(self) -> ClientOrderId:
        self.issued += 1
        return ClientOrderId(f"{self.prefix}-{self.issued}")

    def owns(self, client_order_id: ClientOrderId) -> bool:
        """Tell whether the id is ours: issued by this process, or by one before it that the journal remembers."""
        return client_order_id.startswith(self.family or f"{self.prefix}-")
