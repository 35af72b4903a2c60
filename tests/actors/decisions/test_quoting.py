from fractions import Fraction

import attrs
from hypothesis import given
from hypothesis import strategies as st

from actors.decisions.quoting import Changes, Quote, Step, changes, steps
from protocol.commands import PlaceOrder, TimeInForce
from protocol.events import OrderStatus
from protocol.ids import BookKey, ClientOrderId, EventId, MarketId, SelectionId, Strike
from protocol.odds import Odds, opposite
from protocol.order import Order
from protocol.prices import Probability

KEY = BookKey(EventId(1), MarketId(219), Strike(0))
HOME, AWAY = SelectionId("home"), SelectionId("away")


def quote(selection: SelectionId = HOME, price: int = 110, stake: int = 1000, **changes: object) -> Quote:
    return Quote(selection_id=selection, price=Odds(price), size=stake, **changes)


def order(name: str = "x-1", wanted: Quote | None = None, **changes: object) -> Order:
    wanted = quote() if wanted is None else wanted
    command = PlaceOrder(
        client_order_id=ClientOrderId(name),
        key=KEY,
        selection_id=wanted.selection_id,
        price=wanted.price,
        size=wanted.size,
        time_in_force=wanted.time_in_force,
    )
    return attrs.evolve(Order.placed(command), **{"status": OrderStatus.OPEN, **changes})


def test_a_quote_without_an_order_is_placed():
    assert changes([quote()], []) == Changes(place=(quote(),))


def test_an_order_that_fits_stays():
    assert changes([quote()], [order()]) == Changes()


def test_an_order_that_nobody_wants_is_cancelled():
    assert changes([], [order()]) == Changes(cancel=(ClientOrderId("x-1"),))


def test_a_moved_quote_is_cancelled_first_and_placed_once_the_old_one_is_gone():
    moved = quote(price=112)
    going = attrs.evolve(order(), cancel_wanted=True)

    assert changes([moved], [order()]) == Changes(cancel=(ClientOrderId("x-1"),))
    assert changes([moved], [going]) == Changes()
    assert changes([moved], [attrs.evolve(going, status=OrderStatus.CANCELLED)]) == Changes(place=(moved,))


def test_an_order_on_its_way_out_does_not_serve_a_quote():
    assert changes([quote()], [order(cancel_wanted=True)]) == Changes()


def test_an_order_serves_until_more_than_half_of_it_is_filled():
    assert changes([quote()], [order(filled=500)]) == Changes()
    assert changes([quote()], [order(filled=501)]) == Changes(cancel=(ClientOrderId("x-1"),))


def test_an_order_larger_than_wanted_does_not_serve():
    assert changes([quote(stake=900)], [order()]) == Changes(cancel=(ClientOrderId("x-1"),))


def test_another_time_in_force_does_not_serve():
    wanted = quote(time_in_force=TimeInForce.POST_ONLY)

    assert changes([wanted], [order()]) == Changes(cancel=(ClientOrderId("x-1"),))


def test_one_of_two_equal_orders_is_one_too_many():
    assert changes([quote()], [order("x-1"), order("x-2")]) == Changes(cancel=(ClientOrderId("x-2"),))


def test_a_quote_that_would_meet_our_own_waits():
    resting = order(wanted=quote(AWAY, -108))

    assert changes([quote(AWAY, -108), quote(HOME, 108)], [resting]) == Changes()
    assert changes([quote(AWAY, -108), quote(HOME, 110)], [resting]) == Changes(place=(quote(HOME, 110),))


def test_even_money_meets_even_money():
    resting = order(wanted=quote(AWAY, 100))

    assert changes([quote(AWAY, 100), quote(HOME, 100)], [resting]) == Changes()


PRICES = st.sampled_from([-120, -110, -102, 100, 105, 110, 120, 130])
STAKES = st.sampled_from([400, 1000, 2500])


@st.composite
def wanted_quotes(draw) -> tuple[Quote, ...]:
    """At most one quote a selection, and no two that would meet."""
    quotes = [quote(each, draw(PRICES), draw(STAKES)) for each in draw(st.sets(st.sampled_from([HOME, AWAY])))]
    if len(quotes) == 2 and quotes[0].price <= opposite(quotes[1].price):
        quotes.pop()
    return tuple(quotes)


