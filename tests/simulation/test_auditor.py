from collections.abc import Callable
from random import Random

import attrs
import pytest

from actors.decisions.guard import Limits
from actors.entries import Latch
from actors.exchange.embedded import TrueOrder
from actors.exchange.pipe import open_pipe
from actors.messages import MarketView
from actors.simulation.auditor import (
    CANCELLED_S,
    DEAD_GRACE_S,
    FORGOTTEN_S,
    KILLED_S,
    LATCH_GRACE_S,
    Auditor,
    Violation,
    Watched,
)
from actors.simulation.network import Link, Network
from actors.simulation.process import Process
from actors.simulation.trader import Asked
from protocol.book import BookStatus
from protocol.commands import PlaceOrder
from protocol.events import EventListed, EventStatus, OrderStatus, Result, Side
from protocol.ids import (
    BookKey,
    ClientOrderId,
    CompetitionId,
    EventId,
    MarketId,
    SelectionId,
    VenueName,
    VenueOrderId,
    sale_of,
)
from protocol.money import micro
from protocol.odds import Odds, generate_ladder
from protocol.order import RESTABLE, Order
from protocol.prices import Probability, cost_micro, gain_micro
from protocol.prophetx.venue import ProphetX

KEY = BookKey(EventId(1), MarketId(219))
HOME, AWAY = SelectionId("home"), SelectionId("away")
LOSS_GRACE_S = 300.0
X1, X2, V1, V2 = ClientOrderId("x-1"), ClientOrderId("x-2"), VenueOrderId("v-1"), VenueOrderId("v-2")
VENUE = VenueName("venue")
SILENT_S = 30.0
LIMITS = Limits(market_cents=10_000, account_cents=15_000, daily_loss_cents=5_000)
EVENT = EventListed(event_id=EventId(1), competition_id=CompetitionId(31), name="A at B", status=EventStatus.SCHEDULED)
TERMS = ProphetX().terms(EVENT, generate_ladder())
EVENS = Odds(100)  # what is staked is what is won


@attrs.define
class Bench:
    """An auditor, and a venue whose truth the test hands it."""

    named: bool = True
    now_s: float = 0.0
    day: int = 0
    orders: list[TrueOrder] = attrs.field(factory=list)
    won_micro: int = 0
    auditor: Auditor = attrs.field(init=False)
    network: Network = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.network = Network(dial_venue=no_venue, random=Random(1), latency_s=0.0, note=lambda kind, data: None)
        self.open_socket()
        self.network.delivered_s = 0.0
        watched = Watched(
            network=self.network,
            truth=lambda: self.orders,
            named=self.named,
            silent_s=SILENT_S,
            won_micro=(lambda: self.won_micro) if self.named else None,
        )
        self.auditor = Auditor(
            venues={VENUE: watched},
            limits=LIMITS,
            loss_grace_s=LOSS_GRACE_S,
            now_s=lambda: self.now_s,
            day=lambda: self.day,
        )

    def open_socket(self) -> None:
        ours, _ = open_pipe()
        self.network.links.append(Link(self.network, Process(lambda: 0), ours, is_socket=True))

    def lose_socket(self) -> None:
        self.network.links.clear()
        self.network.socket_lost_s = self.now_s

    def speak(self) -> None:
        """Have the venue's socket say something."""
        self.network.delivered_s = self.now_s

    def ask(self, name: ClientOrderId = X1, **changes: object) -> None:
        self.auditor.note_asked(asked(name, **changes))

    def there(self, *orders: TrueOrder) -> None:
        """Have these orders, and no others, at the venue, and look at it."""
        self.orders = list(orders)
        self.auditor.look({VENUE: self.orders}, None)

    def place(self) -> None:
        self.auditor.placing(VENUE)

    @property
    def broken(self) -> list[str]:
        return list(self.auditor.violations)


@pytest.fixture
def bench() -> Bench:
    """A venue whose orders carry our ids."""
    return Bench()


@pytest.fixture
def nameless() -> Bench:
    """A venue whose orders carry none."""
    return Bench(named=False)


async def no_venue() -> object:
    raise ConnectionRefusedError


def market(event: EventListed = EVENT, key: BookKey = KEY) -> MarketView:
    sides = (Side(selection_id=HOME), Side(selection_id=AWAY))
    return MarketView(key=key, name="", kind="", event=event, terms=TERMS, epoch=1, status=BookStatus.LIVE, sides=sides)


