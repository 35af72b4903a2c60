"""What to do about every order, decided without waiting."""

import math
from collections.abc import Iterator
from typing import assert_never

import attrs
import structlog

from actors.decisions.absence import MoneyTrail
from actors.decisions.claims import claim
from actors.decisions.doubts import Doubts
from actors.decisions.early import EarlyNews
from actors.decisions.exactness import InexactFills
from actors.decisions.results import decided
from actors.decisions.tracked import Tracked, priced
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
    FundsRead,
    FundsWanted,
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
from protocol.commands import CancelAll, CancelOrder, PlaceOrder, TimeInForce
from protocol.errors import RETRY_SOON_S, Policy, RemoteProtocolError, VenueError
from protocol.events import Hinted, MarketSettled, OrderReported, OrderStatus
from protocol.ids import ClientOrderId, ClientOrderIds, EventId, SelectionId, VenueOrderId
from protocol.order import NAMELESS, UNPROVED, Order
from protocol.venue import FillPage, OrderPage, Query, Show, Traits

log = structlog.get_logger()

ASK_AGAIN_S = 1.0  # between two questions about one order, growing with each
MAX_ASK_AGAIN_S = 10.0
CONFIRM_S = 1.0  # an accepted cancel is confirmed on the private channel; after this, ask
KILL_S = 2.0  # how long an order that shall not rest may, where the venue does not see to it
CANCEL_AGAIN_S = 5.0  # a cancel whose answer has not come back at all
ABSENCE_MARGIN_NS = 2_000_000_000  # a copy this much younger than the request proves that it never arrived
UNPROVED_LOOKS = 3  # histories that cannot prove absence, before the same id is sent again
WINDOW_MARGIN_S = 15  # how much of a window's beginning proves nothing, for clocks that differ
MAX_RESENDS = 5
ASKED_ONE_BY_ONE = 2  # orders at once; the venue answers about one such question a second
MAX_HINTED = 50


Out = OrderChanged | PlaceOrder | CancelWork | Question | RestartWanted | AccountReady | FundsWanted


