"""Everything we can ask of a venue that moves money."""

import enum

import attrs

from protocol.ids import BookKey, ClientOrderId, EventId, SelectionId, VenueOrderId
from protocol.prices import Price


class TimeInForce(enum.Enum):
    """How long an order may rest, and whether it may take."""

    REST = "rest"  # until it is matched or cancelled
    FILL_OR_KILL = "fill_or_kill"  # ProphetX: cancelled when nothing matched within 2 s; a partial fill is kept
    POST_ONLY = "post_only"  # ProphetX: ALO; refused when it would take


@attrs.frozen(kw_only=True)
class PlaceOrder:
    client_order_id: ClientOrderId
    key: BookKey
    selection_id: SelectionId
    price: Price
    size: int  # in the price's own unit: cents of stake, or shares
    time_in_force: TimeInForce = TimeInForce.REST


@attrs.frozen(kw_only=True)
class CancelOrder:
    """Cancel one order. The venue wants both ids, and they must match."""

    client_order_id: ClientOrderId
    venue_order_id: VenueOrderId


@attrs.frozen(kw_only=True)
class CancelAll:
    """Cancel whatever was placed before the venue reads this."""


@attrs.frozen(kw_only=True)
class CancelEvent:
    event_id: EventId


@attrs.frozen(kw_only=True)
class CancelMarket:
    key: BookKey
    selection_id: SelectionId | None = None  # both selections of the market, every strike, when None


Cancel = CancelOrder | CancelAll | CancelEvent | CancelMarket
Command = PlaceOrder | Cancel
