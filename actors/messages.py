"""What actors say to each other."""

import enum
import math
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import attrs

from protocol.belief import Belief, Source, Unknown
from protocol.book import Book, BookStatus, LiquidityChange
from protocol.commands import Cancel, CancelAll, CancelOrder, PlaceOrder
from protocol.errors import RemoteProtocolError, VenueError
from protocol.events import (
    BookReplaced,
    EventListed,
    EventStatus,
    Hinted,
    MarketEvent,
    MarketSettled,
    OrderReported,
    Side,
)
from protocol.ids import BookKey, ClientOrderId, EventId, SelectionId, VenueName, VenueOrderId
from protocol.order import Order
from protocol.venue import (
    Balance,
    Call,
    CancelResult,
    FillPage,
    Holding,
    OrderPage,
    PlaceResult,
    Reconnect,
    Show,
    Terms,
    Window,
)

T = TypeVar("T")


class Ask(Protocol):
    """Make one REST call. Raises `VenueError`, `RemoteProtocolError` or `AnswerLost`.

    `sending` is called when the request is about to go out, after every wait for a token or the rate limit. It may
    raise `NotSent` to let it go no further.
    """

    def __call__(self, call: Call[T], /, sending: Callable[[], None] = ...) -> Awaitable[T]: ...


class AnswerLost(Exception):
    """A request went out and no answer came back: it may have happened."""


class NotSent(AnswerLost):
    """No connection could be made: it has not happened."""


class SessionFailed(Exception):
    """The session cannot go on. It is restarted, and nothing else is.

    `status` is the HTTP status of a refused handshake, 0 for everything else.
    """

    def __init__(self, reason: str, reconnect: Reconnect = Reconnect.ORDINARY, status: int = 0) -> None:
        super().__init__(reason)
        self.reconnect = reconnect
        self.status = status


NAMED = (SessionFailed, VenueError, AnswerLost, RemoteProtocolError)
"""Every failure that the world outside can cause. All else is a bug."""


# --- sessions ----------------------------------------------------------------------------------------------------


@attrs.frozen
class SessionReady:
    venue: VenueName
    epoch: int


@attrs.frozen
class SessionLost:
    venue: VenueName
    epoch: int
    reason: str


@attrs.frozen
class RestartWanted:
    """Somebody outside the session has proof that it is deaf."""

    reason: str


# --- markets -----------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class SnapshotWanted:
    """Read some books by REST: every one of some events, and some by their names."""

    event_ids: tuple[EventId, ...] = ()
    keys: tuple[BookKey, ...] = ()


@attrs.frozen(kw_only=True)
class SnapshotTaken:
    """What REST says of some books: of all that `event_ids` have. `asked_at_s` is trio's, of the question."""

    event_ids: tuple[EventId, ...]
    books: tuple[BookReplaced, ...]
    asked_at_s: float


@attrs.frozen(kw_only=True)
class Compare:
    """One book as REST says it is: the first makes the book live, later ones are compared with it."""

    book: BookReplaced
    asked_at_s: float


@attrs.frozen
class Doubt:
    """Something about this book was missed."""


@attrs.frozen
class Stir:
    """The book may have changed: it is believed for a while, until REST has said more."""


@attrs.frozen
class Suspend:
    """The venue closed the market, or opened it again."""

    active: bool


@attrs.frozen
class Inherit:
    """Go on from this book, which another session's market has shown until now; from nothing, where it had none."""

    book: Book | None
    settle_at_s: float = math.inf  # when its falls have waited long enough for their prints


RouterMessage = MarketEvent | Hinted | SnapshotTaken


@attrs.frozen(kw_only=True)
class MarketView:
    """One market as a strategy sees it: the newest book, and why its liquidity changed since the last look."""

    key: BookKey
    name: str
    kind: str
    event: EventListed
    terms: Terms
    epoch: int
    status: BookStatus
    sides: tuple[Side, ...]
    changes: tuple[LiquidityChange, ...] = ()
    moved_s: float = -math.inf  # when it last moved, on trio's clock
    listed_s: float = -math.inf  # when the listing last said whether it takes orders

    @property
    def live(self) -> bool:
        """Tell whether the book can be believed."""
        return self.status is BookStatus.LIVE

    @property
    def in_play(self) -> bool:
        """Tell whether the event may have begun. A status we do not know counts as begun."""
        return self.event.status is not EventStatus.SCHEDULED

    @property
    def selections(self) -> tuple[SelectionId, ...]:
        return tuple(side.selection_id for side in self.sides)

    def side(self, selection_id: SelectionId) -> Side | None:
        return next((side for side in self.sides if side.selection_id == selection_id), None)

    def other(self, selection_id: SelectionId) -> SelectionId | None:
        """Return the complementary selection; `None` where there is not exactly one."""
        if len(self.sides) != 2 or selection_id not in self.selections:
            return None
        first, second = self.selections
        return second if selection_id == first else first


# --- orders ------------------------------------------------------------------------------------------------------


