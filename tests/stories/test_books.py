"""Books are built by the socket and proved by REST."""

import pytest
import trio
from structlog.testing import capture_logs

from actors.exchange.faults import Fault, Rule
from actors.exchange.prophetx.settings import ExchangeSettings
from protocol.book import Cause, LiquidityChange
from protocol.prophetx.wire import Dialect

CROWDED = ExchangeSettings(tournaments=1, events=1, crowd_actions_per_s=5)


@pytest.fixture(params=list(Dialect), ids=lambda dialect: dialect.value)
def dialect(request):
    return request.param


def causes(story):
    return [(change.price, change.size, change.cause) for change in story.hand.changes(story.key)]


async def test_websocket_images_build_every_book(autojump_clock, open_story, dialect):
    async with open_story(CROWDED, dialect=dialect) as story:
        read = len(story.asked("get_multiple_markets")) + len(story.asked("get_markets"))
        updates = story.bot.tally.updates
        await trio.sleep(20)
        story.exchange.pause_crowd()
        await trio.sleep(1)

        assert story.bot.tally.updates > updates + 50
        assert story.books_are_true
        assert len(story.asked("get_multiple_markets")) + len(story.asked("get_markets")) == read


async def test_a_dropped_image_is_healed_by_the_comparison_and_counted(autojump_clock, open_story, dialect):
    async with open_story(dialect=dialect, limit_s=2000) as story:
        story.enter(story.home, 120, 5000)
        await story.until(lambda: story.books_are_true)
        story.add(Rule(fault=Fault.DROP, where="market_selections", times=1))
        story.enter(story.home, 122, 5000)
        await trio.sleep(1)
        wrong = story.books_are_true
        await trio.sleep(890)
        with capture_logs() as logs:
            healed_s = await story.until(lambda: story.books_are_true, within_s=1000)

        assert not wrong
        assert 900 < healed_s < 910
        assert story.bot.tally.healed == 1
        assert [line["book"] for line in logs if line["event"] == "book_healed"] == [str(story.key)]


async def test_what_moves_during_the_comparison_is_not_healed(autojump_clock, open_story):
    async with open_story(limit_s=2000) as story:
        story.enter(story.home, 120, 5000)
        story.add(Rule(fault=Fault.SLOW_ANSWER, where="markets", times=1, delay_s=3.0))
        await trio.sleep(890)
        asked = len(story.asked("get_multiple_markets"))
        await story.until(lambda: len(story.asked("get_multiple_markets")) > asked)
        story.enter(story.home, 122, 5000)  # after the question, before its answer
        await trio.sleep(10)

        assert story.books_are_true
        assert story.bot.tally.healed == 0


async def test_an_image_that_comes_late_is_not_healed(autojump_clock, open_story):
    async with open_story(limit_s=2000) as story:
        await trio.sleep(890)
        story.add(Rule(fault=Fault.DELAY, where="market_selections", delay_s=1.5))
        asked = len(story.asked("get_multiple_markets"))
        while len(story.asked("get_multiple_markets")) == asked:
            story.enter(story.home, 120, 5000)
            await trio.sleep(1.0)
        await trio.sleep(10)

        assert story.books_are_true
        assert story.bot.tally.healed == 0


async def test_images_that_come_before_the_snapshot_are_applied_on_top_of_it(autojump_clock, start_story):
    slow = Rule(fault=Fault.SLOW_ANSWER, where="markets", times=1, delay_s=3.0)
    settings = ExchangeSettings(tournaments=1, events=1, crowd_actions_per_s=0)
    async with start_story(settings, slow) as story:
        await story.until(lambda: story.asked("get_multiple_markets") or story.asked("get_markets"))
        await trio.sleep(0.5)  # the snapshot is on its way, and it is old already
        story.enter(story.home, 120, 5000)
        await story.until(lambda: story.view is not None and story.view.live)

        assert story.takeable(story.away) == {-120: 6000}
        assert story.books_are_true


async def test_every_change_of_liquidity_has_a_cause_that_a_strategy_sees(autojump_clock, open_story, dialect):
    async with open_story(dialect=dialect) as story:
        resting = story.enter(story.home, 120, 5000)
        await trio.sleep(3)
        story.enter(story.away, -120, 2400, who="taker")  # takes 2000 of it
        await trio.sleep(3)
        story.exchange.floor.withdraw(resting, story.paper.wall_ns())
        await trio.sleep(3)

        assert story.hand.changes(story.key) == [
            LiquidityChange(story.away, -120, 6000, Cause.ADDED),
            LiquidityChange(story.away, -120, 2400, Cause.TRADED),
            LiquidityChange(story.away, -120, 3600, Cause.CANCELLED),
        ]


async def test_a_trade_is_told_from_a_cancel_at_the_same_price(autojump_clock, open_story):
    async with open_story() as story:
        stays, goes = (story.enter(story.home, 120, 5000) for _ in range(2))
        await trio.sleep(3)
        story.enter(story.away, -120, 2400, who="taker")
        story.exchange.floor.withdraw(goes, story.paper.wall_ns())
        await trio.sleep(3)

        assert causes(story) == [
            (-120, 6000, Cause.ADDED),
            (-120, 6000, Cause.ADDED),
            (-120, 2400, Cause.TRADED),
            (-120, 6000, Cause.CANCELLED),
        ]
        assert stays.filled_cents == 2000


async def test_books_of_an_event_that_ended_are_retired(autojump_clock, open_story, dialect):
    async with open_story(ExchangeSettings(tournaments=1, events=2, crowd_actions_per_s=0), dialect=dialect) as story:
        event_id = story.key.event_id
        story.exchange.go_live(event_id)
        await story.until(lambda: all(view.in_play for view in story.bot.views().values() if view.key == story.key))
        story.exchange.settle(event_id, {})
        await story.until(lambda: {key.event_id for key in story.bot.books()} == {event_id + 1})

        assert len(story.bot.books()) == 7
        ended = [view for view in story.hand.views if view.key.event_id == event_id]
        assert not ended[-1].live


async def test_a_new_event_is_heard_without_a_restart(autojump_clock, open_story, dialect):
    settings = ExchangeSettings(
        tournaments=1, events=1, crowd_actions_per_s=0, go_live_s=10.0, settle_s=5.0, activity_timeout_s=None
    )
    async with open_story(settings, dialect=dialect) as story:
        event_id = story.key.event_id
        await story.until(lambda: {key.event_id for key in story.bot.books()} == {event_id + 1})
        await story.until(lambda: len(story.bot.books()) == 7)
        story.enter(story.home, 120, 5000)
        await story.until(lambda: story.takeable(story.away) == {-120: 6000})

        assert story.bot.tally.sessions_started == 1
