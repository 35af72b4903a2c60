"""The whole way of an order, in either dialect, in memory."""

import pytest

from actors.exchange.prophetx.board import Ticket
from protocol.events import BookReplaced, Fill, HeartbeatReceived, OrderReported, OrderStatus, TradePrinted
from protocol.prophetx.wire import Dialect


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_an_order_is_placed_activated_matched_and_pushed(autojump_clock, open_client, dialect):
    async with open_client(dialect=dialect) as client:
        socket = await client.listen()
        listing = client.exchange.catalogue.events[0].markets[0].listings[0]
        first, second = (each.selection_id for each in listing.selections)

        placed = await client.place("a-1", first, -110, 1100)
        opened = await socket.event(OrderReported, lambda each: each.status is OrderStatus.OPEN)
        image = await socket.event(BookReplaced)
        other = client.exchange.floor.open_account("other", 100_000, client.exchange.wall_ns())
        client.exchange.floor.enter_at_once(other, ticket("b-1", second, 110, 500), client.exchange.wall_ns())
        filled = await socket.event(OrderReported)
        trade = await socket.event(TradePrinted)
        heartbeat = await socket.event(HeartbeatReceived)

        assert placed.status is OrderStatus.PENDING
        assert opened.client_order_id == "a-1"
        assert [len(side.levels) for side in image.sides] == [0, 1]
        assert filled.last_fill == Fill(550, -110)
        assert filled.filled == 550
        assert trade.size == 550
        assert heartbeat == HeartbeatReceived()


def ticket(name, selection_id, odds, stake_cents):
    return Ticket(external_id=name, selection_id=selection_id, odds=odds, stake_cents=stake_cents)
