import math

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.decisions.exactness import MAX_FILL_QUESTIONS
from actors.decisions.ledger import COPY_AGE_MAX_S, MAX_RESENDS, OrderLedger
from actors.decisions.recollection import Recalled
from actors.messages import (
    AccountReady,
    AnswerLost,
    AskFills,
    AskHistory,
    AskOrder,
    CancelAnswered,
    CancelEverything,
    CancelWanted,
    FillsRead,
    HistoryRead,
    Intent,
    OrderChanged,
    OrderRead,
    OrdersDoubted,
    PlacingAnswered,
    PlacingLost,
    PlacingStarted,
    RestartWanted,
    SessionLost,
    SessionReady,
)
from actors.tally import Tally
from protocol.commands import CancelAll, CancelOrder, PlaceOrder
from protocol.errors import RETRY_SOON_S, Policy, VenueError
from protocol.events import Fill, OrderReported, OrderStatus, Result
from protocol.ids import BookKey, ClientOrderId, ClientOrderIds, EventId, MarketId, SelectionId, Strike, VenueOrderId
from protocol.odds import Odds
from protocol.order import Order
from protocol.prophetx.venue import ProphetX
from protocol.venue import FillPage, OrderPage, Window

EPOCH_NS = 1_790_000_000 * 10**9
KEY = BookKey(EventId(18756), MarketId(219), Strike(0))
HOME = SelectionId("e5957d9c37e2704d02292333ba970a5f")
X1, X2, X3 = (ClientOrderId(f"x-{number}") for number in (1, 2, 3))
V1, V2, V3 = (VenueOrderId(f"v{number}") for number in (1, 2, 3))
TRAITS = ProphetX().traits
VENUE = TRAITS.venue
NEW, UNKNOWN, PENDING, OPEN, FILLED, CANCELLED, WIPED, INVALID, REJECTED, ABSENT, VOID, SETTLED = OrderStatus


def command(name: str = X1) -> PlaceOrder:
    return PlaceOrder(client_order_id=ClientOrderId(name), key=KEY, selection_id=HOME, price=Odds(146), size=1000)


def said(status: OrderStatus | None, filled: int = 0, name: str | None = X1, **changes: object) -> OrderReported:
    report = OrderReported(
        venue_order_id=VenueOrderId(f"v{(name or 'x-1')[2:]}"),
        client_order_id=None if name is None else ClientOrderId(name),
        key=KEY,
        selection_id=HOME,
        price=Odds(146),
        size=1000,
        filled=filled,
        status=status,
    )
    return attrs.evolve(report, **changes)


def no(policy: Policy, code: str = "a_code", status: int = 400) -> VenueError:
    return VenueError(code=code, status=status, policy=policy)


@attrs.define
class Bench:
    """A ledger, with a clock that is moved by hand."""

    ledger: OrderLedger = attrs.field(
        factory=lambda: OrderLedger(traits=TRAITS, ids=ClientOrderIds("x"), activation_timeout_s=10.0, tally=Tally())
    )
    now_s: float = 100.0

    @property
    def wall_ns(self) -> int:
        return EPOCH_NS + int(self.now_s * 1e9)

    def hear(self, *messages: object) -> list[object]:
        return [out for each in messages for out in self.ledger.handle(each, self.now_s, self.wall_ns)]

    def tick(self, after_s: float = 0.0) -> list[object]:
        self.now_s += after_s
        return list(self.ledger.tick(self.now_s, self.wall_ns))

    def place(self, name: str = X1) -> list[object]:
        outs = self.hear(Intent(strategy="maker", order=command(name)))
        self.hear(PlacingStarted(client_order_ids=(ClientOrderId(name),), at_s=self.now_s))
        return outs

    def rest(self, name: str = X1) -> None:
        self.place(name)
        self.hear(PlacingAnswered(client_order_id=ClientOrderId(name), result=said(PENDING, name=name)))
        self.hear(said(OPEN, name=name))

    def lose(self, name: str = X1, *, sent: bool = True) -> list[object]:
        return self.hear(PlacingLost(client_order_ids=(ClientOrderId(name),), sent=sent, reason="no answer"))

    def read(self, *orders: OrderReported, synced_s: float | None = math.inf) -> list[object]:
        """Answer the history question that is open, from a copy of an age: by default of this very moment."""
        asked = self.ledger.doubts.asked
        assert asked is not None, "nothing was asked"
        synced_s = self.now_s if synced_s == math.inf else synced_s
        synced_ns = None if synced_s is None else EPOCH_NS + int(synced_s * 1e9)
        return self.hear(HistoryRead(question=asked, result=OrderPage(orders=orders, synced_at_ns=synced_ns)))

    def refuse(self, policy: Policy, name: str = X1) -> list[object]:
        return self.hear(PlacingAnswered(client_order_id=ClientOrderId(name), result=no(policy)))

    def cancelled(self, result: object, name: str = X1) -> list[object]:
        cancel = CancelOrder(client_order_id=ClientOrderId(name), venue_order_id=VenueOrderId(f"v{name[2:]}"))
        return self.hear(CancelAnswered(command=cancel, result=result))

    def order(self, name: str = X1) -> Order:
        return self.ledger.orders[ClientOrderId(name)].order

    @property
    def tally(self) -> Tally:
        return self.ledger.tally


