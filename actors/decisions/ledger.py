"""What to do about every order, decided without waiting."""

import math
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import assert_never

import attrs
import structlog

from actors.decisions.absence import Baseline, MoneyTrail
from actors.decisions.doubts import Doubts, covers, younger
from actors.decisions.inquiries import Inquiries
from actors.decisions.lookalikes import Lookalikes
from actors.decisions.presence import Presence
from actors.decisions.recollection import Recalled
from actors.decisions.register import Register
from actors.decisions.tracked import Tracked
from actors.messages import (
    AccountReady,
    AnswerLost,
    AskHistory,
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
from protocol.belief import Proof, Source
from protocol.commands import CancelAll, CancelOrder, PlaceOrder
from protocol.errors import RETRY_SOON_S, Policy, VenueError
from protocol.events import Hinted, MarketSettled, OrderReported, OrderStatus
from protocol.ids import ClientOrderId, ClientOrderIds, VenueOrderId
from protocol.order import NAMELESS, UNPROVED, Order
from protocol.venue import FillPage, OrderPage, Query, Show, Traits

log = structlog.get_logger()

ASK_AGAIN_S = 1.0  # between two questions about one order, growing with each
MAX_ASK_AGAIN_S = 10.0
CONFIRM_S = 1.0  # an accepted cancel is confirmed on the private channel; after this, ask
MAX_CANCEL_WAIT_S = 30.0  # between cancels of one order that the venue refuses
MAX_REFUSED = 8  # refusals that count: the wait doubles with each
CANCEL_AGAIN_S = 5.0  # a cancel whose answer has not come back at all
ABSENCE_MARGIN_S = 2.0  # a copy this much younger than the request proves that it never arrived
RECALL_MARGIN_S = 3600.0  # how far the clock of the process before may have been from the venue's
ON_THE_ROAD_S = 10.0  # how long a request that a dead process sent may still take to arrive
COPY_AGE_MAX_S = 30.0  # no copy that is read is older, where the venue does not say how old it is
WINDOW_MARGIN_S = 15  # how much of a window's beginning proves nothing, for clocks that differ
MAX_RESENDS = 5

SOURCES: Mapping[type[TrackerMessage], Source] = MappingProxyType(
    {
        OrderReported: Source.PUSH,
        PlacingAnswered: Source.ANSWER,
        CancelAnswered: Source.ANSWER,
        OrderRead: Source.READ,
        HistoryRead: Source.HISTORY,
        FillsRead: Source.FILLS,
        MarketSettled: Source.RESULT,
    }
)
"""Whose word a message is; what all others bring about we reckon ourselves."""

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
    memory: Sequence[Recalled] = ()  # orders from before this process
    baseline: Baseline | None = None  # what the account would have without them
    doubts: Doubts = attrs.field(factory=Doubts)
    _register: Register = attrs.field(init=False)
    _socket: Presence = attrs.field(init=False)
    _trail: MoneyTrail = attrs.field(init=False)
    _inquiries: Inquiries = attrs.field(factory=Inquiries, init=False)
    _lookalikes: Lookalikes = attrs.field(init=False)
    _opened: bool = False  # what the account held at the start has been read
    _ages_known: bool = True  # the last history said how old its copy was
    _calm_s: float = math.inf  # since when nothing is unknown or under way
    _poll_at_s: float = math.inf
    _polled_s: float = math.inf  # when it was last

    def __attrs_post_init__(self) -> None:
        self._register = Register(traits=self.traits, ids=self.ids, tally=self.tally)
        self._socket = Presence(gap_tolerated_s=self.traits.gap_tolerated_s)
        self._trail = MoneyTrail(fee_bp=self.traits.sale_fee_bp)
        if self.baseline is not None:
            self._trail.recall(self.baseline)
        self._lookalikes = Lookalikes(
            register=self._register,
            doubts=self.doubts,
            inquiries=self._inquiries,
            trail=self._trail,
            absence_after_s=self.traits.absence_after_s,
        )

    # --- what it knows ---

    @property
    def orders(self) -> dict[ClientOrderId, Tracked]:
        """Return every order of the run, the account's earlier ones included."""
        return self._register.orders

    @property
    def stopping(self) -> bool:
        """Tell whether nothing that could rest is sent again, for good."""
        return self._register.stopping

    def stop(self) -> None:
        """Send nothing any more that could rest."""
        self._register.stopping = True

    @property
    def flat(self) -> bool:
        """Tell whether nothing can match any more, and nothing is unknown."""
        return not self._register.live

    @property
    def settled(self) -> bool:
        """Tell whether no question is open."""
        return self.flat and not (self.doubts.open or self._register.inexact.open or self._inquiries.late)

    @property
    def grounded(self) -> bool:
        """Tell whether money can prove what became of an order, where its name does not."""
        return self.traits.orders_named or self._trail.grounded

    @property
    def provable_s(self) -> float:
        """Return from when what became of every order that is unknown can be proved: it may still be on the road."""
        return max((self._provable_s(each) for each in self._register.unknown), default=-math.inf)

    @property
    def due_s(self) -> float:
        """Return when `tick` wants to be called next."""
        soonest = min((tracked.due_s for tracked in self._register.live.values()), default=math.inf)
        history_s = math.inf if self.doubts.asked else self.doubts.ask_at_s
        questions_s = min(history_s, self._inquiries.due_s, self._register.inexact.due_s)
        return min(soonest, questions_s, self._poll_at_s, self._socket.ends_s)

    # --- what it hears ---

    def handle(self, message: TrackerMessage, now_s: float, wall_ns: int) -> Iterator[Out]:
        """Take one message and yield what to send."""
        self._register.hear(SOURCES.get(type(message), Source.RECKONED), wall_ns)
        match message:
            case Intent():
                self._register.add(message)
                yield message.order
            case CancelWanted(client_order_id=client_order_id):
                if client_order_id in self._register.live:
                    yield from self._register.want_cancel(self._register.live[client_order_id], now_s)
            case CancelEverything():
                self.stop()
                self._look_back(now_s)
                yield from self._cancel_everything(now_s)
            case OrderReported():
                yield from self._report(message, now_s)
            case OrdersDoubted(reason=reason):
                log.warning("orders_doubted", reason=reason)
                self.doubts.missed(now_s, now_s)
            case Hinted():
                yield from self._hinted(message, now_s)
            case MarketSettled():
                yield from self._register.settle(message, now_s)
            case FundsRead():
                calm = self._calm_s <= message.asked_at_s and not self._busy
                self._trail.read(message, self._register.believed(), calm=calm)
            case SessionReady():
                since_s = self._socket.ready()
                if since_s is not None:
                    self.doubts.missed(since_s, now_s)
            case SessionLost():
                self._socket.lost(now_s)
                yield from self._mind_the_gap(now_s)
            case PlacingStarted():
                self._placing_started(message)
            case PlacingAnswered():
                yield from self._placing_answered(message, now_s)
            case PlacingLost():
                yield from self._placing_lost(message, now_s)
            case CancelAnswered():
                yield from self._cancel_answered(message, now_s)
            case OrderRead():
                yield from self._order_read(message, now_s)
            case HistoryRead():
                yield from self._history_read(message, now_s, wall_ns)
            case FillsRead(result=result):
                yield from self._fills_read(result, now_s)
            case _:
                assert_never(message)
        yield from self._account_ready()

    def open_account(self, now_s: float, wall_ns: int) -> Iterator[Out]:
        """Take up what is remembered, cancel whatever rests from before this run, and read what the account holds."""
        for recalled in self.memory:
            yield self._take_up(recalled, now_s, wall_ns)
        self.doubts.start(now_s)
        if self.memory and self.traits.orders_named:
            self._socket.began(now_s)
            self.doubts.missed(now_s, now_s)  # the last of what happened before is not in every copy yet
        self._poll(now_s)
        if self.traits.cancels_all:
            yield CancelAll()

    def _poll(self, now_s: float) -> None:
        """Have read what became of orders since the last time: of what was pushed, something may have got lost."""
        self._poll_at_s = now_s + self.traits.polls[Query.ORDERS].every_s
        if not self.flat:
            since_s = self._polled_s if self.traits.orders_pushed else now_s
            self.doubts.missed(min(since_s, now_s), now_s)
        self._look_back(now_s)

    def _look_back(self, now_s: float) -> None:
        """Have read what changed since the last time, where a result that was pushed may have got lost."""
        since_s, self._polled_s = self._polled_s, now_s
        if self.traits.orders_pushed and self._register.staked:
            self.doubts.missed(min(since_s, now_s), now_s)

    def _take_up(self, recalled: Recalled, now_s: float, wall_ns: int) -> OrderChanged:
        """Go on with an order that another process placed: it may have arrived, matched or ended since."""
        order = recalled.order
        if order.status is OrderStatus.NEW:
            order = order.move(OrderStatus.UNKNOWN, "the process ended before an answer came")
        if order.can_match:
            order = attrs.evolve(order, cancel_wanted=True)
        self._register.hear(Source.JOURNAL, recalled.as_of_ns)
        tracked = self._register.restore(order, recalled.strategy)
        if order.can_match:
            tracked.intended_ns = recalled.intended_ns
            ago_s = max((wall_ns - recalled.intended_ns) / 1e9, 0.0)
            tracked.sent_s = now_s - ago_s - RECALL_MARGIN_S
            tracked.gave_up_s = now_s + ON_THE_ROAD_S
            tracked.created_by_s = now_s - ago_s + RECALL_MARGIN_S
            tracked.ask_at_s = tracked.cancel_at_s = now_s
        return self._register.told(tracked)

    def live_orders(self) -> list[Order]:
        """Return the orders that can still match."""
        return [tracked.order for tracked in self._register.live.values()]

    def tick(self, now_s: float, wall_ns: int) -> Iterator[Out]:
        """Yield what has become due."""
        self._register.hear(Source.RECKONED, wall_ns)
        if self._poll_at_s <= now_s:
            self._poll(now_s)
        yield from self._mind_the_gap(now_s)
        yield from self._inquiries.due(now_s)
        due = [each for each in self._register.live.values() if each.due_s <= now_s]
        for tracked in due:
            if tracked.overdue_at_s <= now_s:
                yield from self._overdue(tracked, now_s)
            if tracked.cancel_at_s <= now_s:
                yield from self._cancel(tracked, now_s)
            if tracked.resend_at_s <= now_s:
                yield from self._resend_if_wanted(tracked, now_s)
        yield from self._ask([each for each in due if each.ask_at_s <= now_s], now_s)
        question = self.doubts.question(now_s, wall_ns)
        if question is not None:
            yield question
        fills = self._register.inexact.question(now_s)
        if fills is not None:
            yield fills
        self._note_calm(now_s)

    def _mind_the_gap(self, now_s: float) -> Iterator[Out]:
        if self._socket.too_long(now_s) and not self.flat:
            yield from self._cancel_everything(now_s)

    @property
    def _busy(self) -> bool:
        """Tell whether something is unknown or under way."""
        unsure = any(each.order.status in UNPROVED or each.order.cancel_wanted for each in self._register.live.values())
        return unsure or self.doubts.open or self._inquiries.busy

    def _note_calm(self, now_s: float) -> None:
        """Note since when nothing is unknown or under way: only such a moment says what the account has without it."""
        self._calm_s = math.inf if self._busy else min(self._calm_s, now_s)

    # --- placing ---

    def _placing_started(self, message: PlacingStarted) -> None:
        for client_order_id in message.client_order_ids:
            tracked = self.orders[client_order_id]
            if tracked.sent_s == math.inf:
                self.tally.sent += 1
                tracked.sent_s = message.at_s
                tracked.overdue_at_s = message.at_s + self.activation_timeout_s

    def _placing_answered(self, message: PlacingAnswered, now_s: float) -> Iterator[Out]:
        tracked = self.orders[message.client_order_id]
        tracked.under_way = False
        if isinstance(message.result, OrderReported):
            if message.result.status is OrderStatus.CANCELLED:
                tracked.settles_at_s = now_s + self.traits.cancel_settles_s
            yield from self._register.merge(tracked, message.result, now_s)
            yield from self._inquiries.catch_up(tracked, now_s)
            return
        error = message.result
        if tracked.gave_up_s < math.inf and error.policy is not Policy.ALREADY_EXISTS:
            yield from self._lose(tracked, error.code, now_s)  # it says nothing about the attempt before
            return
        match error.policy:
            case Policy.OUTCOME_UNKNOWN:
                yield from self._lose(tracked, error.code, now_s)
            case Policy.ALREADY_EXISTS:
                tracked.arrived = True
                yield from self._lose(tracked, error.code, now_s)
            case Policy.RETRY_SOON if self._may_resend(tracked) and not tracked.order.cancel_wanted:
                tracked.resend_at_s = now_s + RETRY_SOON_S
            case Policy.RETRY_SOON:
                yield from self._lose(tracked, error.code, now_s)  # "is placing": perhaps it is
            case _:
                yield from self._register.change(tracked, tracked.order.move(OrderStatus.REJECTED, error.code), now_s)

    def _placing_lost(self, message: PlacingLost, now_s: float) -> Iterator[Out]:
        for client_order_id in message.client_order_ids:
            tracked = self.orders[client_order_id]
            tracked.under_way = False
            if not message.sent and not tracked.was_sent:
                log.info("order_not_sent", order=client_order_id, reason=message.reason)
                unknown = tracked.order.move(OrderStatus.UNKNOWN, message.reason)
                yield from self._register.change(tracked, unknown, now_s)
                yield from self._register.change(tracked, unknown.absent(Proof.UNSENT), now_s)
            else:
                yield from self._lose(tracked, message.reason, now_s)

    def _lose(self, tracked: Tracked, reason: str, now_s: float) -> Iterator[Out]:
        log.warning("order_outcome_unknown", order=tracked.order.client_order_id, reason=reason)
        tracked.gave_up_s = now_s
        tracked.ask_at_s = min(tracked.ask_at_s, now_s)
        yield from self._register.change(tracked, tracked.order.move(OrderStatus.UNKNOWN, reason), now_s)

    def _may_resend(self, tracked: Tracked) -> bool:
        """Tell whether the same id may go out once more: as an order, or as the only proof of whether it exists."""
        named = self.traits.orders_named and tracked.command is not None
        return named and not self.stopping and tracked.resends < MAX_RESENDS

    def _resend_if_wanted(self, tracked: Tracked, now_s: float) -> Iterator[Out]:
        if self._may_resend(tracked) and not tracked.order.cancel_wanted:
            yield from self._resend(tracked)
        else:
            tracked.resend_at_s = math.inf
            yield from self._lose(tracked, "not wanted any more", now_s)

    def _resend(self, tracked: Tracked) -> Iterator[Out]:
        assert tracked.command is not None, "only what this process placed is sent again"
        tracked.resend_at_s = math.inf
        tracked.resends += 1
        tracked.looks = 0
        tracked.under_way = True
        yield tracked.command

    def _overdue(self, tracked: Tracked, now_s: float) -> Iterator[Out]:
        """Act on an activation that never came: the session may be deaf, and the order's fate is asked for."""
        tracked.overdue_at_s = math.inf
        tracked.ask_at_s = min(tracked.ask_at_s, now_s)
        log.warning("activation_overdue", order=tracked.order.client_order_id)
        if self.traits.orders_pushed and self._socket.restart():
            yield RestartWanted(f"no activation of {tracked.order.client_order_id}")

    # --- cancelling ---

    def _cancel_everything(self, now_s: float) -> Iterator[Out]:
        if self.traits.cancels_all:
            yield CancelAll()
        for tracked in list(self._register.live.values()):
            yield from self._register.want_cancel(tracked, now_s)
            if self.traits.cancels_all:
                tracked.cancel_at_s = now_s + CONFIRM_S  # one by one, for what the wide net did not catch

    def _cancel(self, tracked: Tracked, now_s: float) -> Iterator[Out]:
        order = tracked.order
        if order.venue_order_id is None:
            tracked.cancel_at_s = math.inf  # it cannot be named yet; due as soon as it can
            return
        yield from self._register.want_cancel(tracked, now_s)  # what shall not rest is nobody's wish until now
        tracked.cancel_at_s = now_s + CANCEL_AGAIN_S
        if self.traits.orders_named and order.client_order_id.startswith(NAMELESS):
            yield CancelAll()  # the venue wants both names, and this one has no name of ours
        elif not tracked.cancelling:
            tracked.cancelling = True
            tracked.settles_at_s = now_s + self.traits.cancel_settles_s
            yield CancelOrder(client_order_id=order.client_order_id, venue_order_id=order.venue_order_id)

    def _cancel_answered(self, message: CancelAnswered, now_s: float) -> Iterator[Out]:
        if not isinstance(message.command, CancelOrder):
            if not self.flat:
                self.doubts.missed(now_s, now_s)
            return
        tracked = self._register.live.get(message.command.client_order_id)
        if tracked is None:
            return
        tracked.cancelling = False
        match message.result:
            case OrderReported() | None if self.traits.cancel_settles_s:
                tracked.cancel_at_s = math.inf
                tracked.ask_at_s = tracked.settles_at_s = now_s + self.traits.cancel_settles_s
            case OrderReported():
                yield from self._register.merge(tracked, message.result, now_s)
            case None:
                tracked.cancel_at_s = math.inf  # it cannot be matched any more; the private channel says how much was
                tracked.ask_at_s = now_s + CONFIRM_S
            case VenueError(policy=Policy.ALREADY_GONE | Policy.TERMINAL as policy):
                if policy is Policy.TERMINAL:
                    tracked.settles_at_s = -math.inf  # this cancel did nothing
                tracked.refused = min(tracked.refused + 1, MAX_REFUSED)
                tracked.cancel_at_s = now_s + MAX_CANCEL_WAIT_S
                tracked.ask_at_s = now_s  # only the order's own state proves that it is gone
            case VenueError() | AnswerLost():
                tracked.cancel_at_s = now_s + RETRY_SOON_S

    # --- asking ---

    def _ask(self, due: list[Tracked], now_s: float) -> Iterator[Out]:
        """Ask what became of some orders: of a few by their ids, of many by one look at the history."""
        named: dict[VenueOrderId, Tracked] = {}
        for tracked in due:
            tracked.asked += 1
            tracked.ask_at_s = now_s + min(ASK_AGAIN_S * tracked.asked, MAX_ASK_AGAIN_S)
            if tracked.order.venue_order_id is None:
                self.doubts.lost(min(tracked.sent_s, now_s), now_s)
                if now_s < self._provable_s(tracked) < tracked.ask_at_s:
                    tracked.asked, tracked.ask_at_s = 0, self._provable_s(tracked)
            elif not self._inquiries.asks(tracked.order.venue_order_id):
                named[tracked.order.venue_order_id] = tracked
        room = self._inquiries.room
        for venue_order_id in list(named)[:room]:
            yield self._inquiries.ask(venue_order_id)
        waiting = list(named.values())[room:]
        if waiting and self._ages_known:
            self.doubts.missed(now_s, now_s)
        for tracked in () if self._ages_known else waiting:  # the history would prove nothing: two at a time
            tracked.asked -= 1
            tracked.ask_at_s = now_s + ASK_AGAIN_S

    def _order_read(self, message: OrderRead, now_s: float) -> Iterator[Out]:
        self._inquiries.answered(message.venue_order_id, read=isinstance(message.result, OrderReported))
        tracked = self._register.known(message.venue_order_id)
        if not isinstance(message.result, OrderReported):
            if tracked is not None and tracked.order.client_order_id not in self._register.live:
                self._inquiries.ask_late(message.venue_order_id, now_s)
            return  # a live one is asked for again when due
        if tracked is None:
            if not self.traits.orders_named:
                yield from self._lookalikes.claim((message.result,), now_s)
            return
        yield from self._register.merge(tracked, message.result, now_s)
        stirred, tracked.stirred = tracked.stirred, False
        if stirred:
            yield from self._inquiries.look_into(tracked, now_s)
            return
        tracked.hinted = ()  # of fills that were read, now or before: what comes has other prices
        if tracked.order.status is OrderStatus.OPEN and now_s >= tracked.settles_at_s:
            certain_s = -math.inf if self._ages_known else tracked.doubted_s + COPY_AGE_MAX_S
            tracked.ask_at_s = certain_s if certain_s > now_s else math.inf
            if tracked.order.cancel_wanted:
                wait_s = min(RETRY_SOON_S * 2 ** max(tracked.refused - 1, 0), MAX_CANCEL_WAIT_S)
                tracked.cancel_at_s = min(tracked.cancel_at_s, now_s + wait_s)

    def _history_read(self, message: HistoryRead, now_s: float, wall_ns: int) -> Iterator[Out]:
        result = message.result
        if not isinstance(result, OrderPage):
            self.doubts.unanswered(now_s)
            return
        gap = self.doubts.gap_s
        self._ages_known = result.synced_at_ns is not None
        self._register.hear(Source.HISTORY, result.synced_at_ns or wall_ns)
        if self.traits.orders_named:
            for report in result.orders:
                yield from self._report(report, now_s)
            yield from self._prove_absence(message.question, result, now_s, wall_ns)
            self._open(self.doubts.answered(result, now_s, wall_ns), now_s)
        else:
            # first, as the list may leave a doubt of its own
            self._open(self.doubts.answered(result, now_s, wall_ns), now_s)
            yield from self._lookalikes.read(result, now_s)
        if gap is not None and self.doubts.gap_s is None and result.synced_at_ns is None:
            listed = () if self.traits.orders_named else {report.venue_order_id for report in result.orders}
            for tracked in self._register.live.values():  # the copy has no age: ask for each that it did not show
                tracked.doubted_s = gap
                if tracked.order.venue_order_id not in listed:
                    tracked.ask_at_s = min(tracked.ask_at_s, now_s)

    def _open(self, started: bool, now_s: float) -> None:
        """Note that what the account holds was read; ask for what became of positions that it did not show."""
        if not started:
            return
        self._opened = True
        for tracked in self.orders.values() if self.traits.orders_named else ():
            order = tracked.order
            if tracked.recalled and order.staked_micro and not order.can_match and order.venue_order_id is not None:
                self._inquiries.ask_late(order.venue_order_id, now_s)

    def _prove_absence(self, asked: AskHistory, page: OrderPage, now_s: float, wall_ns: int) -> Iterator[Out]:
        for tracked in self._register.unknown if asked.show == (Show.ALL,) else ():
            if tracked.under_way:
                continue
            until_s = min(tracked.gave_up_s, tracked.created_by_s)
            if not covers(asked, tracked.sent_s - WINDOW_MARGIN_S, until_s, now_s, wall_ns):
                continue  # it could not be in this window
            if page.synced_at_ns is None:
                tracked.looks += 1
                if not tracked.looked_for or tracked.arrived:
                    continue
                if self._may_resend(tracked):
                    yield from self._resend(tracked)
                elif now_s >= self._provable_s(tracked):
                    yield from self._register.change(tracked, tracked.order.absent(Proof.PAGED), now_s)
            elif younger(page, self._provable_s(tracked), now_s, wall_ns) and not tracked.arrived:
                yield from self._register.change(tracked, tracked.order.absent(Proof.SYNCED), now_s)

    def _provable_s(self, tracked: Tracked) -> float:
        """Return how young a copy must be, or where none says how old it is, when it must be read, to prove absence."""
        if not self.traits.orders_named:
            return tracked.gave_up_s + self.traits.absence_after_s
        return tracked.gave_up_s + (ABSENCE_MARGIN_S if self._ages_known else COPY_AGE_MAX_S)

    def _account_ready(self) -> Iterator[Out]:
        if self._opened and not any(tracked.command is None for tracked in self._register.live.values()):
            self._opened = False
            yield AccountReady(self.traits.venue)

    def _fills_read(self, result: FillPage | VenueError | AnswerLost, now_s: float) -> Iterator[Out]:
        for venue_order_id, fills in self._register.inexact.answered(result, now_s).items():
            tracked = self._register.known(venue_order_id)
            if tracked is not None:
                yield from self._register.change(tracked, tracked.order.with_fills(fills), now_s)

    # --- hints ---

    def _hinted(self, hint: Hinted, now_s: float) -> Iterator[Out]:
        """Ask what a hint is about. One about an order that is not known yet is kept until its answer comes."""
        if hint.venue_order_id is None:
            if not self.flat:
                self.doubts.missed(now_s, now_s)
            return
        tracked = self._register.known(hint.venue_order_id)
        if tracked is None:
            self._inquiries.keep(hint.venue_order_id, hint)
            return
        yield from self._inquiries.hinted(tracked, hint, now_s)

    # --- reports ---

    def _report(self, report: OrderReported, now_s: float) -> Iterator[Out]:
        tracked = self._register.find(report)
        if tracked is None:
            yield from self._register.take_over(report, now_s)
        else:
            yield from self._register.merge(tracked, report, now_s)
