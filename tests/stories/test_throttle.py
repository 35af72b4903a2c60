"""After a 429 nothing goes out until the venue allows it, and then cancels go first."""

import pytest
import trio

from actors.exchange.faults import Fault, Rule
from actors.messages import DenialReason
from protocol.prophetx.wire import Dialect


@pytest.fixture(params=list(Dialect), ids=lambda dialect: dialect.value)
def dialect(request):
    return request.param


@pytest.mark.parametrize(("delay_s", "hold_s"), [(3.4, 3.4), (0.6, 1.0)])  # the rule's header counts whole seconds
async def test_the_later_of_both_times_counts(autojump_clock, open_story, dialect, delay_s, hold_s):
    async with open_story(dialect=dialect) as story:
        names = [await story.place_open(price) for price in (110, 112)]
        await trio.sleep(5)
        story.add(Rule(fault=Fault.THROTTLE, where="place", times=1, delay_s=delay_s))
        refused = story.place(120)
        await story.until(lambda: story.status(refused) == "rejected")
        held_s = story.requests[-1].at_s
        story.exchange.disconnect()  # so that there is something to be read
        story.desk.cancel(names[0])
        await story.until(lambda: story.requests[-1].at_s > held_s)

        after = [each for each in story.requests if each.at_s > held_s]
        assert after[0].at_s - held_s == pytest.approx(hold_s, abs=0.01)
        assert "cancel" in after[0].name


async def test_new_orders_are_denied_during_the_hold(autojump_clock, open_story):
    async with open_story() as story:
        story.add(Rule(fault=Fault.THROTTLE, where="place", times=1, delay_s=3.0))
        refused = story.place()
        await story.until(lambda: story.status(refused) == "rejected")
        story.place(112)
        await story.until(story.hand.denied)
        await trio.sleep(3)
        name = await story.place_open(114)

        assert story.hand.denied() == [DenialReason.RATE_BUDGET]
        assert story.status(name) == "open"


async def test_a_flood_of_orders_is_denied_before_it_leaves(autojump_clock, open_story):
    async with open_story() as story:
        names = [story.place(price, 100) for price in (*range(110, 131), *range(132, 202, 2), *range(205, 225, 5))]
        await story.until(lambda: all(story.status(each) == "open" for each in names if each in story.desk.orders))

        assert len(names) == 60
        denied = story.hand.denied()
        assert set(denied) == {DenialReason.RATE_BUDGET}
        assert len(denied) == pytest.approx(9, abs=3)  # two seconds' worth of 25 a second may leave at once
        assert (story.bot.tally.opened, story.bot.tally.rejected) == (60 - len(denied), 0)
