"""What a new process must know of those before it."""

from collections import Counter
from typing import assert_never

import attrs

from actors.decisions.entry_text import read, written
from actors.entries import (
    AccountOpened,
    CancelSent,
    Entry,
    EventTraded,
    Latch,
    Latched,
    Lifted,
    LimitBreached,
    OrderIntended,
    OrderMoved,
    ResultBooked,
    RunEnded,
    RunStarted,
)
from protocol.events import OrderStatus
from protocol.ids import BookKey, ClientOrderId, EventId, VenueName
from protocol.order import STAKED, Order

HOUR_NS = 3600 * 10**9
KEPT_NS = 24 * HOUR_NS  # a book whose every order is settled: its result can still be annulled


@attrs.frozen(kw_only=True)
class Recalled:
    """An order that still matters. Times are unix nanoseconds."""

    venue: VenueName
    strategy: str
    order: Order
    intended_ns: int  # by the venue's clock
    moved_ns: int  # by our own
    as_of_ns: int  # of what was known of it, by the venue's clock

    @property
    def book(self) -> tuple[VenueName, BookKey]:
        return self.venue, self.order.key


@attrs.frozen(kw_only=True)
class _BookNet:
    venue: VenueName
    key: BookKey
    net_micro: int


@attrs.frozen(kw_only=True)
class _Image:
    """A recollection as it is written down. Nothing has a default: what an older version left out cannot be read."""

    run: int
    ended_in_order: bool
    latches: dict[Latch, str]
    orders: tuple[Recalled, ...]
    openings: dict[VenueName, AccountOpened]
    totals: dict[VenueName, int]
    nets: tuple[_BookNet, ...]
    traded: tuple[EventTraded, ...]
    idle: tuple[EventTraded, ...]
    day: int
    day_micro: dict[VenueName, int]
    forgiven_micro: int
    swept_ns: int