def quiet() -> Bench:
    """A ledger that knows the account and has a session."""
    bench = Bench()
    bench.ledger.doubts.start(bench.now_s)
    bench.hear(SessionReady(VENUE, 1))
    bench.tick()
    bench.read()
    assert bench.tick() == []
    return bench


def statuses(outs: list[object]) -> list[OrderStatus]:
    return [out.order.status for out in outs if isinstance(out, OrderChanged)]


# --- placing -----------------------------------------------------------------------------------------------------


def test_an_allowed_intent_leaves_and_is_counted_once():
    bench = quiet()

    assert bench.place() == [command()]
    assert bench.order() == Order.placed(command())
    assert bench.tally == Tally(sent=1)
    assert not bench.ledger.flat


def test_an_accepted_order_is_pending_until_the_private_channel_opens_it():
    bench = quiet()
    bench.place()

    accepted = bench.hear(PlacingAnswered(client_order_id=X1, result=said(PENDING)))
    opened = bench.hear(said(OPEN))

    assert statuses(accepted + opened) == [PENDING, OPEN]
    assert bench.tally == Tally(sent=1, opened=1)
    assert bench.ledger.due_s == math.inf


def test_an_order_that_fails_activation_is_rejected_and_gone():
    bench = quiet()
    bench.place()

    outs = bench.hear(PlacingAnswered(client_order_id=X1, result=said(PENDING)), said(INVALID))

    assert statuses(outs) == [PENDING, INVALID]
    assert bench.tally == Tally(sent=1, rejected=1)
    assert bench.ledger.flat
    assert bench.ledger.settled


@pytest.mark.parametrize(
    ("policy", "status"),
    [
        (Policy.TERMINAL, REJECTED),
        (Policy.BACK_OFF, REJECTED),
        (Policy.REAUTHENTICATE, REJECTED),
        (Policy.ALREADY_GONE, REJECTED),
        (Policy.OUTCOME_UNKNOWN, UNKNOWN),
        (Policy.ALREADY_EXISTS, UNKNOWN),
        (Policy.RETRY_SOON, NEW),
    ],
)
def test_a_refusal_says_what_became_of_the_order(policy, status):
    bench = quiet()
    bench.place()

    bench.refuse(policy)

    assert bench.order().status is status
    assert bench.tally.rejected == (status is REJECTED)
    assert bench.order().remaining == (0 if status is REJECTED else 1000)


def test_the_venues_word_for_a_refusal_stays_with_the_order():
    bench = quiet()
    bench.place()

    bench.hear(PlacingAnswered(client_order_id=X1, result=no(Policy.TERMINAL, "insufficient_amount", 403)))

    assert bench.order().reason == "insufficient_amount"


def test_a_refusal_that_may_be_tried_again_sends_the_same_id_after_300_ms_a_few_times():
    bench = quiet()
    bench.place()

    at_once, early, resent = [], [], []
    for _ in range(MAX_RESENDS):
        at_once += bench.refuse(Policy.RETRY_SOON)
        early += bench.tick(0.29)
        resent += bench.tick(0.01)
    last = bench.refuse(Policy.RETRY_SOON)

    assert at_once == early == []
    assert resent == [command()] * MAX_RESENDS
    assert statuses(last) == [UNKNOWN]
    assert bench.tally.sent == 1


def test_nothing_is_tried_again_while_stopping():
    bench = quiet()
    bench.place()
    bench.ledger.stop()

    assert statuses(bench.refuse(Policy.RETRY_SOON)) == [UNKNOWN]
    assert bench.tick(1.0) != [command()]


def test_a_refusal_after_an_attempt_without_an_answer_says_nothing_about_that_one():
    bench = quiet()
    bench.place()
    bench.lose()

    outs = bench.refuse(Policy.TERMINAL)

    assert statuses(outs) == []
    assert bench.order().status is UNKNOWN
    assert not bench.ledger.flat


def test_a_history_whose_window_begins_after_the_request_proves_no_absence():
    bench = quiet()
    bench.place()
    bench.lose()
    bench.now_s += 400
    bench.hear(SessionLost(VENUE, 1, "gone"), SessionReady(VENUE, 2))
    (asked,) = [out for out in bench.tick() if isinstance(out, AskHistory)]
    assert asked.from_s > EPOCH_NS // 10**9 + 100

    bench.read()

    assert bench.order().status is UNKNOWN


