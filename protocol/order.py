"""The order's life as a table."""

from collections.abc import Mapping
from types import MappingProxyType

import attrs

from protocol.belief import Belief, Known, Proof, Source, Unknown
from protocol.commands import PlaceOrder, TimeInForce
from protocol.errors import RemoteProtocolError
from protocol.events import Fill, OrderReported, OrderStatus, Result
from protocol.ids import BookKey, ClientOrderId, SelectionId, VenueOrderId
from protocol.prices import Price, cost_micro, gain_micro

NEW, UNKNOWN, PENDING, OPEN, FILLED, CANCELLED, WIPED, INVALID, REJECTED, ABSENT, VOID, SETTLED = OrderStatus

_ENDED_AFTER_REST = frozenset({FILLED, CANCELLED, WIPED, VOID, SETTLED})
_ARRIVED = _ENDED_AFTER_REST | {PENDING, OPEN, INVALID}

TRANSITIONS: Mapping[OrderStatus, frozenset[OrderStatus]] = MappingProxyType(
    {
        NEW: _ARRIVED | {UNKNOWN, REJECTED},
        UNKNOWN: _ARRIVED | {REJECTED, ABSENT},
        PENDING: _ENDED_AFTER_REST | {OPEN, INVALID},
        OPEN: _ENDED_AFTER_REST,
        FILLED: frozenset({VOID, SETTLED}),
        CANCELLED: frozenset({FILLED, VOID, SETTLED}),  # a fill that raced the cancel can arrive after it
        WIPED: frozenset({FILLED, VOID, SETTLED}),
        INVALID: frozenset(),
        REJECTED: _ARRIVED,  # the venue contradicts itself, and its later word counts
        ABSENT: _ARRIVED,  # a request that was late on the road
        VOID: frozenset(),
        SETTLED: frozenset({VOID}),  # a result can be annulled
    }
)
assert TRANSITIONS.keys() == set(OrderStatus)

NAMELESS = "venue:"  # begins the stand-in for a client id that the venue does not know
WHY_INVALID = "failed activation; the usual cause is insufficient balance"  # the venue's message does not say

UNPROVED = frozenset({NEW, UNKNOWN})  # whether it exists is not known
RESTABLE = frozenset({NEW, UNKNOWN, PENDING, OPEN})  # something of it can still match
STAKED = RESTABLE | {FILLED, CANCELLED, WIPED}  # its fills are at risk


