"""What the account held before is known before anything new leaves."""

import pytest
import trio

from actors.exchange.prophetx.board import Ticket
from actors.mailbox import MailboxFull
from actors.messages import DenialReason
from protocol.events import OrderStatus
from protocol.ids import ClientOrderId
from protocol.odds import Odds
from protocol.prophetx.wire import Dialect


@pytest.fixture(params=list(Dialect), ids=lambda dialect: dialect.value)
def dialect(request):
    return request.param


def leave_behind(story):
    """Let an earlier run have left two orders, of which one was matched in part."""
    floor = story.exchange.floor
    for number, price in enumerate((110, 112)):
        ticket = Ticket(
            external_id=ClientOrderId(f"old-{number}"), selection_id=story.home, odds=Odds(price), stake_cents=1000
        )
        floor.enter_at_once(floor.accounts["trader-1"], ticket, story.paper.wall_ns())
    story.hit(110, 300)


async def test_what_rests_from_before_is_cancelled_before_the_first_own_order(autojump_clock, start_story, dialect):
    async with start_story(dialect=dialect, before=leave_behind) as story:
        await story.until(lambda: story.hand.desk is not None)
        story.place()
        await story.until(story.hand.denied)
        await story.until(lambda: story.bot.ready.is_set())
        old = story.exchange.truth().orders
        await story.until(lambda: len(story.bot.books()) == 7)
        name = await story.place_open()

        assert story.hand.denied() == [DenialReason.NOT_READY]
        assert [(each.status, each.filled) for each in old.values()] == [
            (OrderStatus.CANCELLED, 300),
            (OrderStatus.CANCELLED, 0),
        ]
        assert story.status(name) == "open"


async def test_positions_from_before_count(autojump_clock, open_story, dialect):
    async with open_story(dialect=dialect, before=leave_behind) as story:
        assert story.bot.exposure_cents == 300


async def test_results_of_positions_from_before_are_booked(autojump_clock, open_story):
    async with open_story(before=leave_behind) as story:
        key = story.key
        story.exchange.settle(key.event_id, {key: story.home})
        await story.until(lambda: story.bot.exposure_cents == 0)

        assert story.bot.profit_cents == 330 - 6


async def test_a_halt_stops_new_orders_and_leaves_what_rests(autojump_clock, open_story):
    async with open_story() as story:
        name = await story.place_open()
        story.bot.halt()
        story.place(112)
        await story.until(story.hand.denied)

        assert story.hand.denied() == [DenialReason.HALTED]
        assert story.status(name) == "open"


@pytest.mark.parametrize("act", ["halt", "kill"])
async def test_halt_and_kill_work_before_anything_is_ready(autojump_clock, start_story, act):
    async with start_story() as story:
        await story.until(lambda: story.hand.desk is not None)
        getattr(story.bot, act)()
        await story.until(lambda: len(story.bot.books()) == 7)
        story.place()
        await story.until(story.hand.denied)

        assert story.hand.denied() == [DenialReason.HALTED]
        assert story.exchange.truth().orders == {}


async def test_a_kill_while_the_session_is_down_cancels_all(autojump_clock, open_story):
    async with open_story() as story:
        name = await story.place_open()
        story.exchange.disconnect()
        story.bot.kill()
        await story.until(lambda: story.status(name) == "cancelled", within_s=3)


async def place_one(desk):
    """Place an order when that is possible, and return it when it is open."""
    placed = False
    while True:
        for view in await desk.views():
            if view.live and desk.epochs.get(view.market.terms.venue) is not None and not placed:
                placed = True
                desk.place(view.key, view.selections[0], 110, 1000)
            for order in view.orders:
                if order.status is OrderStatus.OPEN:
                    return order


async def forget_to_divide(desk):
    await place_one(desk)
    raise ZeroDivisionError("a bug")


async def flood_with_cancels(desk):
    order = await place_one(desk)
    while True:
        desk.cancel(order.client_order_id)


@pytest.mark.parametrize(
    ("strategy", "error"), [(forget_to_divide, ZeroDivisionError), (flood_with_cancels, MailboxFull)]
)
async def test_a_bug_cancels_everything_and_leaves_as_it_came(autojump_clock, start_story, strategy, error):
    stories = []
    with pytest.RaisesGroup(error, flatten_subgroups=True):
        async with start_story(strategies={"faulty": strategy}, checked=False) as story:
            stories.append(story)
            await trio.sleep(60)

    truth = stories[0].exchange.truth().orders.values()
    assert stories[0].bot.flat
    assert [order.can_match for order in truth] == [False]
