"""The single owner of exposure, limits and the kill switch."""

from collections.abc import Callable
from typing import assert_never

import attrs
import structlog
import trio

from actors.decisions.guard import DAY_S, Guard
from actors.mailbox import Mailbox, Newest
from actors.messages import (
    AccountReady,
    CancelEverything,
    CancelIntent,
    CancelWanted,
    DenialReason,
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
from protocol.ids import BookKey

log = structlog.get_logger()


@attrs.define(kw_only=True)
class Risk:
    """Let orders through, or deny them with a reason. No order leaves by another way."""

    inbox: Mailbox[RiskMessage]
    views: Newest[BookKey, MarketView]
    allowed: Mailbox[TrackerMessage]
    denied: Callable[[str, IntentDenied], None]
    guard: Guard
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

    def _handle(self, message: RiskMessage, now_s: float, day: int) -> None:
        match message:
            case Intent():
                self._judge(message, now_s, day)
            case CancelIntent(client_order_id=client_order_id):
                self.allowed.put(CancelWanted(client_order_id))
            case OrderChanged(order=order):
                self.guard.change(order, now_s, day)
            case Halt():
                self.halt()
            case Kill():
                self.halt()
                self.allowed.put(CancelEverything())
            case AccountReady():
                self.guard.ready = True
            case RequestsHeld(until_s=until_s):
                self.guard.held_until_s = max(self.guard.held_until_s, until_s)
            case SessionReady(epoch=epoch):
                self.guard.epoch = epoch
            case SessionLost():
                self.guard.epoch = None
            case _:
                assert_never(message)

    def halt(self) -> None:
        """Let no new order leave, from this moment on."""
        if not self.guard.halted:
            log.warning("halted")
        self.guard.halted = True

    def _judge(self, intent: Intent, now_s: float, day: int) -> None:
        reason = self.guard.check(intent, now_s, day)
        if reason is None and not self.allowed.offer(intent):
            self.guard.release(intent.order, now_s, day)
            reason = DenialReason.QUEUE_FULL
        if reason is not None:
            log.info("intent_denied", order=intent.order.client_order_id, reason=reason.value)
            denial = IntentDenied(client_order_id=intent.order.client_order_id, key=intent.order.key, reason=reason)
            self.denied(intent.strategy, denial)