@attrs.frozen(kw_only=True)
class Order:
    """One order, and what is known of it. Each method returns the order as it is next.

    `fills` add up to `filled`. A fill learnt from a cumulative figure alone is booked at the order's own limit,
    which is the least that it can have paid, until the details are read.
    """

    client_order_id: ClientOrderId
    venue_order_id: VenueOrderId | None = None
    key: BookKey
    selection_id: SelectionId
    price: Price
    size: int  # as asked; what the venue shrinks is seen in `status` and `filled`
    time_in_force: TimeInForce = TimeInForce.REST
    status: OrderStatus = NEW
    opened: bool = False  # it was once open
    filled: int = 0
    fills: tuple[Fill, ...] = ()
    fills_exact: bool = True
    result: Result = Result.TO_BE_DECIDED
    sequence_ns: int = 0
    cancel_wanted: bool = False
    reason: str = ""  # the venue's word for why it was refused

    @classmethod
    def placed(cls, command: PlaceOrder) -> "Order":
        return cls(
            client_order_id=command.client_order_id,
            key=command.key,
            selection_id=command.selection_id,
            price=command.price,
            size=command.size,
            time_in_force=command.time_in_force,
        )

    @classmethod
    def adopted(cls, report: OrderReported) -> "Order":
        """Take over an order of the account that this process did not place."""
        return cls(
            client_order_id=report.client_order_id or ClientOrderId(f"{NAMELESS}{report.venue_order_id}"),
            key=report.key,
            selection_id=report.selection_id,
            price=report.price,
            size=report.size,
        ).reported(report)

    @property
    def can_match(self) -> bool:
        """Tell whether something of it can still be matched, as far as anyone can know."""
        return self.status in RESTABLE

    @property
    def remaining(self) -> int:
        """Return the size that can still be matched."""
        return self.size - self.filled if self.can_match else 0

    @property
    def cost_micro(self) -> int:
        """Return what the fills staked."""
        return sum(cost_micro(fill.price, fill.size) for fill in self.fills)

    @property
    def staked_micro(self) -> int:
        """Return what the fills staked and a result can still take."""
        return self.cost_micro if self.status in STAKED else 0

    @property
    def gain_micro(self) -> int:
        """Return what the fills gain when the selection wins, before fees."""
        return sum(gain_micro(fill.price, fill.size) for fill in self.fills)

    @property
    def realised_micro(self) -> int:
        """Return the result of a settled order before fees and commission; 0 until then."""
        if self.status is not SETTLED:
            return 0
        match self.result:
            case Result.WON:
                return self.gain_micro
            case Result.LOST:
                return -self.cost_micro
            case Result.RETURNED | Result.TO_BE_DECIDED:
                return 0

    def move(self, status: OrderStatus, reason: str = "") -> "Order":
        """Return the order in `status`, or as it is where the table has no such move."""
        if status not in TRANSITIONS[self.status]:
            return self
        return attrs.evolve(self, status=status, opened=self.opened or status is OPEN, reason=reason or self.reason)

    def absent(self, proof: Proof) -> "Order":
        """Return the order as one that never came to be, or as it is where the table has no such move."""
        return self.move(ABSENT, proof.value)

    def belief(self, source: Source, as_of_ns: int) -> Belief["Order"]:
        """Return what the word of a source comes to: while it does not prove whether the order exists, nothing."""
        if self.status in UNPROVED:
            return Unknown(self.reason or "not answered yet")
        return Known(self, source, as_of_ns)

    def reported(self, report: OrderReported) -> "Order":
        """Merge what the venue says. Duplicates, reorderings and lagging copies change nothing.

        Raises `RemoteProtocolError` when the report is about another order, or fills more than was asked.
        """
        self._check(report)
        order = attrs.evolve(
            self,
            venue_order_id=report.venue_order_id,
            sequence_ns=max(self.sequence_ns, report.sequence_ns or 0),
        )
        order = order._filled(report)
        late = report.sequence_ns is not None and report.sequence_ns < self.sequence_ns
        if not late and report.status is not None:
            order = order._moved(report, report.status)
        if order.status in (OPEN, CANCELLED, WIPED) and order.filled == order.size:
            order = order.move(FILLED)
        return order

    def filled_whole(self) -> "Order":
        """Return the order filled at its own limit: proved by what the account holds, without a report of it."""
        rest = Fill(self.size - self.filled, self.price)
        return attrs.evolve(self, filled=self.size, fills=(*self.fills, rest), opened=True, fills_exact=False).move(
            FILLED
        )

    def with_fills(self, fills: tuple[Fill, ...]) -> "Order":
        """Replace the fills by exact ones, when they account for all that is filled."""
        if sum(fill.size for fill in fills) != self.filled:
            return self
        return attrs.evolve(self, fills=fills, fills_exact=True)

    def _check(self, report: OrderReported) -> None:
        where = f"order {self.client_order_id}"
        if self.venue_order_id not in (None, report.venue_order_id):
            raise RemoteProtocolError(f"{where}: venue id {report.venue_order_id} after {self.venue_order_id}")
        if report.selection_id != self.selection_id:
            raise RemoteProtocolError(f"{where}: selection {report.selection_id}, expected {self.selection_id}")
        if not 0 <= report.filled <= self.size:
            raise RemoteProtocolError(f"{where}: {report.filled} filled of {self.size}")

    def _filled(self, report: OrderReported) -> "Order":
        increase = report.filled - self.filled
        if increase <= 0:
            return self
        exact = report.last_fill is not None and report.last_fill.size == increase
        fill = report.last_fill if exact and report.last_fill is not None else Fill(increase, self.price)
        return attrs.evolve(
            self,
            filled=report.filled,
            fills=(*self.fills, fill),
            fills_exact=self.fills_exact and exact,
        )

    def _moved(self, report: OrderReported, status: OrderStatus) -> "Order":
        if status is FILLED and self.filled < self.size:
            # The venue never says "cancelled" of an order that has fills: it shrinks the stake to what is filled.
            status = CANCELLED if report.size < self.size else OPEN
        opened = self.opened or status in (OPEN, FILLED, WIPED) or self.filled > 0
        moved = self.move(status, WHY_INVALID if status is INVALID else "")
        decided = moved.status is SETTLED and report.result is not Result.TO_BE_DECIDED
        return attrs.evolve(moved, opened=opened, result=report.result if decided else self.result)
