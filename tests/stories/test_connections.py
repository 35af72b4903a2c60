"""The session is lost when it must be, comes back when it may, and never logs in twice."""

import pytest
import trio

from actors.exchange.faults import Fault, Rule
from actors.exchange.prophetx.settings import ExchangeSettings
from actors.session import SessionSettings
from protocol.prophetx import wire
from protocol.prophetx.wire import Dialect


def quiet(**how):
    return ExchangeSettings(**{"tournaments": 1, "events": 1, "crowd_actions_per_s": 0, **how})


@pytest.fixture(params=list(Dialect), ids=lambda dialect: dialect.value)
def dialect(request):
    return request.param


async def lost(story, within_s=120.0):
    before = story.bot.tally.sessions_lost
    return await story.until(lambda: story.bot.tally.sessions_lost > before, within_s)


async def back(story, within_s=120.0):
    return await story.until(lambda: story.bot.tally.sessions_started > story.bot.tally.sessions_lost, within_s)


async def test_thirty_seconds_without_a_health_check_restart_the_session(autojump_clock, open_story, dialect):
    async with open_story(dialect=dialect) as story:
        story.enter(story.home, 120, 5000)
        await trio.sleep(6)
        muted_s = trio.current_time()
        story.exchange.feed.mute_heartbeat(story.paper.wall_ns() + 60 * 10**9)
        lost_s = await lost(story)
        await back(story)

        assert 25.0 <= lost_s - muted_s <= 32.0
        assert story.bot.tally.sessions_lost == 1


async def test_health_checks_that_come_late_are_enough(autojump_clock, open_story):
    async with open_story() as story:
        story.exchange.feed.mute_heartbeat(story.paper.wall_ns() + 20 * 10**9)
        await trio.sleep(60)

        assert story.bot.tally.sessions_lost == 0


async def test_a_socket_that_is_open_but_dead_is_detected_by_the_heartbeat(autojump_clock, open_story):
    async with open_story() as story:
        story.add(Rule(fault=Fault.HALF_OPEN, where="health_check", times=1))
        dead_s = await story.until(lambda: story.exchange.faults.happened.get(Fault.HALF_OPEN))
        lost_s = await lost(story)
        await back(story)

        assert lost_s - dead_s <= 32.0


async def test_a_socket_that_is_open_but_dead_is_detected_by_a_ping(autojump_clock, open_story):
    session = SessionSettings(rest_url="", heartbeat_timeout_s=1000.0)
    async with open_story(quiet(activity_timeout_s=10.0), session=session) as story:
        story.add(Rule(fault=Fault.HALF_OPEN, where="health_check", times=1))
        dead_s = await story.until(lambda: story.exchange.faults.happened.get(Fault.HALF_OPEN))
        lost_s = await lost(story)
        await back(story)

        assert 30.0 <= lost_s - dead_s <= 42.0  # silent for 10 s, then no pong for 30


@pytest.mark.parametrize(
    ("code", "least_s", "most_s"), [(4200, 0.0, 3.0), (4100, 1.0, 4.0), (1006, 0.0, 15.0), (4001, 1.0, 60.0)]
)
async def test_the_close_code_says_when_a_new_socket_may_come(autojump_clock, open_story, code, least_s, most_s):
    async with open_story() as story:
        await trio.sleep(10)
        for _ in range(3):
            count, closed_s = len(story.handshakes), trio.current_time()
            story.exchange.disconnect(code)
            await story.until(lambda count=count: len(story.handshakes) > count, within_s=most_s)
            await back(story)

            assert least_s <= story.handshakes[-1] - closed_s <= most_s


async def test_a_refusal_of_the_same_parameters_is_retried_ever_more_slowly(autojump_clock, open_story):
    async with open_story() as story:
        await trio.sleep(10)
        waits = []
        for _ in range(4):
            count, closed_s = len(story.handshakes), trio.current_time()
            story.exchange.disconnect(4001)
            await story.until(lambda count=count: len(story.handshakes) > count)
            waits.append(story.handshakes[-1] - closed_s)
            await story.until(lambda: story.exchange.feed.sockets)

        assert waits[3] > 4 * waits[0] > 4


async def test_three_hours_with_restarts_take_one_login(autojump_clock, open_story):
    async with open_story(limit_s=12_000) as story:
        for _ in range(6):
            await trio.sleep(1800)
            story.exchange.disconnect()
            await lost(story)
            await back(story)
        name = await story.place_open()

        assert story.status(name) == "open"
        assert len(story.asked("/auth/login")) == 1
        assert len(story.asked("/auth/refresh")) == 9  # a token lives 20 minutes, and is renewed a minute before
        assert len(story.handshakes) == 7
    assert len(story.exchange.gatekeeper._logins) == 1


async def test_a_token_that_is_refused_early_is_renewed_and_nothing_is_lost(autojump_clock, open_story, dialect):
    async with open_story(dialect=dialect) as story:
        story.exchange.gatekeeper.revoke_all()
        name = await story.place_open()

        assert story.status(name) == "open"
        assert (len(story.asked("/auth/login")), len(story.asked("/auth/refresh"))) == (1, 1)


async def test_a_full_session_cap_is_tried_again_after_ten_seconds_then_twenty(autojump_clock, start_story):
    def fill_up(story):
        keys = story.exchange.credentials
        form = wire.LoginForm(access_key=keys.user, secret_key=keys.secret)
        for _ in range(3):
            story.exchange.gatekeeper.log_in(form, story.paper.wall_ns())

    async with start_story(quiet(max_sessions=3, refresh_token_life_s=25), before=fill_up) as story:
        await story.until(lambda: story.bot.logged_in)

        assert story.asked("/auth/login") == pytest.approx([0.0, 10.0, 30.0], abs=0.1)


async def test_the_config_is_read_every_half_hour(autojump_clock, open_story):
    async with open_story(limit_s=8000) as story:
        await trio.sleep(5500)
        asked = story.asked("/websocket/connection-config")

        assert [round(each / 1800) for each in asked] == [0, 1, 2, 3]
        assert story.bot.tally.sessions_lost == 0


async def test_a_venue_that_cannot_be_reached_is_tried_until_it_can(autojump_clock, open_story):
    async with open_story() as story:
        story.reachable = False
        story.exchange.disconnect()
        await lost(story)
        await trio.sleep(120)
        story.reachable = True
        await back(story)
        name = await story.place_open()

        assert story.status(name) == "open"
