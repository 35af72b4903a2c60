"""Nothing is believed before REST has said it, and nothing that was hinted meanwhile is lost."""

import attrs
import pytest
import trio

from actors.decisions.quoting import Quote
from actors.exchange.faults import Fault, Rule
from actors.exchange.satoriex.settings import SatoriexSettings
from actors.strategy import quoting
from protocol.prices import Probability

QUIET = SatoriexSettings(markets=1, crowd_actions_per_s=0)


@attrs.define(eq=False)
class Eager:
    """Ask for an order in the first market that is seen, again and again until it leaves."""

    async def __call__(self, desk) -> None:
        while True:
            for view in await desk.views():
                if not view.orders:
                    desk.place(view.key, view.selections[0], Probability(4200), 100)


def constant(view):
    return [Quote(selection_id=view.selections[0], price=Probability(4200), size=100)] if view.live else []


async def test_a_hint_that_comes_before_a_books_first_snapshot_is_not_lost(autojump_clock, start_sx):
    slow = Rule(fault=Fault.SLOW_ANSWER, where="book", times=1, delay_s=3.0)  # read before, answered after
    async with start_sx(QUIET, slow) as scene:
        await scene.until(lambda: scene.asked(f"GET /orderbook/{scene.key.event_id}/{scene.key.market_id}"))
        await trio.sleep(1)
        assert scene.view() is None
        scene.ask(4200, 50)
        hinted_s = trio.current_time()
        await scene.until(lambda: scene.live() and scene.books_are_true, 20.0)

        assert trio.current_time() - hinted_s <= 4.0


async def test_a_book_that_changes_while_it_is_read_is_read_again(autojump_clock, open_sx):
    async with open_sx(QUIET) as scene:
        scene.add(Rule(fault=Fault.SLOW_ANSWER, where="book", times=1, delay_s=3.0))
        scene.ask(4300, 50)
        await trio.sleep(1)
        scene.ask(4200, 50)
        hinted_s = trio.current_time()
        await scene.until(lambda: scene.books_are_true, 20.0)

        assert trio.current_time() - hinted_s <= 4.0


@pytest.mark.parametrize("where", ["orders", "positions", "balance"])
async def test_no_order_leaves_before_the_account_is_known(autojump_clock, start_sx, where):
    slow = Rule(fault=Fault.SLOW_ANSWER, where=where, times=2, delay_s=4.0)
    async with start_sx(QUIET, slow, strategies={"eager": Eager()}) as scene:
        await scene.until(lambda: scene.placings)

        assert 4.0 <= scene.placings[0] <= 12.0
        assert all(
            scene.asked(each)[0] < scene.placings[0]
            for each in ("GET /orders", "GET /me/positions", "GET /wallet/balance")
        )


async def test_nothing_is_quoted_on_a_book_whose_hint_nothing_has_answered(autojump_clock, open_sx):
    async with open_sx(QUIET) as scene:
        other = scene.book(outcome=1)
        await trio.sleep(5)
        scene.add(Rule(fault=Fault.LOST_REQUEST, where="book"))
        scene.forge("price_update", {"best_bid": 4000}, channel=f"marketdata:{scene.key.event_id}")
        hinted_s = trio.current_time()
        stale_s = await scene.until(lambda: not scene.live(), 30.0)
        scene.buy()
        await trio.sleep(1)
        denied = [each.value for each in scene.hand.denied()]
        unhinted = scene.live(other)
        scene.exchange.faults.clear()
        await scene.until(scene.live, 15.0)

        assert stale_s - hinted_s == pytest.approx(10.0, abs=0.5)
        assert (denied, scene.placings) == (["book_not_live"], [])
        assert unhinted


async def test_a_quoting_strategy_waits_for_a_stale_book(autojump_clock, start_sx):
    async with start_sx(QUIET, strategies={"constant": quoting(constant)}) as scene:
        await scene.until(lambda: len(scene.placings) == 2, 15.0)
        scene.add(Rule(fault=Fault.LOST_REQUEST, where="book"))
        scene.ask(4200, 100)  # takes the quote in the first book, and stirs it
        await scene.until(lambda: scene.tally.fill_shares == 100)
        await trio.sleep(12)
        assert not scene.live()
        stale_s, before = trio.current_time(), len(scene.placings)
        await trio.sleep(10)
        during = len(scene.placings)
        scene.exchange.faults.clear()
        again_s = await scene.until(lambda: scene.live(), 15.0)

        assert during == before
        assert again_s - stale_s >= 10
