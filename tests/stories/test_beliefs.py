"""What a bot says it knows, and what it says it does not."""

from actors.exchange.faults import Fault, Rule
from protocol.belief import Known, Proof, Source, Unknown
from protocol.money import micro
from protocol.prophetx.venue import NAME as PROPHETX


async def test_what_an_order_came_to_is_known_by_the_word_of_the_venue(autojump_clock, open_story):
    async with open_story() as story:
        name = await story.place_open()
        order, held = story.bot.beliefs()[name], story.bot.positions()[story.home]
        story.hit(110, 400)
        await story.until(lambda: story.order(name).filled)
        after = story.bot.positions()[story.home]
        await story.until(lambda: story.desk.position(story.home) == after)

        assert isinstance(order, Known)
        assert (order.value.status.value, order.source) == ("open", Source.PUSH)
        assert (held.value, after.value, after.source) == (0, 400, Source.PUSH)
        assert order.as_of_ns < after.as_of_ns <= story.exchange.wall_ns()
        assert story.desk.belief(name) == story.bot.beliefs()[name]


async def test_while_an_answer_is_lost_order_and_position_are_unknown_and_the_stake_stays_reserved(
    autojump_clock, open_story
):
    async with open_story() as story:
        story.add(Rule(fault=Fault.LOST_REQUEST, where="place", times=1))
        name = story.place()
        await story.until(lambda: story.status(name) == "unknown")
        order, held, reserved = story.bot.beliefs()[name], story.bot.positions()[story.home], story.bot.exposure_cents
        await story.until(lambda: story.status(name) == "absent")
        await story.until(lambda: story.bot.exposure_cents == 0)

        assert isinstance(order, Unknown)
        assert held == order
        assert reserved == 1000
        assert story.order(name).reason == Proof.SYNCED.value
        assert story.bot.positions()[story.home].value == 0


async def test_a_balance_is_unknown_until_it_is_read_and_keeps_the_age_of_its_reading(autojump_clock, start_story):
    async with start_story() as story:
        unread = story.bot.balance(PROPHETX)
        await story.until(lambda: isinstance(story.bot.balance(PROPHETX), Known))
        first = story.bot.balance(PROPHETX)
        await story.until(story.bot.ready.is_set)
        await story.place_open()
        later = story.bot.balance(PROPHETX)

    assert unread == Unknown("never read")
    assert (first.value.free_micro, first.source) == (micro(story.exchange.truth().balance.cash_cents), Source.FUNDS)
    assert later == first  # the order is not in it
    assert story.bot.balance(PROPHETX).as_of_ns > first.as_of_ns  # it is read again at the stop
