"""How a run ends at one venue: everything cancelled, and what is then true read by REST."""

from collections.abc import Awaitable, Callable, Sequence

import attrs
import structlog
import trio

from actors.decisions.doubts import CLOCK_SKEW_S, younger
from actors.decisions.ledger import ABSENCE_MARGIN_S, OrderLedger
from actors.flatness import cancel_everything, cancel_one, prove_flat
from actors.funds import Funds
from actors.history import read_history, read_until_now
from actors.io.caller import Caller
from actors.mailbox import Mailbox
from actors.market import HEAL_GRACE_S
from actors.messages import NAMED, CancelEverything, FundsRead, SnapshotTaken, TrackerMessage
from actors.tracker import OrderTracker
from protocol.events import OrderReported, OrderStatus
from protocol.order import RESTABLE
from protocol.venue import Rest, Traits

log = structlog.get_logger()

STOP_S = 8.0  # of 10 s; the rest is for sockets to close and the process to end
FLATTEN_S = 5.0
SETTLE_S = 0.7  # for the images of our own cancels to come in before the books are compared
AGAIN_S = 0.2
LOOK_S = 0.5  # between looks at whether the venue has gone silent
EMERGENCY_LOOK_S = 3.0
AGAIN_FOR_S = 5.0
RESOLVED = (OrderStatus.SETTLED, OrderStatus.VOID)


