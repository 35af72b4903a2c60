"""What is open for trading, and a wish to trade."""

import attrs

from actors.exchange.prophetx.catalogue import Event, Listing, Market
from protocol.commands import TimeInForce
from protocol.events import EventStatus
from protocol.ids import ClientOrderId, SelectionId, VenueOrderId
from protocol.matching import MatchingBook
from protocol.odds import Odds


@attrs.define(eq=False)
class OpenEvent:
    event: Event
    status: EventStatus = EventStatus.SCHEDULED
    scheduled_ns: int = 0
    updated_ns: int = 0


@attrs.define(eq=False)
class Book:
    """One book, with what was traded in it."""

    event: OpenEvent
    market: Market
    listing: Listing
    matching: MatchingBook[VenueOrderId]
    traded_cents: int = 0
    updated_ns: int = 0


@attrs.frozen(kw_only=True)
class Ticket:
    """What somebody wants to place."""

    external_id: ClientOrderId
    selection_id: SelectionId
    odds: Odds
    stake_cents: int
    time_in_force: TimeInForce = TimeInForce.REST
