"""What a dialect offers to the actors: frames to events, commands to requests."""

import enum
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

import attrs

from protocol.commands import CancelOrder, PlaceOrder
from protocol.errors import VenueError
from protocol.events import (
    BookReplaced,
    CompetitionListed,
    EventListed,
    Fill,
    MarketSettled,
    OrderReported,
    VenueEvent,
)
from protocol.ids import BookKey, CompetitionId, EventId, SelectionId, VenueName, VenueOrderId
from protocol.odds import OddsLadder
from protocol.prices import Ladder

T_co = TypeVar("T_co", covariant=True)


class Lane(enum.Enum):
    """Requests of one lane never wait for those of another."""

    PLACING = "placing"
    CANCELLING = "cancelling"
    READING = "reading"


@attrs.frozen(kw_only=True)
class Request:
    method: str
    path: str  # appended to the venue's base address, query string included
    body: bytes | None = attrs.field(default=None, repr=False)  # a login body holds secrets
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    authorised: bool = True


@attrs.frozen(kw_only=True)
class Response:
    status: int
    body: bytes = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)  # names in lower case


@attrs.frozen(kw_only=True)
class Call(Generic[T_co]):
    """One REST exchange: what to send, and how to read the answer.

    `read` raises `VenueError` for the venue's no and `RemoteProtocolError` for what cannot be read.
    """

    name: str  # the endpoint, for limits and logs
    lane: Lane
    request: Request
    read: Callable[[Response], T_co] = attrs.field(repr=False)
    timeout_s: float = 10.0


@attrs.frozen(kw_only=True)
class Credentials:
    """Who we are to a venue. The one type that holds secrets; its text form never shows them."""

    user: str = attrs.field(repr=False)  # an access key, an email address
    secret: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Tokens:
    """What a login gives. Expiry in unix seconds; `None` where the venue does not say."""

    access_token: str = attrs.field(repr=False)
    access_expires_s: int | None
    refresh_token: str = attrs.field(repr=False)
    refresh_expires_s: int | None


@attrs.frozen(kw_only=True)
class AccessToken:
    """What a refresh gives. Most venues keep the old refresh token."""

    access_token: str = attrs.field(repr=False)
    access_expires_s: int | None
    refresh_token: str | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True)
class ConnectionConfig:
    """Where the socket is. Compared whole: a changed one means a new socket."""

    key: str
    cluster: str = ""
    host: str = ""  # may carry a port
    service: str = ""
    app_id: str = ""


@attrs.frozen(kw_only=True)
class Channel:
    """One channel that the venue lets this socket hear."""

    name: str
    auth: str = attrs.field(repr=False)
    private: bool = False
    event_id: EventId | None = None
    sub_kind: str | None = None


@attrs.frozen(kw_only=True)
class Registration:
    """What the venue answered to the wanted subscriptions."""

    channels: tuple[Channel, ...]
    sign_in: tuple[str, str] | None = attrs.field(default=None, repr=False)  # auth, user_data
    rejected: tuple[str, ...] = ()
    channel_limit: int | None = None


@attrs.frozen(kw_only=True)
class Wanted:
    """What to hear. Without competitions: every one."""

    competitions: tuple[CompetitionId, ...] = ()
    events: tuple[EventId, ...] = ()
    sub_kinds: tuple[tuple[EventId, str], ...] = ()


@attrs.frozen(kw_only=True)
class Balance:
    """The wallet, in micro-dollars, without what is matched."""

    free_micro: int  # may be spent
    resting_micro: int | None  # held for orders that rest; `None` where the venue does not say


@attrs.frozen(kw_only=True)
class Holding:
    """Shares of one outcome that the account holds, those in resting sales included."""

    key: BookKey
    selection_id: SelectionId
    shares: int
    cost_micro: int  # what they were bought for


@attrs.frozen(kw_only=True)
class EventPage:
    """A page of events. An empty cursor ends the list."""

    events: tuple[EventListed, ...]
    next_cursor: str = ""


@attrs.frozen(kw_only=True)
class OrderPage:
    """A page of orders. `synced_at_ns` tells how old the copy is that was read; `None` proves nothing.

    `unreadable` rows are left out: while there are any, what is not on the page is not proved to be absent.
    """

    orders: tuple[OrderReported, ...]
    next_cursor: str = ""
    synced_at_ns: int | None = None
    unreadable: int = 0


