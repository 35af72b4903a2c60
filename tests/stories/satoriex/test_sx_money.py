"""Only what is held is sold, and only what the wallet has is spent."""

import pytest
import trio

from actors.exchange.faults import Fault, Rule
from actors.exchange.satoriex.settings import SatoriexSettings
from actors.messages import DenialReason

QUIET = SatoriexSettings(markets=1, crowd_actions_per_s=0)
HOLDING = SatoriexSettings(markets=1, crowd_actions_per_s=0, opening_shares=50)
POOR = SatoriexSettings(markets=1, crowd_actions_per_s=0, opening_balance_micro=60_000_000)


async def test_shares_that_are_not_held_are_never_sold(autojump_clock, open_sx):
    async with open_sx(QUIET) as scene:
        scene.sell(5000, 10)
        await scene.until(scene.hand.denied)

        assert scene.hand.denied() == [DenialReason.NOT_HELD]
        assert scene.placings == []


async def test_what_was_bought_may_be_sold_less_what_is_offered(autojump_clock, open_sx):
    async with open_sx(QUIET) as scene:
        scene.ask(4200, 100)
        bought = scene.buy(4200, 100)
        await scene.until(lambda: scene.status(bought) == "filled")
        offered = await scene.open_sell(5000, 60)
        too_many = scene.sell(5100, 41)
        await scene.until(scene.hand.denied)
        rest = await scene.open_sell(5100, 40)

        assert [scene.status(each) for each in (offered, too_many, rest)] == ["open", "", "open"]
        assert scene.hand.denied() == [DenialReason.NOT_HELD]


@pytest.mark.parametrize("where", ["order", "orders"])
async def test_a_fill_that_the_wallet_shows_first_is_neither_sold_nor_counted_twice(autojump_clock, open_sx, where):
    async with open_sx(QUIET) as scene:
        name = await scene.open_buy(4200, 100)
        scene.add(Rule(fault=Fault.SERVER_ERROR, where=where, times=5))
        scene.ask(4200, 100)
        exposed = []
        await scene.until(lambda: (exposed.append(scene.bot.exposure_cents), scene.status(name) == "filled")[1])
        first, second = scene.sell(5000, 100), scene.sell(5100, 1)
        await scene.until(scene.hand.denied)
        await scene.until(lambda: scene.status(first) == "open")

        assert set(exposed) == {4200}
        assert (scene.status(second), scene.hand.denied()) == ("", [DenialReason.NOT_HELD])


async def test_a_sale_that_is_cancelled_frees_its_shares_and_one_that_is_filled_does_not(autojump_clock, open_sx):
    async with open_sx(HOLDING) as scene:
        first = await scene.open_sell(5000, 50)
        scene.bid(5000, 20)
        await scene.until(lambda: scene.filled(first) == 20)
        scene.cancel(first)
        await scene.until(lambda: scene.status(first) == "cancelled")
        scene.sell(5000, 31)
        await scene.until(scene.hand.denied)
        second = await scene.open_sell(5000, 30)

        assert scene.hand.denied() == [DenialReason.NOT_HELD]
        assert scene.status(second) == "open"


async def test_shares_from_before_the_run_may_be_sold(autojump_clock, open_sx):
    async with open_sx(HOLDING) as scene:
        name = await scene.open_sell(5000, 50)
        scene.sell(5100, 1)
        await scene.until(scene.hand.denied)

        assert scene.status(name) == "open"
        assert scene.hand.denied() == [DenialReason.NOT_HELD]


async def test_shares_of_one_outcome_do_not_cover_a_sale_of_the_other(autojump_clock, open_sx):
    async with open_sx(QUIET) as scene:
        scene.ask(4200, 100)
        bought = scene.buy(4200, 100)
        await scene.until(lambda: scene.status(bought) == "filled")
        scene.sell(5000, 10, scene.book(outcome=1))
        await scene.until(scene.hand.denied)

        assert scene.hand.denied() == [DenialReason.NOT_HELD]


async def test_a_wallet_that_is_too_small_denies_before_the_wire(autojump_clock, open_sx):
    async with open_sx(POOR) as scene:
        first = await scene.open_buy(4200, 100)
        second = scene.buy(4100, 50)  # 20.50 dollars, where 18 are left
        await scene.until(scene.hand.denied)
        third = await scene.open_buy(4100, 40)

        assert [scene.status(each) for each in (first, second, third)] == ["open", "", "open"]
        assert scene.hand.denied() == [DenialReason.NO_FUNDS]
        assert (len(scene.placings), scene.tally.rejected) == (2, 0)


async def test_orders_that_leave_together_share_the_wallet(autojump_clock, open_sx):
    async with open_sx(POOR) as scene:
        names = [scene.buy(4000 + each, 50) for each in range(4)]  # of 20 dollars each
        await scene.until(lambda: len(scene.hand.denied()) == 2)
        await scene.until(lambda: [scene.status(each) for each in names] == ["open", "open", "", ""])

        assert scene.hand.denied() == [DenialReason.NO_FUNDS] * 2
        assert (len(scene.placings), scene.tally.rejected) == (2, 0)


async def test_money_that_comes_back_may_be_spent_again(autojump_clock, open_sx):
    async with open_sx(POOR) as scene:
        first = await scene.open_buy(4200, 100)
        scene.cancel(first)
        await scene.until(lambda: scene.status(first) == "cancelled")
        await trio.sleep(5)  # for the wallet to be read
        second = await scene.open_buy(4300, 100)

        assert (scene.status(second), scene.hand.denied()) == ("open", [])