class Desk:
    """Orders that do what is asked of them, each in its own time."""

    def __init__(self) -> None:
        self.orders: dict[ClientOrderId, Order] = {}

    @property
    def live(self) -> list[Order]:
        return [each for each in self.orders.values() if each.can_match]

    def apply(self, needed: Changes) -> None:
        for name in needed.cancel:
            self.orders[name] = attrs.evolve(self.orders[name], cancel_wanted=True)
        for each in needed.place:
            name = ClientOrderId(f"x-{len(self.orders)}")
            self.orders[name] = order(str(name), each, status=OrderStatus.NEW)

    def move(self, name: ClientOrderId, step: str) -> None:
        known = self.orders[name]
        if not known.can_match:
            return
        if step == "open" and known.status is OrderStatus.NEW:
            known = known.move(OrderStatus.OPEN)
        elif step == "end" and known.cancel_wanted:
            known = known.move(OrderStatus.OPEN).move(OrderStatus.CANCELLED)
        elif step == "fill":
            known = attrs.evolve(known, filled=min(known.filled + 300, known.size - 1))
        self.orders[name] = known

    def check(self) -> None:
        for selection in (HOME, AWAY):
            assert len([each for each in self.live if each.selection_id == selection]) <= 1
        for mine in self.live:
            for other in self.live:
                assert mine.selection_id == other.selection_id or mine.price > opposite(other.price)


@given(
    st.lists(
        st.tuples(wanted_quotes(), st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["open", "end", "fill"])))),
        min_size=1,
        max_size=8,
    )
)
def test_whatever_is_wanted_in_turn_orders_end_at_the_last_wish_and_never_meet(rounds):
    desk = Desk()

    for wanted, moves in rounds:
        desk.apply(changes(wanted, list(desk.orders.values())))
        desk.check()
        for number, step in moves:
            if desk.orders:
                desk.move(list(desk.orders)[number % len(desk.orders)], step)
    for _ in range(4):
        for name in list(desk.orders):
            desk.move(name, "end")
        desk.apply(changes(wanted, list(desk.orders.values())))
        desk.check()

    resting = {(each.selection_id, each.price) for each in desk.live}
    assert resting == {(each.selection_id, each.price) for each in wanted}
    assert changes(wanted, list(desk.orders.values())) == Changes()


# --- step by step ------------------------------------------------------------------------------------------------

DOLLAR = 1_000_000
FAIR = {HOME: Fraction(1, 2), AWAY: Fraction(1, 2)}
X1 = ClientOrderId("x-1")


def share(bp: int, shares: int = 100, selection: SelectionId = HOME) -> Quote:
    return Quote(selection_id=selection, price=Probability(bp), size=shares)


def worths(wanted: list[Quote], orders: list[Order], fair: dict[SelectionId, Fraction] | None = None) -> list[Fraction]:
    return [step.worth for step in steps(KEY, wanted, orders, FAIR if fair is None else fair)]


def test_what_already_rests_needs_no_step():
    assert steps(KEY, [share(4500)], [order(wanted=share(4500))], FAIR) == []


def test_a_new_quote_is_worth_its_edge():
    assert steps(KEY, [share(4500)], [], FAIR) == [Step(key=KEY, place=share(4500), worth=Fraction(5 * DOLLAR))]


def test_the_edge_of_american_odds_is_on_all_that_comes_back():
    assert worths([quote(price=100, stake=1000)], [], {HOME: Fraction(3, 5)}) == [2 * DOLLAR]  # a tenth of 20 dollars


def test_a_quote_beyond_the_fair_price_is_worth_less_than_nothing():
    assert worths([share(5200)], []) == [-2 * DOLLAR]


def test_a_quote_whose_fair_price_nobody_knows_is_worth_nothing():
    assert worths([share(4500)], [], {}) == [0]


def test_a_cancel_without_a_successor_is_worth_what_the_order_risks():
    assert steps(KEY, [], [order(wanted=share(4500))], FAIR) == [Step(key=KEY, cancel=X1, worth=Fraction(45 * DOLLAR))]


def test_a_cancel_where_nobody_knows_what_is_fair_is_worth_what_the_order_risks():
    assert worths([share(4300)], [order(wanted=share(4500))], {}) == [45 * DOLLAR]


def test_a_cancel_that_makes_room_is_worth_half_of_what_the_successor_is_better():
    assert worths([share(4300)], [order(wanted=share(4500))]) == [1 * DOLLAR]  # 7 after 5, in two requests


def test_a_cancel_for_a_worse_successor_is_worth_less_than_nothing():
    assert worths([share(4700)], [order(wanted=share(4500))]) == [-1 * DOLLAR]


def test_a_cancel_of_an_order_that_loses_is_worth_at_least_the_loss():
    assert worths([share(5200)], [order(wanted=share(5300))]) == [3 * DOLLAR]


def test_the_best_of_several_successors_counts():
    assert worths([share(4300, 50), share(4200, 50)], [order(wanted=share(4500, 20))]) == [
        Fraction(3, 2) * DOLLAR  # 4 after 1, in two requests
    ]


def test_what_was_filled_is_no_part_of_what_an_order_is_worth():
    half = order(wanted=share(4500), filled=60)

    assert worths([share(4300)], [half]) == [Fraction(5, 2) * DOLLAR]  # 7 after 2, in two requests


def test_cancels_come_before_what_is_placed():
    needed = steps(KEY, [share(4400, selection=AWAY)], [order(wanted=share(4500))], FAIR)

    assert [(step.cancel, step.place) for step in needed] == [(X1, None), (None, share(4400, selection=AWAY))]