@attrs.frozen(kw_only=True)
class FillPage:
    fills: tuple[tuple[VenueOrderId, Fill], ...]
    next_cursor: str = ""
    synced_at_ns: int | None = None


@attrs.frozen(kw_only=True)
class Transaction:
    """One movement of the wallet, in cents. `kind` is the venue's word."""

    kind: str
    amount_cents: int
    trade_id: str = ""
    event_id: EventId | None = None
    at_ns: int | None = None


@attrs.frozen(kw_only=True)
class TransactionPage:
    transactions: tuple[Transaction, ...]
    next_cursor: str = ""


class Window(enum.Enum):
    """What a window of the order history is about."""

    CREATED = "created"  # at most 7 days wide
    UPDATED = "updated"  # at most 2 days


class Show(enum.Enum):
    """Which orders of a window to read. A venue may ignore it and show all."""

    ALL = "all"
    PENDING = "pending"
    OPEN = "open"  # resting, or filled and waiting for a result
    UNMATCHED = "unmatched"  # resting, nothing filled
    PARTIAL = "partial"  # resting, partly filled


RESTING = (Show.PENDING, Show.UNMATCHED, Show.PARTIAL)


PlaceResult = OrderReported | VenueError
CancelResult = OrderReported | VenueError | None  # None: a plain yes


class Rest(Protocol):
    """Build the calls of one venue. Every method is pure. `None` stands for what a venue does not have."""

    def log_in(self, credentials: Credentials) -> Call[Tokens]: ...
    def refresh(self, refresh_token: str) -> Call[AccessToken]: ...
    def competitions(self) -> Call[tuple[CompetitionListed, ...]] | None: ...
    def events(
        self, competition_id: CompetitionId | None = None, event_ids: Sequence[EventId] = (), cursor: str = ""
    ) -> Call[EventPage]: ...
    def markets(self, event_ids: Sequence[EventId]) -> Call[tuple[BookReplaced, ...]]: ...
    def book(self, key: BookKey) -> Call[tuple[BookReplaced, ...]]: ...
    def ladder(self) -> Call[OddsLadder] | None: ...
    def balance(self) -> Call[Balance]: ...
    def holdings(self) -> Call[tuple[Holding, ...]] | None: ...
    def results(self) -> Call[tuple[MarketSettled, ...]] | None: ...
    def place(self, orders: Sequence[PlaceOrder]) -> Call[tuple[PlaceResult, ...]]: ...
    def cancel_orders(self, orders: Sequence[CancelOrder]) -> Call[tuple[CancelResult, ...]]: ...
    def cancel_all(self) -> Call[None] | None: ...
    def order(self, venue_order_id: VenueOrderId) -> Call[OrderReported]: ...
    def history(
        self, from_s: int, to_s: int, cursor: str = "", *, by: Window = Window.CREATED, show: Show = Show.ALL
    ) -> Call[OrderPage]: ...
    def fills(self, venue_order_ids: Sequence[VenueOrderId], cursor: str = "") -> Call[FillPage] | None: ...
    def connection_config(self) -> Call[ConnectionConfig] | None: ...


# --- the socket --------------------------------------------------------------------------------------------------


class Reconnect(enum.Enum):
    """How soon a new socket may follow a close."""

    AT_ONCE = "at_once"
    AFTER_A_SECOND = "after_a_second"  # at least 1 s, may grow
    CHANGED = "changed"  # not with the same parameters
    ORDINARY = "ordinary"


@attrs.frozen
class Say:
    """A frame to send in answer to one that came."""

    text: str


@attrs.frozen
class SocketRefused:
    """The venue refused something on the socket, which stays open."""

    message: str
    code: int | None = None


Heard = VenueEvent | Say | SocketRefused


class Feed(Protocol):
    """One socket's conversation: what to say, and what was heard. It holds no socket and knows no clock."""

    @property
    def established(self) -> bool:
        """Tell whether subscriptions can be asked for."""

    @property
    def awaiting(self) -> bool:
        """Tell whether a subscription is not acknowledged yet."""

    @property
    def activity_timeout_s(self) -> float:
        """Return how long the peer may be silent before it is pinged."""

    @property
    def ping(self) -> str | None:
        """Return the frame that asks for a sign of life; `None` where the websocket's own ping does."""

    def registering(self, wanted: Wanted) -> Call[Registration] | None:
        """Return the call that must come before the frames of `subscribe`."""

    def subscribe(self, wanted: Wanted, registration: Registration | None) -> tuple[str, ...]:
        """Return the frames that ask for what is wanted and not heard yet."""

    def receive(self, frame: str | bytes) -> tuple[Heard, ...]:
        """Take one frame. What cannot be read is a `MessageUnreadable`."""


