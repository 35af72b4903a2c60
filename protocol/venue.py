"""What a dialect offers to the actors: frames to events, commands to requests."""

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

import attrs

from protocol.commands import Cancel, CancelOrder, PlaceOrder
from protocol.errors import VenueError
from protocol.events import BookReplaced, CompetitionListed, EventListed, Fill, OrderReported
from protocol.ids import CompetitionId, EventId, VenueOrderId
from protocol.odds import OddsLadder

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
    """The key pair. The one type that holds secrets; its text form never shows them."""

    access_key: str = attrs.field(repr=False)
    secret_key: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Tokens:
    """What a login gives. Expiry in unix seconds."""

    access_token: str = attrs.field(repr=False)
    access_expires_s: int
    refresh_token: str = attrs.field(repr=False)
    refresh_expires_s: int


@attrs.frozen(kw_only=True)
class AccessToken:
    """What a refresh gives. Most venues keep the old refresh token."""

    access_token: str = attrs.field(repr=False)
    access_expires_s: int
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
    """The wallet in cents. `cash` changes at settlement; what is matched or rests is part of it."""

    cash_cents: int
    matched_cents: int
    unmatched_cents: int


@attrs.frozen(kw_only=True)
class OrderPage:
    """A page of orders. `synced_at_ns` tells how old the copy is that was read; `None` proves nothing."""

    orders: tuple[OrderReported, ...]
    next_cursor: str = ""
    synced_at_ns: int | None = None


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
    """Build the calls of one venue. Every method is pure."""

    def log_in(self, credentials: Credentials) -> Call[Tokens]: ...
    def refresh(self, refresh_token: str) -> Call[AccessToken]: ...
    def competitions(self) -> Call[tuple[CompetitionListed, ...]]: ...
    def events(
        self, competition_id: CompetitionId | None = None, event_ids: Sequence[EventId] = ()
    ) -> Call[tuple[EventListed, ...]]: ...
    def markets(self, event_ids: Sequence[EventId]) -> Call[tuple[BookReplaced, ...]]: ...
    def ladder(self) -> Call[OddsLadder]: ...
    def balance(self) -> Call[Balance]: ...
    def place(self, orders: Sequence[PlaceOrder]) -> Call[tuple[PlaceResult, ...]]: ...
    def cancel_orders(self, orders: Sequence[CancelOrder]) -> Call[tuple[CancelResult, ...]]: ...
    def cancel(self, command: Cancel) -> Call[None]: ...
    def order(self, venue_order_id: VenueOrderId) -> Call[OrderReported]: ...
    def history(
        self, from_s: int, to_s: int, cursor: str = "", *, by: Window = Window.CREATED, show: Show = Show.ALL
    ) -> Call[OrderPage]: ...
    def fills(self, venue_order_ids: Sequence[VenueOrderId], cursor: str = "") -> Call[FillPage]: ...
    def connection_config(self) -> Call[ConnectionConfig]: ...
    def register(self, socket_id: str, wanted: Wanted) -> Call[Registration]: ...
