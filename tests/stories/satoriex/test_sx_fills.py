"""A fill is what REST says of an order, once, whatever the socket and the answers to placing say."""

import msgspec
import pytest
import trio

from actors.exchange.faults import Fault, Rule
from actors.exchange.satoriex.settings import SatoriexSettings

AT_ONCE = SatoriexSettings(markets=1, crowd_actions_per_s=0, match_delay_s=(0.0, 0.0))
RICH = SatoriexSettings(markets=1, crowd_actions_per_s=0, opening_shares=500)


def changed(**fields):
    """Change fields of the order in an answer."""

    def alter(body: bytes) -> tuple[int, bytes]:
        answer = msgspec.json.decode(body)
        answer["data"].update(fields)
        return 202, msgspec.json.encode(answer)

    return alter


def lies(scene, name):
    """Return events about an order that nothing in the exchange's ledger stands behind."""
    venue_order_id = scene.order(name).venue_order_id
    whole = {"id": venue_order_id, "side": 1, "price": 4200, "quantity": 100, "filled_quantity": 100}
    trade = {"trade_id": "trd_1", "price": 4200, "quantity": 100, "side": 2, "taker_order_id": "ord_x"}
    return (
        ("order_filled", {**whole, "status": "filled"}),
        ("order", {**whole, "status": "filled"}),
        ("order_update", {**whole, "status": "partial", "filled_quantity": 60}),
        ("trade", {**trade, "maker_order_id": venue_order_id}),
    )


async def test_a_fill_is_never_read_out_of_the_answer_to_placing(autojump_clock, open_sx):
    async with open_sx() as scene:
        scene.alter("POST /orders", changed(filled_quantity=100, status="filled", trades=[{"quantity": 100}]))
        name = scene.buy(4200, 100)
        await scene.until(lambda: scene.status(name) == "open")
        await trio.sleep(20)

        assert (scene.status(name), scene.filled(name), scene.tally.fills) == ("open", 0, 0)
        assert scene.bot.exposure_cents == 4200


@pytest.mark.parametrize("silent", ["", "order_filled", "trade"])
async def test_news_of_an_order_that_come_before_its_answer_are_applied_with_it(autojump_clock, open_sx, silent):
    quiet = [Rule(fault=Fault.DROP, where=silent)] if silent else []
    slow = Rule(fault=Fault.SLOW_ANSWER, where="place", times=1, delay_s=3.0)
    async with open_sx(AT_ONCE, slow, *quiet) as scene:
        scene.ask(4200, 60)
        await scene.until(lambda: scene.live() and scene.view().sides[0].levels)
        name = scene.buy(4200, 100)
        await scene.until(lambda: scene.venue_orders)
        matched_s = trio.current_time()
        await trio.sleep(2.0)
        before = (scene.status(name), scene.filled(name))
        filled_s = await scene.until(lambda: scene.filled(name) == 60)

        assert before == ("new", 0)
        assert filled_s - matched_s == pytest.approx(3.0, abs=0.3)  # at once after the answer, and not at the next poll
        assert scene.tally.fill_shares == 60


async def test_forged_events_book_nothing(autojump_clock, open_sx):
    async with open_sx() as scene:
        name = await scene.open_buy(4200, 100)
        for kind, data in lies(scene, name):
            scene.forge(kind, data)
            await trio.sleep(3)

        assert (scene.status(name), scene.filled(name), scene.tally.fills) == ("open", 0, 0)
        assert scene.hand.fills() == []


async def test_events_that_are_all_sent_twice_book_a_fill_once(autojump_clock, open_sx):
    async with open_sx(AT_ONCE, Rule(fault=Fault.DUPLICATE)) as scene:
        name = await scene.open_buy(4200, 100)
        for shares in (10, 20, 30):
            scene.ask(4200, shares)
            await trio.sleep(0.5)
        await scene.until(lambda: scene.filled(name) == 60)
        await trio.sleep(20)

        assert sum(fill.size for _, fill in scene.hand.fills()) == scene.tally.fill_shares == 60


async def test_events_that_change_places_book_what_the_ledger_has(autojump_clock, open_sx):
    async with open_sx(
        AT_ONCE, Rule(fault=Fault.REORDER), Rule(fault=Fault.DELAY, probability=0.5, delay_s=2)
    ) as scene:
        name = await scene.open_buy(4200, 100)
        for shares in (10, 20, 30):
            scene.ask(4200, shares)
        await trio.sleep(20)

        assert (scene.status(name), scene.filled(name)) == ("open", 60)
        assert sum(fill.size for _, fill in scene.hand.fills()) == scene.tally.fill_shares == 60


async def test_a_true_event_that_is_told_again_later_books_nothing(autojump_clock, open_sx):
    async with open_sx() as scene:
        name = await scene.open_buy(4200, 100)
        scene.ask(4200, 40)
        await scene.until(lambda: scene.filled(name) == 40)
        for kind, data in lies(scene, name):
            scene.forge(kind, {**data, "quantity": 40})
            await trio.sleep(3)
        scene.ask(4200, 60)
        await scene.until(lambda: scene.status(name) == "filled")
        scene.forge("order_filled", {"id": scene.order(name).venue_order_id, "filled_quantity": 100})
        await trio.sleep(5)

        assert (scene.filled(name), scene.tally.fill_shares) == (100, 100)


async def test_a_deaf_socket_costs_no_fill(autojump_clock, open_sx):
    async with open_sx() as scene:
        name = await scene.open_buy(4200, 100)
        scene.add(Rule(fault=Fault.DROP))
        scene.ask(4200, 40)
        filled_s = await scene.until(lambda: scene.filled(name) == 40)

        assert filled_s <= 16.0  # orders are listed every 15 s while one is live


async def test_fills_of_a_sale_pay_what_the_ledger_paid(autojump_clock, open_sx):
    async with open_sx(RICH) as scene:
        name = await scene.open_sell(5800, 100)
        scene.bid(5800, 30)
        scene.bid(5900, 70)
        await scene.until(lambda: scene.status(name) == "filled")

        assert (scene.filled(name), scene.tally.fill_shares) == (100, 100)
        assert scene.true_order(name).cost_micro == 58_000_000
