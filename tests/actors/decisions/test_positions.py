import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.decisions.positions import Word, held_by, positions
from protocol.belief import Known, Source, Unknown
from protocol.commands import PlaceOrder
from protocol.events import OrderStatus
from protocol.ids import BookKey, ClientOrderId, EventId, MarketId, SelectionId, sale_of
from protocol.order import STAKED, UNPROVED, Order
from protocol.prices import Probability

YES, NO = SelectionId("m/yes"), SelectionId("m/no")
OPEN = OrderStatus.OPEN


def word(
    status: OrderStatus = OPEN,
    filled: int = 0,
    *,
    selection: SelectionId = YES,
    source: Source = Source.PUSH,
    at: int = 10,
    reason: str = "",
) -> Word:
    command = PlaceOrder(
        client_order_id=ClientOrderId("x-1"),
        key=BookKey(EventId("m"), MarketId("yes")),
        selection_id=selection,
        price=Probability(4000),
        size=100,
    )
    order = attrs.evolve(Order.placed(command), status=status, filled=filled, reason=reason)
    return selection, order.belief(source, at)


WORDS = st.builds(
    word,
    st.sampled_from(OrderStatus),
    st.integers(0, 100),
    selection=st.sampled_from([YES, NO, sale_of(YES)]),
    at=st.integers(0, 20),
)


def test_nothing_was_traded_and_nothing_is_held():
    assert positions([]) == {}


def test_what_orders_filled_is_held_as_of_the_newest_word():
    words = [word(OPEN, 30, at=10), word(OrderStatus.FILLED, 100, source=Source.HISTORY, at=12), word(at=11)]

    assert positions(words) == {YES: Known(130, Source.HISTORY, 12)}


def test_a_sale_is_taken_off_what_it_sold():
    assert positions([word(OPEN, 30), word(OPEN, 20, selection=sale_of(YES))]) == {YES: Known(10, Source.PUSH, 10)}
    assert (held_by(YES), held_by(sale_of(YES))) == (YES, YES)


def test_selections_are_apart():
    assert positions([word(OPEN, 30), word(OPEN, 20, selection=NO)]) == {
        YES: Known(30, Source.PUSH, 10),
        NO: Known(20, Source.PUSH, 10),
    }


@pytest.mark.parametrize("selection", [YES, sale_of(YES)])
@pytest.mark.parametrize("status", sorted(UNPROVED, key=lambda each: each.value))
@pytest.mark.parametrize("order", [1, -1])
def test_it_is_unknown_while_an_order_on_it_is_not_proved(selection, status, order):
    words = [word(OPEN, 30), word(status, selection=selection, reason="cut"), word(OPEN, 20, selection=NO)]

    assert positions(words[::order]) == {YES: Unknown("cut"), NO: Known(20, Source.PUSH, 10)}


@pytest.mark.parametrize("status", [OrderStatus.SETTLED, OrderStatus.VOID])
def test_what_a_result_took_is_not_held(status):
    assert positions([word(status, 30, source=Source.RESULT)]) == {YES: Known(0, Source.RESULT, 10)}


def test_what_was_held_before_counts_and_is_unknown_until_it_is_read():
    held = Known(50, Source.FUNDS, 11)

    assert positions([word(OPEN, 30, at=10)], {YES: held}) == {YES: Known(80, Source.FUNDS, 11)}
    assert positions([], {YES: held}) == {YES: held}
    assert positions([word(OPEN, 30)], {YES: Unknown("never read")}) == {YES: Unknown("never read")}


@given(words=st.lists(WORDS, max_size=8))
def test_a_position_is_known_exactly_where_every_order_is(words):
    for selection, held in positions(words).items():
        orders = [belief for name, belief in words if held_by(name) == selection]

        assert isinstance(held, Unknown) == any(isinstance(each, Unknown) for each in orders)
        if isinstance(held, Known):
            staked = [each.value for each in orders if each.value.status in STAKED]
            assert held.value == sum(each.filled * (1 if each.selection_id == selection else -1) for each in staked)
            assert held.as_of_ns == max(each.as_of_ns for each in orders)
