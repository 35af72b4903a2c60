"""An order is pending until the private channel says what became of it."""

import pytest

from actors.exchange.faults import Fault, Rule
from actors.exchange.prophetx.settings import ExchangeSettings
from actors.messages import DenialReason
from protocol.events import OrderStatus
from protocol.order import WHY_INVALID
from protocol.prophetx.wire import Dialect

SILENT = Rule(fault=Fault.DROP, where="order", times=1)
SLOW = ExchangeSettings(tournaments=1, events=1, crowd_actions_per_s=0, activation_delay_s=(1.0, 1.0))


@pytest.fixture(params=list(Dialect), ids=lambda dialect: dialect.value)
def dialect(request):
    return request.param


async def test_an_order_is_pending_until_it_is_open(autojump_clock, open_story, dialect):
    async with open_story(SLOW, dialect=dialect) as story:
        name = story.place()
        pending_s = await story.until(lambda: story.status(name) == "pending")
        open_s = await story.until(lambda: story.status(name) == "open")

        seen = dict.fromkeys(order.status for view in story.hand.views for order in view.orders)
        assert list(seen) == [OrderStatus.PENDING, OrderStatus.OPEN]
        assert open_s - pending_s == pytest.approx(1.0, abs=0.1)


async def test_an_order_without_funds_is_invalid_and_the_strategy_hears_why(autojump_clock, open_story, dialect):
    async with open_story(dialect=dialect) as story:
        story.exchange.floor.accounts["trader-1"].unmatched_cents += 999_500  # as if more rested elsewhere
        name = story.place()
        await story.until(lambda: story.status(name) == "invalid")
        story.exchange.floor.accounts["trader-1"].unmatched_cents -= 999_500
        await story.until(lambda: [view for view in story.hand.views if view.ended])

        (told,) = [order for view in story.hand.views for order in view.ended]
        assert (told.client_order_id, told.reason) == (name, WHY_INVALID)
        assert story.bot.exposure_cents == 0
        assert story.bot.tally.rejected == 1
        assert story.desk.orders == {}
        story.place()
        await story.until(story.hand.denied)
        assert story.hand.denied() == [DenialReason.COOLING_DOWN]


async def test_after_invalid_a_selection_rests_five_seconds_then_ten(autojump_clock, open_story):
    async with open_story() as story:
        story.add(Rule(fault=Fault.INVALID_ORDER, times=2))
        rests = []
        name = story.place()
        for _ in range(2):
            invalid_s = await story.until(lambda name=name: story.status(name) == "invalid")
            name = story.place()
            while not story.status(name):
                await story.until(lambda name=name: name not in story.desk.orders or story.status(name))
                name = name if story.status(name) else story.place()
            rests.append(story.asked("submit_order")[-1] - invalid_s)

    assert rests == pytest.approx([5.0, 10.0], abs=0.2)


async def test_the_other_selection_does_not_rest(autojump_clock, open_story):
    async with open_story() as story:
        story.add(Rule(fault=Fault.INVALID_ORDER, times=1))
        first = story.place()
        await story.until(lambda: story.status(first) == "invalid")
        other = story.desk.place(story.key, story.away, 110, 1000)

        await story.until(lambda: story.status(other) == "open")


async def test_a_lost_activation_restarts_the_session_and_asks_for_the_order(autojump_clock, open_story, dialect):
    async with open_story(dialect=dialect) as story:
        story.add(SILENT, SILENT)  # the first says that it is inactive, the second that it is open
        name = story.place()
        await story.until(lambda: story.status(name) == "pending")
        sent_s = story.asked("place_wager" if dialect is Dialect.LEGACY else "submit_order")[-1]
        lost_s = await story.until(lambda: story.bot.tally.sessions_lost == 1)
        reserved = story.bot.exposure_cents
        await story.until(lambda: story.order(name).opened)

        venue_id = story.order(name).venue_order_id
        asked = story.asked(("get_wager/" if dialect is Dialect.LEGACY else "get_order/") + venue_id)
        assert 10.0 <= lost_s - sent_s < 11.1  # with the socket's goodbye
        assert asked[0] - sent_s == pytest.approx(10.0, abs=0.05)
        assert reserved == 1000
        await story.until(lambda: story.bot.tally.sessions_started == 2)


async def test_the_stake_stays_reserved_until_the_fate_is_known(autojump_clock, open_story):
    async with open_story() as story:
        story.add(SILENT, SILENT, Rule(fault=Fault.SERVER_ERROR, where="order", times=3))
        story.add(Rule(fault=Fault.SERVER_ERROR, where="history", times=3))
        name = story.place()
        exposed = []

        def known() -> bool:
            exposed.append(story.bot.exposure_cents)
            return story.status(name) == "cancelled"

        await story.until(lambda: story.status(name) == "pending")
        await story.until(known)

        assert set(exposed[:-1]) <= {1000}


async def test_a_disconnect_before_the_activation_loses_nothing(autojump_clock, open_story, dialect):
    async with open_story(SLOW, dialect=dialect) as story:
        name = story.place()
        await story.until(lambda: story.status(name) == "pending")
        story.exchange.disconnect()
        await story.until(lambda: story.bot.tally.sessions_lost == 1)
        await story.until(lambda: story.status(name) == "cancelled")

        assert story.exchange.truth().orders[name].status is OrderStatus.CANCELLED  # what rests unheard is cancelled


async def test_a_fill_during_the_gap_is_found_after_it(autojump_clock, open_story, dialect):
    async with open_story(dialect=dialect) as story:
        name = await story.place_open(110, 1000)
        story.add(Rule(fault=Fault.LOST_REQUEST, where="cancel", times=1))
        story.exchange.disconnect()
        story.hit(110, 400)
        await story.until(lambda: story.order(name).filled == 400)

        assert [fill for _, fill in story.hand.fills()] == list(story.order(name).fills)
        assert story.bot.tally.sessions_lost == 1
