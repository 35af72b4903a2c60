"""The single owner of orders."""

from collections.abc import Callable, Iterable
from typing import assert_never

import attrs
import trio

from actors.decisions.ledger import OrderLedger, Out
from actors.entries import CancelSent, OrderIntended, OrderMoved
from actors.journal import Journal
from actors.mailbox import Mailbox
from actors.messages import (
    AccountReady,
    AskFills,
    AskHistory,
    AskOrder,
    CancelWork,
    FundsWanted,
    OrderChanged,
    PlacingLost,
    Question,
    Queued,
    RestartWanted,
    TrackerMessage,
)
from protocol.commands import CancelAll, CancelOrder, PlaceOrder
from protocol.events import About
from protocol.ids import VenueName


@attrs.define(kw_only=True)
class OrderTracker:
    """Run the order ledger: wait for the next message or the next deadline, and send what it decides."""

    inbox: Mailbox[TrackerMessage]
    placing: Mailbox[Queued]
    cancelling: Mailbox[CancelWork]
    asking: Mailbox[Question]
    restarts: Mailbox[RestartWanted]
    changed: Callable[[OrderChanged | AccountReady], None]
    wake: Callable[[About], None]
    ledger: OrderLedger
    venue: VenueName
    journal: Journal
    wall_ns: Callable[[], int]
    halted: Callable[[], bool]  # no order leaves, also none that was sent before
    _moved: trio.Event = attrs.field(factory=trio.Event, init=False, repr=False)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        self._send(self.ledger.open_account(trio.current_time(), self.wall_ns()))
        task_status.started()
        while True:
            messages: list[TrackerMessage] = []
            with trio.move_on_at(self.ledger.due_s):
                try:
                    messages = await self.inbox.take()
                except trio.EndOfChannel:
                    return
            now_s = trio.current_time()
            for message in messages:
                self._send(self.ledger.handle(message, now_s, self.wall_ns()))
            self._send(self.ledger.tick(now_s, self.wall_ns()))
            self._moved.set()
            self._moved = trio.Event()

    async def wait_flat(self) -> None:
        """Wait until no order can match, and none is unknown."""
        while not self.ledger.flat:
            await self._moved.wait()

    async def wait_settled(self) -> None:
        """Wait until no question about any order is open."""
        while not self.ledger.settled:
            await self._moved.wait()

    async def wait_grounded(self) -> None:
        """Wait until money can prove what became of an order, where it has to."""
        while not self.ledger.grounded:
            await self._moved.wait()

    def _send(self, outs: Iterable[Out]) -> None:
        for out in outs:
            match out:
                case OrderChanged():
                    self._record(out)
                    self.changed(out)
                case AccountReady():
                    self.changed(out)
                case PlaceOrder():
                    self._intend(out)
                case CancelOrder() | CancelAll():
                    self.journal.write(CancelSent(venue=self.venue, command=out))
                    self.cancelling.put(out)
                case AskOrder() | AskHistory() | AskFills():
                    self.asking.put(out)
                case FundsWanted():
                    self.wake(About.FUNDS)
                case RestartWanted():
                    self.restarts.offer(out)  # one that waits says it all
                case _:
                    assert_never(out)

    def _record(self, moved: OrderChanged) -> None:
        entry = OrderMoved(
            venue=moved.venue,
            strategy=moved.strategy,
            order=moved.order,
            source=moved.source,
            as_of_ns=moved.as_of_ns,
        )
        self.journal.write(entry)

    def _intend(self, order: PlaceOrder) -> None:
        """Let an order leave once the journal holds it: a process that dies must not forget what it sent."""
        queued = Queued(order=order, at_s=trio.current_time())
        strategy = self.ledger.orders[order.client_order_id].strategy
        self.journal.write(
            OrderIntended(venue=self.venue, strategy=strategy, order=order, at_ns=self.wall_ns()),
            then=lambda: self._place(queued),
            failed=lambda reason: self._keep_back(order, reason),
        )

    def _place(self, queued: Queued) -> None:
        if self.halted():
            self._keep_back(queued.order, "halted")
        elif not self.placing.offer(queued):
            self._keep_back(queued.order, "queue full")

    def _keep_back(self, order: PlaceOrder, reason: str) -> None:
        """Tell the ledger that an order did not leave. One that was sent before is not known to be gone by that."""
        ids = (order.client_order_id,)
        self.inbox.put(PlacingLost(client_order_ids=ids, sent=False, reason=reason))
