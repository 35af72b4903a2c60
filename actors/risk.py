"""The single owner of exposure, limits and the kill switch."""

from collections.abc import Callable, Mapping
from typing import assert_never

import attrs
import structlog
import trio

from actors.decisions.guard import DAY_S, Guard
from actors.entries import Latch
from actors.journal import Journal
from actors.mailbox import Mailbox, Newest
from actors.messages import (
    AccountReady,
    CancelEverything,
    CancelIntent,
    CancelWanted,
    DenialReason,
    FundsRead,
    Halt,
    Intent,
    IntentDenied,
    Kill,
    MarketView,
    OrderChanged,
    RequestsHeld,
    RiskMessage,
    SessionLost,
    SessionReady,
    TrackerMessage,
)
from protocol.events import About, OrderStatus
from protocol.ids import BookKey, VenueName
from protocol.order import Order

log = structlog.get_logger()


@attrs.define(kw_only=True)
class Risk:
    """Let orders through, or deny them with a reason. No order leaves by another way."""

    inbox: Mailbox[RiskMessage]
    views: Newest[BookKey, MarketView]
    allowed: Mapping[VenueName, Mailbox[TrackerMessage]]
    denied: Callable[[str, IntentDenied], None]
    guard: Guard
    journal: Journal
    wake: Callable[[VenueName, About], None]
    wall_ns: Callable[[], int]

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        while True:
            try:
                messages = await self.inbox.take()
            except trio.EndOfChannel:
                return
            for view in self.views.take_nowait().values():
                self.guard.view(view)
            now_s, day = trio.current_time(), self.wall_ns() // 10**9 // DAY_S
            for message in messages:
                self._handle(message, now_s, day)
                for note in self.guard.take_notes():
                    self.journal.write(note)

    def _handle(self, message: RiskMessage, now_s: float, day: int) -> None:
        match message:
            case Intent():
                self._judge(message, now_s, day)
            case CancelIntent(client_order_id=client_order_id, key=key):
                for inbox in self._inboxes(key):
                    inbox.put(CancelWanted(client_order_id))
            case OrderChanged(order=order, venue=venue):
                self.guard.change(order, venue, now_s, day)
                self._look_again(order, venue)
            case Halt(reason=reason):
                self.guard.latch(Latch.HALT, reason)
            case Kill(reason=reason):
                self.guard.latch(Latch.KILL, reason)
                for inbox in self.allowed.values():
                    inbox.put(CancelEverything())
            case AccountReady(venue=venue):
                self.guard.standings[venue].ready = True
            case FundsRead():
                self.guard.funds(message)
            case RequestsHeld(venue=venue, until_s=until_s):
                standing = self.guard.standings[venue]
                standing.held_until_s = max(standing.held_until_s, until_s)
            case SessionReady(venue=venue, epoch=epoch):
                self.guard.standings[venue].epoch = epoch
            case SessionLost(venue=venue):
                self.guard.standings[venue].epoch = None
            case _:
                assert_never(message)

    def _inboxes(self, key: BookKey) -> list[Mailbox[TrackerMessage]]:
        """Return who may hold the orders of a book: everybody, for one that was never seen."""
        view = self.guard.views.get(key)
        return list(self.allowed.values()) if view is None else [self.allowed[view.terms.venue]]

    def _look_again(self, order: Order, venue: VenueName) -> None:
        """Have a market's state read when it refused an order, and the venue does not say why."""
        if order.status is OrderStatus.REJECTED and not self.guard.standings[venue].traits.refusals_explained:
            self.wake(venue, About.MARKET)

    def _judge(self, intent: Intent, now_s: float, day: int) -> None:
        reason = self.guard.check(intent, now_s, day)
        if reason is None and not self.allowed[self.guard.views[intent.order.key].terms.venue].offer(intent):
            self.guard.release(intent.order, now_s, day)
            reason = DenialReason.QUEUE_FULL
        if reason is not None:
            log.info("intent_denied", order=intent.order.client_order_id, reason=reason.value)
            denial = IntentDenied(client_order_id=intent.order.client_order_id, key=intent.order.key, reason=reason)
            self.denied(intent.strategy, denial)
