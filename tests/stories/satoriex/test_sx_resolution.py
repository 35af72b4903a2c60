"""A market that ends gives back what rested, pays what was bought, and makes room for the next one."""

import pytest
import trio

from actors.exchange.satoriex.settings import SatoriexSettings

OPENING_MICRO = 10_000 * 1_000_000
DOLLAR = 1_000_000


def quick(**how):
    return SatoriexSettings(**{"markets": 1, "crowd_actions_per_s": 0, "proposal_s": 1.0, "dispute_s": 2.0, **how})


def resolve(scene, outcome):
    key = scene.book(outcome=outcome)
    scene.exchange.resolve(str(key.event_id), str(key.market_id))


async def take_ask(scene, price_bp, shares, key=None):
    """Buy what somebody offers; who takes gets no rebate."""
    scene.ask(price_bp, shares, key)
    name = scene.buy(price_bp, shares, key)
    await scene.until(lambda: scene.status(name) == "filled")
    return name


async def take_bid(scene, price_bp, shares, key=None):
    scene.bid(price_bp, shares, key)
    name = scene.sell(price_bp, shares, key)
    await scene.until(lambda: scene.status(name) == "filled")
    return name


@pytest.mark.parametrize("deaf", [False, True])
async def test_what_rested_is_seen_cancelled(autojump_clock, open_sx, deaf):
    async with open_sx(quick()) as scene:
        name = await scene.open_buy(4200, 100)
        resolve(scene, 0)
        if deaf:
            scene.exchange.disconnect()
        await scene.until(lambda: scene.status(name) == "cancelled", 70.0)

        assert (scene.bot.exposure_cents, scene.bot.profit_cents) == (0, 0)
        assert scene.asked("POST /orders/") == []


@pytest.mark.parametrize(("winner", "profit_cents"), [(0, 5800), (1, -4200)], ids=["won", "lost"])
async def test_what_was_bought_is_settled(autojump_clock, open_sx, winner, profit_cents):
    async with open_sx(quick()) as scene:
        name = await take_ask(scene, 4200, 100)
        resolve(scene, winner)
        await scene.until(lambda: scene.status(name) == "settled", 70.0)
        await trio.sleep(5)

        assert scene.order(name).result.value == ("won" if winner == 0 else "lost")
        assert (scene.bot.profit_cents, scene.bot.exposure_cents) == (profit_cents, 0)
        assert scene.exchange.truth().available_micro - OPENING_MICRO == profit_cents * DOLLAR // 100


@pytest.mark.parametrize("winner", [0, 1], ids=["won", "lost"])
async def test_the_profit_is_right_to_the_cent_with_the_fee_on_what_was_sold(autojump_clock, open_sx, winner):
    async with open_sx(quick()) as scene:
        yes, no = scene.book(), scene.book(outcome=1)
        names = [
            await take_ask(scene, 4200, 100, yes),  # 42.00
            await take_bid(scene, 5000, 40, yes),  # 20.00 less 0.30
            await take_bid(scene, 4700, 7, yes),  # 3.29 less 0.04935
            await take_ask(scene, 5100, 30, no),  # 15.30
        ]
        resolve(scene, winner)
        await scene.until(lambda: {scene.status(each) for each in names} == {"settled"}, 70.0)
        await trio.sleep(5)

        paid_micro = 53_000_000 if winner == 0 else 30_000_000
        profit_micro = paid_micro - 42_000_000 + 19_700_000 + 3_290_000 - 49_350 - 15_300_000
        assert scene.exchange.truth().available_micro - OPENING_MICRO == profit_micro
        assert abs(scene.bot.profit_cents * 10_000 - profit_micro) < 10_000


async def test_a_rebate_of_the_venues_is_no_difference(autojump_clock, open_sx):
    async with open_sx(quick()) as scene:
        name = await scene.open_buy(4200, 100)
        scene.ask(4200, 100)
        await scene.until(lambda: scene.status(name) == "filled")
        resolve(scene, 0)
        await scene.until(lambda: scene.status(name) == "settled", 70.0)

        assert scene.true_order(name).rebates_micro == 21_000
        assert scene.bot.profit_cents == 5800


async def test_a_half_filled_order_is_settled_for_the_half(autojump_clock, open_sx):
    async with open_sx(quick()) as scene:
        name = await scene.open_buy(4200, 100)
        scene.ask(4200, 30)
        await scene.until(lambda: scene.filled(name) == 30)
        resolve(scene, 0)
        await scene.until(lambda: scene.status(name) == "settled", 70.0)

        assert (scene.filled(name), scene.bot.profit_cents, scene.bot.exposure_cents) == (30, 1740, 0)


async def test_the_market_that_takes_its_place_is_traded(autojump_clock, open_sx):
    async with open_sx(quick()) as scene:
        before = scene.key
        resolve(scene, 0)
        await scene.until(lambda: len(scene.exchange.floor.markets) == 2)
        after = scene.book(market=1)
        await scene.until(lambda: scene.live(after), 5.0)
        name = await scene.open_buy(4200, 100, after)

        assert scene.status(name) == "open"
        assert before not in scene.bot.books()
        told = [each["type"] for each in scene.sockets[-1].sent if each["market_id"] == str(after.event_id)]
        assert told == ["subscribe", "subscribe_marketdata"]


async def test_a_dispute_that_is_upheld_lets_the_market_trade_again(autojump_clock, open_sx):
    async with open_sx(quick(dispute_s=100.0)) as scene:
        name = await scene.open_buy(4200, 100)
        resolve(scene, 0)
        await trio.sleep(65)  # the poll sees that it is over for now
        closed = scene.live()
        scene.exchange.uphold_dispute(str(scene.key.event_id))
        await scene.until(scene.live, 5.0)
        scene.ask(4200, 100)
        await scene.until(lambda: scene.status(name) == "filled")

        assert not closed
        assert scene.bot.profit_cents == 0