def test_a_session_that_never_opened_does_not_shorten_the_gap():
    bench = quiet()
    bench.hear(SessionLost(VENUE, 1, "gone"))
    bench.now_s += 300
    bench.hear(SessionLost(VENUE, 2, "still gone"), SessionReady(VENUE, 3))

    (asked,) = [out for out in bench.tick() if isinstance(out, AskHistory)]

    assert asked.from_s == (EPOCH_NS // 10**9 + 100) - 45


def test_an_order_that_comes_back_while_everything_goes_is_cancelled():
    bench = quiet()
    bench.place()
    bench.lose(sent=False)
    bench.hear(CancelEverything())

    bench.hear(said(OPEN))

    assert CancelOrder(client_order_id=X1, venue_order_id=V1) in bench.tick()


def test_a_request_that_never_left_is_absent_at_once():
    bench = quiet()
    bench.hear(Intent(strategy="maker", order=command()))

    assert statuses(bench.lose(sent=False)) == [UNKNOWN, ABSENT]
    assert bench.ledger.flat
    assert bench.tally == Tally()


def test_a_batch_that_is_lost_loses_each_of_its_orders():
    bench = quiet()
    bench.place(X1)
    bench.place(X2)

    bench.hear(PlacingLost(client_order_ids=(X1, X2), sent=True, reason="no answer"))

    assert [bench.order(name).status for name in (X1, X2)] == [UNKNOWN, UNKNOWN]


def test_an_answer_lost_after_the_private_message_changes_nothing():
    bench = quiet()
    bench.place()
    bench.hear(said(OPEN))

    bench.lose()

    assert bench.order().status is OPEN
    assert bench.tick() == [AskOrder(V1)]


# --- unknown -----------------------------------------------------------------------------------------------------


def test_a_lost_order_is_looked_up_by_its_id_in_the_history():
    bench = quiet()
    bench.place()
    bench.now_s += 5
    bench.lose()

    (question,) = bench.tick()
    outs = bench.read(said(OPEN))

    now = bench.wall_ns // 10**9
    assert question == AskHistory(from_s=now - 5 - 60, to_s=now + 60, by=Window.CREATED)
    assert statuses(outs) == [OPEN]
    assert bench.ledger.due_s == math.inf


def test_absence_counts_only_when_the_copy_is_younger_than_the_request():
    bench = quiet()
    bench.place()
    bench.lose()
    gave_up_s = bench.now_s
    bench.tick()

    too_old = bench.read(synced_s=gave_up_s + 1.99)
    bench.tick(5)
    proof = bench.read(synced_s=gave_up_s + 2)

    assert statuses(too_old) == []
    assert statuses(proof) == [ABSENT]
    assert bench.ledger.flat


def test_a_lost_order_keeps_its_whole_stake_until_there_is_proof():
    bench = quiet()
    bench.place()
    bench.lose()

    for _ in range(20):
        bench.tick(11)
        if bench.ledger.doubts.asked is not None:
            bench.read(synced_s=100.0)

    assert bench.order().status is UNKNOWN
    assert bench.order().remaining == 1000


def test_an_absent_order_that_turns_up_is_live_again():
    bench = quiet()
    bench.place()
    bench.lose()
    bench.tick(5)
    bench.read()

    outs = bench.hear(said(OPEN))

    assert statuses(outs) == [OPEN]
    assert not bench.ledger.flat


def test_a_copy_of_unknown_age_proves_nothing_so_the_same_id_is_sent_again_after_three_looks():
    bench = quiet()
    bench.place()
    bench.lose()

    sent = []
    for _ in range(3):
        bench.tick(2)
        sent.append([out for out in bench.read(synced_s=None) if isinstance(out, PlaceOrder)])

    assert sent == [[], [], [command()]]
    assert bench.tally.sent == 1


def test_nothing_is_proved_about_an_order_that_was_sent_again_until_that_has_an_answer():
    bench = quiet()
    bench.place()
    bench.lose()
    sent = []
    for _ in range(3):
        bench.tick(2)
        sent += bench.read(synced_s=None)
    bench.tick(10)
    bench.read()
    meanwhile = bench.order().status
    bench.lose()
    bench.tick(10)
    bench.read()

    assert command() in sent
    assert meanwhile is UNKNOWN
    assert bench.order().status is ABSENT


@pytest.mark.parametrize(("unwanted", "status"), [("stopping", ABSENT), ("arrived", UNKNOWN)])
def test_an_unknown_order_is_not_sent_again(unwanted, status):
    bench = quiet()
    bench.place()
    if unwanted == "stopping":
        bench.ledger.stop()
    if unwanted == "arrived":
        bench.refuse(Policy.ALREADY_EXISTS)
    else:
        bench.lose()

    sent = []
    for _ in range(10):
        bench.tick(11)
        if bench.ledger.doubts.asked is not None:
            sent += bench.read(synced_s=None)

    assert not [out for out in sent if isinstance(out, PlaceOrder)]
    assert bench.order().status is status


def test_an_order_that_was_lost_again_and_again_is_absent_once_no_copy_can_be_so_old():
    bench = quiet()
    bench.place()
    bench.lose()

    sent, absent_s = [], []
    while not absent_s:
        bench.tick(2)
        outs = [] if bench.ledger.doubts.asked is None else bench.read(synced_s=None)
        if command() in outs:
            sent.append(bench.now_s)
            bench.lose()
        absent_s = [bench.now_s] if bench.order().status is ABSENT else []

    assert len(sent) == MAX_RESENDS
    assert COPY_AGE_MAX_S <= absent_s[0] - sent[-1] < 2 * COPY_AGE_MAX_S


@pytest.mark.parametrize("unwanted", ["cancelled", "stopping"])
def test_an_order_that_nobody_wants_any_more_is_not_sent_again(unwanted):
    bench = quiet()
    bench.place()
    bench.refuse(Policy.RETRY_SOON)
    if unwanted == "cancelled":
        bench.hear(CancelWanted(X1))
    else:
        bench.ledger.stop()

    outs = bench.tick(RETRY_SOON_S)

    assert command() not in outs
    assert statuses(outs) == [UNKNOWN]


def test_an_unknown_order_that_is_no_longer_wanted_is_sent_again_to_be_named_and_cancelled():
    bench = quiet()
    bench.place()
    bench.lose()
    bench.hear(CancelWanted(X1))

    sent = []
    for _ in range(3):
        bench.tick(11)
        sent += bench.read(synced_s=None)
    bench.hear(PlacingAnswered(client_order_id=X1, result=said(PENDING)))

    assert [out for out in sent if isinstance(out, PlaceOrder)] == [command()]
    assert CancelOrder(client_order_id=X1, venue_order_id=VenueOrderId("v1")) in bench.tick()


def test_an_order_taken_for_a_foreign_one_is_ours_once_its_name_is_known():
    bench = quiet()
    bench.place()

    bench.hear(attrs.evolve(said(OPEN), client_order_id=None))
    outs = bench.hear(PlacingAnswered(client_order_id=X1, result=said(PENDING)))

    assert [(out.order.client_order_id, out.order.status) for out in outs] == [
        (ClientOrderId("venue:v1"), ABSENT),
        (X1, PENDING),
    ]
    assert list(bench.ledger.orders) == [X1]


def test_an_id_that_exists_proves_that_the_first_request_arrived():
    bench = quiet()
    bench.place()
    bench.refuse(Policy.ALREADY_EXISTS)
    bench.tick(3)

    nothing = bench.read()  # however young the copy
    bench.tick(3)
    found = bench.read(said(PENDING))

    assert statuses(nothing) == []
    assert statuses(found) == [PENDING]


def test_a_resend_that_could_not_leave_does_not_make_the_first_one_absent():
    bench = quiet()
    bench.place()
    bench.refuse(Policy.RETRY_SOON)
    bench.tick(0.3)

    bench.lose(sent=False)

    assert bench.order().status is UNKNOWN


def test_a_word_we_do_not_know_proves_that_the_order_exists_and_no_more():
    bench = quiet()
    bench.place()
    bench.lose()

    outs = bench.hear(said(None))

    assert statuses(outs) == [PENDING]


def test_an_unknown_order_found_inactive_after_its_deadline_is_asked_for_again():
    bench = quiet()
    bench.hear(SessionLost(VENUE, 1, "gone"))
    bench.place()  # it was allowed in the same moment
    bench.lose()
    bench.tick(11)

    bench.read(said(PENDING))

    assert bench.ledger.due_s < math.inf


# --- activation --------------------------------------------------------------------------------------------------


def test_an_overdue_activation_restarts_the_session_once_and_asks_for_each_order():
    bench = quiet()
    for name in (X1, X2):
        bench.place(name)
        bench.hear(PlacingAnswered(client_order_id=name, result=said(PENDING, name=name)))

    before = bench.tick(9.99)
    overdue = bench.tick(0.01)

    assert before == []
    assert overdue == [RestartWanted("no activation of x-1"), AskOrder(V1), AskOrder(V2)]
    assert [bench.order(name).remaining for name in (X1, X2)] == [1000, 1000]


def test_the_deadline_counts_from_sending():
    bench = quiet()
    bench.hear(Intent(strategy="maker", order=command()))
    bench.tick(60)
    bench.hear(PlacingStarted(client_order_ids=(X1,), at_s=bench.now_s))

    assert bench.ledger.due_s == bench.now_s + 10


def test_an_overdue_order_is_asked_for_until_it_is_known():
    bench = quiet()
    bench.place()
    bench.hear(PlacingAnswered(client_order_id=X1, result=said(PENDING)))
    bench.tick(10)

    bench.hear(OrderRead(venue_order_id=V1, result=AnswerLost("none")))
    again = bench.tick(1)
    bench.hear(OrderRead(venue_order_id=V1, result=said(PENDING)))
    once_more = bench.tick(2)
    bench.hear(OrderRead(venue_order_id=V1, result=said(OPEN)))

    assert again == once_more == [AskOrder(V1)]
    assert bench.ledger.due_s == math.inf


def test_an_overdue_order_without_a_name_is_looked_up_in_the_history():
    bench = quiet()
    bench.place()

    outs = bench.tick(10)

    assert [type(out) for out in outs] == [RestartWanted, AskHistory]


def test_an_order_is_not_overdue_once_it_is_open():
    bench = quiet()
    bench.rest()

    assert bench.tick(60) == []


# --- cancelling --------------------------------------------------------------------------------------------------


def test_a_cancel_goes_out_with_both_names_and_is_repeated_without_an_answer():
    bench = quiet()
    bench.rest()
    wanted = bench.hear(CancelWanted(X1))

    first = bench.tick()
    early = bench.tick(4.9)
    waiting = bench.tick(0.1)
    bench.cancelled(AnswerLost("none"))
    again = bench.tick(0.3)

    assert [out.order.cancel_wanted for out in wanted] == [True]
    assert waiting == []  # one cancel of an order is under way at a time
    assert first == again == [CancelOrder(client_order_id=X1, venue_order_id=V1)]
    assert early == []


def test_a_cancel_of_an_order_that_is_gone_or_unheard_of_is_nothing():
    bench = quiet()
    bench.rest()
    bench.hear(said(FILLED, 1000))

    assert bench.hear(CancelWanted(X1), CancelWanted(X2)) == []


def test_an_accepted_cancel_waits_for_the_private_channel_and_then_asks():
    bench = quiet()
    bench.rest()
    bench.hear(CancelWanted(X1))
    bench.tick()

    bench.cancelled(None)
    silent = bench.tick(0.9)
    asked = bench.tick(0.1)

    assert silent == []
    assert asked == [AskOrder(V1)]
    assert bench.order().status is OPEN  # the answer alone does not say how much was filled


def test_the_private_message_ends_a_cancelled_order():
    bench = quiet()
    bench.rest()
    bench.hear(CancelWanted(X1))
    bench.tick()
    bench.cancelled(None)

    outs = bench.hear(said(CANCELLED))

    assert statuses(outs) == [CANCELLED]
    assert bench.tally == Tally(sent=1, opened=1, cancelled=1)
    assert bench.ledger.flat


@pytest.mark.parametrize("policy", [Policy.ALREADY_GONE, Policy.TERMINAL])
def test_only_the_orders_own_state_says_that_it_is_gone(policy):
    bench = quiet()
    bench.rest()
    bench.hear(CancelWanted(X1))
    bench.tick()

    refused = bench.cancelled(no(policy))
    asked = bench.tick()
    still_there = bench.hear(OrderRead(venue_order_id=V1, result=said(OPEN)))
    again = bench.tick(0.3)
    gone = bench.hear(OrderRead(venue_order_id=V1, result=said(CANCELLED)))

    assert refused == still_there == []
    assert asked == [AskOrder(V1)]
    assert again == [CancelOrder(client_order_id=X1, venue_order_id=V1)]
    assert statuses(gone) == [CANCELLED]


@pytest.mark.parametrize(
    "answer",
    [
        no(Policy.RETRY_SOON, "order_opened_retry", 425),
        no(Policy.RETRY_SOON, "order_is_placing", 409),
        no(Policy.OUTCOME_UNKNOWN, "internal_error", 500),
        no(Policy.BACK_OFF, "rate_limit_reached", 429),
        AnswerLost("none"),
    ],
)
def test_a_cancel_is_sent_again_after_300_ms(answer):
    bench = quiet()
    bench.rest()
    bench.hear(CancelWanted(X1))
    bench.tick()

    bench.cancelled(answer)

    assert bench.tick(0.29) == []
    assert bench.tick(0.01) == [CancelOrder(client_order_id=X1, venue_order_id=V1)]


def test_a_cancel_answer_may_carry_the_order():
    bench = quiet()
    bench.rest()
    bench.hear(CancelWanted(X1))
    bench.tick()

    assert statuses(bench.cancelled(said(CANCELLED))) == [CANCELLED]
    assert bench.cancelled(None) == []  # and a second answer finds nothing to do


def test_an_order_without_a_name_is_cancelled_as_soon_as_it_has_one():
    bench = quiet()
    bench.place()
    bench.hear(CancelWanted(X1))

    unnamed = bench.tick()
    bench.hear(PlacingAnswered(client_order_id=X1, result=said(PENDING)))
    named = bench.tick()

    assert unnamed == []
    assert named == [CancelOrder(client_order_id=X1, venue_order_id=V1)]


def test_everything_is_cancelled_by_one_request_and_then_one_by_one():
    bench = quiet()
    bench.rest(X1)
    bench.rest(X2)

    outs = bench.hear(CancelEverything())
    nothing = bench.tick(0.9)
    one_by_one = bench.tick(0.1)

    assert outs[0] == CancelAll()
    assert [out.order.cancel_wanted for out in outs[1:]] == [True, True]
    assert nothing == []
    assert one_by_one == [
        CancelOrder(client_order_id=X1, venue_order_id=V1),
        CancelOrder(client_order_id=X2, venue_order_id=V2),
    ]


def test_everything_is_cancelled_also_when_nothing_is_known_to_rest():
    assert quiet().hear(CancelEverything()) == [CancelAll()]


def test_a_lost_session_cancels_nothing_when_flat():
    bench = quiet()
    bench.hear(SessionReady(VENUE, 1))

    assert bench.hear(SessionLost(VENUE, 1, "gone")) == []


@pytest.mark.parametrize("answer", [None, no(Policy.ALREADY_GONE, "no_cancellable_orders", 404), AnswerLost("none")])
def test_after_cancelling_all_the_history_tells_what_was_cancelled(answer):
    bench = quiet()
    bench.rest()
    bench.hear(CancelEverything())

    bench.hear(CancelAnswered(command=CancelAll(), result=answer))
    (asked,) = bench.tick()
    outs = bench.read(said(CANCELLED))

    assert asked.by is Window.UPDATED
    assert statuses(outs) == [CANCELLED]


def test_a_lost_session_cancels_everything_and_the_next_one_reads_what_was_missed():
    bench = quiet()
    bench.rest()

    lost = bench.hear(SessionLost(VENUE, 1, "gone"))
    lost_at = bench.wall_ns // 10**9
    bench.now_s += 3
    bench.hear(SessionReady(VENUE, 2))
    asked = next(out for out in bench.tick() if isinstance(out, AskHistory))

    assert lost[0] == CancelAll()
    assert asked == AskHistory(from_s=lost_at - 45, to_s=lost_at + 3 + 60, by=Window.UPDATED)


# --- asking ------------------------------------------------------------------------------------------------------


def test_doubts_about_orders_are_read_anew():
    bench = quiet()
    bench.rest()

    bench.hear(OrdersDoubted("unreadable"))
    (asked,) = bench.tick()
    outs = bench.read(said(FILLED, 1000))

    assert asked.by is Window.UPDATED
    assert statuses(outs) == [FILLED]


def test_a_copy_older_than_the_doubt_does_not_settle_it():
    bench = quiet()
    bench.hear(OrdersDoubted("unreadable"))
    doubted_s = bench.now_s
    bench.tick()

    bench.read(synced_s=doubted_s - 0.1)
    unsettled = bench.ledger.settled
    again = bench.tick(1)
    bench.read(synced_s=doubted_s)

    assert not unsettled
    assert [type(out) for out in again] == [AskHistory]
    assert bench.ledger.settled


def test_a_history_without_an_answer_is_asked_again():
    bench = quiet()
    bench.hear(OrdersDoubted("unreadable"))
    (asked,) = bench.tick()

    bench.hear(HistoryRead(question=asked, result=AnswerLost("none")))

    assert bench.tick(0.9) == []
    assert bench.tick(0.1) == [attrs.evolve(asked, to_s=asked.to_s + 1)]


def test_a_gap_read_from_a_copy_of_unknown_age_asks_for_each_order_itself():
    bench = quiet()
    bench.rest()
    bench.hear(OrdersDoubted("unreadable"))
    bench.tick()

    bench.read(synced_s=None)

    assert bench.tick() == [AskOrder(V1)]


def test_many_orders_at_once_are_asked_for_by_one_look_at_the_history():
    bench = quiet()
    for name in (X1, X2, X3):
        bench.place(name)
        bench.hear(PlacingAnswered(client_order_id=name, result=said(PENDING, name=name)))

    outs = bench.tick(10)

    assert [type(out) for out in outs] == [RestartWanted, AskOrder, AskOrder, AskHistory]


def test_after_copies_of_unknown_age_every_order_is_asked_for_at_once_and_when_none_can_be_older():
    bench = quiet()
    for name in (X1, X2, X3):
        bench.rest(name)
    bench.hear(OrdersDoubted("unreadable"))

    doubted_s, asked, asked_s = bench.now_s, [], {}
    for _ in range(60):
        for out in bench.tick(1):
            asked.append(out)
            asked_s.setdefault(out, []).append(bench.now_s - doubted_s)
            if isinstance(out, AskHistory):
                bench.read(synced_s=None)
            elif isinstance(out, AskOrder):
                name = ClientOrderId(f"x-{out.venue_order_id[1:]}")
                bench.hear(OrderRead(venue_order_id=out.venue_order_id, result=said(OPEN, name=name)))

    first_s, last_s = zip(*(asked_s[AskOrder(name)] for name in (V1, V2, V3)), strict=True)
    assert max(first_s) < 5 < COPY_AGE_MAX_S <= min(last_s)
    assert len(asked) < 12
    assert bench.ledger.due_s == math.inf


def test_an_answer_about_an_order_that_is_done_changes_nothing():
    bench = quiet()
    bench.rest()
    bench.hear(said(FILLED, 1000))

    assert bench.hear(OrderRead(venue_order_id=V1, result=said(OPEN))) == []
    assert bench.hear(OrderRead(venue_order_id=V2, result=no(Policy.ALREADY_GONE))) == []


# --- the account's own orders ------------------------------------------------------------------------------------


def test_the_account_is_ready_only_after_foreign_orders_are_gone():
    bench = Bench()
    bench.ledger.doubts.start(bench.now_s)
    bench.tick()

    adopted = bench.read(said(OPEN, name="old-9", venue_order_id=V3))
    cancel = [out for out in bench.tick() if isinstance(out, CancelOrder)]
    gone = bench.hear(said(CANCELLED, name="old-9", venue_order_id=V3))

    assert statuses(adopted) == [OPEN, OPEN]
    assert AccountReady(VENUE) not in adopted
    assert cancel == [CancelOrder(client_order_id=ClientOrderId("old-9"), venue_order_id=V3)]
    assert gone[-1] == AccountReady(VENUE)
    assert bench.tally == Tally()


def test_an_account_without_orders_is_ready_once():
    bench = Bench()
    bench.ledger.doubts.start(bench.now_s)
    bench.tick()

    assert bench.read() == [AccountReady(VENUE)]
    bench.hear(OrdersDoubted("unreadable"))
    bench.tick()
    assert bench.read() == []


def test_an_opening_copy_from_before_the_start_does_not_make_the_account_ready():
    bench = Bench()
    bench.ledger.doubts.start(bench.now_s)
    bench.tick()

    too_old = bench.read(synced_s=bench.now_s - 1)
    bench.tick(1)

    assert too_old == []
    assert bench.read() == [AccountReady(VENUE)]


def test_what_a_foreign_order_staked_is_told_and_what_is_over_is_not():
    bench = Bench()
    bench.ledger.doubts.start(bench.now_s)
    bench.tick()

    outs = bench.read(
        said(FILLED, 1000, name="old-1", venue_order_id=V1, last_fill=Fill(1000, Odds(146))),
        said(CANCELLED, name="old-2", venue_order_id=V2),
        said(SETTLED, 1000, name="old-3", venue_order_id=V3, result=Result.LOST),
    )

    assert [out.order.client_order_id for out in outs if isinstance(out, OrderChanged)] == ["old-1"]
    assert outs[-1] == AccountReady(VENUE)


def test_a_foreign_order_without_an_id_of_its_own_is_named_after_the_venues():
    bench = quiet()

    (adopted, wanted) = bench.hear(said(OPEN, name=None))

    assert adopted.order.client_order_id == wanted.order.client_order_id == "venue:v1"
    assert adopted.strategy == ""
    assert bench.tick() == [CancelAll()]  # the venue wants both names of an order


# --- fills -------------------------------------------------------------------------------------------------------


def test_an_answer_about_an_order_that_nobody_asked_for_changes_nothing():
    bench = quiet()

    assert bench.hear(OrderRead(venue_order_id=V1, result=said(OPEN, 300))) == []
    assert bench.ledger.orders == {}


def test_fills_are_cumulative_so_repeats_and_reorderings_change_nothing():
    bench = quiet()
    bench.rest()
    first = said(OPEN, 300, last_fill=Fill(300, Odds(146)), sequence_ns=1)
    second = said(OPEN, 500, last_fill=Fill(200, Odds(150)), sequence_ns=2)

    for report in (first, second, second, first):
        bench.hear(report)

    assert bench.order().fills == (Fill(300, Odds(146)), Fill(200, Odds(150)))
    assert (bench.tally.fills, bench.tally.fill_cents) == (2, 500)


def test_fills_known_only_by_their_sum_are_asked_for_at_the_end_and_replaced():
    bench = quiet()
    bench.rest()
    outs = bench.hear(said(FILLED, 1000))

    (asked,) = bench.tick(1)
    exact = (Fill(400, Odds(150)), Fill(600, Odds(146)))
    page = FillPage(fills=tuple((V1, fill) for fill in exact))
    replaced = bench.hear(FillsRead(question=asked, result=page))

    assert [out.order.fills for out in outs] == [(Fill(1000, Odds(146)),)]
    assert asked == AskFills((V1,))
    assert [out.order.fills for out in replaced] == [exact]
    assert bench.ledger.settled


def test_the_question_for_exact_fills_is_repeated_a_few_times_and_then_given_up():
    bench = quiet()
    bench.rest()
    bench.hear(said(FILLED, 1000))

    asked = 0
    for _ in range(30):
        for out in bench.tick(1):
            asked += 1
            result = (
                AnswerLost("none")
                if asked % 2
                else FillPage(fills=((V1, Fill(300, Odds(146))), (V2, Fill(1, Odds(146)))))
            )
            bench.hear(FillsRead(question=out, result=result))

    assert asked == MAX_FILL_QUESTIONS
    assert bench.ledger.settled
    assert bench.ledger.due_s == math.inf


def test_a_stake_that_shrank_is_a_cancel_after_a_partial_fill():
    bench = quiet()
    bench.rest()

    bench.hear(said(FILLED, 300, size=300, last_fill=Fill(300, Odds(146))))

    assert bench.order().status is CANCELLED
    assert bench.tally == Tally(sent=1, opened=1, cancelled=1, fills=1, fill_cents=300)


def test_a_wiped_order_counts_as_cancelled():
    bench = quiet()
    bench.rest()

    bench.hear(said(WIPED))

    assert bench.tally == Tally(sent=1, opened=1, cancelled=1)


def test_a_fill_that_raced_the_cancel_takes_the_cancel_back():
    bench = quiet()
    bench.rest()
    bench.hear(said(CANCELLED))

    late = bench.hear(said(FILLED, 1000, last_fill=Fill(1000, Odds(146))))

    assert statuses(late) == [FILLED]
    assert bench.tally == Tally(sent=1, opened=1, cancelled=0, fills=1, fill_cents=1000)


def test_a_report_about_another_selection_is_refused_and_counted():
    bench = quiet()
    bench.rest()

    assert bench.hear(said(FILLED, 1000, selection_id=SelectionId("another"))) == []
    assert bench.order().status is OPEN
    assert bench.tally.unreadable == 1


# --- whatever comes ----------------------------------------------------------------------------------------------

NAMES = st.sampled_from([X1, X2, X3])
REPORTS = st.builds(
    lambda name, status, filled, exact, sequence: said(
        status,
        1000 if status is FILLED else filled,
        name=name,
        last_fill=Fill(filled, Odds(146)) if exact and filled else None,
        sequence_ns=sequence,
    ),
    NAMES,
    st.sampled_from([None, PENDING, OPEN, FILLED, CANCELLED, WIPED, INVALID, SETTLED]),
    st.integers(0, 1000),
    st.booleans(),
    st.none() | st.integers(1, 9),
)
NOES = st.sampled_from(Policy).map(no)
LOST = st.just(AnswerLost("none"))
AGES = st.none() | st.floats(-5, 0)
STEPS = st.one_of(
    st.tuples(st.just("place"), NAMES),
    st.tuples(st.just("answer"), NAMES, REPORTS | NOES),
    st.tuples(st.just("lose"), NAMES, st.booleans()),
    st.tuples(st.just("report"), REPORTS),
    st.tuples(st.just("cancel"), NAMES),
    st.tuples(st.just("cancel_answer"), NAMES, REPORTS | NOES | LOST | st.none()),
    st.tuples(st.just("order_read"), NAMES, REPORTS | NOES | LOST),
    st.tuples(st.just("history"), st.lists(REPORTS, max_size=3), AGES),
    st.tuples(st.just("history_lost")),
    st.tuples(st.just("fills"), st.lists(st.tuples(st.sampled_from([V1, V2]), st.integers(1, 1000)), max_size=3)),
    st.tuples(st.just("doubt")),
    st.tuples(st.just("everything")),
    st.tuples(st.just("session"), st.booleans()),
    st.tuples(st.just("stop")),
    st.tuples(st.just("wait"), st.floats(0, 15)),
)


def foreign(report: OrderReported) -> OrderReported:
    name = str(report.client_order_id)[2:]
    return attrs.evolve(report, client_order_id=ClientOrderId(f"old-{name}"), venue_order_id=VenueOrderId(f"w{name}"))


def take(bench: Bench, step: tuple) -> None:
    placed = bench.ledger.orders
    match step:
        case ("place", name) if name not in placed:
            bench.place(name)
        case ("answer", name, result) if name in placed:
            if isinstance(result, OrderReported):
                result = attrs.evolve(result, client_order_id=name, venue_order_id=VenueOrderId(f"v{name[2:]}"))
            bench.hear(PlacingAnswered(client_order_id=name, result=result))
        case ("lose", name, sent) if name in placed:
            bench.lose(name, sent=sent)
        case ("report", report):
            bench.hear(report if report.client_order_id in placed else foreign(report))
        case ("cancel", name):
            bench.hear(CancelWanted(name))
        case ("cancel_answer", name, result) if name not in placed or placed[name].order.venue_order_id is not None:
            bench.cancelled(result, name)
        case ("order_read", name, result):
            bench.hear(OrderRead(venue_order_id=VenueOrderId(f"v{name[2:]}"), result=result))
        case ("history", reports, age_s) if bench.ledger.doubts.asked is not None:
            known = [each for each in reports if each.client_order_id in placed]
            bench.read(*map(foreign, reports), *known, synced_s=None if age_s is None else bench.now_s + age_s)
        case ("history_lost",) if bench.ledger.doubts.asked is not None:
            bench.hear(HistoryRead(question=bench.ledger.doubts.asked, result=AnswerLost("none")))
        case ("fills", fills):
            page = FillPage(fills=tuple((name, Fill(cents, Odds(146))) for name, cents in fills))
            bench.hear(FillsRead(question=AskFills((V1,)), result=page))
        case ("doubt",):
            bench.hear(OrdersDoubted("unreadable"))
        case ("everything",):
            bench.hear(CancelEverything())
        case ("session", ready):
            bench.hear(SessionReady(VENUE, 2) if ready else SessionLost(VENUE, 1, "gone"))
        case ("stop",):
            bench.ledger.stop()
        case ("wait", seconds):
            bench.now_s += seconds


def recalled(name: str, status: OrderStatus, filled: int) -> Recalled:
    """An order that a process before this one left."""
    filled = {NEW: 0, UNKNOWN: 0, FILLED: 1000}.get(status, filled)
    order = attrs.evolve(
        Order.placed(command(name)),
        status=status,
        filled=filled,
        fills=(Fill(filled, Odds(146)),) if filled else (),
        venue_order_id=None if status in (NEW, UNKNOWN) else VenueOrderId(f"v{name[2:]}"),
    )
    return Recalled(venue=VENUE, strategy="maker", order=order, intended_ns=EPOCH_NS, moved_ns=EPOCH_NS, as_of_ns=0)


MEMORIES = st.dictionaries(
    NAMES, st.tuples(st.sampled_from([NEW, UNKNOWN, PENDING, OPEN, FILLED]), st.integers(0, 999))
)


@given(st.just({}) | MEMORIES, st.lists(STEPS, max_size=30))
def test_whatever_comes_no_fill_is_lost_and_no_order_is_forgotten(memory, steps):
    bench = quiet() if not memory else Bench()
    ledger = bench.ledger
    ledger.memory = [recalled(name, status, filled) for name, (status, filled) in memory.items()]
    outs = list(ledger.open_account(bench.now_s, bench.wall_ns)) if memory else []
    filled_before = sum(each.order.filled for each in ledger.memory)

    highest: dict[str, int] = {}
    for step in steps:
        take(bench, step)
        outs += bench.tick()

        live = {name for name, tracked in ledger.orders.items() if tracked.order.can_match}
        assert ledger.flat == (not live)
        assert ledger.due_s > bench.now_s
        for name, tracked in ledger.orders.items():
            order = tracked.order
            assert order.filled >= highest.get(name, 0)
            highest[name] = order.filled
            assert sum(fill.size for fill in order.fills) == order.filled
            named = order.venue_order_id is not None
            if order.status is UNKNOWN or (
                order.can_match and named and (order.cancel_wanted or order.status is PENDING)
            ):
                assert tracked.due_s < math.inf, f"{name} would never be looked at again"
    highest = {name: tracked.order.filled for name, tracked in ledger.orders.items()}
    ours = sum(filled for name, filled in highest.items() if ledger.ids.owns(ClientOrderId(name)))
    assert bench.tally.fill_cents == ours - filled_before
    assert not {out.client_order_id for out in outs if isinstance(out, PlaceOrder)} & memory.keys()
    assert memory or bench.tally.sent >= bench.tally.rejected


@given(st.lists(REPORTS, max_size=6), st.randoms(use_true_random=False))
def test_duplicates_and_reorderings_end_with_the_same_fills(reports, random):
    straight, shuffled = quiet(), quiet()
    again = [*reports, *reports]
    random.shuffle(again)
    for bench in (straight, shuffled):
        for name in (X1, X2, X3):
            bench.place(name)

    straight.hear(*reports)
    shuffled.hear(*again)

    for name in (X1, X2, X3):
        assert shuffled.order(name).filled == straight.order(name).filled
