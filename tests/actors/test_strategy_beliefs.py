"""What a desk tells its strategy about what it holds."""

import attrs
import pytest
import trio

from actors.mailbox import Mailbox
from actors.messages import DenialReason, IntentDenied, OrderChanged
from actors.strategy import Desk
from protocol.belief import Known, Source, Unknown
from protocol.events import OrderStatus
from protocol.ids import BookKey, ClientOrderId, ClientOrderIds, EventId, MarketId, SelectionId, VenueName, sale_of
from protocol.order import Order
from protocol.prices import Probability

KEY = BookKey(EventId("m"), MarketId("yes"))
YES, NO = SelectionId("m/yes"), SelectionId("m/no")
LEAVING = Unknown("not answered yet")


@attrs.define
class Room:
    """A desk whose clock stands at 7."""

    desk: Desk = attrs.field(
        factory=lambda: Desk(name="maker", ids=ClientOrderIds("x"), risk=Mailbox("risk", 8), wall_ns=lambda: 7)
    )

    def place(self, selection: SelectionId = YES) -> Order:
        return self.desk.orders[self.desk.place(KEY, selection, Probability(4000), 100)]

    async def hear(self, order: Order, status: OrderStatus, filled: int = 0, at: int = 10) -> Order:
        moved = attrs.evolve(order, status=status, filled=filled)
        changed = OrderChanged(order=moved, venue=VenueName("v"), strategy="maker", source=Source.PUSH, as_of_ns=at)
        self.desk.tell(order.client_order_id, changed)
        await self.look()
        return moved

    async def look(self) -> None:
        with trio.move_on_after(0.1):  # no market is known: there is nothing to return
            await self.desk.views()


async def test_what_was_never_traded_is_known_to_be_nothing(autojump_clock):
    room = Room()

    assert room.desk.position(YES) == Known(0, Source.RECKONED, 7)


async def test_a_position_is_unknown_while_an_order_on_it_leaves_and_known_again_after_the_answer(autojump_clock):
    room = Room()
    order = room.place()
    leaving = room.desk.position(YES), room.desk.position(NO)

    opened = await room.hear(order, OrderStatus.OPEN, 30)

    assert leaving == (LEAVING, Known(0, Source.RECKONED, 7))
    assert room.desk.position(YES) == Known(30, Source.PUSH, 10)
    assert room.desk.belief(order.client_order_id) == Known(opened, Source.PUSH, 10)


async def test_a_lost_answer_makes_it_unknown(autojump_clock):
    room = Room()
    order = await room.hear(room.place(), OrderStatus.FILLED, 100)

    await room.hear(attrs.evolve(room.place(), reason="cut"), OrderStatus.UNKNOWN)

    assert room.desk.position(YES) == Unknown("cut")
    assert room.desk.belief(order.client_order_id) == Known(order, Source.PUSH, 10)


async def test_a_sale_comes_off_what_it_sold_under_either_name(autojump_clock):
    room = Room()
    await room.hear(room.place(), OrderStatus.FILLED, 100)
    await room.hear(room.place(sale_of(YES)), OrderStatus.CANCELLED, 40, at=11)

    assert room.desk.position(YES) == room.desk.position(sale_of(YES)) == Known(60, Source.PUSH, 11)


@pytest.mark.parametrize(
    ("status", "filled"), [(OrderStatus.SETTLED, 100), (OrderStatus.VOID, 100), (OrderStatus.CANCELLED, 0)]
)
async def test_what_is_over_is_held_no_more_and_forgotten(autojump_clock, status, filled):
    room = Room()
    order = await room.hear(room.place(), OrderStatus.OPEN, filled)

    await room.hear(order, status, filled, at=11)

    assert room.desk.position(YES) == Known(0, Source.RECKONED, 7)
    with pytest.raises(KeyError):
        room.desk.belief(order.client_order_id)


async def test_a_denied_order_leaves_nothing_unknown(autojump_clock):
    room = Room()
    name: ClientOrderId = room.place().client_order_id

    room.desk.tell(name, IntentDenied(client_order_id=name, key=KEY, reason=DenialReason.HALTED))
    await room.look()

    assert room.desk.position(YES) == Known(0, Source.RECKONED, 7)
