"""Whose word it is that the ledger believes, and what risk makes of what is unknown."""

import ast
from pathlib import Path

import attrs
import pytest

from actors.decisions.absence import Baseline
from actors.decisions.guard import Guard, Limits
from actors.decisions.ledger import COPY_AGE_MAX_S, OrderLedger
from actors.decisions.recollection import Recalled
from actors.decisions.standing import Standing
from actors.entries import AccountOpened
from actors.messages import (
    AskHistory,
    CancelAnswered,
    CancelWanted,
    FillsRead,
    FundsRead,
    HistoryRead,
    Intent,
    OrderChanged,
    OrderRead,
    PlacingAnswered,
    PlacingLost,
    PlacingStarted,
    SessionReady,
    TrackerMessage,
)
from actors.tally import Tally
from protocol.belief import NEVER_READ, Known, Proof, Source, Unknown
from protocol.commands import CancelOrder, PlaceOrder
from protocol.events import Fill, MarketSettled, OrderReported, OrderStatus
from protocol.ids import BookKey, ClientOrderId, ClientOrderIds, EventId, MarketId, SelectionId, VenueOrderId
from protocol.order import Order
from protocol.prices import Probability
from protocol.prophetx.venue import ProphetX
from protocol.satoriex.venue import SatoriEx
from protocol.venue import Balance, FillPage, Holding, OrderPage, Traits

START_NS = 1_790_000_000 * 10**9
NAMED, NAMELESS = ProphetX().traits, SatoriEx(absence_after_s=8.0).traits
KEY = BookKey(EventId("m"), MarketId("yes"))
YES = SelectionId("m/yes")
X1, V1 = ClientOrderId("x-1"), VenueOrderId("v1")
COMMAND = PlaceOrder(client_order_id=X1, key=KEY, selection_id=YES, price=Probability(4000), size=100)
COST = 40_000_000  # micro-dollars
CANCEL = CancelOrder(client_order_id=X1, venue_order_id=V1)
UNKNOWN, PENDING, OPEN, FILLED, ABSENT = (
    OrderStatus[name] for name in ["UNKNOWN", "PENDING", "OPEN", "FILLED", "ABSENT"]
)


def said(status: OrderStatus, filled: int = 0, **changes: object) -> OrderReported:
    report = OrderReported(
        venue_order_id=V1,
        client_order_id=X1,
        key=KEY,
        selection_id=YES,
        price=Probability(4000),
        size=100,
        filled=filled,
        status=status,
    )
    return attrs.evolve(report, **changes)


def recalled(status: OrderStatus) -> Recalled:
    return Recalled(
        venue=NAMED.venue,
        strategy="maker",
        order=Order.placed(COMMAND).move(status),
        intended_ns=START_NS,
        moved_ns=START_NS + 5,
        as_of_ns=START_NS + 3,
    )


@attrs.define
class Bench:
    """A ledger with a clock that is moved by hand; whatever becomes absent is held against the proofs."""

    traits: Traits = NAMED
    memory: tuple[Recalled, ...] = ()
    baseline: Baseline | None = None
    now_s: float = 100.0
    ledger: OrderLedger = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.ledger = OrderLedger(
            traits=self.traits,
            ids=ClientOrderIds("x"),
            activation_timeout_s=10.0,
            tally=Tally(),
            memory=self.memory,
            baseline=self.baseline,
        )

    @property
    def wall_ns(self) -> int:
        return START_NS + int(self.now_s * 1e9)

    @property
    def belief(self) -> Known[Order] | Unknown:
        return self.ledger.orders[X1].belief

    @property
    def word(self) -> tuple[Source, int]:
        """Return whose word on the order is believed, and how many nanoseconds old it is."""
        assert isinstance(self.belief, Known)
        return self.belief.source, self.wall_ns - self.belief.as_of_ns

    def hear(self, *messages: TrackerMessage) -> list[object]:
        return [out for each in messages for out in self.ledger.handle(each, self.now_s, self.wall_ns)]

    def tick(self, after_s: float = 0.0) -> list[object]:
        self.now_s += after_s
        return list(self.ledger.tick(self.now_s, self.wall_ns))

    def place(self, *answers: OrderReported) -> None:
        self.hear(Intent(strategy="maker", order=COMMAND))
        self.hear(PlacingStarted(client_order_ids=(X1,), at_s=self.now_s))
        self.hear(*(PlacingAnswered(client_order_id=X1, result=each) for each in answers))

    def lose(self, *, sent: bool = True) -> list[object]:
        return self.hear(PlacingLost(client_order_ids=(X1,), sent=sent, reason="cut"))

    def list_orders(self, *orders: OrderReported, synced_at_ns: int | None = None) -> list[object]:
        """Answer the question about the history that is due; none is no answer."""
        self.tick()
        asked = self.ledger.doubts.asked
        if asked is None:
            return []
        return self.hear(HistoryRead(question=asked, result=OrderPage(orders=orders, synced_at_ns=synced_at_ns)))

    def read_funds(self, free_micro: int) -> list[object]:
        return self.hear(funds(free_micro, asked_at_s=self.now_s, as_of_ns=self.wall_ns))