@attrs.define(kw_only=True)
class Recollection:
    """What all entries so far come to, with the orders that still matter and no others.

    Those are ours that can match, or that have fills without a result. Settled ones stay while their book has an order
    without a result, and for a day after that, as what a book comes to is reckoned from all of its orders.
    """

    run: int = 0  # the newest
    ended_in_order: bool = True
    latches: dict[Latch, str] = attrs.field(factory=dict)  # the first reason of each
    orders: dict[tuple[VenueName, ClientOrderId], Recalled] = attrs.field(factory=dict)
    openings: dict[VenueName, AccountOpened] = attrs.field(factory=dict)
    totals: dict[VenueName, int] = attrs.field(factory=dict)  # micro-dollars since the first opening
    nets: dict[tuple[VenueName, BookKey], int] = attrs.field(factory=dict)  # of the books that have an order here
    traded: dict[tuple[VenueName, EventId], EventTraded] = attrs.field(factory=dict)  # events that matter still
    idle: set[tuple[VenueName, EventId]] = attrs.field(factory=set)  # of these, those that had no order at a sweep
    day: int = 0  # since the epoch, UTC; the newest that had a result
    day_micro: dict[VenueName, int] = attrs.field(factory=dict)
    forgiven_micro: int = 0  # the result of that day when an operator last lifted its latch
    _swept_ns: int = 0
    _books: Counter[tuple[VenueName, BookKey]] = attrs.field(factory=Counter)  # how many orders each has here

    def apply(self, entry: Entry, wall_ns: int) -> None:
        """Learn of an entry, as of when it was written."""
        match entry:
            case RunStarted():
                self.run, self.ended_in_order = entry.run, False
            case RunEnded():
                self.ended_in_order = entry.run == self.run
            case AccountOpened():
                self.openings[entry.venue] = entry
            case EventTraded():
                self.traded[entry.venue, entry.event_id] = entry
                self.idle.discard((entry.venue, entry.event_id))
            case OrderIntended():
                self._move(entry.venue, entry.strategy, Order.placed(entry.order), wall_ns, entry.at_ns, entry.at_ns)
            case OrderMoved():
                self._move(entry.venue, entry.strategy, entry.order, wall_ns, entry.as_of_ns)
            case ResultBooked():
                self._book(entry)
            case Latched():
                self.latches.setdefault(entry.latch, entry.reason)
            case Lifted():
                self.latches.pop(entry.latch, None)
                if entry.latch is Latch.DAILY_LOSS:
                    self.forgiven_micro = sum(self.day_micro.values())
            case CancelSent() | LimitBreached():
                pass  # for the record alone
            case _:
                assert_never(entry)
        if abs(wall_ns - self._swept_ns) >= HOUR_NS:
            self._sweep(wall_ns)

    def copy(self) -> "Recollection":
        """Return one that does not change with this one."""
        return attrs.evolve(
            self,
            latches=dict(self.latches),
            orders=dict(self.orders),
            openings=dict(self.openings),
            totals=dict(self.totals),
            nets=dict(self.nets),
            traded=dict(self.traded),
            idle=set(self.idle),
            day_micro=dict(self.day_micro),
            books=self._books.copy(),
        )

    def snapshot(self) -> str:
        """Write it down."""
        nets = (_BookNet(venue=venue, key=key, net_micro=net) for (venue, key), net in self.nets.items())
        image = _Image(
            run=self.run,
            ended_in_order=self.ended_in_order,
            latches=self.latches,
            orders=tuple(self.orders.values()),
            openings=self.openings,
            totals=self.totals,
            nets=tuple(nets),
            traded=tuple(self.traded.values()),
            idle=tuple(each for name, each in self.traded.items() if name in self.idle),
            day=self.day,
            day_micro=self.day_micro,
            forgiven_micro=self.forgiven_micro,
            swept_ns=self._swept_ns,
        )
        return written(image)

    @classmethod
    def from_snapshot(cls, text: str) -> "Recollection":
        """Read what `snapshot` wrote. Raises `EntryUnreadable`."""
        image = read(text, _Image)
        return cls(
            run=image.run,
            ended_in_order=image.ended_in_order,
            latches=image.latches,
            orders={(each.venue, each.order.client_order_id): each for each in image.orders},
            openings=image.openings,
            totals=image.totals,
            nets={(each.venue, each.key): each.net_micro for each in image.nets},
            traded={(each.venue, each.event_id): each for each in image.traded},
            idle={(each.venue, each.event_id) for each in image.idle},
            day=image.day,
            day_micro=image.day_micro,
            forgiven_micro=image.forgiven_micro,
            swept_ns=image.swept_ns,
            books=Counter(each.book for each in image.orders),
        )

    def _move(
        self, venue: VenueName, strategy: str, order: Order, wall_ns: int, as_of_ns: int, at_ns: int | None = None
    ) -> None:
        name = (venue, order.client_order_id)
        before = self.orders.get(name)
        if not strategy or not _matters(order):
            self._drop([] if before is None else [before])
            return
        if before is None:
            self._books[venue, order.key] += 1
        intended_ns = before.intended_ns if before is not None else wall_ns if at_ns is None else at_ns
        self.orders[name] = Recalled(
            venue=venue,
            strategy=strategy,
            order=order,
            intended_ns=intended_ns,
            moved_ns=wall_ns,
            as_of_ns=as_of_ns,
        )

    def _book(self, entry: ResultBooked) -> None:
        self.totals[entry.venue] = entry.total_micro
        if self._books[entry.venue, entry.key]:
            self.nets[entry.venue, entry.key] = entry.net_micro
        if entry.day != self.day:
            self.day, self.day_micro, self.forgiven_micro = entry.day, {}, 0
        self.day_micro[entry.venue] = entry.day_micro

    def _sweep(self, wall_ns: int) -> None:
        """Drop the books of which nothing more is to come."""
        self._swept_ns = wall_ns
        awaited = {each.book for each in self.orders.values() if not _over(each, wall_ns)}
        self._drop([each for each in self.orders.values() if each.book not in awaited])
        events = {(each.venue, each.order.key.event_id) for each in self.orders.values()}
        idle = self.traded.keys() - events
        for name in idle & self.idle:  # since the last sweep as well
            del self.traded[name]
        self.idle = idle & self.traded.keys()

    def _drop(self, dropped: list[Recalled]) -> None:
        for each in dropped:
            del self.orders[each.venue, each.order.client_order_id]
            self._books[each.book] -= 1
            if not self._books[each.book]:
                del self._books[each.book]
                self.nets.pop(each.book, None)


def _matters(order: Order) -> bool:
    return order.can_match or (order.filled > 0 and (order.status in STAKED or order.status is OrderStatus.SETTLED))


def _over(recalled: Recalled, wall_ns: int) -> bool:
    return recalled.order.status is OrderStatus.SETTLED and wall_ns - recalled.moved_ns >= KEPT_NS
