"""What to do about every order, decided without waiting."""

import math
from collections.abc import Iterator
from typing import assert_never

import attrs
import structlog

from actors.decisions.doubts import Doubts
from actors.decisions.exactness import InexactFills
from actors.messages import (
    AccountReady,
    AnswerLost,
    AskHistory,
    AskOrder,
    CancelAnswered,
    CancelEverything,
    CancelWanted,
    CancelWork,
    FillsRead,
    HistoryRead,
    Intent,
    OrderChanged,
    OrderRead,
    OrdersDoubted,
    PlacingAnswered,
    PlacingLost,
    PlacingStarted,
    Question,
    RestartWanted,
    SessionLost,
    SessionReady,
    TrackerMessage,
)
from actors.tally import Tally
from protocol.commands import CancelAll, CancelOrder, PlaceOrder
from protocol.errors import RETRY_SOON_S, Policy, RemoteProtocolError, VenueError
from protocol.events import OrderReported, OrderStatus
from protocol.ids import ClientOrderId, ClientOrderIds, VenueOrderId
from protocol.order import NAMELESS, UNPROVED, Order
from protocol.venue import FillPage, OrderPage, Show

log = structlog.get_logger()

ASK_AGAIN_S = 1.0  # between two questions about one order, growing with each
MAX_ASK_AGAIN_S = 10.0
CONFIRM_S = 1.0  # an accepted cancel is confirmed on the private channel; after this, ask
CANCEL_AGAIN_S = 5.0  # a cancel whose answer has not come back at all
ABSENCE_MARGIN_NS = 2_000_000_000  # a copy this much younger than the request proves that it never arrived
UNPROVED_LOOKS = 3  # histories that cannot prove absence, before the same id is sent again
WINDOW_MARGIN_S = 15  # how much of a window's beginning proves nothing, for clocks that differ
MAX_RESENDS = 5
ASKED_ONE_BY_ONE = 2  # orders at once; the venue answers about one such question a second


Out = OrderChanged | PlaceOrder | CancelWork | Question | RestartWanted | AccountReady


@attrs.define(kw_only=True)
class Tracked:
    """An order, and what is due about it. Times are trio's; `inf` means nothing is."""

    order: Order
    strategy: str
    command: PlaceOrder | None  # None for an order of the account that this process did not place
    sent_ns: int = 0
    overdue_at_s: float = math.inf  # the activation deadline
    ask_at_s: float = math.inf
    cancel_at_s: float = math.inf
    cancelling: bool = False  # a cancel is under way
    resend_at_s: float = math.inf
    gave_up_ns: int = 0  # when the last request to place it ended without an answer
    arrived: bool = False  # proved to have reached the venue
    asked: int = 0
    looks: int = 0
    resends: int = 0

    @property
    def due_s(self) -> float:
        return min(self.overdue_at_s, self.ask_at_s, self.cancel_at_s, self.resend_at_s)


