"""A stop takes as long as it needs, but no longer than the venue answers."""

import trio

from actors.exchange.faults import Fault, Rule
from actors.exchange.satoriex.settings import SatoriexSettings
from actors.safe_stop import STOP_S

QUIET = SatoriexSettings(markets=1, crowd_actions_per_s=0)


async def test_a_venue_that_has_gone_silent_is_not_waited_for(autojump_clock, open_sx):
    async with open_sx(QUIET, checked=False) as scene:
        await scene.open_buy(4000, 10)
        scene.add(Rule(fault=Fault.LOST_REQUEST))
        began_s = trio.current_time()

    assert STOP_S <= trio.current_time() - began_s < STOP_S + 3
    assert not scene.bot.flat


async def test_a_venue_that_asks_us_to_wait_is_waited_for(autojump_clock, open_sx):
    async with open_sx(QUIET) as scene:
        await scene.open_buy(4000, 10)
        scene.add(Rule(fault=Fault.THROTTLE, where="cancel", delay_s=15.0, times=1))
        began_s = trio.current_time()

    assert 15 <= trio.current_time() - began_s < 30
    assert scene.bot.flat
