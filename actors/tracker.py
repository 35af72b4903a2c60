"""The single owner of orders."""

from collections.abc import Callable, Iterable
from typing import assert_never

import attrs
import trio

from actors.decisions.ledger import OrderLedger, Out
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
    wall_ns: Callable[[], int]
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

    def _send(self, outs: Iterable[Out]) -> None:
        for out in outs:
            match out:
                case OrderChanged() | AccountReady():
                    self.changed(out)
                case PlaceOrder():
                    self._place(out)
                case CancelOrder() | CancelAll():
                    self.cancelling.put(out)
                case AskOrder() | AskHistory() | AskFills():
                    self.asking.put(out)
                case FundsWanted():
                    self.wake(About.FUNDS)
                case RestartWanted():
                    self.restarts.offer(out)  # one that waits says it all
                case _:
                    assert_never(out)

    def _place(self, order: PlaceOrder) -> None:
        if not self.placing.offer(Queued(order=order, at_s=trio.current_time())):
            lost = PlacingLost(
                client_order_ids=(order.client_order_id,), wall_ns=self.wall_ns(), sent=False, reason="queue full"
            )
            self.inbox.put(lost)