@attrs.define(kw_only=True)
class OrderLedger:
    """Hold every order and decide what to send: messages and time in, messages out.

    An order whose fate is not known keeps its whole stake reserved until there is proof. A request without an answer is
    looked up in the order history. Where orders have names, it is found by its client id; absence counts only when the
    copy that was read is younger than the request, and where the venue does not say how old the copy is, the same id is
    sent again: it can exist once at most. Where they have none, it is found by what it looks like, is never sent again,
    and is absent when no list has shown it for long, and the account's money says so too.
    """

    traits: Traits
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
    _trail: MoneyTrail = attrs.field(
        default=attrs.Factory(lambda self: MoneyTrail(fee_bp=self.traits.sale_fee_bp), takes_self=True)
    )
    _calm_s: float = math.inf  # since when nothing is unknown or under way
    _strangers: set[VenueOrderId] = attrs.field(factory=set)  # ended orders of the account that are not ours
    _early: EarlyNews = attrs.field(factory=EarlyNews)
    _winners: dict[EventId, frozenset[SelectionId]] = attrs.field(factory=dict)
    _poll_at_s: float = math.inf
    _gap_ends_s: float = math.inf  # when the socket has been gone for longer than is tolerated

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
        return min(soonest, history_s, self._inexact.due_s, self._poll_at_s, self._gap_ends_s)

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
            case Hinted():
                yield from self._hinted(message, now_s, wall_ns)
            case MarketSettled():
                yield from self._settled(message, now_s)
            case FundsRead():
                calm = self._calm_s <= message.asked_at_s
                self._trail.read(message, [each.order for each in self.orders.values()], calm=calm)
            case SessionReady():
                self._up, self._restart_asked = True, False
                self._gap_ends_s = math.inf
                if self._whole_ns:
                    self.doubts.missed(self._whole_ns, now_s, wall_ns)
            case SessionLost():
                if self._up:  # not for one that never opened: the gap goes on
                    self._up, self._whole_ns = False, wall_ns
                if not self.flat and not self.traits.gap_tolerated_s:
                    yield from self._cancel_everything(now_s)
                elif self.traits.gap_tolerated_s and self._gap_ends_s == math.inf:
                    self._gap_ends_s = now_s + self.traits.gap_tolerated_s
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
        self._poll_at_s = now_s + self.traits.polls[Query.ORDERS].every_s
        if self.traits.cancels_all:
            yield CancelAll()

    def live_orders(self) -> list[Order]:
        """Return the orders that can still match."""
        return [tracked.order for tracked in self._live.values()]

    def tick(self, now_s: float, wall_ns: int) -> Iterator[Out]:
        """Yield what has become due."""
        if self._poll_at_s <= now_s:
            self._poll_at_s = now_s + self.traits.polls[Query.ORDERS].every_s
            if not self.flat:
                self.doubts.missed(wall_ns, now_s, wall_ns)
        if self._gap_ends_s <= now_s:
            self._gap_ends_s = math.inf
            yield from self._cancel_everything(now_s)
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
        self._note_calm(now_s)

    def _note_calm(self, now_s: float) -> None:
        """Note since when nothing is unknown or under way: only such a moment says what the account has without it."""
        busy = (
            self.doubts.open
            or self._orders_asked
            or any(each.order.status in UNPROVED or each.order.cancel_wanted for each in self._live.values())
        )
        self._calm_s = math.inf if busy else min(self._calm_s, now_s)

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
            yield from self._hear_early(tracked, now_s)
            if tracked.order.time_in_force is TimeInForce.FILL_OR_KILL and not self.traits.times_in_force:
                tracked.cancel_at_s = min(tracked.cancel_at_s, now_s + KILL_S)  # by ourselves, so not in one step
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
        tracked.gave_up_s = now_s
        tracked.ask_at_s = min(tracked.ask_at_s, now_s)
        yield from self._change(tracked, tracked.order.move(OrderStatus.UNKNOWN, reason), now_s)

    def _may_resend(self, tracked: Tracked) -> bool:
        """Tell whether the same id may go out once more: as an order, or as the only proof of whether it exists."""
        named = self.traits.orders_named and tracked.command is not None
        return named and not self.stopping and tracked.resends < MAX_RESENDS

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
        if self._up and self.traits.orders_pushed and not self._restart_asked:
            self._restart_asked = True  # one restart, however many orders wait
            yield RestartWanted(f"no activation of {tracked.order.client_order_id}")

    # --- cancelling ---

    def _want_cancel(self, tracked: Tracked, now_s: float) -> Iterator[Out]:
        if not tracked.order.cancel_wanted:
            tracked.cancel_at_s = now_s
            yield from self._change(tracked, attrs.evolve(tracked.order, cancel_wanted=True), now_s)

    def _cancel_everything(self, now_s: float) -> Iterator[Out]:
        if self.traits.cancels_all:
            yield CancelAll()
        for tracked in list(self._live.values()):
            yield from self._want_cancel(tracked, now_s)
            if self.traits.cancels_all:
                tracked.cancel_at_s = now_s + CONFIRM_S  # one by one, for what the wide net did not catch

    def _cancel(self, tracked: Tracked, now_s: float) -> Iterator[Out]:
        order = tracked.order
        if order.venue_order_id is None:
            tracked.cancel_at_s = math.inf  # it cannot be named yet; due as soon as it can
            return
        tracked.cancel_at_s = now_s + CANCEL_AGAIN_S
        if self.traits.orders_named and order.client_order_id.startswith(NAMELESS):
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
            case OrderReported() | None if self.traits.cancel_settles_s:
                tracked.cancel_at_s = math.inf
                tracked.ask_at_s = tracked.settles_at_s = now_s + self.traits.cancel_settles_s
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
        if not isinstance(message.result, OrderReported):
            return  # asked again when due
        name = self._by_venue_id.get(message.venue_order_id)
        if name is None:
            if not self.traits.orders_named:
                yield from self._claim((message.result,), now_s)
            return
        tracked = self.orders[name]
        yield from self._merge(tracked, message.result, now_s)
        if tracked.order.status is OrderStatus.OPEN and now_s >= tracked.settles_at_s:
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
        if self.traits.orders_named:
            for report in result.orders:
                yield from self._report(report, now_s)
            yield from self._prove_absence(message.question, result, now_s)
            self._opened |= self.doubts.answered(result, now_s)
        else:
            self._opened |= self.doubts.answered(result, now_s)  # first, as the list may leave a doubt of its own
            yield from self._list_read(result, now_s)
        if gap is not None and self.doubts.gap_ns is None and result.synced_at_ns is None:
            listed = () if self.traits.orders_named else {report.venue_order_id for report in result.orders}
            for tracked in self._live.values():  # a copy of unknown age: ask for each order itself, if it was not there
                if tracked.order.venue_order_id not in listed:
                    tracked.ask_at_s = min(tracked.ask_at_s, now_s)
        yield from self._account_ready()

    def _list_read(self, page: OrderPage, now_s: float) -> Iterator[Out]:
        """Read a list of orders that have no names of ours."""
        strange: dict[VenueOrderId, OrderReported] = {}
        for report in page.orders:
            if report.venue_order_id in self._by_venue_id:
                yield from self._report(report, now_s)
            elif report.venue_order_id not in self._strangers:
                strange[report.venue_order_id] = report
        yield from self._claim(tuple(strange.values()), now_s)
        yield from self._judge_by_money(now_s)

    def _claim(self, reports: tuple[OrderReported, ...], now_s: float) -> Iterator[Out]:
        """Find out whose some orders are, or ask again when that cannot be told yet."""
        absent = [each for each in self.orders.values() if each.order.status is OrderStatus.ABSENT and each.sent_ns]
        claims = claim(reports, [*self._live.values(), *absent])
        for tracked, report in claims.found:
            log.warning("lost_order_found", order=tracked.order.client_order_id, venue_order_id=report.venue_order_id)
            yield from self._merge(tracked, report, now_s)
            yield from self._hear_early(tracked, now_s)
        for report in claims.foreign:
            yield from self._adopt(report, now_s)
            self._strangers.add(report.venue_order_id)
        for tracked in claims.ambiguous:
            log.error("orders_ambiguous", order=tracked.order.client_order_id)
            yield from self._want_cancel(tracked, now_s)
        if claims.waiting:
            self.doubts.look_again(now_s + ASK_AGAIN_S)

    def _judge_by_money(self, now_s: float) -> Iterator[Out]:
        """Decide about the orders that no list has shown for long; until then ask about strangers the socket named."""
        orders = [each.order for each in self.orders.values()]
        for tracked in [each for each in self._live.values() if each.order.status is OrderStatus.UNKNOWN]:
            order = tracked.order
            yield from self._ask_early(order.key.event_id)
            tracked.looks += 1
            judged_from_s = tracked.gave_up_s + self.traits.absence_after_s
            if now_s < judged_from_s:
                continue
            verdict = self._trail.verdict(order, orders, judged_from_s) if tracked.looks >= UNPROVED_LOOKS else None
            if verdict is OrderStatus.ABSENT:
                yield from self._change(tracked, order.move(verdict, "never arrived"), now_s)
            elif verdict is OrderStatus.FILLED:
                log.warning("lost_order_filled", order=order.client_order_id)
                yield from self._change(tracked, order.filled_whole(), now_s)
            else:
                yield FundsWanted()

    def _ask_early(self, event_id: EventId) -> Iterator[Out]:
        """Ask for orders that the socket named and we do not know: one of them may be the one that was lost."""
        for venue_order_id in self._early.about(event_id):
            if len(self._orders_asked) < ASKED_ONE_BY_ONE and venue_order_id not in self._orders_asked:
                self._early.take(venue_order_id)
                self._orders_asked.add(venue_order_id)
                yield AskOrder(venue_order_id)

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
            yield AccountReady(self.traits.venue)

    def _fills_read(self, result: FillPage | VenueError | AnswerLost, now_s: float) -> Iterator[Out]:
        for venue_order_id, fills in self._inexact.answered(result, now_s).items():
            tracked = self.orders.get(self._by_venue_id.get(venue_order_id, ClientOrderId("")))
            if tracked is not None:
                yield from self._change(tracked, tracked.order.with_fills(fills), now_s)

    # --- hints ---

    def _hinted(self, hint: Hinted, now_s: float, wall_ns: int) -> Iterator[Out]:
        """Ask what a hint is about. One about an order that is not known yet is kept until its answer comes."""
        if hint.venue_order_id is None:
            if not self.flat:
                self.doubts.missed(wall_ns, now_s, wall_ns)
            return
        name = self._by_venue_id.get(hint.venue_order_id)
        if name is None:
            self._early.keep(hint.venue_order_id, hint)
            return
        yield from self._hear(self.orders[name], hint, now_s)

    def _hear(self, tracked: Tracked, hint: Hinted, now_s: float) -> Iterator[Out]:
        if hint.fill is not None:
            tracked.hinted = (*tracked.hinted, hint.fill)[-MAX_HINTED:]
        venue_order_id = tracked.order.venue_order_id
        if tracked.order.client_order_id in self._live:
            tracked.ask_at_s = min(tracked.ask_at_s, now_s)
        elif venue_order_id is not None and venue_order_id not in self._orders_asked:
            self._orders_asked.add(venue_order_id)
            yield AskOrder(venue_order_id)

    def _hear_early(self, tracked: Tracked, now_s: float) -> Iterator[Out]:
        for hint in self._early.take(tracked.order.venue_order_id):
            yield from self._hear(tracked, hint, now_s)

    def _settled(self, settled: MarketSettled, now_s: float) -> Iterator[Out]:
        self._winners[settled.event_id] = settled.winners
        for tracked in [each for each in self.orders.values() if each.order.key.event_id == settled.event_id]:
            if tracked.order.can_match:
                tracked.ask_at_s = min(tracked.ask_at_s, now_s)  # what rested is gone, says the venue: let it say so
            else:
                yield from self._change(tracked, tracked.order, now_s)

    # --- reports ---

    def _report(self, report: OrderReported, now_s: float) -> Iterator[Out]:
        known = self._by_venue_id.get(report.venue_order_id, report.client_order_id)
        tracked = None if known is None else self.orders.get(known)
        if tracked is None:
            yield from self._adopt(report, now_s)
        else:
            yield from self._merge(tracked, report, now_s)

    def _adopt(self, report: OrderReported, now_s: float) -> Iterator[Out]:
        """Take over an order that this process did not place: count what it staked, and let nothing of it rest.

        Where orders have no names, what was staked before stands in the holdings.
        """
        order = Order.adopted(report)
        if not order.can_match and not (order.staked_micro and self.traits.orders_named):
            return
        log.warning("foreign_order", order=report.venue_order_id, status=order.status.value)
        tracked = Tracked(order=order, strategy="", command=None, arrived=True)
        self.orders[order.client_order_id] = tracked
        self._by_venue_id[report.venue_order_id] = order.client_order_id
        yield OrderChanged(order=order, venue=self.traits.venue, strategy="")
        if order.can_match:
            self._live[order.client_order_id] = tracked
            yield from self._want_cancel(tracked, now_s)

    def _merge(self, tracked: Tracked, report: OrderReported, now_s: float) -> Iterator[Out]:
        if report.status is None:
            log.error("order_status_unknown", order=tracked.order.client_order_id)  # it counts as live
        if report.status is OrderStatus.CANCELLED and now_s < tracked.settles_at_s:
            report = attrs.evolve(report, status=None)  # a fill may still be on its way
            tracked.ask_at_s = tracked.settles_at_s
        try:
            order = tracked.order.reported(report)
        except RemoteProtocolError as error:
            log.error("order_report_refused", order=tracked.order.client_order_id, reason=str(error))
            self.tally.unreadable += 1
            return
        if order.filled > tracked.order.filled:
            order = priced(order, order.filled - tracked.order.filled, tracked.hinted)
            tracked.hinted = ()
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
            yield OrderChanged(
                order=attrs.evolve(twin.order, status=OrderStatus.ABSENT), venue=self.traits.venue, strategy=""
            )

    def _change(self, tracked: Tracked, order: Order, now_s: float) -> Iterator[Out]:
        if self.stopping and order.can_match and not order.cancel_wanted:
            order = attrs.evolve(order, cancel_wanted=True)  # it came back while everything goes
            tracked.cancel_at_s = now_s
        order = decided(order, self._winners.get(order.key.event_id))
        before, tracked.order = tracked.order, order
        if self.ids.owns(order.client_order_id):
            self.tally.count(before, order)
        self._set_due(tracked, before, now_s)
        if order != before:
            yield OrderChanged(order=order, venue=self.traits.venue, strategy=tracked.strategy)
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
        if order.venue_order_id is None or not self.traits.fills_listed:
            return
        if order.fills_exact:
            self._inexact.settle(order.venue_order_id)
        else:
            self._inexact.want(order.venue_order_id, now_s)