def funds(free_micro: int, *held: Holding, asked_at_s: float = 0.0, as_of_ns: int = 7) -> FundsRead:
    return FundsRead(
        venue=NAMELESS.venue,
        balance=Balance(free_micro=free_micro, resting_micro=None),
        held=held,
        asked_at_s=asked_at_s,
        as_of_ns=as_of_ns,
    )


# --- whose word --------------------------------------------------------------------------------------------------


def test_an_order_that_leaves_is_unknown_until_it_is_answered():
    bench = Bench()
    bench.place()

    assert bench.belief == Unknown("not answered yet")


def test_one_whose_answer_is_lost_is_unknown_and_says_why():
    bench = Bench()
    bench.place()
    bench.lose()

    assert bench.belief == Unknown("cut")


WORDS = {
    "push": (said(OPEN), Source.PUSH),
    "answer": (PlacingAnswered(client_order_id=X1, result=said(OPEN)), Source.ANSWER),
    "cancel": (CancelAnswered(command=CANCEL, result=said(OrderStatus.CANCELLED)), Source.ANSWER),
    "read": (OrderRead(venue_order_id=V1, result=said(OPEN)), Source.READ),
    "history": (
        HistoryRead(question=AskHistory(from_s=0, to_s=1), result=OrderPage(orders=(said(OPEN),))),
        Source.HISTORY,
    ),
}


@pytest.mark.parametrize(("message", "source"), WORDS.values(), ids=WORDS.keys())
def test_what_a_message_says_is_known_by_its_source_as_of_when_it_was_heard(message, source):
    bench = Bench()
    bench.place(said(PENDING))
    bench.now_s += 3

    (changed,) = [out for out in bench.hear(message) if isinstance(out, OrderChanged)]

    assert bench.word == (source, 0)
    assert changed.belief == bench.belief


def test_a_report_that_says_of_which_moment_it_is_counts_as_of_then():
    bench = Bench()
    bench.place(said(PENDING))
    bench.now_s += 3

    bench.hear(said(OPEN, sequence_ns=bench.wall_ns - 30))
    pushed = bench.word
    bench.hear(OrderRead(venue_order_id=V1, result=said(OPEN, 5, synced_at_ns=bench.wall_ns - 20)))

    assert (pushed, bench.word) == ((Source.PUSH, 30), (Source.READ, 20))


def test_a_report_that_agrees_makes_the_belief_younger_and_is_not_told():
    bench = Bench()
    bench.place(said(OPEN))
    bench.now_s += 60

    outs = bench.hear(OrderRead(venue_order_id=V1, result=said(OPEN)))

    assert outs == []
    assert bench.word == (Source.READ, 0)


def test_a_lagging_copy_that_says_less_leaves_the_belief_as_it_was():
    bench = Bench()
    bench.place(said(PENDING))
    bench.hear(said(OPEN, 50))
    bench.now_s += 1

    bench.hear(OrderRead(venue_order_id=V1, result=said(OPEN, 20)))

    assert bench.word == (Source.PUSH, 10**9)


