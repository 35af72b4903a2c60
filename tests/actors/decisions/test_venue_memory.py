import attrs

from actors.decisions.absence import Baseline
from actors.decisions.recollection import Recalled, Recollection
from actors.decisions.venue_memory import VenueMemory
from actors.entries import AccountOpened, EventTraded
from protocol.commands import PlaceOrder
from protocol.events import Fill, OrderStatus, Result
from protocol.ids import BookKey, ClientOrderId, EventId, MarketId, SelectionId, VenueName
from protocol.order import Order
from protocol.prices import Probability
from protocol.venue import Holding

HERE, ELSEWHERE = VenueName("here"), VenueName("elsewhere")
CUP = EventId("cup")
KEY = BookKey(CUP, MarketId("yes"))
YES = SelectionId("yes")
DOLLAR = 1_000_000


def recalled(status: OrderStatus, venue: VenueName = HERE, filled: int = 0) -> Recalled:
    """An order of a hundred shares at 40 cents."""
    name = ClientOrderId(f"a-1-{status.value}")
    command = PlaceOrder(client_order_id=name, key=KEY, selection_id=YES, price=Probability(4000), size=100)
    fills = (Fill(filled, Probability(4000)),) if filled else ()
    order = attrs.evolve(Order.placed(command), status=status, filled=filled, fills=fills, result=Result.WON)
    return Recalled(venue=venue, strategy="maker", order=order, intended_ns=0, moved_ns=0, as_of_ns=0)


def opened(venue: VenueName) -> AccountOpened:
    held = (Holding(key=KEY, selection_id=YES, shares=7, cost_micro=0),)
    return AccountOpened(venue=venue, account="mine", money_micro=100 * DOLLAR, held=held)


def remembered(*orders: Recalled, total: int = 0) -> Recollection:
    return Recollection(
        orders={(each.venue, each.order.client_order_id): each for each in orders},
        openings={HERE: opened(HERE)},
        totals={HERE: total, ELSEWHERE: 1},
        traded={
            (venue, event): EventTraded(venue=venue, event_id=event, outcomes=(YES,))
            for venue, event in ((HERE, CUP), (ELSEWHERE, EventId("league")))
        },
        ended_in_order=False,
    )


def test_a_venue_remembers_its_own():
    mine, other = recalled(OrderStatus.OPEN), recalled(OrderStatus.FILLED, ELSEWHERE, 100)

    memory = VenueMemory.of(remembered(mine, other, total=5), HERE)

    assert memory == VenueMemory(
        recalled=(mine,), opening=opened(HERE), outcomes={CUP: (YES,)}, total_micro=5, ended_in_order=False
    )


def test_where_nothing_was_traded_there_is_nothing_to_remember():
    memory = VenueMemory.of(Recollection(), HERE)

    assert (memory.recalled, memory.opening, memory.outcomes, memory.ended_in_order) == ((), None, {}, True)
    assert memory.baseline(0) is None


def test_what_the_account_would_have_without_its_orders_is_the_opening_and_the_results():
    memory = VenueMemory.of(remembered(recalled(OrderStatus.FILLED, filled=100), total=-3 * DOLLAR), HERE)

    assert memory.baseline(0) == Baseline(97 * DOLLAR, {KEY: 7})


def test_the_result_of_an_order_that_is_recalled_is_left_out():
    memory = VenueMemory.of(remembered(recalled(OrderStatus.SETTLED, filled=100), total=65 * DOLLAR), HERE)

    assert memory.baseline(0) == Baseline(105 * DOLLAR, {KEY: 7})  # it won 60
