"""The shipped market maker earns its margin, and leans against what it was sold."""

from actors.exchange.prophetx.settings import ExchangeSettings
from actors.maker import MakerSettings, MarketMaker
from actors.strategy import quoting
from protocol.money import micro
from protocol.prices import implied

QUIET = ExchangeSettings(tournaments=1, events=1, crowd_actions_per_s=0)
SETTINGS = MakerSettings(stake_cents=1000, hedge_at_cents=5000)


def ours(story, selection):
    return [
        order
        for order in story.bot.orders().values()
        if order.selection_id == selection and order.status.value == "open" and not order.cancel_wanted
    ]


def quoted(story):
    """Return what both of our quotes cost, as probabilities, when both rest."""
    quotes = [ours(story, selection) for selection in (story.home, story.away)]
    return tuple(implied(orders[0].price) for orders in quotes) if all(len(orders) == 1 for orders in quotes) else None


async def rest_around_evens(story):
    """Let others offer 10 % on each side of even money, deep enough for anything."""
    for selection in (story.home, story.away):
        story.enter(selection, 150, 1_000_000)
    await story.until(lambda: quoted(story) is not None)


def making():
    return {"strategies": {"maker": quoting(MarketMaker(SETTINGS))}}


async def test_both_sides_are_quoted_for_less_than_they_win_together(autojump_clock, open_story):
    async with open_story(QUIET, **making()) as story:
        await rest_around_evens(story)

        first, second = quoted(story)
        assert first + second < 1
        assert abs(first - second) < 0.01


async def test_a_fill_reaches_risk_and_moves_the_quotes(autojump_clock, open_story):
    async with open_story(QUIET, **making()) as story:
        await rest_around_evens(story)
        first, second = quoted(story)
        order = ours(story, story.home)[0]
        story.hit(order.price, 1000)
        await story.until(lambda: quoted(story) not in (None, (first, second)))

        assert story.order(order.client_order_id).fills[0].size == 1000
        assert story.order(order.client_order_id).fills[0].price == order.price
        cheaper, dearer = quoted(story)
        assert cheaper < first
        assert dearer > second
        assert story.bot.exposure_cents == 2000  # the fill and the quote on the same side


async def test_a_position_beyond_the_limit_is_hedged(autojump_clock, open_story):
    async with open_story(QUIET, **making()) as story:
        await rest_around_evens(story)
        net, limit = [], micro(SETTINGS.hedge_at_cents)

        def hedged() -> bool:
            orders = story.bot.orders().values()
            won = dict.fromkeys((story.home, story.away), 0)
            for order in orders:
                won[order.selection_id] += order.cost_micro + order.gain_micro
            net.append(won[story.home] - won[story.away])
            return max(net) >= limit and net[-1] < limit

        while not hedged():  # the same side again and again
            await story.until(lambda: ours(story, story.home) or hedged())
            for order in ours(story, story.home):
                story.hit(order.price, order.remaining)
                await story.until(lambda order=order: hedged() or story.status(order.client_order_id) == "filled")

        taken = [order for order in story.bot.orders().values() if order.time_in_force.value == "fill_or_kill"]
        assert taken
        assert {order.selection_id for order in taken} == {story.away}
        assert net[-1] >= 0
        assert story.bot.exposure_cents < SETTINGS.hedge_at_cents


async def test_quotes_rest_quietly_in_a_quiet_market(autojump_clock, open_story):
    async with open_story(QUIET, **making()) as story:
        await rest_around_evens(story)
        sent = story.bot.tally.sent
        now_s = await story.until(lambda: True)
        await story.until(lambda: len(story.asked("get_sport_events", now_s)) >= 3, within_s=600)

        assert story.bot.tally.sent == sent


async def test_one_move_of_the_market_moves_each_quote_once(autojump_clock, open_story):
    async with open_story(QUIET, **making()) as story:
        await rest_around_evens(story)
        sent = story.bot.tally.sent
        before = quoted(story)
        story.enter(story.home, 130, 500_000)
        await story.until(lambda: quoted(story) not in (None, before))
        now_s = await story.until(lambda: True)
        await story.until(lambda: story.asked("get_sport_events", now_s), within_s=120)

        assert story.bot.tally.sent == sent + 2
