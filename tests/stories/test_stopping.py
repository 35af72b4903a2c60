"""The safe stop is flat within ten seconds, whatever goes wrong meanwhile."""

import pytest
import trio

from actors.exchange.faults import Fault, Rule
from actors.paper import Paper
from protocol.prophetx.wire import Dialect


@pytest.fixture(params=list(Dialect), ids=lambda dialect: dialect.value)
def dialect(request):
    return request.param


def cut(story):
    story.exchange.disconnect()


def lose_answers(story):
    story.add(Rule(fault=Fault.LOST_ANSWER, probability=0.4))


def lose_answers_to_cancels(story):
    story.add(Rule(fault=Fault.LOST_ANSWER, where="cancel", times=3), Rule(fault=Fault.DROP, where="order"))


def lose_requests(story):
    story.add(Rule(fault=Fault.LOST_REQUEST, probability=0.4))


def fail(story):
    story.add(Rule(fault=Fault.SERVER_ERROR, probability=0.4))


def hold(story):
    story.add(Rule(fault=Fault.THROTTLE, times=1, delay_s=3.0))
    story.place(120)


def freeze_the_socket(story):
    story.add(Rule(fault=Fault.HALF_OPEN))


def say_nothing(story):
    story.add(Rule(fault=Fault.SLOW_ANSWER, times=4, delay_s=20.0))


def spoil(story):
    story.add(Rule(fault=Fault.GARBAGE))


TROUBLES = [
    cut,
    lose_answers,
    lose_answers_to_cancels,
    lose_requests,
    fail,
    hold,
    freeze_the_socket,
    say_nothing,
    spoil,
]


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_a_stop_in_trouble_is_flat_in_time(autojump_clock, open_story, dialect, trouble):
    async with open_story(dialect=dialect) as story:
        for price in (110, 112, 114):
            await story.place_open(price)
        story.hit(110, 300)
        trouble(story)
        story.place(116)  # one more is on its way
        await trio.sleep(0.05)
        stopped_s = trio.current_time()
        story.paper.stop()
        await story.until(lambda: story.summary is not None)

        assert trio.current_time() - stopped_s <= 10.0


async def test_a_stop_before_the_login_takes_no_time(autojump_clock, start_story):
    async with start_story(before=lambda story: setattr(story, "reachable", False), checked=False) as story:
        await trio.sleep(5)
        story.paper.stop()
        await story.until(lambda: story.summary is not None, within_s=0.1)

    assert (story.summary.ok, story.bot.tally.sent, story.bot.logged_in) == (False, 0, False)


async def test_a_stop_without_a_venue_ends_in_time_and_does_not_claim_to_be_flat(autojump_clock, open_story):
    async with open_story(checked=False) as story:
        await story.place_open()
        story.reachable = False
        story.exchange.disconnect()
        story.add(Rule(fault=Fault.LOST_REQUEST))
        stopped_s = trio.current_time()
        story.paper.stop()
        await story.until(lambda: story.summary is not None)

        assert trio.current_time() - stopped_s <= 10.0
        assert not story.summary.ok
        assert not story.summary.flat_on_exit


async def test_a_stop_cancels_what_the_strategy_left_and_places_no_more(autojump_clock, open_story, dialect):
    async with open_story(dialect=dialect) as story:
        names = [await story.place_open(price) for price in (110, 112)]
        sent = story.bot.tally.sent
        story.paper.stop()
        await story.until(lambda: story.summary is not None, within_s=5)

        assert [story.status(name) for name in names] == ["cancelled", "cancelled"]
        assert story.bot.tally.sent == sent


async def test_a_stop_before_the_login_proves_nothing_and_says_why(autojump_clock):
    paper = Paper(wall_ns=lambda: 1_790_000_000 * 10**9 + int(trio.current_time() * 10**9))
    paper.stop()

    summary = await paper.run_in_memory()

    assert not summary.ok
    assert "NOT PROVED FLAT: no login" in summary.as_text()