def test_an_older_word_that_adds_something_does_not_make_the_belief_older():
    bench = Bench()
    bench.place(said(OPEN))

    bench.hear(OrderRead(venue_order_id=V1, result=said(OPEN, 20, synced_at_ns=START_NS)))

    assert bench.word == (Source.READ, 0)


def test_that_we_want_it_cancelled_is_nobodys_word():
    bench = Bench()
    bench.place(said(OPEN))
    bench.now_s += 1

    (changed,) = bench.hear(CancelWanted(X1))

    assert changed.order.cancel_wanted
    assert (changed.source, bench.word) == (Source.ANSWER, (Source.ANSWER, 10**9))


def test_the_prices_of_its_fills_are_known_by_their_own_source():
    bench = Bench()
    bench.place(said(OPEN))
    bench.hear(said(FILLED, 100))
    (question,) = bench.tick(1.0)

    bench.hear(FillsRead(question=question, result=FillPage(fills=((V1, Fill(100, Probability(3900))),))))

    assert bench.word == (Source.FILLS, 0)


def test_a_result_is_the_markets_word():
    bench = Bench(NAMELESS)
    bench.place(said(FILLED, 100, client_order_id=None))
    bench.now_s += 1

    bench.hear(MarketSettled(event_id=KEY.event_id, winners=frozenset({YES})))

    assert bench.belief.value.status is OrderStatus.SETTLED
    assert bench.word == (Source.RESULT, 0)


@pytest.mark.parametrize("status", [OrderStatus.NEW, UNKNOWN])
def test_what_a_process_before_this_one_sent_is_unknown(status):
    bench = Bench(memory=(recalled(status),))

    list(bench.ledger.open_account(bench.now_s, bench.wall_ns))

    assert isinstance(bench.belief, Unknown)


def test_what_it_knew_is_the_journals_word_as_of_then_until_the_venue_says_more():
    bench = Bench(memory=(recalled(OPEN),))

    (told,) = [out for out in bench.ledger.open_account(bench.now_s, bench.wall_ns) if isinstance(out, OrderChanged)]
    bench.hear(said(OPEN))

    assert (told.source, told.as_of_ns) == (Source.JOURNAL, START_NS + 3)
    assert bench.word == (Source.PUSH, 0)


def test_an_order_of_somebody_else_is_known_by_whose_word_it_was_found():
    bench = Bench()

    bench.hear(HistoryRead(question=AskHistory(from_s=0, to_s=1), result=OrderPage(orders=(said(OPEN),))))

    assert bench.word == (Source.HISTORY, 0)


# --- absence -----------------------------------------------------------------------------------------------------


def unsent() -> Bench:
    bench = Bench()
    bench.hear(Intent(strategy="maker", order=COMMAND))
    bench.lose(sent=False)
    return bench


def synced() -> Bench:
    bench = Bench()
    bench.place()
    bench.lose()
    bench.now_s += 5
    bench.list_orders(synced_at_ns=bench.wall_ns - 1)
    return bench


def paged() -> Bench:
    bench = Bench(memory=(recalled(UNKNOWN),))
    list(bench.ledger.open_account(bench.now_s, bench.wall_ns))
    bench.hear(SessionReady(NAMED.venue, 1))
    while isinstance(bench.belief, Unknown) and bench.now_s < 200:
        bench.now_s += 2
        bench.list_orders()
    assert bench.now_s >= 100 + COPY_AGE_MAX_S
    return bench


def by_the_funds() -> Bench:
    bench = Bench(NAMELESS, baseline=Baseline(1_000_000_000, {}))
    bench.place()
    bench.lose()
    for _ in range(3):
        bench.now_s += 10
        bench.read_funds(1_000_000_000)
        bench.now_s += 1
        bench.list_orders()
    return bench


LOST = {
    Proof.UNSENT: (unsent, Source.RECKONED, 0),
    Proof.SYNCED: (synced, Source.HISTORY, 1),
    Proof.PAGED: (paged, Source.HISTORY, 0),
    Proof.FUNDS: (by_the_funds, Source.FUNDS, 10**9),
}


