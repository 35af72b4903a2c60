"""The other traders: two-sided books, and fills for whoever quotes near the best price."""

from random import Random

import trio

from actors.exchange.satoriex.crowd import Crowd
from actors.exchange.satoriex.floor import Floor
from actors.exchange.satoriex.resolution import Resolution
from actors.exchange.satoriex.schedule import Schedule
from actors.exchange.satoriex.settings import SatoriexSettings

SECOND = 10**9


def opened(seed=1, **changes):
    floor = Floor(SatoriexSettings(**changes), Random(seed))
    Schedule(floor, Resolution(floor), Random(seed)).open(0)
    crowd = Crowd(floor, Random(seed))
    crowd.open(0)
    return floor, crowd


def acted(floor, crowd, seconds):
    for index in range(seconds * 10):
        now_ns = index * SECOND // 10
        floor.agenda.advance(now_ns)
        crowd.act(now_ns)


def test_every_book_is_two_sided_from_the_start():
    floor, _ = opened()

    depths = [outcome.book.depth() for outcome in floor.outcomes()]
    assert len(depths) == 6
    assert all(depth.bids and depth.asks for depth in depths)


def test_the_crowd_trades_and_keeps_the_books_two_sided():
    floor, crowd = opened()
    acted(floor, crowd, 60)

    assert all(outcome.book.depth().bids and outcome.book.depth().asks for outcome in floor.outcomes())
    assert all(len(market.trades) > 10 for market in floor.open_markets())
    assert floor.orders == {}


def test_prices_keep_to_the_tick_and_sizes_to_the_minimum():
    floor, crowd = opened(tick_bp=30, min_order_shares=60)
    acted(floor, crowd, 20)

    for outcome in floor.outcomes():
        depth = outcome.book.depth()
        assert all(price_bp % 30 == 0 for price_bp, _ in (*depth.bids, *depth.asks))
    assert sum(len(market.trades) for market in floor.open_markets()) > 20


def test_the_crowd_follows_markets_that_come_and_go():
    floor, crowd = opened(trading_s=10.0, stagger_s=3.0)
    first = set(floor.markets)
    acted(floor, crowd, 60)

    now = {market.market_id for market in floor.open_markets()}
    assert len(now) == 3
    assert not now & first
    house = floor.house
    held = sum(each.available_micro + each.escrow_micro for each in floor.accounts.values())
    assert held + house.collateral_micro + house.fees_micro - house.rebates_micro == house.deposits_micro


def test_the_crowd_keeps_away_from_a_halted_market():
    floor, crowd = opened(halt_s=1000.0)
    halted = floor.open_markets()[0]
    floor.halt(halted, 0)
    before = [outcome.book.depth() for outcome in halted.outcomes.values()]
    acted(floor, crowd, 10)

    assert [outcome.book.depth() for outcome in halted.outcomes.values()] == before


async def test_quotes_at_the_best_price_are_filled_every_few_seconds(autojump_clock, open_trader):
    async with open_trader(SatoriexSettings()) as trader:
        filled = []
        for _ in range(20):
            best_bp = trader.outcome().book.best_bp(1)
            order_id = await trader.placed(1, best_bp, 20)
            await trio.sleep(6)
            await trader.post(f"/orders/{order_id}/cancel")
            await trio.sleep(2)
            filled.append(trader.exchange.truth().orders[order_id].filled_shares)

    assert sum(shares > 0 for shares in filled) >= 12


async def test_frozen_nothing_moves_by_itself(autojump_clock, open_trader):
    async with open_trader(SatoriexSettings(trading_s=20.0)) as trader:
        await trio.sleep(10)
        trader.exchange.freeze()
        before = trader.exchange.truth()
        await trio.sleep(100)

        assert trader.exchange.truth() == before
        trader.exchange.resume_crowd()
        await trio.sleep(10)
        assert trader.exchange.truth() != before
