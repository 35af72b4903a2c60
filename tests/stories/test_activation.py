"""An order is pending until the private channel says what became of it."""

import pytest
from pytest import approx

from actors.exchange.faults import Fault, Rule
from actors.messages import DenialReason
from protocol.events import OrderStatus
from protocol.prophetx.wire import Dialect

SILENT_ONCE = Rule(fault=Fault.DROP, where="order", times=1)


@pytest.fixture(params=list(Dialect), ids=lambda dialect: dialect.value)
def dialect(request):
    return request.param


async def test_an_order_is_pending_until_it_is_open(autojump_clock, open_story, dialect):
    async with open_story(dialect=dialect) as story:
        name = story.place()
        await story.until(lambda: story.order(name) and story.order(name).venue_order_id)
        answered = story.status(name)
        await story.until(lambda: story.status(name) == "open")

        assert answered == "pending"
        assert [view.orders[0].status for view in story.hand.views if view.orders][-1] is OrderStatus.OPEN
        assert not story.asked("get_order_history", since_s=3)

    assert story.status(name) == "cancelled"


async def test_an_order_without_funds_is_invalid_and_says_why(autojump_clock, open_story, dialect):
    async with open_story(dialect=dialect) as story:
        story.exchange.floor.accounts["trader-1"].unmatched_cents += 999_500  # as if more rested elsewhere
        name = story.place()
        await story.until(lambda: story.status(name) == "invalid")
        story.exchange.floor.accounts["trader-1"].unmatched_cents -= 999_500

        assert story.bot.exposure_cents == 0
        assert story.bot.tally.rejected == 1
        assert story.order(name).reason


async def test_after_an_invalid_order_the_selection_rests_five_seconds_doubling(autojump_clock, open_story):
    failed = []

    async with open_story() as story:
        story.add(Rule(fault=Fault.INVALID_ORDER, times=2))
        for _ in range(2):
            name = story.place()
            failed.append(await story.until(lambda name=name: story.status(name) == "invalid"))
            while story.status(name) != "pending":
                name = story.place()
                await story.until(lambda name=name: name not in story.desk.orders or story.status(name) == "pending")
                if story.status(name) != "pending":
                    name = ""
    assert failed


async def test_orders_of_other_selections_do_not_rest(autojump_clock, open_story):
    async with open_story() as story:
        story.add(Rule(fault=Fault.INVALID_ORDER, times=1))
        first = story.place()
        await story.until(lambda: story.status(first) == "invalid")
        story.place()
        other = story.desk.place(story.key, story.away, 110, 1000)
        await story.until(lambda: story.status(other) == "open")

        assert story.hand.denied() == [DenialReason.COOLING_DOWN]
