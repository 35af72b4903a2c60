"""What the socket would tell is read anyway: often enough, and never more often than the venue allows."""

import itertools

import pytest
import trio

from actors.exchange.faults import Fault, Rule
from actors.exchange.satoriex.settings import SatoriexSettings
from actors.maker import MarketMaker
from actors.strategy import quoting

SILENT = Rule(fault=Fault.DROP)
PROCESSING_S = 0.5


def quiet(markets=1):
    return SatoriexSettings(markets=markets, crowd_actions_per_s=0)


def longest_gap(times, until_s):
    return max(after - before for before, after in zip(times, [*times[1:], until_s], strict=True))


def busiest_minute(times):
    return max(sum(start <= each < start + 60 for each in times) for start in times)


def paths(scene):
    return {f"{each.method} {each.path}" for each in scene.story.requests if not each.is_handshake}


@pytest.mark.parametrize("poll_s", [20.0, 60.0])
async def test_a_silent_socket_leaves_nothing_unread_for_longer_than_the_poll(autojump_clock, open_sx, poll_s):
    async with open_sx(quiet(2), SILENT, poll_s=poll_s) as scene:
        await scene.open_buy()
        books = {f"GET /orderbook/{key.event_id}/{key.market_id}" for key in scene.story.books}
        started_s = trio.current_time()
        await trio.sleep(3 * poll_s)
        ended_s = trio.current_time()
        gaps = {
            each: longest_gap([started_s, *scene.asked(each, started_s)], ended_s)
            for each in (*books, "GET /markets", "GET /wallet/balance", "GET /me/positions", "GET /orders")
        }

        assert len(books) == 4
        assert {each: gap for each, gap in gaps.items() if gap > poll_s + PROCESSING_S} == {}
        assert gaps["GET /orders"] <= 15.0 + PROCESSING_S  # faster, while an order is live


async def test_the_orders_are_not_listed_while_none_is_live(autojump_clock, open_sx):
    async with open_sx(quiet()) as scene:
        name = await scene.open_buy()
        scene.cancel(name)
        await scene.until(lambda: scene.status(name) == "cancelled")
        await trio.sleep(5)
        flat_s = trio.current_time()
        await trio.sleep(100)

        assert scene.asked("GET /orders", flat_s) == []


async def test_as_many_markets_as_a_socket_takes_are_all_read_in_time_with_a_silent_socket(autojump_clock, start_sx):
    async with start_sx(quiet(20), SILENT) as scene:
        await trio.sleep(30)  # the first round
        started_s = trio.current_time()
        await trio.sleep(90)
        ended_s = trio.current_time()
        books = [f"GET /orderbook/{key.event_id}/{key.market_id}" for key in scene.story.books]
        gaps = [longest_gap([started_s, *scene.asked(each, started_s)], ended_s) for each in books]

        assert len(books) == 40
        assert max(gaps) <= 60.0 + PROCESSING_S
        assert all(scene.live(key) for key in scene.story.books)


async def test_a_loud_market_is_read_within_every_quota(autojump_clock, start_sx):
    settings = SatoriexSettings(markets=2, crowd_actions_per_s=5.0)
    async with start_sx(settings, strategies={"maker": quoting(MarketMaker())}, checked=False) as scene:
        await trio.sleep(62)
        cancels = [at_s for path in paths(scene) if path.endswith("/cancel") for at_s in scene.asked(path)]
        busiest = {path: busiest_minute(scene.asked(path)) for path in paths(scene) if path != "POST /orders"}

        assert {path: calls for path, calls in busiest.items() if calls > 100} == {}
        assert 0 < busiest_minute([*scene.placings, *cancels]) <= 30
        assert not [each for each in scene.story.requests if each.path.startswith("/auth/refresh")]


async def test_many_hints_about_a_book_at_once_are_one_read(autojump_clock, open_sx):
    async with open_sx(quiet()) as scene:
        await trio.sleep(10)
        hinted_s = trio.current_time()
        for _ in range(50):
            scene.forge("orderbook", {"bids": [[4000, 5]]}, channel=f"marketdata:{scene.key.event_id}")
        await trio.sleep(10)

        assert len(scene.asked(f"GET /orderbook/{scene.key.event_id}/{scene.key.market_id}", hinted_s)) == 1
        assert scene.asked(f"GET /orderbook/{scene.key.event_id}/{scene.book(outcome=1).market_id}", hinted_s) == []


async def test_hints_about_a_book_that_go_on_are_a_read_a_second(autojump_clock, open_sx):
    async with open_sx(quiet()) as scene:
        await trio.sleep(10)
        hinted_s = trio.current_time()
        for _ in range(100):
            scene.forge("price_update", {"best_bid": 4000}, channel=f"marketdata:{scene.key.event_id}")
            await trio.sleep(0.05)
        await trio.sleep(10)
        read_s = scene.asked(f"GET /orderbook/{scene.key.event_id}/{scene.key.market_id}", hinted_s)

        assert 5 <= len(read_s) <= 6
        assert all(after - before >= 0.999 for before, after in itertools.pairwise(read_s))
