"""A halted market takes no orders and gives its resting ones back; the others go on."""

import pytest
import trio

from actors.exchange.satoriex.settings import SatoriexSettings
from actors.messages import DenialReason

LONG = SatoriexSettings(markets=2, crowd_actions_per_s=0, halt_s=10_000.0)  # until it is resumed by hand


def halt(scene):
    scene.exchange.halt(str(scene.key.event_id))


def resume(scene):
    scene.exchange.resume(str(scene.key.event_id))


async def test_a_refused_order_stops_placing_on_its_market_and_on_no_other(autojump_clock, open_sx):
    async with open_sx(LONG) as scene:
        halt(scene)
        refused = scene.buy(4200, 10)
        await scene.until(lambda: scene.status(refused) == "rejected")
        for _ in range(20):
            scene.buy(4200, 10, scene.book(outcome=1))  # of the same market
            await trio.sleep(1)
        elsewhere = await scene.open_buy(4200, 10, scene.book(market=1))

        assert set(scene.hand.denied()) == {DenialReason.MARKET_HALTED}
        assert len(scene.hand.denied()) == 20
        assert scene.status(elsewhere) == "open"
        assert len(scene.placings) == 2


async def test_a_market_that_says_it_is_active_again_takes_orders_again(autojump_clock, open_sx):
    async with open_sx(LONG) as scene:
        halt(scene)
        refused = scene.buy(4200, 10)
        await scene.until(lambda: scene.status(refused) == "rejected")
        await trio.sleep(30)
        before = len(scene.placings)
        resume(scene)
        resumed_s = trio.current_time()
        names = []
        while not any(scene.status(each) == "open" for each in names):
            names.append(scene.buy(4200, 10, scene.book(outcome=1)))
            await trio.sleep(1)

        assert before == 1
        assert len(scene.placings) == 2
        (read_s,) = scene.asked("GET /markets", resumed_s)
        assert read_s - resumed_s <= 60.0  # the poll of every market's state
        assert scene.placings[-1] > read_s


async def test_a_refusal_has_the_markets_state_read_at_once(autojump_clock, open_sx):
    async with open_sx(LONG) as scene:
        halt(scene)
        refused = scene.buy(4200, 10)
        refused_s = await scene.until(lambda: scene.status(refused) == "rejected")
        await trio.sleep(3)

        assert scene.asked("GET /markets", refused_s)
        assert not scene.view().event.active


@pytest.mark.parametrize("known", [True, False])
async def test_resting_orders_can_be_cancelled_in_a_halt(autojump_clock, open_sx, known):
    async with open_sx(LONG) as scene:
        first, second = await scene.open_buy(4200, 100), await scene.open_buy(4100, 100)
        scene.ask(4200, 40)
        await scene.until(lambda: scene.filled(first) == 40)
        halt(scene)
        if known:
            await scene.until(lambda: not scene.view().event.active, 70.0)
        scene.cancel(first)
        await scene.until(lambda: scene.status(first) == "cancelled", 5.0)

        assert (scene.filled(first), scene.status(second)) == (40, "open")
        assert scene.true_order(first).status.value == "cancelled"
        assert scene.bot.exposure_cents == 40 * 42 + 4100


async def test_what_rests_trades_on_after_a_halt(autojump_clock, open_sx):
    async with open_sx(LONG) as scene:
        name = await scene.open_buy(4200, 100)
        halt(scene)
        await trio.sleep(70)
        resume(scene)
        scene.ask(4200, 100)
        await scene.until(lambda: scene.status(name) == "filled", 5.0)

        assert len(scene.placings) == 1
        assert scene.asked("POST /orders/") == []


async def test_a_move_of_thirty_percent_halts_a_market_that_the_bot_trades_in(autojump_clock, open_sx):
    settings = SatoriexSettings(markets=1, crowd_actions_per_s=0, halt_s=30.0)
    async with open_sx(settings) as scene:
        name = await scene.open_buy(3600, 10)
        for price_bp in (4000, 5200):
            scene.ask(price_bp, 5)
            scene.bid(price_bp, 5, who="third")
        halted_s = trio.current_time()
        await trio.sleep(1)
        refused = scene.buy(3700, 10)
        await scene.until(lambda: scene.status(refused) == "rejected")
        scene.buy(3700, 10, scene.book(outcome=1))
        await scene.until(scene.hand.denied)
        resting = scene.status(name)
        await trio.sleep(halted_s + 91 - trio.current_time())  # the halt ends, and a poll has seen it
        again = await scene.open_buy(3700, 10, scene.book(outcome=1))

        assert (resting, scene.status(again)) == ("open", "open")
        assert scene.hand.denied() == [DenialReason.MARKET_HALTED]