@attrs.define(kw_only=True)
class OrderLedger:
    """Hold every order and decide what to send: messages and time in, messages out.

    An order whose fate is not known keeps its whole stake reserved until there is proof. A request without an answer is
    looked up in the order history by its client id; absence counts only when the copy that was read is younger than the
    request. Where the venue does not say how old the copy is, the same id is sent again: it can exist once at most.
    """

    ids: ClientOrderIds
    activation_timeout_s: float
    tally: Tally
    orders: dict[ClientOrderId, Tracked] = attrs.field(factory=dict)
    doubts: Doubts = attrs.field(factory=Doubts)
    stopping: bool = False  # for good: nothing that could rest is sent again
    _live: dict[ClientOrderId, Tracked] = attrs.field(factory=dict)
    _by_venue_id: dict[VenueOrderId, ClientOrderId] = attrs.field(factory=dict)
    _up: bool = False  # the private channel is
    _whole_ns: int = 0  # when it was last known to be
    _restart_asked: bool = False
    _opened: bool = False
    _orders_asked: set[VenueOrderId] = attrs.field(factory=set)  # questions that are under way
    _ages_known: bool = True  # the last history said how old its copy was
    _inexact: InexactFills = attrs.field(factory=InexactFills)

    # --- what it knows ---

    @property
    def flat(self) -> bool:
        """Tell whether nothing can match any more, and nothing is unknown."""
        return not self._live

    @property
    def settled(self) -> bool:
        """Tell whether no question is open."""
        return self.flat and not self.doubts.open and not self._inexact.open

    @property
    def due_s(self) -> float:
        """Return when `tick` wants to be called next."""
        soonest = min((tracked.due_s for tracked in self._live.values()), default=math.inf)
        history_s = math.inf if self.doubts.asked else self.doubts.ask_at_s
        return min(soonest, history_s, self._inexact.due_s)

    # --- what it hears ---

    def handle(self, message: TrackerMessage, now_s: float, wall_ns: int) -> Iterator[Out]:
        """Take one message and yield what to send."""
        match message:
            case Intent():
                yield from self._place(message)
            case CancelWanted(client_order_id=client_order_id):
                if client_order_id in self._live:
                    yield from self._want_cancel(self._live[client_order_id], now_s)
            case CancelEverything():
                self.stopping = True
                yield from self._cancel_everything(now_s)
            case OrderReported():
                yield from self._report(message, now_s)
            case OrdersDoubted(reason=reason):
                log.warning("orders_doubted", reason=reason)
                self.doubts.missed(wall_ns, now_s, wall_ns)
            case SessionReady():
                self._up, self._restart_asked = True, False
                if self._whole_ns:
                    self.doubts.missed(self._whole_ns, now_s, wall_ns)
            case SessionLost():
                if self._up:  # not for one that never opened: the gap goes on
                    self._up, self._whole_ns = False, wall_ns
                if not self.flat:
                    yield from self._cancel_everything(now_s)
            case PlacingStarted():
                self._placing_started(message)
            case PlacingAnswered():
                yield from self._placing_answered(message, now_s, wall_ns)
            case PlacingLost():
                yield from self._placing_lost(message, now_s)
            case CancelAnswered():
                yield from self._cancel_answered(message, now_s, wall_ns)
            case OrderRead():
                yield from self._order_read(message, now_s)
            case HistoryRead():
                yield from self._history_read(message, now_s)
            case FillsRead(result=result):
                yield from self._fills_read(result, now_s)
            case _:
                assert_never(message)

    def open_account(self, now_s: float, wall_ns: int) -> Iterator[Out]:
        """Cancel whatever rests from before this run, and read what the account holds."""
        self.doubts.start(now_s, wall_ns)
        yield CancelAll()

    def live_orders(self) -> list[Order]:
        """Return the orders that can still match."""
        return [tracked.order for tracked in self._live.values()]

    def tick(self, now_s: float, wall_ns: int) -> Iterator[Out]:
        """Yield what has become due."""
        due = [each for each in self._live.values() if each.due_s <= now_s]
        for tracked in due:
            if tracked.overdue_at_s <= now_s:
                yield from self._overdue(tracked, now_s)
            if tracked.cancel_at_s <= now_s:
                yield from self._cancel(tracked, now_s)
            if tracked.resend_at_s <= now_s:
                yield from self._resend(tracked)
        yield from self._ask([each for each in due if each.ask_at_s <= now_s], now_s, wall_ns)
        question = self.doubts.question(now_s, wall_ns)
        if question is not None:
            yield question
        fills = self._inexact.question(now_s)
        if fills is not None:
            yield fills

    # --- placing ---

    def _place(self, intent: Intent) -> Iterator[Out]:
        order = Order.placed(intent.order)
        assert order.client_order_id not in self.orders, "Risk lets no id pass twice"
        tracked = Tracked(order=order, strategy=intent.strategy, command=intent.order)
        self.orders[order.client_order_id] = self._live[order.client_order_id] = tracked
        self.tally.sent += 1
        yield intent.order

    def _placing_started(self, message: PlacingStarted) -> None:
        for client_order_id in message.client_order_ids:
            tracked = self.orders[client_order_id]
            if not tracked.sent_ns:
                tracked.sent_ns = message.wall_ns
                tracked.overdue_at_s = message.at_s + self.activation_timeout_s

    def _placing_answered(self, message: PlacingAnswered, now_s: float, wall_ns: int) -> Iterator[Out]:
        tracked = self.orders[message.client_order_id]
        if isinstance(message.result, OrderReported):
            yield from self._merge(tracked, message.result, now_s)
            return
        error = message.result
        if tracked.gave_up_ns and error.policy is not Policy.ALREADY_EXISTS:
            yield from self._lose(tracked, error.code, now_s, wall_ns)  # it says nothing about the attempt before
            return
        match error.policy:
            case Policy.OUTCOME_UNKNOWN:
                yield from self._lose(tracked, error.code, now_s, wall_ns)
            case Policy.ALREADY_EXISTS:
                tracked.arrived = True
                yield from self._lose(tracked, error.code, now_s, wall_ns)
            case Policy.RETRY_SOON if self._may_resend(tracked) and not tracked.order.cancel_wanted:
                tracked.resend_at_s = now_s + RETRY_SOON_S
            case Policy.RETRY_SOON:
                yield from self._lose(tracked, error.code, now_s, wall_ns)  # "is placing": perhaps it is
            case _:
                yield from self._change(tracked, tracked.order.move(OrderStatus.REJECTED, error.code), now_s)

    def _placing_lost(self, message: PlacingLost, now_s: float) -> Iterator[Out]:
        for client_order_id in message.client_order_ids:
            tracked = self.orders[client_order_id]
            yield from self._lose(tracked, message.reason, now_s, message.wall_ns)
            if not message.sent and not tracked.arrived and not tracked.resends:
                yield from self._change(tracked, tracked.order.move(OrderStatus.ABSENT, message.reason), now_s)

    def _lose(self, tracked: Tracked, reason: str, now_s: float, wall_ns: int) -> Iterator[Out]:
        log.warning("order_outcome_unknown", order=tracked.order.client_order_id, reason=reason)
        tracked.gave_up_ns = wall_ns
        tracked.ask_at_s = min(tracked.ask_at_s, now_s)
        yield from self._change(tracked, tracked.order.move(OrderStatus.UNKNOWN, reason), now_s)

    def _may_resend(self, tracked: Tracked) -> bool:
        """Tell whether the same id may go out once more: as an order, or as the only proof of whether it exists."""
        return tracked.command is not None and not self.stopping and tracked.resends < MAX_RESENDS

    def _resend(self, tracked: Tracked) -> Iterator[Out]:
        assert tracked.command is not None, "only what this process placed is sent again"
        tracked.resend_at_s = math.inf
        tracked.resends += 1
        tracked.looks = 0
        yield tracked.command

    def _overdue(self, tracked: Tracked, now_s: float) -> Iterator[Out]:
        """Act on an activation that never came: the session may be deaf, and the order's fate is asked for."""
        tracked.overdue_at_s = math.inf
        tracked.ask_at_s = min(tracked.ask_at_s, now_s)
        log.warning("activation_overdue", order=tracked.order.client_order_id)
        if self._up and not self._restart_asked:
            self._restart_asked = True  # one restart, however many orders wait
            yield RestartWanted(f"no activation of {tracked.order.client_order_id}")

    # --- cancelling ---

    def _want_cancel(self, tracked: Tracked, now_s: float) -> Iterator[Out]:
        if not tracked.order.cancel_wanted:
            tracked.cancel_at_s = now_s
            yield from self._change(tracked, attrs.evolve(tracked.order, cancel_wanted=True), now_s)

    def _cancel_everything(self, now_s: float) -> Iterator[Out]:
        yield CancelAll()
        for tracked in list(self._live.values()):
            yield from self._want_cancel(tracked, now_s)
            tracked.cancel_at_s = now_s + CONFIRM_S  # one by one, for what the wide net did not catch

    def _cancel(self, tracked: Tracked, now_s: float) -> Iterator[Out]:
        order = tracked.order
        if order.venue_order_id is None:
            tracked.cancel_at_s = math.inf  # it cannot be named yet; due as soon as it can
            return
        tracked.cancel_at_s = now_s + CANCEL_AGAIN_S
        if order.client_order_id.startswith(NAMELESS):
            yield CancelAll()  # the venue wants both names, and this one has no name of ours
        elif not tracked.cancelling:
            tracked.cancelling = True
            yield CancelOrder(client_order_id=order.client_order_id, venue_order_id=order.venue_order_id)

    def _cancel_answered(self, message: CancelAnswered, now_s: float, wall_ns: int) -> Iterator[Out]:
        if not isinstance(message.command, CancelOrder):
            if not self.flat:
                self.doubts.missed(wall_ns, now_s, wall_ns)
            return
        tracked = self._live.get(message.command.client_order_id)
        if tracked is None:
            return
        tracked.cancelling = False
        match message.result:
            case OrderReported():
                yield from self._merge(tracked, message.result, now_s)
            case None:
                tracked.cancel_at_s = math.inf  # it cannot be matched any more; the private channel says how much was
                tracked.ask_at_s = now_s + CONFIRM_S
            case VenueError(policy=Policy.ALREADY_GONE | Policy.TERMINAL):
                tracked.ask_at_s = now_s  # only the order's own state proves that it is gone
            case VenueError() | AnswerLost():
                tracked.cancel_at_s = now_s + RETRY_SOON_S

    # --- asking ---

    def _ask(self, due: list[Tracked], now_s: float, wall_ns: int) -> Iterator[Out]:
        """Ask what became of some orders: of a few by their ids, of many by one look at the history."""
        named: dict[VenueOrderId, Tracked] = {}
        for tracked in due:
            tracked.asked += 1
            tracked.ask_at_s = now_s + min(ASK_AGAIN_S * tracked.asked, MAX_ASK_AGAIN_S)
            if tracked.order.venue_order_id is None:
                self.doubts.lost(tracked.sent_ns, now_s)
            elif tracked.order.venue_order_id not in self._orders_asked:
                named[tracked.order.venue_order_id] = tracked
        room = ASKED_ONE_BY_ONE - len(self._orders_asked)
        for venue_order_id in list(named)[:room]:
            self._orders_asked.add(venue_order_id)
            yield AskOrder(venue_order_id)
        waiting = list(named.values())[room:]
        if waiting and self._ages_known:
            self.doubts.missed(wall_ns, now_s, wall_ns)
        for tracked in () if self._ages_known else waiting:  # the history would prove nothing: two at a time
            tracked.asked -= 1
            tracked.ask_at_s = now_s + ASK_AGAIN_S

    def _order_read(self, message: OrderRead, now_s: float) -> Iterator[Out]:
        self._orders_asked.discard(message.venue_order_id)
        tracked = self._live.get(self._by_venue_id.get(message.venue_order_id, ClientOrderId("")))
        if tracked is None or not isinstance(message.result, OrderReported):
            return  # asked again when due
        yield from self._merge(tracked, message.result, now_s)
        if tracked.order.status is OrderStatus.OPEN:
            tracked.ask_at_s = math.inf
            if tracked.order.cancel_wanted:
                tracked.cancel_at_s = min(tracked.cancel_at_s, now_s + RETRY_SOON_S)

    def _history_read(self, message: HistoryRead, now_s: float) -> Iterator[Out]:
        result = message.result
        if not isinstance(result, OrderPage):
            self.doubts.unanswered(now_s)
            return
        gap = self.doubts.gap_ns
        self._ages_known = result.synced_at_ns is not None
        for report in result.orders:
            yield from self._report(report, now_s)
        yield from self._prove_absence(message.question, result, now_s)
        self._opened |= self.doubts.answered(result, now_s)
        if gap is not None and self.doubts.gap_ns is None and result.synced_at_ns is None:
            for tracked in self._live.values():  # a copy of unknown age: ask for each order itself
                tracked.ask_at_s = min(tracked.ask_at_s, now_s)
        yield from self._account_ready()

    def _prove_absence(self, asked: AskHistory, page: OrderPage, now_s: float) -> Iterator[Out]:
        since_ns = (asked.from_s + WINDOW_MARGIN_S) * 10**9
        unknown = [each for each in self._live.values() if each.order.status is OrderStatus.UNKNOWN]
        for tracked in unknown if asked.show == (Show.ALL,) else ():
            if tracked.sent_ns < since_ns:  # it could not be in this window
                continue
            if page.synced_at_ns is None:
                tracked.looks += 1
                if tracked.looks >= UNPROVED_LOOKS and not tracked.arrived and self._may_resend(tracked):
                    yield from self._resend(tracked)
            elif page.synced_at_ns >= tracked.gave_up_ns + ABSENCE_MARGIN_NS and not tracked.arrived:
                yield from self._change(tracked, tracked.order.move(OrderStatus.ABSENT, "never arrived"), now_s)

    def _account_ready(self) -> Iterator[Out]:
        foreign = any(tracked.command is None for tracked in self._live.values())
        if self._opened and not foreign:
            self._opened = False
            yield AccountReady()

    def _fills_read(self, result: FillPage | VenueError | AnswerLost, now_s: float) -> Iterator[Out]:
        for venue_order_id, fills in self._inexact.answered(result, now_s).items():
            tracked = self.orders.get(self._by_venue_id.get(venue_order_id, ClientOrderId("")))
            if tracked is not None:
                yield from self._change(tracked, tracked.order.with_fills(fills), now_s)

    # --- reports ---

    def _report(self, report: OrderReported, now_s: float) -> Iterator[Out]:
        known = self._by_venue_id.get(report.venue_order_id, report.client_order_id)
        tracked = None if known is None else self.orders.get(known)
        if tracked is None:
            yield from self._adopt(report, now_s)
        else:
            yield from self._merge(tracked, report, now_s)

    def _adopt(self, report: OrderReported, now_s: float) -> Iterator[Out]:
        """Take over an order that this process did not place: count what it staked, and let nothing of it rest."""
        order = Order.adopted(report)
        if not order.can_match and not order.staked_cents:
            return
        log.warning("foreign_order", order=report.venue_order_id, status=order.status.value)
        tracked = Tracked(order=order, strategy="", command=None, arrived=True)
        self.orders[order.client_order_id] = tracked
        self._by_venue_id[report.venue_order_id] = order.client_order_id
        yield OrderChanged(order=order, strategy="")
        if order.can_match:
            self._live[order.client_order_id] = tracked
            yield from self._want_cancel(tracked, now_s)

    def _merge(self, tracked: Tracked, report: OrderReported, now_s: float) -> Iterator[Out]:
        try:
            order = tracked.order.reported(report)
        except RemoteProtocolError as error:
            log.error("order_report_refused", order=tracked.order.client_order_id, reason=str(error))
            self.tally.unreadable += 1
            return
        tracked.arrived = True
        yield from self._forget_twin(report.venue_order_id, order.client_order_id)
        self._by_venue_id[report.venue_order_id] = order.client_order_id
        if order.status in UNPROVED:
            order = order.move(OrderStatus.PENDING)  # a word that we do not know: it exists, no more is proved
        yield from self._change(tracked, order, now_s)

    def _forget_twin(self, venue_order_id: VenueOrderId, client_order_id: ClientOrderId) -> Iterator[Out]:
        """Drop an order that was taken for a foreign one before its name was known to be ours."""
        name = self._by_venue_id.get(venue_order_id, client_order_id)
        if name != client_order_id:
            twin = self.orders.pop(name)
            self._live.pop(name, None)
            yield OrderChanged(order=attrs.evolve(twin.order, status=OrderStatus.ABSENT), strategy="")

    def _change(self, tracked: Tracked, order: Order, now_s: float) -> Iterator[Out]:
        if self.stopping and order.can_match and not order.cancel_wanted:
            order = attrs.evolve(order, cancel_wanted=True)  # it came back while everything goes
            tracked.cancel_at_s = now_s
        before, tracked.order = tracked.order, order
        if self.ids.owns(order.client_order_id):
            self.tally.count(before, order)
        self._set_due(tracked, before, now_s)
        if order != before:
            yield OrderChanged(order=order, strategy=tracked.strategy)
        if tracked.command is None:
            yield from self._account_ready()

    def _set_due(self, tracked: Tracked, before: Order, now_s: float) -> None:
        order = tracked.order
        if not order.can_match:
            tracked.overdue_at_s = tracked.ask_at_s = tracked.cancel_at_s = tracked.resend_at_s = math.inf
            self._live.pop(order.client_order_id, None)
            self._check_fills(order, now_s)
            return
        self._live[order.client_order_id] = tracked
        if order.status is OrderStatus.OPEN:
            tracked.overdue_at_s = math.inf
        if before.status is OrderStatus.UNKNOWN and order.status is not OrderStatus.UNKNOWN:
            tracked.ask_at_s = math.inf
        if order.cancel_wanted and before.venue_order_id is None and order.venue_order_id is not None:
            tracked.cancel_at_s = now_s
        if order.status is OrderStatus.PENDING and tracked.overdue_at_s == tracked.ask_at_s == math.inf:
            tracked.ask_at_s = now_s + ASK_AGAIN_S  # found after its deadline, when nothing else would ask

    def _check_fills(self, order: Order, now_s: float) -> None:
        if order.venue_order_id is None:
            return
        if order.fills_exact:
            self._inexact.settle(order.venue_order_id)
        else:
            self._inexact.want(order.venue_order_id, now_s)