@attrs.define(kw_only=True, repr=False)
class SafeStop:
    """Cancel everything, prove it, and read what the audit needs. `flat` is what was proved."""

    traits: Traits
    rest: Rest
    caller: Caller
    ledger: OrderLedger
    tracker: OrderTracker
    funds: Funds
    inbox: Mailbox[TrackerMessage]
    compare: Callable[[], Awaitable[Sequence[SnapshotTaken] | None]]  # every book with REST; `None` without a session
    wall_ns: Callable[[], int]  # the venue's clock
    reckon: Callable[[FundsRead], int | None]  # how far some money is from what it must be now
    started_s: float = 0.0
    flat: bool = attrs.field(default=False, init=False)
    logged_in: bool = attrs.field(default=False, init=False)  # when it began: without that, nothing was asked
    closing: FundsRead | None = attrs.field(default=None, init=False)
    orders: tuple[OrderReported, ...] | None = attrs.field(default=None, init=False)
    books: tuple[SnapshotTaken, ...] | None = attrs.field(default=None, init=False)
    gap_cents: int | None = attrs.field(default=None, init=False)  # how far the money is from what it must be
    _results_read: int = attrs.field(default=0, init=False)

    async def wind_down(self) -> None:
        """Cancel everything with the socket still up, then let REST prove it. Bounded.

        A request that a dead process sent may arrive for a while after the start: until then nothing can be proved.
        """
        deadline_s = self._deadline_s()
        if self.ledger.provable_s > trio.current_time():
            at_most_s = round(deadline_s - trio.current_time(), 1)
            log.warning("stop_waits_for_proof", venue=self.traits.venue, at_most_s=at_most_s)
        self.ledger.stop()
        self.caller.hurry()
        self.logged_in = self.caller.logged_in.is_set()
        if not self.logged_in:
            return
        self.inbox.put(CancelEverything())
        async with trio.open_nursery() as nursery:
            nursery.cancel_scope.deadline = deadline_s
            nursery.start_soon(self._give_up_when_silent, nursery.cancel_scope)
            await self._flatten()
            nursery.cancel_scope.cancel()

    async def _flatten(self) -> None:
        with trio.move_on_after(FLATTEN_S + self.traits.stop_more_s):
            await self.tracker.wait_flat()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._compare_books)
            await self._prove_flat()
            await self._read_account()

    async def read_again(self) -> None:
        """Read the account once more where a result came in since it was read. Bounded."""
        with trio.move_on_after(AGAIN_FOR_S):
            while self.closing is not None and self._results != self._results_read:
                await self._read_account()
        if self.closing is not None:
            self.gap_cents = self.reckon(self.closing)  # at once: a result that comes later is not in that money

    async def _read_account(self) -> None:
        """Read the money, then the orders, of which those that a result had reached by then say so."""
        self._results_read = self._results
        self.closing = await self.funds.read_all()
        self.orders = await self._read_orders()
        await self.tracker.wait_settled()

    @property
    def _results(self) -> int:
        """Return how many orders have a result: the money that it brought must be read after it."""
        return sum(each.order.status in RESOLVED for each in self.ledger.orders.values())

    async def _give_up_when_silent(self, stop: trio.CancelScope) -> None:
        """End the stop when the venue has not answered for long, and did not ask us to wait: nothing can be done."""
        began_s = trio.current_time()
        while True:
            now_s = trio.current_time()
            silent_s = max(began_s, self.caller.heard_s, self.caller.limit.held_until_s) + STOP_S
            if now_s >= silent_s and self.caller.lost_s > self.caller.heard_s:
                break
            await trio.sleep(max(silent_s - now_s, LOOK_S))
        log.error("venue_silent", venue=self.traits.venue)
        stop.cancel()

    async def emergency(self) -> None:
        """Cancel everything by REST alone, again and again: the actors that would do it are gone.

        What was on its way in when they went may arrive after a cancel, and for a while.
        """
        self.caller.hurry()
        self.logged_in = self.caller.logged_in.is_set()
        arrived_s = max(self.ledger.provable_s, trio.current_time() + ABSENCE_MARGIN_S)
        with trio.move_on_at(self._deadline_s()):
            while self.caller.logged_in.is_set() and not self.flat:
                await cancel_everything(self.caller.ask, self.rest, self._opened_ns(), self.wall_ns)
                resting = await self._cancel_known()
                with trio.move_on_after(EMERGENCY_LOOK_S):
                    await prove_flat(self.caller.ask, self.rest, self._opened_ns(), self.wall_ns)
                    self.flat = not resting and trio.current_time() >= arrived_s
        log.error("emergency_stop", venue=self.traits.venue, flat=self.flat)

    def _deadline_s(self) -> float:
        return max(trio.current_time() + self.traits.stop_more_s, self.ledger.provable_s) + STOP_S

    async def _cancel_known(self) -> bool:
        """Cancel and read every order that we know by the venue's id; tell whether one may still match.

        A list of unknown age may not show them yet.
        """
        resting = False
        for order in () if self.traits.cancels_all else self.ledger.live_orders():
            if order.venue_order_id is None:
                resting = True  # it may have arrived: no list is proof of the contrary
                continue
            await cancel_one(self.caller.ask, self.rest, order.venue_order_id)
            try:
                report = await self.caller.ask(self.rest.order(order.venue_order_id))
            except NAMED as error:
                log.warning("order_not_read", order=order.venue_order_id, reason=str(error))
                resting = True
            else:
                resting |= report.status in RESTABLE or report.status is None
        return resting

    async def _prove_flat(self) -> None:
        await prove_flat(self.caller.ask, self.rest, self._opened_ns(), self.wall_ns)
        await self.tracker.wait_flat()
        self.flat = True

    async def _read_orders(self) -> tuple[OrderReported, ...]:
        """Read every order of the run, for as long as the stop has time, and let the tracker learn from it.

        A copy that is older than this call may not know of a result that the money has already.
        """
        windows = await read_until_now(
            self._read_window, lambda _: self._opened_ns() // 10**9 - CLOCK_SKEW_S, self.wall_ns
        )
        return tuple([report for reports in windows for report in reports])

    async def _read_window(self, window: tuple[int, int], since_s: float) -> tuple[OrderReported, ...]:
        while True:
            try:
                page = await read_history(self.caller.ask, self.rest, *window)
            except NAMED as error:
                log.warning("orders_not_read", venue=self.traits.venue, reason=str(error))
            else:
                if younger(page, since_s, trio.current_time(), self.wall_ns()):
                    break
            await trio.sleep(AGAIN_S)
        for report in page.orders:
            self.inbox.put(report)
        return page.orders

    async def _compare_books(self) -> None:
        await trio.sleep(SETTLE_S)
        try:
            snapshots = await self.compare()
        except NAMED as error:
            log.warning("books_not_compared", venue=self.traits.venue, reason=str(error))
            return
        if snapshots is not None:
            await trio.sleep(HEAL_GRACE_S + 0.2)
            self.books = tuple(snapshots)

    def _opened_ns(self) -> int:
        """Return when the run began, by the venue's clock."""
        return self.wall_ns() - int((trio.current_time() - self.started_s) * 1e9)
