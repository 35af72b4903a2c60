"""Events go live and end, and the money is what the venue's ledger says."""

import pytest
import trio

from actors.exchange.prophetx.settings import ExchangeSettings
from actors.maker import MakerSettings, MarketMaker
from actors.strategy import quoting
from protocol.events import OrderStatus
from protocol.prophetx.wire import Dialect

CROWDED = ExchangeSettings(tournaments=1, events=1, crowd_actions_per_s=2)


@pytest.fixture(params=list(Dialect), ids=lambda dialect: dialect.value)
def dialect(request):
    return request.param


async def test_going_live_wipes_what_rests(autojump_clock, open_story, dialect):
    async with open_story(dialect=dialect) as story:
        name = await story.place_open(112)
        partly = await story.place_open(110)
        story.hit(110, 300)
        story.exchange.go_live(story.key.event_id)
        await story.until(lambda: story.status(name) == story.status(partly) == "wiped")

        assert story.bot.exposure_cents == 300
        assert story.bot.tally.cancelled == 2


@pytest.mark.parametrize("in_play", [False, True])
async def test_the_maker_quotes_an_event_in_play_only_when_told_to(autojump_clock, open_story, dialect, in_play):
    maker = MarketMaker(MakerSettings(in_play=in_play))
    async with open_story(CROWDED, dialect=dialect, strategies={"maker": quoting(maker)}) as story:
        await story.until(lambda: story.bot.tally.opened >= 6)
        story.exchange.go_live(story.key.event_id)
        await trio.sleep(2)
        sent = story.bot.tally.sent
        await trio.sleep(20)

        assert (story.bot.tally.sent > sent) is in_play


@pytest.mark.parametrize(
    ("winner", "profit_cents"),
    [("home", 440 - 8), ("away", -400), (None, 0)],  # 2 % of what was won
)
async def test_results_are_booked_as_the_ledger_does(autojump_clock, open_story, dialect, winner, profit_cents):
    async with open_story(dialect=dialect) as story:
        name = await story.place_open(110, 1000)
        story.hit(110, 400)
        await story.until(lambda: story.order(name).filled == 400)
        key, event_id = story.key, story.key.event_id
        selection = {"home": story.home, "away": story.away, None: None}[winner]
        story.exchange.go_live(event_id)
        await trio.sleep(1)
        story.exchange.settle(event_id, {key: selection})
        await story.until(lambda: story.status(name) == "settled")

        assert (story.bot.profit_cents, story.bot.exposure_cents) == (profit_cents, 0)
        assert story.exchange.truth().orders[name].status is OrderStatus.SETTLED
    assert story.exchange.truth().balance.cash_cents == 1_000_000 + profit_cents


async def test_commission_is_on_the_net_of_a_market(autojump_clock, open_story):
    async with open_story() as story:
        won = await story.place_open(110, 1000)
        story.hit(110, 1000)
        await story.until(lambda: story.status(won) == "filled")
        lost = story.desk.place(story.key, story.away, 100, 500)
        await story.until(lambda: story.status(lost) == "open")
        story.enter(story.home, 100, 500, who="taker")
        await story.until(lambda: story.status(lost) == "filled")
        key = story.key
        story.exchange.settle(key.event_id, {key: story.home})
        await story.until(lambda: story.status(won) == story.status(lost) == "settled")

        assert story.bot.profit_cents == 1100 - 500 - 12


async def test_a_result_that_came_while_the_session_was_down_is_found(autojump_clock, open_story):
    async with open_story() as story:
        name = await story.place_open(110, 1000)
        story.hit(110, 1000)
        await story.until(lambda: story.status(name) == "filled")
        key = story.key
        story.exchange.disconnect()
        story.exchange.settle(key.event_id, {key: story.away})
        await story.until(lambda: story.status(name) == "settled")

        assert story.bot.profit_cents == -1000


async def test_the_books_of_an_event_that_is_over_are_no_longer_counted(autojump_clock, open_story):
    async with open_story() as story:
        await story.until(lambda: story.bot.open_books == len(story.bot.books()) == 7)
        story.exchange.go_live(story.key.event_id)
        story.exchange.settle(story.key.event_id, {story.key: story.home})
        await story.until(lambda: not story.bot.open_books)

        assert story.bot.tally.markets == 7
