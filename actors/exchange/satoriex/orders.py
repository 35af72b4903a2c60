"""An order, from its acceptance to its end."""

import enum

import attrs

from actors.exchange.satoriex.accounts import Account, Key
from actors.exchange.satoriex.money import value_micro


class Side(enum.IntEnum):
    """The numbers are the venue's."""

    BUY = 1
    SELL = 2

    @property
    def other(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY


class Status(enum.Enum):
    """The words are the venue's."""

    PENDING = "pending"
    OPEN = "open"
    PARTIAL = "partial"
    FILLED = "filled"
    CANCELLED = "cancelled"


LIVE = frozenset({Status.PENDING, Status.OPEN, Status.PARTIAL})
NUMBERS = {status: number for number, status in enumerate(Status, 1)}  # U-19


@attrs.frozen(kw_only=True)
class Ticket:
    """What is asked for."""

    market_id: str
    outcome_id: str
    side: Side
    price_bp: int
    shares: int


@attrs.frozen(kw_only=True)
class OrderView:
    """An order as it was at one moment."""

    order_id: str
    account_id: str
    market_id: str
    outcome_id: str
    side: Side
    price_bp: int
    shares: int
    filled_shares: int
    status: Status
    created_ns: int
    updated_ns: int

    @property
    def is_live(self) -> bool:
        return self.status in LIVE


@attrs.define(eq=False)
class Order:
    order_id: str
    account: Account
    key: Key
    side: Side
    price_bp: int
    shares: int
    created_ns: int
    updated_ns: int
    status: Status = Status.PENDING
    filled_shares: int = 0
    cost_micro: int = 0  # price x shares at execution, of either side
    fees_micro: int = 0
    rebates_micro: int = 0

    @property
    def remaining_shares(self) -> int:
        return self.shares - self.filled_shares

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    def crosses(self, other: "Order") -> bool:
        """Tell whether the two could trade, one being a buy and the other a sell."""
        if self.side is other.side:
            return False
        return self.price_bp >= other.price_bp if self.side is Side.BUY else self.price_bp <= other.price_bp

    def lock(self) -> None:
        """Put aside what the order can cost."""
        if self.side is Side.BUY:
            self.account.lock(value_micro(self.price_bp, self.shares))
        else:
            self.account.holding(self.key).locked_shares += self.shares

    def unlock(self) -> None:
        """Give back what the order can cost no more."""
        if self.side is Side.BUY:
            self.account.release(value_micro(self.price_bp, self.remaining_shares))
        else:
            self.account.holding(self.key).locked_shares -= self.remaining_shares

    def view(self) -> OrderView:
        return OrderView(
            order_id=self.order_id,
            account_id=self.account.account_id,
            market_id=self.key[0],
            outcome_id=self.key[1],
            side=self.side,
            price_bp=self.price_bp,
            shares=self.shares,
            filled_shares=self.filled_shares,
            status=self.status,
            created_ns=self.created_ns,
            updated_ns=self.updated_ns,
        )
