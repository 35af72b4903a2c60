"""What makes no sense is not believed, costs nothing else, and is asked for again."""

import msgspec
import pytest
import structlog.testing
import trio

from actors.exchange.faults import Fault, Rule
from actors.exchange.satoriex.choices import Nesting, WireChoices
from actors.exchange.satoriex.settings import SatoriexSettings

READS = ("markets", "book", "orders", "positions", "balance", "results")
PAGE = b"<html><head><title>403 Forbidden</title></head><body><h1>403 Forbidden</h1></body></html>"


def quiet(**how):
    return SatoriexSettings(**{"markets": 1, "crowd_actions_per_s": 0, **how})


def with_bids(*levels):
    """Say that a book has these bids: prices and sizes as they stand in JSON."""

    def alter(body: bytes) -> tuple[int, bytes]:
        answer = msgspec.json.decode(body)
        answer["data"]["bids"] = [{"price": price, "quantity": shares} for price, shares in levels]
        return 200, msgspec.json.encode(answer)

    return alter


def without_id(body: bytes) -> tuple[int, bytes]:
    answer = msgspec.json.decode(body)
    del answer["data"]["id"]
    return 202, msgspec.json.encode(answer)


def path_of(key):
    return f"GET /orderbook/{key.event_id}/{key.market_id}"


@pytest.mark.parametrize("code", [403, 502])
@pytest.mark.parametrize("where", READS)
async def test_a_read_that_the_edge_answers_with_a_page_is_tried_again(autojump_clock, open_sx, where, code):
    blocked = Rule(fault=Fault.SERVER_ERROR, where=where, code=code, times=2)
    with structlog.testing.capture_logs() as logs:
        async with open_sx(quiet(), blocked) as scene:
            name = await scene.open_buy()
            await trio.sleep(5)
            happened = dict(scene.exchange.faults.happened)

    assert happened == {Fault.SERVER_ERROR: 2}
    assert [each["event"] for each in logs if each["log_level"] == "error"] == ["answer_not_json"] * 2
    assert scene.status(name) == "cancelled"
    assert scene.tally.sessions_lost == 0


@pytest.mark.parametrize("code", [403, 502])
async def test_a_page_for_an_answer_to_placing_leaves_the_outcome_unknown_until_absence_is_proved(
    autojump_clock, open_sx, code
):
    async with open_sx(quiet(), Rule(fault=Fault.SERVER_ERROR, where="place", code=code, times=1)) as scene:
        name = scene.buy(4200, 100)
        unknown_s = await scene.until(lambda: scene.status(name) == "unknown")
        exposed = scene.bot.exposure_cents
        absent_s = await scene.until(lambda: scene.status(name) == "absent")

        assert (exposed, scene.bot.exposure_cents) == (4200, 0)
        assert absent_s - unknown_s >= 8.0  # it could still be on its way
        assert (len(scene.placings), scene.venue_orders) == (1, {})


@pytest.mark.parametrize(
    "alter", [lambda _: (403, PAGE), lambda _: (502, PAGE), without_id], ids=["403", "502", "no id"]
)
async def test_an_order_that_was_placed_behind_a_bad_answer_is_found_and_not_placed_again(
    autojump_clock, open_sx, alter
):
    async with open_sx(quiet(), Rule(fault=Fault.DROP)) as scene:
        scene.alter("POST /orders", alter)
        name = scene.buy(4200, 100)
        seen = []
        await scene.until(lambda: seen.append(scene.status(name)) or scene.status(name) == "open")

        assert list(dict.fromkeys(seen)) == ["", "new", "unknown", "open"]
        assert len(scene.placings) == 1
        assert list(scene.venue_orders) == [scene.order(name).venue_order_id]


BAD = {
    "a negative size": (4100, -5),
    "a price of nothing": (0, 5),
    "a price of a dollar": (10_000, 5),
    "a fraction of a basis point": (4100.5, 5),
    "a price in words": ("4100", 5),
    "a fraction of a share": (4100, 2.5),
}


@pytest.mark.parametrize("level", BAD.values(), ids=BAD.keys())
async def test_a_book_with_one_bad_level_is_not_believed_until_a_good_one_comes(autojump_clock, open_sx, level):
    async with open_sx(quiet()) as scene:
        other, name = scene.book(outcome=1), await scene.open_buy()
        scene.bid(4000, 10)
        await scene.until(lambda: scene.books_are_true)
        before = scene.view().sides
        scene.alter(path_of(scene.key), with_bids((4050, 7), level), times=3)
        scene.ask(4300, 10)
        await scene.until(lambda: not scene.live(), 5.0)
        disbelieved = scene.view().sides
        elsewhere, resting = scene.live(other), scene.status(name)
        scene.buy(4100, 50)
        await trio.sleep(0.5)
        denied = [each.value for each in scene.hand.denied()]
        await scene.until(lambda: scene.live() and scene.books_are_true, 15.0)

        assert disbelieved == before
        assert (elsewhere, resting, denied) == (True, "open", ["book_not_live"])
        assert scene.tally.sessions_lost == 0


@pytest.mark.parametrize("nesting", list(Nesting), ids=lambda choice: choice.value)
async def test_objects_joined_in_one_frame_are_each_heard(autojump_clock, open_sx, nesting):
    async with open_sx(quiet(markets=2, wire=WireChoices(joined_frames=True, nesting=nesting))) as scene:
        names = [await scene.open_buy(4200, 100, scene.book(market)) for market in (0, 1)]
        await trio.sleep(3)
        for market in (0, 1):
            scene.ask(4200, 30, scene.book(market))
        await scene.until(lambda: [scene.filled(name) for name in names] == [30, 30], 1.0)
        await scene.until(lambda: scene.books_are_true, 3.0)

        assert scene.tally.unreadable == 0


async def test_a_broken_half_of_a_joined_frame_costs_nothing(autojump_clock, open_sx):
    spoilt = Rule(fault=Fault.GARBAGE, probability=0.5)
    async with open_sx(quiet(wire=WireChoices(joined_frames=True)), spoilt) as scene:
        name = await scene.open_buy(4200, 100)
        for _ in range(10):
            scene.ask(4200, 5)
            await trio.sleep(0.2)
        await scene.until(lambda: scene.filled(name) == 50, 16.0)
        await scene.until(lambda: scene.books_are_true, 61.0)

        assert scene.tally.fill_shares == 50


@pytest.mark.parametrize("closes", [True, False], ids=["and the socket with it", "and the socket stays"])
async def test_a_token_that_ends_while_connected_is_refreshed_once_and_costs_nothing(autojump_clock, open_sx, closes):
    async with open_sx(quiet(wire=WireChoices(expiry_closes=closes, exp_left_out=True))) as scene:
        name = await scene.open_buy(4200, 100)
        scene.exchange.expire_tokens()
        scene.ask(4200, 40)
        await trio.sleep(20)
        filled = scene.filled(name)
        second = await scene.open_buy(4100, 50)

        assert (filled, scene.status(name), scene.status(second)) == (40, "open", "open")
        assert (len(scene.asked("POST /auth/refresh")), len(scene.asked("POST /auth/login"))) == (1, 1)
        assert len(scene.placings) == len(scene.venue_orders) == 2