def asked(name: ClientOrderId = X1, **changes: object) -> Asked:
    one = Asked(at_s=0.0, client_order_id=name, key=KEY, selection_id=HOME, price=EVENS, size=1000, market=market())
    return attrs.evolve(one, **changes)


def true(name: ClientOrderId | None = X1, venue_order_id: VenueOrderId = V1, **changes: object) -> TrueOrder:
    """Return an order as the exchange has it; what is filled is filled at its limit."""
    one = TrueOrder(
        venue_order_id=venue_order_id,
        client_order_id=name,
        key=KEY,
        selection_id=HOME,
        price=EVENS,
        size=1000,
        status=OrderStatus.OPEN,
        filled=0,
        cost_micro=0,
        gain_micro=0,
        settled=False,
        result=Result.TO_BE_DECIDED,
    )
    order = attrs.evolve(one, **changes)
    cost, gain = cost_micro(order.price, order.filled), gain_micro(order.price, order.filled)
    return attrs.evolve(order, **{"cost_micro": cost, "gain_micro": gain, **changes})


def filled(name: ClientOrderId | None = X1, venue_order_id: VenueOrderId = V1, **changes: object) -> TrueOrder:
    size = changes.get("size", 1000)
    return true(name, venue_order_id, filled=size, status=OrderStatus.FILLED, **changes)


def booked(name: ClientOrderId = X1, size: int = 0, venue_order_id: VenueOrderId | None = V1) -> Order:
    command = PlaceOrder(client_order_id=name, key=KEY, selection_id=HOME, price=EVENS, size=1000)
    return attrs.evolve(Order.placed(command), venue_order_id=venue_order_id, filled=size)


# --- what it keeps -----------------------------------------------------------------------------------------------


def test_of_each_rule_the_first_breach_is_kept(bench):
    bench.now_s = 5.0
    bench.auditor.violate("rule", "first")
    bench.now_s = 6.0
    bench.auditor.violate("rule", "second")

    assert bench.auditor.violations == {"rule": Violation(at_s=5.0, rule="rule", text="first")}


# --- what was asked for ------------------------------------------------------------------------------------------


def test_what_was_asked_for_may_be_there(bench):
    bench.ask()

    bench.there(true())
    bench.there(filled())

    assert bench.broken == []


def test_an_order_that_nobody_asked_for(bench):
    bench.ask()

    bench.there(true(), true(X2, V2))

    assert bench.broken == ["nobody asked"]


def test_an_order_without_a_name_among_the_named(bench):
    bench.there(true(None))

    assert bench.broken == ["nobody asked"]


