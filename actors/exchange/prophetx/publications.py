"""What the floor makes known."""

import attrs

from actors.exchange.prophetx.catalogue import Event, Listing, Market
from actors.exchange.prophetx.ledger import DatedFill, Order


@attrs.frozen
class OrderChanged:
    """An order is in another state, or has one more fill. For its owner alone."""

    order: Order
    fill: DatedFill | None
    sequence_ns: int


@attrs.frozen
class Traded:
    """One side of a match."""

    order: Order
    fill: DatedFill
    sequence_ns: int


@attrs.frozen
class BookChanged:
    listing: Listing
    sequence_ns: int


@attrs.frozen
class EventChanged:
    event: Event
    change: str  # c, u, d: created, updated, unlisted
    sequence_ns: int


@attrs.frozen
class MarketListed:
    event: Event
    market: Market
    sequence_ns: int


@attrs.frozen
class StrikeListed:
    event: Event
    market: Market
    listing: Listing
    sequence_ns: int


Publication = OrderChanged | Traded | BookChanged | EventChanged | MarketListed | StrikeListed
