"""A cancelled order is gone when the venue has said so, and not before."""

import itertools

import pytest

from actors.exchange.faults import Fault, Rule
from actors.exchange.prophetx.settings import ExchangeSettings
from protocol.events import OrderStatus
from protocol.prophetx.wire import Dialect

SLOW = ExchangeSettings(tournaments=1, events=1, crowd_actions_per_s=0, activation_delay_s=(1.0, 1.0))
LAGGING = ExchangeSettings(tournaments=1, events=1, crowd_actions_per_s=0, history_lag_s=3.0)


@pytest.fixture(params=list(Dialect), ids=lambda dialect: dialect.value)
def dialect(request):
    return request.param


async def test_one_order_is_cancelled(autojump_clock, open_story, dialect):
    async with open_story(dialect=dialect) as story:
        name = await story.place_open()
        story.desk.cancel(name)
        await story.until(lambda: story.status(name) == "cancelled")

        word = "cancel_wager" if dialect is Dialect.LEGACY else "cancel_order"
        assert len(story.asked(word)) == 1
        assert (story.bot.exposure_cents, story.bot.tally.cancelled) == (0, 1)
        assert story.desk.orders == {}


async def test_the_private_message_confirms_a_cancel(autojump_clock, open_story):
    async with open_story() as story:
        name = await story.place_open()
        story.add(Rule(fault=Fault.LOST_ANSWER, where="cancel", times=1, delay_s=3.0))
        story.desk.cancel(name)
        await story.until(lambda: story.status(name) == "cancelled", within_s=0.1)


async def test_several_orders_are_cancelled_in_one_batch(autojump_clock, open_story, dialect):
    async with open_story(dialect=dialect) as story:
        names = [await story.place_open(price) for price in (110, 112, 114, 116)]
        since_s = story.hand.views and await story.until(lambda: True)
        for name in names:
            story.desk.cancel(name)
        await story.until(lambda: all(story.status(name) == "cancelled" for name in names))

        word = "cancel_multiple_wagers" if dialect is Dialect.LEGACY else "cancel_multiple_orders"
        assert len(story.asked(word, since_s)) == 1


async def test_kill_cancels_all_at_once(autojump_clock, open_story, dialect):
    async with open_story(dialect=dialect) as story:
        names = [await story.place_open(price) for price in (110, 112, 114)]
        story.bot.kill()
        await story.until(lambda: all(story.status(name) == "cancelled" for name in names))

        word = "cancel_all_wagers" if dialect is Dialect.LEGACY else "cancel_all_orders"
        assert len(story.asked(word)) == 2  # one before the first order, and this one


@pytest.mark.parametrize("lost", ["answer and message", "message"])
async def test_a_cancelled_order_cancelled_again_counts_as_gone_when_its_own_state_says_so(
    autojump_clock, open_story, lost
):
    async with open_story(LAGGING) as story:
        name = await story.place_open()
        await story.until(lambda: story.asked("get_order_history"))
        if lost == "answer and message":
            story.add(Rule(fault=Fault.LOST_ANSWER, where="cancel", times=1))
        else:
            await story.until(lambda: story.order(name).venue_order_id)
            story.add(Rule(fault=Fault.SERVER_ERROR_AFTER, where="cancel", times=1))
        story.add(Rule(fault=Fault.DROP, where="order", times=1))
        story.desk.cancel(name)
        seen = []
        await story.until(lambda: (seen.append(story.status(name)), len(story.asked("cancel_order")) == 2)[1])
        refused_s = story.asked("cancel_order")[1]
        gone_s = await story.until(lambda: (seen.append(story.status(name)), seen[-1] == "cancelled")[1])

        asked = story.asked(f"get_order/{story.order(name).venue_order_id}")
        assert asked
        assert refused_s <= asked[0] <= gone_s
        assert set(seen[:-1]) == {"open"}  # the copy that was read first still said so
        assert gone_s - refused_s > 2.0


@pytest.mark.parametrize(("early", "within_s"), [(True, 0.3), (False, 0.7)])
async def test_a_cancel_that_comes_too_early_is_tried_again_after_300_ms(autojump_clock, open_story, early, within_s):
    async with open_story(SLOW) as story:
        name = story.place()
        await story.until(lambda: story.status(name) == "pending")
        story.desk.cancel(name)
        await story.until(lambda: story.status(name) == "cancelled")

        times = story.asked("cancel_order")
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        assert gaps == pytest.approx([0.3] * 4, abs=0.02)  # 425 in the first half of its activation, 409 in the second


async def test_a_fill_that_wins_the_race_against_a_cancel_is_booked(autojump_clock, open_story, dialect):
    async with open_story(dialect=dialect) as story:
        name = await story.place_open(110, 1000)
        story.desk.cancel(name)
        story.hit(110, 1000)  # before the cancel has arrived
        await story.until(lambda: story.status(name) == "filled")

        assert (story.order(name).filled, story.bot.tally.cancelled) == (1000, 0)


async def test_a_late_fill_message_is_booked_after_the_cancel(autojump_clock, open_story):
    async with open_story() as story:
        name = await story.place_open(110, 1000)
        story.add(Rule(fault=Fault.LATE_FILL, where="order", times=1, delay_s=3.0))
        story.hit(110, 400)
        story.desk.cancel(name)
        await story.until(lambda: story.status(name) == "cancelled")
        await story.until(lambda: story.order(name).fills_exact)

        assert (story.order(name).filled, story.bot.tally.fills) == (400, 1)


async def test_a_cancel_after_a_partial_fill_shrinks_the_order(autojump_clock, open_story, dialect):
    async with open_story(dialect=dialect) as story:
        name = await story.place_open(110, 1000)
        story.hit(110, 300)
        await story.until(lambda: story.order(name).filled == 300)
        before = story.bot.exposure_cents
        story.desk.cancel(name)
        await story.until(lambda: story.status(name) == "cancelled")

        order = story.order(name)
        assert (order.size, order.filled, order.remaining) == (1000, 300, 0)
        assert (before, story.bot.exposure_cents) == (1000, 300)
        assert story.exchange.truth().orders[name].status is OrderStatus.CANCELLED


async def test_a_wide_cancel_that_finds_nothing_is_no_proof(autojump_clock, open_story):
    async with open_story() as story:
        name = story.place()
        story.add(Rule(fault=Fault.LOST_REQUEST, where="place", times=1))
        await story.until(lambda: story.status(name) == "unknown")
        story.bot.kill()  # answered 404: there is nothing to cancel
        await story.until(lambda: story.asked("cancel_all_orders"))
        await story.until(lambda: True)
        held = story.bot.exposure_cents
        await story.until(lambda: story.status(name) == "absent")

        assert (held, story.bot.exposure_cents) == (1000, 0)