@pytest.mark.parametrize(
    "changes",
    [
        {"size": 1001},
        {"price": Odds(-110)},
        {"selection_id": AWAY},
        {"key": BookKey(EventId(1), MarketId(220))},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_an_order_that_is_not_what_was_asked(bench, changes):
    bench.ask()

    bench.there(true(**changes))

    assert bench.broken == ["not what was asked"]


def test_orders_without_names_are_told_apart_by_what_they_are(nameless):
    nameless.ask(X1)
    nameless.ask(X2, size=999)

    nameless.there(true(None, V1), true(None, V2, size=999))

    assert nameless.broken == []


def test_as_many_alike_as_were_asked_for_may_be_there(nameless):
    nameless.ask(X1)
    nameless.ask(X2)

    nameless.there(filled(None, V1), true(None, V2))

    assert nameless.broken == []


def test_one_more_than_was_asked_for_was_sent_twice(nameless):
    nameless.ask()

    nameless.there(filled(None, V1), true(None, V2))

    assert nameless.broken == ["sent twice"]


def test_one_that_is_like_none_nobody_asked_for(nameless):
    nameless.ask()

    nameless.there(true(None, size=999))

    assert nameless.broken == ["nobody asked"]


# --- when orders may arrive --------------------------------------------------------------------------------------


def test_an_order_may_arrive_while_the_socket_speaks(bench):
    bench.now_s = 500.0
    bench.speak()
    bench.now_s += SILENT_S + DEAD_GRACE_S

    bench.place()

    assert bench.broken == []


def test_an_order_after_a_long_silence(bench):
    bench.now_s = SILENT_S + DEAD_GRACE_S + 1

    bench.place()

    assert bench.broken == ["dead book"]


def test_an_order_soon_after_the_socket_was_on_its_way(bench):
    bench.lose_socket()
    bench.now_s = DEAD_GRACE_S

    bench.place()

    assert bench.broken == []


def test_an_order_long_after_the_socket(bench):
    bench.lose_socket()
    bench.now_s = DEAD_GRACE_S + 1

    bench.place()

    assert bench.broken == ["dead book"]


def test_an_order_on_another_socket(bench):
    bench.lose_socket()
    bench.open_socket()
    bench.now_s = DEAD_GRACE_S + 1

    bench.place()

    assert bench.broken == []


@pytest.mark.parametrize("latch", Latch)
def test_an_order_after_a_latch(bench, latch):
    bench.auditor.latched(latch)
    bench.now_s = LATCH_GRACE_S + 1

    bench.place()

    assert bench.broken == ["latch"]
    assert latch.value in bench.auditor.violations["latch"].text


def test_an_order_that_was_on_its_way_when_a_latch_fell(bench):
    bench.auditor.latched(Latch.HALT)
    bench.now_s = LATCH_GRACE_S

    bench.place()

    assert bench.broken == []


def test_a_latch_that_falls_again_fell_before(bench):
    bench.auditor.latched(Latch.HALT)
    bench.now_s = LATCH_GRACE_S
    bench.auditor.latched(Latch.HALT)
    bench.now_s += 1

    bench.place()

    assert bench.broken == ["latch"]


def test_an_order_after_a_latch_was_lifted(bench):
    bench.auditor.latched(Latch.HALT)
    bench.auditor.lifted(Latch.HALT)
    bench.now_s = LATCH_GRACE_S + 1

    bench.place()

    assert bench.broken == []


# --- what must not leave -----------------------------------------------------------------------------------------


def ask_too_late(bench: Bench, rule: str) -> None:
    """Have an order asked for that this rule keeps from leaving."""
    bench.now_s = 10.0
    match rule:
        case "stop":
            bench.auditor.stopped()
        case "latch":
            bench.auditor.latched(Latch.HALT)
    bench.now_s = 10.1
    bench.ask(at_s=10.1, dead=rule == "dead book")


@pytest.mark.parametrize("rule", ["stop", "latch", "dead book"])
@pytest.mark.parametrize("named", [True, False], ids=["named", "nameless"])
def test_an_order_that_was_asked_for_too_late(named, rule):
    bench = Bench(named=named)
    ask_too_late(bench, rule)

    bench.there(filled(X1 if named else None))

    assert bench.broken == [rule]


@pytest.mark.parametrize("rule", ["stop", "latch", "dead book"])
def test_one_that_was_asked_for_in_time_may_be_like_it(nameless, rule):
    nameless.ask()
    ask_too_late(nameless, rule)

    nameless.there(true(None))

    assert nameless.broken == []


def test_a_new_process_may_send_again(bench):
    ask_too_late(bench, "stop")
    bench.auditor.started()
    bench.ask(X2)

    bench.there(true(X2, V2))

    assert bench.broken == []


def test_the_name_of_one_that_never_left_may_be_used_by_the_next_process(bench):
    ask_too_late(bench, "stop")
    bench.auditor.note_cancelled(X1)
    bench.auditor.started()
    bench.ask(X1)
    bench.orders = [true(X1)]

    look_twice(bench, [X1], CANCELLED_S + 1)

    assert bench.broken == []


def test_an_order_in_the_moment_of_a_latch_may_leave(bench):
    bench.auditor.latched(Latch.HALT)
    bench.ask()

    bench.there(true())

    assert bench.broken == []


# --- the loss of the day -----------------------------------------------------------------------------------------


def lose(bench: Bench, cents: int) -> None:
    bench.won_micro -= micro(cents)
    bench.auditor.look({VENUE: bench.orders}, None)


def place_later(bench: Bench, seconds: float) -> None:
    bench.now_s += seconds
    bench.speak()
    bench.place()


def test_an_order_long_after_the_loss_of_the_day(bench):
    lose(bench, 5_000)

    place_later(bench, LOSS_GRACE_S + 1)

    assert bench.broken == ["daily loss"]


def test_an_order_before_the_news_of_the_loss_can_have_come(bench):
    lose(bench, 5_000)

    place_later(bench, LOSS_GRACE_S)

    assert bench.broken == []


def test_an_order_after_less_than_the_loss_of_the_day(bench):
    lose(bench, 4_999)

    place_later(bench, LOSS_GRACE_S + 1)

    assert bench.broken == []


def test_what_was_lost_can_be_won_back(bench):
    lose(bench, 5_000)
    bench.now_s = LOSS_GRACE_S
    lose(bench, -1)

    place_later(bench, LOSS_GRACE_S)

    assert bench.broken == []


def test_what_an_operator_forgave_counts_no_more(bench):
    lose(bench, 5_000)
    bench.auditor.lifted(Latch.DAILY_LOSS)
    lose(bench, 4_999)

    place_later(bench, LOSS_GRACE_S + 1)

    assert bench.broken == []


def test_what_was_lost_yesterday_is_no_loss_of_today(bench):
    lose(bench, 3_000)
    bench.day = 1
    bench.auditor.look({VENUE: bench.orders}, None)
    lose(bench, 3_000)

    place_later(bench, LOSS_GRACE_S + 1)

    assert bench.broken == []


def test_a_new_day_can_be_lost_too(bench):
    bench.day = 1
    bench.auditor.look({VENUE: bench.orders}, None)
    lose(bench, 5_000)

    place_later(bench, LOSS_GRACE_S + 1)

    assert bench.broken == ["daily loss"]


def test_after_it_was_forgiven_a_day_can_be_lost_again(bench):
    lose(bench, 5_000)
    bench.auditor.lifted(Latch.DAILY_LOSS)
    lose(bench, 5_000)

    place_later(bench, LOSS_GRACE_S + 1)

    assert bench.broken == ["daily loss"]


def test_where_results_are_no_money_nothing_is_lost(nameless):
    nameless.won_micro = -micro(90_000)
    nameless.auditor.look({VENUE: nameless.orders}, None)

    place_later(nameless, LOSS_GRACE_S + 1)

    assert nameless.broken == []


# --- what is live ------------------------------------------------------------------------------------------------


def look_twice(bench: Bench, live: list[ClientOrderId] | None, seconds: float) -> None:
    bench.auditor.look({VENUE: bench.orders}, live)
    bench.now_s += seconds
    bench.auditor.look({VENUE: bench.orders}, live)


@pytest.fixture(params=[True, False], ids=["named", "nameless"])
def resting(request) -> Bench:
    """An order that was asked for and rests."""
    bench = Bench(named=request.param)
    bench.ask()
    bench.orders = [true(X1 if request.param else None)]
    return bench


def test_an_order_that_rests_while_the_bot_thinks_it_ended(resting):
    look_twice(resting, [], FORGOTTEN_S + 1)

    assert resting.broken == ["forgotten"]


def test_an_order_may_rest_a_while_before_the_bot_hears_of_it(resting):
    look_twice(resting, [], FORGOTTEN_S)

    assert resting.broken == []


def test_an_order_that_the_bot_says_is_live_may_rest(resting):
    look_twice(resting, [X1], 9 * FORGOTTEN_S)

    assert resting.broken == []


def test_a_bot_that_is_down_forgets_nothing(resting):
    look_twice(resting, None, 9 * FORGOTTEN_S)

    assert resting.broken == []


def test_a_bot_that_remembered_in_between_has_its_time_anew(resting):
    look_twice(resting, [], FORGOTTEN_S)
    look_twice(resting, [X1], 1.0)
    look_twice(resting, [], FORGOTTEN_S)

    assert resting.broken == []


@pytest.mark.parametrize("status", [each for each in OrderStatus if each not in RESTABLE])
def test_an_order_that_ended_may_be_forgotten(resting, status):
    resting.orders = [attrs.evolve(resting.orders[0], status=status)]

    look_twice(resting, [], 9 * FORGOTTEN_S)

    assert resting.broken == []


def test_another_live_order_does_not_stand_for_one_that_is_forgotten(nameless):
    nameless.ask(X1)
    nameless.ask(X2, size=999)
    nameless.orders = [true(None, V1), true(None, V2, size=999)]

    look_twice(nameless, [X1], FORGOTTEN_S + 1)

    assert nameless.broken == ["forgotten"]


# --- what was to be cancelled ------------------------------------------------------------------------------------


def test_an_order_that_rests_long_after_it_was_to_be_cancelled(resting):
    resting.auditor.note_cancelled(X1)

    look_twice(resting, [X1], CANCELLED_S + 1)

    assert resting.broken == ["not cancelled"]


def test_a_cancel_may_take_a_while(resting):
    resting.auditor.note_cancelled(X1)

    look_twice(resting, [X1], CANCELLED_S)

    assert resting.broken == []


def test_a_bot_that_is_down_cancels_nothing(resting):
    resting.auditor.note_cancelled(X1)
    look_twice(resting, None, CANCELLED_S + 1)

    look_twice(resting, [X1], CANCELLED_S)

    assert resting.broken == []


def test_one_that_was_not_to_be_cancelled_may_be_like_it(nameless):
    nameless.ask(X1)
    nameless.ask(X2)
    nameless.auditor.note_cancelled(X1)
    nameless.orders = [true(None)]

    look_twice(nameless, [X1, X2], CANCELLED_S + 1)

    assert nameless.broken == []


@pytest.mark.parametrize(("latch", "broken"), [(Latch.KILL, ["kill"]), (Latch.HALT, [])])
def test_the_kill_switch_leaves_nothing_resting(resting, latch, broken):
    resting.auditor.latched(latch)

    look_twice(resting, [X1], KILLED_S + 1)

    assert resting.broken == broken


def test_the_kill_switch_may_take_a_while(resting):
    resting.auditor.latched(Latch.KILL)

    look_twice(resting, [X1], KILLED_S)

    assert resting.broken == []


def test_what_is_killed_may_rest_while_no_cancel_gets_through(resting):
    resting.auditor.latched(Latch.KILL)
    look_twice(resting, [X1], KILLED_S)
    resting.lose_socket()
    look_twice(resting, [X1], 1.0)

    assert resting.broken == []


# --- what can be lost --------------------------------------------------------------------------------------------

MARKET = LIMITS.market_cents
ACCOUNT = LIMITS.account_cents


def exposed(bench: Bench, *orders: TrueOrder) -> list[str]:
    """Return what rules are broken while these orders, all of them asked for, are there."""
    for number, order in enumerate(orders):
        name = ClientOrderId(f"x-{number}")
        bench.ask(name, key=order.key, selection_id=order.selection_id, price=order.price, size=order.size)
    names = [ClientOrderId(f"x-{number}") if bench.named else None for number in range(len(orders))]
    ids = [VenueOrderId(f"v-{number}") for number in range(len(orders))]
    bench.there(
        *(
            attrs.evolve(order, client_order_id=name, venue_order_id=venue_order_id)
            for order, name, venue_order_id in zip(orders, names, ids, strict=True)
        )
    )
    return [rule for rule in bench.broken if rule == "exposure"]


@pytest.mark.parametrize(("size", "broken"), [(MARKET, []), (MARKET + 1, ["exposure"])])
@pytest.mark.parametrize("make", [true, filled])
def test_a_market_may_cost_its_limit(bench, make: Callable[..., TrueOrder], size, broken):
    assert exposed(bench, make(size=size)) == broken


def test_what_is_filled_and_what_rests_of_it_cost_together(bench):
    part = true(size=MARKET + 1, filled=MARKET // 2)

    assert exposed(bench, part) == ["exposure"]


@pytest.mark.parametrize("status", [each for each in OrderStatus if each not in RESTABLE])
def test_what_ended_without_a_fill_costs_nothing(bench, status):
    assert exposed(bench, true(size=2 * MARKET, status=status)) == []


def test_what_was_settled_costs_nothing_any_more(bench):
    assert exposed(bench, filled(size=2 * MARKET, settled=True)) == []


def test_fills_on_both_selections_make_up_for_each_other(bench):
    assert exposed(bench, filled(size=MARKET), filled(size=MARKET, selection_id=AWAY)) == []
    assert exposed(bench, filled(size=2 * MARKET), filled(size=MARKET, selection_id=AWAY)) == []


def test_what_makes_up_for_a_fill_is_what_the_other_side_gains(bench):
    dear = filled(size=MARKET, selection_id=AWAY, price=Odds(-200))  # gains half of what it stakes

    assert exposed(bench, filled(size=MARKET + MARKET // 2), dear) == []
    assert exposed(bench, filled(size=MARKET + MARKET // 2 + 1), dear) == ["exposure"]


def test_resting_on_both_sides_hurts_only_by_the_worse(bench):
    assert exposed(bench, true(size=MARKET), true(size=MARKET, selection_id=AWAY)) == []
    assert exposed(bench, true(size=MARKET), true(size=MARKET + 1, selection_id=AWAY)) == ["exposure"]


def test_what_rests_on_the_other_side_makes_up_for_nothing(bench):
    assert exposed(bench, filled(size=MARKET + 1), true(size=MARKET, selection_id=AWAY)) == ["exposure"]


def test_the_books_of_an_account_cost_together(bench):
    books = [BookKey(EventId(1), MarketId(number)) for number in range(2)]

    assert exposed(bench, *(filled(size=ACCOUNT // 2, key=key) for key in books)) == []
    assert exposed(bench, *(filled(size=ACCOUNT // 2 + 1, key=key) for key in books)) == ["exposure"]


def test_what_one_book_is_sure_to_win_pays_for_no_other(bench):
    sure, lost = (BookKey(EventId(1), MarketId(number)) for number in range(2))
    pays = Odds(300)
    arbitrage = [filled(size=3_000, price=pays, key=sure, selection_id=each) for each in (HOME, AWAY)]

    assert exposed(bench, *arbitrage, filled(size=MARKET, key=lost)) == []
    assert exposed(bench, *arbitrage, filled(size=MARKET + 1, key=lost)) == ["exposure"]


# One market of three outcomes, of which one wins. A share costs its price, and pays a dollar.

OUTCOMES = tuple(SelectionId(f"outcome {letter}") for letter in "abc")
BOOKS = tuple(BookKey(EventId("market"), MarketId(letter)) for letter in "abc")
THREE = attrs.evolve(EVENT, event_id=EventId("market"), outcomes=OUTCOMES)


@pytest.fixture
def outcomes(nameless) -> Bench:
    """A venue that has told which outcomes a market has."""
    nameless.ask(ClientOrderId("x-first"), key=BOOKS[0], market=market(THREE, BOOKS[0]), size=1)
    return nameless


def bought(outcome: int, shares: int, bp: int) -> TrueOrder:
    return filled(None, key=BOOKS[outcome], selection_id=OUTCOMES[outcome], price=Probability(bp), size=shares)


def sold(outcome: int, shares: int, bp: int) -> TrueOrder:
    """Return a sale at a price, which backs that the outcome does not win."""
    selection_id = sale_of(OUTCOMES[outcome])
    return filled(None, key=BOOKS[outcome], selection_id=selection_id, price=Probability(10_000 - bp), size=shares)


def exposed_in_three(bench: Bench, *orders: TrueOrder) -> list[str]:
    for number, order in enumerate(orders):
        bench.ask(
            ClientOrderId(f"x-{number}"),
            key=order.key,
            selection_id=order.selection_id,
            price=order.price,
            size=order.size,
            market=market(THREE, order.key),
        )
    bench.there(*(attrs.evolve(order, venue_order_id=VenueOrderId(str(n))) for n, order in enumerate(orders)))
    return [rule for rule in bench.broken if rule == "exposure"]


def test_of_two_outcomes_that_were_bought_at_most_one_wins(outcomes):
    both = [bought(0, 150, 4_000), bought(1, 150, 4_000)]  # 120 dollars when the third wins

    assert exposed_in_three(outcomes, both[0]) == []
    assert exposed_in_three(outcomes, *both) == ["exposure"]


def test_who_bought_every_outcome_loses_only_what_the_dollar_does_not_cover(outcomes):
    everything = [bought(each, 400, 3_400) for each in range(3)]  # 408 dollars for 400

    assert exposed_in_three(outcomes, *everything) == []


def test_a_sale_takes_back_what_was_bought(outcomes):
    assert exposed_in_three(outcomes, bought(0, 400, 5_000), sold(0, 400, 4_900)) == []


def test_a_sale_makes_up_for_no_other_outcome(outcomes):
    assert exposed_in_three(outcomes, bought(0, 190, 5_000), sold(1, 20, 5_000)) == ["exposure"]


def test_an_outcome_that_nobody_backed_may_win(outcomes):
    assert exposed_in_three(outcomes, bought(2, 201, 5_000)) == ["exposure"]


# --- the end -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", sorted(RESTABLE, key=lambda status: status.value))
def test_who_says_to_be_flat_has_nothing_that_can_match(bench, status):
    bench.orders = [true(status=status)]

    bench.auditor.flat(True)

    assert bench.broken == ["flat"]


def test_who_does_not_say_so_may_have_orders(bench):
    bench.orders = [true()]

    bench.auditor.flat(False)

    assert bench.broken == []


def test_who_has_only_orders_that_ended_is_flat(bench):
    bench.orders = [filled(), true(X2, V2, status=OrderStatus.CANCELLED)]

    bench.auditor.flat(True)

    assert bench.broken == []


def fills(bench: Bench, truth: list[TrueOrder], *orders: Order) -> list[str]:
    bench.orders = truth
    bench.auditor.booked(VENUE, orders)
    return bench.broken


def test_fills_that_are_booked_as_they_were(bench):
    assert fills(bench, [filled(), true(X2, V2)], booked(size=1000), booked(X2, 0, V2)) == []


def test_a_fill_that_was_not_booked(bench):
    assert fills(bench, [filled()], booked(size=999)) == ["fills"]


def test_a_fill_of_an_order_that_is_not_known(bench):
    assert fills(bench, [filled()]) == ["fills"]


def test_a_booked_fill_that_was_not(bench):
    assert fills(bench, [true()], booked(size=1)) == ["fills"]


def test_a_booked_fill_of_an_order_that_the_venue_has_not(bench):
    assert fills(bench, [], booked(size=1000)) == ["fills"]


def test_an_order_that_the_venue_has_not_and_that_filled_nothing(bench):
    assert fills(bench, [], booked(size=0)) == []


def test_a_fill_is_known_by_the_name_before_the_venue_gave_one(bench):
    assert fills(bench, [filled()], booked(size=1000, venue_order_id=None)) == []


def test_fills_of_orders_without_names_are_known_by_the_venues(nameless):
    truth = [filled(None, V1), true(None, V2, filled=400)]

    assert fills(nameless, truth, booked(X1, 1000, V1), booked(X2, 400, V2)) == []
    assert fills(nameless, truth, booked(X1, 400, V1), booked(X2, 1000, V2)) == ["fills"]


def test_a_fill_that_only_the_money_proved_has_no_name_at_all(nameless):
    assert fills(nameless, [filled(None)], booked(size=1000, venue_order_id=None)) == []


def test_the_money_proves_a_fill_once(nameless):
    orders = [booked(name, 1000, None) for name in (X1, X2)]

    assert fills(nameless, [filled(None)], *orders) == ["fills"]


def test_a_fill_of_another_size_proves_nothing(nameless):
    assert fills(nameless, [filled(None, size=999)], booked(size=1000, venue_order_id=None)) == ["fills"]


def test_an_order_that_filled_nothing_proves_nothing(nameless):
    assert fills(nameless, [true(None)], booked(X1, 1, V1), booked(X2, 0, None)) == ["fills"]


# --- what rests --------------------------------------------------------------------------------------------------


def test_no_more_may_rest_than_the_limit(bench):
    bench.auditor.limits = attrs.evolve(LIMITS, open_orders=2)
    bench.there(*(true(size=100, venue_order_id=VenueOrderId(f"v-{n}")) for n in range(2)))
    assert "too many" not in bench.broken

    bench.there(*(true(size=100, venue_order_id=VenueOrderId(f"v-{n}")) for n in range(3)))

    assert "too many" in bench.broken


@pytest.mark.parametrize(("size", "large"), [(10_000, False), (10_001, True)])
def test_no_order_may_stake_more_than_the_limit(bench, size, large):
    bench.there(true(size=size))

    assert ("too large" in bench.broken) is large


def test_our_own_orders_may_not_meet(bench):
    bench.there(true(size=100, price=Odds(110)), true(size=100, price=Odds(110), selection_id=AWAY))
    assert "crosses itself" not in bench.broken

    bench.there(true(size=100, price=Odds(-110)), true(size=100, price=Odds(110), selection_id=AWAY))

    assert "crosses itself" in bench.broken


def test_an_event_has_a_limit_over_all_of_its_markets(bench):
    bench.auditor.limits = attrs.evolve(LIMITS, event_cents=6_000)
    other = attrs.evolve(KEY, market_id=MarketId(223))

    assert exposed(bench, filled(size=4_000), filled(size=4_000, key=other)) == ["exposure"]
