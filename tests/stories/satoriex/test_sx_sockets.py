"""One socket at a time, opened no oftener than the venue bears, with a token that nobody else gets to see."""

import traceback

import pytest
import structlog.testing
import trio

from actors.exchange.faults import Fault, Rule
from actors.exchange.satoriex.choices import SecondSocket, WireChoices
from actors.exchange.satoriex.presets import ALL
from actors.exchange.satoriex.settings import SatoriexSettings
from actors.io.caller import LoginRefused
from actors.maker import MarketMaker
from actors.strategy import quoting
from protocol.errors import LocalProtocolError
from protocol.ids import CompetitionId
from protocol.satoriex.venue import NAME as SATORIEX


def quiet(**how):
    return SatoriexSettings(**{"markets": 1, "crowd_actions_per_s": 0, **how})


def busiest_minute(times):
    return max(sum(start <= each < start + 60 for each in times) for start in times)


def refuse(_body):
    return 401, b'{"code": 2002, "msg": "token expired", "data": null}'


def leaves(error):
    return [leaf for each in error.exceptions for leaf in leaves(each)] if hasattr(error, "exceptions") else [error]


@pytest.mark.parametrize("second", list(SecondSocket), ids=lambda choice: choice.value)
async def test_the_session_moves_to_a_new_socket_at_four_fifths_of_its_tokens_life(autojump_clock, open_sx, second):
    settings = quiet(access_token_life_s=100.0, wire=WireChoices(second_socket=second))
    async with open_sx(settings) as scene:
        await trio.sleep(170)
        first, second, third = scene.sockets

        assert scene.asked("POST /auth/refresh") == pytest.approx([80.0, 160.0], abs=0.5)
        assert first.closed_s < second.opened_s < second.closed_s < third.opened_s
        assert [second.opened_s, third.opened_s] == pytest.approx([80.0, 160.0], abs=3.0)
        assert (scene.tally.sessions_started, len(scene.asked("POST /auth/login"))) == (3, 1)


async def test_there_are_never_two_sockets(autojump_clock, open_sx):
    wire = WireChoices(second_socket=SecondSocket.REFUSED)
    faults = (
        Rule(fault=Fault.DISCONNECT, every_s=10.0, code=1006),
        Rule(fault=Fault.DISCONNECT, every_s=15.0, code=1001),
        Rule(fault=Fault.HALF_OPEN, every_s=60.0),
    )
    async with open_sx(quiet(wire=wire, access_token_life_s=50.0), *faults) as scene:
        await trio.sleep(120)
        scene.exchange.faults.clear()

        assert len(scene.sockets) > 8
        assert scene.sockets_at_once() == 1


@pytest.mark.parametrize("code", [1006, 1001, 1008, 1013])
async def test_a_venue_that_keeps_closing_is_dialled_ten_times_a_minute_at_most(autojump_clock, start_sx, code):
    closing = Rule(fault=Fault.DISCONNECT, code=code)  # with the first frame of each socket
    async with start_sx(quiet(), closing) as scene:
        await trio.sleep(125)
        dialled = [each.opened_s for each in scene.sockets]
        scene.exchange.faults.clear()
        await scene.until(scene.live, 90.0)

        assert len(dialled) >= 10
        assert busiest_minute(dialled) <= 10


async def test_a_venue_that_refuses_connections_is_dialled_ten_times_a_minute_at_most(autojump_clock, open_sx):
    async with open_sx(quiet(connects_per_address=1)) as scene:
        for _ in range(20):
            scene.exchange.disconnect()
            await trio.sleep(10)
        dialled = [each.opened_s for each in scene.sockets]

        assert len(dialled) >= 6
        assert busiest_minute(dialled) <= 10


async def test_a_token_refused_at_the_upgrade_is_refreshed_once(autojump_clock, open_sx):
    async with open_sx(quiet()) as scene:
        await trio.sleep(5)
        scene.exchange.expire_tokens()  # and the socket closes
        await scene.until(lambda: scene.tally.sessions_started == 2)

        assert len(scene.asked("POST /auth/refresh")) == 1
        assert len(scene.asked("POST /auth/login")) == 1
        assert len(scene.sockets) == 3


