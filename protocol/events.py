"""Everything a venue can tell us, in one vocabulary."""

import enum

import attrs

from protocol.ids import BookKey, ClientOrderId, CompetitionId, EventId, MarketId, OutcomeId, SelectionId, VenueOrderId
from protocol.prices import Price


class EventStatus(enum.Enum):
    """How far the thing that is traded on has got."""

    SCHEDULED = "scheduled"
    LIVE = "live"
    ENDED = "ended"
    UNKNOWN = "unknown"  # the venue used a word we have not seen; treated as live, the careful reading


@attrs.frozen(kw_only=True)
class CompetitionListed:
    competition_id: CompetitionId
    name: str


@attrs.frozen(kw_only=True)
class EventListed:
    """An event is open for trading, or something about it changed. Sent again in full each time."""

    event_id: EventId
    competition_id: CompetitionId
    name: str
    status: EventStatus
    scheduled: str = ""  # ISO-8601, as the venue wrote it
    active: bool = True  # takes orders now; False for a halt
    keys: tuple[BookKey, ...] | None = None  # its books, where the listing names them
    names: tuple[str, ...] = ()  # of these books
    outcomes: tuple[SelectionId, ...] = ()  # exactly one of them wins, where the listing says so
    tick_bp: int | None = None  # of its prices, where it has one of its own
    min_size: int | None = None  # of its orders, the same


@attrs.frozen(kw_only=True)
class EventUnlisted:
    event_id: EventId


@attrs.frozen(kw_only=True)
class MarketListed:
    event_id: EventId
    market_id: MarketId
    name: str
    active: bool


@attrs.frozen(kw_only=True)
class SelectionListed:
    """One outcome of one strike exists. Its book follows in an image or a snapshot."""

    event_id: EventId
    market_id: MarketId
    selection_id: SelectionId
    name: str
    active: bool


@attrs.frozen
class Level:
    """One price that can be taken on a selection. Sizes are in the price's own unit: cents of stake, or shares."""

    price: Price
    takeable: int  # the size that a taker can place
    payout: int = 0  # what the resting order opposite first staked; informative only


@attrs.frozen(kw_only=True)
class Side:
    """What can be taken on one selection: best level (highest payout) first."""

    selection_id: SelectionId
    name: str = ""
    outcome_id: OutcomeId | None = None
    levels: tuple[Level, ...] = ()


@attrs.frozen(kw_only=True)
class BookReplaced:
    """The whole book of one (event, market, strike). Full replacement, from the socket or from REST.

    `sequence_ns` orders images of one key; it has gaps, and they mean nothing. Zero from REST when no level has ever
    traded. `sides` has two entries where the market has two complementary outcomes.
    """

    key: BookKey
    name: str = ""
    kind: str = ""  # moneyline, spread, total...
    sub_kind: str = ""
    active: bool = True
    sides: tuple[Side, ...]
    sequence_ns: int


@attrs.frozen(kw_only=True)
class BookUnreadable:
    """A book changed, and the message does not say to what. It must be read by REST."""

    key: BookKey


class About(enum.Enum):
    """What a hint is about."""

    BOOK = "book"
    ORDERS = "orders"  # ours
    FUNDS = "funds"
    MARKET = "market"  # whether it takes orders, or how it ended


@attrs.frozen(kw_only=True)
class Hinted:
    """Something has changed, and REST must say what. The message itself proves nothing.

    A book without a `market_id` is any of the event's. `fill` is a price that one of our orders may have got.
    """

    about: About
    event_id: EventId | None = None
    market_id: MarketId | None = None
    venue_order_id: VenueOrderId | None = None
    fill: "Fill | None" = None


@attrs.frozen(kw_only=True)
class MarketSettled:
    """A market ended, and these selections have won. Every other one of the event has lost."""

    event_id: EventId
    winners: frozenset[SelectionId]


@attrs.frozen(kw_only=True)
class TradePrinted:
    """Somebody's order was matched. Nothing says whose, nor which of the two sides took."""

    event_id: EventId
    market_id: MarketId
    selection_id: SelectionId
    price: Price  # the order's own limit
    fill_price: Price
    size: int
    sequence_ns: int


class OrderStatus(enum.Enum):
    """Where an order is in its life. `protocol.order` holds the table of moves."""

    NEW = "new"  # reserved by Risk; perhaps on the wire, not answered
    UNKNOWN = "unknown"  # the answer was lost: it may rest, it may not exist
    PENDING = "pending"  # the venue has it and has not activated it
    OPEN = "open"
    FILLED = "filled"
    CANCELLED = "cancelled"  # ended with some of it unmatched; it may have fills
    WIPED = "wiped"  # removed by the venue, as all pre-match orders are at go-live
    INVALID = "invalid"  # failed activation
    REJECTED = "rejected"  # refused in the answer
    ABSENT = "absent"  # proved never to have arrived
    VOID = "void"  # annulled; every stake comes back
    SETTLED = "settled"


class Result(enum.Enum):
    """How a matched stake ended."""

    TO_BE_DECIDED = "tbd"
    WON = "won"
    LOST = "lost"
    RETURNED = "returned"  # no result, draw or push: the stake comes back


@attrs.frozen
class Fill:
    """Some of an order, matched at a price."""

    size: int
    price: Price


@attrs.frozen(kw_only=True)
class OrderReported:
    """What the venue says an order is now. Cumulative, so that repeats and reorderings can do no harm.

    From the private channel it has a `sequence_ns` (per order). From REST it has none: it is a reading that may lag,
    and `synced_at_ns` (unix ns) says how old the copy is that was read; `None` proves nothing about age.
    `status` is `None` where the venue used a word we do not know.
    """

    venue_order_id: VenueOrderId
    client_order_id: ClientOrderId | None
    key: BookKey  # its strike is the selection's own; the other outcome of a spread has the opposite sign
    selection_id: SelectionId
    price: Price
    size: int  # shrinks to what is filled when the rest is cancelled, on a venue that says it so
    filled: int
    last_fill: Fill | None = None
    status: OrderStatus | None
    result: Result = Result.TO_BE_DECIDED
    sequence_ns: int | None = None
    synced_at_ns: int | None = None
    created_at_ns: int | None = None


@attrs.frozen(kw_only=True)
class HeartbeatReceived:
    pass


@attrs.frozen(kw_only=True)
class UnknownReceived:
    """A valid message of a type that we do not know. Counted; nothing depends on it."""

    kind: str


@attrs.frozen(kw_only=True)
class MessageUnreadable:
    """A message whose meaning is lost. What its channel is about must be read anew by REST."""

    private: bool
    reason: str


MarketEvent = (
    CompetitionListed
    | EventListed
    | EventUnlisted
    | MarketListed
    | SelectionListed
    | BookReplaced
    | BookUnreadable
    | TradePrinted
    | MessageUnreadable
)
OrderEvent = OrderReported | MessageUnreadable
VenueEvent = MarketEvent | OrderEvent | Hinted | HeartbeatReceived | UnknownReceived
