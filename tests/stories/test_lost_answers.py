"""An order whose answer was lost is neither forgotten nor placed twice."""

import pytest

from actors.exchange.faults import Fault, Rule
from protocol.events import OrderStatus
from protocol.prophetx.wire import Dialect


@pytest.fixture(params=list(Dialect), ids=lambda dialect: dialect.value)
def dialect(request):
    return request.param


def placings(story):
    return [each for each in story.requests if each.name in ("submit_order", "place_wager")]


ARRIVED = {
    "answer lost": Rule(fault=Fault.LOST_ANSWER, where="place", times=1),
    "answer lost after a silence": Rule(fault=Fault.LOST_ANSWER, where="place", times=1, delay_s=20.0),
    "error after": Rule(fault=Fault.SERVER_ERROR_AFTER, where="place", times=1),
    "answer too slow": Rule(fault=Fault.SLOW_ANSWER, where="place", times=1, delay_s=8.0),
}
NEVER_ARRIVED = {
    "request lost": Rule(fault=Fault.LOST_REQUEST, where="place", times=1),
    "error before": Rule(fault=Fault.SERVER_ERROR, where="place", times=1, code=500),
    "html": Rule(fault=Fault.SERVER_ERROR, where="place", times=1, code=502),
}


@pytest.mark.parametrize("rule", ARRIVED.values(), ids=ARRIVED.keys())
async def test_an_order_that_arrived_is_found_by_its_own_id(autojump_clock, open_story, dialect, rule):
    quiet = Rule(fault=Fault.DROP, where="order", times=2)  # the private channel says nothing either
    async with open_story(dialect=dialect) as story:
        story.add(rule, quiet)
        name = story.place()
        exposed = []
        await story.until(
            lambda: (exposed.append(story.bot.exposure_cents), story.order(name) and story.order(name).opened)[1]
        )

        assert set(exposed[1:]) == {1000}
        assert len(placings(story)) == 1
        assert list(story.exchange.truth().orders) == [name]


@pytest.mark.parametrize("rule", NEVER_ARRIVED.values(), ids=NEVER_ARRIVED.keys())
async def test_an_order_that_never_arrived_is_released_on_proof(autojump_clock, open_story, dialect, rule):
    async with open_story(dialect=dialect) as story:
        story.add(rule)
        name = story.place()
        await story.until(lambda: story.status(name) == "unknown")
        unknown = story.bot.exposure_cents
        await story.until(lambda: story.status(name) == "absent")

        assert (unknown, story.bot.exposure_cents) == (1000, 0)
        assert len(placings(story)) == 1
        assert story.exchange.truth().orders == {}


async def test_a_slow_answer_is_waited_for(autojump_clock, open_story):
    async with open_story() as story:
        story.add(Rule(fault=Fault.SLOW_ANSWER, where="place", times=1, delay_s=3.0))
        name = story.place()
        await story.until(lambda: story.status(name) == "open", within_s=0.5)  # the private channel is faster

        assert story.order(name).venue_order_id == story.exchange.truth().orders[name].venue_order_id


async def test_an_order_that_never_left_holds_nothing(autojump_clock, open_story):
    async with open_story() as story:
        story.reachable = False
        story.exchange.disconnect()
        name = story.place()
        await story.until(lambda: story.status(name) in ("absent", "unknown") or name not in story.desk.orders)
        story.reachable = True
        await story.until(lambda: story.bot.exposure_cents == 0)

        assert story.exchange.truth().orders == {}


async def test_a_lost_history_is_no_proof_of_absence(autojump_clock, open_story):
    async with open_story() as story:
        story.add(Rule(fault=Fault.LOST_REQUEST, where="place", times=1))
        story.add(Rule(fault=Fault.SERVER_ERROR, where="history", times=3))
        name = story.place()
        await story.until(lambda: story.status(name) == "unknown")
        asked = len(story.asked("get_order_history"))
        await story.until(lambda: len(story.asked("get_order_history")) == asked + 3)
        unproved = story.status(name)
        await story.until(lambda: story.status(name) == "absent")

        assert unproved == "unknown"


async def test_the_strategy_hears_what_became_of_a_lost_order(autojump_clock, open_story):
    async with open_story() as story:
        story.add(Rule(fault=Fault.LOST_ANSWER, where="place", times=1), Rule(fault=Fault.DROP, where="order", times=2))
        name = story.place()
        await story.until(lambda: story.order(name) and story.order(name).opened)
        seen = [order.status for view in story.hand.views for order in view.orders]

        assert OrderStatus.UNKNOWN in seen
        assert seen[-1] is OrderStatus.OPEN