async def test_a_second_refusal_at_the_upgrade_ends_the_run_flat_with_a_plain_error(autojump_clock, open_sx):
    seen = []

    async def refused_twice() -> None:
        async with open_sx(quiet()) as scene:
            seen.append(scene)
            await scene.open_buy()
            scene.alter("GET /ws", refuse, times=2)
            scene.exchange.disconnect()
            await trio.sleep(100)

    with pytest.raises(BaseExceptionGroup) as caught, structlog.testing.capture_logs() as logs:
        await refused_twice()

    (scene,), (error,) = seen, leaves(caught.value)
    assert isinstance(error, LoginRefused)
    assert str(error).startswith("satoriex refused the socket twice")
    assert len(scene.asked("POST /auth/refresh")) == 1
    assert not any(order.can_match for order in scene.venue_orders.values())
    said = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(logs)
    assert len(scene.tokens) == 3
    assert not [token for token in scene.tokens if token in said]


async def test_tokens_stand_in_no_log_and_no_repr(autojump_clock, start_sx):
    settings = SatoriexSettings(
        markets=1, access_token_life_s=10.0, wire=WireChoices(rotating_refresh=True), crowd_actions_per_s=2.0
    )
    refusal = Rule(fault=Fault.SERVER_ERROR, where="refresh", probability=0.3, code=502)
    with structlog.testing.capture_logs() as logs:
        async with start_sx(
            settings, *ALL, refusal, strategies={"maker": quoting(MarketMaker())}, checked=False
        ) as scene:
            scene.alter("GET /ws", refuse)
            await trio.sleep(30)
            shown = [repr(each) for each in (scene.seat.caller, scene.seat.settings)]
            scene.exchange.faults.clear()

    assert len(scene.tokens) > 6
    assert {"session_lost", "token_refreshed", "session_not_opened"} <= {each["event"] for each in logs}
    said = "".join((*shown, *map(repr, logs)))
    assert not [token for token in scene.tokens if token in said]


async def test_each_market_is_subscribed_in_every_session_and_the_user_never(autojump_clock, open_sx):
    async with open_sx(quiet(markets=3)) as scene:
        for _ in range(2):
            scene.exchange.disconnect(1001)
            await trio.sleep(10)

        wanted = [
            {"type": kind, "market_id": each}
            for each in reversed(scene.exchange.floor.markets)  # the newest is listed first
            for kind in ("subscribe", "subscribe_marketdata")
        ]
        assert [each.sent for each in scene.sockets] == [wanted] * 3


async def test_a_market_that_is_listed_later_is_subscribed_on_the_same_socket(autojump_clock, open_sx):
    async with open_sx(quiet(), poll_s=20.0) as scene:
        added = scene.exchange.floor.list_market(scene.exchange.wall_ns()).market_id
        await scene.until(lambda: scene.live(scene.book(market=1)), 30.0)

        (socket,) = scene.sockets
        assert [each["type"] for each in socket.sent if each["market_id"] == added] == [
            "subscribe",
            "subscribe_marketdata",
        ]
        assert len(socket.sent) == 4


async def test_where_a_second_socket_is_not_known_to_be_allowed_the_gap_is_marked_and_healed(autojump_clock, open_sx):
    wire = WireChoices(second_socket=SecondSocket.REFUSED)
    async with open_sx(quiet(markets=2, wire=wire)) as scene:
        first, second = scene.exchange.floor.markets
        name = await scene.open_buy()
        wanted_s = trio.current_time()
        scene.bot.want(SATORIEX, events=[second])
        await scene.until(lambda: not scene.bot.connected)
        gone = dict(scene.bot.live_views())
        healed_s = await scene.until(lambda: {key.event_id for key in scene.bot.live_views()} == {second})

        assert gone == {}
        assert healed_s - wanted_s < 10.0
        assert (scene.sockets_at_once(), len(scene.sockets)) == (1, 2)
        assert (scene.tally.sessions_started, scene.tally.sessions_lost) == (2, 1)
        assert (scene.key.event_id, scene.status(name)) == (first, "open")
        await scene.until(lambda: not scene.live(scene.book(market=0)))  # nobody hears it any more


async def test_where_there_are_no_competitions_none_can_be_wanted(autojump_clock, open_sx):
    async with open_sx(quiet()) as scene:
        with pytest.raises(LocalProtocolError, match="has no competitions"):
            scene.bot.want(SATORIEX, competitions=[CompetitionId(1)])

        assert scene.tally.sessions_started == 1