# --- what differs from venue to venue ----------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Terms:
    """Under which rules a book is traded."""

    venue: VenueName
    ladder: Ladder
    min_size: int = 1  # in the price's own unit
    named: bool = True  # orders carry our ids; without, no two of ours may look the same
    fee_bp: int = 0  # of what a sale brings, taken when it is filled
    commission_bp: int = 0  # of a book's net winnings, taken when it is settled


class Query(enum.Enum):
    """What can be read again and again."""

    BOOKS = "books"
    MARKETS = "markets"
    ORDERS = "orders"  # those that can still match
    FUNDS = "funds"  # the balance and what is held


@attrs.frozen(kw_only=True)
class Poll:
    """How often something is read without a reason, and how soon again with one. Seconds; `inf` is never."""

    every_s: float
    apart_s: float = 1.0


@attrs.frozen(kw_only=True)
class Quota:
    """So many calls of some endpoints in any window."""

    names: frozenset[str]
    calls: int
    kept_back: int = 0  # for clocks that differ: never used
    reserve: int = 0  # of what is used, for cancels alone
    window_s: float = 60.0

    @property
    def usable(self) -> int:
        return self.calls - self.kept_back


@attrs.frozen(kw_only=True)
class Traits:
    """How a venue differs from others, for actors that serve all of them."""

    venue: VenueName
    polls: Mapping[Query, Poll]
    quotas: tuple[Quota, ...] = ()
    calls_per_s: float  # of all endpoints together
    reads_apart_s: float  # of one endpoint, after a burst
    orders_named: bool  # an order carries our id, which the venue takes once for ever
    orders_pushed: bool  # the socket says what became of an order; otherwise it hints that something did
    held_by_endpoint: bool  # "too fast" is about one endpoint, not about all
    times_in_force: bool  # the venue itself kills what is not filled, and refuses what would take
    refusals_explained: bool  # the code of a refused order says why; otherwise its market may be halted
    socket_takes_token: bool  # the socket dies with the token that opened it
    second_socket: bool  # one account may hear on two sockets at once
    cancels_all: bool  # one request cancels everything
    fills_listed: bool  # each fill of an order can be read
    channel_by_event: bool = True  # books come on a channel of each event, not all on one
    connects_per_minute: int | None = None
    max_batch: int = 1  # orders in one request
    sale_fee_bp: int = 0  # of what a sale brings, taken when it is filled
    commission_bp: int = 0  # of a book's net winnings, taken when it is settled
    rebate_bp: int = 0  # of what is traded, at most, that the venue may give back unasked
    cancel_settles_s: float = 0.0  # how long fills may follow the answer to a cancel
    gap_tolerated_s: float = 0.0  # how long the socket may be gone before what rests is cancelled
    absence_after_s: float = 0.0  # how long an order without a name must be missing to count as absent
    book_age_s: float = math.inf  # how long a book is believed after a hint that it changed
    refresh_margin_s: float = 60.0  # tokens are renewed so long before they end, or after 80 % of their life
    pong_timeout_s: float = 30.0
    heartbeat_timeout_s: float = math.inf  # without a health check the session restarts; `inf` where none comes
    stop_more_s: float = 0.0  # how much longer a safe stop may take than on a venue that cancels all at once
    time_to_flat_s: float = math.inf  # how long it may take to cancel everything, at the pace that the venue allows


class Venue(Protocol):
    """A dialect as a whole."""

    @property
    def traits(self) -> Traits: ...
    @property
    def rest(self) -> Rest: ...
    def terms(self, event: EventListed, ladder: OddsLadder) -> Terms: ...
    def open_feed(self) -> Feed: ...
    def socket_url(self, rest_url: str, config: ConnectionConfig | None, token: str, version: str) -> str:
        """Return where the socket is. Raises `LocalProtocolError`."""

    def reconnect_after(self, code: int) -> Reconnect:
        """Return how soon a socket may follow one that closed with this code."""
