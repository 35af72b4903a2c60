"""What the journal holds."""

import enum

import attrs

from protocol.belief import Belief, Source
from protocol.commands import CancelAll, CancelOrder, PlaceOrder
from protocol.ids import BookKey, EventId, SelectionId, VenueName
from protocol.order import Order
from protocol.venue import Holding


class Latch(enum.Enum):
    """What keeps new orders from leaving until an operator lifts it."""

    HALT = "halt"
    KILL = "kill"
    DAILY_LOSS = "daily-loss"


@attrs.frozen(kw_only=True)
class RunStarted:
    """A process began to trade. Its orders' ids begin with the journal's name and this number."""

    run: int
    version: str


@attrs.frozen(kw_only=True)
class RunEnded:
    """A process stopped in order. `flat` is whether it was proved that nothing of ours can match."""

    run: int
    flat: bool


@attrs.frozen(kw_only=True)
class AccountOpened:
    """What an account has that none of our orders touched: the money that all of them are reckoned from.

    `money_micro` is free and resting together, without what is matched.
    """

    venue: VenueName
    account: str  # names it without saying whose it is
    money_micro: int
    held: tuple[Holding, ...] = ()


@attrs.frozen(kw_only=True)
class EventTraded:
    """We may have orders on an event from here on. `outcomes` are those of which its result will name one."""

    venue: VenueName
    event_id: EventId
    outcomes: tuple[SelectionId, ...]


@attrs.frozen(kw_only=True)
class OrderIntended:
    """An order is about to leave. It is on disk before it is on the wire."""

    venue: VenueName
    strategy: str
    order: PlaceOrder
    at_ns: int  # by the venue's clock


@attrs.frozen(kw_only=True)
class OrderMoved:
    """What became of an order, with all of its fills."""

    venue: VenueName
    strategy: str  # "" for an order of the account that we did not place
    order: Order
    source: Source
    as_of_ns: int  # by the venue's clock

    @property
    def belief(self) -> Belief[Order]:
        return self.order.belief(self.source, self.as_of_ns)


@attrs.frozen(kw_only=True)
class CancelSent:
    venue: VenueName
    command: CancelOrder | CancelAll


@attrs.frozen(kw_only=True)
class ResultBooked:
    """What a book came to, fees and commission taken off; then the sums of its venue. Micro-dollars.

    `day` is days since the epoch, UTC.
    """

    venue: VenueName
    key: BookKey
    net_micro: int
    total_micro: int  # of the venue, since the account was opened
    day: int
    day_micro: int  # of the venue, in that day


@attrs.frozen(kw_only=True)
class LimitBreached:
    """The worst outcome is beyond its limit: something was filled that nobody reserved. Cents."""

    worst_cents: int
    limit_cents: int


@attrs.frozen(kw_only=True)
class Latched:
    latch: Latch
    reason: str


@attrs.frozen(kw_only=True)
class Lifted:
    """An operator let trading go on. The day's loss counts from here on."""

    latch: Latch
    reason: str


Entry = (
    RunStarted
    | RunEnded
    | AccountOpened
    | EventTraded
    | OrderIntended
    | OrderMoved
    | CancelSent
    | ResultBooked
    | LimitBreached
    | Latched
    | Lifted
)