class DenialReason(enum.Enum):
    """Why Risk did not let an order leave."""

    HALTED = "halted"
    MARKET_HALTED = "market_halted"  # the venue refused an order there, and its state was not read since
    NOT_READY = "not_ready"  # the account's resting orders are not known yet
    BOOK_NOT_LIVE = "book_not_live"
    UNKNOWN_SELECTION = "unknown_selection"
    DUPLICATE_ID = "duplicate_id"
    OFF_LADDER = "off_ladder"
    STAKE_TOO_SMALL = "stake_too_small"
    STAKE_TOO_LARGE = "stake_too_large"
    MARKET_EXPOSURE = "market_exposure"
    EVENT_EXPOSURE = "event_exposure"
    ACCOUNT_EXPOSURE = "account_exposure"
    OPEN_ORDERS = "open_orders"
    DAILY_LOSS = "daily_loss"
    PRICE_COLLAR = "price_collar"
    CROSSES_OWN = "crosses_own"
    WOULD_TAKE = "would_take"  # a post-only order, on a venue that does not check it
    RATE_BUDGET = "rate_budget"
    TIME_TO_FLAT = "time_to_flat"  # cancelling everything would take longer than the operator allows
    NO_FUNDS = "no_funds"  # the wallet is known to be too small
    NOT_HELD = "not_held"  # a sale of what is not held, or is for sale already
    OUTCOME_UNKNOWN = "outcome_unknown"  # it is not known what became of an order like it
    INDISTINGUISHABLE = "indistinguishable"  # another order of ours looks the same to the venue
    COOLING_DOWN = "cooling_down"  # the selection's last order was invalid, or there was no money for it
    QUEUE_FULL = "queue_full"


@attrs.frozen(kw_only=True)
class Intent:
    """A strategy wants an order."""

    strategy: str
    order: PlaceOrder


@attrs.frozen(kw_only=True)
class CancelIntent:
    strategy: str
    client_order_id: ClientOrderId
    key: BookKey


@attrs.frozen(kw_only=True)
class IntentDenied:
    client_order_id: ClientOrderId
    key: BookKey
    reason: DenialReason


@attrs.frozen
class Halt:
    """Let no new order leave."""

    reason: str = ""


@attrs.frozen
class Kill:
    """Halt, and cancel everything."""

    reason: str = ""


@attrs.frozen
class CancelEverything:
    pass


@attrs.frozen(kw_only=True)
class OrderChanged:
    """An order moved on. It carries all of its fills, so the newest one is enough."""

    order: Order
    venue: VenueName
    strategy: str  # "" for an order of the account that this process did not place
    source: Source
    as_of_ns: int  # unix, by the venue's clock

    @property
    def belief(self) -> Belief[Order]:
        return self.order.belief(self.source, self.as_of_ns)


@attrs.frozen
class AccountReady:
    """Every order that rested before this run is known and on its way out."""

    venue: VenueName


@attrs.frozen(kw_only=True)
class FundsRead:
    """What an account has, as REST said. `asked_at_s` is trio's, of the question; `as_of_ns` the venue's, the same."""

    venue: VenueName
    balance: Balance
    held: tuple[Holding, ...] | Unknown
    asked_at_s: float
    as_of_ns: int

    @property
    def holdings(self) -> tuple[Holding, ...]:
        """Return what is held, as far as that can be read."""
        return () if isinstance(self.held, Unknown) else self.held


@attrs.frozen
class RequestsHeld:
    """The venue asked for silence until then, on trio's clock."""

    venue: VenueName
    until_s: float


OrderUpdate = OrderChanged | IntentDenied
RiskMessage = (
    Intent
    | CancelIntent
    | Halt
    | Kill
    | OrderChanged
    | AccountReady
    | FundsRead
    | RequestsHeld
    | SessionReady
    | SessionLost
)


# --- to and from the gateway -------------------------------------------------------------------------------------


@attrs.frozen
class AskOrder:
    venue_order_id: VenueOrderId


@attrs.frozen(kw_only=True)
class AskHistory:
    """Read the orders created, or updated, in a window of unix seconds."""

    from_s: int
    to_s: int
    by: Window = Window.CREATED
    show: tuple[Show, ...] = (Show.ALL,)


@attrs.frozen
class AskFills:
    venue_order_ids: tuple[VenueOrderId, ...]


Question = AskOrder | AskHistory | AskFills


@attrs.frozen(kw_only=True)
class Queued:
    """An order on its way out, and since when, on trio's clock."""

    order: PlaceOrder
    at_s: float


@attrs.frozen(kw_only=True)
class PlacingStarted:
    """The request is about to go out: deadlines count from here."""

    client_order_ids: tuple[ClientOrderId, ...]
    at_s: float


@attrs.frozen(kw_only=True)
class PlacingAnswered:
    client_order_id: ClientOrderId
    result: PlaceResult


@attrs.frozen(kw_only=True)
class PlacingLost:
    """No answer, or none that can be read. `sent` is false where the request never left."""

    client_order_ids: tuple[ClientOrderId, ...]
    sent: bool
    reason: str


@attrs.frozen(kw_only=True)
class CancelAnswered:
    """The answer to one cancel; `AnswerLost` where none came."""

    command: Cancel
    result: CancelResult | AnswerLost


@attrs.frozen(kw_only=True)
class OrderRead:
    venue_order_id: VenueOrderId
    result: OrderReported | VenueError | AnswerLost


@attrs.frozen(kw_only=True)
class HistoryRead:
    """Every page of a window, or the reason why not."""

    question: AskHistory
    result: OrderPage | VenueError | AnswerLost


@attrs.frozen(kw_only=True)
class FillsRead:
    question: AskFills
    result: FillPage | VenueError | AnswerLost


GatewayAnswer = PlacingStarted | PlacingAnswered | PlacingLost | CancelAnswered | OrderRead | HistoryRead | FillsRead
CancelWork = CancelOrder | CancelAll


@attrs.frozen
class CancelWanted:
    """Cancel one order once it can be named to the venue."""

    client_order_id: ClientOrderId


@attrs.frozen
class FundsWanted:
    """Read the balance and what is held."""


@attrs.frozen
class OrdersDoubted:
    """Something about our orders was missed: read them anew."""

    reason: str


TrackerMessage = (
    Intent
    | CancelWanted
    | CancelEverything
    | OrderReported
    | OrdersDoubted
    | Hinted
    | MarketSettled
    | FundsRead
    | SessionReady
    | SessionLost
    | GatewayAnswer
)
