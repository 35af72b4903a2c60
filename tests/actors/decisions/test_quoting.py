import attrs
from hypothesis import given
from hypothesis import strategies as st

from actors.decisions.quoting import Changes, Quote, changes
from protocol.commands import PlaceOrder, TimeInForce
from protocol.events import OrderStatus
from protocol.ids import BookKey, ClientOrderId, EventId, MarketId, SelectionId, Strike
from protocol.odds import Odds, opposite
from protocol.order import Order

KEY = BookKey(EventId(1), MarketId(219), Strike(0))
HOME, AWAY = SelectionId("home"), SelectionId("away")


def quote(selection: SelectionId = HOME, odds: int = 110, stake: int = 1000, **changes: object) -> Quote:
    return Quote(selection_id=selection, odds=Odds(odds), stake_cents=stake, **changes)


def order(name: str = "x-1", wanted: Quote | None = None, **changes: object) -> Order:
    wanted = quote() if wanted is None else wanted
    command = PlaceOrder(
        client_order_id=ClientOrderId(name),
        key=KEY,
        selection_id=wanted.selection_id,
        odds=wanted.odds,
        stake_cents=wanted.stake_cents,
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
    moved = quote(odds=112)
    going = attrs.evolve(order(), cancel_wanted=True)

    assert changes([moved], [order()]) == Changes(cancel=(ClientOrderId("x-1"),))
    assert changes([moved], [going]) == Changes()
    assert changes([moved], [attrs.evolve(going, status=OrderStatus.CANCELLED)]) == Changes(place=(moved,))


def test_an_order_on_its_way_out_does_not_serve_a_quote():
    assert changes([quote()], [order(cancel_wanted=True)]) == Changes()


def test_an_order_serves_until_more_than_half_of_it_is_filled():
    assert changes([quote()], [order(filled_cents=500)]) == Changes()
    assert changes([quote()], [order(filled_cents=501)]) == Changes(cancel=(ClientOrderId("x-1"),))


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
    if len(quotes) == 2 and quotes[0].odds <= opposite(quotes[1].odds):
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
            known = attrs.evolve(known, filled_cents=min(known.filled_cents + 300, known.stake_cents - 1))
        self.orders[name] = known

    def check(self) -> None:
        for selection in (HOME, AWAY):
            assert len([each for each in self.live if each.selection_id == selection]) <= 1
        for mine in self.live:
            for other in self.live:
                assert mine.selection_id == other.selection_id or mine.odds > opposite(other.odds)


@given(
    st.lists(
        st.tuples(wanted_quotes(), st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["open", "end", "fill"])))),
        min_size=1,
        max_size=8,
    )
)
def test_whatever_is_wanted_in_turn_orders_end_at_the_last_wish_and_never_meet(rounds):
    desk = Desk()

    for wanted, steps in rounds:
        desk.apply(changes(wanted, list(desk.orders.values())))
        desk.check()
        for number, step in steps:
            if desk.orders:
                desk.move(list(desk.orders)[number % len(desk.orders)], step)
    for _ in range(4):
        for name in list(desk.orders):
            desk.move(name, "end")
        desk.apply(changes(wanted, list(desk.orders.values())))
        desk.check()

    assert {(each.selection_id, each.odds) for each in desk.live} == {(each.selection_id, each.odds) for each in wanted}
    assert changes(wanted, list(desk.orders.values())) == Changes()