@pytest.mark.parametrize("proof", LOST)
def test_an_order_that_never_came_to_be_names_its_proof_and_whose_word_it_is(proof):
    lost, source, age_ns = LOST[proof]

    bench = lost()

    order = bench.ledger.orders[X1].order
    assert (order.status, order.reason) == (ABSENT, proof.value)
    assert bench.word == (source, age_ns)


def test_a_foreign_order_that_was_ours_all_along_names_its_proof():
    bench = Bench()
    bench.place()
    bench.hear(said(OPEN, client_order_id=None))

    twin, _ = bench.hear(PlacingAnswered(client_order_id=X1, result=said(PENDING)))

    assert (twin.order.status, twin.order.reason) == (ABSENT, Proof.TWIN.value)


def test_every_proof_is_shown_here():
    assert {*LOST, Proof.TWIN} == set(Proof)


def unproved(call: ast.Call) -> bool:
    """Tell whether a call moves an order to absent, and gives a reason that is no proof."""
    moves = isinstance(call.func, ast.Attribute) and call.func.attr == "move"
    named = {each.arg: each.value for each in call.keywords}
    status, reason = [*call.args, None, None][:2] if moves else (named.get("status"), named.get("reason"))
    absent = status is not None and ast.unparse(status) in ("ABSENT", "OrderStatus.ABSENT")
    return absent and (reason is None or "proof" not in ast.unparse(reason).lower())


def test_nowhere_does_an_order_become_absent_without_a_proof(root: Path):
    files = [file for room in ("actors", "protocol") for file in (root / room).rglob("*.py")]
    calls = [(file.name, call) for file in files for call in ast.walk(ast.parse(file.read_text()))]

    assert [(name, call.lineno) for name, call in calls if isinstance(call, ast.Call) and unproved(call)] == []
    assert unproved(ast.parse("order.move(OrderStatus.ABSENT, 'gone')", mode="eval").body)
    assert unproved(ast.parse("evolve(order, status=OrderStatus.ABSENT)", mode="eval").body)


# --- what risk makes of it ---------------------------------------------------------------------------------------


def guard_of(standing: Standing) -> Guard:
    return Guard(limits=Limits(), tally=Tally(), standings={standing.traits.venue: standing})


@pytest.mark.parametrize("sent", [True, False])
def test_what_is_unknown_stays_reserved_in_full_and_what_is_proved_absent_is_not(sent):
    bench, standing = Bench(NAMELESS), Standing(traits=NAMELESS)
    guard = guard_of(standing)
    bench.place() if sent else bench.hear(Intent(strategy="maker", order=COMMAND))
    guard.change(bench.ledger.orders[X1].order, NAMELESS.venue, 0.0, 1)
    leaving = guard.exposure.account_micro

    for out in bench.lose(sent=sent):
        guard.change(out.order, NAMELESS.venue, 0.0, 1)

    assert leaving == COST
    assert isinstance(bench.belief, Unknown) == sent
    assert guard.exposure.account_micro == (COST if sent else 0)
    assert guard.open_orders == sent


def test_an_unknown_balance_keeps_nothing_from_being_bought_and_a_known_one_does():
    standing = Standing(traits=NAMELESS)
    unread = standing.can_pay(COST)
    standing.read(funds(COST - 1))

    assert unread
    assert not standing.can_pay(COST)
    assert standing.can_pay(COST - 1)


def test_what_was_held_before_is_unknown_until_it_is_read():
    holding = Holding(key=KEY, selection_id=YES, shares=50, cost_micro=0)
    standing = Standing(traits=NAMELESS)
    standing.recall(AccountOpened(venue=NAMELESS.venue, account="a", money_micro=COST, held=(holding,)))
    recalled_alone = standing.held_before()
    standing.read(funds(COST, holding, as_of_ns=9))

    assert recalled_alone == {YES: NEVER_READ}
    assert standing.held_before() == {YES: Known(50, Source.FUNDS, 9)}
