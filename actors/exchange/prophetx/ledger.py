"""Accounts, their orders, and what each order has come to."""

import enum
from collections.abc import Mapping
from types import MappingProxyType

import attrs

from actors.exchange.prophetx.catalogue import Listing, Selection
from protocol.commands import TimeInForce
from protocol.events import OrderStatus
from protocol.ids import ClientOrderId, VenueOrderId
from protocol.odds import Odds, profit_cents


class Status(enum.Enum):
    """The venue's own words for where an order is."""

    INACTIVE = "inactive"
    OPEN = "open"
    INVALID = "invalid"
    CANCELED = "canceled"
    VOID = "void"
    WIPED = "wiped"
    SETTLED = "settled"
    CLOSED = "closed"


NEXT: Mapping[Status, frozenset[Status]] = MappingProxyType(
    {
        Status.INACTIVE: frozenset({Status.OPEN, Status.INVALID, Status.WIPED}),
        Status.OPEN: frozenset({Status.CANCELED, Status.VOID, Status.WIPED, Status.SETTLED, Status.CLOSED}),
        Status.INVALID: frozenset(),
        Status.CANCELED: frozenset(),
        Status.VOID: frozenset(),
        Status.WIPED: frozenset({Status.VOID, Status.SETTLED, Status.CLOSED}),  # what had matched has a result
        Status.SETTLED: frozenset({Status.CLOSED}),
        Status.CLOSED: frozenset(),
    }
)
assert NEXT.keys() == set(Status)


class Winning(enum.Enum):
    TBD = "tbd"
    PROFIT = "profit"
    LOSS = "loss"
    NO_RESULT = "no_result"
    PUSH = "push"


@attrs.frozen
class Fill:
    """A matched stake."""

    stake_cents: int
    odds: Odds


@attrs.frozen
class DatedFill:
    trade_id: str
    fill: Fill
    matched_ns: int


@attrs.frozen(kw_only=True)
class Wallet:
    """What is in an account, in cents. `cash` changes at settlement; what is matched or rests is part of it."""

    cash_cents: int
    matched_cents: int
    unmatched_cents: int


@attrs.define(eq=False)
class Account:
    """A wallet in cents. `cash` changes at settlement; what is matched or rests is part of it."""

    account_id: str
    cash_cents: int
    matched_cents: int = 0
    unmatched_cents: int = 0
    silent: bool = False  # nobody listens to it, and its orders are forgotten when they have ended
    unlimited: bool = False  # the house's own, whose funds are not checked

    @property
    def spendable_cents(self) -> int:
        return self.cash_cents - self.matched_cents - self.unmatched_cents

    def balance(self) -> Wallet:
        return Wallet(
            cash_cents=self.cash_cents, matched_cents=self.matched_cents, unmatched_cents=self.unmatched_cents
        )


@attrs.define(eq=False, kw_only=True)
class Order:
    """One order, as the venue keeps it."""

    order_id: VenueOrderId
    external_id: ClientOrderId
    account: Account
    listing: Listing
    selection: Selection
    odds: Odds
    original_cents: int
    stake_cents: int  # shrinks to what is filled when the rest is cancelled
    time_in_force: TimeInForce
    created_ns: int
    updated_ns: int
    activation_ns: int = 0
    cancel_asked: bool = False  # before it was activated
    status: Status = Status.INACTIVE
    winning: Winning = Winning.TBD
    fills: list[DatedFill] = attrs.field(factory=list)
    filled_cents: int = 0

    @property
    def is_resting(self) -> bool:
        return self.status is Status.OPEN and self.filled_cents < self.stake_cents

    @property
    def open_cents(self) -> int:
        """Return the stake that can still be matched."""
        return self.stake_cents - self.filled_cents if self.status in (Status.INACTIVE, Status.OPEN) else 0

    @property
    def is_staked(self) -> bool:
        """Tell whether a result is still to come for what has matched."""
        return self.filled_cents > 0 and self.status in (Status.OPEN, Status.WIPED)

    @property
    def profit_cents(self) -> int:
        """Return what a win pays: on the fills, each rounded down; on the whole stake before the first of them."""
        if not self.fills:
            return profit_cents(self.stake_cents, self.odds)
        return sum(profit_cents(each.fill.stake_cents, each.fill.odds) for each in self.fills)

    @property
    def matching_status(self) -> str:
        if not self.filled_cents:
            return "unmatched"
        return "fully_matched" if self.filled_cents == self.stake_cents else "partially_matched"

    def move(self, status: Status, now_ns: int) -> None:
        assert status in NEXT[self.status], f"{self.order_id}: {status} after {self.status}"
        self.status = status
        self.updated_ns = now_ns

    def add_fill(self, fill: DatedFill) -> None:
        self.fills.append(fill)
        self.filled_cents += fill.fill.stake_cents
        self.updated_ns = fill.matched_ns
        assert self.filled_cents <= self.stake_cents, f"{self.order_id} is filled beyond its stake"

    def shrink(self, now_ns: int) -> None:
        """End an order that has fills: the venue calls it fully matched, for a smaller quantity."""
        self.stake_cents = self.filled_cents
        self.updated_ns = now_ns


def neutral_status(order: Order) -> OrderStatus:
    """Return where an order is, in the house's words."""
    match order.status:
        case Status.OPEN if order.filled_cents == order.stake_cents:
            return OrderStatus.FILLED if order.stake_cents == order.original_cents else OrderStatus.CANCELLED
        case status:
            return _NEUTRAL[status]


_NEUTRAL = {
    Status.INACTIVE: OrderStatus.PENDING,
    Status.OPEN: OrderStatus.OPEN,
    Status.INVALID: OrderStatus.INVALID,
    Status.CANCELED: OrderStatus.CANCELLED,
    Status.VOID: OrderStatus.VOID,
    Status.WIPED: OrderStatus.WIPED,
    Status.SETTLED: OrderStatus.SETTLED,
    Status.CLOSED: OrderStatus.SETTLED,
}
assert _NEUTRAL.keys() == set(Status)


@attrs.frozen(kw_only=True)
class Transaction:
    """A movement of an account's cash, or a trade that reserved some of it."""

    kind: str  # DEPOSIT, TRADE, PAY, COMMISSION, PUSH...
    amount_cents: int
    created_ns: int
    trade_id: str = ""
    listing: Listing | None = None
